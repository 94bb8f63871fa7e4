# cython: annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False, nonecheck=True
"""The steps of the optimisers, in one loop over all parameters."""

from __future__ import annotations

import math
from typing import Any

from autograd_mini.value import Value


def sgd(
    parameters: list[Value], lr: float, weight_decay: float, momentum: float, nesterov: bool, velocity: Any
) -> None:
    """v ← momentum · v + g, then p ← p − lr · v; with nesterov, g + momentum · v in place of that v."""
    for i in range(len(parameters)):
        p = parameters[i]
        g = p._grad + weight_decay * p._data
        v = velocity[i] = momentum * velocity[i] + g
        p._data -= lr * (g + momentum * v if nesterov else v)


def adam(
    parameters: list[Value], lr: float, weight_decay: float, b1: float, b2: float, eps: float, steps: int, m: Any,
    v: Any,
) -> None:  # fmt: skip
    """m ← b1 m + (1 − b1) g and v ← b2 v + (1 − b2) g², then p ← p − lr m̂ / (√v̂ + eps), each hat dividing by 1 − bᵗ."""
    rate, scale = lr / (1.0 - math.pow(b1, steps)), 1.0 / math.sqrt(1.0 - math.pow(b2, steps))
    for i in range(len(parameters)):
        p = parameters[i]
        g = p._grad + weight_decay * p._data
        x = m[i] = b1 * m[i] + (1.0 - b1) * g
        z = v[i] = b2 * v[i] + (1.0 - b2) * g * g
        p._data -= rate * x / (scale * math.sqrt(z) + eps)


def zero(parameters: list[Value]) -> None:
    """grad ← 0."""
    for i in range(len(parameters)):
        p = parameters[i]
        p._grad = 0.0
