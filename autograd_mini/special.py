# cython: annotation_typing=False, cdivision=True
"""The polygamma functions: special functions that neither C nor Python's math has."""

from __future__ import annotations

import math

NAN = float("nan")


def digamma(x: float, n: float) -> float:
    """The n-th derivative (n = 0, 1, ..., 170) of the digamma function, which is the derivative of ln|gamma(x)|.

    Below zero, the reflection formula (Abramowitz and Stegun 6.4.7) relates it to arguments above zero by a cotangent.
    That has period 1, so the same formula between 0 and 1 says what it is. Poles, and orders out of range, give nan.
    """
    if not 0.0 <= n <= 170.0 or n != math.floor(n) or not x > -1e300:
        return NAN
    if x > 0.0:
        return digamma_above_zero(x, n)
    below = math.floor(x)
    if below == x:
        return NAN
    above = below + 1.0 - x  # exact, also close to a pole
    reflected = digamma_above_zero(above, n) - digamma_above_zero(1.0 - x, n)
    return digamma_above_zero(x - below, n) - alternating(n) * reflected


def digamma_above_zero(x: float, n: float) -> float:
    """psi_n(x) for x > 0: the recurrence psi_n(x) = psi_n(x + 1) - (-1)^n n! / x^(n + 1), up to a large x.

    There, psi_n(x) = -(-1)^n ((n - 1)!/x^n + n!/(2 x^(n + 1)) + sum over k of B_2k (2k + n - 1)! / ((2k)! x^(2k + n))),
    with -ln x for (n - 1)!/x^n if n is 0 (Abramowitz and Stegun 6.4.6 and 6.4.11). Eight terms leave out less than
    1e-17 of the sum.
    """
    steps = 0.0
    while x < 16.0 + n:
        steps += factorial_by_power(n, x) / x
        x += 1.0
    series = -math.log(x) if n == 0.0 else factorial_by_power(n, x) / n
    series += 0.5 * factorial_by_power(n, x) / x
    term = 0.5 * factorial_by_power(n + 1.0, x) / x
    for k in range(1, 9):
        series += bernoulli(k) * term
        m = 2.0 * k + n
        term *= m * (m + 1.0) / ((2.0 * k + 1.0) * (2.0 * k + 2.0) * x * x)
    return -alternating(n) * (series + steps)


def alternating(n: float) -> float:
    """(-1)^n."""
    return 1.0 if math.fmod(n, 2.0) == 0.0 else -1.0


def factorial_by_power(n: float, x: float) -> float:
    """n! / x^n for a whole n, without overflow on the way."""
    product = 1.0
    while n > 0.0:
        product *= n / x
        n -= 1.0
    return product


def bernoulli(k: int) -> float:
    """The Bernoulli number B_2k for k = 1 ... 8."""
    match k:
        case 1: return 1.0 / 6.0
        case 2: return -1.0 / 30.0
        case 3: return 1.0 / 42.0
        case 4: return -1.0 / 30.0
        case 5: return 5.0 / 66.0
        case 6: return -691.0 / 2730.0
        case 7: return 7.0 / 6.0
    return -3617.0 / 510.0
