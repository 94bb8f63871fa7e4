"""Backpropagation step by step: the gradients of backward() to the bit, in its order, and no other without an error."""

from __future__ import annotations

import math
import re
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Step, Value, topological
from autograd_mini import value as engine
from autograd_mini.ops import TABLE
from autograd_mini.text import IN_SENTENCE, fraction, name, shortened
from autograd_mini.value import apply
from tests.graphs import EXTREME, ORDINARY, graphs
from tests.reading import NUMBER, Table, check_latex, parsed, read_latex, same
from tests.test_rules import at_every_sample, values
from tests.test_text import hostile, render

any_number = st.one_of(ORDINARY, EXTREME)
any_graph = st.one_of(graphs(), graphs(any_number))


def bits(numbers):
    return [x.hex() for x in numbers]


def gradients(root):
    return bits([node.grad for node in topological(root)])


def computed(nodes):
    return [node for node in nodes if node.op != "leaf"]


def in_a_row():
    """A chain with a branch, in whose sweep the leaf receives at three of four steps: the second, third and fourth."""
    x = Value(3.0, "x")
    s = x * x
    s.label = "s"
    t = s * x
    t.label = "t"
    y = t + s.tanh()
    y.label = "y"
    return x, s, t, y


# What backward() does.


@settings(max_examples=300)
@given(any_graph, any_number, st.lists(any_number, min_size=3, max_size=3))
def test_all_steps_leave_the_gradients_of_backward(nodes, seed, before):
    root = nodes[-1]
    leaves = [node for node in nodes if node.op == "leaf"]
    found = []
    for sweep in (root.backward, lambda seed: list(root.backward_steps(seed))):
        for leaf, grad in zip(leaves, before, strict=False):
            leaf.grad = grad
        sweep(seed)
        found.append(gradients(root))
        sweep(-0.7)  # and again, on what is there
        found[-1] += gradients(root)
    assert found[0] == found[1]


@settings(max_examples=100)
@given(any_graph, any_number)
def test_each_step_is_the_chain_rule(nodes, seed):
    root = nodes[-1]
    had = {leaf: leaf.grad for leaf in nodes if leaf.op == "leaf"}
    had[root] = had.get(root, 0.0)
    sums = dict(had)
    sums[root] += seed
    taken = []
    for count, step in enumerate(root.backward_steps(seed), 1):
        taken.append(step.node)
        assert (step.count, type(step)) == (count, Step)
        assert bits([step.upstream, step.node.grad]) == bits([sums[step.node]] * 2)
        assert [c.parent for c in step.contributions] == list(step.node.parents)
        assert [step.node.operands[c.operand] for c in step.contributions] == list(step.node.parents)
        assert bits(c.local for c in step.contributions) == bits(step.node.local_derivatives)
        for c in step.contributions:
            assert c.node is step.node
            assert bits([c.upstream, c.value]) == bits([step.upstream, step.upstream * c.local])
            assert bits([c.before, c.total]) == bits([sums.get(c.parent, 0.0), c.before + c.value])
            sums[c.parent] = c.total
        assert bits(c.parent.grad for c in step.contributions) == bits(sums[c.parent] for c in step.contributions)
    assert len(set(taken)) == len(taken)
    assert set(taken) == {root, *computed(topological(root))}


def recorders(nodes, weights):
    """A root that backward() reaches all computed nodes from, with a leaf that each of them adds a number to.

    Sums of floats depend on their order: the leaf's gradient, to the bit, tells in which order the nodes came.
    """
    leaf = Value(1.0, "recorder")
    tops = [am.sum([node, leaf * weight]) for node, weight in zip(nodes, weights, strict=False)]
    chained = tops[0]
    for top in tops[1:]:
        chained = am.sum([chained, top, top])
    return leaf, chained


@given(graphs(steps=20), st.lists(st.floats(-1e3, 1e3), min_size=23, max_size=23))
def test_the_order_is_that_of_backward(nodes, weights):
    leaf, root = recorders(nodes, weights)
    root.backward()
    expected, leaf.grad = leaf.grad, 0.0
    assert len(list(root.backward_steps())) == len(computed(topological(root)))
    assert leaf.grad.hex() == expected.hex()


@pytest.mark.skipif(am.COMPILED, reason="compiled, nothing can watch a sweep")
@given(any_graph)
def test_the_order_is_that_of_backward_as_seen(nodes):
    seen, propagate = [], engine.propagate

    def watched(node, ready):
        seen.append(node)
        propagate(node, ready)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "propagate", watched)
        nodes[-1].backward()
    assert [id(step.node) for step in nodes[-1].backward_steps()] == list(map(id, seen))


def test_the_gradients_are_set_step_by_step():
    x, s, t, y = in_a_row()
    s.grad = t.grad = y.grad = 5.0
    steps = y.backward_steps()
    assert (x.grad, s.grad, t.grad, y.grad) == (0.0, 5.0, 5.0, 5.0)
    assert next(steps).node is y
    tanh = y.operands[1]
    assert (x.grad, s.grad, t.grad, y.grad, tanh.grad) == (0.0, 0.0, 1.0, 1.0, 1.0)
    assert next(steps).node is tanh
    assert next(steps).node is t
    assert (x.grad, s.grad) == (9.0, 3.0 + tanh.local_derivatives[0])
    assert next(steps).node is s
    assert x.grad == 9.0 + 6.0 * s.grad
    with pytest.raises(StopIteration):
        next(steps)


def test_a_leaf_passes_nothing_on():
    x = Value(3.0, "x")
    x.grad = 2.0
    (step,) = x.backward_steps(0.5)
    assert (step.count, step.node, step.upstream, step.contributions, x.grad) == (1, x, 2.5, (), 2.5)
    assert str(step) == "1. x has the gradient 2.5, and nothing to pass it on to."
    assert Table(step._repr_html_()).caption == str(step)[:-1]
    check_latex(step._repr_latex_().strip("$"))


def test_constants_receive_nothing():
    x = Value(3.0, "x")
    (step,) = (2.0 * x).backward_steps()
    assert [(c.parent, c.operand, c.total) for c in step.contributions] == [(x, 1, 2.0)]
    with am.no_grad():
        y = x * x
    assert [step.contributions for step in y.backward_steps()] == [()]


@pytest.mark.parametrize("seed", [0.0, -2.5, 1, True, Fraction(1, 4), math.inf, math.nan])
def test_seed(seed):
    x = Value(3.0)
    y = x * x
    (step,) = y.backward_steps(seed=seed)
    assert bits([step.upstream, y.grad, x.grad]) == bits([float(seed), float(seed), 6.0 * float(seed)])


@pytest.mark.parametrize("seed", ["1", None, 1j, [1.0], Value(1.0)], ids=repr)
def test_a_seed_that_is_no_number_raises_at_the_call(seed):
    x = Value(3.0)
    y = x * x
    y.grad = 7.0
    with pytest.raises(TypeError, match=f"real number.*{type(seed).__name__}"):
        y.backward_steps(seed)
    assert (x.grad, y.grad) == (0.0, 7.0)


def test_no_grad_does_not_matter():
    x = Value(3.0)
    y = x * x
    with am.no_grad():
        steps = list(y.backward_steps())
    assert (len(steps), x.grad) == (1, 6.0)


def test_a_long_chain():
    n = 100_000
    x = y = Value(1.0, "x")
    for _ in range(n):
        y = y * 1.0
    start = time.process_time()
    steps = sum(1 for _ in y.backward_steps())
    assert (steps, x.grad) == (n, 1.0)
    assert time.process_time() - start < 20.0


# Changes in between.


def zero_grad(x, s, t, y):
    x.grad = 0.0


def other_gradient(x, s, t, y):
    s.grad = 5.0


def backward_again(x, s, t, y):
    y.backward()


def backward_of_an_inner_node(x, s, t, y):
    s.backward()


def backward_of_another_root(x, s, t, y):
    (s * 3.0).backward()


def other_steps(x, s, t, y):
    next(y.backward_steps())


CHANGES = [zero_grad, other_gradient, backward_again, backward_of_an_inner_node, backward_of_another_root, other_steps]


@pytest.mark.parametrize("taken", [1, 2, 3, 4])
@pytest.mark.parametrize("change", CHANGES)
def test_gradients_changed_between_two_steps(change, taken):
    graph = x, _s, _t, y = in_a_row()
    y.backward()
    expected, x.grad = gradients(y), 0.0
    steps = y.backward_steps()
    for _ in range(taken):
        next(steps)
    before = gradients(y)
    change(*graph)
    if gradients(y) != before:
        with pytest.raises(RuntimeError, match=r"between two of its steps.*all steps of backward_steps\(\)"):
            list(steps)
    else:
        assert (change, taken) in [(zero_grad, 1), (zero_grad, 2), (other_steps, 1)]
        list(steps)
        assert gradients(y) == expected


def test_a_changed_gradient_is_found_before_it_is_passed_on():
    x, s, _t, y = in_a_row()
    steps = y.backward_steps()
    assert [next(steps).node.op for _ in range(3)] == ["add", "tanh", "mul"]
    s.grad, x.grad = 5.0, 9.0
    with pytest.raises(RuntimeError, match=r"Value\(9, grad=5, op='mul', label='s'\) was 3 in"):
        next(steps)
    assert x.grad == 9.0


@pytest.mark.parametrize("taken", [0, 1, 2, 3, 4])
def test_an_abandoned_sweep_leaves_the_graph_usable(taken):
    x, _s, _t, y = in_a_row()
    y.backward()
    expected, x.grad = gradients(y), 0.0
    steps = y.backward_steps()
    for _ in range(taken):
        next(steps)
    x.grad = 0.0
    for sweep in (y.backward, lambda: list(y.backward_steps())):
        sweep()
        assert gradients(y) == expected
        x.grad = 0.0
    steps.close()


def test_changes_before_the_first_step_are_taken_as_they_are():
    x, _s, _t, y = in_a_row()
    steps = y.backward_steps()
    y.backward()
    expected = 2.0 * x.grad
    list(steps)
    assert x.grad == expected


def test_a_gradient_of_nan_is_no_change():
    x = Value(math.inf)
    y = (x - x) * x * x
    list(y.backward_steps())
    assert math.isnan(x.grad)


def test_graphs_beside_each_other_do_not_matter():
    a, b = in_a_row(), in_a_row()
    for _ in zip(a[-1].backward_steps(), b[-1].backward_steps(), strict=True):
        pass
    assert a[0].grad == b[0].grad != 0.0


# In words.


def check_words(step):
    """Assert that the numbers in the words of a step are its numbers, and sum up."""
    title, *lines = str(step).splitlines()
    assert re.fullmatch(rf"{step.count}\. .* has the gradient {NUMBER}(:|, and nothing to pass it on to\.)", title)
    assert same(re.search(rf"has the gradient ({NUMBER})", title)[1], step.upstream)
    assert len(lines) == len(step.contributions)
    for line, c in zip(lines, step.contributions, strict=True):
        formula, _, received = line.rpartition("; ")
        assert line.startswith("   ∂") and same(formula.rpartition(" = ")[2], c.local)
        number = f"({NUMBER})"
        words = re.fullmatch(
            rf".* receives {number} × {number} = {number}(?:, in all {number} ([+−]) {number} = {number})?", received
        )
        upstream, local, value, before, sign, added, total = words.groups()
        assert same(upstream, c.upstream) and same(local, c.local) and same(value, c.value)
        assert (before is None) == (c.before == 0.0)
        if before is not None:
            assert same(before, c.before) and same(f"{sign.replace('+', '')}{added}", c.value) and same(total, c.total)
    return lines


@settings(max_examples=100)
@given(any_graph, any_number)
def test_numbers_in_words_are_those_of_the_sweep(nodes, seed):
    for step in nodes[-1].backward_steps(seed):
        check_words(step)


@settings(max_examples=100)
@given(any_graph, any_number)
def test_tables_say_the_same_as_words(nodes, seed):
    for step in nodes[-1].backward_steps(seed):
        table = Table(step._repr_html_())
        head, *rows = table.rows
        assert str(step).startswith(table.caption)
        assert head == ["operand", "local derivative", "upstream × local", "its gradient so far"]
        for row, c, line in zip(rows, step.contributions, str(step).splitlines()[1:], strict=True):
            receiver, formula, product, total = row
            assert line.strip().startswith(f"{formula}; {receiver} receives {product}")
            assert same(total.rpartition(" = ")[2], c.total)
            assert total in line and (" = " in total) == (c.before != 0.0)


@settings(max_examples=100)
@given(any_graph, any_number)
def test_latex_is_balanced_and_its_products_are_those_of_the_sweep(nodes, seed):
    for step in nodes[-1].backward_steps(seed):
        latex = step._repr_latex_()
        assert latex[0] == latex[-1] == "$"
        check_latex(latex[1:-1])
        for c in step.contributions:
            product, value = c.latex.rpartition(r", \quad ")[2].split(" = ")
            if all(1e-100 < abs(x) < 1e100 for x in (c.upstream, c.local)):
                assert read_latex(value, {}) == pytest.approx(c.value, rel=5.1e-4)
                assert read_latex(product, {}) == pytest.approx(c.value, rel=2e-3)


@at_every_sample
def test_every_row_in_words(op, sample):
    y = apply(op, *values(op, sample))
    y.label = TABLE[op].name
    (step,) = y.backward_steps(-2.5)
    check_words(step)
    for contribution in step.contributions:
        render(contribution.latex)


def test_the_example_of_backpropagation():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    y = (a * b + a.exp()).tanh()
    assert [str(step) for step in y.backward_steps(names={"y": y})] == [
        "1. y has the gradient 1:\n"
        "   ∂y/∂(a·b + exp(a)) = 1 − y² = 1 − 0.883² = 0.2204; a·b + exp(a) receives 1 × 0.2204 = 0.2204",
        "2. a·b + exp(a) has the gradient 0.2204:\n"
        "   ∂(a·b + exp(a))/∂(a·b) = 1; a·b receives 0.2204 × 1 = 0.2204\n"
        "   ∂(a·b + exp(a))/∂exp(a) = 1; exp(a) receives 0.2204 × 1 = 0.2204",
        "3. exp(a) has the gradient 0.2204:\n   ∂exp(a)/∂a = exp(a) = 7.389; a receives 0.2204 × 7.389 = 1.628",
        "4. a·b has the gradient 0.2204:\n"
        "   ∂(a·b)/∂a = b = −3; a receives 0.2204 × −3 = −0.6611, in all 1.628 − 0.6611 = 0.9672\n"
        "   ∂(a·b)/∂b = a = 2; b receives 0.2204 × 2 = 0.4408",
    ]
    step = list(y.backward_steps(names={"y": y}))[-1]
    assert step.contributions[0].latex == (
        r"\frac{\partial \left(a \cdot b\right)}{\partial a} = b = -3,"
        r" \quad 0.2204 \cdot \left(-3\right) = -0.6611"
    )


def test_a_derivative_of_data_that_was_changed_since_is_a_number_alone():
    x, w = Value(3.0, "x"), Value(2.0, "w")
    y = x * w
    w.data = 7.0
    (step,) = y.backward_steps()
    assert [c.formula for c in step.contributions] == ["∂(x·w)/∂x = 2", "∂(x·w)/∂w = x = 3"]
    x.data = -3.0
    (step,) = abs(Value(1.0, "z")).backward_steps()
    assert step.contributions[0].formula == "∂abs(z)/∂z = 1"


def test_a_division_of_infinity_by_a_constant_zero():
    x = Value(math.inf, "x")
    (step,) = (x / 0.0).backward_steps()
    assert step.contributions[0].formula == "∂(x / 0)/∂x = 1 / 0 = inf"


def test_a_formula_that_would_be_long_is_left_out():
    y = am.prod([Value(1.0 + i / 100) for i in range(100)])
    y.label = "y"
    (step,) = y.backward_steps()
    local = step.contributions[1].local
    assert step.contributions[1].formula == f"∂y/∂input₂ = {local:.4g}"
    check_words(step)


def test_many_operands_in_words_take_linear_time():
    y = am.sum([Value(float(i)) for i in range(5000)])
    start = time.process_time()
    (step,) = y.backward_steps()
    assert str(step).count("receives") == 5000
    assert time.process_time() - start < 5.0


@hostile
def test_labels_of_all_kinds(label):
    x = Value(2.0, label)
    (step,) = (x * Value(3.0, label)).backward_steps()
    table = Table(step._repr_html_())
    assert [row[0] for row in table.rows[1:]] == [shortened(name(label).text, IN_SENTENCE)] * 2
    assert "\n" not in step.headline
    check_latex(step._repr_latex_()[1:-1])
    assert fraction(step.node, 0, step.names).latex in step._repr_latex_()


def test_mathjax_leaves_tables_alone():
    (step,) = (Value(2.0, "$5$") * 2.0).backward_steps()
    assert step._repr_html_().startswith('<table class="tex2jax_ignore mathjax_ignore">')


@given(any_graph)
def test_words_change_nothing(nodes):
    root = nodes[-1]
    steps = list(root.backward_steps())
    before = gradients(root)
    for step in steps:
        assert str(step) and step._repr_html_() and step._repr_latex_()
    assert gradients(root) == before
    assert parsed("−0.5") == -0.5
