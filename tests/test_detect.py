"""Where inf and nan came from: which node is named, on which line, and that nothing else changes."""

from __future__ import annotations

import gc
import math
import sys
import threading
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import NonFiniteError, Value, detect_nonfinite, nn, no_grad
from autograd_mini import value as engine
from tests.graphs import EXTREME, ORDINARY, graphs
from tests.test_memory import leaks


def line():
    """The number of the line that asks."""
    return sys._getframe(1).f_lineno


def said_of(build, seed=1.0):
    """What is said of a graph that is built and differentiated inside of detect_nonfinite()."""
    with pytest.raises(NonFiniteError) as found:
        with detect_nonfinite():
            build().backward(seed)
    return str(found.value)


# What is named.


def steep():
    s = Value(0.0, label="a") * Value(2.0, label="b")
    return am.sqrt(s) + s


def power():
    return Value(0.0, label="a") ** 0.5


def chosen():
    a = Value(0.0, label="a")
    return am.where(a > 0.0, a.sqrt(), a)


def overflowing():
    return Value(1e-200, label="a") * Value(1e200, label="b") * 1e200


def adding_up():
    a = Value(1.0, label="a")
    return a * 1e308 - a * 1e308 + (a * 1.5e308 - 1.5e308) - (a * -1.5e308 + 1.5e308)


def infinite():
    return Value(math.inf, label="a") * Value(2.0, label="b")


def not_a_number():
    return am.exp(Value(math.nan, label="a")) + Value(1.0, label="b")


def infinite_constant():
    return am.sum([Value(1.0, label="a") * math.inf, 1.0])


def compiled():
    return am.compile(lambda a: a.sqrt() * 2.0)(Value(0.0, label="a"))


def a_call():
    return am.compile(lambda a: a * 1e200)(Value(0.0, label="a"))


def own():
    @am.primitive(slopes=[lambda a, y: 0.5 / y])
    def half_power(a):
        return math.sqrt(a)

    return half_power(Value(0.0, label="a"))


SAID = {
    "steep": (
        steep, 1.0, "gradient of a·b became inf: sqrt(a·b) passed on upstream gradient × local derivative = 1 × inf",
        "sqrt(a·b) = 0, sqrt of a·b = 0", "a·b = 0, mul of a = 0, b = 2", "return am.sqrt(s) + s",
        's = Value(0.0, label="a") * Value(2.0, label="b")', "slope is not finite there: keep the operand away",
    ),
    "power": (power, 1.0, "gradient of a became inf: a^0.5 passed on", "a^0.5 = 0, pow of a = 0, 0.5", "a = 0, a leaf"),
    "chosen": (chosen, 1.0, "gradient of a became nan: sqrt(a) passed on", "= 0 × inf = nan", "0 × inf is nan"),
    "overflowing": (overflowing, 1e200, "gradient of a·b became inf", "1e+200 × 1e+200 = inf", "scale the numbers"),
    "adding up": (adding_up, 1.0, "in all 1.5e+308 + 1.5e+308 = inf", "too large for a float"),
    "infinite": (
        infinite, 1.0, "gradient of b became inf: a·b passed on",
        "the first number that is not finite:\n  a = inf, a leaf", "look where that number comes from",
    ),
    "not a number": (not_a_number, 1.0, "gradient of a became nan: exp(a) passed on", "not finite:\n  a = nan, a leaf"),
    "infinite constant": (infinite_constant, 1.0, "gradient of a became inf", "not finite:\n  a·inf = inf, mul of"),
    "compiled": (compiled, 1.0, "gradient of a became inf: sqrt(a) passed on", "in <lambda>: return am.compile(la"),
    "a call": (a_call, 1e200, "gradient of a became inf: call(a) passed on", "compiled function", "compiled=False"),
    "own": (own, 1.0, "gradient of a became inf: half_power(a) passed on", "half_power of a = 0"),
    "seed": (lambda: Value(1.0, label="a") * 2.0, math.inf, "a·2 starts with the gradient inf", "finite seed"),
    "a leaf": (lambda: Value(1.0, label="a"), math.nan, "backward() of a starts with the gradient nan"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_the_operation_is_named_with_what_it_passed_on(name):
    build, seed, *parts = SAID[name]
    said = said_of(build, seed)
    for part in parts:
        assert part in said, said


def test_the_error_has_the_node_and_the_step():
    with pytest.raises(FloatingPointError) as found, detect_nonfinite():
        y = steep()
        y.backward()
    root, s = y.operands
    assert found.value.node is s
    contribution = found.value.contribution
    assert (contribution.node, contribution.parent, contribution.upstream) == (root, s, 1.0)
    assert (contribution.local, contribution.value) == (math.inf, math.inf)


def test_a_gradient_of_before_is_named():
    a = Value(1.0, label="a")
    with detect_nonfinite():
        y = a * 2.0
        a.grad = math.nan
        with pytest.raises(NonFiniteError, match=r"gradient of a was nan before this backward\(\).*zero_grad"):
            y.backward()


@given(graphs(st.one_of(ORDINARY, EXTREME)))
def test_it_is_raised_where_a_gradient_is_not_finite_and_names_the_first(nodes):
    *_, root = nodes
    before = {node: node.grad for node in am.topological(root)}
    first = None if math.isfinite(start(root)) else root
    for step in root.backward_steps():
        for contribution in step.contributions:
            if first is None and not math.isfinite(contribution.parent.grad):
                first = contribution.parent
    expected = [node.grad.hex() for node in before]
    for node, grad in before.items():
        node.grad = grad
    try:
        with detect_nonfinite():
            root.backward()
    except NonFiniteError as error:
        assert error.node is first
    else:
        assert first is None
    assert [node.grad.hex() for node in before] == expected


def start(root):
    """The gradient that the sweep from a root starts with."""
    return root.grad + 1.0 if root.op == "leaf" else 1.0


# Which line.


def test_the_line_is_that_of_the_operation():
    with pytest.raises(NonFiniteError) as found, detect_nonfinite():
        a = Value(0.0)
        first = line() + 2
        y = (
            (a + 0.0)
            .sqrt()
        ) + 1.0  # fmt: skip
        y.backward()
    said = str(found.value)
    assert f"{__file__}, line {first}, in test_the_line_is_that_of_the_operation: (a + 0.0)" in said
    assert f"{__file__}, line {first + 1}, in test_the_line_is_that_of_the_operation: .sqrt()" in said
    assert said.count(", line ") == 2


@pytest.mark.parametrize(
    "build",
    [
        lambda a: am.sqrt(a), lambda a: a.sqrt(), lambda a: a**0.5, lambda a: am.sum([am.sqrt(a)]),
        lambda a: am.dist([a], [0.0]) ** 0.5, lambda a: nn.Neuron(1, "linear")([a]) * 0.0 + a**0.5,
        lambda a: nn.half_squared_error(a**0.5, a**0.5 + 1.0), lambda a: am.grad(am.sqrt)(0.0),
    ],
)  # fmt: skip
def test_lines_of_the_package_are_passed_over(build):
    with pytest.raises(NonFiniteError) as found, detect_nonfinite():
        build(Value(0.0)).backward()
    places = [text for text in str(found.value).splitlines() if ", line " in text]
    assert places
    assert all(text.strip().startswith(f"{__file__}, line ") for text in places), places


def test_nodes_of_outside_have_no_line():
    y = Value(0.0).sqrt()
    with pytest.raises(NonFiniteError, match="made outside of detect_nonfinite"), detect_nonfinite():
        y.backward()


def test_a_line_whose_text_is_unknown_is_given_by_its_number():
    names = {"am": am}
    exec(compile("def f(a):\n\n    return am.sqrt(a)", "<cell 7>", "exec"), names)
    assert "    <cell 7>, line 3, in f\n" in said_of(lambda: names["f"](Value(0.0)))


def test_a_long_line_and_many_operands_are_shortened():
    def long():
        a = [Value(0.0, label=f"a{i}") for i in range(20)]
        return am.sum([*a, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])

    said = said_of(lambda: long().sqrt())
    assert "sum of a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, ... 38 operands" in said
    assert said.count("…") == 1


# What does not change.


@pytest.mark.parametrize("name", [name for name in SAID if name != "compiled"])
def test_the_gradients_are_those_that_backward_leaves(name):
    build, seed, *_ = SAID[name]
    y = build()
    y.backward(seed)
    expected = [node.grad.hex() for node in am.topological(y)]
    with pytest.raises(NonFiniteError), detect_nonfinite():
        z = build()
        z.backward(seed)
    assert [node.grad.hex() for node in am.topological(z)] == expected
    z.backward(0.0)  # nothing of the sweep is left in the nodes
    y.backward(0.0)
    assert [node.grad.hex() for node in am.topological(z)] == [node.grad.hex() for node in am.topological(y)]


def test_finite_gradients_pass():
    x = Value(3.0)
    with detect_nonfinite():
        y = x * x
        y.backward()
        y.backward()
    assert (x.grad, y.grad) == (12.0, 1.0)


@pytest.mark.parametrize("build", [steep, infinite])
def test_outside_of_it_backward_says_nothing(build):
    with detect_nonfinite():
        y = build()
    y.backward()
    assert not all(math.isfinite(node.grad) for node in am.topological(y))


def test_errors_of_operations_are_as_ever():
    with detect_nonfinite():
        with pytest.raises(ValueError, match="domain"):
            Value(-1.0).sqrt()
        with pytest.raises(ZeroDivisionError):
            1.0 / Value(0.0)


def test_nested_it_ends_with_the_outermost():
    with detect_nonfinite():
        y = steep()
        with detect_nonfinite():
            with pytest.raises(NonFiniteError) as inner:
                y.backward()
        with pytest.raises(NonFiniteError) as outer:
            y.backward()
        assert "made outside" not in str(outer.value) + str(inner.value)
    assert engine.watched() is None
    y.backward()


@pytest.mark.parametrize("error", [None, KeyError])
def test_it_ends_with_an_error_too(error):
    with pytest.raises(error) if error else nullcontext(), detect_nonfinite():
        assert engine.watched() is not None
        if error:
            raise error
    assert engine.watched() is None


def test_as_a_decorator():
    @detect_nonfinite()
    def work():
        steep().backward()

    for _ in range(2):
        with pytest.raises(NonFiniteError, match=r"return am\.sqrt"):
            work()


def test_it_is_of_one_thread():
    seen = []

    def work():
        y = steep()
        y.backward()
        seen.append((y.grad, engine.watched()))

    with detect_nonfinite():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert seen == [(1.0, None)]
        with pytest.raises(NonFiniteError):
            steep().backward()


@pytest.mark.parametrize("outer", [no_grad, detect_nonfinite])
def test_with_no_grad(outer):
    inner = detect_nonfinite if outer is no_grad else no_grad
    with outer(), inner():
        y = Value(0.0).sqrt()
        y.backward()
    assert (y.op, y.grad) == ("leaf", 1.0)


def test_a_compiled_function_is_recorded_and_replayed_as_ever():
    f = am.compile(lambda x: am.tanh(x) * x if x > 0.0 else x)
    g = am.compile(lambda x: am.tanh(x) * x if x > 0.0 else x)
    x, z = Value(0.5), Value(0.5)
    with detect_nonfinite():
        for _ in range(3):
            f(x).backward()
            f.sum([x, 1.0]).backward()
    for _ in range(3):
        g(z).backward()
        g.sum([z, 1.0]).backward()
    assert x.grad == z.grad
    assert f.cache_info() == g.cache_info()
    assert [str(program) for program in f.programs()] == [str(program) for program in g.programs()]


def test_a_compiled_function_refuses_what_it_refuses_and_the_watch_goes_on():
    with detect_nonfinite():
        for wrong in (lambda x: x.data, lambda x: x.backward()):
            with pytest.raises(RuntimeError, match="compiled function"):
                am.compile(wrong)(Value(1.0))
        with pytest.raises(NonFiniteError):
            steep().backward()


def test_inside_a_compiled_function_it_is_refused():
    def function(x):
        with detect_nonfinite():
            return x * x

    with pytest.raises(RuntimeError, match=r"detect_nonfinite\(\) inside a compiled function"):
        am.compile(function)(Value(1.0))
    assert function(Value(2.0)).data == 4.0


def test_grad_leaves_other_gradients_as_they_were():
    w = Value(0.0)
    w.grad = 5.0
    with pytest.raises(NonFiniteError), detect_nonfinite():
        am.grad(lambda x: x * w.sqrt())(1.0)
    assert w.grad == 5.0


@pytest.mark.parametrize("compiled", [True, False])
def test_training_that_diverges_says_the_same_and_where(compiled):
    def loss(found, wanted):
        return (found - found + wanted) ** 0.5

    model = nn.MLP(1, [1])
    with pytest.raises(nn.Diverged, match=r"gradient of .* became (inf|nan)"), detect_nonfinite():
        nn.train(model, loss, [[0.0]], [Value(0.0)], epochs=1, progress=False, compiled=compiled)


# Memory.


def test_nodes_that_nobody_has_are_let_go():
    with detect_nonfinite():
        x = Value(1.0, label="x")
        for _ in range(300):
            y = x
            for _ in range(100):
                y = y * 1.0 + 0.0
        lines = engine.watched()
        assert len(lines.nodes) == len(lines.places) <= lines.room == 10_000
        y.label = "y"
        with pytest.raises(NonFiniteError, match=r"y = 1, add .*\n.*line .*: y = y \* 1\.0 \+ 0\.0"):
            y.acos().backward()
        kept = [x * 1.0 for _ in range(25_000)]
        assert len(lines.nodes) > 25_000
        known = dict(zip(map(id, lines.nodes), lines.places, strict=True))
        assert len({known[id(node)] for node in kept}) == 1
    assert not lines.nodes
    assert not lines.places


def test_a_chain_that_was_kept_is_let_go_when_nobody_has_it_any_more():
    with detect_nonfinite():
        y = Value(1.0)
        for _ in range(11_000):  # more than there is room for
            y = y * 1.0
        lines = engine.watched()
        assert len(lines.nodes) == 11_001
        y = Value(1.0)
        while len(lines.nodes) > 11_000:
            y * 1.0
        assert len(lines.nodes) < 10


@pytest.mark.parametrize("name", SAID)
def test_it_leaves_no_blocks_behind(name):
    build, seed, *_ = SAID[name]
    if name == "own":  # a definition lasts
        pytest.skip("defines a primitive")

    def use():
        try:
            with detect_nonfinite():
                y = build()
                y.backward(seed)
        except NonFiniteError as error:
            assert error.node is not None

    assert not leaks(use)


def test_it_leaves_no_cycle():
    def use():
        try:
            with detect_nonfinite():
                steep().backward()
        except NonFiniteError:
            pass

    use()
    gc.collect()
    gc.disable()
    try:
        use()
        assert gc.collect() == 0
    finally:
        gc.enable()
