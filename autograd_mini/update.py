# cython: annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The steps of the optimisers: loops over all parameters, which are a tuple of Values, as the optimiser has seen to.

Python's counts of references are left alone: with them, a step of Adam for 4,192 parameters takes 18 µs, not 10.
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

BLOCK = 256  # parameters at a time, whose numbers are put side by side and stay in the nearest cache


def sgd(
    parameters: tuple[Value, ...], lr: float, weight_decay: float, momentum: float, nesterov: bool, velocity: Any
) -> None:
    """v ← momentum · v + g, then p ← p − lr · v; with nesterov, g + momentum · v in place of that v."""
    check(parameters, velocity)
    x, g, v = block(), block(), _plain.doubles(velocity)
    for start in range(0, len(parameters), BLOCK):
        n = min(BLOCK, len(parameters) - start)
        collect(parameters, start, n, weight_decay, x, g)
        sgd_block(x, g, v, start, n, lr, momentum, nesterov)
        put_back(parameters, start, n, x)
    _plain.free(x)
    _plain.free(g)


def sgd_block(x: Any, g: Any, v: Any, start: int, n: int, lr: float, momentum: float, nesterov: bool) -> None:
    """As sgd(), of n numbers x with gradients g, and v from `start` on."""
    for i in range(n):
        v[start + i] = momentum * v[start + i] + g[i]
        x[i] -= lr * (g[i] + momentum * v[start + i] if nesterov else v[start + i])


def adam(
    parameters: tuple[Value, ...], lr: float, weight_decay: float, b1: float, b2: float, eps: float, steps: int,
    means: Any, squares: Any,
) -> None:  # fmt: skip
    """m ← b1 m + (1 − b1) g and v ← b2 v + (1 − b2) g², then p ← p − lr m̂ / (√v̂ + eps), each hat dividing by 1 − bᵗ."""
    if steps < 1:
        raise ValueError(f"Adam counts its steps from 1, not from {steps}: call step(), which counts them")
    check(parameters, means)
    check(parameters, squares)
    rate, scale = lr / (1.0 - math.pow(b1, steps)), 1.0 / math.sqrt(1.0 - math.pow(b2, steps))
    x, g, m, v = block(), block(), _plain.doubles(means), _plain.doubles(squares)
    for start in range(0, len(parameters), BLOCK):
        n = min(BLOCK, len(parameters) - start)
        collect(parameters, start, n, weight_decay, x, g)
        adam_block(x, g, m, v, start, n, rate, scale, b1, b2, eps)
        put_back(parameters, start, n, x)
    _plain.free(x)
    _plain.free(g)


def adam_block(
    x: Any, g: Any, m: Any, v: Any, start: int, n: int, rate: float, scale: float, b1: float, b2: float, eps: float
) -> None:
    """As adam(), of n numbers x with gradients g, and m and v from `start` on."""
    for i in range(n):
        m[start + i] = b1 * m[start + i] + (1.0 - b1) * g[i]
        v[start + i] = b2 * v[start + i] + (1.0 - b2) * g[i] * g[i]
        x[i] -= rate * m[start + i] / (scale * math.sqrt(v[start + i]) + eps)


def block() -> Any:
    """Room for the numbers of a block of parameters."""
    room = _plain.malloc(8 * BLOCK)
    if not room:
        raise MemoryError("no memory for a step of the optimiser")
    return room


def check(parameters: tuple[Value, ...], state: Any) -> None:
    """A ValueError if an optimiser's state is not an array with one double for each parameter."""
    if type(state) is not array or state.typecode != "d" or len(state) != len(parameters):
        raise ValueError(f"the optimiser remembers {state!r:.60}: it takes an array('d') of {len(parameters)} numbers")


def collect(parameters: tuple[Value, ...], start: int, n: int, weight_decay: float, x: Any, g: Any) -> None:
    """Put numbers and gradients of n parameters side by side, the gradients with weight decay."""
    for i in range(n):
        x[i] = cython.cast(Value, _plain.item(parameters, start + i))._data
        g[i] = cython.cast(Value, _plain.item(parameters, start + i))._grad + weight_decay * x[i]


def put_back(parameters: tuple[Value, ...], start: int, n: int, x: Any) -> None:
    """Give n parameters their new numbers."""
    for i in range(n):
        cython.cast(Value, _plain.item(parameters, start + i))._data = x[i]


def zero(parameters: tuple[Value, ...]) -> None:
    """grad ← 0."""
    for i in range(len(parameters)):
        cython.cast(Value, _plain.item(parameters, i))._grad = 0.0


def all_finite(parameters: tuple[Value, ...]) -> bool:
    """Whether numbers and gradients of the parameters are."""
    odd = 0
    for i in range(len(parameters)):
        x = cython.cast(Value, _plain.item(parameters, i))._data
        g = cython.cast(Value, _plain.item(parameters, i))._grad
        odd += x - x != 0.0 or g - g != 0.0
    return odd == 0
