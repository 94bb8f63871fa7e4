"""Why a gradient is what it is: the paths from a value to the root, and the product of the derivatives on each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import nlargest
from operator import index
from typing import Any, NamedTuple, SupportsIndex

from autograd_mini.text import Names, called, close, derivative, html_table, latex, names_of, number, numeral
from autograd_mini.value import Value, topological

ENDS = 6  # nodes and factors of a long path that are written out, from its start and from its end


class Trail(NamedTuple):
    """A path as a node, the local derivative of the step from it, and the rest, which many paths may share."""

    product: float
    node: Value
    slope: float
    rest: Trail | None


@dataclass(frozen=True, eq=False)
class Path:
    """One way from a value to the root: the nodes on it, the local derivative of each step, and their product."""

    nodes: tuple[Value, ...]
    local_derivatives: tuple[float, ...]
    product: float


@dataclass(frozen=True, eq=False, repr=False)
class Why:
    """The derivative of a root by a value as the sum over the paths between them; `print` it, or show it in a notebook.

    Attributes:
        paths: the paths with the greatest products, in absolute value, first.
        count: how many paths there are in all.
        gradient: the derivative: the sum of the products over all of them.
    """

    value: Value
    root: Value
    paths: tuple[Path, ...]
    count: int
    gradient: float
    names: Names

    @property
    def rest(self) -> float:
        """What the paths that are not shown add up to."""
        return self.gradient - sum(path.product for path in self.paths) if self.count > len(self.paths) else 0.0

    def rows(self) -> list[tuple[str, str, str]]:
        """Each path: the nodes on it, the product of the local derivatives, and its value."""
        known = [
            (
                " → ".join(elided(path.nodes, lambda node: called(node, self.names).text)),
                " × ".join(elided(path.local_derivatives, number)) or "1",
                number(path.product, "+"),
            )
            for path in self.paths
        ]
        hidden = self.count - len(self.paths)
        return [*known, (f"and {how_many(hidden)} more", "", number(self.rest, "+"))] if hidden else known

    @property
    def title(self) -> str:
        """The derivative, in one line."""
        root, value = (called(node, self.names).text for node in (self.root, self.value))
        paths = "path" if self.count == 1 else "paths"
        held = "" if close(self.value.grad, self.gradient) else f"; its grad now holds {number(self.value.grad)}"
        return f"d({root})/d({value}) = {number(self.gradient)}, over {how_many(self.count)} {paths}{held}"

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"  {a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
        return "\n".join([self.title, *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(self.title, ("path", "product of local derivatives", "gradient along it"), self.rows())

    def _repr_latex_(self) -> str:
        factors = [elided(path.local_derivatives, latex, r"\cdots") for path in self.paths]
        products = [r" \cdot ".join(column) or "1" for column in factors]
        rest = [latex(self.rest)] if self.count > len(self.paths) else []
        root, value = (called(node, self.names) for node in (self.root, self.value))
        return f"${derivative(root, value).latex} = {' + '.join([*products, *rest])} = {numeral(self.gradient).latex}$"


def why(value: Value, root: Value, *, most: int = 10, names: Mapping[str, Any] | None = None) -> Why:
    """Why the gradient of `value` is what it is: the paths from it to `root`, whose products add up to it.

    Nothing is changed, and backward() need not have been called: the local derivatives are in the graph.

    Args:
        value: a leaf or any other node that root was computed from.
        root: the result.
        most: how many paths to show; the others are counted and their sum is given.
        names: variables that name the nodes, as locals() gives them.

    Raises:
        ValueError: if root was not computed from value, or most is less than 1.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> print(why(a, a * b + a))
    d(a·b + a)/d(a) = −2, over 2 paths; its grad now holds 0
      a → a·b → a·b + a  −3 × 1  −3
      a → a·b + a        1       +1
    """
    for node in (value, root):
        if not isinstance(node, Value):
            raise TypeError(f"expected two Values, a value and a result, not {type(node).__name__}: {node!r:.60}")
    if not isinstance(most, SupportsIndex):
        raise TypeError(f"most is a whole number of paths, not {type(most).__name__}: {most!r:.60}")
    if index(most) < 1:
        raise ValueError(f"most is a number of paths, at least 1, not {most!r:.60}")
    between = dependents(value, root)
    if not between:
        raise ValueError(f"{root!r} was not computed from {value!r}: name a value first and then a result that was")
    best: dict[Value, list[Trail]] = {node: [] for node in between}
    counts, grads = dict.fromkeys(between, 0), dict.fromkeys(between, 0.0)
    best[root], counts[root], grads[root] = [Trail(1.0, root, 1.0, None)], 1, 1.0
    trails, count, grad = best[root], 1, 1.0
    for node in reversed(between):  # the last one is value
        trails, count, grad = nlargest(most, best.pop(node), key=magnitude), counts.pop(node), grads.pop(node)
        for parent, slope in zip(node.parents, node.local_derivatives, strict=True):
            if parent in best:
                best[parent] += [Trail(slope * trail.product, parent, slope, trail) for trail in trails]
                counts[parent] += count
                grads[parent] += grad * slope
    return Why(value, root, tuple(map(unrolled, trails)), count, grad, names_of(root, names))


def dependents(value: Value, root: Value) -> list[Value]:
    """The nodes on the ways from value to root, each after its operands; none if there is no way."""
    found = {value}
    between = [value]
    for node in topological(root):
        if node not in found and not found.isdisjoint(node.parents):
            found.add(node)
            between.append(node)
    return between if root in found else []


def unrolled(trail: Trail) -> Path:
    """The path that a trail leads along."""
    product, nodes, slopes = trail.product, [trail.node], []
    while trail.rest is not None:
        slopes.append(trail.slope)
        trail = trail.rest
        nodes.append(trail.node)
    return Path(tuple(nodes), tuple(slopes), product)


def magnitude(trail: Trail) -> float:
    """What a path counts for among others: that of inf and nan is infinite."""
    return math.inf if math.isnan(trail.product) else abs(trail.product)


# Long paths and great numbers in words.


def elided(parts: Sequence[Any], text: Callable[[Any], Any], dots: Any = "…") -> list[Any]:
    """The texts of the parts, or if they are many, of those at both ends."""
    if len(parts) <= 2 * ENDS + 1:
        return [text(part) for part in parts]
    return [*map(text, parts[:ENDS]), dots, *map(text, parts[-ENDS:])]


def how_many(count: int) -> str:
    """A count with its digits in groups of three; in four digits if there are more than 15.

    >>> how_many(12345), how_many(2**200), how_many(2**20_000)
    ('12,345', '1.607e+60', '3.980e+6020')
    """
    return f"{count:,}" if count < 10**15 else f"{Decimal(count):.3e}"
