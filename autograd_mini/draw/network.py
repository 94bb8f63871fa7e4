"""A network as a picture: neurons in columns, and their weights and gradients as lines between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autograd_mini.draw.drawing import Drawing
from autograd_mini.draw.layers import Layered, Unit, extents, joined, rest_of, rows_of, table
from autograd_mini.draw.picture import (
    CROWD,
    FONT,
    GREY,
    INK,
    NO_GRADIENTS,
    PALE,
    SLIM,
    SMALL,
    THINNEST,
    WIDEST,
    bold,
    box,
    color,
    escaped,
    font,
    hint,
    kind,
    tint,
)
from autograd_mini.draw.places import ACROSS, LINE, Column, Plan, between, planned, room, weights_between
from autograd_mini.nn import Module
from autograd_mini.text import number, printable, shortened
from autograd_mini.value import Value

NEURON, INPUT = 10, 4  # points: the radius of a neuron and of an input
HEAD, UNDER = 44, 38  # points: a panel's title above its first neuron, and a column's under its row's last
BROAD = 560  # points across: the panels of a broader network are one below the other
LEAST = 0.1  # of the widest line: a number next to nothing
ON_LEGEND = 90  # characters

GRAPH = {
    "layout": "neato", "bgcolor": "white", "pad": "0.15", "outputorder": "edgesfirst", "splines": "line",
    "labeljust": "l",
}  # fmt: skip
CIRCLE = {"shape": "circle", "fixedsize": "true", "style": "filled", "fillcolor": "#FEFEFE", "label": ""}
TEXT = {"class": "text", "shape": "plaintext", "width": "0", "height": "0", "margin": "0.03,0"}
ON_TOP = {"style": "filled", "fillcolor": "white"}  # of the lines that a text is on
WHAT = "Line: a weight, the wider the greater. Ring: the bias of a neuron."
STYLES = {"zero": "dotted", "undefined": "dashed"}


@dataclass(eq=False)
class Panel:
    """One of the networks in a picture: which number of each parameter it shows, and its scale.

    Attributes:
        key: what the ids in it start with.
        of: the number.
        widest: the greatest finite |number|.
        most: the width of its line, in points.
        x, y: where the panel starts.
    """

    key: str
    title: str
    of: Callable[[Value], float]
    widest: float
    most: float
    x: float = 0.0
    y: float = 0.0


def network(model: Module) -> Drawing:
    """The picture of a network: its weights, and if there are gradients, those beside them.

    A circle is a neuron and its ring the bias, a line is a weight: blue if positive, vermillion if negative, the wider
    the greater. Of layers with more than 16 neurons and of rows with more than 8 layers the middle is left out.

    Args:
        model: a Neuron, Layer or MLP, or a module with some in its attributes, in lists, dicts and modules there too.

    Raises:
        ValueError: if it has none.

    >>> from autograd_mini.nn import MLP
    >>> model = MLP(2, [3, 1], seed=1)
    >>> model([1.0, -2.0]).backward()
    >>> print(network(model).table)
    layer      activation  units  weights                 w  b     |grad|
    layers[0]  relu            3        6    −1.092 … 1.449  0  0 … 1.414
    layers[1]  linear          1        3  −0.9948 … 0.7072  0  0 … 1.595
    """
    rows = rows_of(model)
    if not rows:
        raise ValueError(
            f"{type(model).__name__} has no neurons: draw() takes a Value, or a module with a Neuron, Layer or MLP in"
            " its attributes, in lists or dicts there too"
        )
    plan, rest = planned(rows), rest_of(model, rows)
    panels = panels_of(plan, any(p.grad for row in rows for layer in row.layers for p in layer.parameters))
    drawing = Drawing(
        title=f"Network {printable(type(model).__name__)}", table=table(rows, rest), engine="neato",
        graph_attr=GRAPH | FONT | {"label": legend(plan, panels, rest)}, node_attr=FONT, edge_attr={"dir": "none"},
    )  # fmt: skip
    for panel in panels:
        draw_panel(drawing, panel, plan)
    return drawing


def panels_of(plan: Plan, with_grads: bool) -> list[Panel]:
    """The panel of the weights and that of the gradients, which is to the right or, if they are broad, below."""
    shown = plan.shown
    most = SLIM if len(shown) > CROWD else WIDEST
    weights = Panel("w", "weights w", lambda p: p.data, greatest([p.data for p in shown]), most)
    x, y = (0.0, plan.bottom - 1.5 * HEAD) if plan.width > BROAD else (plan.width + ACROSS, 0.0)
    grads = Panel("g", "gradients ∂loss/∂w", lambda p: p.grad, greatest([p.grad for p in shown]), most, x, y)
    return [weights, grads] if with_grads else [weights]


def greatest(numbers: Sequence[float]) -> float:
    """The greatest absolute value of the finite numbers; 0 if there are none."""
    return max([abs(x) for x in numbers if math.isfinite(x)], default=0.0)


def draw_panel(drawing: Drawing, panel: Panel, plan: Plan) -> None:
    """Draw the network with one number of each parameter."""
    write(drawing, panel, (plan.width / 2, HEAD), panel.title, label=f"<{bold(panel.title)}>")
    if panel.widest:
        scale = small(GREY, f"widest: ±{number(panel.widest)}")
        write(drawing, panel, (plan.width / 2, HEAD - 1.1 * LINE), f"widest: ±{panel.widest!r}", **scale)
    for a, b in plan.pairs:
        draw_weights(drawing, panel, a, b)
    for column in plan.columns:
        draw_column(drawing, panel, column)
    for x, y, text in plan.notes:
        write(drawing, panel, (x, y), text, **small(GREY, text))


# Neurons.


def draw_column(drawing: Drawing, panel: Panel, column: Column) -> None:
    """Draw the neurons of a layer, or inputs, and what they are called."""
    units = dict(column.units)
    for i, y in column.ys.items():
        told = hint(*about(units[i])) if units else f"input {i}"
        if units:
            draw_neuron(drawing, panel, column, i, units[i], told)
        else:
            circle(drawing, panel, column, i, INPUT, {"class": "input", "color": GREY, "tooltip": told})
        if column.letter:
            name = f"{column.letter}{i}" if column.size > 1 else column.letter
            off = 3.5 * len(name) + 4 + (NEURON + panel.most / 2 if units else INPUT)
            write(drawing, panel, (column.x + (off if units else -off), y), told, **small(GREY, name))
    if column.hidden:
        text = f"⋮ +{column.hidden:,} more"
        write(drawing, panel, (column.x, column.gap), text, **small(GREY, text), **ON_TOP)
    draw_caption(drawing, panel, column)


def draw_caption(drawing: Drawing, panel: Panel, column: Column) -> None:
    """Write under a column what it is, and how many numbers are not finite, of those that are left out too."""
    layer = column.layer
    odd = sum(not math.isfinite(panel.of(p)) for p in layer.parameters) if layer else 0
    told = hint(*summary(layer)) if layer else f"{column.size:,} inputs"
    texts = [*column.texts, *([f"{odd:,} inf or nan"] if odd else [])]
    for k, text in enumerate(texts):
        at = column.x, column.bottom - UNDER - k * LINE
        write(drawing, panel, at, told, **small(GREY if k == 1 else INK, text))


def summary(layer: Layered) -> list[str]:
    """What is told of a layer where it is pointed at."""
    names = f"{len(layer.weights):,} weights", f"{len(layer.biases):,} biases", "|grad|"
    lines = [f"{name}: {extent}" for name, extent in zip(names, extents(layer), strict=True)]
    return [layer.name, f"{len(layer.units):,} neurons, {layer.activation}", *lines]


def draw_neuron(drawing: Drawing, panel: Panel, column: Column, i: int, unit: Unit, told: str) -> None:
    """Draw a neuron with the bias as its ring, and as a number where those of its weights are written too."""
    looks = {"class": "neuron", "color": PALE, "penwidth": f"{THINNEST}", "tooltip": told}
    if unit.bias is not None:
        x = panel.of(unit.bias)
        looks |= {"class": f"neuron {kind(x)}", "color": color(x), "penwidth": f"{ring(x, panel):.3g}"}
        looks |= {"style": "filled,dashed"} if kind(x) == "undefined" else {}
        if column.numbers is not None and column.is_roomy:
            write(drawing, panel, (column.x, column.ys[i] - NEURON - LINE / 2 - 3), told, **written(x, "b "))
    circle(drawing, panel, column, i, NEURON, looks)


def about(unit: Unit) -> list[str]:
    """What a neuron says when it is pointed at: its path, its activation and its bias."""
    lines = [unit.path or "neuron", f"{unit.activation} of {len(unit.weights):,} inputs"]
    return [*lines, *(["no bias"] if unit.bias is None else in_full(joined(unit.path, "b"), unit.bias))]


def in_full(path: str, p: Value) -> list[str]:
    """What a parameter is called, by its path and by a label of another kind, and its numbers in full."""
    label = p.label or path
    names = [label] if label.endswith(path) else [path] if path.endswith(label) else [path, label]
    return [*names, f"value {p.data!r}", f"grad {p.grad!r}"]


def ring(x: float, panel: Panel) -> float:
    """The width of a ring in points: one that can be seen, and more with the bias."""
    return 2 * THINNEST if not math.isfinite(x) else THINNEST + (panel.most - THINNEST) * share(x, panel)


# Weights.


def draw_weights(drawing: Drawing, panel: Panel, a: Column, b: Column) -> None:
    """Draw the lines between two columns, with numbers where there is room: for all, or for inf and nan."""
    lines = [(i, unit, j, panel.of(unit.weights[j])) for i, unit, j in weights_between(a, b)]
    odd = [(i, j) for i, _, j, x in lines if kind(x) == "undefined"]
    way = room(a, b, odd) if b.numbers is None else b.numbers
    for i, unit, j, x in lines:
        looks = {"class": f"weight {kind(x)}", "color": color(x), "penwidth": f"{width(x, panel):.3g}"}
        looks |= {"style": STYLES[kind(x)]} if kind(x) in STYLES else {}
        told = hint(*in_full(joined(unit.path, f"w[{j}]"), unit.weights[j]))
        start, end = f"{panel.key}{a.id}-{j}", f"{panel.key}{b.id}-{i}"
        drawing.edge(start, end, id=f"{end}-{j}", tooltip=told, **looks)
        if way is not None and (b.numbers is not None or (i, j) in odd):
            at = between(a.x, b.x, way), between(a.ys[j], b.ys[i], way)
            write(drawing, panel, at, told, **written(x))


def width(x: float, panel: Panel) -> float:
    """The width of a line in points: in proportion, so that of hundreds of lines the great ones are seen.

    A logarithmic scale, as for the few ribbons of a graph, makes all of 256 lines between two layers about as wide.
    """
    if x == 0.0 or not math.isfinite(x):
        return THINNEST if x else panel.most / 5
    return panel.most * (LEAST + (1.0 - LEAST) * share(x, panel))


def share(x: float, panel: Panel) -> float:
    """|x| as a share of the widest."""
    return abs(x) / panel.widest if x else 0.0


# What is put on a panel.


def circle(drawing: Drawing, panel: Panel, column: Column, i: int, radius: float, looks: dict[str, str]) -> None:
    """Draw the circle of a neuron or an input."""
    id = f"{panel.key}{column.id}-{i}"
    at = place(panel, (column.x, column.ys[i]))
    drawing.node(id, id=id, pos=at, width=f"{radius / 36:.3f}", **(CIRCLE | looks))


def write(drawing: Drawing, panel: Panel, at: tuple[float, float], told: str, **text: str) -> None:
    """Write a text around a point, with a tooltip."""
    drawing.node(f"t{len(drawing.body)}", pos=place(panel, at), tooltip=told, **TEXT, **text)


def place(panel: Panel, at: tuple[float, float]) -> str:
    """A point of a panel, as the position of a node that is not to be moved."""
    return f"{(panel.x + at[0]) / 72:.4f},{(panel.y + at[1]) / 72:.4f}!"


def written(x: float, prefix: str = "") -> dict[str, str]:
    """A number in its colour, on top of lines."""
    return small(tint(x), prefix + number(x, "+")) | ON_TOP


def small(tone: str, text: str) -> dict[str, str]:
    """A small text: not HTML-like, so that it is around its point in whatever font the reader has."""
    return {"label": escaped(text), "fontcolor": tone, "fontsize": f"{SMALL}"}


# The legend.


def legend(plan: Plan, panels: Sequence[Panel], rest: str) -> str:
    """What colours and widths mean, as the HTML-like label of the picture."""
    found = {kind(panel.of(p)) for panel in panels for p in plan.shown}
    marks = {
        "positive": (tint(1.0), "━━", "positive"),
        "negative": (tint(-1.0), "━━", "negative"),
        "zero": (tint(0.0), "┄┄", "0"),
        "undefined": (tint(math.nan), "╍╍", "inf or nan"),
    }
    marked = [mark for key, mark in marks.items() if key in found]
    rows = ["   ".join([f"{font(tone, bold(mark), SMALL)} {font(GREY, text, SMALL)}" for tone, mark, text in marked])]
    lines = [WHAT, *([NO_GRADIENTS] if len(panels) == 1 else []), *([shortened(rest, ON_LEGEND)] if rest else [])]
    rows += [font(GREY, escaped(line), SMALL) for line in lines]
    return box("".join([f'<TR><TD ALIGN="LEFT">{row}</TD></TR>' for row in rows]), 2)
