"""Nested arguments and results taken apart into numbers and what is the same in all calls, and put together again."""

from __future__ import annotations

from collections.abc import Hashable
from copy import copy
from numbers import Number, Real
from operator import index
from typing import Any, NamedTuple, SupportsIndex

from autograd_mini.take import Index
from autograd_mini.value import Value


class Output(NamedTuple):
    """The place of a Value among the outputs of a program."""

    place: int


def flat(x: Any, inputs: list[Any]) -> Hashable:
    """What an argument has in common in all calls that can share a recording; its numbers that vary go into inputs.

    Floats, Values and the numbers in arrays vary. Whole numbers, bools, strings and other objects are what they are,
    and so is the structure of lists, tuples, dicts and arrays.

    >>> inputs = []
    >>> flat([1.5, (2, "a"), {"x": 2.5}], inputs) == flat([0.5, (2, "a"), {"x": 0.5}], [])
    True
    >>> inputs
    [1.5, 2.5]
    """
    kind = type(x)
    if kind is float or kind is Value:
        inputs.append(x)
        return "Value" if kind is Value else float
    if kind is list or kind is tuple:
        return together(kind, [flat(part, inputs) for part in x])
    if kind is dict:
        return (kind, *[(key, flat(part, inputs)) for key, part in x.items()])
    if kind in (int, bool, str, type(None)):
        return kind, x
    if isinstance(x, float):
        inputs.append(float(x))
        return float
    if hasattr(kind, "__array_interface__"):  # NumPy's arrays and numbers
        if x.shape == ():
            return flat(float(x) if x.dtype.kind == "f" else x.item(), inputs)
        if x.dtype.kind not in "fiubO":
            raise TypeError(f"a compiled function takes arrays of real numbers or of Values, not of {x.dtype}")
        if x.dtype != object:
            inputs += x.ravel().astype(float).tolist()
            return kind, x.shape, float
        numbers = x.ravel().tolist()
        return (kind, x.shape, *[flat(y if type(y) is Value else float(y), inputs) for y in numbers])
    if isinstance(x, (list, tuple)):
        return together(kind, [flat(part, inputs) for part in x])
    if isinstance(x, dict):
        return (kind, *[(key, flat(part, inputs)) for key, part in x.items()])
    numbers = buffered(x)
    if numbers is not None:
        inputs.extend(numbers)
        return kind, len(numbers)
    if isinstance(x, Real) and not isinstance(x, SupportsIndex):
        inputs.append(float(x))
        return float
    if not isinstance(x, Hashable) or hasattr(kind, "__next__"):
        raise TypeError(
            f"a compiled function cannot take a {kind.__name__}: it takes numbers, Values, lists, tuples and dicts of"
            " them, arrays, and objects that have a hash"
        )
    return kind, x


def together(kind: type, parts: list[Hashable]) -> Hashable:
    """What a list or tuple has in common with others, given this of its parts; short where all are floats or Values."""
    first = parts[0] if parts else None
    if (first is float or first == "Value") and all([part == first for part in parts]):
        return kind, first, len(parts)
    return (kind, *parts)


def fresh(x: Any, inputs: list[Value]) -> Any:
    """The argument with a new Value for each number that flat() puts into inputs, in the same order."""
    kind = type(x)
    if kind is float or isinstance(x, float):
        return new(float(x), inputs)
    if kind is Value:
        return new(x, inputs)
    if isinstance(x, (list, tuple)):
        return like(x, [fresh(part, inputs) for part in x])
    if isinstance(x, dict):
        return with_values(x, [fresh(part, inputs) for part in x.values()])
    if hasattr(kind, "__array_interface__"):
        if x.shape == ():
            return fresh(float(x) if x.dtype.kind == "f" else x.item(), inputs)
        values = x.astype(object, order="C")  # ravel() is a view of that
        values.ravel()[:] = [new(y if type(y) is Value else float(y), inputs) for y in x.ravel().tolist()]
        return values
    numbers = buffered(x)
    if numbers is not None:
        return [new(number, inputs) for number in numbers]
    return new(float(x), inputs) if isinstance(x, Real) and not isinstance(x, SupportsIndex) else x


def like(x: Any, parts: list[Any]) -> Any:
    """A list or tuple of the kind of x."""
    return type(x)(*parts) if hasattr(type(x), "_fields") else type(x)(parts)


def with_values(x: Any, parts: list[Any]) -> Any:
    """A dict of the kind of x with the same keys."""
    found = copy(x)
    found.update(zip(x, parts, strict=True))
    return found


def new(x: Any, inputs: list[Value]) -> Value:
    """A new Value with the number, and the label, of another."""
    inputs.append(Value(x.data, x.label) if isinstance(x, Value) else Value(x))
    return inputs[-1]


def flat_index(x: Any, inputs: list[Any]) -> Hashable:
    """As flat(), of whole numbers that vary."""
    if isinstance(x, (list, tuple)) or (hasattr(type(x), "__array_interface__") and x.shape):
        return (type(x), *[flat_index(part, inputs) for part in x])
    if not isinstance(x, SupportsIndex):
        raise TypeError(f"index= names whole numbers and lists of them, not {type(x).__name__}: {x!r:.60}")
    inputs.append(float(index(x)))
    return Index


def fresh_index(x: Any, inputs: list[Value]) -> Any:
    """As fresh(), of whole numbers that vary."""
    if isinstance(x, (list, tuple)) or (hasattr(type(x), "__array_interface__") and x.shape):
        return [fresh_index(part, inputs) for part in x]
    return Index(new(float(index(x)), inputs), index(x))


def buffered(x: Any) -> list[float] | None:
    """The numbers in an array.array or another buffer of numbers; None of anything else."""
    if isinstance(x, (str, bytes, bytearray)):
        return None
    try:
        view = memoryview(x)
    except TypeError:
        return None
    return [float(number) for number in view.tolist()] if view.ndim == 1 and view.format in "bBhHiIlLqQfd" else None


def outlined(x: Any, outputs: list[Value]) -> Any:
    """A result with an Output for each Value, which go into outputs; a TypeError if it cannot be searched.

    A list of nothing but Values is a slice of the outputs: to put it together takes a tenth of the time.
    """
    kind = type(x)
    if kind is Value:
        outputs.append(x)
        return Output(len(outputs) - 1)
    if kind is list and all([type(part) is Value for part in x]):
        outputs += x
        return slice(len(outputs) - len(x), len(outputs))
    if isinstance(x, dict):
        return with_values(x, [outlined(part, outputs) for part in x.values()])
    if isinstance(x, (list, tuple)):
        return like(x, [outlined(part, outputs) for part in x])
    if hasattr(kind, "__array_interface__"):
        return filled(x, [outlined(part, outputs) for part in x.ravel().tolist()]) if x.dtype == object else x
    if x is None or isinstance(x, (Number, str, bytes)):
        return x
    raise TypeError(
        f"a compiled function gives Values, numbers, and lists, tuples, dicts and arrays of them, not {kind.__name__}"
    )


def filled(x: Any, parts: list[Any]) -> Any:
    """An array of objects like x with other parts."""
    array = x.astype(object, order="C")  # ravel() is a view of that
    for i, part in enumerate(parts):
        array.ravel()[i] = part
    return array


def constant(x: Any) -> Hashable:
    """A constant in a key: 1, 1.0 and True are three, as are 0.0 and -0.0, and nan is itself; inside lists too."""
    if type(x) is float:
        return float, x.hex()
    if isinstance(x, (list, tuple)):
        return (type(x), *[constant(part) for part in x])
    if isinstance(x, dict):
        return (type(x), *[(key, constant(part)) for key, part in x.items()])
    return type(x), x
