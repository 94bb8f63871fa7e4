"""Jacobians, Hessians and products with them, of functions of numbers and of nested lists, tuples and dicts of numbers.

As with grad, what is given are numbers; where arguments are Values, or the function is called inside another one that
is differentiated or compiled, they are Values that can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_mini.chain import derivatives, local_derivatives, times
from autograd_mini.functions import dot
from autograd_mini.gradient import Call, grad, gradient_of, like, parts
from autograd_mini.value import Value, topological


def jacobian(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that gives the derivatives of all that f gives by all that it is given.

    Args:
        f: a function that returns Values or numbers in nested lists, tuples and dicts.
        argnums: as for value_and_grad.

    Returns:
        A function of the same arguments that returns a structure like that of f, with a structure like the argument in
        the place of each Value: of a function of a list that returns a list, a list of rows.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + 3.0 * x[1]])([2.0, 5.0])
    [[5.0, 2.0], [1.0, 3.0]]
    """
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def jacobian_of(*args: Any, **options: Any) -> Any:
        call = Call(f, positions, args, options)
        outputs = [y for _, y in parts(call.result, "")]
        check_outputs(outputs)
        differentiated = derivatives if call.is_inner(outputs) else gradient_of
        rows = []
        for y in outputs:
            found = differentiated(y, call.leaves) if isinstance(y, Value) else [0.0] * len(call.leaves)
            gradients = call.like_arguments(found)
            rows.append(gradients[0] if isinstance(argnums, int) else gradients)
        return like(call.result, iter(rows))

    jacobian_of.__wrapped__ = f  # type: ignore[attr-defined]
    return jacobian_of


def hessian(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that gives the second derivatives of f: the Jacobian of its gradient.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    return jacobian(grad(f, argnums), argnums)


def jvp(f: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The result of f and its derivative in the direction of the tangents: the product of Jacobian and vector.

    It is carried forward along the graph, in one pass whatever the number of outputs.

    Args:
        f: a function of numbers or structures of them, that returns Values or numbers in structures.
        args: the arguments, all of which are differentiated by.
        tangents: for each argument a number or a structure like it, of numbers or Values.

    >>> jvp(lambda x, y: x * y, (3.0, 4.0), (1.0, 0.5))
    (12.0, 5.5)
    """
    call = Call(f, range(len(args)), tuple(args), {})
    outputs = [y for _, y in parts(call.result, "")]
    check_outputs(outputs)
    vector = flattened(tangents, args, "tangents")
    is_inner = call.is_inner([*outputs, *vector])
    found = pushed(outputs, call.leaves, vector, is_inner)
    numbers = outputs if is_inner else [y.data if isinstance(y, Value) else y for y in outputs]
    return like(call.result, iter(numbers)), like(call.result, iter(found))


def pushed(outputs: Sequence[Any], leaves: Sequence[Value], vector: Sequence[Any], is_inner: bool) -> list[Any]:
    """The derivatives of the outputs in the direction of a vector, from the leaves forward."""
    tangents: dict[int, Any] = {}
    for leaf, x in zip(leaves, vector, strict=True):
        tangents[id(leaf)] = tangents[id(leaf)] + x if id(leaf) in tangents else x
    seen: set[int] = set()
    for y in outputs:
        for node in topological(y) if isinstance(y, Value) and id(y) not in seen else ():
            if id(node) in seen:
                continue
            seen.add(id(node))
            known = zip(node.parents, node.local_derivatives, strict=True)
            for x, slope in local_derivatives(node, tangents) if is_inner else known:
                if id(x) in tangents:
                    part, before = times(tangents[id(x)], slope), tangents.get(id(node))
                    tangents[id(node)] = part if before is None else before + part
    return [tangents.get(id(y), 0.0) for y in outputs]


def vjp(f: Callable[..., Any], *args: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The result of f, and a function that takes upstream gradients of it back to the arguments.

    Args:
        f: a function of numbers or structures of them, that returns Values or numbers in structures.
        args: the arguments, all of which are differentiated by.

    Returns:
        The result, and a function of a structure like it, of upstream gradients, that returns for each argument a
        structure like it: the product of vector and Jacobian.

    >>> y, back = vjp(lambda x: [x[0] * x[1], x[0] + x[1]], [3.0, 4.0])
    >>> y, back([1.0, 10.0])
    ([12.0, 7.0], ([14.0, 13.0],))
    """
    call = Call(f, range(len(args)), args, {})
    outputs = [y for _, y in parts(call.result, "")]
    check_outputs(outputs)

    def back(upstream: Any) -> tuple[Any, ...]:
        seeds = flattened(upstream, call.result, "upstream gradients")
        is_inner = call.is_inner([*outputs, *seeds])
        total: list[Any] = [0.0] * len(call.leaves)
        for y, seed in zip(outputs, seeds, strict=True):
            if isinstance(y, Value):
                found = derivatives(y, call.leaves, seed) if is_inner else gradient_of(y, call.leaves, float(seed))
                total = [a + b for a, b in zip(total, found, strict=True)]
        return call.like_arguments(total)

    numbers = outputs if call.is_inner(outputs) else [y.data if isinstance(y, Value) else y for y in outputs]
    return like(call.result, iter(numbers)), back


def hvp(f: Callable[..., Any], args: Sequence[Any], vectors: Sequence[Any]) -> tuple[Any, ...]:
    """The product of the Hessian of f with a vector, without the Hessian.

    It is the gradient of the product of gradient and vector, at a few times the cost of the gradient.

    Args:
        f: a function of numbers or structures of them, that returns one Value.
        args: the arguments, all of which are differentiated by.
        vectors: for each argument a number or a structure like it.

    Returns:
        For each argument a structure like it.

    >>> hvp(lambda x: x[0] ** 2 * x[1], ([3.0, 5.0],), ([1.0, 2.0],))
    ([22.0, 6.0],)
    """
    vector = flattened(vectors, args, "vectors")

    def slope(*args: Any) -> Any:
        gradients = grad(f, range(len(args)))(*args)
        return dot([g for _, g in parts(gradients, "")], vector) if vector else 0.0

    return grad(slope, range(len(args)))(*args)  # type: ignore[no-any-return]


def flattened(structure: Any, other: Any, name: str) -> list[Any]:
    """The numbers in a structure that is like another; a ValueError if it is not."""
    found, expected = list(parts(structure, name)), list(parts(other, name))
    if [path for path, _ in found] != [path for path, _ in expected]:
        raise ValueError(f"the {name} have {len(found)} numbers in another structure than the {len(expected)} expected")
    return [x for _, x in found]


def check_outputs(outputs: Sequence[Any]) -> None:
    """A TypeError if a function gave something else than numbers and Values."""
    for y in outputs:
        if not isinstance(y, (Value, float, int)):
            raise TypeError(f"the function to differentiate must return Values, not {type(y).__name__}: {y!r:.60}")
