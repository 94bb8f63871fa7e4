"""What the compiled engine takes from Cython and C, in plain Python: decorators that do nothing, and memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

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


def free(block: list[float]) -> None:
    """Nothing: Python frees its lists."""
