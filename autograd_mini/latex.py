"""The formula of a result in LaTeX, and the chain rule of one of its derivatives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any, NamedTuple

from autograd_mini.text import (
    OPS,
    Names,
    Written,
    called,
    close,
    derivative,
    held,
    local_derivative,
    name,
    names_of,
    numeral,
    written,
)  # fmt: skip
from autograd_mini.value import Value, topological
from autograd_mini.why import dependents, elided, how_many

SHORT = 12  # characters of a formula that is written wherever it is used
LONG = 400  # and of the LaTeX of one that has a line of its own, however often it is used
MOST_PATHS = 12  # more are no formula to read


def to_latex(root: Value, wrt: Value | None = None, names: Mapping[str, Any] | None = None) -> str:
    r"""The formula of a result in LaTeX, or of its derivative by another Value, for MathJax, KaTeX and documents.

    Leaves are written by their names, and numbers in four digits. What is used more than once, or would be long, has a
    line of its own below. With wrt, the formula is the chain rule: the sum over the paths from wrt to root of the
    products of the local derivatives on them, in letters, as formulas, and in numbers.

    Args:
        root: the result.
        wrt: the leaf, or any other node, by which to derive.
        names: variables that name nodes without labels, as locals() gives them.

    Raises:
        ValueError: if root was not computed from wrt, or if there are more than 12 paths between them.

    >>> x, y = Value(2.0, label="x"), Value(-3.0, label="y")
    >>> print(to_latex((x + y) ** 2 / y.exp()))
    \frac{\left(x + y\right)^{2}}{e^{y}}
    >>> u = x * y
    >>> z = u ** 3
    >>> print(to_latex(z, wrt=x, names={"u": u, "z": z}))
    \begin{aligned}
    \frac{\partial z}{\partial x} &= \frac{\partial z}{\partial u} \cdot \frac{\partial u}{\partial x} \\
    &= 3 \cdot u^{2} \cdot y \\
    &= 108 \cdot \left(-3\right) \\
    &= -324
    \end{aligned}
    """
    for node in (root, root if wrt is None else wrt):
        if not isinstance(node, Value):
            raise TypeError(f"to_latex() takes Values, not {type(node).__name__}: {node!r:.60}")
    return formula(root, names) if wrt is None else chain_rule(root, wrt, names)


def formula(root: Value, names: Mapping[str, Any] | None) -> str:
    """The formula of a result, and lines for what is used more than once or long."""
    variables = {id(node): path for path, node in held(names or {})}
    nodes = topological(root)
    uses = counted(nodes)
    known: dict[Value, Written] = {}
    lines: list[tuple[str, str]] = []
    letter = unused_letter([node.label or variables.get(id(node), "") for node in nodes])
    for node in nodes:
        label = node.label or variables.get(id(node))
        if not node.operands:
            known[node] = name(label) if label else numeral(node.data)
            continue
        y = known[node] = spelled(node, known)
        is_shared = uses[node] > 1 and (label or len(y.text) > SHORT)
        if node is not root and (is_shared or len(y.latex) > LONG):
            own = name(label or f"{letter}{len(lines) + 1}")
            lines.append((own.latex, y.latex))
            known[node] = own
    whole = known[root].latex
    if not lines:
        return whole
    first, *others = [f"{left} &= {right}" for left, right in lines]
    return aligned([f"& {whole}", rf"\text{{where}}\quad {first}", *others])


def spelled(node: Value, known: Names) -> Written:
    """The formula of a node in those of its operands; the product of one with itself is a square."""
    operands = node.operands
    if node.op == "mul" and operands[0] is operands[1]:
        return written(OPS["pow"], [known[node.parents[0]], numeral(2.0)])
    return written(OPS[node.op], [known[x] if isinstance(x, Value) else numeral(x) for x in operands])


def counted(nodes: Sequence[Value]) -> dict[Value, int]:
    """In how many formulas each node is, twice in one but for a square."""
    uses = dict.fromkeys(nodes, 0)
    for node in nodes:
        for parent in dict.fromkeys(node.parents) if node.op == "mul" else node.parents:
            uses[parent] += 1
    return uses


def unused_letter(labels: Sequence[str]) -> str:
    """A letter for names that are made up, with which no other name begins."""
    return next((x for x in "tuvwsrqpzyxabcdfghijklmno" if not any(label.startswith(x) for label in labels)), "T")


def aligned(lines: Sequence[str]) -> str:
    """Lines aligned at their &."""
    return "\n".join([r"\begin{aligned}", " \\\\\n".join(lines), r"\end{aligned}"])


# The chain rule.


class Factor(NamedTuple):
    """The derivative of a node by an operand in letters, as a formula, and in numbers."""

    letters: Written
    formula: Written
    number: float


def chain_rule(root: Value, wrt: Value, names: Mapping[str, Any] | None) -> str:
    """The derivative of root by wrt as a sum over the paths between them."""
    between = dependents(wrt, root)
    if not between:
        raise ValueError(f"{root!r} was not computed from {wrt!r}: name a result first and then a value it came from")
    known = names_of(root, names)
    y, x = called(root, known), called(wrt, known)
    among = set(between)
    steps = {node: operands_among(among, node) for node in between}
    count = count_paths(between, steps)
    if count > MOST_PATHS:
        raise ValueError(
            f"there are {how_many(count)} paths from {x.text} to {y.text}, more than {MOST_PATHS}: derive by a value"
            " nearer to the result, or see those that matter most with why()"
        )
    paths = paths_between(wrt, root, steps)
    factors = {(a, b): factor(a, b, steps[a][b], known) for path in paths for a, b in pairwise(path)}
    products = [[factors[step] for step in pairwise(path)] for path in paths]
    numbers = [[numeral(part.number) for part in parts] for parts in products]
    gradient = sum([math.prod([part.number for part in parts]) for parts in products])
    sums = [
        sum_of_products([[part.letters for part in parts] for parts in products]),
        sum_of_products([[part.formula for part in parts] for parts in products]),
        sum_of_products(numbers),
        numeral(gradient),
    ]
    left = derivative(y, x).latex
    rights = [latex for latex in dict.fromkeys([part.latex for part in sums]) if latex != left]
    return aligned([f"{left} &= {rights[0]}", *[f"&= {right}" for right in rights[1:]]])


def operands_among(nodes: set[Value], node: Value) -> dict[Value, list[int]]:
    """Of a node the operands that are among those nodes, each with the places where it stands."""
    places: dict[Value, list[int]] = {}
    for i, operand in enumerate(node.operands):
        if isinstance(operand, Value) and operand in nodes:
            places.setdefault(operand, []).append(i)
    return places


def count_paths(between: Sequence[Value], steps: Mapping[Value, Mapping[Value, Any]]) -> int:
    """How many paths there are from the first node to the last."""
    counts = {between[0]: 1}
    for node in between[1:]:
        counts[node] = sum([counts[operand] for operand in steps[node]])
    return counts[between[-1]]


def paths_between(wrt: Value, root: Value, steps: Mapping[Value, dict[Value, Any]]) -> list[tuple[Value, ...]]:
    """All paths from root down to wrt."""
    found: list[tuple[Value, ...]] = []
    trails: list[tuple[Value, Any]] = [(root, None)]  # each a node and the trail that led to it
    while trails:
        node, before = trail = trails.pop()
        if node is not wrt:
            trails += [(operand, trail) for operand in reversed(steps[node])]
            continue
        path = [node]
        while before is not None:
            node, before = before
            path.append(node)
        found.append(tuple(reversed(path)))
    return found


def factor(node: Value, operand: Value, places: Sequence[int], names: Names) -> Factor:
    """The derivative of a node by an operand, which may stand in several places."""
    letters = derivative(called(node, names), called(operand, names))
    values = [i for i, x in enumerate(node.operands) if isinstance(x, Value)]
    recorded = [node.local_derivatives[values.index(i)] for i in places]
    slopes = [local_derivative(node, i, names) for i in places]
    is_known = all([close(slope.data, x) and slope.named.text for slope, x in zip(slopes, recorded, strict=True)])
    return Factor(letters, total([slope.named for slope in slopes]) if is_known else letters, sum(recorded))


def total(terms: Sequence[Written]) -> Written:
    """The sum of the derivatives by a node in several places, n times one if they are the same."""
    if len(terms) > 1 and len(set(terms)) == 1:
        return product_of_two(numeral(float(len(terms))), terms[0])
    whole: Written = reduce(sum_of_two, terms)
    return whole


def sum_of_products(products: Sequence[Sequence[Written]]) -> Written:
    """The sum of products of factors; of one of many factors, both ends."""
    shown = [elided(parts, lambda part: part, Written("…", r"\cdots")) or [numeral(1.0)] for parts in products]
    return total([reduce(product_of_two, parts) for parts in shown])


def product_of_two(a: Written, b: Written) -> Written:
    """a · b."""
    return written(OPS["mul"], [a, b])


def sum_of_two(a: Written, b: Written) -> Written:
    """a + b."""
    return written(OPS["add"], [a, b])
