"""Batches: sum(), mean() and map() of a compiled function are those of its calls, whatever the columns hold."""

from __future__ import annotations

import array
import itertools
import math
import multiprocessing
import random
import threading
import warnings
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Value, no_grad
from tests.test_compile import ORDINARY, bug, close, functions, untouched
from tests.test_memory import leaks

W, B = Value(1.5, label="w"), Value(-0.5, label="b")


def branches(x, y):
    """Four ways through it."""
    z = (W * x + y * B).tanh()
    if x > 0.0:
        z = z * y
    return z * z if y > x else z - x * W


def rounds(x, y):
    while x > 1.0:
        x = x * 0.5 + B * 0.1
    return x * y * W


def sums(x, y):
    return am.dot([W, B, x], [x, y, 2.0]) + am.sum([x, y, W]) + x * W + y * B + 1.0


def of_parameters(x, y):
    return W.exp() * B if W > B else x * y


def plain(x, y):
    return x * y + 0.5


FUNCTIONS = [branches, rounds, sums, of_parameters, plain]
SIZES = [*range(1, 71), 130]


def eager(kind, function, *columns, **same):
    """What the sum, mean or map of a batch is, one call after another."""
    results = [function(*args, **same) for args in zip(*columns, strict=True)]
    if kind == "map":
        return results
    return am.sum(results) if kind == "sum" else am.mean(results)


def outcome(run, leaves, seed=1.0):
    """The numbers and the gradients that a batch gives, or its error."""
    for leaf in leaves:
        leaf.grad = 0.0
    try:
        y = run()
    except Exception as error:
        return type(error), str(error)
    if isinstance(y, Value):
        y.backward(seed)
        return [y.data, *[leaf.grad for leaf in leaves]]
    if isinstance(y, (float, int)):
        return [float(y), *[0.0 for _ in leaves]]
    found = y if isinstance(y, list) else np.asarray(y).ravel().tolist() if isinstance(y, memoryview) else [y]
    flat = itertools.chain.from_iterable(x if isinstance(x, (list, tuple)) else [x] for x in found)
    return [x.data if isinstance(x, Value) else float(x) for x in flat]


def equal(got, expected):
    if isinstance(got, tuple) or isinstance(expected, tuple):
        return got == expected
    return len(got) == len(expected) and all(map(close, got, expected))


def agree(function, *columns, leaves=(W, B), compiled=None, kinds=("sum", "mean", "map"), **same):
    """Assert that batches of a compiled function give what its calls give, with the same gradients, twice."""
    compiled = compiled or am.compile(function)
    leaves = [*leaves, *{id(x): x for x in values_in([columns, list(same.values())])}.values()]
    for kind in (*kinds, *kinds):
        expected = outcome(lambda kind=kind: eager(kind, function, *columns, **same), leaves, 0.75)
        got = outcome(lambda kind=kind: getattr(compiled, kind)(*columns, **same), leaves, 0.75)
        assert equal(got, expected), f"{kind}: {got} is not {expected}"
    return compiled


def values_in(x):
    if isinstance(x, Value):
        return [x]
    if isinstance(x, np.ndarray):
        return values_in(x.ravel().tolist()) if x.dtype == object else []
    return [v for part in (x.values() if isinstance(x, dict) else x) for v in values_in(part)] if isinstance(
        x, (list, tuple, dict)
    ) else []  # fmt: skip


def uniform(n, seed=0):
    """n numbers between -2 and 3, so that every branch is taken."""
    numbers = random.Random(seed)
    return [numbers.uniform(-2.0, 3.0) for _ in range(n)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_size(function):
    compiled = am.compile(function)
    for n in SIZES:
        agree(function, uniform(n, n), uniform(n, -n), compiled=compiled, kinds=("sum", "mean", "map"))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("every", [1, 2, 5])
def test_values_among_the_inputs(function, every):
    shared = [Value(x) for x in uniform(3, 7)]
    for n in (1, 2, 7, 63, 64, 65, 130):
        x, y = uniform(n, n), uniform(n, -n)
        x[::every] = [shared[i % 3] if i % 2 else Value(x[i]) for i in range(0, n, every)]
        y[-1] = W
        agree(function, x, y)
        agree(function, x, x)


@settings(max_examples=150)
@given(functions(most=1), st.lists(st.lists(ORDINARY, min_size=2, max_size=2), min_size=1, max_size=9), st.booleans())
def test_random_functions(function, rows, recorded_before):
    one = lambda *x: function(*x) * W
    compiled = am.compile(one)
    rows = [[Value(x) for x in row] for row in rows]
    leaves = [W, *[x for x in function.captured if x.op == "leaf"]]
    if recorded_before:
        outcome(lambda: compiled(*rows[-1]), leaves)
    columns = [list(column) for column in zip(*rows, strict=True)]
    expected = outcome(lambda: eager("sum", one, *columns), [*leaves, *itertools.chain(*rows)])
    got = outcome(lambda: compiled.sum(*columns), [*leaves, *itertools.chain(*rows)])
    if isinstance(expected, tuple) or isinstance(got, tuple):
        assert isinstance(expected, tuple) == isinstance(got, tuple) and got[0] == expected[0]
    elif all(map(math.isfinite, expected)):
        assert equal(got, expected)


# Functions of vectors: neighbours, rows and runs, as lower.py makes them.

SMOOTH = ["tanh", "sigmoid", "sin", "cos", "softplus", "gelu", "erf", "atan", "asinh"]
PAIRS = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "maximum": am.maximum,
    "leaky_relu": am.leaky_relu,
}  # fmt: skip


class Vectors:
    """A function of numbers that does random things with slices of what it has so far."""

    def __init__(self, seed):
        numbers = random.Random(seed)
        self.captured = [Value(numbers.uniform(-1.5, 1.5)) for _ in range(numbers.randint(0, 8))]
        self.inputs = numbers.randint(1, 8)
        self.plan = [
            [numbers.random() for _ in range(6)] + [numbers.choice(SMOOTH), numbers.choice(list(PAIRS))]
            for _ in range(numbers.randint(1, 10))
        ]

    def __call__(self, *inputs):
        known = [*self.captured, *inputs]
        for what, start, other, long, which, threshold, smooth, pair in self.plan:
            n = min(1 + int(8 * long), len(known))
            a, b = (known[(k := int(at * (len(known) - n + 1))) : k + n] for at in (start, other))
            one = known[int(which * len(known))]
            match int(what * 9):
                case 0: known.append(am.dot(a, b))
                case 1: known.append(sum([x * y for x, y in zip(a, b, strict=True)], one))
                case 2: known += [PAIRS[pair](x, y) * 1.0 for x, y in zip(a, b, strict=True)]
                case 3: known += [getattr(am, smooth)(x) for x in a]
                case 4: known += [PAIRS[pair](x, one) for x in a]
                case 5: known += [PAIRS[pair](one, x) for x in a]
                case 6: known += [am.dot(known[i : i + 2], b[:2]) for i in range(min(4, len(known) - 1)) if n > 1]
                case 7: known.append([am.sum, am.mean, am.logsumexp, am.prod][int(4 * which)](a))
                case 8: known += am.softmax(a) if threshold < 0.5 else [one * 2.0] if one < threshold else []
            known[-1] = am.tanh(known[-1])
        return am.sum(known[-12:]) * known[-1] + known[0] * 1.0


def test_random_functions_of_vectors():
    wrong = []
    for seed in range(400):
        function = Vectors(seed)
        n = SIZES[seed * 7 % len(SIZES)] if seed % 3 else 1 + seed % 9
        columns = [uniform(n, (seed, k).__hash__()) for k in range(function.inputs)]
        columns[0] = [Value(x) if seed % 2 and i % 2 else x for i, x in enumerate(columns[0])]
        compiled = am.compile(function)
        leaves = [*function.captured, *values_in(columns)]
        expected = outcome(lambda f=function, c=columns: eager("sum", f, *c), leaves)
        got = [outcome(lambda f=compiled, c=columns: f.sum(*c), leaves)]
        got += [outcome(lambda f=compiled, c=columns: eager("sum", f, *c), leaves)]
        wrong += [seed for found in got if not equal(found, expected)]
    assert not wrong


# What columns can be.


def inner(x):
    return x[0] * W + x[1] * x[1] * B


def of_any(x):
    """Of a number, a list, a dict."""
    if isinstance(x, dict):
        return x["a"] * W
    if isinstance(x, (list, tuple, np.ndarray)):
        return sum([part * W for part in x], B)
    return x * B


def grid(n=6, m=2):
    return np.array(uniform(n * m)).reshape(n, m)


COLUMNS = {
    "a list of floats": (of_any, uniform(5)),
    "a tuple": (of_any, tuple(uniform(5))),
    "whole numbers": (of_any, [1, 2, 3, 2, 1]),
    "whole numbers and floats": (of_any, [1, 2.0, 3, 2.5, True]),
    "a range": (of_any, range(4)),
    "an array": (of_any, np.array(uniform(5))),
    "an array of float32": (lambda x: x * W, np.array(uniform(5), "f")),
    "an array of whole numbers": (of_any, np.arange(5)),
    "an array of uint8": (of_any, np.arange(5, dtype=np.uint8)),
    "an array with steps": (of_any, np.array(uniform(10))[::2]),
    "an array backwards": (of_any, np.array(uniform(10))[::-3]),
    "a matrix": (inner, grid()),
    "a matrix of whole numbers": (inner, np.arange(8).reshape(4, 2)),
    "a matrix of float32": (inner, grid().astype("f")),
    "a transposed matrix": (inner, grid(2, 6).T),
    "columns of a matrix": (inner, grid(6, 5)[:, 1:4:2]),
    "a matrix in Fortran's order": (inner, np.asfortranarray(grid())),
    "a cube": (lambda x: x[0, 1] * W + x[1, 0], np.array(uniform(24)).reshape(3, 2, 4)),
    "an array of objects": (of_any, np.array([1.0, Value(2.0), W, Value(3.0)], dtype=object)),
    "a matrix of objects": (inner, np.array([[1.0, Value(2.0)], [W, Value(3.0)]], dtype=object)),
    "an array.array": (of_any, array.array("d", uniform(5))),
    "an array.array of float32": (of_any, array.array("f", uniform(5))),
    "an array.array of whole numbers": (of_any, array.array("i", [1, 2, 3])),
    "a memoryview": (of_any, memoryview(array.array("d", uniform(5)))),
    "lists": (inner, grid().tolist()),
    "tuples": (inner, [tuple(row) for row in grid().tolist()]),
    "lists of Values": (inner, [[Value(x), y] for x, y in grid().tolist()]),
    "lists of one Value": (inner, [[W, B]] * 5),
    "lists and tuples": (inner, [[1.0, 2.0], (1.0, 2.0), [3, 4.0], [Value(1.0), 2.0]]),
    "lists of other lengths": (of_any, [[1.0], [2.0, 3.0], [], [4.0]]),
    "dicts": (of_any, [{"a": 1.0}, {"a": Value(2.0)}, {"a": 3}]),
    "of every kind": (of_any, [1.0, [1.0, 2.0], (Value(3.0),), {"a": 4.0}, 5, np.array([1.0, 2.0]), W, 2.0]),
    "numpy's numbers": (of_any, list(np.array(uniform(4)))),
    "one float": (of_any, [0.5]),
}  # fmt: skip
V = Value(0.25)
FAILING = {
    "a matrix of float32": "what NumPy computes with 24 bits is computed with 53",
}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=bug(FAILING[name]) if name in FAILING else ()) for name in COLUMNS
])  # fmt: skip
def test_columns(name):
    function, column = COLUMNS[name]
    agree(function, column, leaves=[W, B, V])
    agree(lambda x, y: function(x) * y, column, uniform(len(column)), leaves=[W, B, V])
    compiled = am.compile(function)
    compiled(column[len(column) - 1])
    agree(function, column, leaves=[W, B, V], compiled=compiled)


def test_arguments_by_name_are_the_same_for_all():
    def function(x, k=1.0, *, how="tanh", more=()):
        return getattr(x * k, how)() * W + sum(more)

    for n in (1, 5, 70):
        x = [Value(v) for v in uniform(n)]
        agree(function, x, k=2.0)
        agree(function, x, k=Value(2.0), how="exp")
        agree(function, x, uniform(n), how="sin", more=[Value(1.0), 2.0, W])


RESULTS = {
    "numbers": lambda x: x * W, "a list": lambda x: [x * W, x], "a tuple": lambda x: (x * W, B, 2.0),
    "a list of one": lambda x: [x * W], "constants": lambda x: 2.5, "whole numbers": lambda x: 3,
    "constants at times": lambda x: x * W if x > 0.0 else 0.0,
    "lists by branches": lambda x: [x, W] if x > 0 else [W, 1.0],
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_map(name):
    for n in (1, 6, 70):
        compiled = agree(RESULTS[name], [Value(x) for x in uniform(n)], kinds=["map"])
        found = np.asarray(compiled.map(uniform(n)))
        assert found.dtype == float and found.shape == ((n,) if name[:1] not in "al" else (n, found.size // n))


def test_map_needs_as_many_numbers_of_each():
    with pytest.raises(TypeError, match=r"gives \[1, 2\] numbers: map\(\) needs as many of each example"):
        am.compile(lambda x: [x, W] if x > 0 else x).map([1.0, -1.0])
    with pytest.raises(TypeError, match="needs a function that gives Values, not dict"):
        am.compile(lambda x: {"y": x * W}).map([1.0])


@pytest.mark.parametrize("function", [
    lambda x: [x * W], lambda x: {"y": x * W}, lambda x: (x * W, x), lambda x: None, lambda x: "a", lambda x: [],
    lambda x: (x * W,), lambda x: (x * W, 3.0),
])  # fmt: skip
def test_sums_need_one_value(function):
    for kind in ("sum", "mean"):
        with pytest.raises(TypeError, match="need one"):
            getattr(am.compile(function), kind)([1.0, 2.0])
        untouched()


@pytest.mark.parametrize("function", [lambda x: 2.5, lambda x: x * W if x > 0.0 else 0.0])
def test_sums_of_constants(function):
    agree(function, [Value(x) for x in (1.0, -1.0, 2.0)], kinds=["sum", "mean"])


BAD = {
    "nothing": ([], ValueError, "have [0] entries: give one for each example, at least 1"),
    "an empty array": (np.zeros((0, 3)), ValueError, "have [0] entries: give one for each example, at least 1"),
    "a set": ({1.0}, TypeError, "a column of a batch is a sequence with an entry for each example, not set"),
    "a frozenset": (frozenset([1.0]), TypeError, "is a sequence with an entry for each example, not frozenset"),
    "a str": ("ab", TypeError, "is a sequence with an entry for each example, not str"),
    "a dict": ({"a": 1.0}, TypeError, "not dict: {'a': 1.0}; give by name what is the same for all examples"),
    "a number": (1.0, TypeError, "not float: 1.0; give by name what is the same for all examples"),
    "a Value": (Value(1.0), TypeError, "not Value: Value(1, grad=0); give by name what is the same for all examples"),
    "None": (None, TypeError, "not NoneType: None; give by name what is the same for all examples"),
    "an iterator": (iter([1.0]), TypeError, "is a sequence with an entry for each example, not list_iterator"),
    "no array": (np.array(1.0), TypeError, "is a sequence with an entry for each example, not ndarray"),
}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=bug("it has len() but no length") if name == "no array" else ()) for name in BAD
])  # fmt: skip
def test_what_is_no_column(name):
    column, kind, said = BAD[name]
    for run in ("sum", "mean", "map"):
        with pytest.raises(kind) as error:
            getattr(am.compile(lambda x: x * W), run)(column)
        assert said in str(error.value)


@pytest.mark.parametrize("run", ["sum", "mean", "map"])
def test_columns_of_other_lengths(run):
    compiled = am.compile(lambda x, y: x * y)
    with pytest.raises(ValueError, match=r"the columns of a batch have \[2, 3\] entries: give one for each example"):
        getattr(compiled, run)([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="a batch needs at least one column of arguments"):
        getattr(compiled, run)()
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        getattr(compiled, run)([1.0])
    assert compiled.cache_info() == (0, 0, 0)


# Numbers that are not finite, and errors.


def logs(x):
    return x.log() * W if x > 0.5 else W / x


INFINITE = [math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 130])
@pytest.mark.parametrize("bad", [*INFINITE, [math.inf] * 2, [math.inf, math.nan]], ids=str)
def test_inf_and_nan(n, bad):
    bad = bad if isinstance(bad, list) else [bad]
    for place in {0, n // 2, n - 1}:
        numbers = [Value(x) for x in uniform(n)]
        numbers[place : place + len(bad)] = map(Value, bad)
        agree(lambda x: x * W + B, numbers)
        agree(lambda x: (x * W).tanh() if x > 0.0 else x.exp() * B, numbers)


def test_inf_and_minus_inf():
    agree(lambda x: x * W, [Value(x) for x in (1.0, math.inf, -math.inf)], kinds=["sum", "mean"])


def test_derivatives_that_are_not_finite():
    zero = Value(0.0)
    agree(lambda x: zero.sqrt() * x + W, [Value(x) for x in (2.0, -1.0)], leaves=[W, zero], kinds=["sum"])


@bug("floats overflow to inf, and their sum here does not")
def test_a_sum_of_floats_that_overflows():
    agree(lambda x: x * 1.0, [1e308, 1e308], kinds=["sum"])


@pytest.mark.parametrize("place", [0, 3, 69])
@pytest.mark.parametrize("known", [[], [1.0], [1.0, -1.0]])
@pytest.mark.parametrize("run", ["sum", "mean", "map"])
def test_an_example_that_raises(place, known, run):
    compiled = am.compile(logs)
    for x in known:
        compiled(Value(x))
    numbers = [Value(x if abs(x) > 0.1 else 1.0) for x in uniform(70)]
    numbers[place] = Value(0.0, label="the culprit")
    leaves = [W, B, *numbers]
    for leaf in leaves:
        leaf.grad = 0.25
    for _ in range(2):
        with pytest.raises(ZeroDivisionError) as error, no_grad():
            getattr(compiled, run)(numbers)
        with pytest.raises(ZeroDivisionError) as error:
            getattr(compiled, run)(numbers)
        assert str(error.value) == "division by zero: w / the culprit at w = 1.5, the culprit = 0"
        assert [leaf.grad for leaf in leaves] == [0.25] * len(leaves)
        untouched()
    numbers[place].data = 1.0
    agree(logs, numbers, compiled=compiled, leaves=[W])


@bug("examples are run by recordings: the error is that of another example than the first that fails")
def test_the_first_example_that_fails_raises():
    def function(x):
        return (x - 5.0).log() * W if x > 1.0 else 1.0 / x * W

    compiled = am.compile(function)
    compiled(Value(10.0))
    agree(function, [Value(0.0, "first"), Value(2.0, "second")], compiled=compiled)


def test_escapes_in_a_batch():
    compiled = am.compile(lambda x: x.data * W)
    for run in ("sum", "mean", "map"):
        with pytest.raises(RuntimeError, match=r"reading data .* inside a compiled function"):
            getattr(compiled, run)([Value(1.0), Value(2.0)])
        assert compiled.cache_info() == (0, 0, 0)
        untouched()


# Recordings, and no_grad().


def test_batches_and_calls_share_recordings():
    compiled = am.compile(branches)
    compiled.sum(uniform(20), uniform(20, 1))
    found = compiled.cache_info().currsize
    assert 2 <= found <= 4
    for x, y in zip(uniform(20), uniform(20, 1), strict=True):
        compiled(x, y)
    compiled.mean(np.array(uniform(20)), uniform(20, 1))
    assert compiled.cache_info().currsize == found
    for x, y in zip(uniform(20), uniform(20, 1), strict=True):
        compiled(Value(x), Value(y))
    compiled.mean([Value(x) for x in uniform(20)], [Value(y) for y in uniform(20, 1)])
    assert compiled.cache_info().currsize == 2 * found


@pytest.mark.parametrize("others", [[-1.0, -2.0], [math.inf, math.inf], [-1.0, math.nan], [math.nan]])
def test_a_recording_that_holds_for_no_example(others):
    function = lambda x: x * W if x > 0.0 else B - x
    compiled = agree(function, [Value(1.0), Value(2.0)])
    agree(function, [Value(x) for x in others], compiled=compiled)


def test_no_grad():
    for function in FUNCTIONS:
        compiled = am.compile(function)
        for n in (1, 5, 70):
            x, y = [Value(v) for v in uniform(n)], uniform(n, 1)
            for kind in ("sum", "mean"):
                with no_grad():
                    got, expected = getattr(compiled, kind)(x, y), eager(kind, function, x, y)
                assert (got.op, got.parents) == ("leaf", ()) and close(got.data, expected.data)
        agree(function, x, y, compiled=compiled)


def test_a_batch_of_floats_without_parameters_is_a_number():
    compiled = am.compile(plain)
    assert compiled.sum([1.0, 2.0], [3.0, 4.0]) == 12.0
    assert compiled.mean([1.0, 2.0], [3.0, 4.0]) == 6.0
    with no_grad():
        assert compiled.sum([1.0, 2.0], [3.0, 4.0]) == 12.0


def test_a_parameter_that_changes():
    compiled = am.compile(of_parameters)
    try:
        for data in (1.5, -2.0, 0.5, -3.0):
            W.data = data
            agree(of_parameters, uniform(70), uniform(70, 1), compiled=compiled)
    finally:
        W.data = 1.5
    assert compiled.cache_info().currsize == 2


def test_a_batch_is_an_operand_like_any():
    compiled = am.compile(branches)
    x = [Value(v) for v in uniform(10)]
    agree(lambda k: (compiled.mean(x, uniform(10, 1)) * k).tanh() + W, [1.0, 2.0], leaves=[W, B, *x])
    agree(lambda k: compiled.mean([k, W], [B, 1.0]) * k, [1.0, 2.0])


# Threads, processes.


class Here(Executor):
    """Runs everything at once, and says nothing of how many workers there are."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture(params=["1 thread", "2 threads", "3 threads", "8 threads", "2 processes", "here"])
def executor(request):
    number, _, kind = request.param.partition(" ")
    if kind == "processes":
        yield request.getfixturevalue("processes")
    elif number == "here":
        yield Here()
    else:
        with ThreadPoolExecutor(int(number)) as threads:
            yield threads


@pytest.mark.parametrize("n", [1, 2, 7, 64, 130, 1000])
def test_executors_give_the_same(executor, n):
    x, y = uniform(n), uniform(n, 1)
    x[::3] = [Value(v) for v in x[::3]]
    leaves = [W, B, *values_in(x)]
    for function in (branches, sums, of_parameters):
        compiled = am.compile(function)
        for run in (compiled.sum, compiled.mean, compiled.map):
            here, there = (outcome(lambda run=run, e=e: run(x, y, executor=e), leaves) for e in (None, executor))
            assert len(here) == len(there)
            assert all(abs(a - b) <= 1e-12 * max(1.0, abs(a), n) for a, b in zip(here, there, strict=True))


class Counting(Here):
    """Runs everything at once, and counts the examples of each part."""

    def __init__(self):
        self.sizes = []

    def submit(self, function, /, *args):
        self.sizes.append(args[3])
        return super().submit(function, *args)


@pytest.mark.parametrize("kind", ["sum", "mean", "map"])
@pytest.mark.parametrize("n, parts, sizes", [(7, 1, [7]), (7, 3, [3, 3, 1]), (7, 7, [1] * 7), (2, 1000, [1, 1])])
def test_parts(kind, n, parts, sizes):
    executor, run = Counting(), getattr(am.compile(plain), kind)
    got = run(uniform(n), uniform(n, 1), executor=executor, parts=parts)
    assert equal(outcome(lambda: got, []), outcome(lambda: run(uniform(n), uniform(n, 1)), []))
    assert executor.sizes == sizes
    for wrong in (0, -1):
        with pytest.raises(ValueError, match=f"at least 1 part, not {wrong}"):
            run(uniform(n), uniform(n, 1), executor=executor, parts=wrong)


def test_after_an_error_no_other_part_is_begun():
    futures = []

    class Broken(Executor):
        def submit(self, function, /, *args):
            futures.append(Future())
            if len(futures) == 2:
                futures[0].set_result(function(*args))
                futures[1].set_exception(MemoryError("no room"))
            return futures[-1]

    with pytest.raises(MemoryError, match="no room"):
        am.compile(plain).sum(uniform(8), uniform(8, 1), executor=Broken(), parts=4)
    assert [future.cancelled() for future in futures] == [False, False, True, True]


def test_executors_find_the_same_errors(executor):
    numbers = [Value(x if abs(x) > 0.1 else 1.0) for x in uniform(70)]
    numbers[33] = Value(0.0, label="the culprit")
    with pytest.raises(ZeroDivisionError, match="division by zero: w / the culprit"):
        am.compile(logs).sum(numbers, executor=executor)
    numbers[33] = Value(math.inf)
    assert am.compile(logs).sum(numbers, executor=executor).data == math.inf


@pytest.mark.parametrize("threads", [2, 8])
def test_many_threads_at_once(threads):
    """All record and replay the same function: each must get its own numbers."""
    rows = list(zip(uniform(60), uniform(60, 1), strict=True))
    expected = [branches(Value(x), Value(y)) for x, y in rows]
    total, slopes = am.sum(expected).data, []
    for (x, y), _ in zip(rows, expected, strict=True):
        a = Value(x)
        branches(a, Value(y)).backward()
        slopes.append(a.grad)
    compiled, start = am.compile(branches), threading.Barrier(threads)

    def one_by_one():
        start.wait(10.0)
        found = []
        for x, y in rows:
            a = Value(x)
            z = compiled(a, Value(y))
            (derivative,) = [slope for v, slope in zip(z.parents, z.local_derivatives, strict=True) if v is a]
            found += [(z.data, derivative)]
        return found

    def together():
        start.wait(10.0)
        return [compiled.sum(*zip(*rows, strict=True)).data for _ in range(5)]

    with ThreadPoolExecutor(threads) as pool:
        for found in [pool.submit(one_by_one) for _ in range(threads)]:
            for (z, slope), y, by_x in zip(found.result(), expected, slopes, strict=True):
                assert close(z, y.data) and close(slope, by_x)
        compiled.cache_clear()
        for found in [pool.submit(together) for _ in range(threads)]:
            assert all(close(x, total) for x in found.result())
    untouched()


def test_threads_that_record_and_threads_that_do_not():
    stop, wrong = threading.Event(), []

    def ordinary():
        while not stop.is_set():
            v = Value(3.0)
            y = v * v
            if y.data != 9.0 or f"{y:.0f}" != "9" or y.parents != (v, v):
                wrong.append(y)

    def under_no_grad():
        with no_grad():
            while not stop.is_set():
                if (Value(3.0) * 2.0).op != "leaf":
                    wrong.append("recorded")

    helpers = [threading.Thread(target=work) for work in (ordinary, under_no_grad)]
    for helper in helpers:
        helper.start()
    try:
        for k in range(50):
            agree(lambda x, k=k: (x * W).tanh() * k, uniform(9))
    finally:
        stop.set()
        for helper in helpers:
            helper.join()
    assert not wrong


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 9, 11, 16, 30, 64])
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 9])
def test_matrices_of_all_sizes(n, rows):
    network = am.nn.MLP(n, [rows, 2], activation="tanh", seed=n)
    for examples in (1, 2, 7, 20, 70):
        X = [uniform(n, seed=k) for k in range(examples)]
        agree(lambda x: am.sum(network(x)), X, leaves=network.parameters(), kinds=("mean",))


MATRIX = [[Value(math.sin(7.0 * i + j)) for j in range(6)] for i in range(9)]
STRIDES = {
    "rows": lambda x: [am.dot(row, x[:6]) for row in MATRIX],
    "columns": lambda x: [am.dot([row[j] for row in MATRIX], x) for j in range(6)],
    "columns from the end": lambda x: [am.dot([row[j] for row in MATRIX[::-1]], x[::-1]) for j in range(6)],
    "columns, against the order": lambda x: [am.dot([row[j] for row in MATRIX[::-1]], x) for j in range(6)],
    "every second": lambda x: [am.dot(row[::2], x[1:7:2]) for row in MATRIX],
    "both of columns": lambda x: [am.dot([row[j] for row in MATRIX], [row[j + 1] for row in MATRIX]) for j in range(5)],
    "of inputs alone": lambda x: [am.dot(x[k : k + 3], x[8 - k : 5 - k : -1]) for k in range(4)],
    "of one slot again and again": lambda x: [am.dot([x[0]] * 4, x[k : k + 4]) for k in range(4)],
    "with a start": lambda x: [am.dot([row[j] for row in MATRIX], x) + x[j] for j in range(6)],
    "one dot both ways": lambda x: [
        am.dot(MATRIX[0], x[:6]), am.dot(MATRIX[0][::-1], x[5::-1]), am.dot(MATRIX[0][::-1], x[:6]),
        am.dot(MATRIX[0][4::-2], x[4::-2]), am.dot(x[5::-1], MATRIX[0][::-1]), am.dot(x[5::-1], x[8:2:-1]),
    ],
    "there and back": lambda x: [
        am.dot(row, [am.tanh(am.dot([other[j] for other in MATRIX], x)) for j in range(6)]) for row in MATRIX
    ],
}  # fmt: skip


@pytest.mark.parametrize("examples", [1, 2, 20, 70])
@pytest.mark.parametrize("name", STRIDES)
def test_strides(name, examples):
    """Factors that lie apart by one step, forward or back, of one example and of many, given as numbers and Values."""
    leaves = [w for row in MATRIX for w in row]
    function = STRIDES[name]
    X = [uniform(9, seed=k) for k in range(examples)]
    for column in (X, [[Value(a) for a in x] for x in X]):
        agree(lambda x: am.sum([y * y for y in function(x)]), column, leaves=leaves, kinds=("mean",))
        agree(function, column, leaves=leaves, kinds=("map",))
    for x in (X[0], [Value(a) for a in X[0]]):
        expected = outcome(lambda x=x: am.sum(function(x)), leaves, 0.75)
        assert equal(outcome(lambda x=x: am.compile(lambda x: am.sum(function(x)))(x), leaves, 0.75), expected)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_rows_of_another_length_are_recorded_again(kind):
    compiled = am.compile(lambda x: am.sum([a * (k + 1.0) for k, a in enumerate(x)]))
    for n in (2, 3, 2, 1, 4):
        column = [kind(uniform(n, seed=k)) for k in range(3)]
        assert compiled.sum(column) == pytest.approx(sum([a * (k + 1.0) for x in column for k, a in enumerate(x)]))
    assert compiled.cache_info().misses == 4


def test_a_list_where_one_value_is_needed_is_called_so():
    with pytest.raises(TypeError, match=r"gives a list: sum\(\) and mean\(\) need one Value"):
        am.compile(lambda x: [x * 2.0]).mean([1.0, 2.0])


# Memory.


def test_batches_leave_no_blocks_behind():
    compiled = am.compile(branches)
    x, y = uniform(130), [Value(v) for v in uniform(130, 1)]

    def use():
        compiled.sum(x, y).backward()
        compiled.mean(x, x)
        compiled.map(x, y)
        with no_grad():
            compiled.sum(x, y)
        with pytest.raises(ZeroDivisionError):
            am.compile(lambda x: 1.0 / x).sum([Value(0.0), Value(1.0)])

    assert not leaks(use, rounds=100 if am.COMPILED else 20)


@pytest.mark.parametrize("xs", [[1.0, 2.0], [0.0, 4.0], [4.0, 0.0, 1.0]])
def test_gradients_that_are_not_finite_are_added_once(xs):
    w, v = Value(0.0), Value(1.0)
    agree(lambda x: am.sqrt(x) * v + am.sqrt(w) * x, [Value(x) for x in xs], leaves=[w, v], kinds=["sum"])


def test_a_constant_is_added_up_too():
    assert am.compile(lambda x: 3.0).sum([1.0, 2.0]) == 6.0
    assert am.compile(lambda x: 3.0 if x > 1.5 else x).mean([1.0, 2.0]) == 2.0


def test_the_warning_of_many_recordings_points_to_the_line_that_led_there():
    compiled = am.compile(lambda x, n: x * n * W)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        compiled.mean([1.0] * 40, list(range(40)))
    assert [(w.category, w.filename) for w in said] == [(RuntimeWarning, __file__)]
