"""Derivatives of functions: grad and value_and_grad, of numbers and of nested lists, tuples and dicts of numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from threading import get_ident
from typing import Any

from autograd_mini.value import Value, is_recording, topological

differentiated: dict[int, list[Value]] = {}  # by thread, the leaves of calls of value_and_grad that are under way


def value_and_grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., tuple[float, Any]]:
    """A function that gives the value of f together with its gradient.

    The grad of Values that f closes over, such as the parameters of a model, is left as it was. What is given are first
    derivatives: a gradient inside a function that is itself differentiated would be a plain number there.

    Args:
        f: a function of numbers, or of nested lists, tuples and dicts of numbers, that returns one Value; a plain
            number means that f does not depend on its arguments there, and has gradient 0.
        argnums: the position of the argument to differentiate by, or several positions. Others are passed on as given.

    Returns:
        A function of the same arguments that returns (value, gradient): a float, and for one position a structure like
        the argument, for several a tuple of those.

    Raises:
        TypeError: from the function returned, if what is differentiated by has parts that are not numbers, or what f
            returns is not one number, or the gradient is asked for inside of f and depends on its arguments;
            ValueError if there is no argument at a position; RuntimeError inside no_grad().

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    >>> value_and_grad(lambda p, x: p["w"] * x + p["b"])({"w": 2.0, "b": 1.0}, 10.0)
    (21.0, {'w': 10.0, 'b': 1.0})
    """
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def value_and_gradient(*args: Any, **options: Any) -> tuple[float, Any]:
        for position in positions:
            if not -len(args) <= position < len(args):
                raise ValueError(f"no argument at position {position}: the function was given {len(args)}")
        places = [position % len(args) for position in positions]
        chosen = {place: to_values(args[place], f"args[{place}]") for place in places}
        leaves = [leaf for place in places for _, leaf in parts(chosen[place], "")]
        if not is_recording():
            raise RuntimeError("a gradient inside no_grad(), where nothing is recorded: take it outside")
        under_way = differentiated.setdefault(get_ident(), [])
        outer = len(under_way)
        under_way += leaves
        try:
            y = f(*[chosen.get(i, arg) for i, arg in enumerate(args)], **options)
        finally:
            del under_way[outer:]
        data, derivatives = differentiate(y, leaves, under_way)
        numbers = iter(derivatives)
        gradients = tuple(like(args[place], numbers) for place in places)
        return data, gradients[0] if isinstance(argnums, int) else gradients

    return value_and_gradient


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that gives the gradient of f; arguments, result and errors as for value_and_grad.

    >>> grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 5.0)
    (5.0, 2.0)
    >>> grad(lambda w: w[0] * w[1] ** 2)([3.0, 2.0])
    [4.0, 12.0]
    """
    both = value_and_grad(f, argnums)

    def gradient(*args: Any, **options: Any) -> Any:
        return both(*args, **options)[1]

    return gradient


def differentiate(y: Any, leaves: list[Value], outer: list[Value]) -> tuple[float, list[float]]:
    """The data of y and its derivatives by the leaves, leaving the grad of every node as it was.

    A TypeError if y depends on the outer leaves too: a plain number as the result would lose their part.
    """
    if not isinstance(y, Value):
        if not isinstance(y, (float, int)):
            raise TypeError(f"the function to differentiate must return one Value, not {type(y).__name__}: {y!r:.60}")
        return float(y), [0.0] * len(leaves)
    nodes = topological(y)
    if outer and not {id(leaf) for leaf in outer}.isdisjoint([id(node) for node in nodes]):
        raise TypeError("a gradient inside a function that is differentiated itself: only first derivatives are given")
    kept = [node.grad for node in nodes]
    for leaf in leaves:
        leaf.grad = 0.0
    y.backward()
    derivatives = [leaf.grad for leaf in leaves]
    for node, before in zip(nodes, kept, strict=True):
        node.grad = before
    return y.data, derivatives


def parts(structure: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The numbers in nested lists, tuples and dicts, each with the path that leads to it, such as x[0]['w']."""
    if isinstance(structure, dict):
        for key, part in structure.items():
            yield from parts(part, f"{path}[{key!r}]")
    elif isinstance(structure, (list, tuple)):
        for i, part in enumerate(structure):
            yield from parts(part, f"{path}[{i}]")
    else:
        yield path, structure


def like(structure: Any, numbers: Iterator[Any]) -> Any:
    """The structure with the next of the numbers in each place."""
    if isinstance(structure, dict):
        filled = copy.copy(structure)  # whatever kind of dict it is
        for key, part in structure.items():
            filled[key] = like(part, numbers)
        return filled
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*[like(part, numbers) for part in structure])
    if isinstance(structure, (list, tuple)):
        return type(structure)([like(part, numbers) for part in structure])
    return next(numbers)


def to_values(structure: Any, path: str) -> Any:
    """The structure with a new leaf for each number; a TypeError that names the path of what is not a number."""
    values = []
    for place, part in parts(structure, path):
        try:
            values.append(Value(part))
        except TypeError as error:
            raise TypeError(f"{place}: {error}; nested lists, tuples and dicts of numbers are differentiated") from None
    return like(structure, iter(values))
