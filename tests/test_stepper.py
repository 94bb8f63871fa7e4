"""The stepper: in each frame, the gradients that are seen are those of a sweep after so many steps."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings

from autograd_mini import Value, draw, nn, steps, topological
from autograd_mini.draw import Stepper
from tests.drawn import SVG, chain, example, graphs, groups, is_seen, loop, parsed, same, style_of, svg_of
from tests.test_draw import WORST

VOID = {"input", "img", "meta"}


class Page(HTMLParser):
    """The tags of a page, which have to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def html_of(stepper: Stepper) -> str:
    """What a notebook shows."""
    return stepper._repr_mimebundle_()["text/html"]


def simulated(root: Value, times: int) -> list[dict[Value, float]]:
    """The gradients before the first step and after each, worked out without the engine's sweep."""
    nodes = topological(root)
    grads = dict.fromkeys(nodes, 0.0)
    frames = []
    for sweep in range(times):
        order = [step.node for step in replayed(root)]
        for node in nodes:
            if node.op != "leaf":
                grads[node] = 0.0
        grads[root] += 1.0
        if sweep == 0:
            frames.append(dict(grads))
        for node in order:
            operands = [operand for operand in node.operands if isinstance(operand, Value)]
            for operand, local in zip(operands, node.local_derivatives, strict=True):
                grads[operand] += grads[node] * local
            frames.append(dict(grads))
    return frames


def replayed(root: Value):
    """The steps of backward_steps(), with the gradients left as they were."""
    nodes = topological(root)
    before = [node.grad for node in nodes]
    for node in nodes:
        node.grad = 0.0
    found = [*root.backward_steps()]
    for node, grad in zip(nodes, before, strict=True):
        node.grad = grad
    return found


def seen(card, frame: int) -> str:
    """The gradient that a card shows in a frame: of all texts at its place, the one that is seen."""
    texts = list(card.iter(f"{SVG}text"))
    first = texts[[text.text for text in texts].index("grad") + 1]
    shown = [
        t.text for t in texts if (t.get("x"), t.get("y")) == (first.get("x"), first.get("y")) and is_seen(t, frame)
    ]
    (text,) = shown
    return text


def check(root: Value, times: int) -> Stepper:
    nodes = topological(root)
    before = [repr(node.grad) for node in nodes]
    stepper = steps(root, times=times, level="value")
    assert [repr(node.grad) for node in nodes] == before
    frames = simulated(root, times)
    assert len(stepper) == len(frames)
    svg = svg_of(stepper.drawing)
    cards = groups(svg, "card")
    for k, grads in enumerate(frames):
        for i, node in enumerate(nodes):
            assert same(parsed(seen(cards[f"n{i}"], k)), grads[node]), (k, i)
    where = {node: i for i, node in enumerate(nodes)}
    order = [node for _ in range(times) for node in (step.node for step in replayed(root))]
    for k in range(1, len(frames)):
        rings = [id for id, card in cards.items() if any(
            r.get("fill") == "none" and is_seen(r, k) for r in card.iter(f"{SVG}rect"))]  # fmt: skip
        assert rings == [f"n{where[order[k - 1]]}"]
    for id, flow in groups(svg, "flow").items():
        end = nodes[int(id.split("-")[1][1:])]
        assert int(style_of(flow)["--f"]) == [node is end for node in order].index(True) + 1
    return stepper


@given(graphs())
@settings(max_examples=30)
def test_each_frame_shows_the_gradients_of_a_sweep_after_so_many_steps(root):
    check(root, 1)
    check(root, 2)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_frames_by_either_graphviz(graphviz_of, times):
    check(example(), times)
    check(loop(5), times)
    check(Value(2.0), times)


@pytest.mark.parametrize("root", [example(), loop(3), Value(2.0, label="x")], ids=repr)
def test_words_are_those_of_backward_steps(root):
    told = replayed(root)
    headlines = [
        (f"{step.count}. {step.headline}{':' if step.contributions else '.'}", [str(c) for c in step.contributions])
        for step in told
    ]
    words = steps(root).words
    assert [(headline, lines) for headline, lines in words[1:]] == headlines
    assert words[0][0].endswith("its gradient is the seed, 1.") and words[0][1] == []


def test_the_words_of_a_second_call_say_so():
    words = steps(example(), times=2).words
    half = len(words) // 2
    assert all("backward() call 1:" in headline for headline, _ in words[1 : half + 1])
    assert all("backward() call 2:" in headline for headline, _ in words[half + 1 :])
    leaf = [
        line for _, lines in words[half + 1 :] for line in lines if line.partition("; ")[2].startswith("a receives")
    ]
    assert leaf[-1].endswith("= 1.934")  # twice 0.9672


@given(graphs())
@settings(max_examples=15)
def test_the_last_frame_is_the_picture_after_backward(root):
    nodes = topological(root)
    last = svg_of(steps(root, level="value").drawing)
    for node in nodes:
        node.grad = 0.0
    root.backward()
    after = svg_of(draw(root, level="value"))
    for (_, a), (_, b) in zip(groups(last, "card").items(), groups(after, "card").items(), strict=True):
        told = [text.text for text in a.iter(f"{SVG}text") if is_seen(text, 10**6)]
        assert told == [text.text for text in b.iter(f"{SVG}text")]


def test_where_there_is_no_css_the_last_frame_is_seen():
    svg = svg_of(steps(example()).drawing)
    interim = [element for element in svg.iter() if "u" in element.get("class", "").split()]
    assert interim and all(element.get("opacity") == "0" for element in interim)
    assert not any("opacity" in element.attrib for element in svg.iter() if element not in interim)


def test_every_frame_of_a_folded_picture_has_words(graphviz_of):
    stepper = steps(chain(100), times=2)
    svg = svg_of(stepper.drawing)
    for k in range(len(stepper)):
        for card in groups(svg, "card").values():
            if "many" not in card.get("class"):
                parsed(seen(card, k))
    assert len(stepper) == 2 * 60 + 1 and all(
        headline.startswith(f"{k}. ") for k, (headline, _) in enumerate(stepper.words)
    )


# The page.


def check_page(html: str, frames: int) -> Page:
    """Assert that the page is whole, that nothing refers to nothing, and that it has no script."""
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    radios = page.all("input")
    assert len(radios) == frames and len({radio["name"] for radio in radios}) == 1
    assert [i for i, radio in enumerate(radios) if "checked" in radio] == [0]
    assert {label["for"] for label in page.all("label")} <= {radio["id"] for radio in radios}
    assert len(page.all("label")) == 4 * frames
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "a", "animate", "set")
        assert not any(name.startswith("on") for name in attributes)
    style = "".join(page.texts["style"])
    for k, radio in enumerate(radios):
        assert f"#{radio['id']}:checked~.am-stage svg{{--am-k:{k}!important}}" in style
    for name in ("aria-labelledby", "aria-describedby"):
        assert page.all("svg")[0][name] in ids
    return page


def test_the_page_is_whole(graphviz_of):
    check_page(html_of(steps(example())), 5)
    check_page(html_of(steps(example(), times=2)), 9)
    check_page(html_of(steps(chain(100))), 61)


def test_buttons_lead_to_the_frames_they_name():
    page = Page(html_of(steps(example())))
    ids = [radio["id"] for radio in page.all("input")]
    targets = [ids.index(label["for"]) for label in page.all("label")]
    last = len(ids) - 1
    assert targets == [at for k in range(last + 1) for at in (0, max(k - 1, 0), min(k + 1, last), last)]


def test_two_steppers_on_a_page_do_not_meet():
    pages = [Page(html_of(steps(root, times=times))) for root in (example(), loop(3)) for times in (1, 2)]
    ids = [attributes["id"] for page in pages for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert len({page.all("input")[0]["name"] for page in pages}) == 4


@pytest.mark.parametrize("label", WORST.values(), ids=WORST)
def test_labels_are_text(label):
    y = (Value(1.0, label=label) * 2.0).exp()
    y.label = label
    for stepper in (steps(y), steps(y, max_nodes=2)):
        page = check_page(html_of(stepper), len(stepper))
        assert {tag for tag, _ in page.tags} <= {
            "div", "style", "input", "label", "span", "p", "ul", "li", "img", "svg", "title", "desc", "g", "path",
            "polygon", "polyline", "rect", "text", "details", "summary"}  # fmt: skip
        words = [text for text in page.texts["p"] if text.strip()]
        assert [*dict.fromkeys(words)] == [headline for headline, _ in stepper.words]  # again where there is no CSS


def test_same_graph_same_page(graphviz_of, tmp_path):
    pages = [Path(steps(example()).save(tmp_path / f"{i}.html")).read_bytes() for i in (0, 1)]
    assert pages[0] == pages[1]


def test_the_same_stepper_twice_on_a_page_is_two_steppers():
    ids = [re.findall(r'<input type="radio" name="(\w[^"]*)"', html_of(steps(example()))) for _ in (0, 1)]
    assert len(set(ids[0])) == len(set(ids[1])) == 1 and ids[0] != ids[1]


def test_a_notebook_gets_a_page_a_picture_and_words():
    stepper = steps(example())
    bundle = stepper._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
    assert bundle["text/plain"] == str(stepper) and "y has the gradient 1:" in str(stepper)
    assert bundle["image/svg+xml"] in bundle["text/html"]
    assert set(stepper._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}
    assert set(stepper._repr_mimebundle_(exclude=["text/html"])) == {"image/svg+xml", "text/plain"}
    assert repr(stepper) == "Stepper('Computation graph of y', 5 frames)"


# Files and wrong input.


@pytest.mark.parametrize("name", ["y.html", "y.HTM"])
def test_save(graphviz_of, tmp_path, name):
    stepper = steps(example())
    assert stepper.save(tmp_path / name) == str(tmp_path / name)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert stepper.drawing.pipe("svg").decode() in text
    check_page(text, 5)
    assert "Computation graph of y" in Page(text).texts["title"]


@pytest.mark.parametrize("name", ["y.svg", "y", ".html"])
def test_a_suffix_that_is_no_page(tmp_path, name):
    with pytest.raises(ValueError, match=r"a stepper is a page: name a file in \.html"):
        steps(example()).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_path_that_cannot_be_written(tmp_path):
    with pytest.raises(OSError, match=r"cannot write the picture .*; name a file in a folder"):
        steps(example()).save(tmp_path / "missing" / "y.html")


@pytest.mark.parametrize("times", [0, -1, 1.0, True, "2", None])
def test_times_that_are_none(times):
    with pytest.raises(ValueError, match=r"^times is how often"):
        steps(example(), times=times)


def test_a_root_that_is_no_value():
    with pytest.raises(TypeError, match="expected a Value"):
        steps(1.0)


def test_numbers_that_are_none_are_shown():
    x = Value(0.0, label="x")
    y = x.sqrt() * Value(math.nan)
    stepper = check(y, 2)
    assert re.search(r"receives .* nan", str(stepper))


def test_a_card_that_is_used_again_is_said_to_receive_more():
    model = nn.MLP(1, [2, 1], activation="tanh", seed=0)
    h = model([Value(0.3, label="x")])
    h.label = "h"
    y = model([h]) + h
    assert "receives more after its step" in steps(y, level="neuron").words[0][0]
    assert "receives more after its step" not in steps(example()).words[0][0]
