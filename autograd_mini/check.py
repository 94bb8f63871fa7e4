"""Gradients checked against central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd_mini.gradient import grad, like, parts, to_values
from autograd_mini.value import Value

STEP = 7e-4  # about the fifth root of the spacing of floats: where truncation and rounding errors are equally small


class GradientError(AssertionError):
    """A gradient that central differences do not confirm."""


def check_gradient(f: Callable[..., Any], *args: Any, order: int = 1, tolerance: float = 1e-6) -> None:
    """Check the gradient of f by all its arguments against central differences of fourth order.

    Args:
        f: a function that returns one Value, smooth around args.
        args: where to check: numbers, or nested lists, tuples and dicts of numbers.
        order: 2 to check the second derivatives too, against differences of the first; and so on.
        tolerance: the difference allowed, relative to the greater of 1 and the derivative's size.

    Raises:
        GradientError: an AssertionError that lists each argument whose derivative is off, and by how much.
        ValueError: if order is less than 1.

    The differences are (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h (Abramowitz and Stegun, 25.3.6).

    >>> check_gradient(lambda x, y: x.exp() * y[0], 1.0, [2.0], order=2)
    """
    if order < 1:
        raise ValueError(f"derivatives are checked to an order of at least 1, not {order}")
    positions = tuple(range(len(args)))
    gradient = grad(f, argnums=positions)(*args)
    wrong = []
    for place, ((path, x), (_, exact)) in enumerate(zip(parts(args, "args"), parts(gradient, ""), strict=True)):
        estimate = difference(f, args, place, float(x))
        if not abs(exact - estimate) <= tolerance * max(1.0, abs(estimate)):
            off = abs(exact - estimate)
            wrong.append(f"{path} = {x}: backward gives {exact:.9g}, differences give {estimate:.9g}, off by {off:.3g}")
    if wrong:
        raise GradientError(f"{len(wrong)} derivatives of {getattr(f, '__name__', f)} are off:\n" + "\n".join(wrong))
    if order > 1:
        for place in range(len(list(parts(args, "")))):
            check_gradient(partial_derivative(f, place), *args, order=order - 1, tolerance=tolerance)


def partial_derivative(f: Callable[..., Any], place: int) -> Callable[..., Any]:
    """The derivative of f by the number at `place`, counted through the arguments, as a function."""

    def derivative(*args: Any) -> Any:
        _, found = list(parts(grad(f, range(len(args)))(*args), ""))[place]
        return found

    derivative.__name__ = f"∂{getattr(f, '__name__', 'f')} by number {place + 1}"
    return derivative


def difference(f: Callable[..., Any], args: tuple[Any, ...], place: int, x: float) -> float:
    """The derivative of f by the number at `place`, counted through the arguments, from four values of f."""
    h = STEP * (abs(x) if x else 1.0)

    def at(moved: float) -> float:
        numbers = [number for _, number in parts(args, "args")]
        numbers[place] = moved
        y = f(*to_values(like(args, iter(numbers)), "args")[0])
        return y.data if isinstance(y, Value) else float(y)

    return (8.0 * (at(x + h) - at(x - h)) - (at(x + 2.0 * h) - at(x - 2.0 * h))) / (12.0 * h)
