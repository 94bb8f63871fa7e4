"""What was given, checked: names, sizes, examples, targets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from operator import index
from typing import Any, SupportsIndex, TypeVar

from autograd_mini.take import Index
from autograd_mini.value import Value

T = TypeVar("T")


def known(kind: str, table: Mapping[str, T], name: str) -> T:
    """The row of that name; a ValueError that lists the names there are."""
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"unknown {kind} {name!r}: known are {', '.join(sorted(table))}")
    return table[name]


def whole(name: str, n: Any) -> int:
    """n as an int; a ValueError if it is not a whole number of at least 1."""
    if not isinstance(n, SupportsIndex) or index(n) < 1:
        raise ValueError(f"{name} is a whole number of at least 1, not {n!r:.60}")
    return index(n)


def within(name: str, x: float, below: float = math.inf) -> float:
    """x itself; a ValueError if it is less than 0, or not less than the bound."""
    if not 0.0 <= x < below:
        raise ValueError(f"{name} is at least 0 and less than {below:g}, not {x}")
    return x


def examples(X: Iterable[Any], y: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """The inputs and targets as lists; a ValueError if there are not equally many, or none."""
    inputs, targets = list(X), list(y)
    if len(inputs) != len(targets) or not inputs:
        raise ValueError(f"X has {len(inputs)} examples and y {len(targets)} targets: give as many of each, at least 1")
    return inputs, targets


def class_index(prediction: Any, target: Any) -> Any:
    """The target as an index into the outputs, for take(); a ValueError if it is not one of them."""
    n = len(listed(prediction))
    if n < 2:
        raise ValueError(f"classes need an output each, at least 2, not {n}; for one output use binary_cross_entropy")
    is_input = isinstance(target, Index)  # of a compiled function that names it in index=
    place = target.input if is_input else index(target) if isinstance(target, SupportsIndex) else -1
    if not 0 <= place < n:
        shown = target.number if is_input else target
        raise ValueError(f"{n} outputs take a class index from 0 to {n - 1} as target, not {shown!r:.60}")
    return target if is_input else place


def listed(x: Any) -> list[Any]:
    """One number as a list of one; a sequence as a list; a TypeError for a dict or set, whose order is unsure."""
    if isinstance(x, list):  # first, as the test for abstract classes takes a tenth of a neuron's time
        return x
    if isinstance(x, (Mapping, Set)):
        raise TypeError(f"expected a list of numbers, not a {type(x).__name__}: its order is unsure")
    return list(x) if hasattr(x, "__len__") else [x]


def plain(x: Any) -> float:
    """The number in a Value, or x itself as a float."""
    return x.data if isinstance(x, Value) else float(x)


def floats(x: Any) -> Any:
    """Whole numbers in a list as floats, as a compiled function is recorded for each of them; others as they are."""
    if isinstance(x, (list, tuple)) and {type(part) for part in x} in ({int}, {int, float}):
        return [float(part) for part in x]
    return float(x) if type(x) is int else x
