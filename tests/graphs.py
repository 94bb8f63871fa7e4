"""Random graphs of all primitives, for what holds of any graph."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from autograd_mini import Value, ops
from autograd_mini.ops import TABLE
from autograd_mini.value import apply
from tests.test_rules import variables

ORDINARY = st.floats(-3.0, 3.0)
EXTREME = st.sampled_from([0.0, -0.0, 1.0, 1e308, -1e200, 5e-324, math.inf, -math.inf, math.nan])
SHARING = [ops.ADD, ops.MUL, ops.SUB, ops.SUM, ops.DOT, ops.PROD]  # defined for all numbers: with these a graph grows


@st.composite
def graphs(draw, numbers=ORDINARY, steps=12):
    """The leaves of a random graph, with gradients from before, and then its computed nodes, the last of them the root.

    Operands are drawn from all nodes before, so that some are used often, a node may be its own partner, and some are
    not reached from the root at all.
    """
    nodes = [Value(x) for x in draw(st.lists(numbers, min_size=1, max_size=3))]
    for leaf in nodes:
        leaf.grad = draw(numbers)
    for _ in range(draw(st.integers(0, steps))):
        op = draw(st.one_of(st.sampled_from(SHARING), st.integers(1, ops.CALL - 1)))
        try:
            node = apply(op, *operands_of(draw, op, nodes, numbers))
        except (ArithmeticError, ValueError):  # not defined here
            continue
        if isinstance(node, Value):
            nodes.append(node)
    return nodes


def operands_of(draw, op, nodes, numbers):
    """Nodes, and now and then a number, as the operands of a row."""
    sample = draw(st.sampled_from(TABLE[op].samples))
    node = st.integers(1, len(nodes)).map(lambda i: nodes[-i])
    operand = st.one_of(node, node, node, numbers)
    return [draw(operand) if i in variables(op, sample) else x for i, x in enumerate(sample)]
