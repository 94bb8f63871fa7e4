"""Pictures of networks: each number is there, at its place and in its colour, and what is left out is counted."""

from __future__ import annotations

import math
import random
import re
import shutil
from functools import cache
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from autograd_mini import Value, draw, nn
from autograd_mini.draw import Drawing, svg
from autograd_mini.draw.layers import elided, rows_of
from autograd_mini.draw.places import FARTHEST, LAYERS, MANY, ROWS, UNITS
from autograd_mini.text import number, printable

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=["dot", "pygraphviz"])
def graphviz_of(request, monkeypatch):
    """Both ways to a picture: the `dot` on PATH, and pygraphviz's Graphviz where there is none."""
    if request.param == "dot" and shutil.which("dot") is None:
        pytest.skip("no dot on PATH")
    if request.param == "pygraphviz":
        pytest.importorskip("pygraphviz")
        monkeypatch.setenv("PATH", "")
    return request.param


# Models.


class Held(nn.Module):
    """A module with whatever attributes."""

    def __init__(self, **attributes) -> None:
        vars(self).update(attributes)


def filled(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model with numbers of both signs and some zeros in its parameters and gradients."""
    rng = random.Random(seed)
    for p in model.parameters():
        p.data, p.grad = [rng.choice([0.0, 1.0, 1.0]) * rng.gauss(0.0, 10.0 ** rng.uniform(-3, 1)) for _ in "dg"]
    return model


def odd() -> nn.Module:
    """A small network with inf and nan in all places."""
    model = filled(nn.MLP(2, [3, 1]))
    (a, b, c), (y,) = model.layers[0].neurons, model.layers[1].neurons
    a.w[0].data, b.w[1].data, c.b.data, y.w[2].grad, y.b.grad = math.nan, -math.inf, math.inf, math.inf, math.nan
    return model


MODELS = {
    "neuron": lambda: filled(nn.Neuron(3, "tanh")),
    "layer": lambda: filled(nn.Layer(3, 2)),
    "no bias": lambda: filled(nn.MLP(2, [3, 1], bias=False)),
    "one wire": lambda: filled(nn.Neuron(1)),
    "small": lambda: filled(nn.MLP(2, [3, 1])),
    "micrograd": lambda: filled(nn.MLP(2, [16, 16, 1])),
    "iris": lambda: filled(nn.MLP(4, [8, 3])),
    "two": lambda: filled(Held(encoder=nn.MLP(4, [8, 2]), decoder=nn.MLP(2, [8, 4]))),
    "deep": lambda: filled(nn.MLP(3, [5] * 8)),
    "heads": lambda: filled(Held(body=nn.Layer(2, 3), heads=[nn.Neuron(3) for _ in range(4)], y=nn.Neuron(4))),
    "odd": odd,
}
ELIDED = {  # kept, as they are large
    "wide": cache(lambda: filled(nn.MLP(90, [120, 10]))),
    "deeper": cache(lambda: filled(nn.MLP(3, [5] * 12))),
    "wide and deep": cache(lambda: filled(nn.MLP(40, [40] * 7))),
    "many": cache(lambda: filled(Held(blocks=[nn.MLP(2, [3, 2]) for _ in range(9)]))),
}


# What is on a picture.


def svg_of(drawing: Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.pipe("svg"))


def groups(picture: ElementTree.Element, kind: str) -> dict[str, ElementTree.Element]:
    """The groups of a class by their ids without the picture's prefix."""
    found = [group for group in picture.iter(f"{SVG}g") if kind in group.get("class", "").split()]
    return {group.attrib["id"].partition("-")[2]: group for group in found}


def words(group: ElementTree.Element) -> str:
    return "".join(text.text or "" for text in group.iter(f"{SVG}text")).replace("\xa0", " ")


def tip(group: ElementTree.Element) -> list[str]:
    return (group.findtext(f"{SVG}title") or "").replace("\xa0", " ").splitlines()


def line(group: ElementTree.Element) -> ElementTree.Element:
    """The line of a weight, or the ring of a neuron."""
    return next(child for child in group if child.tag in (f"{SVG}path", f"{SVG}ellipse"))


def stroke(group: ElementTree.Element) -> float:
    return float(line(group).get("stroke-width", "1"))


def parameters(model: nn.Module) -> dict[str, Value]:
    return dict(zip(model.state(), model.parameters(), strict=True))


def drawn(picture: ElementTree.Element, panel: str, kind: str) -> dict[str, ElementTree.Element]:
    """The lines or circles of a panel by the paths in their tooltips."""
    return {tip(g)[0]: g for id, g in groups(picture, kind).items() if id.startswith(panel)}


def shown(picture: ElementTree.Element, model: nn.Module, panel: str) -> list[tuple[float, ElementTree.Element]]:
    """The numbers of the weights that a panel shows, with their lines."""
    of = {"w": "data", "g": "grad"}[panel]
    known = parameters(model)
    return [(getattr(known[path], of), g) for path, g in drawn(picture, panel, "weight").items()]


def texts(picture: ElementTree.Element) -> list[str]:
    return [words(group) for group in groups(picture, "text").values()]


def legend(picture: ElementTree.Element) -> str:
    graph = groups(picture, "graph")["graph0"]
    return "\n".join(text.text or "" for text in graph.findall(f"{SVG}text")).replace("\xa0", " ")


# Every number.


@pytest.mark.parametrize("name", MODELS)
def test_each_weight_is_a_line_with_its_numbers(graphviz_of, name):
    model = MODELS[name]()
    picture = svg_of(draw(model))
    weights = {path: p for path, p in parameters(model).items() if "w[" in path}
    assert len(groups(picture, "weight")) == 2 * len(weights)
    for panel in "wg":
        lines = drawn(picture, panel, "weight")
        assert set(lines) == set(weights)
        for path, p in weights.items():
            assert tip(lines[path])[-2:] == [f"value {p.data!r}", f"grad {p.grad!r}"]


@pytest.mark.parametrize("name", MODELS)
def test_each_neuron_is_a_circle_that_tells_activation_and_bias(graphviz_of, name):
    model = MODELS[name]()
    picture = svg_of(draw(model))
    units = {u.path or "neuron": u for row in rows_of(model) for layer in row.layers for u in layer.units}
    for panel in "wg":
        circles = drawn(picture, panel, "neuron")
        assert set(circles) == set(units)
        for path, unit in units.items():
            told = tip(circles[path])
            assert told[1] == f"{unit.activation} of {len(unit.weights)} inputs"
            if unit.bias is None:
                assert told[2:] == ["no bias"]
            else:
                assert told[-2:] == [f"value {unit.bias.data!r}", f"grad {unit.bias.grad!r}"]


def ends(group: ElementTree.Element) -> tuple[tuple[float, float], tuple[float, float]]:
    x = [float(n) for n in re.findall(r"-?[\d.]+", line(group).get("d", ""))]
    return (x[0], x[1]), (x[-2], x[-1])


def centre(group: ElementTree.Element) -> tuple[float, float]:
    return float(line(group).attrib["cx"]), float(line(group).attrib["cy"])


def test_each_line_leads_from_its_input_to_its_neuron(graphviz_of):
    picture = svg_of(draw(MODELS["iris"]()))
    circles = groups(picture, "neuron") | groups(picture, "input")
    lines = groups(picture, "weight")
    assert len(lines) == 2 * (4 * 8 + 8 * 3)
    for id, group in lines.items():
        column, i, j = id[1:].split("-")
        path = f"layers[{int(column) - 1}].neurons[{i}].w[{j}]"
        assert tip(group)[0] == path
        start, end = centre(circles[f"{id[0]}{int(column) - 1}-{j}"]), centre(circles[f"{id[0]}{column}-{i}"])
        assert math.dist(ends(group)[0], start) < 12 and math.dist(ends(group)[1], end) < 14


@pytest.mark.parametrize("name", [*MODELS, *ELIDED])
def test_circles_are_in_columns_from_the_first_above_to_the_last_below(graphviz_of, name):
    picture = svg_of(draw((MODELS | ELIDED)[name]()))
    columns: dict[str, list[tuple[int, float, float]]] = {}
    for id, group in (groups(picture, "neuron") | groups(picture, "input")).items():
        column, i = id.rsplit("-", 1)
        columns.setdefault(column, []).append((int(i), *centre(group)))
    for column in columns.values():
        column.sort()
        assert max(x for _, x, _ in column) - min(x for _, x, _ in column) < 0.1
        assert all(24.9 < b[2] - a[2] < 2 * FARTHEST + 0.1 for a, b in pairwise(column))


# Widths and colours.


@pytest.mark.parametrize("panel", "wg")
@pytest.mark.parametrize("name", ["small", "micrograd", "wide"])
def test_the_greater_a_weight_the_wider_its_line(graphviz_of, name, panel):
    model = (MODELS | ELIDED)[name]()
    picture = svg_of(draw(model))
    ordered = sorted((abs(x), stroke(g)) for x, g in shown(picture, model, panel) if x)
    assert all(a[1] <= b[1] for a, b in pairwise(ordered))
    assert ordered[-1][1] > 1.3 * ordered[0][1]
    assert ordered[0][1] >= 0.29  # can be seen


@pytest.mark.parametrize("panel, of", [("w", "data"), ("g", "grad")])
def test_the_greater_a_bias_the_wider_its_ring(graphviz_of, panel, of):
    model = MODELS["micrograd"]()
    picture = svg_of(draw(model))
    units = {u.path: u for row in rows_of(model) for layer in row.layers for u in layer.units}
    rings = [(abs(getattr(units[path].bias, of)), stroke(g)) for path, g in drawn(picture, panel, "neuron").items()]
    assert all(a[1] <= b[1] for a, b in pairwise(sorted(rings)))
    assert min(rings)[1] == 1.0 < max(rings)[1]


@pytest.mark.parametrize("neurons, most", [(1, 7.0), (15, 3.0)])
def test_the_widest_line_means_what_is_written(graphviz_of, neurons, most):
    model = nn.Layer(3, neurons)
    for i, p in enumerate(model.parameters()):
        p.data, p.grad = 0.1 * (i - 2.5), 1e-9 / (1.5 + i)
    model.neurons[0].w[1].data, model.neurons[0].w[0].grad = -123.4, math.inf
    picture = svg_of(draw(model))
    for panel, widest in (("w", 123.4), ("g", 1e-9 / 2.5)):
        strokes = {abs(x): stroke(g) for x, g in shown(picture, model, panel) if math.isfinite(x)}
        assert strokes[widest] == max(strokes.values()) == most
        assert f"widest: ±{number(widest)}" in texts(picture)


LOOKS = {"positive": ("#0072b2", None), "negative": ("#d55e00", None), "zero": ("#b3b3b3", "1,5")}


@pytest.mark.parametrize("name", ["small", "micrograd", "odd", "wide"])
def test_colours_by_sign_and_what_is_neither_by_more_than_colour(graphviz_of, name):
    model = (MODELS | ELIDED)[name]()
    picture = svg_of(draw(model))
    seen = set()
    for panel in "wg":
        for x, group in shown(picture, model, panel):
            kind = "positive" if x > 0 else "negative" if x < 0 else "zero"
            looks = LOOKS[kind] if math.isfinite(x) else ("#111111", "5,2")
            assert (line(group).get("stroke"), line(group).get("stroke-dasharray")) == looks, x
            seen.add(looks)
    assert len(seen) == (4 if name == "odd" else 3)


@pytest.mark.parametrize("x, colour, dashes", [
    (2.0, "#0072b2", None), (-2.0, "#d55e00", None), (0.0, "#b3b3b3", None), (-0.0, "#b3b3b3", None),
    (math.nan, "#111111", "5,2"), (math.inf, "#111111", "5,2"),
])  # fmt: skip
def test_rings_have_the_colour_of_the_bias(graphviz_of, x, colour, dashes):
    neuron = nn.Neuron(2)
    neuron.b.data = neuron.b.grad = x
    neuron.w[0].grad = 1.0
    rings = groups(svg_of(draw(neuron)), "neuron").values()
    assert [(line(g).get("stroke"), line(g).get("stroke-dasharray")) for g in rings] == 2 * [(colour, dashes)]


# Text.


def test_numbers_are_written_where_there_is_room(graphviz_of):
    for name in ("neuron", "small", "odd"):
        model = MODELS[name]()
        written = texts(svg_of(draw(model)))
        for path, p in parameters(model).items():
            for x in (p.data, p.grad):
                assert ("b " if path.endswith("b") else "") + number(x, "+") in written
    for model in (MODELS["micrograd"](), nn.MLP(3, [4, 2])):  # eight lines that cross each other
        assert not any(text[0] in "+−" for text in texts(svg_of(draw(model))))


def test_inf_and_nan_are_written_where_others_have_no_room(graphviz_of):
    model = MODELS["micrograd"]()
    model.layers[1].neurons[3].w[5].data, model.layers[1].neurons[9].w[5].grad = math.inf, math.nan
    picture = svg_of(draw(model))
    assert [text for text in texts(picture) if "inf" in text or "nan" in text] == [
        "+inf", "1 inf or nan", "nan", "1 inf or nan",
    ]  # fmt: skip
    for p in model.parameters():
        p.grad = math.nan
    assert [text for text in texts(svg_of(draw(model))) if "nan" in text] == [
        "1 inf or nan", "48 inf or nan", "272 inf or nan", "17 inf or nan",
    ]  # fmt: skip


def test_what_is_not_finite_is_counted_even_if_it_is_left_out(graphviz_of):
    model = nn.MLP(100, [100, 1], seed=0)
    model.layers[0].neurons[50].w[50].data = math.nan
    picture = svg_of(draw(model))
    assert "1 inf or nan" in texts(picture)
    assert "1 inf or nan" in draw(model).table.splitlines()[1]


@pytest.mark.parametrize("name", [*MODELS, *ELIDED])
def test_texts_overlap_neither_each_other_nor_circles(graphviz_of, name):
    picture = svg_of(draw((MODELS | ELIDED)[name]()))
    boxes = []
    for text in picture.iter(f"{SVG}text"):
        size, x, y = float(text.get("font-size", "13")), float(text.attrib["x"]), float(text.attrib["y"])
        wide = 0.53 * size * len(text.text or "")
        left = x - wide / 2 if text.get("text-anchor") == "middle" else x
        if (text.text or "").strip():
            boxes.append((left, y - 0.74 * size, left + wide, y + 0.2 * size, text.text))
    in_legend = len(groups(picture, "graph")["graph0"].findall(f"{SVG}text"))
    assert len(boxes) > 10 > in_legend - 8
    for a, b in combinations(boxes, 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart or a[1] == b[1] > -60, (a, b)  # runs of text in a row of the legend
    for group in (groups(picture, "neuron") | groups(picture, "input")).values():
        (x, y), r = centre(group), float(line(group).attrib["rx"]) + stroke(group) / 2
        for left, top, right, bottom, text in boxes:
            assert math.hypot(x - min(max(x, left), right), y - min(max(y, top), bottom)) >= r, text


def luminance(color: str) -> float:
    """WCAG 2's relative luminance."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_can_be_read_by_day_and_by_night(graphviz_of):
    picture = svg_of(draw(MODELS["odd"]()))
    day = {name: color.replace("white", "#ffffff") for color, name in svg.LIGHT.items()}
    tones = {svg.LIGHT[text.get("fill", "#111111")] for text in picture.iter(f"{SVG}text")}
    assert tones == {"ink", "grey", "blue", "rust"}
    for palette in (day, svg.DARK):
        for tone in tones:
            dim, bright = sorted([luminance(palette[tone]), luminance(palette["page"])])
            assert (bright + 0.05) / (dim + 0.05) >= 4.5


def test_all_colours_are_those_that_change_at_night(graphviz_of):
    for name in ("odd", "micrograd"):
        graph = groups(svg_of(draw(MODELS[name]())), "graph")["graph0"]
        used = {element.get(side) for element in graph.iter() for side in ("fill", "stroke")}
        assert used - {None, "none", "transparent"} <= set(svg.LIGHT)


def test_inputs_have_names_to_the_left_and_outputs_to_the_right(graphviz_of):
    picture = svg_of(draw(MODELS["iris"]()))
    written = {words(g): float(g.find(f"{SVG}text").attrib["x"]) for g in groups(picture, "text").values()}
    names = [text for text in texts(picture) if re.fullmatch(r"[xy]\d*", text)]
    assert names == 2 * ["x0", "x1", "x2", "x3", "y0", "y1", "y2"]
    assert written["x0"] < centre(groups(picture, "input")["g0-0"])[0]
    assert written["y0"] > centre(groups(picture, "neuron")["g2-0"])[0]
    assert [text for text in texts(svg_of(draw(nn.Neuron(1)))) if text in "xy"] == ["x", "y"]


def test_under_each_column_is_what_it_is(graphviz_of):
    picture = svg_of(draw(MODELS["two"]()))
    written = texts(picture)
    for text in ("inputs", "encoder.layers[0]", "8 × relu", "decoder.layers[1]", "4 × linear"):
        assert written.count(text) >= 2
    told = {tip(g)[0]: tip(g) for g in groups(picture, "text").values() if words(g).startswith("encoder")}
    assert told["encoder.layers[0]"][1:3] == ["8 neurons, relu", draw_extent(picture, "encoder.layers[0]")]


def draw_extent(picture: ElementTree.Element, path: str) -> str:
    """What the tooltip of a layer says of its weights, from the lines of the picture."""
    numbers = [float(tip(g)[1][6:]) for p, g in drawn(picture, "w", "weight").items() if p.startswith(path)]
    return f"{len(numbers)} weights: {number(min(numbers))} … {number(max(numbers))}"


def test_a_long_path_keeps_its_end(graphviz_of):
    written = texts(svg_of(draw(Held(a_very_long_name_indeed=nn.MLP(1, [1])))))
    assert "…e_indeed.layers[0]" in written


# What is left out.


def test_elided():
    for n in range(1, 30):
        for most in (4, 8, 16):
            head, hidden, tail = elided(range(n), most)
            assert [*head, *range(len(head), len(head) + hidden), *tail] == [*range(n)]
            assert len(head) + len(tail) + (hidden > 0) == min(n, most)
    assert [len(part) if isinstance(part, range) else part for part in elided(range(128), 16)] == [8, 113, 7]


def more(written: list[str]) -> list[int]:
    return [int(text.partition("+")[2].split()[0].replace(",", "")) for text in written if " more" in text]


def test_wide_layers_are_counted(graphviz_of):
    drawn_svg = draw(filled(nn.MLP(784, [128, 10]))).pipe("svg")
    assert len(drawn_svg) < 500_000
    picture = ElementTree.fromstring(drawn_svg)
    for panel in "wg":
        circles = [tip(g)[0] for id, g in groups(picture, "neuron").items() if id[0] == panel]
        assert [int(re.findall(r"\d+", path)[1]) for path in circles if path.startswith("layers[0]")] == [
            *range(8), *range(121, 128),
        ]  # fmt: skip
        assert len(circles) == 15 + 10
        assert len([id for id in groups(picture, "input") if id[0] == panel]) == 15
        assert len([id for id in groups(picture, "weight") if id[0] == panel]) == 15 * 15 + 15 * 10
    assert more(texts(picture)) == 2 * [784 - 15, 128 - 15]
    assert {"784", "128 × relu", "10 × linear"} <= set(texts(picture))


def test_deep_networks_are_counted(graphviz_of):
    model = ELIDED["deeper"]()
    picture = svg_of(draw(model))
    layers = sorted({int(re.findall(r"\d+", path)[0]) for path in drawn(picture, "w", "neuron")})
    assert layers == [0, 1, 2, 3, 9, 10, 11] and len(layers) == LAYERS - 1
    assert more(texts(picture)) == 2 * [12 - len(layers)]
    assert ("layers[8]", "outputs") in pairwise(texts(picture))
    weights = drawn(picture, "w", "weight")
    assert len(weights) == 15 + 6 * 25
    assert len(draw(model).table.splitlines()) == 13


def test_networks_of_many_parts_are_counted(graphviz_of):
    model = ELIDED["many"]()
    picture = svg_of(draw(model))
    blocks = sorted({int(re.findall(r"\d+", path)[0]) for path in drawn(picture, "w", "neuron")})
    assert blocks == [0, 1, 2, 7, 8] and len(blocks) == ROWS - 1
    assert more(texts(picture)) == 2 * [9 - len(blocks)]


def test_the_more_layers_the_fewer_neurons(graphviz_of):
    picture = svg_of(draw(ELIDED["wide and deep"]()))
    assert len(drawn(picture, "w", "weight")) == 7 * 7 * 7 < MANY < 7 * 15 * 15
    assert more(texts(picture)) == 2 * 8 * [33]
    assert UNITS[1] == 8


def test_sizes(graphviz_of):
    assert len(draw(MODELS["micrograd"]()).pipe("svg")) < 200_000
    assert len(draw(ELIDED["wide and deep"]()).pipe("svg")) < 500_000


def test_broad_networks_have_their_gradients_below(graphviz_of):
    def corners(model: nn.Module) -> list[tuple[float, float]]:
        circles = groups(svg_of(draw(model)), "input")
        return [centre(circles[id]) for id in ("w0-0", "g0-0")]

    (x, y), (right, level) = corners(MODELS["micrograd"]())
    assert right > x + 400 and level == y
    (x, y), (left, below) = corners(MODELS["deep"]())
    assert left == x and below > y + 200


# Gradients.


def test_no_panel_of_gradients_before_backward(graphviz_of):
    model = nn.MLP(2, [3, 1], seed=1)
    picture = svg_of(draw(model))
    assert {id[0] for id in groups(picture, "weight")} == {"w"}
    assert "No gradients yet: call backward()" in legend(picture)
    model([1.0, -2.0]).backward()
    picture = svg_of(draw(model))
    assert {id[0] for id in groups(picture, "weight")} == {"w", "g"}
    assert "No gradients" not in legend(picture)
    assert {"weights w", "gradients ∂loss/∂w"} <= set(texts(picture))


def test_a_gradient_that_is_left_out_is_one(graphviz_of):
    model = nn.MLP(100, [100, 1], seed=0)
    model.layers[0].neurons[50].w[50].grad = 1.0
    assert "No gradients" not in legend(svg_of(draw(model)))


def test_the_legend_has_what_is_there(graphviz_of):
    model = filled(nn.Neuron(2))
    for p, x in zip(model.parameters(), (1.0, 2.0, 3.0), strict=True):
        p.data = p.grad = x
    assert "positive" in (told := legend(svg_of(draw(model)))) and "negative" not in told and "nan" not in told
    model.b.data = -1.0
    assert "negative" in legend(svg_of(draw(model)))
    model.w[0].grad = 0.0
    assert "┄┄" in legend(svg_of(draw(model)))
    model.w[0].grad = math.nan
    assert "inf or nan" in legend(svg_of(draw(model)))


def test_training_leaves_gradients_to_see(graphviz_of):
    model = nn.MLP(2, [4, 1], seed=0)
    nn.train(model, "hinge", [[0.0, 1.0], [1.0, 0.0]], [1, -1], epochs=3, progress=False)
    assert groups(svg_of(draw(model)), "weight").keys() >= {"g1-0-0"}


# Modules.


def layout(model: nn.Module) -> list[list[tuple[str, int]]]:
    return [[(layer.path, len(layer.units)) for layer in row.layers] for row in rows_of(model)]


def test_layers_that_fit_follow_on_one_another():
    mlp = nn.MLP(2, [3, 1])
    assert layout(mlp) == [[("layers[0]", 3), ("layers[1]", 1)]]
    assert layout(mlp.layers[0]) == [[("", 3)]]
    assert layout(nn.Neuron(2)) == [[("", 1)]]
    assert layout(Held(a=nn.Layer(2, 3), b=nn.Layer(3, 1), c=nn.Layer(2, 2))) == [[("a", 3), ("b", 1)], [("c", 2)]]
    listed = Held(hidden=[nn.Neuron(2) for _ in range(3)], pair=(nn.Neuron(3), nn.Neuron(3)), y=nn.Neuron(2))
    assert layout(listed) == [[("hidden", 3), ("pair", 2), ("y", 1)]]
    assert layout(Held(x=nn.Neuron(1), y=nn.Neuron(1))) == [[("x", 1), ("y", 1)]]


def test_modules_in_a_module_have_rows_of_their_own():
    """Though they may fit: whether one feeds the other, no attribute tells."""
    model = Held(a=nn.Layer(4, 2), heads={"mean": nn.MLP(2, [2]), "sd": nn.MLP(2, [2])}, z=nn.Layer(2, 1))
    assert layout(model) == [
        [("a", 2)], [("heads['mean'].layers[0]", 2)], [("heads['sd'].layers[0]", 2)], [("z", 1)],
    ]  # fmt: skip


def test_what_is_found_twice_is_drawn_once():
    shared = nn.MLP(2, [2])
    model = Held(a=shared, b=shared, neurons=[*shared.layers[0].neurons])
    model.itself = model
    assert layout(model) == [[("a.layers[0]", 2)]]


def test_a_model_with_plain_numbers_and_tied_weights(graphviz_of):
    a, b = filled(nn.Neuron(2)), filled(nn.Neuron(2))
    a.w[0], a.b, b.w = 1.5, 2, a.w
    tips = {tuple(tip(g)[:2]) for g in groups(svg_of(draw(Held(a=a, b=b))), "weight").values()}
    assert ("a.w[0]", "value 1.5") in tips
    assert {("a.w[1]", f"value {a.w[1].data!r}"), ("b.w[1]", f"value {a.w[1].data!r}")} <= tips


def test_neurons_with_fewer_inputs_have_fewer_lines(graphviz_of):
    picture = svg_of(draw(Held(neurons=[nn.Neuron(3), nn.Neuron(1)])))
    assert set(groups(picture, "weight")) == {"w1-0-0", "w1-0-1", "w1-0-2", "w1-1-0"}


def test_parameters_in_no_layer_are_mentioned(graphviz_of):
    drawing = draw(Held(neuron=nn.Neuron(1), scale=Value(2.0), more=[Value(float(i)) for i in range(6)]))
    assert "7 parameters in no layer: scale, more[0], more[1]" in legend(svg_of(drawing))
    assert drawing.table.splitlines()[-1].endswith("more[2], more[3], …")
    assert "1 parameter in no layer: s" in draw(Held(n=nn.Neuron(1), s=Value(2.0))).table
    assert "no layer" not in draw(nn.MLP(1, [1])).table


# As a drawing.


def test_the_table_has_a_line_for_each_layer():
    model = MODELS["odd"]()
    head, *lines = draw(model).table.splitlines()
    assert head.split() == ["layer", "activation", "units", "weights", "w", "b", "|grad|"]
    assert len(lines) == 2
    for line, layer in zip(lines, model.layers, strict=True):
        path, activation, units, weights, rest = re.split(" +", line, maxsplit=4)
        i = model.layers.index(layer)
        assert (path, activation) == (f"layers[{i}]", layer.neurons[0].activation)
        assert (int(units), int(weights)) == (len(layer.neurons), sum(len(n.w) for n in layer.neurons))
        grads = [abs(p.grad) for p in layer.parameters() if math.isfinite(p.grad)]
        data = [w.data for n in layer.neurons for w in n.w if math.isfinite(w.data)]
        for numbers in (grads, data):
            assert f"{number(min(numbers))} … {number(max(numbers))}" in rest
    assert "2 inf or nan" in lines[0] and "2 inf or nan" in lines[1]


def test_a_notebook_gets_the_table_and_inline_svg(graphviz_of):
    drawing = draw(MODELS["small"]())
    bundle = drawing._repr_mimebundle_()
    assert bundle["text/plain"] == drawing.table
    assert bundle["image/svg+xml"] in bundle["text/html"]
    picture = ElementTree.fromstring(bundle["image/svg+xml"])
    assert (picture[0].text, picture[1].text) == ("Network MLP", drawing.table)


def test_nothing_is_told_but_what_is_meant(graphviz_of):
    """No name of Graphviz's own is left as a tooltip."""
    picture = svg_of(draw(MODELS["micrograd"]()))
    tips = {tip(g)[0] for kind in ("node", "edge") for g in groups(picture, kind).values()}
    assert not [text for text in tips if re.fullmatch(r"t\d+|[wg]\d+-.*", text)]


def test_same_model_same_bytes(graphviz_of):
    model = MODELS["micrograd"]()
    once = draw(model).pipe("svg")
    assert once == draw(model).pipe("svg") == draw(MODELS["micrograd"]()).pipe("svg")
    model.layers[1].neurons[2].w[3].data += 1e-9
    assert once != draw(model).pipe("svg")


def test_no_id_is_twice_on_a_page(graphviz_of):
    models = [MODELS["small"](), filled(nn.MLP(2, [3, 1]), seed=1), odd(), nn.MLP(2, [3, 1])]
    ids = [e.attrib["id"] for model in models for e in svg_of(draw(model)).iter() if "id" in e.attrib]
    assert len(ids) > 100 and len(set(ids)) == len(ids)


@pytest.mark.parametrize("kind, beginning", [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("gv", b"digraph")])
def test_save(graphviz_of, tmp_path, kind, beginning):
    path = tmp_path / f"model.{kind}"
    assert draw(MODELS["small"]()).save(path) == str(path)
    assert path.read_bytes().startswith(beginning)


WORST = {
    "html": "<b>",
    "tags": "</title><script>alert(1)</script>",
    "quotes": "\"double\" and 'single'",
    "entities": "&amp; &lt; &#65; &",
    "escapes": r"\N \G \n \\ \"",
    "last backslash": "ends in \\",
    "lines": "two\nlines\r\nand\ttabs",
    "control characters": "\x00\x1b[31m\u202e\ud800",
    "long": "x" * 3000,
}


@pytest.mark.parametrize("label", WORST.values(), ids=WORST)
def test_labels_are_text(graphviz_of, label):
    model = MODELS["small"]()
    model.layers[0].neurons[1].w[0].label = model.layers[0].neurons[1].b.label = label
    picture = svg_of(draw(model))
    told = printable(label)
    for kind, path, rest in (("weight", "layers[0].neurons[1].w[0]", 1), ("neuron", "layers[0].neurons[1]", 3)):
        for panel in "wg":
            found = tip(drawn(picture, panel, kind)[path])[rest]
            assert found == told if len(label) < 2000 else told.startswith(found[:-1]) and found.endswith("…")
    assert not any("script" in element.tag for element in picture.iter())


@pytest.mark.parametrize("name", WORST.values(), ids=WORST)
def test_names_of_attributes_are_text(graphviz_of, name):
    model = Held(**{name: filled(nn.Layer(1, 2, "tanh")), "parts": {name: Value(1.0)}})
    model.parameters()[0].label = None
    picture = svg_of(draw(model))
    told = printable(name)
    under = told if len(told) <= 19 else f"…{told[-18:]}"
    assert "".join(under.split()) in ["".join(text.split()) for text in texts(picture)]
    found = tip(groups(picture, "weight")["w1-0-0"])[0]
    assert found == f"{told}.neurons[0].w[0]" or (found.endswith("…") and told.startswith(found[:-1]))
    assert not any("script" in element.tag for element in picture.iter())


def test_a_label_that_is_a_path_is_said_once(graphviz_of):
    """A layer's parameters are labelled with their paths in the MLP, an MLP's with theirs in it."""
    mlp = nn.MLP(1, [1], seed=0)
    assert tip(groups(svg_of(draw(mlp.layers[0])), "weight")["w1-0-0"])[0] == "layers[0].neurons[0].w[0]"
    told = tip(groups(svg_of(draw(Held(net=mlp))), "weight")["w1-0-0"])
    assert told[0] == "net.layers[0].neurons[0].w[0]" and told[1].startswith("value ")
    mlp.parameters()[0].label = ""
    assert tip(groups(svg_of(draw(mlp)), "weight")["w1-0-0"])[0] == "layers[0].neurons[0].w[0]"


# Errors.


@pytest.mark.parametrize("model", [Held(), Held(slope=Value(1.0)), Held(parts=[Held()], layer="x")])
def test_a_module_without_neurons(model):
    with pytest.raises(ValueError, match=r"^Held has no neurons: draw\(\) takes a Value, or a module with a Neuron"):
        draw(model)


def test_an_empty_layer_is_no_layer():
    layer = nn.Layer(2, 3)
    layer.neurons.clear()
    with pytest.raises(ValueError, match="Layer has no neurons"):
        draw(layer)


@pytest.mark.parametrize("options", [{"level": "layer"}, {"names": {}}, {"max_nodes": 9}, {"animate": True}])
def test_arguments_for_graphs(options):
    with pytest.raises(TypeError, match=rf"^{next(iter(options))} is for the graph of a Value.*draw\(model\) without"):
        draw(nn.MLP(2, [1]), **options)


@pytest.mark.parametrize("root", [1.0, None, nn.MLP, [nn.Neuron(1)]])
def test_neither_a_value_nor_a_module(root):
    with pytest.raises(TypeError, match=r"expected a Value, or for draw\(\) a module, not (float|NoneType|type|list)"):
        draw(root)
