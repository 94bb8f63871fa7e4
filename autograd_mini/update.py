# cython: annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The steps of the optimisers, on arrays of numbers and gradients, and the way of these from Values and back.

Python's counts of references are left alone: with them, taking numbers from Values and giving them back takes as long
as a step of Adam.
"""

from __future__ import annotations

import math
from array import array
from typing import Any

from autograd_mini import _plain
from autograd_mini.value import Value

try:
    import cython
except ImportError:
    from autograd_mini import _plain as cython

NUMBERS = array("d")


def sgd(
    x: array[float], g: array[float], lr: float, weight_decay: float, momentum: float, nesterov: bool,
    velocity: array[float],
) -> None:  # fmt: skip
    """v ← momentum · v + g, then x ← x − lr · v; with nesterov, g + momentum · v in place of that v."""
    n = length(x, g, velocity)
    sgd_loop(
        _plain.doubles(x), _plain.doubles(g), _plain.doubles(velocity), n, lr, weight_decay, momentum, nesterov
    )


def sgd_loop(
    x: Any, g: Any, v: Any, n: int, lr: float, weight_decay: float, momentum: float, nesterov: bool
) -> None:  # fmt: skip
    """As sgd(), in C."""
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
    n = length(x, g, means)
    length(x, g, squares)
    rate, scale = lr / (1.0 - math.pow(b1, steps)), 1.0 / math.sqrt(1.0 - math.pow(b2, steps))
    adam_loop(
        _plain.doubles(x), _plain.doubles(g), _plain.doubles(means), _plain.doubles(squares), n, rate, scale,
        weight_decay, b1, b2, eps,
    )  # fmt: skip


def adam_loop(
    x: Any, g: Any, m: Any, v: Any, n: int, rate: float, scale: float, weight_decay: float, b1: float, b2: float,
    eps: float,
) -> None:  # fmt: skip
    """As adam(), in C."""
    for i in range(n):
        slope = g[i] + weight_decay * x[i]
        m[i] = b1 * m[i] + (1.0 - b1) * slope
        v[i] = b2 * v[i] + (1.0 - b2) * slope * slope
        x[i] -= rate * m[i] / (scale * math.sqrt(v[i]) + eps)


def length(x: array[float], g: array[float], state: array[float]) -> int:
    """How many numbers there are; a ValueError if an optimiser's state is not an array with one double for each."""
    if type(state) is not array or state.typecode != "d" or len(state) != len(x) or len(g) != len(x):
        raise ValueError(f"the optimiser remembers {state!r:.60}: it takes an array('d') of {len(x)} numbers")
    return len(x)


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
    x = _plain.doubles(numbers)
    for i in range(len(values)):
        cython.cast(Value, _plain.item(values, i))._data = x[i]


def give_gradients(values: tuple[Value, ...], gradients: array[float]) -> None:
    """Let these be their gradients."""
    g = _plain.doubles(gradients)
    for i in range(len(values)):
        cython.cast(Value, _plain.item(values, i))._grad = g[i]


def zero(values: tuple[Value, ...]) -> None:
    """grad ← 0."""
    for i in range(len(values)):
        cython.cast(Value, _plain.item(values, i))._grad = 0.0


def all_finite(numbers: array[float]) -> bool:
    """Whether all numbers are."""
    x, odd = _plain.doubles(numbers), 0
    for i in range(len(numbers)):
        odd += x[i] - x[i] != 0.0
    return odd == 0
