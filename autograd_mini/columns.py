# cython: annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False
"""The columns of a batch as the numbers of its examples, where they are floats and rows of floats."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from typing import Any

from autograd_mini import _plain

try:
    import cython
except ImportError:
    from autograd_mini import _plain as cython


def regular(columns: Sequence[Any], n: int) -> tuple[list[Any], int, array[float]]:
    """Of n examples that are floats and rows of floats: what all have in common, how many numbers each has, and these.

    Nothing is in common if they are something else.
    """
    kinds = [kind_of(x) for x in columns]
    width = sum([kind[1] for kind in kinds if kind])
    numbers, start = array("d", bytes(8 * n * width)), 0
    for x, kind in zip(columns, kinds, strict=True):
        if kind is None or not put(x, _plain.doubles(numbers), n, width, start, kind[1]):
            return [], 0, numbers
        start += kind[1]
    return [kind[0] for kind in kinds if kind], width, numbers


def kind_of(x: Any) -> tuple[Hashable, int] | None:
    """What all entries of a column have in common, as flat() would say, and how many numbers each has.

    None if they are not floats or rows of floats.

    >>> kind_of([[1.0, 2.0], [3.0, 4.0]])
    ((<class 'list'>, <class 'float'>, 2), 2)
    """
    kind = type(x)
    if kind is list:
        first = x[0]
        if type(first) is float:
            return float, 1
        if type(first) is list or type(first) is tuple:
            return (type(first), float, len(first)) if first else (type(first),), len(first)
    elif hasattr(kind, "__array_interface__"):
        if x.dtype.kind == "f" and x.ndim == 1:
            return float, 1
        if x.dtype.kind in "fiu" and x.ndim > 1:
            return (kind, x.shape[1:], float), x[0].size
    elif kind is array and x.typecode == "d":
        return float, 1
    return None


def put(x: Any, rows: Any, n: int, width: int, start: int, many: int) -> bool:
    """Put the numbers of the n entries of a column, `many` of each, into rows of a width; False if they are others."""
    if type(x) is list:
        kind = type(x[0])
        for k in range(n):
            entry = cython.cast(object, _plain.item(x, k))
            at = k * width + start
            if type(entry) is not kind:
                return False
            if kind is float:
                rows[at] = entry
                continue
            if len(entry) != many:
                return False
            for j in range(many):
                number = cython.cast(object, _plain.item(entry, j))
                if type(number) is not float:
                    return False
                rows[at + j] = number
        return True
    numbers = x if type(x) is array else x.astype("d").ravel()
    view = numbers if len(numbers) else array("d", [0.0])
    for k in range(n):
        for j in range(many):
            rows[k * width + start + j] = view[k * many + j]
    return True


def rows_of(numbers: Any, width: int, places: Sequence[int]) -> array[float]:
    """The rows at these places, of numbers in rows of a width.

    >>> from array import array
    >>> rows_of(array("d", [1.0, 2.0, 3.0, 4.0]), 2, [1])
    array('d', [3.0, 4.0])
    """
    if type(numbers) is not array or numbers.typecode != "d":
        raise TypeError(f"the numbers of examples are an array('d'), not {numbers!r:.60}")
    rows = len(numbers) // width if width else 0
    chosen: array[float] = _plain.room(numbers, width * len(places))
    x, y = _plain.doubles(numbers), _plain.doubles(chosen)
    for i in range(len(places)):
        k = places[i]
        if width and not 0 <= k < rows:
            raise IndexError(f"there is no row {k} among {rows}")
        for j in range(width):
            y[i * width + j] = x[k * width + j]
    return chosen


def total(numbers: Any) -> float:
    """The sum of an array of doubles, with what rounding leaves out added in the end (Neumaier, ZAMM 54 (1974) 39)."""
    y = rest = 0.0
    xs = _plain.doubles(numbers)
    for i in range(len(numbers)):
        x = xs[i]
        z = y + x
        rest += (y - z) + x if abs(y) >= abs(x) else (x - z) + y
        y = z
    return y + rest if rest - rest == 0.0 else y
