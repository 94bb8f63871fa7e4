"""Metrics: how good a model is, as one number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from autograd_mini.nn.arguments import class_index, examples
from autograd_mini.nn.predictions import predictions

Model = Callable[[Any], Any]  # what gives an output for an input: a Module, or any function
Metric = Callable[[Model, Sequence[Any], Sequence[Any]], float]  # of a model, inputs and their targets


def accuracy(model: Model, X: Iterable[Any], y: Iterable[Any], *, threshold: float | None = None) -> float:
    """The share of examples that a classifier gets right.

    Of several outputs the greatest is the predicted class, the first of equals, and targets are class indices. One
    output predicts the label 1 if it is greater than the threshold; targets are 0 and 1, or -1 and 1.

    Args:
        model, X, y: what gives an output for an input, the inputs and their targets.
        threshold: None is 0.5 for an MLP whose output is "sigmoid", else 0, as is right for hinge and for logits.

    Raises:
        ValueError: for data of no or different lengths, or a target that is no class or label.

    >>> accuracy(lambda x: x[0] - 1.0, [[0.0], [2.0], [3.0], [4.0]], [0, 1, 1, 0])
    0.75
    """
    inputs, targets = examples(X, y)
    threshold = threshold_of(model) if threshold is None else threshold
    right = 0
    for z, t in zip(predictions(model, inputs), targets, strict=True):
        hit = target_class(z, t) == predicted_class(z, threshold)
        right += hit and not any([math.isnan(output) for output in z])
    return right / len(inputs)


def threshold_of(model: Model) -> float:
    """What one output must exceed to predict the label 1: 0.5 for an MLP whose output is "sigmoid", else 0."""
    return 0.5 if getattr(model, "output", None) == "sigmoid" else 0.0


def predicted_class(z: list[float], threshold: float) -> int:
    """The class that outputs predict: the first of the greatest; of one output 1 above the threshold, else 0."""
    return z.index(max(z)) if len(z) > 1 else int(z[0] > threshold)


def target_class(z: list[float], t: Any) -> int:
    """The target as a class of those outputs; a ValueError if it is none."""
    if len(z) > 1:
        return int(class_index(z, t))
    if t not in (-1, 0, 1):
        raise ValueError(f"a classifier of one output takes a target of 0 or 1, or of -1 or 1, not {t!r:.60}")
    return int(t == 1)
