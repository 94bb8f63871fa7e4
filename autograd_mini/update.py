# cython: annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The steps of the optimisers, on arrays of numbers and gradients, and the way of these from Values and back.

Python's counts of references are left alone: with them, taking numbers from Values and giving them back takes as long
as a step of Adam.
"""

from __future__ import annotations

import math
from array import array
from typing import Any

from autograd_mini import _plain, loops
from autograd_mini.value import Value

try:
    import cython
except ImportError:
    from autograd_mini import _plain as cython

NUMBERS = array("d")  # what new arrays are like


def sgd(
    x: array[float], g: array[float], lr: float, weight_decay: float, momentum: float, nesterov: bool,
    velocity: array[float],
) -> None:  # fmt: skip
    """v ← momentum · v + g, then x ← x − lr · v; with nesterov, g + momentum · v in place of that v."""
    n = len(x)
    check(x, n)
    check(g, n)
    check(velocity, n)
    a, b, c = _plain.doubles(x), _plain.doubles(g), _plain.doubles(velocity)
    sgd_loop(a, b, c, n, lr, weight_decay, momentum, nesterov)


def sgd_loop(x: Any, g: Any, v: Any, n: int, lr: float, weight_decay: float, momentum: float, nesterov: bool) -> None:
    """The loop of sgd(), apart so that a C compiler makes vectors of it."""
    for i in range(n):
        slope = g[i] + weight_decay * x[i]
        v[i] = momentum * v[i] + slope
        x[i] -= lr * (slope + momentum * v[i] if nesterov else v[i])


def adam(
    x: array[float], g: array[float], lr: float, weight_decay: float, b1: float, b2: float, eps: float, steps: int,
    means: array[float], squares: array[float],
) -> None:  # fmt: skip
    """m ← b1 m + (1 − b1) g and v ← b2 v + (1 − b2) g², then x ← x − lr m̂ / (√v̂ + eps), each hat dividing by 1 − bᵗ."""
    if steps < 1:
        raise ValueError(f"Adam counts its steps from 1, not from {steps}: call step(), which counts them")
    n = len(x)
    check(x, n)
    check(g, n)
    check(means, n)
    check(squares, n)
    rate, scale = lr / (1.0 - math.pow(b1, steps)), 1.0 / math.sqrt(1.0 - math.pow(b2, steps))
    a, b, c, d = _plain.doubles(x), _plain.doubles(g), _plain.doubles(means), _plain.doubles(squares)
    adam_loop(a, b, c, d, n, rate, scale, weight_decay, b1, b2, eps)


def adam_loop(
    x: Any, g: Any, m: Any, v: Any, n: int, rate: float, scale: float, weight_decay: float, b1: float, b2: float,
    eps: float,
) -> None:  # fmt: skip
    """The loop of adam(), apart so that a C compiler makes vectors of it."""
    for i in range(n):
        slope = g[i] + weight_decay * x[i]
        m[i] = b1 * m[i] + (1.0 - b1) * slope
        v[i] = b2 * v[i] + (1.0 - b2) * slope * slope
        x[i] -= rate * m[i] / (scale * math.sqrt(v[i]) + eps)


def check(numbers: array[float], n: int) -> None:
    """A ValueError if what an optimiser works on or remembers is not an array of n doubles."""
    if type(numbers) is not array or numbers.typecode != "d" or len(numbers) != n:
        raise ValueError(f"an optimiser was given or remembers {numbers!r:.60}: it takes an array('d') of {n} numbers")


def numbers_of(values: tuple[Value, ...]) -> array[float]:
    """The numbers in Values."""
    numbers: array[float] = _plain.room(NUMBERS, len(values))
    x = _plain.doubles(numbers)
    for i in range(len(values)):
        x[i] = cython.cast(Value, _plain.item(values, i))._data
    return numbers


def numbers_and_gradients_of(values: tuple[Value, ...]) -> tuple[array[float], array[float]]:
    """The numbers in Values, and their gradients: two loops would take twice as long."""
    numbers, gradients = _plain.room(NUMBERS, len(values)), _plain.room(NUMBERS, len(values))
    x, g = _plain.doubles(numbers), _plain.doubles(gradients)
    for i in range(len(values)):
        x[i] = cython.cast(Value, _plain.item(values, i))._data
        g[i] = cython.cast(Value, _plain.item(values, i))._grad
    return numbers, gradients


def give_numbers(values: tuple[Value, ...], numbers: array[float]) -> None:
    """Let Values hold these numbers, one each."""
    check(numbers, len(values))
    x = _plain.doubles(numbers)
    for i in range(len(values)):
        cython.cast(Value, _plain.item(values, i))._data = x[i]


def give_gradients(values: tuple[Value, ...], gradients: array[float]) -> None:
    """Let these be their gradients."""
    check(gradients, len(values))
    g = _plain.doubles(gradients)
    for i in range(len(values)):
        cython.cast(Value, _plain.item(values, i))._grad = g[i]


def zero(values: tuple[Value, ...]) -> None:
    """grad ← 0."""
    for i in range(len(values)):
        cython.cast(Value, _plain.item(values, i))._grad = 0.0


def all_finite(numbers: array[float]) -> bool:
    """Whether all numbers are."""
    check(numbers, len(numbers))
    return loops.finite(_plain.doubles(numbers), 0, len(numbers))
