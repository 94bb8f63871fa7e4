"""What the compiled engine takes from Cython and C, in plain Python: decorators that do nothing, and memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, TypeVar

compiled = False

Class = TypeVar("Class", bound=type)


def cclass(cls: Class) -> Class:
    """Leave the class as it is; Cython makes it an extension type."""
    return cls


def final(cls: Class) -> Class:
    """Leave the class as it is; Cython forbids subclasses, which makes a type test one comparison."""
    return cls


def no_gc(cls: Class) -> Class:
    """Leave the class as it is; Cython takes it out of the cyclic collector's sight."""
    return cls


def freelist(size: int) -> Callable[[Class], Class]:
    """Leave the class as it is; Cython keeps `size` freed nodes for reuse."""
    return lambda cls: cls


def malloc(size: int) -> list[float]:
    """A block of `size` bytes for doubles, as a list of floats."""
    return [0.0] * (size // 8)


def malloc_aligned(size: int) -> list[float]:
    """As malloc(); in C, the block begins where a vector of the processor does."""
    return malloc(size)


def free(block: list[float]) -> None:
    """Nothing: Python frees its lists."""


def at(block: list[float], start: int, size: int) -> list[float]:
    """The part of a block that starts there."""
    return block[start : start + size]


def room(like: Any, n: int) -> Any:
    """An array of n zeros of the type of another; in C, of whatever was there."""
    return array(like.typecode, [0]) * n


def doubles(numbers: Any) -> Any:
    """The array itself; in C, where its doubles are in memory."""
    return numbers


def ints(numbers: Any) -> Any:
    """As doubles(), of an array of int."""
    return numbers


def item(x: Sequence[Any], i: int) -> Any:
    """x[i] of a list or tuple; in C, a pointer that does not count as a reference: cast() makes a Value of it."""
    return x[i]


def same_items(x: Sequence[Any], y: Sequence[Any], n: int) -> bool:
    """Whether the first n items of two lists or tuples are the same objects; in C, a comparison of memory."""
    return all([a is b for a, b in zip(x[:n], y[:n], strict=True)])


def entry(x: dict[Any, Any], key: Any) -> Any:
    """x[key], or None where there is none; in C, a pointer as of item()."""
    return x.get(key)


Py_ssize_t = int


def cast(kind: type, x: Any) -> Any:
    """The number as one of another C type; an object as it is."""
    return int(x) if kind is int else x


nogil = nullcontext()  # in C, other threads run meanwhile
