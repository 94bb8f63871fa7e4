"""The calculus: every row of the table against mpmath, differences, PyTorch, and itself compiled and uncompiled."""

from __future__ import annotations

import importlib.util
import itertools
import json
import math
import operator
import os
import subprocess
import sys

import mpmath
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Value, ops
from autograd_mini.ops import MANY, TABLE
from autograd_mini.value import apply
from tests.conftest import PACKAGE

INF, NAN = math.inf, math.nan
mp = mpmath.MPContext()  # of its own, so that no other user of mpmath changes the precision
mp.dps = 50

# The definition of each primitive in textbook form, for the names that mpmath lacks or uses for something else.
DEFINITIONS = {
    "add": operator.add,
    "mul": operator.mul,
    "sub": operator.sub,
    "div": operator.truediv,
    "neg": operator.neg,
    "pow": operator.pow,
    "abs": abs,
    "relu": lambda a: max(a, mp.zero),
    "sigmoid": lambda a: 1 / (1 + mp.exp(-a)),
    "exp2": lambda a: mp.mpf(2) ** a,
    "log2": lambda a: mp.log(a) / mp.log(2),
    "cbrt": lambda a: mp.cbrt(a) if a > 0 else -mp.cbrt(-a),
    "lgamma": lambda a: mp.log(abs(mp.gamma(a))),
    "digamma": lambda a, n: mp.psi(int(n), a),
    "fmod": lambda a, b: a - b * int(a / b),
    "remainder": lambda a, b: a - b * mp.nint(a / b),
    "copysign": lambda a, b: abs(a) if b > 0 else -abs(a),
    "maximum": max,
    "minimum": min,
    "leaky_relu": lambda a, b: a if a > 0 else a * b,
    "elu": lambda a, b: a if a > 0 else b * (mp.exp(a) - 1),
    "softplus": lambda a: mp.log(1 + mp.exp(a)),
    "log_sigmoid": lambda a: -mp.log(1 + mp.exp(-a)),
    "silu": lambda a: a / (1 + mp.exp(-a)),
    "gelu": lambda a: a * mp.ncdf(a),
    "softmax": lambda a, b: mp.exp(a) / mp.exp(b),
    "sum": lambda *a: mp.fsum(a),
    "dot": lambda *a: mp.fdot(zip(a[: len(a) // 2], a[len(a) // 2 :], strict=True)),
    "mean": lambda *a: mp.fsum(a) / len(a),
    "prod": lambda *a: mp.fprod(a),
    "dist": lambda *a: mp.norm([p - q for p, q in zip(a[: len(a) // 2], a[len(a) // 2 :], strict=True)]),
    "logsumexp": lambda *a: mp.log(mp.fsum([mp.exp(x) for x in a])),
    "where": lambda condition, a, b: a if condition > 0.5 else b,  # 0 or 1: flat around both
    "clip": lambda a, low, high: min(max(a, low), high),
}
NOT_DIFFERENTIABLE = {("digamma", 1)}  # an operand that has to be a constant


def plain_rules():
    """rules.py as a Python module, also where the package runs compiled."""
    spec = importlib.util.spec_from_file_location("plain_rules", PACKAGE / "rules.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rules = plain_rules()


class Exact:
    """A number of 50 digits, with the operators and methods that the rules ask of an operand."""

    def __init__(self, x):
        self.x = x.x if isinstance(x, Exact) else mp.mpf(x)

    def __getattr__(self, name):
        function = DEFINITIONS.get(name) or getattr(mp, name)
        return lambda *others: Exact(function(self.x, *[Exact(other).x for other in others]))

    def __neg__(self):
        return Exact(-self.x)

    def __abs__(self):
        return Exact(abs(self.x))


def exactly(function, turned=False):
    """The operator as a method of Exact; turned, for an operand on the right."""

    def method(a, b):
        x, z = Exact(a).x, Exact(b).x
        y = function(z, x) if turned else function(x, z)
        return y if isinstance(y, bool) else Exact(y)

    return method


for name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Exact, f"__{name}__", exactly(getattr(operator, name)))
    setattr(Exact, f"__r{name}__", exactly(getattr(operator, name), turned=True))
for name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Exact, f"__{name}__", exactly(getattr(operator, name)))


def exact(op, *operands):
    """op(*operands) to 50 digits: by definition, else by mpmath's function of that name, else by the rule itself."""
    name = TABLE[op].name
    function = DEFINITIONS.get(name) or getattr(mp, name, None)
    if function is not None:
        return function(*[mp.mpf(x) for x in operands])
    return run(rules, op, [Exact(x) for x in operands]).x


def run(module, op, operands):
    """The value rule of a row on operands of any kind."""
    if TABLE[op].arity == MANY:
        return module.value_of_many(op, operands, len(operands))
    return module.value(op, *operands, *[0.0] * (2 - len(operands)))


def slope(module, op, operands, y, i):
    """The rule of the local derivative by operand i, on operands of any kind."""
    if TABLE[op].arity == MANY:
        return module.slope_of_many(op, operands, len(operands), y, i)
    rule = (module.slope_a, module.slope_b)[i]
    return rule(op, *operands, *[0.0] * (2 - len(operands)), y)


def derivative(op, operands, *by):
    """The exact derivative of a row by the operands numbered in `by`; one that is named twice, twice."""
    orders = tuple([by.count(i) for i in range(len(operands))])
    return mp.diff(lambda *x: exact(op, *x), tuple(operands), orders)


def data_of(x):
    """The number in a Value, or x itself."""
    return x.data if isinstance(x, Value) else x


def variables(op, operands):
    """The numbers of the operands that the row is differentiable by."""
    return [i for i in range(len(operands)) if (TABLE[op].name, i) not in NOT_DIFFERENTIABLE]


def values(op, operands):
    """The operands as Values, where the row is differentiable by them."""
    return [Value(x) if i in variables(op, operands) else x for i, x in enumerate(operands)]


def near(got, expected, tolerance=1e-13, unit=0.0):
    """Whether a float is an exact number, up to a part in that or in the unit; what is 0 leaves 1e-30 in mp.diff."""
    return abs(mp.mpf(got) - expected) <= tolerance * max(abs(expected), unit) + mp.mpf("1e-30")


POINTS = [
    pytest.param(op, sample, id=f"{row.name}{sample}".replace(" ", ""))
    for op, row in enumerate(TABLE)
    for sample in row.samples
]


at_every_sample = pytest.mark.parametrize(("op", "sample"), POINTS)
small = st.floats(-0.01, 0.01)


PRIMITIVES = [pytest.param(op, id=row.name) for op, row in enumerate(TABLE) if row.samples]
every_row = pytest.mark.parametrize("op", PRIMITIVES)


def near_every_sample(test):
    """The test at every sample, and at points that hypothesis finds within one per cent of it."""
    test = settings(max_examples=8)(given(shift=st.tuples(small, small))(example(shift=(0.0, 0.0))(test)))
    return at_every_sample(test)


def shifted(op, sample, shift):
    """A point near the sample, with the operands that must be constants as they were."""
    return [x * (1.0 + shift[i % 2]) if i in variables(op, sample) else x for i, x in enumerate(sample)]


# The value and the local derivatives, by independent routes. The worst relative errors seen are 6e-15 for values
# (digamma below zero, by reflection) and 3e-14 for slopes (of gamma, beside the root of digamma); most are below 1e-15.


@near_every_sample
def test_value_is_exact(op, sample, shift):
    operands = shifted(op, sample, shift)
    assert near(apply(op, *operands), exact(op, *operands))


@near_every_sample
def test_local_derivatives_are_exact(op, sample, shift):
    operands = shifted(op, sample, shift)
    slopes = apply(op, *values(op, operands)).local_derivatives
    assert len(slopes) == len(variables(op, operands))
    for i, found in zip(variables(op, operands), slopes, strict=True):
        assert near(found, derivative(op, operands, i)), f"by operand {i}"


@at_every_sample
def test_backward_gives_the_local_derivatives(op, sample):
    operands = values(op, sample)
    y = apply(op, *operands)
    y.backward(3.0)
    assert [operands[i].grad for i in variables(op, sample)] == [3.0 * found for found in y.local_derivatives]


@at_every_sample
def test_constant_operands_change_nothing(op, sample):
    whole = apply(op, *values(op, sample))
    for i, found in zip(variables(op, sample), whole.local_derivatives, strict=True):
        operands = [*sample[:i], Value(sample[i]), *sample[i + 1 :]]
        y = apply(op, *operands)
        assert (y.data, y.local_derivatives) == (whole.data, (found,))
        assert (y.operands, y.parents) == (tuple(operands), (operands[i],))


@near_every_sample
def test_central_differences_agree(op, sample, shift):
    operands = shifted(op, sample, shift)
    slopes = apply(op, *values(op, operands)).local_derivatives
    h = 1e-5  # truncation leaves about h * h = 1e-10, rounding 1e-16 / h = 1e-11, times what the function makes of them
    for i, found in zip(variables(op, operands), slopes, strict=True):
        above, below = [apply(op, *[x + (j == i) * step for j, x in enumerate(operands)]) for step in (h, -h)]
        assert found == pytest.approx((above - below) / (2 * h), rel=1e-7, abs=1e-7), f"by operand {i}"


# The same rules on Values: graphs of the derivatives.


@at_every_sample
def test_value_rule_on_values_is_a_graph_of_the_function(op, sample):
    operands = values(op, sample)
    y = run(rules, op, operands)
    if isinstance(y, Value):  # else the rule says that the function is a constant around here
        y.backward()
    assert near(data_of(y), exact(op, *sample))
    for i in variables(op, sample):
        assert near(operands[i].grad, derivative(op, sample, i)), f"by operand {i}"


@at_every_sample
def test_slope_rules_on_values_give_second_derivatives(op, sample):
    for i, j in itertools.product(variables(op, sample), repeat=2):
        operands = values(op, sample)
        first = slope(rules, op, operands, apply(op, *operands), i)
        if isinstance(first, Value):  # else the rule says that this derivative is a constant
            first.backward()
        found = operands[j].grad
        assert near(found, derivative(op, sample, i, j), unit=1.0), f"by operands {i} and {j}: {found}"


@pytest.mark.parametrize(("op", "sample"), [point for point in POINTS if TABLE[point.values[0]].arity == 2])
def test_value_rule_takes_numbers_beside_values(op, sample):
    for i in variables(op, sample):
        operands = [Value(x) if j == i else x for j, x in enumerate(sample)]
        assert data_of(run(rules, op, operands)) == apply(op, *sample), f"operand {i} is a Value"


# Where Python stops: kinks, inf and nan, and operands without a result.

KINKS = [
    ("relu", (0.0,)),
    ("abs", (0.0,)),
    ("abs", (-0.0,)),
    ("leaky_relu", (0.0, 0.01)),
    ("elu", (0.0, 1.0)),
    ("elu", (0.0, 0.5)),
    ("maximum", (2.0, 2.0)),
    ("maximum", (0.0, -0.0)),
    ("minimum", (2.0, 2.0)),
    ("minimum", (0.0, -0.0)),
    ("clip", (0.0, 0.0, 1.0)),
    ("clip", (1.0, 0.0, 1.0)),
    ("clip", (0.5, 0.5, 0.5)),
    ("where", (1.0, 2.0, 2.0)),
    ("pow", (0.0, 0.0)),
    ("pow", (3.0, 0.0)),
    ("pow", (-2.0, 0.0)),
    ("pow", (0.0, 0.5)),
    ("pow", (0.0, 1.0)),
    ("pow", (0.0, 2.0)),
    ("pow", (-2.0, 3.0)),
    ("sqrt", (0.0,)),
    ("asin", (1.0,)),
    ("acos", (-1.0,)),
    ("acosh", (1.0,)),
    ("hypot", (0.0, 0.0)),
    ("hypot", (0.0, 2.0)),
    ("dist", (1.0, 2.0, 1.0, 2.0)),
    ("dist", (1.0, 2.0, 1.0, 5.0)),
    ("copysign", (0.0, 1.0)),
    ("copysign", (0.0, -1.0)),
    ("copysign", (2.0, 0.0)),
    ("copysign", (2.0, -0.0)),
    ("fmod", (6.0, 3.0)),
    ("fmod", (-6.0, 3.0)),
    ("prod", (0.0, 2.0, 3.0)),
    ("prod", (0.0, 0.0, 3.0)),
    ("logsumexp", (1.0, 1.0, 1.0)),
    ("logsumexp", (1000.0, 999.0, -1000.0)),
    ("softplus", (800.0,)),
    ("softplus", (-800.0,)),
    ("log_sigmoid", (800.0,)),
    ("log_sigmoid", (-800.0,)),
    ("sigmoid", (800.0,)),
    ("sigmoid", (-800.0,)),
    ("silu", (800.0,)),
    ("silu", (-800.0,)),
    ("gelu", (800.0,)),
    ("gelu", (-800.0,)),
    ("tanh", (800.0,)),
    ("erf", (-800.0,)),
    *[(name, (x,)) for name in "relu sigmoid tanh softplus log_sigmoid silu gelu".split() for x in (INF, -INF, NAN)],
    *[(name, (x, 0.5)) for name in ("leaky_relu", "elu") for x in (INF, -INF, NAN)],
    *[("logsumexp", pair) for pair in ((INF, 1.0), (-INF, 1.0), (-INF, -INF), (INF, NAN), (NAN, INF), (1.0, NAN))],
    *[(name, pair) for name in ("maximum", "minimum") for pair in ((INF, 1.0), (-INF, 1.0))],
    *[("clip", (x, 0.0, 1.0)) for x in (INF, -INF, NAN)],
    *[("clip", (0.5, low, high)) for low, high in ((-INF, INF), (NAN, 1.0), (0.0, NAN))],
]
kinks = [pytest.param(getattr(ops, name.upper()), at, id=f"{name}{at}".replace(" ", "")) for name, at in KINKS]


def in_torch(torch, name):
    """PyTorch's function of the operands of a row and, where it is not named or called like the row, how."""
    F = torch.nn.functional
    half = lambda a: (torch.stack(a[: len(a) // 2]), torch.stack(a[len(a) // 2 :]))
    own = {
        "leaky_relu": lambda a, b: F.leaky_relu(a, b.item()),
        "elu": lambda a, b: F.elu(a, b.item()),
        "softplus": lambda a: F.softplus(a, threshold=30.0),
        "log_sigmoid": F.logsigmoid,
        "degrees": torch.rad2deg,
        "radians": torch.deg2rad,
        "digamma": None,  # polygamma is right to nine digits only
        "remainder": None,  # rounds the quotient down, not to the nearest
        "gamma": None,
        "softmax": lambda a, b: torch.exp(a - b),
        "dot": lambda *a: torch.dot(*half(a)),
        "dist": lambda *a: torch.dist(*half(a)),
        "where": lambda condition, a, b: torch.where(condition != 0, a, b),
        "clip": torch.clamp,
    }
    if name in ("sum", "mean", "prod", "logsumexp"):
        return lambda *a: getattr(torch, name)(torch.stack(a), 0)
    return own[name] if name in own else getattr(torch, name, None) or getattr(F, name, None)


@pytest.mark.parametrize(("op", "operands"), [*POINTS, *kinks])
def test_pytorch_agrees(op, operands):
    torch = pytest.importorskip("torch")
    function = in_torch(torch, TABLE[op].name)
    if function is None:
        pytest.skip("not in PyTorch")
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in operands]
    expected = function(*tensors)
    expected.backward()
    y = apply(op, *values(op, operands))
    assert y.data == pytest.approx(expected.item(), rel=1e-13, nan_ok=True)
    for i, found in zip(variables(op, operands), y.local_derivatives, strict=True):
        # PyTorch takes the slopes of leaky_relu and elu as constants; and at nan there is no slope to agree on.
        if tensors[i].grad is not None and not any(map(math.isnan, operands)):
            assert found == pytest.approx(tensors[i].grad.item(), rel=1e-12, nan_ok=True), f"by operand {i}"


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 20, 60, 100, 140, 169, 170])
def test_digamma_of_every_order(n):
    for x in (1.0, 3.7, 25.5, 190.0):
        assert near(am.digamma(x, n), mp.psi(n, x), 1e-12), x


@pytest.mark.parametrize("x", [-1e-10, -1e-160, -1.0 - 1e-10, -3.0 - 1e-6])
def test_digamma_below_a_pole(x):
    assert near(am.digamma(x), mp.digamma(x), 1e-12)


SPECIAL = (0.0, -0.0, INF, -INF, NAN, 1.0, -1.0, 0.5, -2.0, 3.0, 1e308, -1e308, 5e-324, 710.0, -746.0)
MORE = (-5e-324, -0.5, 2.0, -3.0, 1e-160, -1e-160, 1e16, -1e16, 1e200, 171.7, -171.5, 0.1, -0.9, 37.6, 1.0 + 2.0**-52)


def grid(op):
    """Operands to try: the samples, special values in all combinations, and in each place of the longest sample."""
    row = TABLE[op]
    yield from row.samples
    width = min(map(len, row.samples))
    yield from itertools.product(SPECIAL + MORE if width < 3 else SPECIAL, repeat=width)
    longest = max(row.samples, key=len)
    for i, x in itertools.product(range(len(longest)), SPECIAL):
        yield (*longest[:i], x, *longest[i + 1 :])


def outcome(op, operands):
    """What op(*operands) gives, bit by bit: the value, local derivatives and operands, or the error."""
    for operand in operands:
        if isinstance(operand, Value):
            operand.label = "x"
    try:
        y = apply(op, *operands)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return [x.hex() for x in (y.data, *y.local_derivatives, *map(data_of, y.operands))]


def mixtures(op, operands):
    """The operands as Values, then each alone as a Value, beside constants."""
    yield values(op, operands)
    for i in variables(op, operands) if len(operands) > 1 else ():
        yield [Value(x) if j == i else x for j, x in enumerate(operands)]


def outcomes(op):
    """The outcomes of a row on its grid."""
    return [outcome(op, operands) for point in grid(op) for operands in mixtures(op, point)]


def by_python(op, operands):
    """What Python itself makes of the operands, float or error; None where it has no such function."""
    name = TABLE[op].name
    if name == "pow":
        function = math.pow if operands[0] else lambda a, b: a**b  # 0.0 ** -1 divides by zero
    elif name in ("add", "sub", "mul", "div", "neg", "abs"):
        function = DEFINITIONS[name]
    elif name not in vars(math) or TABLE[op].arity == MANY:
        return None
    else:
        function = getattr(math, name)
    try:
        return function(*operands)
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        return error


def labelled(op, operands):
    """The operands as Values that are called x0, x1, ..."""
    return [Value(x, f"x{i}") if i in variables(op, operands) else x for i, x in enumerate(operands)]


@every_row
def test_finite_operands_without_a_finite_result_raise_as_in_python(op):
    for point in grid(op):
        if all(map(math.isfinite, point)):
            expected = by_python(op, point)
            try:
                y = apply(op, *labelled(op, point))
            except (ValueError, OverflowError, ZeroDivisionError) as error:
                overflow = expected is None or expected in (INF, -INF)  # which Python does not always report
                assert isinstance(error, type(expected)) or (overflow and type(error) is not ZeroDivisionError), point
            else:
                assert math.isfinite(y.data), point
                assert expected is None or y.data == pytest.approx(expected, rel=1e-14, abs=1e-15), point


def written(x, row):
    """A constant in a formula: as an operand of an operator in brackets, if it starts with a minus sign."""
    bracketed = math.copysign(1.0, x) < 0.0 and not row.text.startswith(row.name)
    return f"({x:.6g})" if bracketed else f"{x:.6g}"


@every_row
def test_errors_name_operation_operands_and_labels(op):
    row = TABLE[op]
    for point in grid(op):
        operands = labelled(op, point)
        try:
            apply(op, *operands)
        except (ValueError, OverflowError, ZeroDivisionError) as error:
            a, b, *_ = labels = [x.label if isinstance(x, Value) else written(x, row) for x in (*operands, 0.0)]
            assert row.text.format(a=a, b=b, operands=", ".join(labels[:-1])) in str(error)
            for i in variables(op, point):
                assert f"x{i} = {point[i]:.6g}" in str(error)


@pytest.mark.parametrize(
    ("op", "operands", "kind"),
    [
        (ops.LOG, (-1.0,), ValueError),
        (ops.DIGAMMA, (-1.0, 0.0), ValueError),
        (ops.EXP, (1e3,), OverflowError),
        (ops.SUM, (1e308, 1e308), OverflowError),
        (ops.DIV, (1.0, 0.0), ZeroDivisionError),
        (ops.POW, (0.0, -1.0), ZeroDivisionError),
    ],
)
def test_kinds_of_errors(op, operands, kind):
    with pytest.raises(kind):
        apply(op, *labelled(op, operands))


@pytest.mark.parametrize("x", [INF, -INF, NAN])
@every_row
def test_inf_and_nan_are_carried_through(op, x):
    sample = TABLE[op].samples[0]
    for i in variables(op, sample):
        operands = [x if j == i else other for j, other in enumerate(sample)]
        y = apply(op, *values(op, operands))
        expected = by_python(op, operands)
        if expected is not None:
            expected = NAN if isinstance(expected, ValueError) else expected
            assert y.data == pytest.approx(expected, nan_ok=True, rel=1e-14), f"operand {i}"
        elif math.isnan(x):
            unused = dict(zip(variables(op, sample), y.local_derivatives, strict=True))[i] == 0.0
            assert math.isnan(y.data) or unused, f"operand {i}"


@every_row
def test_results_are_plain_floats(op):
    for point in grid(op):
        operands = values(op, point)
        try:
            y, number = apply(op, *operands), apply(op, *point)
        except (ValueError, OverflowError, ZeroDivisionError):
            continue
        y.backward()
        grads = [operands[i].grad for i in variables(op, point)]
        found = [number, y.data, y.grad, *y.local_derivatives, *grads, *map(data_of, y.operands)]
        assert {type(x) for x in found} == {float}, point


def test_a_graph_is_usable_after_an_error():
    a, b = Value(3.0), Value(0.0)
    y = a * a
    with pytest.raises(ZeroDivisionError):
        y / b
    with pytest.raises(ValueError, match="log"):
        am.log(b - y)
    (y + b).backward()
    assert (a.grad, b.grad) == (6.0, 1.0)


# The same sources, compiled and uncompiled.


@pytest.fixture(scope="module")
def uncompiled():
    """The outcomes of the same sources, uncompiled, in another process."""
    if not am.COMPILED:
        pytest.skip("not compiled")
    script = "from tests.test_rules import *; print(json.dumps([[], *map(outcomes, range(1, ops.CALL))]))"
    environment = {**os.environ, "AUTOGRAD_MINI_PURE": "1"}
    printed = subprocess.check_output([sys.executable, "-c", script], env=environment, cwd=PACKAGE.parent)
    return json.loads(printed)


def same(compiled, plain, tolerance):
    """Whether two outcomes are equal, or as lists of floats in hexadecimal apart by no more than the tolerance."""
    if compiled == plain or not tolerance or len(compiled) != len(plain):
        return compiled == plain
    try:
        pairs = zip(map(float.fromhex, compiled), map(float.fromhex, plain), strict=True)
        return all(x == pytest.approx(y, rel=tolerance, abs=tolerance, nan_ok=True) for x, y in pairs)
    except ValueError:
        return False


@every_row
def test_compiled_and_plain_give_the_same_bits(op, uncompiled):
    # CPython has a gamma and an lgamma of its own, C others. All else is the same library, called the same way.
    tolerance = {ops.GAMMA: 1e-14, ops.LGAMMA: 1e-14}.get(op, 0.0)
    inputs = [[f"{x!r}" for x in operands] for point in grid(op) for operands in mixtures(op, point)]
    differences = [
        f"{TABLE[op].name}({', '.join(operands)}): compiled {compiled}, plain {plain}"
        for operands, compiled, plain in zip(inputs, outcomes(op), uncompiled[op], strict=True)
        if not same(compiled, plain, tolerance)
    ]
    assert not differences, f"{len(differences)} of {len(inputs)}:\n" + "\n".join(differences[:20])
