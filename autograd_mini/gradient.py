"""Derivatives of functions and of Values, by numbers in nested lists, tuples, dicts and arrays too."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from threading import get_ident
from typing import Any, SupportsFloat

from autograd_mini.chain import derivatives
from autograd_mini.errors import DomainError
from autograd_mini.value import Value, is_recording, is_taping, swept, topological, watched

differentiated: dict[int, list[Value]] = {}  # by thread, the leaves of calls of value_and_grad that are under way


def gradient(y: Value, wrt: Any, seed: SupportsFloat | Value = 1.0) -> Any:
    """The derivatives of y as Values, which can be differentiated again: the graph of the chain rule itself.

    backward() gives numbers, a hundred times faster; the grad of all nodes is left as it was.

    Args:
        y: a Value.
        wrt: what to differentiate by: a Value, or nested lists, tuples, dicts and arrays of Values; they need not be
            leaves.
        seed: the upstream gradient of y, a number or a Value.

    Returns:
        A structure like wrt of Values; 0 where y does not depend on them.

    Raises:
        TypeError: if y or a part of wrt is not a Value, or y was computed by a compiled function, whose derivatives are
            known as numbers only: compile the gradient instead, as in compile(grad(f)).
        ValueError: if data of a leaf was changed since y was computed.

    >>> x = Value(2.0)
    >>> first = gradient(x ** 3, x)
    >>> second = gradient(first, x)
    >>> first.data, second.data
    (12.0, 12.0)
    """
    if not isinstance(y, Value):
        raise TypeError(f"gradient() takes the Value to differentiate, not {type(y).__name__}: {y!r:.60}")
    leaves = []
    for path, x in parts(wrt, "wrt"):
        if not isinstance(x, Value):
            raise TypeError(f"{path}: gradient() differentiates by Values, not by {type(x).__name__}: {x!r:.60}")
        leaves.append(x)
    return like(wrt, iter(derivatives(y, leaves, seed)))


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, flat: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that gives the value of f together with its gradient.

    The grad of Values that f closes over, such as the parameters of a model, is left as it was. Where the arguments are
    Values, or f is called inside another function that is differentiated or compiled, value and gradient are Values
    that can be differentiated again: grad(grad(f)) is the second derivative.

    Args:
        f: a function of numbers, or of nested lists, tuples and dicts of numbers, that returns one Value; a plain
            number means that f does not depend on its arguments there, and has gradient 0.
        argnums: the position of the argument to differentiate by, or several positions. Others are passed on as given.
        flat: for optimisers: differentiate by the first argument, a flat sequence of numbers. See below.

    Returns:
        A function of the same arguments that returns (value, gradient): a float, and for one position a structure like
        the argument, for several a tuple of those.

    With flat=True the first argument is a list, a tuple or an array of numbers, f gets it as a list of Values, and the
    gradient is a list of floats: what scipy.optimize.minimize() takes. Compile f, because it is called many times:

        f = autograd_mini.compile(lambda x: (1.0 - x[0]) ** 2 + 100.0 * (x[1] - x[0] ** 2) ** 2)
        scipy.optimize.minimize(value_and_grad(f, flat=True), [-1.2, 1.0], jac=True)

    An optimiser tries points where f overflows or has no value. There, flat=True gives inf and a gradient of nan, from
    which line searches turn back, and the error is a RuntimeWarning. warnings.simplefilter("error") makes it an error.

    Raises:
        TypeError: from the function returned, if what is differentiated by has parts that are not numbers, or what f
            returns is not one number, or flat=True is used where the gradient is to be differentiated again;
            ValueError if there is no argument at a position, or for argnums together with flat; RuntimeError inside
            no_grad().

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    >>> value_and_grad(lambda p, x: p["w"] * x + p["b"])({"w": 2.0, "b": 1.0}, 10.0)
    (21.0, {'w': 10.0, 'b': 1.0})
    >>> import numpy as np
    >>> grad(lambda x: np.sum(np.sin(x) * x))(np.array([0.0, 1.0])).round(4)
    array([0.    , 1.3818])
    >>> value_and_grad(lambda x, scale: scale * (x[0] * x[1]), flat=True)((2.0, 3.0), 10.0)
    (60.0, [30.0, 20.0])
    """
    if flat:
        if argnums != 0:
            raise ValueError(f"flat=True differentiates by the first argument: argnums={argnums!r} is not for it")
        return flat_value_and_grad(f)
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def value_and_gradient(*args: Any, **options: Any) -> tuple[Any, Any]:
        call = Call(f, positions, args, options)
        y: Any
        found: Sequence[Any]
        if not isinstance(call.result, Value):
            y, found = float(one_number(call.result)), [0.0] * len(call.leaves)
        elif call.is_inner([call.result]):
            y, found = call.result, derivatives(call.result, call.leaves)
        else:
            y, found = call.result.data, gradient_of(call.result, call.leaves)
        gradients = call.like_arguments(found)
        return y, gradients[0] if isinstance(argnums, int) else gradients

    value_and_gradient.__wrapped__ = f  # type: ignore[attr-defined]
    return value_and_gradient


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that gives the gradient of f; arguments, result and errors as for value_and_grad.

    >>> grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 5.0)
    (5.0, 2.0)
    >>> grad(lambda w: w[0] * w[1] ** 2)([3.0, 2.0])
    [4.0, 12.0]
    >>> grad(grad(lambda x: x ** 3))(2.0)
    12.0
    """
    both = value_and_grad(f, argnums)

    def gradient(*args: Any, **options: Any) -> Any:
        return both(*args, **options)[1]

    gradient.__wrapped__ = f  # type: ignore[attr-defined]
    return gradient


def flat_value_and_grad(f: Callable[..., Any]) -> Callable[..., tuple[float, list[float]]]:
    """What value_and_grad() gives with flat=True, without the search through nested structures."""

    def value_and_gradient(x: Any, *args: Any, **options: Any) -> tuple[float, list[float]]:
        leaves = flat_leaves(x)
        given = [*leaves]  # f may change its list
        outer = list(differentiated.get(get_ident(), ()))
        try:
            y = called(f, [given, *args], options, leaves)
            if is_taping() or depends([y], outer):
                raise TypeError("flat=True gives numbers, which cannot be differentiated again or compiled")
            if not isinstance(y, Value):
                return float(one_number(y)), [0.0] * len(leaves)
            return y.data, gradient_of(y, leaves)
        except (ArithmeticError, DomainError) as error:
            warnings.warn(f"the value is taken as inf, and the gradient as nan: {error}", RuntimeWarning, stacklevel=2)
            return math.inf, [math.nan] * len(leaves)

    value_and_gradient.__wrapped__ = f  # type: ignore[attr-defined]
    return value_and_gradient


def flat_leaves(x: Any) -> list[Value]:
    """A new leaf for each number in a list, a tuple or an array; a TypeError if there is something else in it."""
    numbers = x.tolist() if hasattr(x, "tolist") else x
    if not isinstance(numbers, (list, tuple)):
        raise TypeError(f"flat=True takes a list, a tuple or an array of numbers, not {type(x).__name__}: {x!r:.60}")
    leaves: list[Value] = []
    try:
        for number in numbers:
            leaves.append(Value(number))
    except TypeError as error:
        raise TypeError(f"x[{len(leaves)}]: {error}; flat=True takes one flat sequence of numbers") from None
    return leaves


class Call:
    """A call of a function that is differentiated, with Values for the numbers in some of its arguments.

    Attributes:
        leaves: those Values.
        result: what the function gave.
    """

    def __init__(
        self, f: Callable[..., Any], positions: Sequence[int], args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        for position in positions:
            if not -len(args) <= position < len(args):
                raise ValueError(f"no argument at position {position}: the function was given {len(args)}")
        self.args, self.places = args, [position % len(args) for position in positions]
        given = {place: to_values(args[place], f"args[{place}]") for place in self.places}
        chosen = {place: values for place, (values, _, _) in given.items()}
        self.leaves = [leaf for place in self.places for leaf in given[place][1]]
        self.gave_values = any([has_values for _, _, has_values in given.values()])
        self.outer = list(differentiated.get(get_ident(), ()))
        self.result = called(f, [chosen.get(i, arg) for i, arg in enumerate(args)], options, self.leaves)

    def is_inner(self, results: Sequence[Any]) -> bool:
        """Whether derivatives have to be Values: others will differentiate by what they depend on."""
        return self.gave_values or is_taping() or depends(results, self.outer)

    def like_arguments(self, numbers: Sequence[Any]) -> tuple[Any, ...]:
        """Structures like the arguments with a number for each leaf."""
        rest = iter(numbers)
        return tuple([like(self.args[place], rest) for place in self.places])


def called(f: Callable[..., Any], args: Sequence[Any], options: dict[str, Any], leaves: Sequence[Value]) -> Any:
    """What f gives for the arguments, while the leaves among them are known to be differentiated by."""
    if not is_recording():
        raise RuntimeError("a gradient inside no_grad(), where nothing is recorded: take it outside")
    under_way = differentiated.setdefault(get_ident(), [])
    before = len(under_way)
    under_way.extend(leaves)
    try:
        return f(*args, **options)
    finally:
        del under_way[before:]


def depends(results: Sequence[Any], leaves: Sequence[Value]) -> bool:
    """Whether one of the results was computed from one of the leaves."""
    known = {id(leaf) for leaf in leaves}
    return bool(known) and not known.isdisjoint(
        [id(node) for y in results if isinstance(y, Value) for node in topological(y)]
    )


def one_number(y: Any) -> Any:
    """What a function gave, if it is a number or a Value; else a TypeError."""
    if not isinstance(y, (Value, float, int)):
        raise TypeError(f"the function to differentiate must return one Value, not {type(y).__name__}: {y!r:.60}")
    return y


def gradient_of(y: Value, leaves: Sequence[Value], seed: float = 1.0) -> list[float]:
    """The derivatives of y by the leaves as numbers, leaving the grad of every node as it was."""
    if y.op == "call" and watched() is None and {x.op for x in y.parents} == {"leaf"}:
        # Of a compiled function, whose derivatives are known.
        slopes: dict[int, float] = {}
        for x, slope in zip(y.parents, y.local_derivatives, strict=True):
            slopes[id(x)] = slopes.get(id(x), 0.0) + seed * slope
        return [slopes.get(id(leaf), 0.0) for leaf in leaves]
    return swept(y, leaves, seed)


def parts(structure: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The numbers in nested lists, tuples, dicts and arrays, each with the path that leads to it, such as x[0]['w']."""
    if isinstance(structure, dict):
        for key, part in structure.items():
            yield from parts(part, f"{path}[{key!r}]")
    elif isinstance(structure, (list, tuple)):
        for i, part in enumerate(structure):
            if type(part) is float or type(part) is Value:
                yield f"{path}[{i}]", part
            else:
                yield from parts(part, f"{path}[{i}]")
    elif is_array(structure):
        for places, part in zip(product(*map(range, structure.shape)), structure.ravel().tolist(), strict=True):
            yield from parts(part, f"{path}[{', '.join(map(str, places))}]")
    else:
        yield path, structure


def like(structure: Any, numbers: Iterator[Any]) -> Any:
    """The structure with the next of the numbers in each place."""
    return changed(structure, lambda part: next(numbers))


def to_values(structure: Any, path: str) -> tuple[Any, list[Value], bool]:
    """The structure with a new leaf for each number that is no Value, these leaves and Values, and whether it had some.

    A TypeError names what is not a number.
    """
    leaves: list[Value] = []
    numbers: list[Any] = []

    def leaf_of(part: Any) -> Value:
        numbers.append(part)
        try:
            leaves.append(part if isinstance(part, Value) else Value(part))
        except TypeError as error:
            place, _ = list(parts(structure, path))[len(numbers) - 1]
            said = "nested lists, tuples, dicts and arrays of numbers are differentiated"
            raise TypeError(f"{place}: {error}; {said}") from None
        return leaves[-1]

    return changed(structure, leaf_of), leaves, Value in map(type, numbers)


def changed(structure: Any, change: Callable[[Any], Any]) -> Any:
    """The structure with each number changed."""
    if isinstance(structure, (list, tuple)):
        plain = (float, Value)
        found = [change(x) if type(x) in plain else changed(x, change) for x in structure]
        if type(structure) is list:
            return found
        return type(structure)(*found) if hasattr(structure, "_fields") else type(structure)(found)
    if isinstance(structure, dict):
        filled = copy.copy(structure)  # whatever kind of dict it is
        for key, part in structure.items():
            filled[key] = changed(part, change)
        return filled
    if is_array(structure):
        return array_of([changed(x, change) for x in structure.ravel().tolist()], structure.shape)
    return change(structure)


def is_array(x: Any) -> bool:
    """Whether x is one of NumPy's arrays, of one dimension at least."""
    return hasattr(type(x), "__array_interface__") and x.shape != ()


def array_of(found: list[Any], shape: tuple[int, ...]) -> Any:
    """An array of that shape, of doubles if all that was found are numbers; arrays of one shape become one array."""
    import numpy

    if all([isinstance(x, (float, int)) for x in found]):
        return numpy.array(found, dtype=float).reshape(shape)
    if is_array(found[0]) and len({x.shape if is_array(x) else None for x in found}) == 1:
        return numpy.stack(found).reshape(*shape, *found[0].shape)
    array = numpy.empty(len(found), dtype=object)
    for i, x in enumerate(found):
        array[i] = x
    return array.reshape(shape)
