"""The primitives as functions: of floats they give a float, and where an operand is a Value, a Value.

Each is one row of the table in ops.py; its domain errors are those of Python's math.

>>> exp(0.0)
1.0
>>> exp(Value(0.0))
Value(1, grad=0, op='exp')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Protocol, TypeVar, overload

from autograd_mini import ops
from autograd_mini.value import Operand, Value, apply, check_operands, interval, order

Number = TypeVar("Number", float, Value)


class Unary(Protocol):
    """A function of one number."""

    def __call__(self, x: Number, /) -> Number: ...


class Binary(Protocol):
    """A function of two numbers."""

    @overload
    def __call__(self, a: float, b: float, /) -> float: ...
    @overload
    def __call__(self, a: Value, b: Operand, /) -> Value: ...
    @overload
    def __call__(self, a: float, b: Value, /) -> Value: ...


def primitive(op: int) -> Any:
    """The function of the primitive in row `op`, of as many operands as the row says."""
    row = ops.TABLE[op]

    def of_one(x: Any, /) -> Any:
        return apply(op, x)

    def of_two(a: Any, b: Any, /) -> Any:
        return apply(op, a, b)

    function = of_one if row.arity == 1 else of_two
    function.__name__ = function.__qualname__ = row.name
    function.__doc__ = f"{row.meaning[0].upper()}{row.meaning[1:]}; of a float or a Value."
    return function


pow: Binary = primitive(ops.POW)
exp: Unary = primitive(ops.EXP)
log: Unary = primitive(ops.LOG)
tanh: Unary = primitive(ops.TANH)
relu: Unary = primitive(ops.RELU)
sigmoid: Unary = primitive(ops.SIGMOID)
sqrt: Unary = primitive(ops.SQRT)
exp2: Unary = primitive(ops.EXP2)
expm1: Unary = primitive(ops.EXPM1)
log2: Unary = primitive(ops.LOG2)
log10: Unary = primitive(ops.LOG10)
log1p: Unary = primitive(ops.LOG1P)
cbrt: Unary = primitive(ops.CBRT)
sin: Unary = primitive(ops.SIN)
cos: Unary = primitive(ops.COS)
tan: Unary = primitive(ops.TAN)
asin: Unary = primitive(ops.ASIN)
acos: Unary = primitive(ops.ACOS)
atan: Unary = primitive(ops.ATAN)
sinh: Unary = primitive(ops.SINH)
cosh: Unary = primitive(ops.COSH)
asinh: Unary = primitive(ops.ASINH)
acosh: Unary = primitive(ops.ACOSH)
atanh: Unary = primitive(ops.ATANH)
atan2: Binary = primitive(ops.ATAN2)
degrees: Unary = primitive(ops.DEGREES)
radians: Unary = primitive(ops.RADIANS)
hypot: Binary = primitive(ops.HYPOT)
erf: Unary = primitive(ops.ERF)
erfc: Unary = primitive(ops.ERFC)
gamma: Unary = primitive(ops.GAMMA)
lgamma: Unary = primitive(ops.LGAMMA)
fmod: Binary = primitive(ops.FMOD)
remainder: Binary = primitive(ops.REMAINDER)
copysign: Binary = primitive(ops.COPYSIGN)
maximum: Binary = primitive(ops.MAXIMUM)
minimum: Binary = primitive(ops.MINIMUM)
softplus: Unary = primitive(ops.SOFTPLUS)
log_sigmoid: Unary = primitive(ops.LOG_SIGMOID)
silu: Unary = primitive(ops.SILU)
gelu: Unary = primitive(ops.GELU)


@overload
def leaky_relu(x: Value, slope: Operand = 0.01) -> Value: ...
@overload
def leaky_relu(x: float, slope: float = 0.01) -> float: ...
def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """x where it is positive, else slope * x; of a float or a Value. The slope may be a Value too, and be learned.

    >>> leaky_relu(-2.0)
    -0.02
    """
    return apply(ops.LEAKY_RELU, x, slope)


@overload
def elu(x: Value, alpha: Operand = 1.0) -> Value: ...
@overload
def elu(x: float, alpha: float = 1.0) -> float: ...
def elu(x: Any, alpha: Any = 1.0) -> Any:
    """x where it is positive, else alpha * (exp(x) - 1); of a float or a Value. Clevert et al., arXiv 1511.07289.

    >>> round(elu(-1.0), 6)
    -0.632121
    """
    return apply(ops.ELU, x, alpha)


def digamma(x: Number, n: float = 0) -> Number:
    """The n-th derivative of the digamma function, the derivative of lgamma; of a float or a Value.

    >>> round(digamma(1.0), 6)  # minus the Euler-Mascheroni constant
    -0.577216
    """
    return apply(ops.DIGAMMA, x, order(n))  # type: ignore[no-any-return]


def sum(values: Iterable[Operand]) -> Any:
    """The sum of the values, as one node; of floats, and of nothing, a float.

    >>> sum([Value(1.0), Value(2.0), 3.0])
    Value(6, grad=0, op='sum')
    """
    listed = list(values)
    return apply(ops.SUM, *listed) if listed else 0.0


def prod(values: Iterable[Operand]) -> Any:
    """The product of the values, as one node; of floats, and of nothing (1.0), a float.

    >>> prod([2.0, 3.0, 4.0])
    24.0
    """
    listed = list(values)
    return apply(ops.PROD, *listed) if listed else 1.0


def mean(values: Iterable[Operand]) -> Any:
    """The mean of the values, as one node; of floats a float; ValueError if there are none.

    >>> mean([1.0, 2.0, 6.0])
    3.0
    """
    return apply(ops.MEAN, *some("mean", values))


def logsumexp(values: Iterable[Operand]) -> Any:
    """ln(exp(v1) + exp(v2) + ...) without overflow, as one node; of floats a float; ValueError if there are none.

    >>> round(logsumexp([1000.0, 1000.0]) - 1000.0, 9) == round(log(2.0), 9)
    True
    """
    return apply(ops.LOGSUMEXP, *some("logsumexp", values))


def softmax(values: Iterable[Operand]) -> list[Any]:
    """exp(v) / (exp(v1) + exp(v2) + ...) for each v: positive numbers that add up to 1. ValueError if there are none.

    One logsumexp node serves all of them, each of which is one node more.

    >>> [round(p, 4) for p in softmax([1.0, 2.0, 1000.0])]
    [0.0, 0.0, 1.0]
    """
    values = some("softmax", values)
    check_operands(ops.SOFTMAX, values)
    total = apply(ops.LOGSUMEXP, *values)
    if total > 1000.0 or total < -1000.0:  # it is rounded to its own size; what all have in common changes nothing
        greatest = max(values)
        values = [value - greatest for value in values]
        total = apply(ops.LOGSUMEXP, *values)
    return [apply(ops.SOFTMAX, value, total) for value in values]


def dot(weights: Sequence[Operand], inputs: Sequence[Operand]) -> Any:
    """w1 * x1 + w2 * x2 + ..., as one node; of floats a float; ValueError if lengths differ or are 0.

    >>> dot([Value(2.0), Value(3.0)], [10.0, 1.0])
    Value(23, grad=0, op='dot')
    """
    return apply(ops.DOT, *pairs("dot", weights, inputs))


def dist(p: Sequence[Operand], q: Sequence[Operand]) -> Any:
    """The Euclidean distance of two points, as one node; of floats a float; ValueError if lengths differ or are 0.

    >>> dist([0.0, 0.0], [3.0, 4.0])
    5.0
    """
    return apply(ops.DIST, *pairs("dist", p, q))


def where(condition: Operand | bool, a: Operand, b: Operand) -> Any:
    """a if condition is true (not zero) else b, as one node with both as operands; of floats a float.

    >>> where(True, Value(1.0), Value(2.0))
    Value(1, grad=0, op='where')
    """
    return apply(ops.WHERE, condition, a, b)


def clip(x: Operand, low: Operand, high: Operand) -> Any:
    """x held between low and high, as one node; of floats a float. ValueError if low is greater than high.

    >>> clip(7.0, 0.0, 1.0)
    1.0
    """
    return apply(ops.CLIP, *interval(x, low, high))


def some(name: str, values: Iterable[Any]) -> list[Any]:
    """The values as a list; a ValueError if there are none."""
    listed = list(values)
    if not listed:
        raise ValueError(f"{name}() of no values: at least one is needed")
    return listed


def pairs(name: str, first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    """Two sequences of one length, one behind the other; a ValueError if their lengths differ or are 0."""
    for values in (first, second):
        if isinstance(values, (Mapping, Set)):
            raise TypeError(f"{name}() takes two lists of numbers, not a {type(values).__name__}: its order is unsure")
    if len(first) != len(second):
        raise ValueError(f"{name}() of {len(first)} and {len(second)} values: both need the same number")
    return [*some(name, first), *second]
