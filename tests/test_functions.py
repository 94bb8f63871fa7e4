"""The functions: of floats a float, of Values a Value, of anything else an error that says so; NumPy's among them."""

from __future__ import annotations

import math
import operator
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Value, ops
from tests.test_ops import FUNCTIONS

np = pytest.importorskip("numpy")

SCALARS = [param for param in FUNCTIONS if param.values[1].arity in (1, 2) and param.id != "softmax"]
OF_LISTS = ["sum", "prod", "mean", "logsumexp", "softmax"]
OF_PAIRS = ["dot", "dist"]
# Python's math has its own dist, prod and fsum; gamma and lgamma are within CPython's and C's rounding of each other.
WITHIN = {"gamma": 1e-14, "lgamma": 1e-14, "degrees": 3e-16, "radians": 3e-16, "hypot": 3e-16}

wrong = ["1", b"1", None, 1j, np.complex128(1j), [1.0], np.array([1.0]), object()]
not_numbers = pytest.mark.parametrize("wrong", wrong, ids=[type(x).__name__ for x in wrong])


def second(row):
    """The second operand of a row where it may be a Value, as a list of one or none."""
    return [] if row.arity == 1 or row.name == "digamma" else [row.samples[0][1]]


# Floats and Values.


@pytest.mark.parametrize(("op", "row"), SCALARS)
def test_function_of_floats_is_pythons(op, row):
    function, python = getattr(am, row.name), getattr(math, row.name, None)
    for sample in row.samples:
        y = function(*sample)
        assert type(y) is float
        if python is not None:
            assert y == pytest.approx(python(*sample), rel=WITHIN.get(row.name, 0.0), abs=0.0)


@pytest.mark.parametrize(("op", "row"), SCALARS)
@pytest.mark.parametrize("kind", [int, bool, np.float64, np.float32, np.int64, np.bool_, Fraction, Decimal])
def test_function_takes_any_real_number(op, row, kind):
    function, x = getattr(am, row.name), 0 if row.name == "atanh" else 1
    y = function(kind(x), *second(row))
    assert type(y) is float
    assert y == function(float(x), *second(row))


@pytest.mark.parametrize("kind", [int, np.float64, np.float32, np.int64, Fraction, Decimal])
def test_errors_take_any_real_number(kind):
    for call in (lambda: Value(1.0) / kind(0), lambda: am.sum([Value(1e308), Value(1e308), kind(1)])):
        with pytest.raises((ZeroDivisionError, OverflowError)):
            call()
    with pytest.raises(ValueError, match=r"log\(-1\)"):
        am.log(kind(-1))


@pytest.mark.parametrize(("op", "row"), SCALARS)
def test_function_of_a_value_is_a_value(op, row):
    function = getattr(am, row.name)
    for first, *others in row.samples:
        x = Value(first)
        y = function(x, *others)
        assert (type(y), y.op, y.parents) == (Value, row.name, (x,))
        assert y.data == function(first, *others)


@pytest.mark.parametrize(("op", "row"), [param for param in SCALARS if second(param.values[1])])
def test_function_of_two_takes_a_value_in_either_place(op, row):
    function = getattr(am, row.name)
    for a, b in row.samples:
        x = Value(b)
        y = function(a, x)
        assert (y.op, y.operands, y.data) == (row.name, (a, x), function(a, b))


@pytest.mark.parametrize(("op", "row"), SCALARS)
@not_numbers
def test_function_refuses_what_is_not_a_real_number(op, row, wrong):
    function = getattr(am, row.name)
    with pytest.raises(TypeError, match=row.name):
        function(wrong, *second(row))
    if second(row):
        for first in (1.0, Value(1.0)):
            with pytest.raises(TypeError, match=row.name):
                function(first, wrong)


@pytest.mark.parametrize(("op", "row"), SCALARS)
def test_function_wants_its_operands(op, row):
    with pytest.raises(TypeError):
        getattr(am, row.name)()
    with pytest.raises(TypeError):
        getattr(am, row.name)(1.0, 2.0, 3.0)


@pytest.mark.parametrize(("op", "row"), FUNCTIONS)
def test_function_says_what_it_does(op, row):
    function = getattr(am, row.name)
    assert function.__name__ == row.name
    assert function.__doc__.partition("\n")[0].endswith(".")


def test_defaults():
    assert am.leaky_relu(-2.0) == am.leaky_relu(-2.0, 0.01) == Value(-2.0).leaky_relu().data
    assert am.elu(-2.0) == am.elu(-2.0, 1.0) == Value(-2.0).elu().data
    assert am.digamma(2.0) == am.digamma(2.0, 0) == Value(2.0).digamma().data


def test_order_of_digamma_is_not_differentiable():
    with pytest.raises(TypeError, match="order"):
        am.digamma(2.0, Value(1.0))
    with pytest.raises(TypeError):
        Value(2.0).digamma(Value(1.0))


def test_slopes_of_activations_can_be_learned():
    x, slope = Value(-2.0), Value(0.1)
    am.leaky_relu(x, slope).backward()
    assert (x.grad, slope.grad) == (0.1, -2.0)


# Of many operands.


@pytest.mark.parametrize("name", OF_LISTS)
@pytest.mark.parametrize("of", [list, tuple, iter, np.array, dict.fromkeys])
def test_function_of_a_list_takes_any_iterable(name, of):
    assert getattr(am, name)(of([0.5, 1.5, -1.0])) == getattr(am, name)([0.5, 1.5, -1.0])


@pytest.mark.parametrize(
    ("name", "python"),
    [("sum", math.fsum), ("prod", math.prod), ("mean", lambda x: math.fsum(x) / len(x))],
)
def test_function_of_a_list_is_pythons(name, python):
    numbers = [0.1, 2, -3.5, True, Fraction(1, 3), np.float32(0.5)]
    y = getattr(am, name)(numbers)
    assert type(y) is float
    assert y == pytest.approx(python([float(x) for x in numbers]), rel=1e-15)


def test_dist_is_pythons():
    p, q = [1.0, 2.5, -3.0], [0.5, 1.5, 7.0]
    assert am.dist(p, q) == pytest.approx(math.dist(p, q), rel=3e-16)


@pytest.mark.parametrize("name", [*OF_LISTS, *OF_PAIRS])
def test_one_value_among_numbers_makes_a_node(name):
    mixed, plain = [1, Value(2.0), np.float64(3.0)], [1.0, 2.0, 3.0]
    if name in OF_PAIRS:
        y, expected = getattr(am, name)(mixed, [0.5, 0.25, Value(2.0)]), getattr(am, name)(plain, [0.5, 0.25, 2.0])
    else:
        y, expected = getattr(am, name)(mixed), getattr(am, name)(plain)
    if name == "softmax":
        y, expected = y[0], expected[0]
    assert type(y) is Value
    assert y.op == name
    assert y.data == expected


def test_empty_sum_and_product():
    assert (am.sum([]), am.prod([])) == (0.0, 1.0)
    assert type(am.sum(())) is type(am.prod(())) is float


@pytest.mark.parametrize("name", ["mean", "logsumexp", "softmax"])
def test_nothing_has_no_mean(name):
    with pytest.raises(ValueError, match=name):
        getattr(am, name)([])


@pytest.mark.parametrize("name", OF_PAIRS)
def test_pairs_have_one_length(name):
    function = getattr(am, name)
    with pytest.raises(ValueError, match=rf"{name}\(\) of 2 and 1"):
        function([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match=name):
        function([], [])


@pytest.mark.parametrize("name", OF_LISTS)
@not_numbers
def test_lists_hold_real_numbers(name, wrong):
    function = getattr(am, name)
    with pytest.raises(TypeError):
        function([1.0, wrong])
    with pytest.raises(TypeError):
        function([Value(1.0), wrong])
    with pytest.raises(TypeError):
        function(1.0)


@pytest.mark.parametrize("name", OF_PAIRS)
@not_numbers
def test_pairs_hold_real_numbers(name, wrong):
    for first in (1.0, Value(1.0)):
        with pytest.raises(TypeError, match=name):
            getattr(am, name)([first, wrong], [1.0, 1.0])
        with pytest.raises(TypeError, match=name):
            getattr(am, name)([1.0, 1.0], [first, wrong])


numbers = st.lists(st.floats(-3e3, 3e3), min_size=1, max_size=8)


@given(numbers)
def test_softmax_is_a_distribution(x):
    p = am.softmax(x)
    assert math.fsum(p) == pytest.approx(1.0, rel=1e-12)
    assert all(0.0 <= q <= 1.0 for q in p)
    assert sorted(range(len(x)), key=x.__getitem__) == sorted(range(len(x)), key=lambda i: (p[i], x[i]))


@given(numbers, st.floats(-1e3, 1e3))
def test_softmax_and_logsumexp_only_see_differences(x, shift):
    shifted = [a + shift for a in x]
    assert am.softmax(shifted) == pytest.approx(am.softmax(x), abs=1e-12)
    assert am.logsumexp(shifted) == pytest.approx(am.logsumexp(x) + shift, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("x", [1000.0, -1000.0, 1e10, -1e10, 1e300, -1e300])
def test_softmax_and_logsumexp_are_stable(x):
    assert am.softmax([x, x]) == pytest.approx([0.5, 0.5], rel=1e-12)
    assert am.softmax([x, 0.0]) == pytest.approx([float(x > 0.0), float(x < 0.0)])
    assert am.logsumexp([x, x]) == pytest.approx(x + math.log(2.0))


@given(numbers)
def test_gradient_of_softmax(x):
    values = [Value(a) for a in x]
    p = am.softmax(values)
    p[0].backward()
    expected = [p[0].data * ((i == 0) - q.data) for i, q in enumerate(p)]  # dp0/dxi = p0 (delta_0i - pi)
    assert [v.grad for v in values] == pytest.approx(expected, abs=1e-15)


def test_where_takes_the_condition_as_a_truth():
    a, b = Value(1.0), Value(2.0)
    for true in (True, 1, -0.5, Value(3.0), np.bool_(True), a < b):
        assert am.where(true, a, b).data == 1.0
    for false in (False, 0, -0.0, Value(0.0), np.bool_(False), a > b):
        assert am.where(false, a, b).data == 2.0
    am.where(a < b, a, b).backward()
    assert (a.grad, b.grad) == (1.0, 0.0)


def test_clip_wants_an_interval():
    assert [am.clip(x, 0.0, 1.0) for x in (-1.0, 0.5, 2.0)] == [0.0, 0.5, 1.0]
    for clip in (am.clip, Value.clip):
        with pytest.raises(ValueError, match=r"clip.*low"):
            clip(Value(0.5), 2.0, 1.0)


# NumPy's functions, scalars and arrays.

OTHER_IN_NUMPY = ("remainder", "copysign", "maximum", "minimum")  # %; of floats only; and one of two objects
UFUNCS = [param for param in SCALARS if hasattr(np, param.id) and param.id not in OTHER_IN_NUMPY]
ALIASES = {name: f"arc{name[1:]}" for name in ("asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh")}


@pytest.mark.parametrize(("op", "row"), UFUNCS)
def test_numpy_function_of_a_value_is_ours(op, row):
    x = Value(row.samples[0][0])
    y = getattr(np, row.name)(x, *second(row))
    assert (type(y), y.op, y.parents) == (Value, row.name, (x,))


@pytest.mark.parametrize(("name", "theirs"), ALIASES.items())
def test_numpy_names_are_aliases(name, theirs):
    operands = ops.TABLE[getattr(ops, name.upper())].samples[0]
    x = Value(operands[0])
    assert getattr(np, theirs)(x, *operands[1:]).op == name
    assert getattr(x, theirs)(*operands[1:]).op == name


@pytest.mark.parametrize(("op", "row"), UFUNCS)
def test_numpy_function_of_an_array_of_values_works_on_each(op, row):
    values = [Value(first) for first, *_ in row.samples]
    y = getattr(np, row.name)(np.array(values), *second(row))
    assert [node.op for node in y] == [row.name] * len(values)
    assert [node.parents for node in y] == [(value,) for value in values]


@pytest.mark.parametrize("name", ["arctan2", "hypot", "fmod", "power", "maximum", "minimum"])
def test_numpy_function_of_a_number_and_a_value(name):
    x = Value(2.0)
    y = getattr(np, name)(3.0, x)
    assert float(getattr(np, name)(3.0, 2.0)) == (y.data if isinstance(y, Value) else y)


ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("operation", ARITHMETIC)
def test_arrays_of_objects_work_in_both_orders(operation):
    x, array = Value(2.0), np.array([1.0, Value(3.0)], dtype=object)
    for y, expected in [
        (operation(array, x), [operation(1.0, 2.0), operation(3.0, 2.0)]),
        (operation(x, array), [operation(2.0, 1.0), operation(2.0, 3.0)]),
    ]:
        assert y.shape == (2,)
        assert [node.data for node in y] == expected
        assert all(type(node) is Value for node in y)


@pytest.mark.parametrize("operation", ARITHMETIC)
def test_arrays_of_floats_are_refused(operation):
    for array in (np.array([1.0, 2.0]), np.array([1, 2]), np.array([[1.0]])):
        with pytest.raises(TypeError, match="astype"):
            operation(array, Value(2.0))
        with pytest.raises(TypeError, match="astype"):
            operation(Value(2.0), array)


def test_matrices_of_values():
    weights = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    y = (weights @ np.array([10.0, 1.0])).sum()
    y.backward()
    assert y.data == 46.0
    assert [[w.grad for w in row] for row in weights] == [[10.0, 1.0], [10.0, 1.0]]
