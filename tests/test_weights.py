"""MLPs made of weights in nested lists, and their weights as such lists: PyTorch's too; and all that is refused."""

from __future__ import annotations

import json
import math
import random

import pytest

from autograd_mini import Value, nn

SEQUENTIAL = {
    "0.weight": [[1.0, 2.0], [3.0, -4.0], [5.0, 6.0]], "0.bias": [0.5, 0.25, -0.125],
    "2.weight": [[1.0, 2.0, -3.0]], "2.bias": [7.0],
}  # fmt: skip


def test_an_mlp_has_the_shape_and_the_numbers_of_the_lists():
    model = nn.MLP.from_state(SEQUENTIAL, activation="tanh", output="sigmoid")
    assert repr(model) == "MLP(2, [3, 1], activation='tanh', output='sigmoid')"
    assert model.state() == {
        "layers[0].neurons[0].w[0]": 1.0, "layers[0].neurons[0].w[1]": 2.0, "layers[0].neurons[0].b": 0.5,
        "layers[0].neurons[1].w[0]": 3.0, "layers[0].neurons[1].w[1]": -4.0, "layers[0].neurons[1].b": 0.25,
        "layers[0].neurons[2].w[0]": 5.0, "layers[0].neurons[2].w[1]": 6.0, "layers[0].neurons[2].b": -0.125,
        "layers[1].neurons[0].w[0]": 1.0, "layers[1].neurons[0].w[1]": 2.0, "layers[1].neurons[0].w[2]": -3.0,
        "layers[1].neurons[0].b": 7.0,
    }  # fmt: skip
    assert [p.label for p in model.parameters()] == list(model.state())
    assert [layer.neurons[0].activation for layer in model.layers] == ["tanh", "sigmoid"]
    hidden = [math.tanh(z) for z in (1.0 - 2.0 + 0.5, 3.0 + 4.0 + 0.25, 5.0 - 6.0 - 0.125)]
    z = hidden[0] + 2.0 * hidden[1] - 3.0 * hidden[2] + 7.0
    assert model([1.0, -1.0]).data == pytest.approx(1.0 / (1.0 + math.exp(-z)), rel=1e-14)


@pytest.mark.parametrize(
    "names",
    [
        ("layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"),
        ("net.fc2.weight", "net.fc2.bias", "net.fc1.weight", "net.fc1.bias"),  # in their order, not the alphabet's
    ],
)
def test_names_only_tell_layers_apart(names):
    state = dict(zip(names, SEQUENTIAL.values(), strict=True))
    expected = nn.MLP.from_state(SEQUENTIAL).state()
    assert nn.MLP.from_state(state).state() == expected
    biases_first = sorted(state.items(), key=lambda item: item[0].endswith("weight"))
    assert nn.MLP.from_state(dict(biases_first)).state() == expected


def test_one_layer_by_itself():
    assert nn.MLP.from_state({"weight": [[1.0, 2.0]], "bias": [3.0]})([10.0, 1.0]).data == 15.0


@pytest.mark.parametrize("lacking", [("0.bias",), ("2.bias",), ("0.bias", "2.bias")])
def test_layers_without_biases(lacking):
    state = {name: part for name, part in SEQUENTIAL.items() if name not in lacking}
    model = nn.MLP.from_state(state)
    assert [[n.b is None for n in layer.neurons] for layer in model.layers] == [
        [f"{i}.bias" in lacking] * n for i, n in [(0, 3), (2, 1)]
    ]
    assert list(model.state(nested=True).values()) == list(state.values())
    assert nn.MLP.from_state(model.state()).state() == model.state()
    model([1.0, 2.0]).backward()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("nouts", [[1], [16, 3], [2] * 12])
def test_the_state_of_a_model_makes_its_copy(nouts, bias, nested):
    model = nn.MLP(3, nouts, bias=bias, seed=1)
    for p, x in zip(model.parameters(), [0.1 + 0.2, -0.0, 5e-324, -1.7976931348623157e308], strict=False):
        p.data = x
    state = model.state(nested=nested)
    copied = nn.MLP.from_state(state)
    assert {name: x.hex() for name, x in copied.state().items()} == {k: x.hex() for k, x in model.state().items()}
    assert repr(copied) == repr(model)
    assert not {id(p) for p in model.parameters()} & {id(p) for p in copied.parameters()}
    assert nn.MLP.from_state(json.loads(json.dumps(state))).state(nested=True) == model.state(nested=True)
    if not nested:  # its names say where a number belongs, in whatever order they come
        shuffled = random.Random(0).sample(list(state.items()), len(state))
        assert nn.MLP.from_state(dict(shuffled)).state() == model.state()


def test_nested_lists_have_a_row_for_each_neuron():
    model = nn.MLP(2, [3, 1], seed=0)
    state = model.state(nested=True)
    assert list(state) == ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert state["layers.0.weight"][2][1] == model.layers[0].neurons[2].w[1].data
    assert [len(rows) for rows in state.values()] == [3, 3, 1, 1]
    assert model.state() == model.state(nested=False) != state
    state["layers.0.weight"][0][0] = math.pi
    assert model.layers[0].neurons[0].w[0].data != math.pi


def test_a_saved_file_makes_a_model(tmp_path):
    model = nn.MLP(2, [3, 1], seed=0)
    model.save(tmp_path / "model.json")
    assert nn.MLP.from_state(json.loads((tmp_path / "model.json").read_text())).state() == model.state()


def test_pythons_random_numbers_are_left_alone_and_subclasses_are_kept():
    class Net(nn.MLP):
        pass

    before = random.getstate()
    assert type(Net.from_state(SEQUENTIAL)) is Net
    assert random.getstate() == before


@pytest.mark.parametrize("kind", ["float64", "float32", "int32"])
def test_numpys_arrays(kind):
    numpy = pytest.importorskip("numpy")
    arrays = {name: numpy.array(part).astype(kind) for name, part in SEQUENTIAL.items()}
    expected = nn.MLP.from_state({name: part.tolist() for name, part in arrays.items()}).state()
    assert nn.MLP.from_state(arrays).state() == expected
    rows = {name: list(part) for name, part in arrays.items()}  # lists of rows, of numbers of NumPy's
    found = nn.MLP.from_state(rows).state()
    assert found == expected and {type(x) for x in found.values()} == {float}


FLAT = nn.MLP(2, [2, 1], seed=0).state()


def changed(state, **changes):
    """The state with parts put in, by names with _ for a dot; None takes one out."""
    changes = {name.replace("_", "."): part for name, part in changes.items()}
    return {name: part for name, part in {**state, **changes}.items() if part is not None}


def without(*names):
    return {name: x for name, x in FLAT.items() if name not in names}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, "holds no weights: expected is a list of rows for each layer"),
        ({"0.bias": [1.0]}, "holds no weights"),
        ({**SEQUENTIAL, "4.bias": [1.0]}, "holds '4.bias', but no '4.weight'"),
        ({"weight": [[1.0]], "0.bias": [1.0]}, "holds '0.bias', but no '0.weight'"),
        ({"0.weight": [[1.0]], "bias": [1.0]}, "holds 'bias', but no 'weight'"),
        ({**SEQUENTIAL, "1.running_mean": [1.0]}, "holds '1.running_mean': a name ends in weight or bias"),
        ({**SEQUENTIAL, 3: [1.0]}, "holds 3: a name ends in"),
        (nn.Layer(2, 2).state(), r"holds 'neurons\[0\].w\[0\]': a name ends in"),
        ({"0.weight": []}, r"^0.weight is \[\], where a list of rows is expected"),
        ({"0.weight": [[]]}, r"^0.weight\[0\] is \[\], where a list of numbers is expected"),
        ({"0.weight": 3.0}, "^0.weight is 3.0, where a list of rows"),
        ({"0.weight": None}, "^0.weight is None, where a list of rows"),
        ({"0.weight": "ab"}, "^0.weight is 'ab', where a list of rows"),
        ({"0.weight": [1.0, 2.0]}, r"^0.weight\[0\] is 1.0, where a list of numbers"),  # of a BatchNorm
        ({"0.weight": [[[1.0]]]}, r"^0.weight\[0\]\[0\] is \[1.0\], where a finite number"),  # of a convolution
        ({"0.weight": [[1.0, 2.0], [3.0]]}, r"^0.weight\[1\] has 1 weights, and 0.weight\[0\] has 2"),
        (changed(SEQUENTIAL, **{"0_bias": [1.0, 2.0]}), "^0.bias has 2 numbers, and 0.weight has 3 rows"),
        (changed(SEQUENTIAL, **{"2_bias": []}), r"^2.bias is \[\], where a list of numbers"),
        (changed(SEQUENTIAL, **{"2_bias": 7.0}), "^2.bias is 7.0, where a list of numbers"),
        (changed(SEQUENTIAL, **{"2_bias": [[7.0]]}), r"^2.bias\[0\] is \[7.0\], where a finite number"),
        (
            changed(SEQUENTIAL, **{"2_weight": [[1.0, 2.0]]}),
            "^0.weight gives 3 outputs, and the next, 2.weight, takes 2 inputs",
        ),
        *[
            ({"0.weight": [[1.0, x]]}, rf"^0.weight\[0\]\[1\] is {said}, where a finite number is expected")
            for x, said in [
                (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"), ("1.0", "'1.0'"), (None, "None"),
                (True, "True"), (1j, "1j"), (Value(1.0), "Value.*"), (10**400, "1000*"),
            ]
        ],
        (without("layers[0].neurons[1].w[0]"), r"no layers\[0\].neurons\[1\].w\[0\], but layers.*w\[1\]"),
        (without("layers[0].neurons[1].w[1]"), r"layers.0.weight\[1\] has 1 weights, and layers.0.weight\[0\] has 2"),
        (without("layers[0].neurons[0].b"), r"no layers\[0\].neurons\[0\].b, but layers\[0\].neurons\[1\].b"),
        (without("layers[0].neurons[1].b"), "^layers.0.bias has 1 numbers, and layers.0.weight has 2 rows"),
        (
            {name: x for name, x in FLAT.items() if name.startswith("layers[1]")},
            r"no layers\[0\], but layers\[1\]",
        ),
        (
            {name: x for name, x in FLAT.items() if "neurons[0].w" not in name},
            r"no layers\[0\].neurons\[0\], but layers\[0\].neurons\[1\]",
        ),
        (without("layers[1].neurons[0].w[0]", "layers[1].neurons[0].w[1]"), "holds 'layers.1.bias', but no"),
        ({**FLAT, "0.weight": [[1.0]]}, "holds '0.weight' beside names such as 'layers"),
        ({**FLAT, 3: 1.0}, "holds 3 beside names such as 'layers"),
        (
            {**FLAT, "layers[0].neurons[0].b": math.nan},
            r"^layers.0.bias\[0\] is nan, where a finite number is expected",
        ),
        ({**FLAT, "layers[1].neurons[0].w[2]": 1.0}, "gives 2 outputs, and the next, layers.1.weight, takes 3 inputs"),
    ],
)  # fmt: skip
def test_states_that_are_no_mlps(state, said):
    with pytest.raises(ValueError, match=said):
        nn.MLP.from_state(state)


@pytest.mark.parametrize("state", [None, [[1.0]], "0.weight", 3.0])
def test_a_state_is_a_dict(state):
    with pytest.raises(TypeError, match=f"a state is a dict of weights and biases .*, not {type(state).__name__}"):
        nn.MLP.from_state(state)


def test_activations_are_looked_up():
    with pytest.raises(ValueError, match="unknown activation 'swish'"):
        nn.MLP.from_state(SEQUENTIAL, activation="swish")


# PyTorch.


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("of_lists", [False, True])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_model_of_pytorchs(kind, of_lists, bias):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    linear, dtype = torch.nn.Linear, getattr(torch, kind)
    net = torch.nn.Sequential(linear(3, 5, bias), torch.nn.Tanh(), linear(5, 4), torch.nn.Tanh(), linear(4, 2, bias))
    net = net.to(dtype)
    state = {name: x.tolist() for name, x in net.state_dict().items()} if of_lists else net.state_dict()
    model = nn.MLP.from_state(state, activation="tanh")
    for x in ([0.5, -1.0, 2.0], [0.0, 0.0, 0.0], [-3.0, 0.25, 1.0]):
        expected = net.double()(torch.tensor(x, dtype=torch.float64)).tolist()
        assert [y.data for y in model(x)] == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert list(model.state(nested=True).values()) == [x.tolist() for x in net.state_dict().values()]


def test_a_model_for_pytorch():
    torch = pytest.importorskip("torch")
    model = nn.MLP(3, [4, 2], activation="sigmoid", seed=0)
    other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Sigmoid(), torch.nn.Linear(4, 2)).double()
    tensors = [torch.tensor(x, dtype=torch.float64) for x in model.state(nested=True).values()]
    other.load_state_dict(dict(zip(other.state_dict(), tensors)))  # noqa: B905 - as the docstring has it
    x = [0.5, -1.0, 2.0]
    y = model(x)
    expected = other(torch.tensor(x, dtype=torch.float64)).tolist()
    assert [out.data for out in y] == pytest.approx(expected, rel=1e-12)
