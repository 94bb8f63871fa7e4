"""Tests of labels: parameters and outputs of neurons are named by their paths, however modules are nested."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise

import pytest

from autograd_mini import Value, nn, no_grad, topological


class Line(nn.Module):
    """y = w x + b."""

    def __init__(self):
        self.w, self.b = Value(2.0), Value(1.0)


class Autoencoder(nn.Module):
    """Two networks, one behind the other."""

    def __init__(self):
        self.encoder = nn.MLP(3, [4, 2], activation="tanh", output="sigmoid", seed=0)
        self.decoder = nn.MLP(2, [3], seed=1)

    def __call__(self, x):
        return self.decoder(self.encoder(x))


def module(**attributes):
    """A module with those attributes, assigned in order."""
    built = nn.Module()
    for name, attribute in attributes.items():
        setattr(built, name, attribute)
    return built


def labels(model):
    return [p.label for p in model.parameters()]


def paths_of_mlp(sizes, prefix=""):
    """The paths of an MLP's parameters, from its sizes: inputs first."""
    return [
        f"{prefix}layers[{i}].neurons[{j}].{name}"
        for i, (nin, nout) in enumerate(pairwise(sizes))
        for j in range(nout)
        for name in [*[f"w[{k}]" for k in range(nin)], "b"]
    ]


def test_two_networks_in_a_module_have_labels_of_their_own():
    expected = paths_of_mlp([3, 4, 2], "encoder.") + paths_of_mlp([2, 3], "decoder.")
    assert labels(Autoencoder()) == expected
    assert labels(module(pair=[Autoencoder()])) == [f"pair[0].{path}" for path in expected]


MODULES = [
    Autoencoder,
    lambda: module(a=Autoencoder(), b=Autoencoder(), c=[Line(), {"x": (Line(), None)}]),
    lambda: module(outer=module(middle=module(inner=Line(), w=Value(1.0)), w=Value(2.0)), w=Value(3.0)),
    lambda: module(lines={name: Line() for name in ("a", 1, (2, "b"))}, text="w", number=3, computed=Value(1.0) * 2.0),
    lambda: nn.Layer(2, 3),
    lambda: nn.Neuron(2),
    nn.Module,
]


@pytest.mark.parametrize("build", MODULES)
def test_each_label_is_the_path_under_which_the_parameter_is_saved(build):
    model = build()
    assert labels(model) == list(model.state())
    assert len(set(labels(model))) == len(model.parameters())


@pytest.mark.parametrize("build", MODULES)
def test_each_label_is_an_expression_for_its_parameter(build):
    model = build()
    for p in model.parameters():
        assert eval(f"model.{p.label}") is p


@pytest.mark.parametrize("label", ["temperature", "", "w.", "ine.w", "xw"])
@pytest.mark.parametrize("early", [True, False])
def test_a_label_set_by_hand_is_kept(label, early):
    line = Line()
    if early:
        line.w = Value(2.0, label=label)
    else:
        line.w.label = label
    model = module(line=line)
    assert labels(model) == [label, "line.b"]
    assert labels(module(model=model, again=[model])) == [label, "model.line.b"]


def test_a_parameter_in_two_places_has_the_path_of_the_first():
    w = Value(1.0)
    model = module(first=module(w=w), second=module(v=w, u=Value(2.0)), third=w)
    assert labels(model) == ["first.w", "second.u"]
    assert model.state() == {"first.w": 1.0, "second.u": 2.0}


def test_a_module_in_two_models_has_the_path_of_the_first():
    encoder = nn.MLP(2, [2], seed=0)
    first = module(encoder=encoder)
    module(backbone=encoder)
    assert labels(first) == paths_of_mlp([2, 2], "encoder.")
    assert [y.label for y in encoder([1.0, 2.0])] == [f"encoder.layers[0].neurons[{j}]" for j in (0, 1)]


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_copy_has_labels_of_its_own(depth):
    model = inner = module(online=nn.MLP(1, [2, 1], seed=0))
    for _ in range(depth):
        model = module(inner=model)
    inner.target = copy.deepcopy(inner.online)
    prefix = "inner." * depth
    assert labels(model) == paths_of_mlp([1, 2, 1], f"{prefix}online.") + paths_of_mlp([1, 2, 1], f"{prefix}target.")
    assert inner.online(1.0).label == f"{prefix}online.layers[1].neurons[0]"
    assert inner.target(1.0).label == f"{prefix}target.layers[1].neurons[0]"


def test_a_computed_value_in_an_attribute_is_not_labelled():
    model = module(w=Value(1.0))
    model.doubled = model.w * 2.0
    assert model.doubled.label is None


def test_what_is_assigned_to_an_inner_module_has_its_whole_path():
    model = module(ends=[Autoencoder()])
    model.ends[0].decoder.layers[0].neurons = [nn.Neuron(2), nn.Neuron(2)]
    model.ends[0].scale = Value(1.0)
    encoder, decoder = paths_of_mlp([3, 4, 2], "ends[0].encoder."), paths_of_mlp([2, 2], "ends[0].decoder.")
    assert labels(model) == [*encoder, *decoder, "ends[0].scale"]


def test_a_list_that_grew_is_labelled_when_it_is_assigned_again():
    model = module(lines=[Line()])
    model.lines.append(Line())
    assert labels(model) == ["lines[0].w", "lines[0].b", "w", "b"]
    model.lines = model.lines
    assert labels(model) == list(model.state())


def test_modules_that_refer_to_each_other_are_labelled_without_end():
    model, child = module(w=Value(1.0)), Line()
    model.itself, model.child = model, child
    assert labels(model) == ["w", "child.w", "child.b"]
    child.parent = model
    assert len(set(labels(model))) == 3


def test_an_attribute_that_a_property_keeps_elsewhere_has_the_name_it_is_kept_under():
    class Positive(nn.Module):
        """A module with a rate that it checks."""

        @property
        def rate(self):
            return self.kept[0]

        @rate.setter
        def rate(self, rate):
            self.kept = [rate]

    model = Positive()
    model.rate = Value(2.0)
    assert labels(model) == ["kept[0]"] == list(model.state())


# The outputs of neurons.


def sums(neuron, x):
    """The weighted sum of a neuron, in plain floats."""
    return sum(w.data * c for w, c in zip(neuron.w, x, strict=True)) + neuron.b.data


def test_the_output_of_each_neuron_has_its_path_and_nothing_else_is_labelled():
    model, x = Autoencoder(), [0.5, -1.0, 2.0]
    encoder, decoder = model.encoder, model.decoder
    chain = [("encoder.layers[0]", encoder.layers[0]), ("encoder.layers[1]", encoder.layers[1]),
             ("decoder.layers[0]", decoder.layers[0])]  # fmt: skip
    expected, inputs = {}, x
    for name, layer in chain:
        functions = {"tanh": Value.tanh, "sigmoid": Value.sigmoid, "linear": Value.__pos__}
        outputs = [functions[n.activation](Value(sums(n, inputs))).data for n in layer.neurons]
        expected |= {f"{name}.neurons[{j}]": y for j, y in enumerate(outputs)}
        inputs = outputs
    found = {}
    for y in model(x):
        found |= {node.label: node.data for node in topological(y) if node.op != "leaf" and node.label}
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_labelled_output_depends_on_its_neurons_weights():
    model = nn.MLP(2, [3, 2], seed=0)
    for y in model([1.0, 2.0]):
        for node in topological(y):
            if node.op != "leaf" and node.label:
                neuron = eval(f"model.{node.label}")
                assert {id(neuron.w[0]), id(neuron.b)} <= {id(part) for part in topological(node)}


def test_a_neuron_of_its_own_has_no_path():
    assert nn.Neuron(2)([1.0, 2.0]).label is None
    assert nn.Layer(2, 1)([1.0, 2.0]).label == "neurons[0]"


@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_outputs_are_labelled_whatever_the_activation(activation, bias):
    outputs = nn.Layer(2, 2, activation, bias=bias)([1.0, 2.0])
    assert [y.label for y in outputs] == ["neurons[0]", "neurons[1]"]


def test_nothing_is_labelled_where_nothing_is_recorded():
    with no_grad():
        assert [y.label for y in nn.Layer(2, 2)([1.0, 2.0])] == [None, None]


def test_an_output_that_has_a_label_keeps_it(monkeypatch):
    def named(z):
        y = z.tanh()
        y.label = "mine"
        return y

    monkeypatch.setitem(nn.ACTIVATIONS, "named", named)
    assert [y.label for y in nn.Layer(2, 2, "named", init="uniform")([1.0, 2.0])] == ["mine", "mine"]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_label_outputs_alike(again):
    model = Autoencoder()
    assert [y.label for y in again(model)([0.5, -1.0, 2.0])] == [y.label for y in model([0.5, -1.0, 2.0])]
    assert labels(again(model)) == labels(model)


def test_what_is_saved_has_paths_and_numbers_alone(tmp_path):
    model = nn.MLP(2, [3, 1], seed=0)
    state = dict(zip(paths_of_mlp([2, 3, 1]), [p.data for p in model.parameters()], strict=True))
    assert model.state() == state
    model.save(tmp_path / "model.json")
    other = nn.MLP(2, [3, 1], seed=1)
    other.load(tmp_path / "model.json")
    assert other.state() == state
