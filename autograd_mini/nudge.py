"""What a gradient foretells: a value is moved a little, and the root moves by gradient times that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, SupportsFloat

from autograd_mini import calculus
from autograd_mini.elementary import Double
from autograd_mini.text import called, close, number
from autograd_mini.value import Value, op_of, topological
from autograd_mini.why import why


@dataclass(frozen=True)
class Nudge:
    """What moving a value does to the root, and what the gradient foretells of it.

    Attributes:
        by: how far the value is moved.
        gradient: the derivative of the root by the value.
        foretold: gradient × by.
        change: how far the root moves in fact.
    """

    value: str
    root: str
    by: float
    gradient: float
    foretold: float
    change: float

    def __str__(self) -> str:
        lost = " (less than the rounding: move it by more)" if self.change == 0.0 != self.foretold else ""
        left = "" if math.isfinite(self.change) else " (the moved value is outside of the domain)"
        return (
            f"{self.value} moves by {number(self.by, '+')}:"
            f" {self.root} moves by {number(self.change, '+')}{lost}{left},"
            f" and grad × {number(self.by)} = {number(self.gradient)} × {number(self.by)} = {number(self.foretold)}"
        )


def nudge(value: Value, root: Value, by: SupportsFloat = 0.01, names: Mapping[str, Any] | None = None) -> Nudge:
    """Move one value, compute the root again, and set its change beside what the gradient foretells.

    Nothing in the graph is changed. A value that was computed is moved away from what it was computed from.

    Args:
        value: a leaf or any other node that root was computed from.
        root: the result.
        by: how far to move it, a finite number.
        names: variables that name the nodes, as locals() gives them.

    Raises:
        ValueError: if root was not computed from value, by is not finite, data of a leaf was changed after root was
            computed from it, or a compiled function computed a part of it.

    >>> x = Value(3.0, label="x")
    >>> print(nudge(x, x * x, 0.01))
    x moves by +0.01: x² moves by +0.0601, and grad × 0.01 = 6 × 0.01 = 0.06
    """
    step = finite(by)
    reason = why(value, root, most=1, names=names)
    for node in topological(root):
        if node.op == "call":
            raise ValueError(f"{node!r} was computed by a compiled function: nudge what the function itself gives")
        if is_stale(node):
            raise ValueError(f"{node!r} was computed before data of a leaf was changed: compute the root again")
    known = [called(node, reason.names).text for node in (value, root)]
    change = recomputed(root, {value: value.data + step}) - recomputed(root, {})
    return Nudge(known[0], known[1], step, reason.gradient, reason.gradient * step, change)


def is_stale(node: Value) -> bool:
    """Whether a node or its local derivatives are not those of the data that its operands have now."""
    if node.op in ("leaf", "call"):  # what a compiled function computed cannot be computed again from here
        return False
    op, y = op_of(node), Double(node.data)
    operands = [Double(x.data if isinstance(x, Value) else x) for x in node.operands]
    slopes = [calculus.slope(op, operands, y, i) for i, x in enumerate(node.operands) if isinstance(x, Value)]
    found, expected = (node.data, *node.local_derivatives), (calculus.value(op, operands), *slopes)
    return not all(close(x, y, 1e-9) for x, y in zip(found, expected, strict=True))


def recomputed(root: Value, moved: Mapping[Value, float]) -> float:
    """The number of the root, computed again from those nodes that were moved and the leaves; inf and nan as in C."""
    data = dict(moved)
    for node in topological(root):
        if node not in data:
            operands = [Double(data[x] if isinstance(x, Value) else x) for x in node.operands]
            data[node] = float(calculus.value(op_of(node), operands)) if operands else node.data
    return data[root]


def finite(x: SupportsFloat) -> float:
    """x as a float; a ValueError if it is not finite."""
    if not math.isfinite(y := Value(x).data):
        raise ValueError(f"a value is moved by a finite number, not {y}")
    return y
