"""draw(): the graph of a value, or a network, as a picture."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Set
from operator import index
from typing import Any, SupportsIndex

from autograd_mini.draw.drawing import Drawing
from autograd_mini.draw.fold import LEVELS, Groups, grouped
from autograd_mini.draw.network import network
from autograd_mini.draw.picture import MOST_CARDS, frames_of, is_knotted, picture
from autograd_mini.draw.scene import Scene, scene
from autograd_mini.draw.table import table
from autograd_mini.nn import Module
from autograd_mini.steps import Step, as_left
from autograd_mini.text import Names, named
from autograd_mini.value import Value, topological

Cards = Mapping[Value, Hashable]  # which card each node is on
Swept = tuple[list[list[Step]], dict[Value, float]]  # the steps of each sweep, and the gradients after the last


def draw(
    root: Value | Module, *, names: Mapping[str, Any] | None = None, level: str | None = None,
    max_nodes: int | None = None, animate: bool = False,
) -> Drawing:  # fmt: skip
    """The graph that `root` was computed from, with the flow of gradients, or a network, as a picture.

    Each node is a card with its name, operation, value and gradient. Along each edge the gradient flows back: blue
    where it is positive, vermillion where it is negative, the wider the more, with the chain rule beside it or, in
    larger pictures, in its tooltip: upstream gradient × local derivative = contribution. A notebook shows the picture;
    `.save("y.svg")` writes it.

    Of a network, a circle is a neuron and a line is a weight; its gradients are beside it.

    Args:
        root: the node to draw, with all that it was computed from, or a module such as an MLP, which takes no other
            argument. Call backward() first to see gradients.
        names: variables that name the nodes, as locals() gives them; labels come first.
        level: "value" for a card for each node, "neuron" or "layer" for one for each of those; None is the first of
            them with at most 60 cards.
        max_nodes: the most cards; None is 60, and 400 if a level is given. Nodes beyond, the farthest from the root,
            share one card. Where Graphviz would take minutes, as with more than 2,000 cards, it is fewer.
        animate: whether the SVG plays the sweep, once, where the reader has not asked for reduced motion.

    Raises:
        TypeError: if root is neither a Value nor a module, or if it is a module and there are other arguments.
        ValueError: if level or max_nodes is none of those, or if a module has no neurons.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> y = a * b + 1.0
    >>> y.backward()
    >>> print(draw(y).table)
    node     op     operands  value  grad
    a        input                2    −3
    b        input               −3    +2
    a·b      ×      a, b         −6    +1
    a·b + 1  +      a·b, 1       −5    +1
    """
    if isinstance(root, Module):
        refuse(names=names, level=level, max_nodes=max_nodes, animate=animate or None)
        return network(root)
    nodes = checked(root, level, max_nodes)
    known = named(nodes, names)

    def swept(cards: Cards) -> Swept:
        return [[*as_left(root, known, cards)]], {node: node.grad for node in nodes}

    return pictured(nodes, swept, known, level, max_nodes, plays=animate)[1]


def refuse(**given: object) -> None:
    """Raise a TypeError if one of the arguments that are for graphs is given."""
    for name, x in given.items():
        if x is not None:
            raise TypeError(f"{name} is for the graph of a Value, and this is a module: call draw(model) without it")


def checked(root: Value, level: str | None, max_nodes: int | None) -> list[Value]:
    """The nodes to draw; a TypeError or ValueError if an argument is none of those that draw() takes."""
    if not isinstance(root, Value):
        kind, advice = type(root).__name__, ""
        if isinstance(root, Module):
            advice = "; a module has no sweep of its own: draw(model) shows it, steps(loss) a loss of it"
        elif isinstance(root, (list, tuple, dict)):
            advice = "; give one of them, or their sum()"
        raise TypeError(f"expected a Value, or for draw() a module, not {kind}: {root!r:.60}{advice}")
    if level is not None and level not in LEVELS:
        raise ValueError(f"level is {', '.join(map(repr, LEVELS))} or None, not {level!r:.60}")
    if max_nodes is not None and not (isinstance(max_nodes, SupportsIndex) and index(max_nodes) >= 2):
        raise ValueError(f"max_nodes is a number of cards, at least 2, not {max_nodes!r:.60}")
    return topological(root)


def scene_of(groups: Groups, swept: Callable[[Cards], Swept], names: Names) -> Scene:
    """The scene of nodes that are grouped on cards; what stays within a card costs no more than its addition."""
    passes, grads = swept({node: key for key, nodes in groups.items() for node in nodes})
    return scene(groups, passes, grads, names)


def pictured(
    nodes: list[Value], swept: Callable[[Cards], Swept], names: Names, level: str | None, max_nodes: int | None, *,
    stepped: bool = False, plays: bool = False, whole: Set[Hashable] = frozenset(),
) -> tuple[Scene, Drawing]:  # fmt: skip
    """The scene of a graph and its sweeps, and the drawing of that: with fewer cards where Graphviz would hang."""
    drawn = scene_of(grouped(nodes, names, level, max_nodes, whole), swept, names)
    most = len(drawn.cards)
    while most > 2 and is_knotted(drawn):
        most = max(min(most // 2, MOST_CARDS), 2)
        drawn = scene_of(grouped(nodes, names, level, most, whole), swept, names)
    title = f"Computation graph of {drawn.root.name or drawn.root.symbol}"
    return drawn, picture(drawn, title, table(drawn), frames_of(drawn, plays) if stepped or plays else None)
