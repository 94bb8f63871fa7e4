"""Where the neurons of a network are on its picture, and which of them are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from autograd_mini.draw.layers import Layered, Row, Unit, elided
from autograd_mini.text import printable, shortened
from autograd_mini.value import Value

LAYERS, ROWS = 8, 6  # places in a row and in the picture; of what does not fit, the middle is left out
UNITS, MANY = (16, 8, 4), 1_000  # places in a column: the most with which there are no more weights than that
HEIGHT, NEAREST, FARTHEST = 380, 25, 46  # points: of a column, and from neuron to neuron
ACROSS, WIDE = 132, 200  # points from column to column, and where numbers are written between them
ABOVE, BELOW = 24, 64  # points above a row, and below it for what its columns are called
LINE, NUMBERS = 13.5, 12  # points that a line of text takes, and numbers that may be written between two columns
CLEAR = 0.35  # of the way from column to column, before which a number would touch it
ON_COLUMN = 19  # characters under a column


@dataclass(eq=False)
class Column:
    """Where the neurons of a layer are, or where the inputs of the first are, which has no layer here.

    Attributes:
        id: unique in a panel.
        layer: None for inputs.
        texts: what is written under it.
        letter: what its neurons or inputs are called, as x0 or y0, with a number if there are several.
        size: how many there are.
        ys: the heights of those that are shown.
        gap: the height of the place of the others.
        x: from the left of the panel.
        bottom: the height of the lowest neuron of its row.
        numbers: where along the lines that lead to it there is room for a number on each, as a share of the way.
    """

    id: str
    layer: Layered | None
    texts: tuple[str, str]
    letter: str
    size: int
    ys: dict[int, float]
    gap: float
    x: float
    bottom: float
    numbers: float | None = None

    @property
    def units(self) -> list[tuple[int, Unit]]:
        """The neurons that are shown, with their numbers."""
        return [(i, self.layer.units[i]) for i in self.ys] if self.layer else []

    @property
    def hidden(self) -> int:
        """How many are not shown."""
        return self.size - len(self.ys)

    @property
    def is_roomy(self) -> bool:
        """Whether there is room for a number under each neuron."""
        return all(b - a > FARTHEST - 1.0 for a, b in pairwise(sorted(self.ys.values())))


@dataclass(eq=False)
class Plan:
    """The columns of a picture, in stretches of layers that feed one another, and notes of what is left out.

    Attributes:
        notes: the place and text of each.
        bottom: the height of the end of the last row.
    """

    stretches: list[list[Column]] = field(default_factory=list)
    notes: list[tuple[float, float, str]] = field(default_factory=list)
    bottom: float = 0.0

    @property
    def columns(self) -> list[Column]:
        """The columns of all stretches."""
        return [column for stretch in self.stretches for column in stretch]

    @property
    def pairs(self) -> list[tuple[Column, Column]]:
        """Each two columns with weights between them."""
        return [pair for stretch in self.stretches for pair in pairwise(stretch)]

    @property
    def width(self) -> float:
        """From the first column to the last."""
        return max(column.x for column in self.columns)

    @property
    def shown(self) -> list[Value]:
        """The weights and biases that are shown."""
        weights = [unit.weights[j] for a, b in self.pairs for _, unit, j in weights_between(a, b)]
        biases = [unit.bias for column in self.columns for _, unit in column.units]
        return weights + [bias for bias in biases if bias is not None]


def planned(rows: Sequence[Row]) -> Plan:
    """The places of all neurons, of which so many are left out that the picture can be made out."""
    for most in UNITS:
        plan = Plan()
        head, hidden, tail = elided(rows, ROWS)
        height = HEIGHT / (len(head) + len(tail))
        for row in head:
            add_row(plan, row, most, height)
        if hidden:
            plan.bottom -= 2 * LINE
            plan.notes.append((ACROSS, plan.bottom, f"⋮ +{hidden:,} more rows of layers"))
        for row in tail:
            add_row(plan, row, most, height)
        if len(plan.shown) <= MANY:
            break
    return plan


def add_row(plan: Plan, row: Row, most: int, height: float) -> None:
    """Add a row below: one stretch of columns, or if layers between are left out, two."""
    top = plan.bottom - (ABOVE if plan.stretches else 0.0)
    slots = min(most, max(row.layers[0].inputs, *[len(layer.units) for layer in row.layers]))
    bottom = top - min(max(height / slots, NEAREST), FARTHEST) * (slots - 1)
    head, hidden, tail = elided(row.layers, LAYERS)
    add_stretch(plan, "x", ("inputs", f"{head[0].inputs:,}"), head, most, 0.0, top, bottom)
    if hidden:
        before = row.layers[-len(tail) - 1]
        left = plan.stretches[-1][-1].x + ACROSS
        plan.notes.append((left - ACROSS / 2, (top + bottom) / 2, f"⋯ +{hidden:,} more"))
        add_stretch(plan, "", (end_of(before.name), "outputs"), tail, most, left, top, bottom)
    plan.stretches[-1][-1].letter = "y"
    plan.bottom = bottom - BELOW


def add_stretch(
    plan: Plan, letter: str, texts: tuple[str, str], layers: Sequence[Layered], most: int, left: float, top: float,
    bottom: float,
) -> None:  # fmt: skip
    """Add the columns of inputs and of layers that follow on one another."""
    sizes = [layers[0].inputs, *[len(layer.units) for layer in layers]]
    stretch: list[Column] = []
    for layer, size in zip([None, *layers], sizes, strict=True):
        if layer:
            letter, texts = "", (end_of(layer.name), shortened(f"{size:,} × {printable(layer.activation)}", ON_COLUMN))
        ys, gap = heights(size, most, top, bottom)
        id = f"{len(plan.columns) + len(stretch)}"
        column = Column(id, layer, texts, letter, size, ys, gap, left, bottom)
        if stretch:
            column.numbers = room(stretch[-1], column, [(i, j) for i, _, j in weights_between(stretch[-1], column)])
            column.x = stretch[-1].x + (ACROSS if column.numbers is None else WIDE)
        stretch.append(column)
    plan.stretches.append(stretch)


def heights(size: int, most: int, top: float, bottom: float) -> tuple[dict[int, float], float]:
    """The height of each neuron in a column that is shown, and that of the gap."""
    head, hidden, tail = elided(range(size), most)
    places = [*head, *([-1] if hidden else []), *tail]  # −1 is the gap
    step = min(FARTHEST, (top - bottom) / max(len(places) - 1, 1))
    first = (top + bottom) / 2 + step * (len(places) - 1) / 2
    ys = {i: first - step * k for k, i in enumerate(places)}
    return ys, ys.pop(-1, 0.0)


def weights_between(a: Column, b: Column) -> Iterator[tuple[int, Unit, int]]:
    """The weights between two columns: the number of the neuron in b, the neuron, and the number of its input in a."""
    for i, unit in b.units:
        for j in a.ys:
            if j < len(unit.weights):
                yield i, unit, j


def room(a: Column, b: Column, pairs: Sequence[tuple[int, int]]) -> float | None:
    """Where along the lines between neurons i of b and inputs j in a there is room for numbers; None if nowhere."""
    if not 0 < len(pairs) <= NUMBERS:
        return None
    found = []
    for percent in range(round(100 * CLEAR), round(100 * (1 - CLEAR)) + 1):
        share = percent / 100
        ys = sorted([between(a.ys[j], b.ys[i], share) for i, j in pairs])
        found.append((min([y - x for x, y in pairwise(ys)], default=LINE), -abs(share - 0.5), share))
    distance, _, share = max(found)
    is_fan = 1 in (len({i for i, _ in pairs}), len({j for _, j in pairs}))  # other lines cross under the numbers
    return share if distance >= (LINE if is_fan or len(pairs) <= NUMBERS // 2 else 2 * LINE) - 0.01 else None


def between(start: float, end: float, share: float) -> float:
    """What is so far on the way from start to end."""
    return start + share * (end - start)


def end_of(text: str) -> str:
    """The text as it can be shown under a column, or an ellipsis and its end, where the numbers of a path are."""
    shown = printable(text)
    return shown if len(shown) <= ON_COLUMN else f"…{shown[1 - ON_COLUMN :]}"
