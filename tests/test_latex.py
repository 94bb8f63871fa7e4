"""to_latex(): formulas read back give the numbers they stand for, and chain rules the gradients."""

from __future__ import annotations

import math
import re
import time

import pytest
from hypothesis import given

import autograd_mini as am
from autograd_mini import Value, nn, to_latex
from autograd_mini.text import number
from autograd_mini.value import apply, topological
from tests.graphs import graphs
from tests.reading import UnknownNotation, check_latex, read_latex
from tests.test_compile import close
from tests.test_rules import at_every_sample, values

EXACT = (0.5, -0.25, 2.0, 0.125)  # in four digits


def unfolded(latex):
    """The formula of a result, and those of the lines below it, by their names."""
    if not latex.startswith(r"\begin{aligned}"):
        return latex, {}
    first, *rest = latex.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}").strip().split(" \\\\\n")
    assert first.startswith("& ") and rest[0].startswith(r"\text{where}\quad ")
    lines = [line.removeprefix(r"\text{where}\quad ").split(" &= ") for line in rest]
    assert len(dict(lines)) == len(lines)
    return first[2:], dict(lines)


def read(latex, names):
    """The number of a formula with its lines."""
    whole, lines = unfolded(latex)
    known = dict(names)
    for name, line in lines.items():
        known[name] = read_latex(line, known)
    return read_latex(whole, known)


def sides(latex):
    """The left side of a chain rule, and what it is equal to."""
    lines = latex.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}").strip().split(" \\\\\n")
    left, *rest = [part.strip() for line in lines for part in line.split("&=")]
    assert not any(rest[1::2])
    return left, rest[::2]


@at_every_sample
def test_every_primitive_reads_as_its_number(op, sample):
    operands = values(op, sample)
    for x, label in zip(operands, "abcdgh", strict=False):
        if isinstance(x, Value):
            x.label = label
    y = apply(op, *operands)
    latex = to_latex(y)
    check_latex(latex)
    try:
        assert close(read(latex, {x.label: x.data for x in operands if isinstance(x, Value)}), y.data)
    except UnknownNotation:
        pytest.skip("not a notation that the reader knows")


@given(graphs())
def test_random_graphs(nodes):
    leaves = [node for node in topological(nodes[-1]) if node.op == "leaf"]
    for i, leaf in enumerate(leaves):
        leaf.label = "abcdfg"[i]
    latex = to_latex(nodes[-1])
    check_latex(re.sub(r"&=?|\n", "", latex.replace("\\\\\n", "")))
    assert len(latex) < 2000 * len(nodes)


def test_parentheses():
    a, b, c = (Value(x, label=name) for x, name in zip(EXACT, "abc", strict=False))
    fractions = (a / b) / c, a / (b / c)
    for y in ((a + b) * c, a - (b - c), (a * c) ** c.exp(), -(a + b), (-a) ** 2, c.sin() ** 2, *fractions):
        names = {"a": 0.5, "b": -0.25, "c": 2.0}
        assert close(read(to_latex(y), names), y.data), to_latex(y)


def test_names_of_leaves_and_numbers():
    x, w = Value(0.5, label="x"), Value(2.0)
    assert to_latex(x * w) == r"x \cdot 2"
    assert to_latex(x * w, names={"w": w}) == r"x \cdot w"
    assert to_latex(x) == "x" and to_latex(w) == "2"


def test_what_is_shared_has_a_line_of_its_own():
    x, t = Value(0.5, label="x"), Value(2.0, label="t")
    s = (x * t + t).exp().tanh()
    y = s * s.log() + s
    whole, lines = unfolded(to_latex(y))
    assert (whole, list(lines)) == (r"u_{1} \cdot \ln u_{1} + u_{1}", ["u_{1}"])
    assert close(read(to_latex(y), {"x": 0.5, "t": 2.0}), y.data)
    assert list(unfolded(to_latex(y, names={"s": s}))[1]) == ["s"]
    assert unfolded(to_latex(s + s))[0] == "u_{1} + u_{1}" and unfolded(to_latex(s * s))[1] == {}


@pytest.mark.parametrize("step", [lambda x: x * x, lambda x: x + x.tanh(), lambda x: x * x * 0.25 - x, am.silu])
def test_chains_do_not_explode(step):
    y = Value(0.5, label="x")
    for _ in range(60):
        y = step(y)
    latex = to_latex(y)
    assert len(latex) < 20_000
    assert close(read(latex, {"x": 0.5}), y.data)


def test_deep_graphs_take_little_time():
    x = y = Value(0.5, label="x")
    for _ in range(20_000):
        y = y.sin()
    start = time.perf_counter()
    assert len(to_latex(y)) < 1e6 and len(to_latex(y, wrt=x)) < 5000
    assert time.perf_counter() - start < 10.0


def test_a_network():
    model = nn.MLP(2, [4, 1], seed=1)
    x = [Value(0.5, label="x1"), Value(2.0, label="x2")]
    y = model(x)
    latex = to_latex(y)
    check_latex(re.sub(r"&=?|\n", "", latex.replace("\\\\\n", "")))
    assert r"x_{1}" in latex and "layers[1]" in latex


# The chain rule.


def test_one_path():
    x, y = Value(0.5, label="x"), Value(2.0, label="y")
    u = x * y
    left, rights = sides(to_latex(u.tanh(), wrt=x, names={"u": u}))
    slope = 1 - math.tanh(1.0) ** 2
    assert left == r"\frac{\partial \left(\tanh u\right)}{\partial x}"
    assert rights[0] == rf"{left.replace('x}', 'u}')} \cdot \frac{{\partial u}}{{\partial x}}"
    assert rights[1] == r"\left(1 - \left(\tanh u\right)^{2}\right) \cdot y"
    assert close(read_latex(rights[1], {"u": 1.0, "y": 2.0}), 2 * slope)
    assert rights[2:] == [rf"{number(slope)} \cdot 2", number(2 * slope)]


def test_several_paths_and_places():
    a, b = Value(0.5, label="a"), Value(2.0, label="b")
    u = a * b
    u.label = "u"
    y = u * u + a * u - b
    left, rights = sides(to_latex(y, wrt=a))
    y.backward()
    for right in rights[1:]:
        assert close(read_latex(right, {"a": 0.5, "b": 2.0, "u": 1.0}), a.grad), right
    assert rights[0].count(r"\partial a") == 3 - 1 + 1 and left.endswith(r"{\partial a}")
    assert r"2 \cdot u" in rights[1]


@at_every_sample
def test_the_chain_rule_of_every_primitive(op, sample):
    operands = values(op, sample)
    y = apply(op, *operands)
    for x, slope in zip([x for x in operands if isinstance(x, Value)], y.local_derivatives, strict=True):
        latex = to_latex(y, wrt=x, names=dict(zip("abcdgh", operands, strict=False)))
        check_latex(re.sub(r"&=?|\n", "", latex.replace("\\\\\n", "")))
        *_, last = sides(latex)[1]
        assert read_latex(last, {}) == pytest.approx(slope, rel=1e-3)


def test_a_long_path_is_elided():
    x = y = Value(0.5, label="x")
    for _ in range(60):
        y = y * y
    latex = to_latex(y, wrt=x)
    assert r"\cdots" in latex and latex.count(r"\frac") == 13


def test_the_derivative_by_itself():
    x = Value(0.5, label="x")
    assert sides(to_latex(x, wrt=x)) == (r"\frac{\partial x}{\partial x}", ["1"])


def test_too_many_paths():
    x = y = Value(0.5, label="x")
    for _ in range(60):
        y = y + y.tanh()
    with pytest.raises(ValueError, match=r"1.153e\+18 paths from x to .*why\(\)"):
        to_latex(y, wrt=x)


def test_no_path():
    x, y = Value(0.5, label="x"), Value(2.0, label="y")
    with pytest.raises(ValueError, match="was not computed from"):
        to_latex(x.exp(), wrt=y)
    with pytest.raises(TypeError, match="takes Values, not float"):
        to_latex(2.0)
    with pytest.raises(TypeError, match="takes Values, not str"):
        to_latex(x, wrt="x")


def test_a_call_of_a_compiled_function():
    x = Value(0.5, label="x")
    y = am.compile(lambda x: x.exp() * x)(x)
    assert to_latex(y) == "f(x)"
    left, rights = sides(to_latex(y, wrt=x))
    assert rights == [number(1.5 * math.exp(0.5))] and left == r"\frac{\partial \left(f(x)\right)}{\partial x}"
