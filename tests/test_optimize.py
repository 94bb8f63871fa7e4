"""Functions of flat sequences for optimisers, and SciPy's minimising the functions of Moré, Garbow and Hillstrom.

The functions, the points to start from and the minima: ACM Transactions on Mathematical Software 7 (1981), 17-41.
"""

from __future__ import annotations

import math
import random
import warnings
from array import array
from typing import NamedTuple

import pytest

import autograd_mini as am
from autograd_mini import Value, check_gradient, value_and_grad
from autograd_mini.errors import DomainError


class Problem(NamedTuple):
    """Residuals whose sum of squares is to be minimised: the least is 0 in all of these."""

    residuals: object
    start: list[float]
    at_start: float
    minimum: list[float]
    within: float = 1e-4

    def __call__(self, x):
        return sum(r * r for r in self.residuals(*x))


def rosenbrock(a, b):
    return 10.0 * (b - a * a), 1.0 - a


def helical_valley(a, b, c):
    turn = am.atan(b / a) / (2.0 * math.pi) + (0.0 if a > 0.0 else 0.5)
    return 10.0 * (c - 10.0 * turn), 10.0 * (am.sqrt(a * a + b * b) - 1.0), c


def powell_singular(a, b, c, d):
    return a + 10.0 * b, math.sqrt(5.0) * (c - d), (b - 2.0 * c) ** 2, math.sqrt(10.0) * (a - d) ** 2


def wood(a, b, c, d):
    return (
        *rosenbrock(a, b), math.sqrt(90.0) * (d - c * c), 1.0 - c, math.sqrt(10.0) * (b + d - 2.0),
        (b - d) / math.sqrt(10.0),
    )  # fmt: skip


def beale(a, b):
    return [y - a * (1.0 - b**i) for i, y in [(1, 1.5), (2, 2.25), (3, 2.625)]]


PROBLEMS = {
    "rosenbrock": Problem(rosenbrock, [-1.2, 1.0], 24.2, [1.0, 1.0]),
    "helical valley": Problem(helical_valley, [-1.0, 0.0, 0.0], 2500.0, [1.0, 0.0, 0.0]),
    # Its Hessian at the minimum is singular: the function is small where x is not yet.
    "powell singular": Problem(powell_singular, [3.0, -1.0, 0.0, 1.0], 215.0, [0.0] * 4, within=0.01),
    "wood": Problem(wood, [-3.0, -1.0, -3.0, -1.0], 19192.0, [1.0] * 4),
    "beale": Problem(beale, [1.0, 1.0], 14.203125, [3.0, 0.5]),
}
each_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
METHODS = {
    "BFGS": {"gtol": 1e-7},
    "CG": {"gtol": 1e-6},
    "L-BFGS-B": {"ftol": 1e-16, "gtol": 1e-7},
    "Newton-CG": {"xtol": 1e-6},
    "SLSQP": {"ftol": 1e-14},
    "TNC": {"ftol": 1e-16, "maxfun": 2000},
    "trust-constr": {"gtol": 1e-7},
}


def points(problem):
    """The point to start from, the minimum and ten at random, not near the plane where the helical valley is cut."""
    rng = random.Random(0)
    yield problem.start
    yield problem.minimum
    for _ in range(10):
        yield [rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 3.0) for _ in problem.start]


@each_problem
def test_gradients_of_the_problems(problem):
    compiled = value_and_grad(am.compile(lambda x: problem(x)), flat=True)
    assert problem(problem.start) == pytest.approx(problem.at_start, rel=1e-14)
    assert problem(problem.minimum) == 0.0
    for x in points(problem):
        check_gradient(problem, x)
        value, gradient = value_and_grad(problem, flat=True)(x)
        assert (value, gradient) == value_and_grad(problem)(x)
        assert compiled(x)[0] == pytest.approx(value, rel=1e-12)
        assert compiled(x)[1] == pytest.approx(gradient, rel=1e-11, abs=1e-11)


@each_problem
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("prepare", [lambda f: f, am.compile], ids=["as it is", "compiled"])
def test_scipy_finds_the_minima(problem, method, prepare):
    optimize = pytest.importorskip("scipy.optimize")
    f = value_and_grad(prepare(lambda x: problem(x)), flat=True)
    found = optimize.minimize(f, problem.start, jac=True, method=method, options=METHODS[method])
    assert 0.0 <= found.fun < 1e-9
    assert list(found.x) == pytest.approx(problem.minimum, abs=problem.within)


def test_gradients_are_scipys_even_of_its_own_function_of_arrays():
    optimize = pytest.importorskip("scipy.optimize")
    rng = random.Random(1)
    x = [rng.uniform(-2.0, 2.0) for _ in range(50)]
    for f in (optimize.rosen, am.compile(lambda x: optimize.rosen(x))):
        value, gradient = value_and_grad(f, flat=True)(x)
        assert value == pytest.approx(optimize.rosen(x), rel=1e-13)
        assert gradient == pytest.approx(optimize.rosen_der(x), rel=1e-11, abs=1e-9)


def test_the_example_for_the_readme():
    pytest.importorskip("scipy")
    names = {}
    exec(EXAMPLE, names)
    assert names["found"].success and list(names["found"].x) == pytest.approx([1.0, 1.0], abs=1e-4)


EXAMPLE = """\
import autograd_mini as am
from scipy.optimize import minimize

rosenbrock = am.compile(lambda x: (1.0 - x[0]) ** 2 + 100.0 * (x[1] - x[0] ** 2) ** 2)
found = minimize(am.value_and_grad(rosenbrock, flat=True), [-1.2, 1.0], jac=True)
"""


# What is taken and given.


def product(x):
    return x[0] * x[1]


@pytest.mark.parametrize("f", [product, am.compile(lambda x: product(x))], ids=["as it is", "compiled"])
def test_sequences_of_every_kind(f):
    kinds = [[2.0, 3.0], (2, 3.0), array("d", [2.0, 3.0]), memoryview(array("f", [2.0, 3.0]))]
    for x in kinds:
        value, gradient = value_and_grad(f, flat=True)(x)
        assert (value, gradient) == (6.0, [3.0, 2.0])
        assert [type(number) for number in (value, *gradient)] == [float] * 3 and type(gradient) is list


@pytest.mark.parametrize("kind", ["float64", "float32", "int64", "object"])
def test_numpys_arrays(kind):
    numpy = pytest.importorskip("numpy")
    x = numpy.array([2, 3, 5, 7], dtype=kind)[::2]
    value, gradient = value_and_grad(product, flat=True)(x)
    assert (value, gradient) == (10.0, [5.0, 2.0]) and type(value) is type(gradient[0]) is float
    assert x.tolist() == [2, 5]


def test_a_sequence_of_nothing():
    assert value_and_grad(lambda x: 7.0 + sum(x), flat=True)([]) == (7.0, [])


def test_the_function_is_given_a_list_that_it_may_unpack_and_change():
    def f(x):
        a, b = x
        assert type(x) is list and type(a) is type(b) is Value
        return x.pop() ** 2 * x.pop()

    assert value_and_grad(f, flat=True)([3.0, 2.0]) == (12.0, [4.0, 12.0])


@pytest.mark.parametrize("prepare", [lambda f: f, am.compile], ids=["as it is", "compiled"])
def test_further_arguments_are_passed_on(prepare):
    def misfit(p, X, Y, power=2):
        return sum((p[0] * x + p[1] - y) ** power for x, y in zip(X, Y, strict=True))

    f = value_and_grad(prepare(misfit), flat=True)
    X, Y = [0.0, 1.0, 2.0], [1.0, 3.0, 6.0]
    assert f([2.0, 1.0], X, Y) == (1.0, [-4.0, -2.0])
    assert f([2.0, 1.0], X, Y, power=4) == (1.0, [-8.0, -4.0])
    optimize, numpy = pytest.importorskip("scipy.optimize"), pytest.importorskip("numpy")
    found = optimize.minimize(f, [0.0, 0.0], args=(numpy.array(X), numpy.array(Y)), jac=True)
    assert list(found.x) == pytest.approx(numpy.polyfit(X, Y, 1), abs=1e-6)


def test_a_compiled_function_is_recorded_once():
    compiled = am.compile(lambda x: rosenbrock(*x)[0] ** 2)
    f = value_and_grad(compiled, flat=True)
    for i in range(20):
        f([i / 7.0, 1.0])
    assert compiled.cache_info() == (19, 1, 1)


def test_grads_outside_are_left_alone():
    w = Value(2.0)
    (w * 3.0).backward()
    for f in (lambda x: w * x[0], am.compile(lambda x: w * x[0])):
        assert value_and_grad(f, flat=True)([5.0]) == (10.0, [2.0])
    assert w.grad == 3.0


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (3.0, "takes a list, a tuple or an array of numbers, not float: 3.0"),
        (None, "not NoneType"),
        ("ab", "not str: 'ab'"),
        (b"ab", "not bytes"),
        ({0: 2.0}, "not dict"),
        ({1.0, 2.0}, "not set"),
        (iter([1.0, 2.0]), "not list_iterator"),
        ([1.0, [2.0]], r"^x\[1\]: expected one real number, got list: \[2.0\]; flat=True takes one flat seq"),
        (((1.0, 2.0), 3.0), r"^x\[0\]: .* tuple"),
        ([1.0, {"a": 2.0}], r"^x\[1\]: .* dict"),
        ([1.0, "2.0"], r"^x\[1\]: .* str"),
        ([1.0, None], r"^x\[1\]: .* NoneType"),
        ([1.0, 2j], r"^x\[1\]: .* complex"),
        ([1.0, Value(2.0)], r"^x\[1\]: .* Value"),
    ],
)
def test_what_is_no_flat_sequence_of_numbers(x, said):
    with pytest.raises(TypeError, match=said):
        value_and_grad(product, flat=True)(x)


def test_numpys_arrays_that_are_no_flat_sequence_of_numbers():
    numpy = pytest.importorskip("numpy")
    for x, said in [(numpy.ones((2, 2)), r"x\[0\]: .* list"), (numpy.array(3.0), "not ndarray: array")]:
        with pytest.raises(TypeError, match=said):
            value_and_grad(product, flat=True)(x)


@pytest.mark.parametrize("argnums", [1, (0,), (0, 1), -1])
def test_argnums_are_not_for_flat_sequences(argnums):
    with pytest.raises(ValueError, match="flat=True differentiates by the first argument"):
        value_and_grad(product, argnums, flat=True)


def test_gradients_that_would_be_lost_are_refused():
    def outer(a):
        return a * value_and_grad(lambda x: x[0] * a, flat=True)([3.0])[1][0]

    for f in (am.grad(outer), am.compile(outer)):
        with pytest.raises(TypeError, match="flat=True gives numbers, which cannot be differentiated again"):
            f(2.0)
    assert am.grad(lambda a: a * value_and_grad(product, flat=True)([3.0, 4.0])[1][0])(2.0) == 4.0


def test_results_that_are_not_one_number():
    with pytest.raises(TypeError, match="must return one Value, not list"):
        value_and_grad(lambda x: x, flat=True)([1.0])
    with am.no_grad(), pytest.raises(RuntimeError, match="take it outside"):
        value_and_grad(product, flat=True)([1.0, 2.0])


# Where the function overflows, or has no value.


@pytest.mark.parametrize("prepare", [lambda f: f, am.compile], ids=["as it is", "compiled"])
@pytest.mark.parametrize(
    ("f", "x", "error", "said"),
    [
        (lambda x: am.exp(x[0]), 1000.0, OverflowError, r"result too large for a float: exp\(1000\)"),
        (lambda x: -am.exp(x[0]), 1000.0, OverflowError, r"exp\(1000\)"),
        (lambda x: am.log(x[0]), -1.0, DomainError, r"outside the domain of log: log\(-1\)"),
        (lambda x: 1.0 / x[0], 0.0, ZeroDivisionError, "division by zero: 1 / 0"),
    ],
)
def test_where_there_is_no_value_it_is_inf_and_the_error_a_warning(f, x, error, said, prepare):
    f = prepare(f)
    with pytest.raises(error, match=said):
        value_and_grad(f)([x])
    flat = value_and_grad(f, flat=True)
    with pytest.warns(RuntimeWarning, match=f"the value is taken as inf, and the gradient as nan: .*{said}") as caught:
        value, gradient = flat([x])
    assert [warning.filename for warning in caught] == [__file__]
    assert value == math.inf and len(gradient) == 1 and math.isnan(gradient[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match=said):
            flat([x])


def test_errors_of_the_functions_own_are_left():
    def f(x):
        raise ValueError("no such model")

    with pytest.raises(ValueError, match="no such model"):
        value_and_grad(f, flat=True)([1.0])


def test_numbers_that_are_not_finite_are_passed_on():
    value, gradient = value_and_grad(product, flat=True)([math.inf, 2.0])
    assert (value, gradient) == (math.inf, [2.0, math.inf])
    value, gradient = value_and_grad(product, flat=True)([math.nan, 2.0])
    assert math.isnan(value) and gradient[0] == 2.0 and math.isnan(gradient[1])


@pytest.mark.parametrize("method", ["BFGS", "CG", "Newton-CG", "SLSQP"])
@pytest.mark.parametrize("prepare", [lambda f: f, am.compile], ids=["as it is", "compiled"])
def test_line_searches_turn_back_from_where_there_is_no_value(method, prepare):
    optimize = pytest.importorskip("scipy.optimize")

    def barriers(x):
        return 30.0 * x[0] + 50.0 * x[1] - am.log(1.0 - x[0]) - am.log(1.0 + x[0]) - am.log(x[1])

    # Where 30 + 1 / (1 - a) - 1 / (1 + a) is 0, that is 30 (1 - a a) + 2 a; and 50 - 1 / b.
    a = (2.0 - math.sqrt(4.0 + 4.0 * 30.0**2)) / 60.0
    with pytest.warns(RuntimeWarning, match="outside the domain of log"):
        f = value_and_grad(prepare(barriers), flat=True)
        found = optimize.minimize(f, [0.9, 0.01], jac=True, method=method)
    assert found.success and list(found.x) == pytest.approx([a, 1.0 / 50.0], abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_start_without_a_value_is_no_success(method):
    optimize = pytest.importorskip("scipy.optimize")
    f = value_and_grad(lambda x: am.log(x[0]) ** 2, flat=True)
    with pytest.warns(RuntimeWarning):
        assert not optimize.minimize(f, [-1.0], jac=True, method=method).success
