"""Derivatives of functions, and the check of gradients by differences."""

from __future__ import annotations

import math
from collections import Counter, defaultdict, namedtuple

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import GradientError, Value, check_gradient, grad, value_and_grad

Point = namedtuple("Point", "x y")


def f(x, y):
    return (x * y).tanh() + am.exp(x) / (2.0 + y * y)


def exact(place, x, y):
    """The derivative of f by its first or second argument in 50 digits."""
    with mpmath.workdps(50):
        return float(
            mpmath.diff(lambda a, b: mpmath.tanh(a * b) + mpmath.exp(a) / (2 + b * b), (x, y), (1 - place, place))
        )


numbers = st.floats(-2.0, 2.0)


@given(numbers, numbers)
def test_argnums(x, y):
    for place in (0, 1, -1, -2):
        assert grad(f, place)(x, y) == pytest.approx(exact(place % 2, x, y), rel=1e-12, abs=1e-12)
    assert grad(f, (1, 0))(x, y) == (grad(f, 1)(x, y), grad(f, 0)(x, y))
    value, gradient = value_and_grad(f, (0,))(x, y)
    assert value == f(Value(x), y).data and gradient == (grad(f)(x, y),)


@pytest.mark.parametrize(
    ("structure", "total"),
    [
        (3.0, lambda s: s * s),
        ([1.0, 2.0], lambda s: s[0] * s[0] + s[1] * s[1]),
        ((1.0, [2.0, (3.0,)]), lambda s: s[0] * s[0] + s[1][0] * s[1][0] + s[1][1][0] * s[1][1][0]),
        ({"w": [1.0], "b": 2}, lambda s: s["w"][0] * s["w"][0] + s["b"] * s["b"]),
        (Point(1.0, 2.0), lambda s: s.x * s.x + s.y * s.y),
    ],
)
def test_structures(structure, total):
    def doubled(s):
        if isinstance(s, dict):
            return {key: doubled(part) for key, part in s.items()}
        if isinstance(s, Point):
            return Point(*map(doubled, s))
        return type(s)(map(doubled, s)) if isinstance(s, (list, tuple)) else 2.0 * s

    found = grad(total)(structure)
    assert found == doubled(structure) and type(found) is type(doubled(structure))


def test_other_arguments_are_passed_on():
    assert grad(lambda x, name, *, scale: x * scale if name == "up" else x)(1.0, "up", scale=3.0) == 3.0


def test_an_argument_that_does_not_matter():
    assert grad(lambda x, y: x * 2.0, (0, 1))(1.0, 5.0) == (2.0, 0.0)
    assert value_and_grad(lambda x: 7 if x > 0 else x)(1.0) == (7.0, 0.0)


def test_grads_outside_are_left_alone():
    w = Value(2.0)
    inner = w * 3.0
    inner.backward()
    assert grad(lambda x: x * inner * w)(5.0) == 12.0
    assert (w.grad, inner.grad) == (3.0, 1.0)


def test_the_argument_itself_may_be_returned():
    assert value_and_grad(lambda x: x)(4.0) == (4.0, 1.0)


@pytest.mark.parametrize(
    ("function", "args", "error", "said"),
    [
        (lambda x: x, ("text",), TypeError, r"args\[0\]: .* str"),
        (lambda x: x, ([1.0, {"a": None}],), TypeError, r"args\[0\]\[1\]\['a'\]: .* NoneType"),
        (lambda x: [x], (1.0,), TypeError, "must return one Value, not list"),
        (lambda: 1.0, (), ValueError, "no argument at position 0"),
    ],
)
def test_what_cannot_be_differentiated(function, args, error, said):
    with pytest.raises(error, match=said):
        grad(function)(*args)


def test_check_gradient_passes_what_is_right():
    check_gradient(f, 0.3, -1.2)
    check_gradient(lambda p: p["a"].log() * p["b"][0], {"a": 1e-3, "b": [2.0]})


def test_check_gradient_says_what_is_wrong_and_by_how_much():
    def lossy(x, p):
        return x * p[0] + Value(x.data) * p[1]

    with pytest.raises(GradientError) as caught:
        check_gradient(lossy, 2.0, [3.0, 5.0])
    assert str(caught.value) == (
        "1 derivatives of lossy are off:\nargs[0] = 2.0: backward gives 3, differences give 8, off by 5"
    )
    assert isinstance(caught.value, AssertionError)


def test_a_gradient_inside_a_differentiated_function():
    assert grad(lambda x: grad(lambda z: z * z * x)(3.0))(2.0) == 6.0
    assert grad(lambda x: x * grad(lambda z: z * z)(3.0))(2.0) == 6.0  # the inner one does not depend on x


def test_no_gradient_inside_no_grad():
    with am.no_grad(), pytest.raises(RuntimeError, match="take it outside"):
        value_and_grad(lambda x: x * x)(3.0)
    assert grad(lambda x: x * x)(3.0) == 6.0


def test_every_kind_of_dict():
    assert grad(lambda p: p["a"] * 2.0)(Counter(a=1)) == Counter(a=2.0)
    found = grad(lambda p: p["a"] * p["a"])(defaultdict(float, a=3.0))
    assert found == {"a": 6.0} and type(found) is defaultdict


def test_check_gradient_checks_second_derivatives():
    check_gradient(f, 0.3, -1.2, order=2)
    check_gradient(lambda p: p["a"].log() * p["b"][0] ** 3, {"a": 0.5, "b": [2.0]}, order=3)

    def lossy(x):
        return 2.0 * x.data * x - x.data**2  # the number is x², the gradient 2x, and that is a constant

    check_gradient(lossy, 3.0)
    with pytest.raises(GradientError, match=r"1 derivatives of ∂lossy by number 1 are off"):
        check_gradient(lossy, 3.0, order=2)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        check_gradient(f, 0.3, -1.2, order=0)


# Arrays: what a list of the same numbers gives, in an array.

ARRAYS = {
    "a vector": (lambda x: am.sum([a * am.sin(a) for a in x]), [0.5, -1.0, 2.0]),
    "with NumPy's functions": (lambda x: np.sum(np.sin(np.asarray(x)) * np.asarray(x)[::-1]), [0.5, -1.0, 2.0]),
    "a matrix": (lambda x: x[0][0] * x[1][1] - x[0][1] * x[1][0] ** 3, [[0.5, 1.5], [2.0, -1.0]]),
    "whole numbers": (lambda x: x[0] ** 3 * x[1], [2, 3]),
    "one number": (lambda x: x[0] ** 4, [2.0]),
}


@pytest.mark.parametrize("change", [lambda f: f, am.compile], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_differentiated_as_lists_are(name, change):
    f, numbers = ARRAYS[name]
    x = np.array(numbers)
    for derivative in (am.grad, am.hessian, lambda f: am.hessian(lambda x: f(x) ** 2)):
        found = change(derivative(f))(x)
        assert type(found) is np.ndarray and found.dtype == float
        assert found == pytest.approx(np.array(derivative(f)(numbers)), rel=1e-12)
    value, gradient = am.value_and_grad(change(f))(x)
    assert value == pytest.approx(f(numbers), rel=1e-12) and gradient.shape == x.shape


def test_arrays_in_all_derivatives():
    A, x, v = np.array([[2.0, -1.0], [0.5, 3.0], [1.0, 1.0]]), np.array([0.3, -0.7]), np.array([1.0, 2.0])
    f = lambda x: A @ x
    assert (am.jacobian(f)(x) == A).all()
    y, push = am.jvp(f, (x,), (v,))
    assert y == pytest.approx(A @ x) and push == pytest.approx(A @ v)
    y, back = am.vjp(f, x)
    assert back(np.ones(3))[0] == pytest.approx(np.ones(3) @ A)
    square = lambda x: np.sum((A @ x) ** 2)
    assert am.hvp(square, (x,), (v,))[0] == pytest.approx(2.0 * A.T @ A @ v)
    found = am.grad(lambda p: np.sum(p["W"] @ p["b"]))({"W": A, "b": x})
    assert found["W"] == pytest.approx(np.ones((3, 1)) * x) and found["b"] == pytest.approx(A.sum(0))
    assert am.jacobian(lambda W: W @ x)(A).shape == (3, 3, 2)
    am.check_gradient(square, x, order=2)
    leaves = np.array([Value(1.0), Value(2.0)])
    assert [g.data for g in am.gradient(np.sum(leaves**3), leaves)] == [3.0, 12.0]
    assert am.grad(lambda x: Value(1.0))(np.zeros((0, 2))).shape == (0, 2)


def test_what_is_wrong_in_an_array_is_named():
    with pytest.raises(TypeError, match=r"args\[0\]\[1, 0\]: .* str: 'a'"):
        am.grad(lambda x: x)(np.array([[1.0], ["a"]], dtype=object))
    with pytest.raises(TypeError, match=r"args\[0\]"):
        am.grad(lambda x: x)(np.array(2.0))
    for bad in (np.array([1.0, 1j]), np.array(["abc", "d"]), np.array(["2020-01-01"], dtype="datetime64[D]")):
        with pytest.raises(TypeError, match=r"^args\[0\]\[0\]: "):
            am.grad(lambda x: x[0])(bad)


def test_arrays_of_parameters_are_found_in_modules():
    class Linear(am.nn.Module):
        def __init__(self):
            self.W = np.array([[Value(1.0), Value(2.0)]])
            self.data = np.zeros(10)

    assert Linear().state() == {"W[0, 0]": 1.0, "W[0, 1]": 2.0}


def test_a_position_may_be_given_twice():
    square, product = (lambda x: x * x), (lambda x, y: x * y)
    assert grad(square, (0, 0))(3.0) == (6.0, 6.0)
    assert value_and_grad(product, (0, -2, 1))(3.0, 5.0) == (15.0, (5.0, 5.0, 3.0))
    assert am.jacobian(lambda x: [x[0] * x[1]], (0, 0))([3.0, 4.0]) == [([4.0, 3.0], [4.0, 3.0])]
    assert am.hessian(lambda x: x**3, (0, 0))(3.0) == ((18.0, 18.0), (18.0, 18.0))


def test_what_goes_wrong_in_a_container_of_ones_own_is_said_as_it_is():
    class Pair(list):
        def __init__(self, a, b):
            super().__init__([a, b])

    class Closed(dict):
        def __copy__(self):
            raise TypeError("not to be copied")

    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'b'$"):
        grad(lambda x: x[0] * x[1])(Pair(1.0, 2.0))
    with pytest.raises(TypeError, match=r"^not to be copied$"):
        grad(lambda x: x["a"])(Closed(a=1.0))


def test_nonfinite_gradients_of_calls_are_detected():
    compiled = am.compile(lambda x: x * x)
    _, back = am.vjp(compiled, 3.0)
    assert back(2.0) == (12.0,)
    with am.detect_nonfinite(), pytest.raises(am.NonFiniteError):
        back(1e308)


def test_what_does_not_depend_on_the_arguments_is_not_asked_for_its_slopes():
    w = Value(3.0)
    squared = am.compile(lambda w: w * w)

    @am.primitive(slopes=lambda a, y: [math.cos(a)])
    def sine(a):
        return math.sin(a)

    for other, y in ((squared, 9.0), (sine, math.sin(3.0))):
        f = lambda x, other=other: x * x * other(w)
        value, slope = am.jvp(f, (Value(2.0),), (1.0,))
        assert (value.data, slope.data) == pytest.approx((4.0 * y, 4.0 * y))
        assert am.jvp(lambda x, f=f: am.jvp(f, (x,), (1.0,))[1], (2.0,), (1.0,)) == pytest.approx((4.0 * y, 2.0 * y))
        assert am.vjp(f, Value(2.0))[1](1.0)[0].data == pytest.approx(4.0 * y)


def test_products_with_no_numbers():
    assert am.hvp(lambda x: Value(3.0), ([],), ([],)) == ([],)
    assert am.hvp(lambda: Value(3.0), (), ()) == ()


def test_arrays_of_results_with_constants_are_numbers_too():
    for f in (lambda x: np.array([x[0] * 2.0, 1.0]), lambda x: np.array([x[0] * 2.0, 3])):
        assert am.compile(f)([2.0]).dtype == float and (am.compile(f)([2.0]) == f([2.0])).all()
    f = lambda x: np.array([x, x * x, 1.0])
    found = am.compile(am.jacobian(f))(3.0)
    assert found.dtype == float and (found == am.jacobian(f)(3.0)).all()
    values = am.compile(lambda x: np.array([x, 1.0]))(Value(2.0))
    assert values.dtype == object and values[0].data == 2.0
