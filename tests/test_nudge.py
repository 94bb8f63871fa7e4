"""What a gradient foretells: the root is moved as far as by computing it again, and nothing else moves."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Value, nudge, ops, topological
from autograd_mini.value import apply
from tests.graphs import ORDINARY, graphs
from tests.reading import NUMBER, OPS, same
from tests.test_rules import at_every_sample, data_of, values, variables
from tests.test_steps import gradients

CPYTHONS = {"gamma", "lgamma"}  # CPython has versions of its own of these two


def by_hand(value, root, by):
    """The number of the root computed anew by the engine with the value moved; None where it is not defined."""
    moved = {value: Value(value.data + by)}
    for node in topological(root):
        if node not in moved:
            operands = [moved[x] if isinstance(x, Value) else x for x in node.operands]
            try:
                moved[node] = apply(OPS[node.op], *operands) if operands else Value(node.data)
            except (ArithmeticError, ValueError):
                return None
    return moved[root].data


@settings(max_examples=200)
@given(graphs(steps=8), st.one_of(st.sampled_from([0.01, -0.01, 0.0, 1e-6]), ORDINARY))
def test_the_change_is_that_of_computing_again(nodes, by):
    root = nodes[-1]
    tolerance = 1e-9 if CPYTHONS & {node.op for node in topological(root)} else 0.0
    for value in topological(root):
        found, after = nudge(value, root, by), by_hand(value, root, by)
        if after is None:
            continue
        assert found.change == pytest.approx(after - root.data, rel=tolerance, abs=tolerance, nan_ok=True)
        if math.isfinite(found.gradient):
            assert (found.by, found.foretold) == (by, found.gradient * by)


@settings(max_examples=200)
@given(graphs(steps=8))
def test_the_gradient_is_that_of_backward_and_nothing_changes(nodes):
    root = nodes[-1]
    for leaf in nodes:
        leaf.grad = 0.0
    root.backward()
    before = gradients(root), [node.data for node in topological(root)]
    for value in topological(root):
        assert nudge(value, root).gradient == pytest.approx(value.grad, rel=1e-6, abs=1e-6)
    assert (gradients(root), [node.data for node in topological(root)]) == before


@at_every_sample
def test_a_small_move_is_foretold(op, sample):
    operands = values(op, sample)
    y = apply(op, *operands)
    for i, slope in zip(variables(op, sample), y.local_derivatives, strict=True):
        if (op, i) == (ops.WHERE, 0):  # a condition, which is not smooth at 0
            continue
        found = nudge(operands[i], y, 1e-6)
        assert (found.gradient, found.foretold) == (slope, slope * 1e-6)
        assert found.change == pytest.approx(found.foretold, rel=1e-3, abs=1e-9)


@at_every_sample
def test_fresh_data_is_not_refused(op, sample):
    for operands in (values(op, sample), [Value(x - 1.0) + 1.0 for x in sample]):
        y = apply(op, *[x if i in variables(op, sample) else data_of(x) for i, x in enumerate(operands)])
        nudge(y, am.sum([y, y.tanh()]))


def test_a_computed_value_is_moved_away_from_what_it_was_computed_from():
    x = Value(3.0, "x")
    s = x * x
    s.label = "s"
    y = s * x + s
    found = nudge(s, y, 0.5)
    assert (found.change, found.gradient, found.foretold) == (9.5 * 3.0 + 9.5 - 36.0, 4.0, 2.0)
    found = nudge(y, y, 0.5)
    assert (found.change, found.gradient, found.foretold) == (0.5, 1.0, 0.5)


def test_the_root_is_a_leaf():
    x = Value(3.0, "x")
    assert str(nudge(x, x, -1)) == "x moves by −1: x moves by −1, and grad × −1 = 1 × −1 = −1"


def test_a_value_used_twice():
    x = Value(3.0, "x")
    found = nudge(x, x * x, 1.0)
    assert (found.change, found.gradient, found.foretold) == (7.0, 6.0, 6.0)


@pytest.mark.parametrize("by", [1, True, Fraction(1, 4), 0.0, -0.0, 1e-300, 1e300])
def test_by_is_any_finite_number(by):
    x = Value(3.0, "x")
    found = nudge(x, x * 2.0, by)
    assert (type(found.by), found.by, found.foretold) == (float, float(by), 2.0 * float(by))


@pytest.mark.parametrize("by", [math.inf, -math.inf, math.nan])
def test_by_is_finite(by):
    x = Value(3.0)
    with pytest.raises(ValueError, match=f"finite number, not {by}"):
        nudge(x, x * x, by)


@pytest.mark.parametrize("by", ["1", None, 1j, [1.0], Value(1.0)], ids=repr)
def test_by_is_a_number(by):
    x = Value(3.0)
    with pytest.raises(TypeError, match=f"real number.*{type(by).__name__}"):
        nudge(x, x * x, by)


def test_moved_out_of_where_the_root_is_defined():
    x = Value(0.005, "x")
    assert math.isnan(nudge(x, x.log(), -0.01).change)
    assert nudge(x, x.log(), -0.005).change == -math.inf
    assert nudge(x, 1.0 / x, -0.005).change == math.inf
    assert nudge(x, (x * 1e5).exp(), 0.01).change == math.inf


def test_numbers_that_are_not_finite():
    x = Value(math.inf, "x")
    found = nudge(x, 1.0 / x)
    assert (found.change, found.gradient) == (0.0, 0.0)
    assert math.isnan(nudge(x, x - x).change)


# Data changed since.


def negative(x):
    x.data = -x.data


def greater(x):
    x.data = x.data * 1.001


@pytest.mark.parametrize("change", [negative, greater])
@pytest.mark.parametrize(
    "function", [lambda x: x * x, abs, lambda x: x.cosh(), lambda x: x * 2.0, lambda x: x.tanh().exp() + 1.0]
)
def test_stale_data_is_refused(function, change):
    x, z = Value(3.0, "x"), Value(1.0, "z")
    y = function(x) + z
    change(x)
    for value in (x, z, y):
        with pytest.raises(ValueError, match=r"op='\w+'.* was computed before data of a leaf was changed"):
            nudge(value, y)
    nudge(x, function(x) + z)


def test_data_changed_outside_of_the_graph_does_not_matter():
    x, z = Value(3.0), Value(1.0)
    y, _other = x * x, x * z
    z.data = 5.0
    assert nudge(x, y, 1.0).change == 7.0


def test_a_sum_that_nearly_cancels_is_not_stale():
    x = Value(5.0 + 1e-14)
    nudge(x, x.gamma() - 24.0)


def test_a_value_that_the_root_was_not_computed_from():
    x, z = Value(1.0), Value(1.0)
    with pytest.raises(ValueError, match="was not computed from"):
        nudge(z, x * 2.0)
    with pytest.raises(TypeError, match="two Values"):
        nudge(1.0, x)


# In words.


@given(graphs(steps=8), ORDINARY)
def test_numbers_in_words(nodes, by):
    x, root = nodes[0], nodes[-1]
    x.label, root.label = "x", "root"
    if any(node is x for node in topological(root)[:-1]):
        found = nudge(x, root, by)
        pattern = "x moves by N: root moves by N, and grad × N = N × N = N".replace("N", rf"(\+?{NUMBER})")
        shown = re.fullmatch(pattern, re.sub(r" \(.*?\)", "", str(found))).groups()
        assert ("rounding" in str(found)) == (found.change == 0.0 != found.foretold)
        expected = (by, found.change, by, found.gradient, by, found.foretold)
        assert all(same(text.lstrip("+"), x) for text, x in zip(shown, expected, strict=True))


def test_names():
    x = Value(3.0)
    loss = x * x
    found = nudge(x, loss, 0.01, names=locals())
    assert (found.value, found.root) == ("x", "loss")
    assert str(found) == "x moves by +0.01: loss moves by +0.0601, and grad × 0.01 = 6 × 0.01 = 0.06"


def test_a_long_chain():
    x = y = Value(1.0, "x")
    for _ in range(20_000):
        y = y * 1.0
    assert nudge(x, y, 0.5).change == 0.5
