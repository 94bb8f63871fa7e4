"""Graphs to draw, and their pictures read back as a reader sees them."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Value, topological
from autograd_mini.draw.drawing import Drawing

SVG = "{http://www.w3.org/2000/svg}"
PREFIX = re.compile(r"g[0-9a-f]{8}-")
SMALLEST = 8  # uses of one operand by one node that are drawn one by one

# Graphs.


def example() -> Value:
    """tanh(a b + exp a) at a = 2, b = -3, differentiated: a is used twice."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    z = a * b + a.exp()
    z.label = "z"
    y = z.tanh()
    y.label = "y"
    y.backward()
    return y


def chain(n: int) -> Value:
    """n nodes in a row."""
    node = Value(1.0)
    for _ in range(n - 1):
        node = node.tanh()
    return node


def loop(n: int) -> Value:
    """n steps of a recurrence that share a leaf."""
    a, x = Value(0.5, label="a"), Value(1.0)
    for _ in range(n):
        x = (x * a).tanh()
    return x


def dense(n: int, uses: int) -> Value:
    """n nodes, each computed from that many of those before it, near and far."""
    nodes = [Value(1.0)]
    while len(nodes) < n:
        nodes.append(am.mean(nodes[:: max(1, len(nodes) // uses)]))
    return nodes[-1]


LEAVES = [0.5, -1.25, 3.0, 0.0, -0.0, 1e-30, 0.1, math.inf, -math.inf, math.nan]
OPERATIONS = [
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: x * x,
    lambda x, y: x - 0.5,
    lambda x, y: -2.0 * x,
    lambda x, y: x - y,
    lambda x, y: x.tanh(),
    lambda x, y: x.relu(),
    lambda x, y: am.maximum(x, y),
    lambda x, y: am.cbrt(x),
    lambda x, y: am.mean([x, 1.0, y]),
    lambda x, y: am.sum([x] * 9 + [y, 2.0]),
    lambda x, y: am.prod([x, y, x]),
    lambda x, y: am.sum([x, *[1.0] * 9]),
]


@st.composite
def graphs(draw, most: int = 9) -> Value:
    """Roots with finite and other numbers, after no or several sweeps, some gradients set by hand."""
    indices = st.integers(0, 10**6)
    nodes = [Value(x, label=label) for x, label in zip(draw(st.lists(st.sampled_from(LEAVES), min_size=3, max_size=3)),
                                                      ["p", None, "q"], strict=True)]  # fmt: skip
    for kind, i, j in draw(st.lists(st.tuples(indices, indices, indices), max_size=most)):
        try:
            operation = OPERATIONS[kind % len(OPERATIONS)]
            # Rather the newest, so that most of them belong to the graph.
            nodes.append(operation(nodes[-1 - i % min(4, len(nodes))], nodes[j % len(nodes)]))
        except OverflowError:
            break
    root = nodes[-1]
    for _ in range(draw(st.sampled_from([1, 0, 1, 2, 3]))):
        root.backward()
    for i, grad in draw(st.one_of(st.just([]), st.lists(st.tuples(indices, st.sampled_from(LEAVES)), max_size=2))):
        nodes[i % len(nodes)].grad = grad
    return root


def received(root: Value) -> dict[tuple[Value, Value], list[tuple[int, float, float]]]:
    """By operand and node: the place of the operand, the local derivative, and what it receives by it."""
    found: dict[tuple[Value, Value], list[tuple[int, float, float]]] = {}
    for node in topological(root):
        places = [i for i, operand in enumerate(node.operands) if isinstance(operand, Value)]
        for i, local in zip(places, node.local_derivatives, strict=True):
            found.setdefault((node.operands[i], node), []).append((i, local, node.grad * local))
    return found


# Pictures read back.


def svg_of(drawing: Drawing) -> ElementTree.Element:
    """The SVG, parsed."""
    return ElementTree.fromstring(drawing.pipe("svg"))


def groups(svg: ElementTree.Element, *kinds: str) -> dict[str, ElementTree.Element]:
    """The groups of these classes by their ids, which are without the picture's prefix."""
    found = [group for group in svg.iter(f"{SVG}g") if {*kinds} <= {*group.get("class", "").split()}]
    return {PREFIX.sub("", group.attrib["id"], count=1): group for group in found}


def texts(group: ElementTree.Element) -> list[ElementTree.Element]:
    """The texts that are seen in the end."""
    return [text for text in group.iter(f"{SVG}text") if "u" not in text.get("class", "").split()]


def words(group: ElementTree.Element) -> list[str]:
    """What the texts say that are seen in the end."""
    return [(text.text or "").replace("\xa0", " ") for text in texts(group)]


def tip(group: ElementTree.Element) -> str:
    """What is said when the group is pointed at."""
    return (group.findtext(f"{SVG}title") or "").replace("\xa0", " ")


def style_of(element: ElementTree.Element) -> dict[str, str]:
    """The style attribute as a dict."""
    return dict(part.split(":", 1) for part in element.get("style", "").split(";") if part)


def is_seen(element: ElementTree.Element, frame: int) -> bool:
    """Whether an element is to be seen in a frame: CSS of class k and u, which the picture defines."""
    kinds, style = element.get("class", "").split(), style_of(element)
    if "k" in kinds:
        return int(style["--f"]) <= frame
    return "u" not in kinds or int(style["--f"]) <= frame < int(style["--u"])


def parsed(text: str) -> float:
    """A number as it is written in a picture."""
    assert re.fullmatch(r"[+−]?(\d+(\.\d+)?(e[+-−]\d+)?|inf)|nan", text), text
    return float(text.replace("−", "-"))


def same(shown: float, exact: float) -> bool:
    """Whether a number with four digits is that number."""
    return shown == exact or abs(shown - exact) < 6e-4 * abs(exact) or (math.isnan(shown) and math.isnan(exact))


def terms_of(text: str) -> list[float]:
    """The terms of a sum: '= −0.661 + 1.628 − nan'."""
    found = re.findall(r"(?:^= |([+−]) )(−?[\d.]+(?:e[+−]\d+)?|−?inf|nan)(?= |$)", text)
    spelled = "".join(f" {sign} {term}" if sign else f"= {term}" for sign, term in found)
    assert spelled == text, (spelled, text)
    return [-parsed(term) if sign == "−" else parsed(term) for sign, term in found]
