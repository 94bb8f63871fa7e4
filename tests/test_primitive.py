"""Primitives of one's own: numbers, slopes and errors as of the engine's, in everything that shows nodes."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest

import autograd_mini as am
from autograd_mini import Value, calculus, nn, no_grad
from autograd_mini.errors import DomainError
from autograd_mini.value import op_of
from tests.test_memory import leaks


@pytest.fixture(scope="module")
def own():
    """Primitives of one's own by name. None is defined while tests are collected: others look at the table then."""

    @am.primitive(slopes=[lambda x, y: am.cos(x)])
    def sine(x):
        """The sine, by hand."""
        return math.sin(x)

    @am.primitive(slopes=[lambda a, b, y: a / y, lambda a, b, y: b / y])
    def length(a, b):
        return math.sqrt(a * a + b * b)

    @am.primitive(slopes=lambda *xs: [2.0 * x for x in xs[:-1]])
    def squares(*xs):
        return sum(x * x for x in xs)

    @am.primitive(slopes=[lambda x, k, y: k, lambda x, k, y: x])
    def scaled(x, k=3.0):
        return k * x

    @am.primitive(slopes=[lambda x, y: math.cos(x)])
    def of_floats(x):
        return math.sin(x)

    @am.primitive(slopes=[lambda x, y: 0.5 / y])
    def root_2(x):
        return math.sqrt(x)

    @am.primitive(slopes=[lambda x, y: 0 * x])
    def inverse(x):
        return 1.0 / x

    @am.primitive(slopes=[lambda x, y: y])
    def growth(x):
        return math.exp(x)

    return {each.name: each for each in (sine, length, squares, scaled, of_floats, root_2, inverse, growth)}


TWINS = {
    "sine": (am.sin, [0.5]),
    "length": (am.hypot, [0.7, -1.9]),
    "squares": (lambda *xs: am.sum([x * x for x in xs]), [0.5, -2.0, 3.0]),
    "scaled": (lambda x, k: k * x, [0.5, -2.0]),
    "of_floats": (am.sin, [0.5]),
    "root_2": (am.sqrt, [2.0]),
    "growth": (am.exp, [0.5]),
}


# Numbers.


@pytest.mark.parametrize("name", TWINS)
def test_values_and_gradients_are_those_of_the_same_in_engine_functions(own, name):
    function, numbers = own[name], TWINS[name][1]
    a, b = [[Value(x) for x in numbers] for _ in range(2)]
    y, z = function(*a), TWINS[name][0](*b)
    (3.0 * y).backward()
    (3.0 * z).backward()
    assert y.op == name
    assert y.operands == y.parents == tuple(a)
    assert y.data == function(*numbers) == pytest.approx(z.data, rel=1e-15)
    assert [x.grad for x in a] == pytest.approx([x.grad for x in b], rel=1e-15)
    am.check_gradient(function, *numbers)


@pytest.mark.parametrize("x", [2, 2.0, True, Fraction(1, 3)], ids=repr)
def test_numbers_give_a_float(own, x):
    y = own["sine"](x)
    assert type(y) is float
    assert y == math.sin(x)


def test_constants_are_operands_without_slopes(own):
    x = Value(2.0)
    y = own["length"](x, 3)
    assert y.operands == (x, 3.0)
    assert y.parents == (x,)
    assert y.local_derivatives == (2.0 / math.sqrt(13.0),)
    assert own["squares"](1, x).local_derivatives == (4.0,)


def test_slopes_of_constants_are_not_asked_for():
    @am.primitive(slopes=[lambda x, n, y: n * x ** (n - 1), lambda x, n, y: 1 / 0])
    def powered(x, n):
        return x**n

    assert powered(Value(3.0), 2).local_derivatives == (6.0,)


@pytest.mark.parametrize(
    "call", [lambda f, x: f(x), lambda f, x: f(x, 3.0), lambda f, x: f(k=3.0, x=x), lambda f, x: f(x, k=3.0)]
)
def test_operands_have_defaults_and_names(own, call):
    x = Value(2.0)
    assert call(own["scaled"], x).operands == (x, 3.0)


def test_slopes_are_called_with_floats():
    seen = []

    @am.primitive(slopes=[lambda x, y: seen.extend([x, y]) or 1.0])
    def same(x):
        seen.append(x)
        return x

    same(Value(2))
    assert list(map(type, seen)) == [float] * 3


def test_a_slope_divides_as_the_engine_does(own):
    x = Value(0.0)
    assert own["root_2"](x).local_derivatives == am.sqrt(x).local_derivatives == (math.inf,)


@pytest.mark.parametrize("x", [math.inf, math.nan])
def test_operands_that_are_not_finite_pass(own, x):
    y = own["scaled"](Value(x))
    assert y.data == pytest.approx(x, nan_ok=True)


def test_functions_of_c():
    fabs = am.primitive(math.fabs, slopes=[lambda x, y: math.copysign(1.0, x)])
    assert fabs(Value(-2.0)).local_derivatives == (-1.0,)
    with pytest.raises(ValueError, match="my_hypot"):
        am.primitive(math.hypot, slopes=lambda *xs: xs)


def test_functions_of_c_without_a_signature():
    greatest = am.primitive(max, slopes=lambda *xs: [float(x == xs[-1]) for x in xs[:-1]])
    assert greatest(Value(1.0), Value(3.0), 2.0).local_derivatives == (0.0, 1.0)


# no_grad, compile, threads, copies.


def test_no_grad_gives_a_leaf(own):
    def broken(x, y):
        raise AssertionError("called inside no_grad()")

    @am.primitive(slopes=[broken])
    def unsloped(x):
        return 2.0 * x

    with no_grad():
        y = unsloped(Value(1.0))
    assert (y.op, y.data, y.operands) == ("leaf", 2.0, ())


@pytest.mark.parametrize("call", [lambda f, x: f(x), lambda f, x: f.sum([x, 2.0]), lambda f, x: f(2.0)])
def test_a_compiled_function_refuses_at_once(own, call):
    sine = own["sine"]
    with pytest.raises(RuntimeError, match=r"sine\(\).*your own.*compose it.*compiled=False"):
        call(am.compile(lambda x: sine(x) * x), Value(2.0))
    assert sine(Value(2.0)).op == "sine"


def test_a_compiled_function_that_catches_the_refusal_is_refused(own):
    def catching(x):
        try:
            return own["sine"](x)
        except RuntimeError:
            return x

    with pytest.raises(RuntimeError, match="your own"):
        am.compile(catching)(Value(2.0))


def test_a_compiled_function_takes_it_of_numbers_and_nodes_of_it(own):
    x = Value(2.0)
    inside = own["sine"](x)
    y = am.compile(lambda z: z * own["sine"](0.5) + inside)(x)
    y.backward()
    assert y.data == 2.0 * math.sin(0.5) + math.sin(2.0)
    assert x.grad == pytest.approx(math.sin(0.5) + math.cos(2.0), rel=1e-15)


def test_training_says_what_to_do(own):
    model = nn.MLP(1, [1])
    before = model.parameters()[0].data
    options = {"X": [[0.5], [1.0]], "y": [0.0, 1.0], "epochs": 1, "progress": False}
    with pytest.raises(RuntimeError, match="compiled=False"):
        nn.train(model, own["length"], **options)
    assert model.parameters()[0].data == before
    nn.train(model, own["length"], compiled=False, **options)
    assert model.parameters()[0].data != before


def test_definitions_in_many_threads_have_numbers_of_their_own():
    def define(k):
        def scale(x):
            return k * x

        return am.primitive(scale, slopes=[lambda x, y: k])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            functions = list(pool.map(define, range(200)))
    finally:
        sys.setswitchinterval(interval)
    assert len({each.op for each in functions}) == 200
    assert [each(Value(1.0)).data for each in functions] == list(range(200))


def test_it_is_copied_and_pickled_by_its_name(own, monkeypatch):
    sine = own["sine"]
    monkeypatch.setattr(sys.modules[__name__], "sine", sine, raising=False)
    monkeypatch.setattr(sine, "__qualname__", "sine")
    assert copy.deepcopy(sine) is copy.copy(sine) is pickle.loads(pickle.dumps(sine)) is sine


# What is wrong with a definition.


def plain(x):
    return x


def two(x, y):
    return x + y


def any_number(*xs):
    return sum(xs)


def named(x, *, k=1.0):
    return k * x


def options(x, **kwargs):
    return x


def nothing():
    return 1.0


def tanh(x):
    return math.tanh(x)


def call(x):
    return x


WRONG = {
    "no slopes": (plain, [], ValueError, r"plain\(x\) has 1 operands and 0 slopes"),
    "too few": (two, [lambda x, y, z: 1.0], ValueError, "2 operands and 1 slopes"),
    "too many": (plain, [lambda x, y: 1.0] * 2, ValueError, "1 operands and 2 slopes"),
    "not a list": (plain, 1.0, TypeError, "list of functions.*1.0"),
    "a set": (plain, {math.sin}, TypeError, "list of functions"),
    "not functions": (plain, [1.0], TypeError, "slope 0 of plain.*float: 1.0"),
    "without the result": (plain, [lambda x: 1.0], TypeError, r"slope 0 .*the operand and the result, 2 .*not \(x\)"),
    "second without": (two, [lambda x, y, z: 1.0, lambda x, y: 1.0], TypeError, "slope 1 .*2 operands and the result"),
    "one for all without": (two, lambda x, y: [1.0, 1.0], TypeError, "gives the slopes of two.*and the result, 3"),
    "a list for any number": (any_number, [lambda *xs: 1.0], TypeError, "one function"),
    "by name": (named, [lambda x, y: 1.0], TypeError, r"k=1.0 by name"),
    "options": (options, [lambda x, y: 1.0], TypeError, r"\*\*kwargs by name"),
    "no operands": (nothing, [], TypeError, "no operands"),
    "a lambda": (lambda x: x, [lambda x, y: 1.0], TypeError, "needs a name.*def"),
    "no function": (1.0, [lambda x, y: 1.0], TypeError, "takes a function.*float: 1.0"),
    "the engine's": (tanh, [lambda x, y: 1.0], ValueError, "my_tanh"),
    "what a compiled function is": (call, [lambda x, y: 1.0], ValueError, "my_call"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_definition_is_refused_at_once(name):
    function, slopes, kind, said = WRONG[name]
    with pytest.raises(kind, match=said):
        am.primitive(slopes=slopes)(function)
    with pytest.raises(kind, match=said):
        am.primitive(function, slopes=slopes)


def test_slopes_are_needed():
    with pytest.raises(TypeError, match="slopes"):
        am.primitive(plain)


# What is wrong with a call.


@pytest.mark.parametrize("wrong", ["1", None, 1j, [1.0]], ids=repr)
def test_operands_are_numbers(own, wrong):
    with pytest.raises(TypeError, match=r"sine\(\) takes numbers and Values, not"):
        own["sine"](wrong)


@pytest.mark.parametrize("args", [(), (Value(1.0), 2.0)])
def test_a_wrong_number_of_operands_is_named(own, args):
    with pytest.raises(TypeError, match=r"sine\(x\): "):
        own["sine"](*args)


def test_operands_of_any_number_have_no_names(own):
    with pytest.raises(TypeError, match=r"squares\(\) .*not by name: x"):
        own["squares"](x=Value(1.0))


FAILURES = {
    "domain": ("root_2", -1.0, am.sqrt, DomainError),
    "division": ("inverse", 0.0, lambda x: 1.0 / x, ZeroDivisionError),
    "overflow": ("growth", 1000.0, am.exp, OverflowError),
    "infinite": ("scaled", 1e308, lambda x: 3.0 * x, OverflowError),
}


@pytest.mark.parametrize("label", [None, "u"])
@pytest.mark.parametrize("name", FAILURES)
def test_where_there_is_no_finite_result_the_error_is_as_the_engines(own, name, label):
    function, x, twin, kind = FAILURES[name]
    x = Value(x, label=label)
    with pytest.raises(kind) as engines:
        twin(x)
    with pytest.raises(kind) as found:
        own[function](x)
    assert str(found.value).partition(":")[0].replace(function, "sqrt") == str(engines.value).partition(":")[0]
    assert f"{function}({label or f'{x.data:.6g}'}" in str(found.value)
    assert (f" at u = {x.data:.6g}" in str(found.value)) is (label is not None)
    with pytest.raises(kind):
        own[function](x.data)


OUTSIDE = Value(2.0, label="w")
RESULTS = [None, "1", 1j, [1.0], OUTSIDE]


@pytest.mark.parametrize("result", RESULTS, ids=repr)
def test_results_and_slopes_are_numbers(result):
    @am.primitive(slopes=[lambda x, y: 1.0])
    def misshapen(x):
        return result

    @am.primitive(slopes=[lambda x, y: result])
    def misguided(x):
        return x

    hint = "operand" if result is OUTSIDE else type(result).__name__
    with pytest.raises(TypeError, match=rf"misshapen\(\) is to give one number, not .*{hint}"):
        misshapen(Value(1.0))
    with pytest.raises(TypeError, match=rf"slope 0 of misguided\(\) is to be one number, not .*{hint}") as found:
        misguided(Value(1.0))
    assert "misguided(1)" in found.value.__notes__[0]


def test_one_function_gives_a_slope_for_each_operand():
    @am.primitive(slopes=lambda a, b, y: [1.0])
    def short(a, b):
        return a + b

    with pytest.raises(ValueError, match=r"slopes of short\(\) are 1 for 2 operands"):
        short(Value(1.0), 2.0)


@pytest.mark.parametrize("error", [ValueError, KeyError, OverflowError])
def test_an_error_in_a_slope_says_where(error):
    def failing(x, y):
        raise error("no")

    @am.primitive(slopes=[failing])
    def steep(x):
        return x

    with pytest.raises(error, match="no") as found:
        steep(Value(1.5))
    assert found.value.__notes__ == ["in the slopes of steep(), at steep(1.5)"]


# Higher order.


@pytest.mark.parametrize("name", [name for name in TWINS if name != "of_floats"])
def test_slopes_of_values_are_values_that_can_be_differentiated(own, name):
    numbers = TWINS[name][1]

    am.check_gradient(own[name], *numbers, order=2)
    am.check_gradient(lambda *xs: own[name](*xs) ** 2, *numbers, order=3)


def test_slopes_of_floats_say_how_they_can_be_differentiated(own):
    x = Value(0.5)
    y = own["of_floats"](x)
    for call in (lambda: calculus.slope(op_of(y), [x], y, 0), lambda: am.gradient(y, [x])):
        with pytest.raises(TypeError, match=r"slopes of of_floats\(\) .*am\.cos\(x\) instead of math\.cos\(x\)"):
            call()


def test_a_taylor_series_refuses_it(own):
    with pytest.raises(TypeError, match=r"your own.*grad"):
        am.taylor(own["sine"], 0.5, 3)


@pytest.mark.parametrize("name", TWINS)
def test_calculus_has_its_values(own, name):
    numbers = TWINS[name][1]
    y = own[name](*map(Value, numbers))
    assert calculus.value(op_of(y), numbers) == y.data
    assert calculus.value(op_of(y), list(map(Value, numbers))).op == name


# What shows nodes.


def test_a_node_says_its_name(own):
    y = own["sine"](Value(0.5))
    assert repr(y) == "Value(0.479426, grad=0, op='sine')"
    assert repr(own["sine"]) == "<primitive sine>"
    assert (own["sine"].__name__, own["sine"].__doc__) == ("sine", "The sine, by hand.")


STEPS = {
    "sine": (
        "1. sine(x) has the gradient 1:\n"
        "   ∂sine(x)/∂x = cos(x) = cos(0.5) = 0.8776; x receives 1 × 0.8776 = 0.8776"
    ),
    "growth": (
        "1. growth(x) has the gradient 1:\n   ∂growth(x)/∂x = growth(x) = 1.649; x receives 1 × 1.649 = 1.649"
    ),
    "of_floats": "1. of_floats(x) has the gradient 1:\n   ∂of_floats(x)/∂x = 0.8776; x receives 1 × 0.8776 = 0.8776",
    "scaled": "1. scaled(x, 3) has the gradient 1:\n   ∂scaled(x, 3)/∂x = 3; x receives 1 × 3 = 3",
    "squares": "1. squares(x) has the gradient 1:\n   ∂squares(x)/∂x = 2·x = 2·0.5 = 1; x receives 1 × 1 = 1",
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_write_slopes_out_where_they_take_values(own, name):
    x = Value(0.5, label="x")
    assert [str(step) for step in own[name](x).backward_steps()] == [STEPS[name]]


def test_an_operand_twice_is_one_name(own):
    x = Value(3.0, label="x")
    (step,) = own["length"](x, x).backward_steps()
    assert str(step).count("= x / length(x, x) = 3 / 4.243 = 0.7071") == 2


def test_latex_has_the_name_upright(own):
    x = Value(4.0, label="x")
    (step,) = own["root_2"](x).backward_steps()
    assert r"\operatorname{root\_2}(x)" in step._repr_latex_()


def test_it_is_drawn_with_its_name_and_first_line(own):
    picture = str(am.draw(own["sine"](Value(0.5, label="x")))._repr_mimebundle_())
    assert "sine: The sine, by hand." in picture
    assert "sine(x)" in picture


def test_why_and_nudge_know_it(own):
    x = Value(0.5, label="x")
    y = own["sine"](x) * 2.0
    assert "x → sine(x) → sine(x)·2" in str(am.why(x, y))
    assert am.nudge(x, y, 0.25).change == pytest.approx(2.0 * (math.sin(0.75) - math.sin(0.5)))
    z = own["root_2"](x)
    assert math.isnan(am.nudge(x, z, -1.0).change)


def test_nodes_keep_the_definition_that_they_were_recorded_with():
    def define(k):
        @am.primitive(slopes=[lambda x, y: k])
        def again(x):
            return k * x

        return again

    x = Value(1.0, label="x")
    old, new = [define(k)(x) for k in (2.0, 3.0)]
    assert (old.op, new.op) == ("again", "again")
    assert op_of(old) != op_of(new)
    assert [am.nudge(x, y, 1.0).change for y in (old, new)] == [2.0, 3.0]
    assert [am.gradient(y, [x])[0].data for y in (old, new)] == [2.0, 3.0]


# Memory.


@pytest.mark.parametrize("paused", [False, True])
def test_nodes_leave_no_blocks_behind(own, paused):
    def use():
        x = Value(0.5, label="x")
        y = x
        for _ in range(30):
            y = own["length"](own["sine"](y), 1.0) + own["squares"](x, y)*1e-3
        y.backward()
        for failing in (lambda: own["root_2"](-y), lambda: own["sine"]("1")):
            with pytest.raises((ValueError, TypeError)):
                failing()
        return str(next(y.backward_steps())), y.operands, y.local_derivatives

    def round():
        if paused:
            with no_grad():
                own["squares"](Value(1.0), 2.0)
        else:
            use()

    assert not leaks(round)
