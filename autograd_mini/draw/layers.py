"""The layers of a module, in rows of those that feed one another, and the table of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from autograd_mini.draw.scene import spread
from autograd_mini.gradient import parts
from autograd_mini.nn import Layer, Module, Neuron
from autograd_mini.text import number, printable, shortened
from autograd_mini.value import Value

T = TypeVar("T")
NAME = 40  # characters of a path in the table
LISTED = 5  # parameters that belong to no layer


@dataclass(eq=False)
class Unit:
    """A neuron and the path that leads to it, such as layers[0].neurons[3].

    Attributes:
        weights: a Value each, one of its own for a plain number.
        bias: None if there is none.
    """

    path: str
    activation: str
    weights: list[Value]
    bias: Value | None


@dataclass(eq=False)
class Layered:
    """Neurons side by side, and the path that leads to them."""

    path: str
    units: list[Unit]

    @property
    def name(self) -> str:
        """The path; if that is empty, what the model itself is."""
        return self.path or ("neuron" if len(self.units) == 1 else "layer")

    @property
    def inputs(self) -> int:
        """How many inputs there are."""
        return max(len(unit.weights) for unit in self.units)

    @property
    def activation(self) -> str:
        """The name of the activation, or the names of several."""
        return ", ".join(dict.fromkeys(unit.activation for unit in self.units))

    @property
    def weights(self) -> list[Value]:
        """The weights of all neurons."""
        return [w for unit in self.units for w in unit.weights]

    @property
    def biases(self) -> list[Value]:
        """The biases of those neurons that have one."""
        return [unit.bias for unit in self.units if unit.bias is not None]

    @property
    def parameters(self) -> list[Value]:
        """Weights and biases."""
        return self.weights + self.biases


@dataclass(eq=False)
class Row:
    """Layers of one module, each with as many inputs as the one before has neurons, and the path of that module."""

    path: str
    layers: list[Layered] = field(default_factory=list)


def rows_of(model: Module) -> list[Row]:
    """The layers of a model in the order of its attributes, each once.

    Layers of different modules are in different rows: which of them feeds which, no attribute tells.
    """
    rows: list[Row] = []
    seen: set[int] = set()  # modules may refer to each other
    todo: list[tuple[str, str, Any]] = [("", "", model)]
    while todo:
        owner, path, x = todo.pop()
        if not isinstance(x, Module) or id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, Neuron):
            add_neuron(rows, owner, unit(path, x))
        elif isinstance(x, Layer):
            units = [unit(joined(path, f"neurons[{i}]"), neuron) for i, neuron in enumerate(x.neurons)]
            seen.update(map(id, x.neurons))
            add_layer(rows, owner, Layered(path, units))
        else:
            inside = [place for name, held in vars(x).items() for place in parts(held, joined(path, name))]
            todo.extend((path, *place) for place in reversed(inside))
    return rows


def unit(path: str, neuron: Neuron) -> Unit:
    """A neuron at a path."""
    weights = [w if isinstance(w, Value) else Value(w) for w in neuron.w]
    bias = neuron.b if neuron.b is None or isinstance(neuron.b, Value) else Value(neuron.b)
    return Unit(path, neuron.activation, weights, bias)


def add_neuron(rows: list[Row], owner: str, neuron: Unit) -> None:
    """Put a neuron beside the others of its list, or in a layer of its own."""
    home, bracket, _ = neuron.path.rpartition("[")
    if bracket and rows and rows[-1].path == owner and rows[-1].layers[-1].path == home:
        rows[-1].layers[-1].units.append(neuron)
    else:
        add_layer(rows, owner, Layered(home or neuron.path, [neuron]))


def add_layer(rows: list[Row], owner: str, layer: Layered) -> None:
    """Put a layer behind the one before it if that is of the same module and fits, else in a row of its own."""
    if layer.units:
        if not (rows and rows[-1].path == owner and len(rows[-1].layers[-1].units) == layer.inputs):
            rows.append(Row(owner))
        rows[-1].layers.append(layer)


def joined(path: str, name: str) -> str:
    """The path of an attribute of what is at a path."""
    return f"{path}.{name}" if path else name


def elided(items: Sequence[T], most: int) -> tuple[Sequence[T], int, Sequence[T]]:
    """The first of the items, how many are left out, and the last: in at most so many places, the gap being one.

    >>> elided("abcdefgh", 4), elided("abcd", 4)
    (('ab', 5, 'h'), ('abcd', 0, ''))
    """
    if len(items) <= most:
        return items, 0, items[:0]
    head = most // 2
    end = len(items) - (most - head - 1)
    return items[:head], end - head, items[end:]


# The table.


def table(rows: Sequence[Row], rest: str) -> str:
    """A line for each layer: activation, neurons, weights, and the extents of its numbers."""
    lines = [("layer", "activation", "units", "weights", "w", "b", "|grad|")]
    for layer in [layer for row in rows for layer in row.layers]:
        texts = [shortened(printable(text), NAME) for text in (layer.name, layer.activation)]
        counts = f"{len(layer.units):,}", f"{len(layer.weights):,}"
        lines.append((texts[0], texts[1], *counts, *extents(layer)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        "  ".join([f"{text:{'<' if k < 2 else '>'}{widths[k]}}" for k, text in enumerate(line)]) for line in lines
    ]
    return "\n".join([*aligned, *([rest] if rest else [])])


def extents(layer: Layered) -> tuple[str, str, str]:
    """The extent of a layer's weights, that of its biases, and that of the |gradients| of both."""
    weights, biases = [w.data for w in layer.weights], [b.data for b in layer.biases]
    return extent(weights), extent(biases), extent([abs(p.grad) for p in layer.parameters])


def extent(numbers: Sequence[float]) -> str:
    """The least and the greatest of the finite numbers, and how many are not finite."""
    finite = [x for x in numbers if math.isfinite(x)]
    odd = len(numbers) - len(finite)
    told = [spread(finite, number)] if finite else []
    return ", ".join([*told, *([f"{odd:,} inf or nan"] if odd else [])]) or "none"


def rest_of(model: Module, rows: Sequence[Row]) -> str:
    """Which parameters are in no layer, in a sentence; empty if there are none."""
    units = [unit for row in rows for layer in row.layers for unit in layer.units]
    drawn = {joined(unit.path, f"w[{i}]") for unit in units for i in range(len(unit.weights))}
    drawn |= {joined(unit.path, "b") for unit in units}
    rest = [shortened(printable(path), NAME) for path in model.state() if path not in drawn]
    shown = ", ".join([*rest[:LISTED], "…"] if len(rest) > LISTED else rest)
    return f"{len(rest):,} parameter{'s' * (len(rest) > 1)} in no layer: {shown}" if rest else ""
