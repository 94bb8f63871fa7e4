"""Losses of the output for one example, a number or a list of numbers, and its target; logarithms are natural."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_mini.functions import log, log1p, logsumexp, mean, relu, softplus, sum
from autograd_mini.nn.arguments import class_index, listed
from autograd_mini.take import take
from autograd_mini.value import Value

Loss = Callable[[Any, Any], Any]  # of an output and its target


def half_squared_error(prediction: Any, target: Any) -> Any:
    """½ (y − t)², summed over the outputs: the textbooks' convention, whose derivative by y is y − t.

    >>> half_squared_error(Value(3.0), 1.0).data
    2.0
    """
    return 0.5 * joined(sum, [(y - t) ** 2 for y, t in matched(prediction, target)])


def mean_squared_error(prediction: Any, target: Any) -> Any:
    """(y − t)², the mean over the outputs.

    >>> mean_squared_error([Value(3.0), Value(1.0)], [1.0, 1.0]).data
    2.0
    """
    return joined(mean, [(y - t) ** 2 for y, t in matched(prediction, target)])


def mean_absolute_error(prediction: Any, target: Any) -> Any:
    """|y − t|, the mean over the outputs; its slope where they are equal is 0.

    >>> mean_absolute_error(Value(3.0), 5.0).data
    2.0
    """
    return joined(mean, [abs(y - t) for y, t in matched(prediction, target)])


def hinge(prediction: Any, target: Any) -> Any:
    """max(0, 1 − t y) for a target t of −1 or 1, the mean over the outputs.

    >>> hinge(Value(0.25), -1).data
    1.25
    """
    pairs = matched(prediction, target)
    for _, t in pairs:
        if abs(t) != 1:
            raise ValueError(f"hinge takes a target of -1 or 1, not {t!r}; for a label of 0 or 1, give 2 * label - 1")
    return joined(mean, [relu(1.0 - y * t) for y, t in pairs])


def binary_cross_entropy(prediction: Any, target: Any) -> Any:
    """−t ln p − (1 − t) ln(1 − p) for a probability p and a target t from 0 to 1, the mean over the outputs.

    It has no value where p rules the target out, as 0 does for a target of 1: train on logits instead.

    >>> binary_cross_entropy(Value(0.5), 1) == log(2.0)
    True
    """
    pairs = labelled(prediction, target)
    for p, _ in pairs:
        if p < 0 or p > 1:  # not if p is nan, so that train() finds where it came from
            raise ValueError(f"{p!r} is no probability, from 0 to 1; a logit goes to binary_cross_entropy_with_logits")
    return joined(mean, [expected(t, lambda p: -log(p), lambda p: -log1p(-p), p) for p, t in pairs])


def binary_cross_entropy_with_logits(prediction: Any, target: Any) -> Any:
    """binary_cross_entropy of p = sigmoid(z), from z itself: t softplus(−z) + (1 − t) softplus(z), without overflow.

    >>> binary_cross_entropy_with_logits(Value(-800.0), 1).data
    800.0
    """
    return joined(mean, [expected(t, lambda z: softplus(-z), softplus, z) for z, t in labelled(prediction, target)])


def cross_entropy(prediction: Any, target: int) -> Any:
    """−ln p[target] for the list p of the classes' probabilities, such as softmax() gives, and a class index.

    >>> cross_entropy([Value(0.25), Value(0.75)], 0) == log(4.0)
    True
    """
    i = class_index(prediction, target)
    total = sum(prediction)
    if any([p < 0.0 for p in prediction]) or total < 0.99 or total > 1.01:  # wide enough for finite differences
        raise ValueError(
            f"{prediction!r:.60} are no probabilities, which add up to 1; logits go to cross_entropy_with_logits"
        )
    return -log(take(prediction, i))


def cross_entropy_with_logits(prediction: Any, target: int) -> Any:
    """cross_entropy of softmax(z), from the list z itself: logsumexp(z) − z[target], without overflow.

    >>> cross_entropy_with_logits([Value(-900.0), Value(100.0)], 0).data
    1000.0
    """
    i = class_index(prediction, target)
    return logsumexp(prediction) - take(prediction, i)


LOSSES: dict[str, Loss] = {
    "half_squared_error": half_squared_error,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "hinge": hinge,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "cross_entropy": cross_entropy,
    "cross_entropy_with_logits": cross_entropy_with_logits,
}


def joined(fused: Callable[[Sequence[Any]], Any], terms: list[Any]) -> Any:
    """The sum or mean of the terms; of one term, that term without a further node."""
    return terms[0] if len(terms) == 1 else fused(terms)


def expected(t: Any, if_one: Callable[[Any], Any], if_zero: Callable[[Any], Any], y: Any) -> Any:
    """t if_one(y) + (1 − t) if_zero(y), without a term of weight zero: 0 ln 0 would be undefined."""
    if not isinstance(t, Value) and (t == 0 or t == 1):
        return if_one(y) if t == 1 else if_zero(y)
    return if_one(y) * t + if_zero(y) * (1.0 - t)


def matched(prediction: Any, target: Any) -> list[tuple[Any, Any]]:
    """Each output with its target; a ValueError if there are not equally many, or none."""
    outputs, targets = listed(prediction), listed(target)
    if len(outputs) != len(targets) or not outputs:
        raise ValueError(f"{len(outputs)} outputs and {len(targets)} targets: give one target for each output")
    return list(zip(outputs, targets, strict=True))


def labelled(prediction: Any, target: Any) -> list[tuple[Any, Any]]:
    """Each output with its target; a ValueError as for matched, and if a target is not from 0 to 1."""
    pairs = matched(prediction, target)
    for _, t in pairs:
        if not 0 <= t <= 1:
            raise ValueError(f"a cross-entropy takes a target from 0 to 1, not {t!r}; for -1 and 1, give (t + 1) / 2")
    return pairs
