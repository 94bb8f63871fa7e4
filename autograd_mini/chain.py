# cython: annotation_typing=False, boundscheck=False, wraparound=False
"""The chain rule on graphs: derivatives of Values by Values, as Values that can be differentiated again."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from typing import Any, SupportsFloat

from autograd_mini import calculus, ops
from autograd_mini.value import Value, data_of, is_taping, topological


def derivatives(y: Value, leaves: Sequence[Value], seed: SupportsFloat | Value = 1.0) -> list[Value]:
    """The derivatives of y by Values, which need not be leaves of its graph, as Values."""
    nodes = topological(y)
    on_the_way = {id(x) for x in leaves}  # nodes that depend on them, or are one
    for node in nodes:
        if needs(node, on_the_way):
            on_the_way.add(id(node))
    gradients: dict[int, Any] = {id(y): seed if isinstance(seed, Value) else float(seed)}
    for node in reversed(nodes):
        upstream = gradients.get(id(node))
        if node._op == ops.LEAF or upstream is None or id(node) not in on_the_way:
            continue
        for x, slope in local_derivatives(node, on_the_way):
            contribution = times(upstream, slope)
            before = gradients.get(id(x))
            gradients[id(x)] = contribution if before is None else before + contribution
    return [as_new(gradients.get(id(x), 0.0), x) for x in leaves]


def needs(node: Value, wanted: set[int]) -> bool:
    """Whether one of the operands is wanted, by its identity."""
    if node._operands is not None:
        return any([id(x) in wanted for x in node._operands])
    return (node._a is not None and id(node._a) in wanted) or (node._b is not None and id(node._b) in wanted)


def local_derivatives(node: Value, wanted: Container[int]) -> Iterable[tuple[Value, Any]]:
    """The operands that are wanted, with the derivatives by them: Values that depend on the operands, or numbers."""
    operands = node.operands
    places = [i for i in range(len(operands)) if isinstance(operands[i], Value) and id(operands[i]) in wanted]
    if not places:
        return ()
    refuse_calls(node)
    slopes = calculus.slopes(node._op, operands, node, places)
    if not is_taping():
        for i, slope in zip(places, slopes, strict=True):
            recorded = node._slopes[i] if node._operands is not None else node._slope_b if i else node._slope_a
            check_unchanged(node, data_of(slope), recorded)
    chosen: list[Any] = [operands[i] for i in places]
    return zip(chosen, slopes, strict=True)


def check_unchanged(node: Value, slope: float, recorded: float) -> None:
    """A ValueError if a local derivative is not what it was when the node was recorded."""
    if slope == recorded or math.isclose(slope, recorded, rel_tol=1e-9):
        return
    if not math.isnan(slope) or not math.isnan(recorded):
        raise ValueError(f"{node!r} was computed before data of a leaf was changed: compute it again")


def refuse_calls(node: Value) -> None:
    """A TypeError if a compiled function computed the node."""
    if node._op == ops.CALL:
        raise TypeError(
            f"{node!r} was computed by a compiled function, whose derivatives are numbers: differentiate what the"
            " function itself gives, and compile that: compile(grad(f))"
        )


def times(upstream: Any, slope: Any) -> Any:
    """Their product, without a node for × 1."""
    if isinstance(slope, float) and slope == 1.0:
        return upstream
    return slope if isinstance(upstream, float) and upstream == 1.0 else upstream * slope


def as_new(derivative: Any, x: Value) -> Value:
    """The derivative by x as a Value that is none of the leaves of the graph: whoever gets it may change it."""
    if isinstance(derivative, Value):
        return derivative * 1.0 if derivative.op == "leaf" else derivative
    return x * 0.0 + derivative if is_taping() else Value(derivative)  # compiled, it is a Value where x is
