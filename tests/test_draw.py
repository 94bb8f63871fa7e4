"""Pictures: what stands in the SVG is what is in the graph, whatever the labels, by both ways to lay it out."""

from __future__ import annotations

import io
import math
import shutil
import sys
import xml.etree.ElementTree as xml
from contextlib import redirect_stderr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_mini import Value, draw, nn, topological
from autograd_mini.draw import LONGEST, MOST_NODES, Drawing, LayoutError

SVG = "{http://www.w3.org/2000/svg}"

LABELS = [
    'quotes " and \'',
    "<b>bold</b>",
    "</text><script>alert(1)</script>",
    "a & b &amp; &lt;",
    r"back\slash \N \G \n \\",
    "two\nlines\r\nand\ttabs",
    "{braces|and} [brackets];",
    "emoji 😀 and ünïcödé ∂",
    "control \x00 \x07 \x9f characters \ud800",
    "long " * 200,
    "",
    "<not html>",
]


@pytest.fixture(params=["dot", "pygraphviz"])
def engine(request, monkeypatch):
    """Both ways to lay a picture out: the `dot` on PATH, and the Graphviz that pygraphviz carries."""
    if request.param == "dot" and shutil.which("dot") is None:
        pytest.skip("no dot on PATH")
    if request.param == "pygraphviz":
        pytest.importorskip("pygraphviz")
        monkeypatch.setenv("PATH", "")
    return request.param


def example() -> Value:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = (a * b + a.exp()).tanh()
    y.label = "y"
    y.backward()
    return y


def parts(picture: Drawing, kind: str) -> list[xml.Element]:
    """The groups of a class, node or edge, in the picture's SVG."""
    root = xml.fromstring(picture.svg())
    return [group for group in root.iter(f"{SVG}g") if group.get("class") == kind]


def texts(group: xml.Element) -> list[str]:
    return [text.text or "" for text in group.iter(f"{SVG}text")]


def numbers(card: xml.Element) -> list[float]:
    """The value and the gradient on a card."""
    after = dict(zip(texts(card), texts(card)[1:], strict=False))
    return [float(after[name].replace("−", "-")) for name in ("value", "grad")]


def is_card(group: xml.Element) -> bool:
    return "value" in texts(group)


def close(shown: float, exact: float) -> bool:
    return shown == exact or math.isclose(shown, exact, rel_tol=6e-4) or (math.isnan(shown) and math.isnan(exact))


def check(picture: Drawing, root: Value) -> None:
    """One card for each node with its numbers on it, one edge for each operand."""
    nodes = topological(root)
    cards = {group.get("id").rpartition("n")[2]: numbers(group) for group in parts(picture, "node") if is_card(group)}
    assert len(cards) == len(nodes)
    for i, node in enumerate(nodes):
        value, grad = cards[str(i)]
        assert close(value, node.data) and close(grad, node.grad)
    assert len(parts(picture, "edge")) == sum(len(node.operands) for node in nodes)


def test_expression(engine):
    y = example()
    picture = draw(y)
    check(picture, y)
    shown = " ".join(text for group in parts(picture, "node") for text in texts(group))
    for word in ("a input", "b input", "a * b ×", "exp(a) exp", "y tanh"):
        assert word in shown


def test_a_value_used_twice_has_two_edges(engine):
    x = Value(3.0, label="x")
    picture = draw(x * x)
    assert len(parts(picture, "edge")) == 2
    assert len(parts(picture, "node")) == 2


def test_constants_are_drawn_without_a_card(engine):
    picture = draw(Value(3.0) * 0.25 - 1.0)
    assert [texts(group) for group in parts(picture, "node") if not is_card(group)] == [["0.25"], ["1"]]


def test_a_leaf_is_one_card(engine):
    check(draw(Value(1.5)), Value(1.5))


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan, 0.0, -0.0, 5e-324, 1.7e308])
def test_every_number_is_shown(engine, x):
    leaf = Value(x)
    leaf.grad = x
    check(draw(leaf), leaf)


@pytest.mark.parametrize("label", LABELS, ids=range(len(LABELS)))
def test_labels_are_text(engine, label):
    v = Value(1.0, label=label)
    y = v * 2.0
    picture = draw(y)
    svg = picture.svg()
    assert "<script" not in svg and "<b>" not in svg
    check(picture, y)
    card = next(group for group in parts(picture, "node") if is_card(group) and "input" in texts(group))
    heading = texts(card)[0] if label else ""
    assert len(heading) <= LONGEST + heading.count("\u200b")
    legible = " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in label).split())
    assert heading.replace("\u200b", "").rstrip("…") == legible[: len(heading.replace("\u200b", "").rstrip("…"))]


def test_the_whole_label_is_in_the_tooltip(engine):
    label = r"x\N & <" * 30
    (card,) = parts(draw(Value(1.0, label=label)), "node")
    assert card.find(f"{SVG}title").text.startswith(label)


def test_positive_and_negative_gradients_differ_by_sign_and_colour(engine):
    a, b = Value(2.0), Value(-3.0)
    (a * b).backward()
    svg = draw(a * b).svg()
    assert "+2" in svg and "−3" in svg and "#0072b2" in svg.lower() and "#d55e00" in svg.lower()


def test_notebooks_get_inline_svg(engine):
    picture = draw(example())
    shown = picture._repr_mimebundle_()
    assert set(shown) == {"text/html", "image/svg+xml", "text/plain"}
    assert shown["text/html"].startswith("<svg") and "tanh" in shown["text/plain"]
    root = xml.fromstring(shown["text/html"])
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "The graph of y: 6 values"


def test_two_pictures_on_a_page_share_no_ids(engine):
    def ids(picture):
        return {element.get("id") for element in xml.fromstring(picture.svg()).iter() if element.get("id")}

    first, second = ids(draw(example())), ids(draw(Value(1.0) * 2.0))
    assert first and second and not first & second


def test_same_graph_same_bytes(engine):
    assert draw(example()).svg() == draw(example()).svg()


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "gv", "dot"])
def test_save(engine, tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    assert draw(example()).save(path) == str(path)
    start = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}.get(suffix, b"digraph")
    assert path.read_bytes().startswith(start)


def test_graphviz_methods_work(engine, tmp_path):
    picture = draw(example())
    assert b"<svg" in picture.pipe("svg")
    assert "<svg" in picture.pipe("svg", encoding="utf-8")
    assert picture.render(tmp_path / "graph", format="svg", cleanup=True).endswith("graph.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["graph.svg"]


def test_unknown_suffix(tmp_path):
    with pytest.raises(ValueError, match=r"suffix is none of svg, png"):
        draw(Value(1.0)).save(tmp_path / "picture.xyz")


def test_unwritable_path(tmp_path):
    with pytest.raises(OSError, match="missing"):
        draw(Value(1.0)).save(tmp_path / "missing" / "picture.svg")


def test_no_graphviz_at_all(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(LayoutError, match="pip install pygraphviz"):
        draw(Value(1.0)).svg()


@pytest.mark.parametrize("root", [1.0, None, "y", [Value(1.0)]])
def test_a_root_that_is_no_value(root):
    with pytest.raises(TypeError, match=type(root).__name__):
        draw(root)


def test_too_many_nodes():
    v = Value(1.0)
    for _ in range(MOST_NODES):
        v = v + 1.0
    with pytest.raises(ValueError, match=r"401 nodes .*400 at most"):
        draw(v)


def test_a_long_chain_over_a_shared_leaf_is_laid_out_in_haste(engine):
    shared = Value(2.0)
    y = Value(1.0)
    for _ in range(100):
        y = y * shared + 1.0
    picture = draw(y)
    assert 'nslimit="1e-6"' in picture.source or "nslimit=1e-6" in picture.source
    check(picture, y)


def test_network(engine):
    model = nn.MLP(3, [4, 2], seed=0)
    loss = nn.cross_entropy_with_logits(model([1.0, -2.0, 0.5]), 1)
    loss.backward()
    picture = draw(loss)
    assert "nslimit" not in picture.source
    check(picture, loss)
    assert "layers[0].neurons[3].w[2]" in picture.svg()


def test_nothing_is_printed(engine):
    with redirect_stderr(io.StringIO()) as printed:
        draw(example()).svg()
    assert printed.getvalue() == ""


@given(st.lists(st.tuples(st.sampled_from("+*-dt"), st.integers(0, 5), st.integers(0, 5)), max_size=8))
@settings(max_examples=15)
def test_random_graphs(steps):
    nodes = [Value(0.5, label="p"), Value(-1.25)]
    for kind, i, j in steps:
        a, b = nodes[i % len(nodes)], nodes[j % len(nodes)]
        nodes.append({"+": a + b, "*": a * b, "-": a - 0.5, "d": (a * 0.1).exp(), "t": a.tanh()}[kind])
    nodes[-1].backward()
    check(draw(nodes[-1]), nodes[-1])
