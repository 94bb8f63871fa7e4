"""take(): rows by a whole number that a compiled function need not be recorded for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex

from autograd_mini.value import Value, data_of, is_real, taped


class Index:
    """A whole number that is an input of the compiled function being recorded: it can be used in take() only."""

    __slots__ = ("input", "number")

    def __init__(self, input: Value, number: int) -> None:
        self.input, self.number = input, number

    def refuse(self, *others: Any) -> Any:
        raise TypeError(
            f"the number {self.number} is named in index=, so it differs from call to call: write"
            " autograd_mini.take(rows, i) for rows[i], or leave it out of index= to have the function recorded for"
            " each number"
        )

    __index__ = __int__ = __float__ = __bool__ = __hash__ = __iter__ = __len__ = __neg__ = __abs__ = refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = refuse
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __and__ = __or__ = __xor__ = refuse
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __lshift__ = __rshift__ = refuse
    __format__ = __str__ = __repr__ = refuse


class Taken:
    """The Value that take() gave for an Index while a compiled function was recorded."""

    __slots__ = ("index", "rows", "value")

    def __init__(self, index: Value, rows: Sequence[Any], value: Value) -> None:
        self.index, self.rows, self.value = index, rows, value


def take(rows: Any, i: Any) -> Any:
    """rows[i]; inside a compiled function that names i in index=, without recording it for each i.

    Args:
        rows: a sequence of Values or numbers, or of sequences of them that have one length.
        i: a whole number; a negative one counts from the end.

    Raises:
        IndexError: if there is no such row.
        TypeError: if i is not a whole number, or inside a compiled function if rows hold no Values and numbers.

    >>> take([[1.0, 2.0], [3.0, 4.0]], 1)
    [3.0, 4.0]
    """
    if not isinstance(i, Index):
        if not isinstance(i, SupportsIndex):
            raise TypeError(f"take() takes a whole number as the place of a row, not {type(i).__name__}: {i!r:.60}")
        return rows[i]
    if isinstance(rows, (str, bytes, Mapping)) or not hasattr(rows, "__getitem__"):
        raise TypeError(f"take() takes a list of rows, not {type(rows).__name__}: {rows!r:.60}")
    row = rows[i.number]
    if isinstance(row, (str, bytes, Mapping)):  # each sign of a str is a str again, without end
        raise TypeError(f"take() takes rows of Values and numbers, not {type(row).__name__}: {row!r:.60}")
    if is_real(row):
        chosen = Value(data_of(row))
        taped(Taken(i.input, list(rows), chosen))
        return chosen
    if len({len(other) for other in rows}) != 1:
        raise ValueError(
            "take() from rows of different lengths: which of them it is, is not known when recording; give rows of one"
            " length"
        )
    return [take([other[j] for other in rows], i) for j in range(len(row))]
