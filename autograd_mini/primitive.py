"""A primitive of one's own: a function of floats that is an operation of Values, by the local derivatives it is given.

>>> import math
>>> @primitive(slopes=[lambda x, y: -2.0 * x * y])
... def bell(x):
...     return math.exp(-x * x)
>>> x = Value(0.5, label="x")
>>> y = bell(x); y.backward()
>>> y
Value(0.778801, grad=1, op='bell')
>>> f"{x.grad:.4f}"
'-0.7788'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from inspect import Parameter, Signature, signature
from threading import Lock
from typing import Any, SupportsFloat, overload

from autograd_mini import calculus
from autograd_mini.elementary import Double
from autograd_mini.errors import of_the_kind, undefined
from autograd_mini.ops import CALL, MANY, TABLE, row
from autograd_mini.value import Value, check_operands, computed, is_recording, is_taping, refuse

Function = Callable[..., SupportsFloat]
Slopes = Sequence[Callable[..., Any]] | Callable[..., Sequence[Any]]

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

defining = Lock()  # a row's number is its place in the table


class Primitive:
    """A function of floats and Values, that records one node; see primitive()."""

    def __init__(self, function: Function, slopes: Slopes) -> None:
        self.name = name_of(function)
        self.parameters = parameters_of(function, self.name)
        self.slopes = checked(slopes, self.name, self.parameters)
        self.function = function
        update_wrapper(self, function, updated=())
        meaning = (getattr(function, "__doc__", None) or "a primitive of your own").strip().partition("\n")[0]
        latex = r"\operatorname{{" + self.name.replace("_", r"\_") + "}}({operands})"
        with defining:
            self.op = row(self.name, self.name, MANY, f"{self.name}({{operands}})", latex, (), meaning)
            calculus.own[self.op] = self

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> str:
        """As a function, it is copied and pickled by its name."""
        return str(getattr(self, "__qualname__", self.name))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A node if one of the operands is a Value, else a float."""
        operands = self.operands(args, kwargs)
        check_operands(self.op, operands)
        of_values = any([isinstance(x, Value) for x in operands])
        if of_values and is_taping():
            refuse(
                f"{self.name}() is a primitive of your own, which a compiled function cannot hold: compose it of"
                " autograd_mini's functions, or call it outside of the compiled function; nn.train() takes"
                " compiled=False"
            )
        data = [x.data if isinstance(x, Value) else float(x) for x in operands]
        y = self.result(operands, data)
        if not of_values:
            return y
        slopes = self.recorded(operands, data, y) if is_recording() else ()
        return computed(self.op, y, tuple([x if isinstance(x, Value) else float(x) for x in operands]), slopes)

    def operands(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The operands in order, those with defaults too."""
        if self.parameters is None or (not kwargs and len(args) == len(self.parameters.parameters)):
            if kwargs:
                raise TypeError(f"{self.name}() takes its operands in order, not by name: {', '.join(kwargs)}")
            return args
        try:
            bound = self.parameters.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}{self.parameters}: {error}") from None
        bound.apply_defaults()
        return bound.args

    def result(self, operands: tuple[Any, ...], data: list[float]) -> float:
        """The function of floats; where it has no finite result, an error as of the engine's primitives."""
        try:
            y = real(self.function(*data), f"{self.name}() is to give one number")
        except (ZeroDivisionError, OverflowError, ValueError) as error:
            raise of_the_kind(error, TABLE[self.op], operands, data) from error
        if not math.isfinite(y) and all(map(math.isfinite, data)):
            raise undefined(TABLE[self.op], operands, data, y)
        return y

    def recorded(self, operands: tuple[Any, ...], data: list[float], y: float) -> list[float]:
        """The local derivatives by the operands that are Values, and zeros for the others."""
        places = [i for i, operand in enumerate(operands) if isinstance(operand, Value)]
        slopes = [0.0] * len(operands)
        try:
            try:
                found = self.derivatives(data, y, places)
            except ZeroDivisionError:  # of floats; of the engine's primitives it is inf or nan, as in C
                found = self.derivatives([Double(x) for x in data], Double(y), places)
            for i, slope in zip(places, found, strict=True):
                slopes[i] = real(slope, f"slope {i} of {self.name}() is to be one number")
        except Exception as error:
            error.add_note(f"in the slopes of {self.name}(), at {self.name}({', '.join([f'{x:.6g}' for x in data])})")
            raise
        return slopes

    def derivatives(self, operands: Sequence[Any], y: Any, places: Iterable[int]) -> list[Any]:
        """The local derivatives of y by the operands at those places; of Values, Values."""
        try:
            if not callable(self.slopes):
                return [self.slopes[i](*operands, y) for i in places]
            found = list(self.slopes(*operands, y))
        except TypeError as error:
            if not isinstance(y, Value):
                raise
            raise TypeError(
                f"the slopes of {self.name}() take floats only: for derivatives of a higher order write them with"
                " autograd_mini's functions, am.cos(x) instead of math.cos(x)"
            ) from error
        if len(found) != len(operands):
            raise ValueError(f"the slopes of {self.name}() are {len(found)} for {len(operands)} operands: one for each")
        return [found[i] for i in places]

    def value(self, operands: Sequence[Any]) -> Any:
        """What calculus.value() is asked for: of Values a node, of floats a float, nan where there is no result."""
        if any([isinstance(x, Value) for x in operands]):
            return self(*operands)
        try:
            return float(self.function(*[float(x) for x in operands]))
        except (ArithmeticError, ValueError):
            return math.nan


@overload
def primitive(function: Function, *, slopes: Slopes) -> Primitive: ...
@overload
def primitive(function: None = None, *, slopes: Slopes) -> Callable[[Function], Primitive]: ...
def primitive(function: Function | None = None, *, slopes: Slopes) -> Any:
    """Make a function of floats an operation of Values, one node each, by giving its local derivatives.

    Where an operand is a Value, the node has the function's name, in pictures, steps and errors too; of floats alone
    the result is a float. A definition lasts as long as the process; where a name is defined again, the nodes that
    there are keep the definition that they were recorded with.

    Args:
        function: a function of floats that gives a float. All its operands are positional, and may have defaults.
        slopes: a list with a function for each operand: the derivative by it, of the operands and the result y. Or
            one function of these that gives a list of all derivatives: what a function of *operands needs. They are
            called with floats. Written with autograd_mini's functions they also take Values, which steps show as
            formulas and derivatives of a higher order need.

    Raises:
        TypeError: if function or a slope cannot be called so; from a call, if a result is not one number.
        ValueError: if there are not as many slopes as operands, or the engine has a primitive of that name.
        ArithmeticError, DomainError: from a call that has no finite result, as of the engine's primitives.
        RuntimeError: from a call with Values inside a compiled function, which holds the engine's primitives only.

    >>> import math
    >>> from autograd_mini import functions as am
    >>> @primitive(slopes=[lambda a, b, y: a / y, lambda a, b, y: b / y])
    ... def length(a, b):
    ...     return math.sqrt(a * a + b * b)
    >>> length(3.0, 4.0)
    5.0
    >>> a, b = Value(3.0, label="a"), Value(4.0, label="b")
    >>> for step in length(a, b).backward_steps():
    ...     print(step)
    1. length(a, b) has the gradient 1:
       ∂length(a, b)/∂a = a / length(a, b) = 3 / 5 = 0.6; a receives 1 × 0.6 = 0.6
       ∂length(a, b)/∂b = b / length(a, b) = 4 / 5 = 0.8; b receives 1 × 0.8 = 0.8
    """
    return Primitive(function, slopes) if function is not None else lambda function: Primitive(function, slopes)


def name_of(function: Any) -> str:
    """The name of a function that is to be a primitive."""
    if not callable(function):
        raise TypeError(f"primitive() takes a function of floats, not {type(function).__name__}: {function!r:.60}")
    name = getattr(function, "__name__", "")
    if not name.isidentifier():
        raise TypeError(f"a primitive needs a name for its nodes: define {function!r:.60} with def")
    if name in [row.name for row in TABLE[: CALL + 1]]:
        raise ValueError(f"{name} is a primitive of the engine: give your function another name, such as my_{name}")
    return str(name)


def parameters_of(function: Function, name: str) -> Signature | None:
    """The operands that a function takes; None if it takes any number of them, or does not tell."""
    try:
        found = signature(function)
    except ValueError:  # of some functions written in C
        return None
    for parameter in found.parameters.values():
        if parameter.kind in (Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD):
            raise TypeError(
                f"{name}() takes {parameter} by name: operands of a primitive are positional, and all else is a"
                " constant that the function finds outside of itself"
            )
    if any([parameter.kind is Parameter.VAR_POSITIONAL for parameter in found.parameters.values()]):
        return None
    if not found.parameters:
        raise TypeError(f"{name}() takes no operands: there is nothing to differentiate it by")
    return found


def checked(slopes: Any, name: str, parameters: Signature | None) -> Slopes:
    """The slopes, if they can be called with the operands and the result."""
    n = len(parameters.parameters) if parameters is not None else None
    if callable(slopes):
        check_call(slopes, f"the function that gives the slopes of {name}()", n)
        return slopes  # type: ignore[no-any-return]
    if not isinstance(slopes, (list, tuple)):
        raise TypeError(f"slopes of {name}() is a list of functions, one for each operand, not {slopes!r:.60}")
    if n is None:
        raise TypeError(
            f"{name}() takes any number of operands: as slopes give one function of the operands and the result, that"
            " gives a list of all derivatives"
        )
    if len(slopes) != n:
        raise ValueError(f"{name}{parameters} has {n} operands and {len(slopes)} slopes: give one function for each")
    for i, slope in enumerate(slopes):
        if not callable(slope):
            raise TypeError(f"slope {i} of {name}() is a function, not {type(slope).__name__}: {slope!r:.60}")
        check_call(slope, f"slope {i} of {name}()", n)
    return tuple(slopes)


def check_call(slope: Callable[..., Any], what: str, n: int | None) -> None:
    """A TypeError if a slope cannot be called with n operands and the result."""
    if n is None:
        return
    try:
        found = signature(slope)
    except ValueError:
        return
    try:
        found.bind(*range(n + 1))
    except TypeError:
        operands = "the operand" if n == 1 else f"the {n} operands"
        raise TypeError(f"{what} takes {operands} and the result, {n + 1} numbers, not {found}") from None


def real(x: Any, what: str) -> float:
    """x as a float; a TypeError if it is not one real number."""
    if isinstance(x, (float, int)):
        return float(x)
    if isinstance(x, Value):
        raise TypeError(f"{what}, not {x!r}: what it depends on is to be an operand")
    try:
        return Value(x).data
    except TypeError:
        raise TypeError(f"{what}, not {type(x).__name__}: {x!r:.60}") from None
