"""Pictures: the SVG shows the graph that was drawn, whatever its labels and numbers, by either Graphviz."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import threading
from xml.etree import ElementTree

import graphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Value, draw, topological
from autograd_mini.draw import LARGEST, ON_CARD, TANGLED, Drawing, GraphvizNotFound, printable

SVG = "{http://www.w3.org/2000/svg}"
pictures = settings(max_examples=25, derandomize=True, deadline=None)


@pytest.fixture(params=["dot", "pygraphviz"])
def graphviz_of(request, monkeypatch):
    """Both ways to a layout: the `dot` on PATH, and pygraphviz's Graphviz where there is none."""
    if request.param == "dot" and shutil.which("dot") is None:
        pytest.skip("no dot on PATH")
    if request.param == "pygraphviz":
        pytest.importorskip("pygraphviz")
        monkeypatch.setenv("PATH", "")
    return request.param


def example() -> Value:
    """The graph of the design's sketch."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    z = a * b + a.exp()
    z.label = "z"
    y = z.tanh()
    y.label = "y"
    y.backward()
    return y


def svg_of(drawing: Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.pipe("svg"))


def groups(svg: ElementTree.Element, kind: str) -> dict[str, ElementTree.Element]:
    """The groups of a class by their ids without the picture's prefix."""
    found = [group for group in svg.iter(f"{SVG}g") if kind in group.get("class", "").split()]
    return {group.attrib["id"].partition("-")[2]: group for group in found}


def words(group: ElementTree.Element) -> list[str]:
    return [(text.text or "").replace("\xa0", " ") for text in group.iter(f"{SVG}text")]


def tip(group: ElementTree.Element) -> str:
    return (group.findtext(f"{SVG}title") or "").replace("\xa0", " ")


def parsed(text: str) -> float:
    return float(text.replace("−", "-"))


def same(shown: float, exact: float) -> bool:
    return shown == exact or abs(shown - exact) <= 6e-4 * abs(exact) or (math.isnan(shown) and math.isnan(exact))


def check(root: Value) -> ElementTree.Element:
    """Assert that the picture has a card for each node, with its numbers, and an edge for each operand, in order."""
    nodes = topological(root)
    svg = svg_of(draw(root))
    cards = groups(svg, "card")
    assert set(cards) == {f"n{i}" for i in range(len(nodes))}
    ids = {node: f"n{i}" for i, node in enumerate(nodes)}
    edges, constants = [], {}
    for node in nodes:
        *_, symbol, value_word, value, grad_word, grad = words(cards[ids[node]])
        assert (value_word, grad_word) == ("value", "grad")
        assert symbol == next(row.symbol for row in am.ops.TABLE if row.name == node.op)
        assert same(parsed(value), node.data) and same(parsed(grad), node.grad)
        assert tip(cards[ids[node]]).splitlines()[-2:] == [f"value {node.data!r}", f"grad {node.grad!r}"]
        for i, operand in enumerate(node.operands):
            start = ids[operand] if isinstance(operand, Value) else f"c{i}-{ids[node]}"
            edges.append(f"{start}-{ids[node]}-{i}")
            if not isinstance(operand, Value):
                constants[start] = operand
    assert set(groups(svg, "operand")) == set(edges) and len(set(edges)) == len(edges)
    drawn = groups(svg, "constant")
    assert set(drawn) == set(constants)
    assert all(same(parsed(*words(drawn[start])), x) for start, x in constants.items())
    return svg


def test_the_sketch(graphviz_of):
    svg = check(example())
    names = [words(card)[0] for card in groups(svg, "card").values()]
    assert sorted(names) == ["a", "a·b", "b", "exp(a)", "y", "z"]


def test_a_value_used_twice_has_two_edges(graphviz_of):
    x = Value(3.0, label="x")
    assert set(groups(check(x * x), "operand")) == {"n0-n1-0", "n0-n1-1"}


@pytest.mark.parametrize("root", [Value(1.5), 2.0 - Value(1.5), am.sum([Value(1.0), 2.0, Value(3.0), 4.0])], ids=str)
def test_leaf_constants_and_many_operands(graphviz_of, root):
    check(root)


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, -1.7e308, 123456.0, -2 / 3])
def test_every_number_is_written_out(graphviz_of, x):
    leaf = Value(x)
    leaf.grad = x
    check(leaf)


@pytest.mark.parametrize(
    "grad, text, colour",
    [
        (2.5, "+2.5", "#0072b2"),
        (-2.5, "−2.5", "#d55e00"),
        (0.0, "0", "#666666"),
        (-0.0, "0", "#666666"),
        (math.nan, "nan", "#666666"),
        (math.inf, "+inf", "#666666"),
        (-math.inf, "−inf", "#666666"),
    ],
)
def test_gradients_have_sign_and_colour(graphviz_of, grad, text, colour):
    leaf = Value(1.0)
    leaf.grad = grad
    last = list(svg_of(draw(leaf)).iter(f"{SVG}text"))[-1]
    assert (last.text, last.get("fill")) == (text, colour)


WORST = {
    "quotes": "\"double\" and 'single'",
    "tags": "</text><script>alert(1)</script>",
    "entities": "&amp; &lt; &#65; &eacute; &",
    "escapes": r"\N \G \E \n \\ \"",
    "last backslash": "ends in \\",
    "comment": "--> <!-- ]]>",
    "braces": "{a|b} [c=d]; <port>",
    "html string": "<b>",
    "lines": "two\nlines\r\nand\ttabs",
    "control characters": "\x00\x01\x1b[31m\x7f\x85",
    "halves and non-characters": "\ud800 \udfff \ufffe \uffff",
    "right to left": "abc\u202edef\u2066",
    "emoji": "😀 👩‍🔬 ∂ 日本語 é",
    "charset": 'charset="utf-16"',
    "space": "  ",
    "1000 characters": "0123456789" * 100,
    "1000 quotes": '"' * 1000,
    "huge": "'" * 1_000_000,
}


@pytest.mark.parametrize("label", WORST.values(), ids=WORST)
def test_labels_are_text(graphviz_of, label):
    x = Value(1.0, label=label)
    y = (x * 2.0).exp()
    svg = check(y)
    assert {element.tag for element in svg.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "desc", "g", "path", "polygon", "polyline", "text")
    }
    card = groups(svg, "card")["n0"]
    expected = printable(label)
    shown, name = words(card)[0], tip(card).partition("\n")[0]
    if len(label) <= ON_CARD:
        assert shown == expected
    else:
        assert shown.endswith("…") and len(shown) == ON_CARD and expected.startswith(shown[:-1])
    assert name == expected if len(label) <= 1000 else expected.startswith(name[:-1])
    assert not any(character < " " for character in shown + name)


@given(st.text(min_size=1, max_size=ON_CARD))
@pictures
def test_any_label(label):
    card = groups(svg_of(draw(Value(1.0, label=label))), "card")["n0"]
    assert tip(card).partition("\n")[0] == printable(label)
    assert "".join(words(card)[0].split()) == "".join(printable(label).split())


a, b = Value(2.0, label="a"), Value(3.0, label="b")


@pytest.mark.parametrize(
    "node, text",
    [
        (a * b, "a·b"),
        (a + b * a, "a + b·a"),
        ((a + b) * a, "(a + b)·a"),
        (a - (b - a), "a − (b − a)"),
        (a - 1.0, "a − 1"),
        (a + -1.5, "a + (−1.5)"),
        (-(a + b), "−(a + b)"),
        (-a * b, "(−a)·b"),
        (a / (b * a), "a / (b·a)"),
        ((a**b) ** 2.0, "(a^b)^2"),
        ((a + b).tanh(), "tanh(a + b)"),
        (am.maximum(a, -b), "maximum(a, −b)"),
        (am.sum([a, b, 1.0]), "sum(a, b, 1)"),
        (abs(a - b), "abs(a − b)"),
    ],
    ids=str,
)
def test_short_formulas_name_a_card(node, text):
    assert words(groups(svg_of(draw(node)), "card")[f"n{len(topological(node)) - 1}"])[0] == text


@pytest.mark.parametrize("node", [Value(1.0) * a, am.sum([a] * 30), Value(1.0, label="long" * 9) + a])
def test_no_formula_without_names_or_room(node):
    assert words(groups(svg_of(draw(node)), "card")[f"n{len(topological(node)) - 1}"])[1] == "value"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 9)), max_size=9))
@pictures
def test_random_graphs(steps):
    nodes = [Value(0.5, label="p"), Value(-1.25)]
    for kind, i, j in steps:
        x, y = nodes[i % len(nodes)], nodes[j % len(nodes)]
        nodes.append((x + y, x * y, x - 0.5, 2.0 * x, x.tanh(), am.mean([x, 1.0, y]))[kind])
    nodes[-1].backward()
    check(nodes[-1])


def test_a_notebook_gets_inline_svg(graphviz_of):
    bundle = draw(example())._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
    assert "<?xml" not in bundle["text/html"] and "<!DOCTYPE" not in bundle["text/html"]
    assert bundle["image/svg+xml"] in bundle["text/html"]
    svg = ElementTree.fromstring(bundle["image/svg+xml"])
    title, desc = svg[0], svg[1]
    assert groups(svg, "graph")["graph0"].find(f"{SVG}title") is None
    assert (title.tag, title.text) == (f"{SVG}title", "Computation graph of y")
    assert (desc.tag, desc.text) == (f"{SVG}desc", bundle["text/plain"])
    assert svg.get("role") == "img"
    assert (svg.get("aria-labelledby"), svg.get("aria-describedby")) == (title.get("id"), desc.get("id"))
    lines = bundle["text/plain"].splitlines()
    assert lines[0].split() == ["node", "op", "operands", "value", "grad"]
    assert len(lines) == 7 and lines[-1].split() == ["y", "tanh", "z", "0.883", "+1"]


def test_a_notebook_gets_what_it_asks_for(graphviz_of):
    drawing = draw(example())
    assert set(drawing._repr_mimebundle_(include=["image/png", "text/plain"])) == {"image/png", "text/plain"}
    assert set(drawing._repr_mimebundle_(exclude=["text/html"])) == {"image/svg+xml", "text/plain"}


def test_a_dark_page_shines_through_nowhere(graphviz_of):
    svg = svg_of(draw(example()))
    page = next(svg.iter(f"{SVG}polygon"))
    assert page.get("fill") == "white"
    assert all(text.get("fill", "").startswith("#") for text in svg.iter(f"{SVG}text"))


def test_no_id_is_there_twice(graphviz_of):
    ids = [
        element.attrib["id"]
        for root in (example(), Value(2.0, label="a"), Value(2.0, label="b"))
        for element in svg_of(draw(root)).iter()
        if "id" in element.attrib
    ]
    assert len(ids) > 20 and len(set(ids)) == len(ids)


@pytest.mark.parametrize("kind", ["svg", "png", "pdf", "eps", "gv"])
def test_same_graph_same_bytes(graphviz_of, tmp_path, kind, monkeypatch):
    written = [open(draw(example()).save(tmp_path / f"{i}.{kind}"), "rb").read() for i in (0, 1)]
    assert written[0] == written[1]


def test_no_file_tells_the_time(graphviz_of):
    assert b"/CreationDate (D:19700101000000" in draw(example()).pipe("pdf")
    assert b"%%CreationDate: 19700101000000\n" in draw(example()).pipe("eps", renderer="cairo")


BEGINNINGS = {
    "svg": b"<svg", "png": b"\x89PNG", "PDF": b"%PDF", "jpg": b"\xff\xd8", "gif": b"GIF8", "eps": b"%!PS",
    "json": b"{", "gv": b"digraph", "dot": b"digraph",
}  # fmt: skip


@pytest.mark.parametrize("suffix", BEGINNINGS)
def test_save(graphviz_of, tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    assert draw(example()).save(path) == str(path)
    assert draw(example()).save(path.name, tmp_path) == str(path)
    if suffix in ("gv", "dot"):
        assert path.read_text(encoding="utf-8") == draw(example()).source
    assert path.read_bytes().startswith(BEGINNINGS[suffix])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["picture.doc", "picture", "picture.", ".svg"])
def test_a_suffix_that_is_no_format(tmp_path, name):
    with pytest.raises(ValueError, match=r"picture|svg.*\.svg, \.png, .*\.gv or \.dot"):
        draw(example()).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_format_that_this_graphviz_does_not_draw(graphviz_of, tmp_path):
    with pytest.raises(ValueError, match=r"cannot draw 'x.exr': name a file in .svg.*not recognized"):
        draw(example()).save(tmp_path / "x.exr")
    with pytest.raises(graphviz.CalledProcessError, match="not recognized"):
        draw(example()).pipe("exr")


@pytest.mark.parametrize("suffix", ["svg", "gv"])
def test_a_path_that_cannot_be_written(graphviz_of, tmp_path, suffix):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"cannot write the picture .*; name a file in a folder.*file"):
        draw(example()).save(tmp_path / "file" / f"x.{suffix}")
    (tmp_path / f"x.{suffix}").mkdir()
    with pytest.raises(IsADirectoryError):
        draw(example()).save(tmp_path / f"x.{suffix}")


def test_graphvizs_own_methods(graphviz_of, tmp_path):
    drawing = draw(example())
    assert drawing.pipe("svg").decode() == drawing.pipe("svg", encoding="utf-8") == drawing.copy().pipe("svg").decode()
    assert drawing.source.count(" -> ") == 6
    assert drawing.render(tmp_path / "graph", format="png", cleanup=True) == str(tmp_path / "graph.png")
    assert drawing.render(outfile=tmp_path / "other.svg") == str(tmp_path / "other.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph.png", "other.gv", "other.svg"]
    assert (tmp_path / "other.svg").read_bytes() == drawing.pipe("svg")
    with pytest.raises(graphviz.FileExistsError, match=r"other\.svg"):
        drawing.render(outfile=tmp_path / "other.svg", raise_if_result_exists=True)


def test_links_and_nodes_of_the_users_own(graphviz_of):
    drawing = draw(example())
    drawing.node("more", "read <more>", URL="https://example.org/", tooltip="there")
    svg = drawing.pipe("svg").decode()
    assert 'xlink:href="https://example.org/"' in svg and "xmlns:xlink" in svg


def test_pygraphviz_writes_to_stderr_only_what_matters():
    pytest.importorskip("pygraphviz")
    # In a process of its own, as fontconfig complains once in each.
    program = "from autograd_mini import *; picture = draw(Value(-1.0)); picture.pipe('svg'); picture.pipe('ps')"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "non-Latin1" in done.stderr


def test_pygraphviz_in_threads(monkeypatch):
    pytest.importorskip("pygraphviz")
    monkeypatch.setenv("PATH", "")
    drawings, drawn = [draw(example()) for _ in range(8)], []
    threads = [threading.Thread(target=lambda d=d: drawn.append(d.pipe("svg"))) for d in drawings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == [drawings[0].pipe("svg")] * 8


def test_no_graphviz_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    drawing = draw(example())
    for use in (drawing.pipe, drawing.render, drawing._repr_mimebundle_, lambda: drawing.save(tmp_path / "x.svg")):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(GraphvizNotFound, match=r"pip install pygraphviz`, or install .*graphviz\.org/download"):
            use()
    assert issubclass(GraphvizNotFound, (RuntimeError, graphviz.ExecutableNotFound))
    assert drawing.save(tmp_path / "x.gv")


@pytest.mark.parametrize("root", [1.0, None, "y", [Value(1.0)]])
def test_a_root_that_is_no_value(root):
    with pytest.raises(TypeError, match=f"draw.. takes a Value.* not {type(root).__name__}"):
        draw(root)


def chain(n: int) -> Value:
    node = Value(1.0)
    for _ in range(n - 1):
        node = node.tanh()
    return node


def test_the_largest_graph():
    assert len(groups(svg_of(draw(chain(LARGEST))), "card")) == LARGEST


@pytest.mark.parametrize(
    "root, n",
    [(chain(LARGEST + 1), 401), (chain(10**6), 10**6), (am.sum([Value(1.0)] + [1.0] * 399), 401)],
    ids=["chain", "long chain", "constants"],
)
def test_too_many_nodes(root, n):
    with pytest.raises(ValueError, match=rf"at most 400 nodes, and this graph has {n}: draw a part"):
        draw(root)


def test_too_many_edges():
    with pytest.raises(ValueError, match=rf"cross at most {TANGLED} columns .* cross {TANGLED + 1}: draw a part"):
        draw(am.sum([a] * (TANGLED + 1)))


def test_a_loop_with_a_shared_leaf_does_not_hang(graphviz_of):
    x = Value(1.0)
    for _ in range(100):
        x = (x * a).tanh()
    check(x)  # 52 s without nslimit
    assert "nslimit=0.39" in draw(x).source and "splines=line" in draw(x).source
    assert "nslimit=2 " in draw(example()).source and "splines" not in draw(example()).source
