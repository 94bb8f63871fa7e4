"""Tests of the diagnosis: shares and sizes against plain arithmetic, what it finds, leaves alone and refuses."""

from __future__ import annotations

import math
import random
import statistics
from html.parser import HTMLParser

import pytest

from autograd_mini import Value, nn, no_grad, tanh
from tests.test_nn import moons

INF, NAN = math.inf, math.nan

# The activations in plain arithmetic, and where they are flat: slopes are 1 / cosh² z and 1 / (4 cosh² ½z).
PLAIN = {
    "linear": lambda z: z,
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: max(z, 0.01 * z),
    "tanh": math.tanh,
    "sigmoid": lambda z: 0.5 + 0.5 * math.tanh(0.5 * z),
}
EDGE = math.acosh(0.05**-0.5)
FLAT = {"tanh": lambda z: abs(z) > EDGE, "sigmoid": lambda z: abs(z) > 2.0 * EDGE}


def points(n, nin=2, scale=1.0, seed=0):
    """n random inputs."""
    rng = random.Random(seed)
    return [[rng.gauss(0.0, scale) for _ in range(nin)] for _ in range(n)]


def sums_of(layers, X):
    """The weighted sums of a chain of layers for each input, in plain floats: [layer][unit][example]."""
    found = []
    for layer in layers:
        found.append([[math.fsum([*[w.data * c for w, c in zip(n.w, x, strict=True)], n.b.data]) for x in X]
                      for n in layer.neurons])  # fmt: skip
        outputs = [[PLAIN[n.activation](z) for z in zs] for n, zs in zip(layer.neurons, found[-1], strict=True)]
        X = list(zip(*outputs, strict=True))
    return found


def row(diagnosis, name):
    """The layer of that name."""
    (found,) = [layer for layer in diagnosis.layers if layer.name == name]
    return found


class Chain(nn.Module):
    """Modules one behind the other, called in the order of their names, however they were assigned."""

    def __init__(self, **modules):
        for name, module in modules.items():
            setattr(self, name, module)

    def __call__(self, x):
        for name in sorted(vars(self)):
            if not name.startswith("_"):
                x = vars(self)[name](x)
        return x


# The table.


@pytest.mark.parametrize("activation", PLAIN)
@pytest.mark.parametrize(("scale", "examples"), [(0.3, 20), (3.0, 20), (30.0, 3), (3.0, 1)])
def test_shares_are_those_of_plain_arithmetic(activation, scale, examples):
    model, X = nn.MLP(2, [9, 7, 3], activation=activation, output="sigmoid", seed=1), points(examples, scale=scale)
    for p, b in zip(model.parameters(), points(100, seed=2), strict=False):
        p.data += b[0]
    rows = nn.diagnose(model, X).layers
    assert [(r.name, r.activation, r.units) for r in rows] == [
        ("layers[0]", activation, 9), ("layers[1]", activation, 7), ("layers[2]", "sigmoid", 3),
    ]  # fmt: skip
    for r, sums in zip(rows, sums_of(model.layers, X), strict=True):
        dead = statistics.fmean([max(zs) <= 0.0 for zs in sums])
        assert r.dead == (pytest.approx(dead) if r.activation == "relu" else None)
        if r.activation in FLAT:
            assert r.saturated == pytest.approx(statistics.fmean([FLAT[r.activation](z) for zs in sums for z in zs]))
        else:
            assert r.saturated is None


def test_some_of_those_are_neither_all_nor_none():
    model = nn.MLP(2, [9, 7, 3], seed=1)
    assert 0.0 < row(nn.diagnose(model, points(3)), "layers[0]").dead < 1.0
    model = nn.MLP(2, [9, 1], activation="tanh", seed=1)
    assert 0.0 < row(nn.diagnose(model, points(9, scale=3.0)), "layers[0]").saturated < 1.0


@pytest.mark.parametrize("scale", [1.0, 1e200, 1e-200])
def test_the_gradient_is_the_root_mean_square_of_what_backward_left(scale):
    model, X = nn.MLP(2, [4, 1], activation="tanh", seed=0), points(5)
    for x in X:
        model(x).backward(seed=scale)
    for layer, r in zip(model.layers, nn.diagnose(model, X).layers, strict=True):
        squares = [(p.grad / scale) ** 2 for p in layer.parameters()]
        assert r.gradient == pytest.approx(scale * math.sqrt(statistics.fmean(squares)), rel=1e-12)


def test_layers_come_in_the_order_of_computation():
    model = Chain(c=nn.Layer(2, 1, "linear"), a=nn.MLP(2, [3, 2]), b=nn.Layer(2, 2, "tanh"))
    model.b.neurons.reverse()
    assert [r.name for r in nn.diagnose(model, points(2)).layers] == ["a.layers[0]", "a.layers[1]", "b", "c"]


class Recurrent(nn.Module):
    """A tanh neuron that reads a sequence number by number, then two neurons in no layer, in a dict."""

    def __init__(self):
        self.cell = nn.Neuron(2, "tanh", rng=random.Random(0))
        self.heads = {"a<b": nn.Neuron(1, "relu", rng=random.Random(1)), "c": nn.Neuron(1, rng=random.Random(2))}

    def __call__(self, sequence):
        state = 0.0
        for x in sequence:
            state = self.cell([x, state])
        return {name: (head(state), "text") for name, head in self.heads.items()}


def test_neurons_in_no_layer_and_used_again_and_again():
    model, X = Recurrent(), points(6, nin=4, scale=3.0)
    flat, states = [], []
    for sequence in X:
        state = 0.0
        for x in sequence:
            z = model.cell.w[0].data * x + model.cell.w[1].data * state
            flat.append(FLAT["tanh"](z))
            state = math.tanh(z)
        states.append(state)
    diagnosis = nn.diagnose(model, X)
    assert [r.name for r in diagnosis.layers] == ["cell", "heads['a<b']", "heads['c']"]
    assert row(diagnosis, "cell").saturated == pytest.approx(statistics.fmean(flat)) and 0 < sum(flat) < len(flat)
    for name, head in model.heads.items():
        assert row(diagnosis, f"heads[{name!r}]").dead == all(head.w[0].data * state <= 0.0 for state in states)


@pytest.mark.parametrize("build", [lambda: nn.Layer(2, 3), lambda: nn.Neuron(2)])
def test_a_layer_or_neuron_of_its_own_has_the_name_of_its_class(build):
    model = build()
    (found,) = nn.diagnose(model, points(3)).layers
    assert found.name == type(model).__name__ and found.units == len(getattr(model, "neurons", [model]))


def test_activations_in_a_layer_may_differ():
    model = nn.Layer(2, 3, "relu")
    model.neurons[1] = nn.Neuron(2, "tanh")
    model.neurons[1].w[0].data, model.neurons[1].w[1].data = 0.5, 0.25  # drawn, they may add up to nearly 0
    (found,) = nn.diagnose(model, [[1e3, 1e3]]).layers
    assert found.activation == "relu, tanh" and found.saturated == 1.0
    assert found.dead == statistics.fmean([n.w[0].data + n.w[1].data <= 0.0 for n in model.neurons[::2]])


def test_tied_weights_belong_to_the_neuron_that_uses_them_all():
    model = nn.MLP(2, [2, 2], activation="tanh", output="sigmoid", bias=False, seed=0)
    hidden, output = model.layers
    for j, neuron in enumerate(output.neurons):
        neuron.w = [hidden.neurons[i].w[j] for i in range(2)]
    model.layers[0].neurons[0].w[0].data = 50.0
    assert [r.saturated for r in nn.diagnose(model, [[1.0, 0.0]]).layers] == [0.5, 0.5]


def test_a_layer_that_the_output_does_not_use_has_no_shares():
    model = Chain(a=nn.Layer(2, 1))
    model._spare = nn.Layer(2, 1)
    used, spare = nn.diagnose(model, points(3)).layers
    assert (spare.name, spare.dead, spare.saturated) == ("_spare", None, None) and used.dead is not None


def test_a_layer_without_parameters_has_no_gradient():
    model = nn.Layer(2, 1, "linear", bias=False)
    model.neurons[0].w = [Value(1.0) * 2.0, Value(1.0) * 3.0]
    diagnosis = nn.diagnose(model, points(2))
    assert diagnosis.layers[0].gradient is None and diagnosis.findings == [nn.diagnosis.HEALTHY]


# What it leaves alone.


def test_nothing_is_changed():
    model, X = nn.MLP(2, [3, 2], activation="sigmoid", seed=0), [[Value(1.0), 2.0], [3.0, Value(4.0, label="x")]]
    model(X[0])[0].backward()
    model.layers[0].neurons[0].b.label = "mine"

    def everything():
        leaves = [*model.parameters(), X[0][0], X[1][1]]
        return [(v.data, v.grad, v.label) for v in leaves], [dict(vars(n)) for n in model.layers[0].neurons], X[0][1]

    before, state = everything(), model.state()
    nn.diagnose(model, X)
    assert everything() == before and model.state() == state


def test_examples_are_looked_at_once_each():
    seen = []

    class Spy(nn.MLP):
        def __call__(self, x):
            seen.append(x)
            return super().__call__(x)

    nn.diagnose(Spy(1, [1]), (x for x in (1.0, 2.0, 3.0)))
    assert seen == [1.0, 2.0, 3.0]


# What it finds.


def said(model, X):
    """The findings by their first words, the layer's name taken off."""
    return [finding.partition(": ")[2] or finding for finding in nn.diagnose(model, X).findings]


def trained(model, X, y, **options):
    nn.train(model, "hinge", X, y, progress=False, **options)
    return model


def test_a_network_that_learns_is_healthy():
    X, y = moons(40)
    model = trained(nn.MLP(2, [16, 16, 1], seed=0), X, y, epochs=20)
    assert nn.diagnose(model, X).findings == [nn.diagnosis.HEALTHY]


def test_without_a_backward_pass_it_asks_for_one():
    model = nn.MLP(2, [3, 1], seed=0)
    (finding,) = nn.diagnose(model, points(20)).findings
    assert "call it on the loss" in finding and "backward()" in finding
    model(points(1)[0]).backward()
    assert nn.diagnose(model, points(20)).findings != [finding]


def test_large_steps_kill_relus_and_it_says_so():
    X, y = moons(40)
    model = trained(nn.MLP(2, [16, 16, 1], seed=0), X, y, epochs=20, lr=5.0)
    diagnosis = nn.diagnose(model, X)
    assert all(r.dead > 0.25 for r in diagnosis.layers[:2])
    for name in ("layers[0]", "layers[1]"):
        (finding,) = [finding for finding in diagnosis.findings if finding.startswith(name)]
        assert f"{row(diagnosis, name).dead:.0%} of the relu units are dead" in finding and "smaller" in finding


@pytest.mark.parametrize(("dead", "found"), [(0, False), (1, False), (2, True), (4, True)])
def test_more_than_a_quarter_of_dead_units_is_worth_a_word(dead, found):
    model = nn.MLP(1, [4, 1], seed=0)
    for i, neuron in enumerate(model.layers[0].neurons):
        neuron.w[0].data, neuron.b.data = 1.0, -5.0 if i < dead else 5.0
    model.zero_grad()
    assert row(nn.diagnose(model, [[1.0], [-1.0]]), "layers[0]").dead == dead / 4
    assert any("dead" in finding for finding in nn.diagnose(model, [[1.0], [-1.0]]).findings) is found


@pytest.mark.parametrize("examples", [1, 9, 10, 2_000])
def test_dead_for_a_few_examples_is_not_dead(examples):
    model = nn.MLP(1, [4, 1], seed=0)
    for neuron in model.layers[0].neurons:
        neuron.w[0].data, neuron.b.data = 1.0, -5.0
    finding = next(f for f in nn.diagnose(model, [[1.0]] * examples).findings if "dead" in f)
    assert ("tells little" in finding) == (examples < 10) == ("leaky_relu" not in finding)
    assert f"{examples:,}" in finding


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize(("scale", "found"), [(0.1, False), (100.0, True)])
def test_large_inputs_saturate_hidden_layers(activation, scale, found):
    model, X = nn.MLP(2, [8, 1], activation=activation, seed=0), points(20, scale=scale)
    findings = [finding for finding in nn.diagnose(model, X).findings if "are saturated" in finding]
    assert [finding.startswith("layers[0]: ") for finding in findings] == ([True] if found else [])


def test_an_output_may_be_sure_of_itself():
    model = nn.MLP(1, [2, 1], activation="relu", output="sigmoid", seed=0)
    model(1.0).backward()
    model.layers[1].neurons[0].b.data = 100.0
    diagnosis = nn.diagnose(model, [[1.0], [-1.0]])
    assert row(diagnosis, "layers[1]").saturated == 1.0 and not any("are saturated" in f for f in diagnosis.findings)


def test_a_deep_chain_of_sigmoids_lets_the_gradient_vanish():
    model, X = nn.MLP(2, [4] * 6 + [1], activation="sigmoid", seed=0), points(5)
    model(X[0]).backward()
    diagnosis = nn.diagnose(model, X)
    (finding,) = diagnosis.findings
    assert finding.startswith("The gradient vanishes: in layers[0]") and "layers[6]" in finding
    assert diagnosis.layers[0].gradient < 0.01 * diagnosis.layers[-1].gradient


@pytest.mark.parametrize(
    ("first", "last", "begins"),
    [
        (0.0, 1.0, "The gradient vanishes"),
        (0.009, 1.0, "The gradient vanishes"),
        (0.011, 1.0, "Nothing stands out"),
        (1.0, 1.0, "Nothing stands out"),
        (1.0, 0.011, "Nothing stands out"),
        (1.0, 0.009, "The gradient explodes"),
        (1.0, 0.0, "The gradient explodes"),
        (0.0, 0.0, "All gradients are 0"),
    ],
)
def test_the_gradients_of_the_first_and_the_last_layer_are_compared(first, last, begins):
    model = nn.MLP(2, [3, 3, 1], activation="tanh", seed=0)
    for layer, grad in zip(model.layers, (first, 0.0, last), strict=True):
        for p in layer.parameters():
            p.grad = grad
    (finding,) = nn.diagnose(model, points(3, scale=0.1)).findings
    assert finding.startswith(begins)


@pytest.mark.parametrize("where", ["input", "weight", "grad"])
@pytest.mark.parametrize("x", [NAN, INF])
def test_numbers_that_are_not_finite_are_found_where_they_start(where, x):
    model, X = nn.MLP(1, [2, 2, 1], seed=0), [[1.0], [2.0]]
    neuron = model.layers[1].neurons[1]
    if where == "input":
        X[1][0] = x
    elif where == "weight":
        neuron.b.data = x
    else:
        neuron.b.grad = x
    finding = nn.diagnose(model, X).findings[0]
    assert finding.startswith(f"layers[{0 if where == 'input' else 1}] has weighted sums or gradients that are not")


def test_nan_is_not_taken_for_dead():
    model = nn.MLP(1, [2, 1], seed=0)
    assert row(nn.diagnose(model, [[NAN]]), "layers[0]").dead == 0.0


def test_outputs_close_to_the_greatest_float_are_looked_at():
    model = nn.MLP(1, [3], seed=0)
    for neuron in model.layers[0].neurons:
        neuron.w[0].data = 1.7e308
    assert nn.diagnose(model, [[1.0]]).layers[0].finite


# How it reads.


class Cells(HTMLParser):
    """The texts in the cells of a table and the items of a list, and the names of all tags and attributes."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.tags, self.attributes, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes += [name for name, _ in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize(
    "model", [Recurrent(), Chain(**{"<script>": nn.Layer(4, 2), "a&b": nn.Layer(2, 12, "tanh"), "c": nn.Neuron(12)})]
)
def test_text_and_html_say_the_same(model):
    diagnosis = nn.diagnose(model, points(3, nin=4))
    assert str(diagnosis) == repr(diagnosis)
    table, _, prose = str(diagnosis).partition("\n\n")
    heading, *lines = table.split("\n")
    assert [line.split() for line in lines] == [list(r.cells()) for r in diagnosis.layers]
    ends = [heading.index(word) + len(word) for word in ("units", "dead", "saturated", "gradient")]
    for line, r in zip(lines, diagnosis.layers, strict=True):
        assert line.index(r.activation) == heading.index("activation")
        assert all([line[:end].endswith(f" {cell}") for end, cell in zip(ends, r.cells()[2:], strict=True)])
    assert " ".join(prose.split()) == " ".join(diagnosis.findings)
    assert max(map(len, prose.split("\n"))) <= 100
    page = Cells(diagnosis._repr_html_())
    cells = [cell for r in diagnosis.layers for cell in r.cells()]
    assert page.texts == [*heading.split(), *cells, *diagnosis.findings]
    assert set(page.tags) == {"table", "thead", "tbody", "tr", "th", "td", "ul", "li"} and not page.open
    assert not page.attributes  # no colours of its own: it takes those of a light or a dark page


def test_cells_are_short():
    layer = nn.LayerDiagnosis("layers[0]", "relu", 16, 0.25, None, 0.012345, True)
    assert layer.cells() == ("layers[0]", "relu", "16", "25%", "–", "0.012")


# What it refuses.


class Constant(nn.Module):
    """A model with a neuron that gives something else."""

    def __init__(self, output):
        self.neuron = nn.Neuron(2)
        self.output = output

    def __call__(self, x):
        return self.output


class Hollow(nn.Layer):
    """A layer that does not build its neurons."""

    def __init__(self):
        pass


@pytest.mark.parametrize(
    ("model", "X", "error", "message"),
    [
        (nn.MLP(2, [1]), [], ValueError, "X is empty: give at least one example"),
        (nn.MLP(2, [1]), iter([]), ValueError, "X is empty"),
        (tanh, [[1.0]], TypeError, "takes an nn.Module with a __call__, such as an nn.MLP, not function"),
        (nn.MLP, [[1.0]], TypeError, "not type: <class"),
        (None, [[1.0]], TypeError, "not NoneType: None"),
        (nn.Module(), [[1.0]], TypeError, "with a __call__, .* not Module"),
        (Chain(), [[1.0]], ValueError, "Chain has no nn.Neuron to diagnose: build it from nn.Layer"),
        (Hollow(), [[1.0]], ValueError, "Hollow has no nn.Neuron"),
        (Constant(3.0), [[1.0]], TypeError, r"gives float for X\[0\]: 3.0; a Value, or a list of them, is expected"),
        (Constant([]), [[1.0]], TypeError, r"gives list for X\[0\]: \[\]"),
        (Constant(None), [[1.0]], TypeError, r"gives NoneType"),
        (Constant(Value(3.0)), [[1.0]], ValueError, "no neuron of the model takes part"),
        (nn.MLP(2, [1]), [[1.0, 2.0], [1.0]], ValueError, "takes 2 inputs, not 1"),
        (nn.MLP(2, [1]), ["ab"], TypeError, "dot.*not str"),
    ],
)
def test_bad_arguments_are_refused(model, X, error, message):
    with pytest.raises(error, match=message):
        nn.diagnose(model, X)


def test_it_is_refused_where_nothing_is_recorded():
    with no_grad(), pytest.raises(RuntimeError, match=r"inside no_grad\(\).*call it outside"):
        nn.diagnose(nn.MLP(2, [1]), [[1.0, 2.0]])
