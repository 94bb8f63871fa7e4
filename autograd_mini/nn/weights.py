"""The weights and biases of linear layers in nested lists, by the names that PyTorch gives them, checked and read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import pairwise
from numbers import Real
from typing import Any, NamedTuple

OF_NEURON = re.compile(r"layers\[(\d+)\]\.neurons\[(\d+)\]\.(?:w\[(\d+)\]|b)")


class Linear(NamedTuple):
    """A linear layer: for each neuron, a row of weights and a bias, or no biases."""

    name: str
    weight: list[list[float]]
    bias: list[float] | None


def linears(state: Any) -> list[Linear]:
    """The linear layers in a state, in the order of their weights; what MLP.from_state() takes, and its errors."""
    if not isinstance(state, Mapping):
        raise TypeError(f"a state is a dict of weights and biases by their names, not {type(state).__name__}")
    if any(isinstance(name, str) and OF_NEURON.fullmatch(name) for name in state):
        state = by_layer(state)
    parts: dict[str, dict[str, Any]] = {"weight": {}, "bias": {}}
    for name, part in state.items():
        layer, _, kind = name.rpartition(".") if isinstance(name, str) else ("", "", "")
        if kind not in parts:
            raise ValueError(f"the state holds {name!r:.60}: a name ends in weight or bias, of a linear layer")
        parts[kind][layer] = part
    if not parts["weight"]:
        raise ValueError("the state holds no weights: expected is a list of rows for each layer, by names in .weight")
    if alone := [layer for layer in parts["bias"] if layer not in parts["weight"]]:
        raise ValueError(f"the state holds {joined(alone[0], 'bias')!r}, but no {joined(alone[0], 'weight')!r}")
    layers = [linear(name, weight, parts["bias"].get(name)) for name, weight in parts["weight"].items()]
    for before, after in pairwise(layers):
        if len(before.weight) != len(after.weight[0]):
            raise ValueError(
                f"{joined(before.name, 'weight')} gives {len(before.weight)} outputs, and the next,"
                f" {joined(after.name, 'weight')}, takes {len(after.weight[0])} inputs"
            )
    return layers


def linear(layer: str, weight: Any, bias: Any) -> Linear:
    """One layer, checked: rows of one length, and as many biases as rows."""
    name = joined(layer, "weight")
    rows = [row_of(row, f"{name}[{i}]") for i, row in enumerate(listed(weight, name, "a list of rows"))]
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(f"{name}[{i}] has {len(row)} weights, and {name}[0] has {len(rows[0])}")
    if bias is None:
        return Linear(layer, rows, None)
    biases = row_of(bias, joined(layer, "bias"))
    if len(biases) != len(rows):
        raise ValueError(f"{joined(layer, 'bias')} has {len(biases)} numbers, and {name} has {len(rows)} rows")
    return Linear(layer, rows, biases)


def row_of(row: Any, path: str) -> list[float]:
    """The numbers in a list or an array of one dimension."""
    return [finite(x, f"{path}[{i}]") for i, x in enumerate(listed(row, path, "a list of numbers"))]


def listed(x: Any, path: str, expected: str) -> list[Any]:
    """What is in a list, a tuple or an array; a ValueError if it is nothing, or something else."""
    parts = x.tolist() if hasattr(x, "tolist") else x
    if not isinstance(parts, (list, tuple)) or not parts:
        raise ValueError(f"{path} is {x!r:.60}, where {expected} is expected")
    return list(parts)


def finite(x: Any, path: str) -> float:
    """x as a float; a ValueError if it is no finite number."""
    try:
        number = float(x) if isinstance(x, Real) and not isinstance(x, bool) else math.nan
    except OverflowError:  # of an int
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{path} is {x!r:.60}, where a finite number is expected")
    return number


def joined(layer: str, kind: str) -> str:
    """The name of a part of a layer; a layer by itself has no name."""
    return f"{layer}.{kind}" if layer else kind


def by_layer(state: Mapping[Any, Any]) -> dict[str, Any]:
    """What Module.state() gives of an MLP, in lists: 'layers[0].neurons[3].w[1]' is in row 3 of 'layers.0.weight'."""
    weights: dict[int, dict[int, dict[int, Any]]] = {}
    biases: dict[int, dict[int, Any]] = {}
    for name, x in state.items():
        match = OF_NEURON.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            raise ValueError(f"the state holds {name!r:.60} beside names such as 'layers[0].neurons[0].b'")
        layer, neuron = int(match[1]), int(match[2])
        if match[3] is None:
            biases.setdefault(layer, {})[neuron] = x
        else:
            weights.setdefault(layer, {}).setdefault(neuron, {})[int(match[3])] = x
    found: dict[str, Any] = {}
    for i, layers in enumerate(in_order(weights, "layers[{}]")):
        neurons = in_order(layers, f"layers[{i}].neurons[{{}}]")
        found[f"layers.{i}.weight"] = [in_order(w, f"layers[{i}].neurons[{j}].w[{{}}]") for j, w in enumerate(neurons)]
    for i, of_neurons in biases.items():
        found[f"layers.{i}.bias"] = in_order(of_neurons, f"layers[{i}].neurons[{{}}].b")
    return found


def in_order(parts: dict[int, Any], path: str) -> list[Any]:
    """The parts with the indices 0, 1, ...; a ValueError that names the first that there is not."""
    for i in range(len(parts)):
        if i not in parts:
            raise ValueError(f"the state holds no {path.format(i)}, but {path.format(max(parts))}")
    return [parts[i] for i in range(len(parts))]
