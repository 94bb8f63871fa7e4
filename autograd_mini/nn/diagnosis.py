"""A diagnosis of a network, layer by layer: dead units, saturated activations, the size of gradients."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from autograd_mini.functions import where
from autograd_mini.gradient import parts
from autograd_mini.nn.arguments import plain
from autograd_mini.nn.layers import ACTIVATIONS, Layer, Neuron
from autograd_mini.nn.module import Module, named_parameters, named_parts
from autograd_mini.value import Value, is_recording, topological

STEEPEST = {"sigmoid": 0.25, "tanh": 1.0}  # the greatest slopes of the activations that saturate
FLAT = 0.05  # of the greatest slope: less is saturated, sigmoids out of 0.0127 to 0.9873, tanhs out of -0.975 to 0.975
FEW = 10  # examples: a unit that is 0 for all of them may still be alive for others
MANY_DEAD = 0.25  # of the units of a layer: a layer that has just been initialised may have some
MANY_SATURATED = 0.5  # of the outputs of a layer
FADED = 0.01  # of another layer's gradient

HEALTHY = "Nothing stands out: few units are dead or saturated, and no layer's gradient vanishes or explodes."

HEADINGS = ("layer", "activation", "units", "dead", "saturated", "gradient")


@dataclass(frozen=True)
class LayerDiagnosis:
    """What was seen of one layer, or of one neuron that is in no layer.

    Attributes:
        name: its path in the model, such as 'layers[0]'.
        activation: the name of its activation.
        units: the number of its neurons.
        dead: the share of its relu units with slope 0 for every example; None if it has none that the output uses.
        saturated: the share of its sigmoid and tanh outputs, over units and examples, where the slope is less than 5 %
            of the greatest; None if there are none.
        gradient: the root mean square of its parameters' grads; None if it has no parameters.
        finite: whether its weighted sums and grads are finite numbers.
    """

    name: str
    activation: str
    units: int
    dead: float | None
    saturated: float | None
    gradient: float | None
    finite: bool

    def cells(self) -> tuple[str, ...]:
        """The row of the table, as text."""
        shares = [shown(share, ".0%") for share in (self.dead, self.saturated)]
        return (self.name, self.activation, str(self.units), *shares, shown(self.gradient, ".2g"))


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What diagnose() found: a table with a row for each layer, and sentences that say what it means."""

    layers: list[LayerDiagnosis]
    findings: list[str]

    def __repr__(self) -> str:
        rows = [HEADINGS, *[layer.cells() for layer in self.layers]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(aligned, row, widths, "<<>>>>")).rstrip() for row in rows]
        return "\n".join([*lines, "", *[textwrap.fill(finding, 100) for finding in self.findings]])

    def _repr_html_(self) -> str:
        """What a notebook shows, in the colours of the page: light or dark."""
        head = "".join([f"<th>{html.escape(name)}</th>" for name in HEADINGS])
        rows = ["".join([f"<td>{html.escape(cell)}</td>" for cell in layer.cells()]) for layer in self.layers]
        body = "".join([f"<tr>{row}</tr>" for row in rows])
        findings = "".join([f"<li>{html.escape(finding)}</li>" for finding in self.findings])
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><ul>{findings}</ul>"


def shown(x: float | None, spec: str) -> str:
    """The number in that format, or a dash for none."""
    return "–" if x is None else format(x, spec)


def aligned(text: str, width: int, side: str) -> str:
    """The text filled up to a width, at the left or right side of it."""
    return f"{text:{side}{width}}"


def diagnose(model: Any, X: Iterable[Any]) -> Diagnosis:
    """Look for what keeps a network from learning: dead units, saturated activations, gradients that fade away.

    The model is called on each example; its parameters, their grads and labels stay as they are. The grads are looked
    at as the last backward() left them, such as that of the last batch of train().

    Args:
        model: a Module with Layers or Neurons in it, and any __call__ that gives a Value, or a list, tuple or dict of
            them, computed by those.
        X: the inputs to look at, at least one. What is dead for a few may be alive for others: give a good sample.

    Returns:
        A Diagnosis, which prints as a table; its layers are in the order in which an output is computed.

    Raises:
        TypeError: if the model is no Module, or gives no Value.
        ValueError: if X is empty, or no neuron takes part in computing the outputs.
        RuntimeError: inside no_grad(), where there is no graph to look at.

    >>> from autograd_mini import nn
    >>> model = nn.MLP(2, [8, 8, 1], seed=0)
    >>> nn.hinge(model([1.0, -2.0]), -1).backward()
    >>> print(nn.diagnose(model, [[1.0, -2.0], [0.5, 0.5], [-3.0, 1.0]]))
    layer      activation  units  dead  saturated  gradient
    layers[0]  relu            8    0%          –      0.52
    layers[1]  relu            8    0%          –      0.39
    layers[2]  linear          1     –          –         2
    <BLANKLINE>
    Nothing stands out: few units are dead or saturated, and no layer's gradient vanishes or explodes.
    """
    layers = layers_of(model)
    inputs = list(X)
    sums = weighted_sums(model, inputs, [neuron for _, _, neurons in layers for neuron in neurons])
    place = {neuron: i for i, neuron in enumerate(sums)}
    layers.sort(key=lambda layer: min([place.get(neuron, len(place)) for neuron in layer[2]]))
    rows = [examined(name, module, neurons, sums) for name, module, neurons in layers]
    return Diagnosis(rows, list(troubles(rows, len(inputs))) or [HEALTHY])


def layers_of(model: Any) -> list[tuple[str, Module, list[Neuron]]]:
    """The layers, and the neurons in none, with their names and their neurons; an error if there are none."""
    if not isinstance(model, Module) or not callable(model):
        kind = f"{type(model).__name__}: {model!r:.60}"
        raise TypeError(f"diagnose() takes an nn.Module with a __call__, such as an nn.MLP, not {kind}")
    named = [(type(model).__name__, model), *named_parts(vars(model), "", {id(model)})]
    layers = [(name, part, inner) for name, part in named if isinstance(part, Layer) and (inner := neurons_of(part))]
    in_layers = {id(neuron) for _, _, neurons in layers for neuron in neurons}
    others = [(name, part) for name, part in named if isinstance(part, Neuron) and id(part) not in in_layers]
    found = [*layers, *[(name, neuron, [neuron]) for name, neuron in others]]
    if not found:
        raise ValueError(f"{type(model).__name__} has no nn.Neuron to diagnose: build it from nn.Layer, nn.MLP, ...")
    return found


def neurons_of(layer: Layer) -> list[Neuron]:
    """The neurons in a layer."""
    return [part for _, part in named_parts(vars(layer), "", {id(layer)}) if isinstance(part, Neuron)]


def weighted_sums(model: Any, inputs: list[Any], neurons: list[Neuron]) -> dict[Neuron, list[float]]:
    """w · x + b of each neuron for the inputs, as found in the graphs of the outputs, in the order of computation."""
    if not is_recording():
        raise RuntimeError("diagnose() inside no_grad(), where nothing is recorded: call it outside")
    if not inputs:
        raise ValueError("X is empty: give at least one example to look at")
    owners: dict[tuple[Value | float, ...], Neuron] = {tuple(neuron.w): neuron for neuron in neurons}
    sums: dict[Neuron, list[float]] = {}
    for i, x in enumerate(inputs):
        for node in topological(root_of(model(x), i)):
            neuron = owners.get(node.operands[: len(node.operands) // 2]) if node.op == "dot" else None
            if neuron is not None:
                b = 0.0 if neuron.b is None else plain(neuron.b)
                sums.setdefault(neuron, []).append(node.data + b)
    if not sums:
        raise ValueError(
            "no neuron of the model takes part in computing its outputs: return what the layers give, as Values"
        )
    return sums


def root_of(outputs: Any, i: int) -> Value:
    """One node above all outputs of the model for X[i]; a TypeError if there is no Value in them."""
    values = [y for _, y in parts(outputs, "") if isinstance(y, Value)]
    if not values:
        kind = type(outputs).__name__
        raise TypeError(f"the model gives {kind} for X[{i}]: {outputs!r:.60}; a Value, or a list of them, is expected")
    return reduce(lambda a, b: where(True, a, b), values)  # unlike a sum, it cannot overflow


def examined(name: str, module: Module, neurons: list[Neuron], sums: dict[Neuron, list[float]]) -> LayerDiagnosis:
    """The row of one layer."""
    seen = [(neuron.activation, z) for neuron in neurons for z in sums.get(neuron, [])]
    relus = [sums[neuron] for neuron in neurons if neuron.activation == "relu" and neuron in sums]
    dead = [all([slope("relu", z) == 0.0 and not math.isnan(z) for z in zs]) for zs in relus]
    flat = [slope(kind, z) < FLAT * STEEPEST[kind] for kind, z in seen if kind in STEEPEST]
    grads = [p.grad for _, p in named_parameters(module)]
    return LayerDiagnosis(
        name=name,
        activation=", ".join(dict.fromkeys([neuron.activation for neuron in neurons])),
        units=len(neurons),
        dead=share(dead),
        saturated=share(flat),
        gradient=math.hypot(*grads) / math.sqrt(len(grads)) if grads else None,
        finite=all(map(math.isfinite, [*grads, *[z for _, z in seen]])),
    )


def slope(activation: str, z: float) -> float:
    """The local derivative of an activation that is one operation."""
    return ACTIVATIONS[activation](Value(z)).local_derivatives[0]


def share(flags: list[bool]) -> float | None:
    """The share of those that are true; None if there are none at all."""
    return sum(flags) / len(flags) if flags else None


def troubles(layers: list[LayerDiagnosis], examples: int) -> Iterator[str]:
    """What is wrong in the layers, what it means and what to do about it, a sentence each."""
    many = f"each of the {examples:,} examples" if examples >= FEW else f"the few examples given ({examples})"
    cure = (
        "so that no gradient reaches their weights and they stay as they are: try a smaller learning rate or"
        ' activation="leaky_relu".'
        if examples >= FEW
        else "which tells little: give more of them."
    )
    for layer in [layer for layer in layers if not layer.finite][:1]:  # what comes after it may follow from it
        yield (
            f"{layer.name} has weighted sums or gradients that are not finite, and every step of an optimiser spreads"
            " them: look for such numbers in X and in the weights, and try a smaller learning rate."
        )
    for layer in layers:
        if layer.dead is not None and layer.dead > MANY_DEAD:
            yield f"{layer.name}: {layer.dead:.0%} of the relu units are dead, 0 for {many}, {cure}"
    for layer in layers[:-1]:  # not the last: an output that saturates is sure of itself
        if layer.saturated is not None and layer.saturated > MANY_SATURATED:
            yield (
                f"{layer.name}: {layer.saturated:.0%} of the outputs are saturated, where the activation is all but"
                " flat and hardly any gradient passes: scale the inputs to mean 0 and deviation 1, or start from"
                " smaller weights."
            )
    yield from troubles_of_gradients([(layer.name, layer.gradient) for layer in layers if layer.gradient is not None])


def troubles_of_gradients(sizes: list[tuple[str, float]]) -> Iterator[str]:
    """What is wrong with the gradients of the layers, given their names and sizes from first to last."""
    if not sizes:
        return
    (first, near_input), (last, near_output) = sizes[0], sizes[-1]
    if not any([size for _, size in sizes]):
        yield (
            "All gradients are 0, as they are before the first backward(): call it on the loss of a batch, or"
            " nn.train(), and diagnose again; if they are 0 after that, the loss does not depend on the parameters."
        )
    elif near_input < FADED * near_output:
        yield (
            f"The gradient vanishes: in {first} it is {near_input:.2g} against {near_output:.2g} in {last}, so the"
            " first layers hardly learn: look at dead and saturated layers first, then try relu, fewer layers, or"
            " inputs scaled to deviation 1."
        )
    elif near_output < FADED * near_input:
        yield (
            f"The gradient explodes: in {first} it is {near_input:.2g} against {near_output:.2g} in {last}, so no"
            " learning rate fits both: scale the inputs to deviation 1, or start from smaller weights."
        )
