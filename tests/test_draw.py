"""draw(): every card, ribbon and number of the picture is in the graph, and the other way round."""

from __future__ import annotations

import math
from itertools import permutations
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

import autograd_mini as am
from autograd_mini import Value, draw, topological
from autograd_mini.draw.picture import CHIPS, ON_CARD, histogram, width
from autograd_mini.text import printable
from tests.drawn import (
    LEAVES,
    SMALLEST,
    SVG,
    chain,
    example,
    graphs,
    groups,
    loop,
    parsed,
    received,
    same,
    svg_of,
    terms_of,
    texts,
    tip,
    words,
)  # fmt: skip
from tests.reading import evaluated, rounding

SYMBOLS = {row.name: row.symbol for row in am.ops.TABLE}
KINDS = {"positive": ("#0072b2", None), "negative": ("#d55e00", None), "zero": ("#b3b3b3", "1,5"),
         "undefined": ("#111111", "5,2")}  # fmt: skip


def kind(x: float) -> str:
    if not math.isfinite(x):
        return "undefined"
    return "zero" if x == 0.0 else "positive" if x > 0.0 else "negative"


def check(root: Value, **options: object) -> ElementTree.Element:
    """Assert that a picture with a card for each node has its numbers and no others; return the picture."""
    nodes = topological(root)
    svg = svg_of(draw(root, **options))
    ids = {node: f"n{i}" for i, node in enumerate(nodes)}
    cards = groups(svg, "card")
    assert list(cards) == list(ids.values())
    uses = received(root)
    for node, id in ids.items():
        incoming = [x for (operand, _), found in uses.items() if operand is node for *_, x in found]
        check_card(cards[id], node, [node.grad] if node is root else incoming)
    check_constants(svg, ids)
    check_flows(svg, ids, uses)
    check_table(svg.findtext(f"{SVG}desc"), nodes)
    return svg


def check_card(card: ElementTree.Element, node: Value, incoming: list[float]) -> None:
    """Assert that a card says what its node is, has and receives."""
    said, row = words(card), next(row for row in am.ops.TABLE if row.name == node.op)
    at = said.index("value")
    assert said[at - 1] == row.symbol and said[at + 2] == "grad" and at in (1, 2)
    value, grad, *rest = said[at + 1], *said[at + 3 :]
    assert same(parsed(value), node.data) and same(parsed(grad), node.grad)
    shown = texts(card)[at + 3]
    assert grad.startswith("+") == (node.grad > 0.0)
    tint = {"positive": "#0072b2", "negative": "#b34e00", "zero": "#666666", "undefined": None}[kind(node.grad)]
    assert shown.get("fill") == tint  # None: the ink of all text
    name, *facts = ["", *tip(card).splitlines()][-4:]
    assert facts == [f"{row.name}: {row.meaning}", f"value {node.data!r}", f"grad {node.grad!r}"]
    assert not name or said[0] == (name if len(name) <= ON_CARD else f"{name[: ON_CARD - 1]}…")
    assert len(rest) <= 1
    if rest and rest[0].startswith("= sum of "):
        assert int(rest[0].removeprefix("= sum of ").replace(",", "")) in (len(incoming), len(incoming) + 1)
    elif rest:
        terms = terms_of(rest[0])
        assert len(terms) >= 2 and same_terms(terms[-len(incoming) :], incoming)
        assert len(terms) in (len(incoming), len(incoming) + 1)
        if len(terms) > len(incoming):
            assert same(terms[0], node.grad - math.fsum(incoming)) if all(map(math.isfinite, incoming)) else True
        slack = 6e-4 * sum(abs(term) for term in terms if math.isfinite(term))
        assert same(sum(terms), node.grad) or abs(sum(terms) - node.grad) <= slack
    elif len(incoming) > 1:  # where no sum is said, what is received is not all that there is, and the rest is not told
        assert not same(sum(incoming), node.grad)


def same_terms(shown: list[float], exact: list[float]) -> bool:
    """Whether they are the same numbers, in any order."""
    left = list(exact)
    for x in shown:
        left.remove(next(y for y in left if same(x, y)))
    return not left


def check_constants(svg: ElementTree.Element, ids: dict[Value, str]) -> None:
    """Assert that each constant is there, or how many they are."""
    expected: dict[str, str | float] = {}
    for node, id in ids.items():
        constants = {i: x for i, x in enumerate(node.operands) if not isinstance(x, Value)}
        if len(constants) > SMALLEST:
            expected[f"c-{id}"] = f"{len(constants):,} constants"
        else:
            expected |= {f"c{i}-{id}": x for i, x in constants.items()}
    drawn = {id: words(group) for id, group in groups(svg, "constant").items()}
    assert set(drawn) == set(expected)
    for id, x in expected.items():
        assert drawn[id] == [x] if isinstance(x, str) else same(parsed(*drawn[id]), x)
        assert f"{id}-{id.partition('-')[2]}" in groups(svg, "operand")


def check_flows(svg, ids, uses) -> None:
    """Assert that each use of an operand is a ribbon, with its numbers."""
    drawn, with_chips = groups(svg, "flow"), len(ids) <= CHIPS
    expected = {}
    for (operand, node), found in uses.items():
        if len(found) > SMALLEST:
            expected[f"{ids[operand]}-{ids[node]}"] = found, node
        else:
            expected |= {f"{ids[operand]}-{ids[node]}-{i}": ([(i, local, x)], node) for i, local, x in found}
    assert set(drawn) == set(expected)
    widths = []
    for id, (found, node) in expected.items():
        total = sum(x for *_, x in found)
        group, said, tips = drawn[id], words(drawn[id]), tip(drawn[id]).splitlines()
        assert kind(total) in group.attrib["class"].split()
        line = {**group.attrib, **group.find(f"{SVG}path").attrib}
        assert (line["stroke"], line.get("stroke-dasharray")) == KINDS[kind(total)]
        widths.append((abs(total), float(line.get("stroke-width", "1"))))
        if len(found) == 1:
            [(i, local, x)] = found
            *place, formula, product = tips
            is_again = sum(other is node.operands[i] for other in node.operands) > 1
            if is_again:
                assert f", operand {i + 1} of {len(node.operands)} of " in place[0]
                assert place[0].endswith(node.label or "")
            assert len(place) == is_again
            assert same(parsed(formula.rpartition(" = ")[2]), local)
            check_product(product, node.grad, local, x)
        else:
            assert tips[0].startswith(f"{len(found):,} uses of ")
            least, greatest = (x(x_ for *_, x_ in found) for x in (min, max))
            parts = tips[1].removeprefix("contributions from ").replace(" to ", ", sum ").split(", sum ")
            numbers = [parsed(part) for part in parts]
            assert all(same(*pair) for pair in zip(numbers, (least, greatest, total), strict=True))
        if with_chips:
            assert f"f-{id}" in groups(svg, "operand")
            if len(found) == 1:
                assert len(said) == 2 and same(parsed(said[0].rpartition(" = ")[2]), found[0][1])
                assert said[1] == product
                check_formula(said[0], local)
            else:
                assert len(said) == 2 and said[0] == f"{len(found):,} uses"
                assert same(parsed(said[1].removeprefix("sum ")), total)
        elif kind(total) == "undefined":
            assert len(said) == 1 and same(parsed(said[0]), total)
        else:
            assert not said
    finite = sorted(pair for pair in widths if math.isfinite(pair[0]))
    assert [w for _, w in finite] == sorted(w for _, w in finite)


def check_formula(text: str, local: float) -> None:
    """Assert that what a formula says in numbers is the local derivative: 1 − 0.883² in ∂y/∂z = 1 − y² = 1 − 0.883²."""
    for part in text.split(" = ")[1:-1]:
        try:
            x = evaluated(part, {})
        except (NameError, SyntaxError, ZeroDivisionError):  # in names, or 1 / 0 is said to be inf
            continue
        assert same(x, local) or abs(x - local) <= rounding(part, {}, exact={1.0, 2.0, 0.5}), (text, local)


def check_product(text: str, upstream: float, local: float, x: float) -> None:
    """Assert that a product is written out: '0.5 × −3 = −1.5'."""
    first, _, rest = text.partition(" × ")
    second, _, result = rest.partition(" = ")
    shown = [parsed(part) for part in (first, second, result)]
    assert all(same(*pair) for pair in zip(shown, (upstream, local, x), strict=True)), (text, upstream, local, x)


def check_table(table: str | None, nodes: list[Value]) -> None:
    """Assert that the description has a line for each node, with its numbers."""
    head, *lines = (table or "").splitlines()
    assert head.split() == ["node", "op", "operands", "value", "grad"] and len(lines) == len(nodes)
    for line, node in zip(lines, nodes, strict=True):
        *rest, value, grad = line.split()
        assert SYMBOLS[node.op] in rest
        assert same(parsed(value), node.data) and same(parsed(grad), node.grad)


# The picture of a graph.


def test_the_sketch(graphviz_of):
    svg = check(example())
    names = [words(card)[0] for card in groups(svg, "card").values()]
    assert names == ["a", "b", "a·b", "exp(a)", "z", "y"]
    assert words(groups(svg, "card")["n0"])[-1] == "= 1.628 − 0.6611"
    assert words(groups(svg, "flow")["n0-n2-0"]) == ["∂(a·b)/∂a = b = −3", "0.2204 × −3 = −0.6611"]


@given(graphs())
@settings(max_examples=60)
def test_every_number_of_a_small_picture(root):
    check(root)


@given(graphs(most=50))
@settings(max_examples=20)
def test_every_number_of_a_large_picture(root):
    check(root, level="value")


@pytest.mark.parametrize(
    "root", [Value(1.5), 2.0 - Value(1.5), am.sum([Value(1.0), 2.0, Value(3.0), 4.0]), chain(60), loop(28)], ids=repr
)
def test_every_number_by_either_graphviz(graphviz_of, root):
    check(root)
    root.backward()
    check(root)


def test_a_value_used_twice_has_two_ribbons(graphviz_of):
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    svg = check(y)
    assert set(groups(svg, "flow")) == {"n0-n1-0", "n0-n1-1"}
    assert words(groups(svg, "card")["n0"])[-1] == "= 3 + 3"


def test_many_uses_by_one_node_share_a_ribbon(graphviz_of):
    x = Value(3.0, label="x")
    y = am.sum([x] * 50_001)
    y.backward()
    svg = check(y)
    assert words(groups(svg, "flow")["n0-n1"]) == ["50,001 uses", "sum 5e+04"]


def test_a_sum_tells_what_there_was_before():
    x = Value(3.0, label="x")
    y = x * 2.0 + x
    for _ in range(3):
        y.backward()
    assert words(groups(check(y), "card")["n0"])[-1] == "= 6 + 1 + 2"


def test_rounding_is_no_gradient_of_before():
    grads = []
    for slopes in permutations([1e17, 1.0, -1e17]):
        x = Value(1.0, label="x")
        y = x * slopes[0] + x * slopes[1] + x * slopes[2]
        y.backward()
        grads.append(x.grad)
        assert sorted(terms_of(words(groups(check(y), "card")["n0"])[-1])) == [-1e17, 1.0, 1e17]
    assert {*grads} == {0.0, 1.0}


def test_no_sum_that_is_not_true():
    x = Value(0.0, label="x")
    y = x.sqrt() + x
    y.backward()
    assert words(groups(check(y), "card")["n0"])[-1] in ("= inf + 1", "= 1 + inf")
    x.grad = 2.0
    assert words(groups(check(y), "card")["n0"])[-1] == "+2"


@pytest.mark.parametrize("before", [math.inf, -math.inf, math.nan])
def test_a_sum_that_infinity_was_in_before_is_true(before):
    x = Value(1.0, label="x")
    x.grad = before
    y = x * x
    y.backward()
    check(y)


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, -1.7e308, 123456.0, -2 / 3])
def test_a_leaf_alone_is_a_card(graphviz_of, x):
    leaf = Value(x)
    leaf.grad = x
    assert not groups(check(leaf), "flow")


def test_widths_are_linear_below_and_logarithmic_above():
    widths = [width(x, 1.0) for x in (0.0, 0.001, 0.01, 0.1, 1.0)]
    assert widths == sorted(widths) and (widths[0], widths[-1]) == (1.0, 7.0)
    assert 0.9 < (widths[1] - 1.0) / (width(0.002, 1.0) - 1.0) * 2 < 1.1  # a doubled contribution, a doubled width
    assert 1.3 < widths[-1] - widths[-2] < 4.0  # a decade is a step
    assert width(math.nan, 1.0) == width(math.inf, 1.0) == 7.0 and width(0.0, 0.0) == 1.0
    assert width(5e-324, 5e-324) == 7.0 and width(1.0, 1.7e308) == pytest.approx(1.0)


def test_formulas_are_on_ribbons_while_there_is_room():
    for n, on_ribbon in ((CHIPS, True), (CHIPS + 1, False)):
        root = chain(n)
        root.backward()
        svg = check(root)
        assert all(bool(words(flow)) == on_ribbon for flow in groups(svg, "flow").values())


def test_a_legend_says_what_is_there(graphviz_of):
    y = example()
    said = " ".join(words(next(svg_of(draw(y)).iter(f"{SVG}g"))))
    assert "upstream gradient × local derivative = contribution" in said
    assert "+ raises the result" in said and "− lowers it" in said and "inf or nan" not in said
    x = Value(0.0)
    y = x.sqrt() + Value(-1.0).relu()
    y.backward()
    said = " ".join(words(next(svg_of(draw(y)).iter(f"{SVG}g"))))
    assert "inf or nan" in said and "┄┄ 0" in said.replace("   ", " ")


def test_before_backward_the_legend_says_what_to_do():
    x = Value(2.0)
    assert any("call backward()" in text for text in words(svg_of(draw(x * x))))


def test_names_are_those_of_the_variables():
    def run():
        weights = [Value(1.0), Value(2.0)]
        loss = weights[0] * weights[1] + 1.0
        return loss, locals()

    loss, variables = run()
    names = [words(card)[0] for card in groups(svg_of(draw(loss, names=variables)), "card").values()]
    assert names == ["weights[0]", "weights[1]", "weights[0]·weights[1]", "loss"]


def test_the_final_picture_of_an_animation_has_the_same_numbers(graphviz_of):
    check(example(), animate=True)
    loss = loop(10)
    for _ in range(2):
        loss.backward()
    check(loss, animate=True)


def test_an_animation_plays_once_without_a_script_and_rests_for_who_asks():
    svg = draw(example(), animate=True).pipe("svg").decode()
    assert "@media (prefers-reduced-motion:reduce){.am-play{animation:none}}" in svg
    assert "<script" not in svg and "infinite" not in svg and "<animate" not in svg
    assert "am-play" not in draw(example()).pipe("svg").decode()


@pytest.mark.parametrize("root", [1.0, None, "y", [Value(1.0)]])
def test_a_root_that_is_no_value(root):
    with pytest.raises(TypeError, match=f"expected a Value, .* not {type(root).__name__}"):
        draw(root)


@pytest.mark.parametrize("options", [{"level": "neurons"}, {"level": 1}, {"max_nodes": 1}, {"max_nodes": True},
                                     {"max_nodes": 2.5}, {"max_nodes": "9"}], ids=str)  # fmt: skip
def test_options_that_are_none(options):
    (key,) = options
    with pytest.raises(ValueError, match=f"^{key} is "):
        draw(example(), **options)


# Labels.

WORST = {
    "quotes": "\"double\" and 'single'",
    "tags": "</text></title></svg><script>alert(1)</script>",
    "entities": "&amp; &lt; &#65; &eacute; &",
    "escapes": r"\N \G \E \n \\ \"",
    "last backslash": "ends in \\",
    "comment": "--> <!-- ]]>",
    "braces": "{a|b} [c=d]; <port>",
    "format": "{0} {title} %s %(x)d",
    "html string": "<b>",
    "equation": "a = b",
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
TAGS = {f"{SVG}{tag}" for tag in ("svg", "style", "title", "desc", "g", "path", "polygon", "polyline", "rect", "text")}


@pytest.mark.parametrize("label", WORST.values(), ids=WORST)
def test_labels_are_text(graphviz_of, label):
    y = (Value(1.0, label=label) * 2.0).exp()
    y.backward()
    drawing = draw(y)
    svg = svg_of(drawing)
    assert {element.tag for element in svg.iter()} <= TAGS
    card = groups(svg, "card")["n0"]
    expected = printable(label)
    shown, name = words(card)[0], tip(card).partition("\n")[0]
    if len(label) <= ON_CARD:
        assert shown == expected
    else:
        assert shown.endswith("…") and len(shown) == ON_CARD and expected.startswith(shown[:-1])
    assert name == expected if len(label) <= 1000 else expected.startswith(name[:-1])
    assert not any(character < " " for character in shown + name)
    assert len(drawing.table.splitlines()) == 4 and len(drawing.table) < 1000
    assert len(drawing.title) <= len("Computation graph of ") + 100


@pytest.mark.parametrize("label", WORST.values(), ids=WORST)
def test_labels_are_text_where_they_name_the_picture_or_many(graphviz_of, label):
    x, w = Value(1.0), Value(2.0, label=f"{label}.w[0]")
    y = ((w * x).tanh() * 3.0).exp()
    y.label = label
    y.backward()
    for options in ({}, {"level": "neuron"}, {"level": "layer"}, {"max_nodes": 2}):
        svg = svg_of(draw(y, **options))
        assert {element.tag for element in svg.iter()} <= TAGS
        assert svg.findtext(f"{SVG}title").startswith("Computation graph of " + printable(label)[:50])


a, b = Value(2.0, label="a"), Value(3.0, label="b")


@pytest.mark.parametrize("node", [Value(1.0) * a, am.sum([a] * 30), Value(1.0, label="long" * 9) + a], ids=repr)
def test_a_name_is_made_up_without_names_or_room(node):
    assert words(groups(svg_of(draw(node)), "card")[f"n{len(topological(node)) - 1}"])[0] == f"{node.op}₁"


# What is shown of many.


def test_a_histogram_counts_half_decades():
    assert histogram([1.0, -1.0, 0.5, 0.2, 1e-9, 0.0]) == ([2, 0, 0, 0, 0, 0, 1, 3], 1.0)
    assert histogram([0.0, 0.0]) == ([2, 0, 0, 0, 0, 0, 0, 0], 0.0)
    assert histogram([math.nan, math.inf]) == ([0] * 8, 0.0)


@pytest.mark.parametrize("grad", LEAVES)
def test_a_folded_card_shows_any_gradient(graphviz_of, grad):
    root = chain(9)
    root.backward()
    for node in topological(root)[:5]:
        node.grad = grad
    nodes = topological(root)[:7]
    drawing = draw(root, max_nodes=3)
    card = groups(svg_of(drawing), "many")["n0"]
    *_, largest = words(card)
    finite = [abs(node.grad) for node in nodes if math.isfinite(node.grad)]
    assert same(parsed(largest.partition(",")[0]), max(finite))
    assert largest.partition(", ")[2] == ("" if math.isfinite(grad) else "5 inf or nan")
    known = [node.grad for node in nodes if not math.isnan(node.grad)]
    missing = ", 5 nan" if math.isnan(grad) else ""
    assert tip(card).splitlines()[-1] == f"grad {min(known)!r} … {max(known)!r}{missing}"
    for node in nodes:
        node.grad = grad
    card = groups(svg_of(draw(root, max_nodes=3)), "many")["n0"]
    ends = grad if not math.isnan(grad) else "7 nan"
    assert tip(card).splitlines()[-1] == f"grad {ends}"
