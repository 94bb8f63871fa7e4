"""Programs as C99 and in JAX: they give what the function gives, value and every gradient."""

from __future__ import annotations

import ast
import ctypes
import math
import shutil
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given, settings

import autograd_mini as am
from autograd_mini import Value, c99, calculus, cases, nn
from autograd_mini.ops import TABLE
from autograd_mini.value import apply
from tests.conftest import PACKAGE
from tests.test_compile import Steps, functions
from tests.test_rules import at_every_sample, kinks, variables

STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O0")


def recorded(function, args):
    """The program of a function that is called with args, and the Values from outside that it reads."""
    compiled = am.compile(function, index=getattr(function, "index", ()))
    compiled(*args)
    (recording,) = [one for many in compiled.recordings.values() for one in many]
    return recording.program, recording.captured


def flat(args):
    """The numbers that vary among arguments, as Values and floats."""
    return [x for arg in args for x in (flat(arg) if isinstance(arg, list) else [arg])]


def numbers(values):
    return [x.data if isinstance(x, Value) else float(x) for x in values]


def eager(function, args, captured):
    """What a function of Values gives without compile(): its outputs, and of each the gradients by all that varies."""
    args = with_values(args)
    results = function(*args)
    found = [], [], []
    for y in results if isinstance(results, list) else [results]:
        if isinstance(y, Value):
            for x in (*flat(args), *captured):
                if isinstance(x, Value):
                    x.grad = 0.0
            y.backward()
            found[0].append(y.data)
            found[1].append([x.grad if isinstance(x, Value) else 0.0 for x in flat(args)])
            found[2].append([x.grad for x in captured])
    return found


def with_values(args):
    """Arguments with new Values for Values and floats."""
    return [with_values(x) if isinstance(x, list) else x if isinstance(x, int) else Value(*numbers([x])) for x in args]


@pytest.fixture(scope="module")
def cc():
    """A C compiler."""
    found = shutil.which("cc")
    if found is None:
        pytest.skip("no cc on PATH")
    return found


def built(cc, text, name="f"):
    """The function in a file of C."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "f.c")
        path.write_text(text)
        subprocess.run([cc, *STRICT, "-shared", "-fPIC", path, "-o", path.with_suffix(".so"), "-lm"], check=True)
        return getattr(ctypes.CDLL(str(path.with_suffix(".so"))), name)


def in_c(function, n_outputs, inputs, parameters, wants=(True, True)):
    """The status of a call, and its outputs and gradients as eager() gives them."""
    sizes = len(inputs), len(parameters)
    given = [(ctypes.c_double * (n + 1))(*x) for n, x in zip(sizes, (inputs, parameters), strict=True)]
    received = [(ctypes.c_double * (n_outputs * n + 1))(*[math.inf] * n_outputs * n) for n in (1, *sizes)]
    gradients = [x if wanted else None for x, wanted in zip(received[1:], wants, strict=True)]
    status = function(*given, received[0], *gradients)
    assert [x[-1] for x in received] == [0.0] * 3, "it wrote behind the end"
    split = [[x[k * n : k * n + n] for k in range(n_outputs)] for x, n in zip(received[1:], sizes, strict=True)]
    return status, (received[0][:n_outputs], *split)


def in_jax(jax, function, inputs, parameters):
    """The outputs of a function of JAX and its gradients, as eager() gives them."""
    given = jax.numpy.array(inputs, float), jax.numpy.array(parameters, float)
    outputs = jax.jit(function)(*given)
    by_inputs, by_parameters = jax.jit(jax.jacrev(function, (0, 1)))(*given)
    return outputs.tolist(), by_inputs.tolist(), by_parameters.tolist()


@pytest.fixture(scope="module")
def jax():
    """JAX in double precision."""
    found = pytest.importorskip("jax")
    with found.enable_x64(True):
        yield found


def near(got, expected, tolerance=1e-12):
    """Whether two nested lists of numbers are the same to that relative tolerance."""
    if isinstance(expected, (list, tuple)):
        return len(got) == len(expected) and all(near(x, y, tolerance) for x, y in zip(got, expected, strict=True))
    return math.isclose(got, expected, rel_tol=tolerance, abs_tol=1e-300) or (got != got and expected != expected)


def agree(cc, function, args, *others, tolerance=1e-12):
    """Assert that the C of a function gives what it gives, for the arguments it is recorded with and for others."""
    program, captured = recorded(function, args)
    built_one = built(cc, program.to_c("f"))
    for point in (args, *others):
        expected = eager(function, point, captured)
        status, got = in_c(built_one, len(expected[0]), numbers(flat(point)), numbers(captured))
        for row in (*got[1], *expected[1]):
            row[:] = [x for x, was in zip(row, flat(args), strict=True) if not isinstance(was, float)]
        assert status == 0 and near(got, expected, tolerance), (got, expected)
    return program


def agree_in_jax(jax, function, args, *others, tolerance=1e-12):
    """Assert that the JAX of a function gives what it gives."""
    program, captured = recorded(function, args)
    for point in (args, *others):
        expected = eager(function, point, captured)
        got = in_jax(jax, program.to_jax(), numbers(flat(point)), numbers(captured))
        assert near(got, expected, tolerance), (got, expected)


# Every primitive.


def primitive(op, sample):
    """The function of a row, and its operands: Values, and numbers where there is no derivative."""
    by = variables(op, sample)
    function = lambda *x: apply(op, *[x[by.index(i)] if i in by else sample[i] for i in range(len(sample))])
    return function, [Value(sample[i]) for i in by]


@at_every_sample
def test_every_primitive_in_c(cc, op, sample):
    function, operands = primitive(op, sample)
    agree(cc, function, operands)


@at_every_sample
def test_every_primitive_in_jax(jax, op, sample):
    function, operands = primitive(op, sample)
    agree_in_jax(jax, function, operands)


FINITE = [case for case in kinks if all(map(math.isfinite, case.values[1]))]
at_kinks = pytest.mark.parametrize(("op", "operands"), FINITE)


def at_kink(op, operands):
    """A function that is recorded beside a kink, the operands there, and what it gives there."""
    function, given = primitive(op, operands)
    for shift in (0.25, -0.25):
        try:
            program, _ = recorded(function, [Value(given[0].data + shift), *given[1:]])
        except ValueError:  # outside the domain
            continue
        return program, numbers(given), eager(function, given, ())


@at_kinks
def test_kinks_in_c(cc, op, operands):
    program, given, expected = at_kink(op, operands)
    status, got = in_c(built(cc, program.to_c("f")), 1, given, ())
    assert status == (0 if all(map(math.isfinite, leaves(expected))) else 2)
    assert status == 2 or near(got, expected)


@at_kinks
def test_kinks_in_jax(jax, op, operands):
    program, given, expected = at_kink(op, operands)
    assert near(in_jax(jax, program.to_jax(), given, ()), expected)


# Random programs.


def random_case(function):
    """A random program, its numbers, and what its function gives, where that is finite."""
    function = Steps(function.steps, [Value(x.data) for x in function.captured], function.results)
    args = [Value(0.3), Value(-1.7)]
    try:
        expected = eager(function, args, function.captured)
        assume(expected[0] and all(map(math.isfinite, leaves(expected))))
    except (ArithmeticError, ValueError):
        assume(False)
    program, captured = recorded(function, args)
    return program, numbers(args), numbers(captured), eager(function, args, captured)


def nearly(got, expected):
    """Whether numbers are the same but for the order of sums."""
    pairs = zip(leaves(got), leaves(expected), strict=True)
    return all([abs(x - y) <= 1e-9 * max(1.0, abs(y)) for x, y in pairs])


@settings(max_examples=40)
@given(functions())
def test_random_programs_in_c(cc, function):
    program, inputs, parameters, expected = random_case(function)
    status, got = in_c(built(cc, program.to_c("f")), len(expected[0]), inputs, parameters)
    assert status == 0 and nearly(got, expected)


@settings(max_examples=15)
@given(functions())
def test_random_programs_in_jax(jax, function):
    program, inputs, parameters, expected = random_case(function)
    with jax.disable_jit():
        assert nearly(in_jax(jax, program.to_jax(), inputs, parameters), expected)


def leaves(x):
    """The numbers in nested lists."""
    return [y for part in x for y in leaves(part)] if isinstance(x, (list, tuple)) else [x]


# Whole functions.

W = [[Value(math.sin(5 * i + j)) for j in range(4)] for i in range(6)]


def mlp():
    model = nn.MLP(3, [5, 4, 2], activation="tanh", seed=1)
    return lambda x: sum([(y - 0.5) ** 2 for y in model(x)])


def transformer(i, j):
    """One head of attention over two tokens, a layer, and the loss of the class 1."""
    tokens = [am.take(W, i), am.take(W, j)]
    scores = [[am.dot(q, k) * 0.5 for k in tokens] for q in tokens]
    mixed = [[am.dot(row, column) for column in zip(*tokens, strict=True)] for row in map(am.softmax, scores)]
    hidden = [x.gelu() + y for x, y in zip(mixed[0], mixed[1], strict=True)]
    size = am.sqrt(am.mean([x * x for x in hidden]) + 1e-5)
    logits = [am.dot([x / size for x in hidden], row) for row in W[:3]]
    return am.logsumexp(logits) - logits[1]


transformer.index = ("i", "j")


def branches(x, y):
    if x > y:
        return x.exp() * W[0][0] if y != 0.0 else x
    return am.lgamma(y) + (am.digamma(x, 1) if x <= 0.25 else y)


V = Value
WHOLE = {
    "an MLP": (mlp(), [[V(0.3), V(-0.7), V(1.1)]], [[V(1.3), V(0.7), V(0.1)]]),
    "a transformer": (transformer, [2, 5], [0, 1], [-1, 3], [4, 4]),
    "guards": (branches, [V(2.0), V(1.0)], [V(3.0), V(2.5)]),
    "other guards": (branches, [V(0.2), V(1.0)], [V(0.1), V(2.5)]),
    "several outputs": (lambda x, y: [x * y, x, W[0][0], x.tanh() + y, 2.0, x], [V(2.0), V(1.0)], [V(0.3), V(2.5)]),
    "floats": (lambda x, y: [x * y, x * x], [2.0, V(1.0)], [0.5, V(2.0)]),
    "no inputs": (lambda: W[0][0] * W[0][1], []),
    "rows of sums": (lambda x: [am.dot(row, x) + b for row, b in zip(W, W[0] + W[1], strict=False)],
                     [[V(0.3), V(-0.7), V(1.1), V(2.0)]]),
    "sums of neighbours": (lambda x: [am.sum(x), am.sum(x[1:]), am.sum([x[0], x[2], x[3], W[1][1]]) * x[0]],
                           [[V(0.3), V(-0.7), V(1.1), V(2.0)]]),
    "many of each": (lambda x: [am.prod(x), am.mean(x), am.logsumexp(x * 9), am.dist(x[:2], x[2:]),
                                x[0].clip(x[1], x[2])],
                     [[V(0.3), V(-0.7), V(1.1), V(2.0)]]),
}  # fmt: skip
whole = pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE)


@whole
def test_whole_functions_in_c(cc, case):
    agree(cc, *case)


@whole
def test_whole_functions_in_jax(jax, case):
    agree_in_jax(jax, *case)


def test_a_program_whose_numbers_do_not_fit_on_the_stack(cc):
    xs = [V(math.sin(i)) for i in range(9000)]
    program = agree(cc, lambda x: am.sum([(a * b).tanh() for a, b in pairwise(x)]), [xs], tolerance=1e-11)
    assert "malloc" in program.to_c("f")


# Where a program does not hold.


@pytest.mark.parametrize("wants", [(True, False), (False, True), (False, False)])
def test_gradients_that_are_not_wanted(cc, wants):
    program, captured = recorded(lambda x: x * W[0][1], [V(2.0)])
    status, got = in_c(built(cc, program.to_c("f")), 1, [3.0], numbers(captured), wants)
    expected = [3.0 * W[0][1].data], [[W[0][1].data if wants[0] else math.inf]], [[3.0 if wants[1] else math.inf]]
    assert (status, got) == (0, expected)


def index_function(i):
    return am.take(W[0], i) * 2.0


index_function.index = "i"
ENDS = [
    (lambda x: x * 2.0 if x > 1.0 else x, [V(2.0)], [1.0], 1),
    (lambda x: x * 2.0 if x > 1.0 else x, [V(0.5)], [1.5], 1),
    (lambda x: 1.0 / x, [V(2.0)], [0.0], 2),
    (lambda x: am.sqrt(x), [V(2.0)], [0.0], 2),
    (lambda x: am.log(x), [V(2.0)], [-1.0], 2),
    (index_function, [0], [4.0], 2),
    (index_function, [0], [-5.0], 2),
    (lambda x: x, [V(2.0)], [math.nan], 2),
]


@pytest.mark.parametrize(("function", "args", "inputs", "status"), ENDS)
def test_ends(cc, function, args, inputs, status):
    program, captured = recorded(function, args)
    assert in_c(built(cc, program.to_c("f")), 1, inputs, numbers(captured))[0] == status


@pytest.mark.parametrize(("function", "args", "inputs"), [end[:3] for end in ENDS if end[3] == 1])
def test_a_guard_that_does_not_hold_gives_nan(jax, function, args, inputs):
    program, captured = recorded(function, args)
    for found in in_jax(jax, program.to_jax(), inputs, numbers(captured))[:2]:
        assert all(map(math.isnan, leaves(found)))


@pytest.mark.parametrize("i", [4.0, -5.0])
def test_an_index_out_of_range_gives_nan(jax, i):
    program, captured = recorded(index_function, [0])
    assert math.isnan(program.to_jax()([i], numbers(captured))[0])


# Names, errors, and what the two read.


@pytest.mark.parametrize("name", ["", "2x", "a b", "tanh", "double", "m", "while", "both", "tanh_value", "é", "f;"])
def test_names_that_cannot_be(name):
    program, _ = recorded(lambda x: x.tanh(), [V(2.0)])
    with pytest.raises(ValueError, match="cannot be the name"):
        program.to_c(name)


@pytest.mark.parametrize("label", ["*/ int x;", "a\\\nb", "w[3]", "/* ", "??/"])
def test_labels_are_comments(cc, label):
    def function(x):
        y = x.tanh()
        y.label = label
        return y * 2.0

    text = agree(cc, function, [V(2.0)]).to_c("f")
    assert "/* w?3? */" in text or label != "w[3]"


def test_jax_in_single_precision_is_refused(jax):
    program, _ = recorded(lambda x: x.tanh(), [V(2.0)])
    with jax.enable_x64(False), pytest.raises(RuntimeError, match="jax_enable_x64"):
        program.to_jax()([2.0])


def test_jax_says_how_many_numbers_it_takes(jax):
    program, _ = recorded(lambda x, y: x * y, [V(2.0), V(3.0)])
    with pytest.raises(ValueError, match="inputs is a list of 2 numbers, not of shape"):
        program.to_jax()([2.0])


def test_examples_side_by_side_in_jax(jax):
    program, captured = recorded(branches, [V(2.0), V(1.0)])
    inputs = [[2.0, 1.0], [1.0, 2.0], [4.0, 0.5]]
    found = jax.vmap(program.to_jax(), (0, None))(jax.numpy.array(inputs), numbers(captured))[:, 0].tolist()
    assert near(found, [math.exp(x) * W[0][0].data if x > y else math.nan for x, y in inputs])


def test_second_derivatives_in_jax(jax):
    program, _ = recorded(lambda x: x.tanh() * x, [V(0.5)])
    second = jax.grad(jax.grad(lambda x: program.to_jax()([x])[0]))(0.5)
    t = math.tanh(0.5)
    assert near(float(second), 2 * (1 - t * t) - 2 * 0.5 * t * (1 - t * t))


@pytest.mark.parametrize("text", ["x = [1]", "for i in a: pass", "return x @ y", "assert x"])
def test_what_c_has_no_form_for_is_refused(text):
    function = ast.parse(f"def f(x, y):\n    {text}").body[0]
    with pytest.raises(NotImplementedError, match="no form in C yet"):
        c99.Definitions().define("f", function, function.args.args, function.body)


@pytest.mark.parametrize("file", ["rules.py", "special.py"])
def test_with_both_ways_of_known_conditions_nothing_changes(file):
    both = cases.loaded(PACKAGE / file, lambda condition, yes, no: yes() if condition else no())
    if file == "special.py":
        assert [both.digamma(x, n) for x, n in SPECIAL] == [am.digamma(x, n) for x, n in SPECIAL]
        return
    for op, row in enumerate(TABLE):
        for sample in row.samples:
            y = apply(op, *sample)
            assert calculus.value(op, sample, both) == pytest.approx(y, rel=1e-14)  # gamma is CPython's
            for i in variables(op, sample):
                assert calculus.slope(op, sample, y, i, both) == calculus.slope(op, sample, y, i)


SPECIAL = [(0.3, 0.0), (1.5, 1.0), (-1.6, 0.0), (-2.3, 1.0)]
