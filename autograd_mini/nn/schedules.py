"""Schedules: learning rates as functions of the number of steps done."""

from __future__ import annotations

import math
from collections.abc import Callable

from autograd_mini.nn.arguments import whole

Schedule = Callable[[int], float]  # a learning rate, of the number of steps done


def step_decay(lr: float, factor: float = 0.5, every: int = 100) -> Schedule:
    """A learning rate that is multiplied by the factor after every so many steps.

    >>> [step_decay(1.0, every=2)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    whole("every", every)
    return lambda step: lr * factor ** (step // every)


def exponential_decay(lr: float, factor: float = 0.99) -> Schedule:
    """A learning rate that is multiplied by the factor after each step.

    >>> [exponential_decay(1.0, 0.5)(step) for step in range(3)]
    [1.0, 0.5, 0.25]
    """
    return lambda step: lr * factor**step


def linear(start: float, end: float, steps: int) -> Schedule:
    """A learning rate that goes straight from start to end in so many steps, and stays there; upwards, a warm-up.

    >>> [linear(1.0, 0.0, 4)(step) for step in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    whole("steps", steps)
    return lambda step: start + (end - start) * min(step / steps, 1.0)


def cosine(start: float, end: float, steps: int) -> Schedule:
    """A learning rate that goes from start to end along half a cosine, and stays there. Loshchilov, arXiv 1608.03983.

    >>> [round(cosine(1.0, 0.0, 4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    whole("steps", steps)
    return lambda step: end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * min(step / steps, 1.0)))
