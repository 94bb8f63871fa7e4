"""Why a gradient is what it is: all paths are counted, the greatest are shown, and their products add up to it."""

from __future__ import annotations

import math
import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Value, topological, why
from autograd_mini.why import ENDS, Path
from tests.graphs import EXTREME, ORDINARY, graphs
from tests.reading import Table, check_latex, read_latex, same
from tests.test_steps import gradients
from tests.test_text import hostile, render

MANY = 3000  # paths, more than which are not enumerated one by one


def all_paths(value, root):
    """Every way from value to root, found by trying all from the root down."""
    found, open_ends = [], [((root,), (), 1.0)]
    while open_ends:
        nodes, slopes, product = open_ends.pop()
        if nodes[0] is value:
            found.append((nodes, slopes, product))
        for parent, slope in zip(nodes[0].parents, nodes[0].local_derivatives, strict=True):
            open_ends.append(((parent, *nodes), (slope, *slopes), slope * product))
        assume(len(open_ends) + len(found) < MANY)
    return found


def magnitude(product):
    return math.inf if math.isnan(product) else abs(product)


def sizes(products):
    return sorted(map(magnitude, products), reverse=True)


@settings(max_examples=200)
@given(graphs(steps=8), st.integers(1, 6))
def test_the_products_of_all_paths_add_up_to_the_gradient(nodes, most):
    root = nodes[-1]
    for leaf in nodes:
        leaf.grad = 0.0
    root.backward()
    for value in topological(root):
        products = [product for _, _, product in all_paths(value, root)]
        reason = why(value, root, most=most)
        assert reason.count == len(products)
        if all(map(math.isfinite, products)):
            scale = math.fsum(map(abs, products))
            assert math.isclose(reason.gradient, math.fsum(products), rel_tol=1e-12, abs_tol=1e-12 * scale)
            assert math.isclose(reason.gradient, value.grad, rel_tol=1e-12, abs_tol=1e-12 * scale)
            shown = math.fsum(path.product for path in reason.paths)
            assert math.isclose(shown + reason.rest, reason.gradient, rel_tol=1e-12, abs_tol=1e-12 * scale)


@settings(max_examples=200)
@given(st.one_of(graphs(steps=8), graphs(st.one_of(ORDINARY, EXTREME), steps=8)), st.integers(1, 6))
def test_the_greatest_paths_are_shown(nodes, most):
    root = nodes[-1]
    for value in topological(root):
        expected = all_paths(value, root)
        reason = why(value, root, most=most)
        assert len(reason.paths) == min(most, len(expected))
        found = [path.product for path in reason.paths]
        if all(math.isfinite(product) for _, _, product in expected):
            assert sizes(found) == sizes(product for _, _, product in expected)[:most]
        assert [magnitude(product) for product in found] == sizes(found)
        known = {(tuple(map(id, path)), tuple(x.hex() for x in slopes)) for path, slopes, _ in expected}
        for path in reason.paths:
            assert (tuple(map(id, path.nodes)), tuple(x.hex() for x in path.local_derivatives)) in known


@given(st.one_of(graphs(), graphs(st.one_of(ORDINARY, EXTREME))))
def test_nothing_changes_and_all_is_said(nodes):
    root = nodes[-1]
    before = gradients(root)
    for value in topological(root):
        reason = why(value, root, most=2)
        assert str(reason) and repr(reason)
        check_latex(reason._repr_latex_()[1:-1])
        check_table(reason)
    assert gradients(root) == before


def check_table(reason):
    """Assert that the table in HTML has the lines of the text."""
    table = Table(reason._repr_html_())
    title, *lines = str(reason).splitlines()
    assert table.caption == title == reason.title
    assert table.rows[0] == ["path", "product of local derivatives", "gradient along it"]
    assert [tuple(row) for row in table.rows[1:]] == reason.rows()
    assert [" ".join(row).split() for row in table.rows[1:]] == [line.split() for line in lines]


def test_one_path():
    x = Value(3.0, "x")
    y = x.tanh().exp()
    y.label = "y"
    reason = why(x, y)
    (path,) = reason.paths
    assert type(path) is Path
    assert path.nodes == (x, y.operands[0], y)
    assert path.local_derivatives == (*y.operands[0].local_derivatives, *y.local_derivatives)
    assert (reason.value, reason.root, reason.count, reason.rest) == (x, y, 1, 0.0)
    assert reason.gradient == path.product == math.prod(path.local_derivatives)


def test_a_value_used_twice_by_one_operation_is_two_paths():
    x = Value(3.0, "x")
    reason = why(x, am.sum([x * x, x]))
    assert [path.product for path in reason.paths] == [3.0, 3.0, 1.0]
    assert str(reason).splitlines()[0] == "d(sum(x², x))/d(x) = 7, over 3 paths; its grad now holds 0"


def test_the_root_itself():
    for y in (Value(3.0, "x"), Value(3.0, "x") * 2.0):
        reason = why(y, y)
        assert [(path.nodes, path.local_derivatives, path.product) for path in reason.paths] == [((y,), (), 1.0)]
        assert (reason.count, reason.gradient, reason.rest) == (1, 1.0, 0.0)
    y.backward()
    assert str(why(y, y)) == "d(x·2)/d(x·2) = 1, over 1 path\n  x·2  1  +1"
    y.label = "y"
    assert why(y, y)._repr_latex_() == r"$\frac{\partial y}{\partial y} = 1 = 1$"


def test_a_computed_value():
    x = Value(3.0, "x")
    s = x * x
    s.label = "s"
    reason = why(s, s * x + s)
    assert [path.product for path in reason.paths] == [3.0, 1.0]
    assert reason.gradient == 4.0


@pytest.mark.parametrize("most", [1, 10, 1000])
def test_more_paths_than_could_be_walked(most):
    x = y = Value(0.5, "x")
    for _ in range(200):
        y = y + y
    start = time.process_time()
    reason = why(x, y, most=most)
    assert (reason.count, len(reason.paths), reason.gradient) == (2**200, most, 2.0**200)
    assert all(len(path.nodes) == 201 and path.product == 1.0 for path in reason.paths)
    assert len({tuple(map(id, path.nodes)) for path in reason.paths}) == 1  # by one operand or the other
    assert "over 1.607e+60 paths" in str(reason) and "and 1.607e+60 more" in str(reason)
    assert time.process_time() - start < 5.0


def test_a_count_of_more_digits_than_python_writes():
    x = y = Value(1.0, "x")
    for _ in range(15_000):
        y = y * 0.5 + y * 0.5
    reason = why(x, y, most=1)
    assert (reason.count, reason.gradient) == (2**15_000, 1.0)
    assert re.search(r"over \d\.\d{3}e\+4515 paths", str(reason))


@pytest.mark.parametrize("most", [1, 10])
def test_a_long_chain(most):
    n = 100_000
    x = y = Value(1.0, "x")
    for i in range(n):
        y = y * 1.0 if i % 1000 else y + y * 0.0
    start = time.process_time()
    reason = why(x, y, most=most)
    text, table, latex = str(reason), reason._repr_html_(), reason._repr_latex_()
    assert time.process_time() - start < 20.0
    assert (reason.count, reason.gradient, len(reason.paths)) == (2**100, 1.0, most)
    assert len(reason.paths[0].nodes) == n + 1
    assert reason.paths[0].nodes[0] is x and reason.paths[0].nodes[-1] is y
    assert max(len(text), len(table), len(latex)) < 1000 * most
    del reason, y


@pytest.mark.parametrize("n", [1, 2 * ENDS - 1, 2 * ENDS, 2 * ENDS + 1, 2 * ENDS + 2, 50])
def test_the_middle_of_a_long_path_is_left_out(n):
    x = y = Value(1.0, "x0")
    for i in range(1, n):
        y = y * float(i)
        y.label = f"x{i}"
    path, product, total = why(x, y).rows()[0]
    names, factors = path.split(" → "), product.split(" × ")
    expected = [f"x{i}" for i in range(n)]
    numbers = [f"{i:.4g}" for i in range(1, n)] or ["1"]
    if n > 2 * ENDS + 1:
        expected[ENDS:-ENDS] = ["…"]
    if n > 2 * ENDS + 2:
        numbers[ENDS:-ENDS] = ["…"]
    assert (names, factors) == (expected, numbers)
    assert same(total.lstrip("+"), math.factorial(n - 1))


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5])
def test_most(most):
    x = Value(1.0, "x")
    y = am.sum([x * 1.0, x * -4.0, x * 2.0, x * -3.0])
    y.label = "y"
    reason = why(x, y, most=most)
    assert [path.product for path in reason.paths] == [-4.0, -3.0, 2.0, 1.0][:most]
    assert reason.rest == [0.0, 0.0, 3.0, 1.0, 0.0, 0.0][most]
    assert (reason.count, reason.gradient) == (4, -4.0)
    last = str(reason).splitlines()[-1].split()
    assert last == {
        1: ["and", "3", "more", "0"], 2: ["and", "2", "more", "+3"], 3: ["and", "1", "more", "+1"],
    }.get(most, ["x", "→", "x·1", "→", "y", "1", "×", "1", "+1"])  # fmt: skip


def test_nothing_is_left_where_all_paths_are_shown():
    x = Value(1.0)
    reason = why(x, am.sum([x * 0.2, x * 0.3, x * 0.1, x * 0.7]))
    assert sum(path.product for path in reason.paths) != reason.gradient  # added up in another order
    assert reason.rest == 0.0


@pytest.mark.parametrize("most", [0, -1, False])
def test_at_least_one_path_is_shown(most):
    x = Value(1.0)
    with pytest.raises(ValueError, match="most is a number of paths, at least 1"):
        why(x, x * 2.0, most=most)


@pytest.mark.parametrize("most", [2.5, "3", None, math.nan])
def test_most_is_a_whole_number(most):
    x = Value(1.0)
    with pytest.raises(TypeError, match="most is a whole number of paths, not "):
        why(x, x * 2.0, most=most)


@pytest.mark.parametrize("wrong", [1.0, None, "x", [Value(1.0)]], ids=repr)
def test_why_takes_values(wrong):
    x = Value(1.0)
    for value, root in [(wrong, x), (x, wrong)]:
        with pytest.raises(TypeError, match=f"two Values, a value and a result, not {type(wrong).__name__}"):
            why(value, root)


def test_a_value_that_the_root_was_not_computed_from():
    x, z = Value(1.0, "x"), Value(1.0, "z")
    y = x * 2.0
    for value, root in [(z, y), (y, x), (z * 2.0, y), (x * 2.0, y)]:
        with pytest.raises(ValueError, match="was not computed from"):
            why(value, root)


def test_infinite_and_undefined_slopes():
    x, a = Value(1.0, "x"), Value(math.inf, "a")
    y = am.sum([x * a, x * -a, x * math.nan, x * 1.0, x * 2.0])
    reason = why(x, y, most=4)
    assert math.isnan(reason.gradient) and math.isnan(reason.rest)
    assert {path.product for path in reason.paths if not math.isnan(path.product)} == {math.inf, -math.inf, 2.0}
    assert reason.paths[-1].product == 2.0
    assert "and 1 more" in str(reason) and "nan" in reason.title
    check_latex(reason._repr_latex_()[1:-1])
    x = Value(1e-10, "x")
    reason = why(x, am.sum([x * 1e308, x * 1e308, x]), most=2)
    assert reason.gradient == math.inf and math.isnan(reason.rest)
    assert str(reason)


def test_what_the_gradient_holds_is_told_where_it_is_another():
    x = Value(3.0, "x")
    y = x * x
    assert why(x, y).title == "d(x²)/d(x) = 6, over 2 paths; its grad now holds 0"
    y.backward()
    assert why(x, y).title == "d(x²)/d(x) = 6, over 2 paths"
    y.backward()
    assert why(x, y).title == "d(x²)/d(x) = 6, over 2 paths; its grad now holds 12"
    x.grad = math.nan
    assert why(x, y).title.endswith("its grad now holds nan")


def test_in_words_and_in_latex():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    y = (a * b + a.exp()).tanh()
    y.backward()
    assert str(why(a, y, names={"y": y})) == (
        "d(y)/d(a) = 0.9672, over 2 paths\n"
        "  a → exp(a) → a·b + exp(a) → y  7.389 × 1 × 0.2204   +1.628\n"
        "  a → a·b → a·b + exp(a) → y     −3 × 1 × 0.2204     −0.6611"
    )
    latex = why(a, y)._repr_latex_().strip("$")
    left, terms, total = latex.split(" = ")
    assert left == r"\frac{\partial \left(\tanh \left(a \cdot b + e^{a}\right)\right)}{\partial a}"
    assert read_latex(terms, {}) == pytest.approx(a.grad, rel=1e-3)
    assert same(total, a.grad)
    render(latex)


def test_a_negative_gradient_and_rest_in_latex():
    x = Value(1.0, "x")
    y = am.sum([x * -4.0, x * -3.0, x * -2.0])
    latex = why(x, y, most=1, names={"y": y})._repr_latex_()
    assert latex == r"$\frac{\partial y}{\partial x} = \left(-4\right) \cdot 1 + \left(-5\right) = -9$"


@hostile
def test_labels_of_all_kinds(label):
    x = Value(2.0, label)
    reason = why(x, x * x)
    check_table(reason)
    assert "\n" not in reason.title
    check_latex(reason._repr_latex_()[1:-1])
