# cython: annotation_typing=False, cdivision=True
"""The calculus: the value of each primitive and its local derivatives, one line each.

Operands are a and b, the result is y; a rule may use it. The same text is C when compiled, runs on floats without a
compiler, and on anything that has operators and methods of the elementary functions: called with Values, it builds the
graph of a derivative. Slopes at kinks follow PyTorch: 0 for relu, abs and
copysign at 0 and for a dist of 0, half each for equal operands of maximum and minimum.
"""

from __future__ import annotations

from typing import Any

from autograd_mini import _plain, ops
from autograd_mini import elementary as math

LN2 = 0.6931471805599453
LN10 = 2.302585092994046
DEGREE = 0.017453292519943295  # pi / 180
SQRT_HALF = 0.7071067811865476
INVERSE_SQRT_2PI = 0.3989422804014327
TWO_OVER_SQRT_PI = 1.1283791670955126


def value(op: int, a: Any, b: Any) -> Any:
    """y = op(a, b); b is ignored by primitives of one operand."""
    match op:
        case ops.ADD: return a + b
        case ops.MUL: return a * b
        case ops.SUB: return a - b
        case ops.DIV: return a / b
        case ops.NEG: return -a
        case ops.POW: return math.pow(a, b)
        case ops.ABS: return math.fabs(a)
        case ops.EXP: return math.exp(a)
        case ops.LOG: return math.log(a)
        case ops.TANH: return math.tanh(a)
        case ops.RELU: return 0.0 if a <= 0 else a
        case ops.SIGMOID: return 1.0 / (1.0 + math.exp(-a))
        case ops.SQRT: return math.sqrt(a)
        case ops.EXP2: return math.exp2(a)
        case ops.EXPM1: return math.expm1(a)
        case ops.LOG2: return math.log2(a)
        case ops.LOG10: return math.log10(a)
        case ops.LOG1P: return math.log1p(a)
        case ops.CBRT: return math.cbrt(a)
        case ops.SIN: return math.sin(a)
        case ops.COS: return math.cos(a)
        case ops.TAN: return math.tan(a)
        case ops.ASIN: return math.asin(a)
        case ops.ACOS: return math.acos(a)
        case ops.ATAN: return math.atan(a)
        case ops.SINH: return math.sinh(a)
        case ops.COSH: return math.cosh(a)
        case ops.ASINH: return math.asinh(a)
        case ops.ACOSH: return math.acosh(a)
        case ops.ATANH: return math.atanh(a)
        case ops.ATAN2: return math.atan2(a, b)
        case ops.DEGREES: return a / DEGREE
        case ops.RADIANS: return a * DEGREE
        case ops.HYPOT: return math.hypot(a, b)
        case ops.ERF: return math.erf(a)
        case ops.ERFC: return math.erfc(a)
        case ops.GAMMA: return math.tgamma(a)
        case ops.LGAMMA: return math.lgamma(a)
        case ops.DIGAMMA: return math.digamma(a, b)
        case ops.FMOD: return math.fmod(a, b)
        case ops.REMAINDER: return math.remainder(a, b)
        case ops.COPYSIGN: return math.copysign(a, b)
        case ops.MAXIMUM: return a if a >= b or a != a else b
        case ops.MINIMUM: return a if a <= b or a != a else b
        case ops.LEAKY_RELU: return a if a > 0 else b * a
        case ops.ELU: return a if a > 0 else b * math.expm1(a)
        case ops.SOFTPLUS: return math.log1p(math.exp(-math.fabs(a))) + (0.0 if a <= 0 else a)
        case ops.LOG_SIGMOID: return (0.0 if a >= 0 else a) - math.log1p(math.exp(-math.fabs(a)))
        case ops.SILU: return a / (1.0 + math.exp(-a))
        case ops.GELU: return 0.5 * a * math.erfc(-a * SQRT_HALF)
        case ops.SOFTMAX: return math.exp(a - b)
    return math.NAN


def slope_a(op: int, a: Any, b: Any, y: Any) -> Any:
    """The local derivative dy/da."""
    match op:
        case ops.ADD: return 1.0
        case ops.MUL: return b
        case ops.SUB: return 1.0
        case ops.DIV: return 1.0 / b
        case ops.NEG: return -1.0
        case ops.POW: return b * math.pow(a, b - 1.0) if b != 0 or a * a > 0 else 0.0
        case ops.ABS: return 1.0 if a > 0 else -1.0 if a < 0 else 0.0
        case ops.EXP: return y
        case ops.LOG: return 1.0 / a
        case ops.TANH: return 1.0 - y * y
        case ops.RELU: return 1.0 if a > 0 else 0.0
        case ops.SIGMOID: return y * (1.0 - y)
        case ops.SQRT: return 0.5 / y
        case ops.EXP2: return LN2 * y
        case ops.EXPM1: return y + 1.0
        case ops.LOG2: return 1.0 / (a * LN2)
        case ops.LOG10: return 1.0 / (a * LN10)
        case ops.LOG1P: return 1.0 / (1.0 + a)
        case ops.CBRT: return 1.0 / (3.0 * y * y)
        case ops.SIN: return math.cos(a)
        case ops.COS: return -math.sin(a)
        case ops.TAN: return 1.0 + y * y
        case ops.ASIN: return 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
        case ops.ACOS: return -1.0 / math.sqrt((1.0 - a) * (1.0 + a))
        case ops.ATAN: return 1.0 / (1.0 + a * a)
        case ops.SINH: return math.cosh(a)
        case ops.COSH: return math.sinh(a)
        case ops.ASINH: return 1.0 / math.hypot(a, 1.0)
        case ops.ACOSH: return 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
        case ops.ATANH: return 1.0 / ((1.0 - a) * (1.0 + a))
        case ops.ATAN2: return b / math.hypot(a, b) / math.hypot(a, b)
        case ops.DEGREES: return 1.0 / DEGREE
        case ops.RADIANS: return DEGREE
        case ops.HYPOT: return a / y
        case ops.ERF: return TWO_OVER_SQRT_PI * math.exp(-a * a)
        case ops.ERFC: return -TWO_OVER_SQRT_PI * math.exp(-a * a)
        case ops.GAMMA: return y * math.digamma(a, 0.0)
        case ops.LGAMMA: return math.digamma(a, 0.0)
        case ops.DIGAMMA: return math.digamma(a, b + 1.0)
        case ops.FMOD: return 1.0
        case ops.REMAINDER: return 1.0
        case ops.COPYSIGN: return math.copysign(1.0, a) * math.copysign(1.0, b) if a != 0 else 0.0
        case ops.MAXIMUM: return 1.0 if a > b else 0.0 if a < b else 0.5
        case ops.MINIMUM: return 1.0 if a < b else 0.0 if a > b else 0.5
        case ops.LEAKY_RELU: return 1.0 if a > 0 else b
        case ops.ELU: return 1.0 if a > 0 else y + b
        case ops.SOFTPLUS: return -math.expm1(-y)
        case ops.LOG_SIGMOID: return -math.expm1(y)
        case ops.SILU: return (1.0 + a - y) / (1.0 + math.exp(-a))
        case ops.GELU: return 0.5 * math.erfc(-a * SQRT_HALF) + a * INVERSE_SQRT_2PI * math.exp(-0.5 * a * a)
        case ops.SOFTMAX: return y
    return math.NAN


def slope_b(op: int, a: Any, b: Any, y: Any) -> Any:
    """The local derivative dy/db."""
    match op:
        case ops.ADD: return 1.0
        case ops.MUL: return a
        case ops.SUB: return -1.0
        case ops.DIV: return -y / b
        case ops.POW: return y * math.log(a) if a != 0 or b < 0 else 0.0
        case ops.ATAN2: return -a / math.hypot(a, b) / math.hypot(a, b)
        case ops.HYPOT: return b / y
        case ops.FMOD: return (y - a) / b
        case ops.REMAINDER: return (y - a) / b
        case ops.COPYSIGN: return 0.0
        case ops.MAXIMUM: return 1.0 if b > a else 0.0 if b < a else 0.5
        case ops.MINIMUM: return 1.0 if b < a else 0.0 if b > a else 0.5
        case ops.LEAKY_RELU: return 0.0 if a > 0 else a
        case ops.ELU: return 0.0 if a > 0 else math.expm1(a)
        case ops.SOFTMAX: return -y
    return math.NAN


def value_of_many(op: int, a: Any, n: int) -> Any:
    """y = op(a[0], ..., a[n - 1])."""
    match op:
        case ops.SUM: return total(a, n)
        case ops.DOT: return inner(a, n // 2)
        case ops.MEAN: return total(a, n) / n
        case ops.PROD: return product_without(a, n, -1)
        case ops.DIST: return distance(a, n // 2)
        case ops.LOGSUMEXP: return log_sum_exp(a, n)
        case ops.WHERE: return a[1] if a[0] != 0 else a[2]
        case ops.CLIP: return value(ops.MINIMUM, value(ops.MAXIMUM, a[0], a[1]), a[2])
    return math.NAN


def slope_of_many(op: int, a: Any, n: int, y: Any, i: int) -> Any:
    """The local derivative dy/da[i]."""
    match op:
        case ops.SUM: return 1.0
        case ops.DOT: return a[i + n // 2] if i < n // 2 else a[i - n // 2]
        case ops.MEAN: return 1.0 / n
        case ops.PROD: return product_without(a, n, i)
        case ops.DIST: return (a[i] - (a[i + n // 2] if i < n // 2 else a[i - n // 2])) / y if y != 0 else 0.0
        case ops.LOGSUMEXP: return math.exp(a[i] - y)
        case ops.WHERE: return 0.0 if i == 0 or (i == 1) != (a[0] != 0) else 1.0
        case ops.CLIP: return 1.0 if i == (1 if a[0] < a[1] else 2 if a[0] > a[2] else 0) else 0.0
    return math.NAN


def total(a: Any, n: int) -> Any:
    """a[0] + ... + a[n - 1]."""
    y = a[0]
    for i in range(1, n):
        y = y + a[i]
    return y


def inner(a: Any, n: int) -> Any:
    """a[0] * a[n] + ... + a[n - 1] * a[2n - 1]."""
    y = a[0] * a[n]
    for i in range(1, n):
        y = y + a[i] * a[n + i]
    return y


def product_without(a: Any, n: int, skipped: int) -> Any:
    """a[0] * ... * a[n - 1], leaving out a[skipped]; with nothing left, 1."""
    y = 1.0
    for i in range(n):
        if i != skipped:
            y = y * a[i]
    return y


def distance(a: Any, n: int) -> Any:
    """The Euclidean distance of (a[0], ..., a[n - 1]) from (a[n], ..., a[2n - 1])."""
    y = math.fabs(a[0] - a[n])
    for i in range(1, n):
        y = math.hypot(y, a[i] - a[n + i])
    return y


def log_sum_exp(a: Any, n: int) -> Any:
    """ln(exp(a[0]) + ... + exp(a[n - 1])), with the greatest operand taken out so that no exponential overflows."""
    greatest = a[0]
    for i in range(1, n):
        greatest = a[i] if a[i] > greatest or a[i] != a[i] else greatest
    if greatest - greatest != 0:
        return greatest
    y = math.exp(a[0] - greatest)
    for i in range(1, n):
        y = y + math.exp(a[i] - greatest)
    return greatest + math.log(y)


def value_at(op: int, m: Any, start: int, n: int) -> Any:
    """value_of_many of n numbers in the memory m."""
    return value_of_many(op, _plain.at(m, start, n), n)


def slope_at(op: int, m: Any, start: int, n: int, y: Any, i: int) -> Any:
    """slope_of_many of n numbers in the memory m."""
    return slope_of_many(op, _plain.at(m, start, n), n, y, i)


# The rules for n examples at a time, whose numbers lie side by side in the memory m: where a C compiler knows the
# operation, it does several at once.


def values(op: int, m: Any, a: int, b: int, y: int, n: int) -> None:
    """m[y + i] = op(m[a + i], m[b + i]) for i = 0 ... n - 1."""
    match op:
        case ops.ADD:
            for i in range(n): m[y + i] = value(ops.ADD, m[a + i], m[b + i])
        case ops.MUL:
            for i in range(n): m[y + i] = value(ops.MUL, m[a + i], m[b + i])
        case ops.SUB:
            for i in range(n): m[y + i] = value(ops.SUB, m[a + i], m[b + i])
        case ops.DIV:
            for i in range(n): m[y + i] = value(ops.DIV, m[a + i], m[b + i])
        case ops.NEG:
            for i in range(n): m[y + i] = value(ops.NEG, m[a + i], m[b + i])
        case ops.ABS:
            for i in range(n): m[y + i] = value(ops.ABS, m[a + i], m[b + i])
        case ops.RELU:
            for i in range(n): m[y + i] = value(ops.RELU, m[a + i], m[b + i])
        case ops.SQRT:
            for i in range(n): m[y + i] = value(ops.SQRT, m[a + i], m[b + i])
        case ops.MAXIMUM:
            for i in range(n): m[y + i] = value(ops.MAXIMUM, m[a + i], m[b + i])
        case ops.MINIMUM:
            for i in range(n): m[y + i] = value(ops.MINIMUM, m[a + i], m[b + i])
        case ops.LEAKY_RELU:
            for i in range(n): m[y + i] = value(ops.LEAKY_RELU, m[a + i], m[b + i])
        case _:
            for i in range(n): m[y + i] = value(op, m[a + i], m[b + i])


def pull_a(op: int, m: Any, a: int, b: int, y: int, g: int, to: int, n: int) -> None:
    """m[to + i] += m[g + i] dy/da: what the gradients at g give to those of the first operands."""
    match op:
        case ops.ADD:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.ADD, m[a + i], m[b + i], m[y + i])
        case ops.MUL:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.MUL, m[a + i], m[b + i], m[y + i])
        case ops.SUB:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.SUB, m[a + i], m[b + i], m[y + i])
        case ops.DIV:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.DIV, m[a + i], m[b + i], m[y + i])
        case ops.NEG:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.NEG, m[a + i], m[b + i], m[y + i])
        case ops.ABS:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.ABS, m[a + i], m[b + i], m[y + i])
        case ops.EXP:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.EXP, m[a + i], m[b + i], m[y + i])
        case ops.LOG:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.LOG, m[a + i], m[b + i], m[y + i])
        case ops.TANH:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.TANH, m[a + i], m[b + i], m[y + i])
        case ops.RELU:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.RELU, m[a + i], m[b + i], m[y + i])
        case ops.SIGMOID:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.SIGMOID, m[a + i], m[b + i], m[y + i])
        case ops.SQRT:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.SQRT, m[a + i], m[b + i], m[y + i])
        case ops.MAXIMUM:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.MAXIMUM, m[a + i], m[b + i], m[y + i])
        case ops.MINIMUM:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.MINIMUM, m[a + i], m[b + i], m[y + i])
        case ops.LEAKY_RELU:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.LEAKY_RELU, m[a + i], m[b + i], m[y + i])
        case ops.SOFTMAX:
            for i in range(n): m[to + i] += m[g + i] * slope_a(ops.SOFTMAX, m[a + i], m[b + i], m[y + i])
        case _:
            for i in range(n): m[to + i] += m[g + i] * slope_a(op, m[a + i], m[b + i], m[y + i])


def pull_b(op: int, m: Any, a: int, b: int, y: int, g: int, to: int, n: int) -> None:
    """m[to + i] += m[g + i] dy/db: what the gradients at g give to those of the second operands."""
    match op:
        case ops.ADD:
            for i in range(n): m[to + i] += m[g + i] * slope_b(ops.ADD, m[a + i], m[b + i], m[y + i])
        case ops.MUL:
            for i in range(n): m[to + i] += m[g + i] * slope_b(ops.MUL, m[a + i], m[b + i], m[y + i])
        case ops.SUB:
            for i in range(n): m[to + i] += m[g + i] * slope_b(ops.SUB, m[a + i], m[b + i], m[y + i])
        case ops.DIV:
            for i in range(n): m[to + i] += m[g + i] * slope_b(ops.DIV, m[a + i], m[b + i], m[y + i])
        case ops.MAXIMUM:
            for i in range(n): m[to + i] += m[g + i] * slope_b(ops.MAXIMUM, m[a + i], m[b + i], m[y + i])
        case ops.MINIMUM:
            for i in range(n): m[to + i] += m[g + i] * slope_b(ops.MINIMUM, m[a + i], m[b + i], m[y + i])
        case ops.LEAKY_RELU:
            for i in range(n): m[to + i] += m[g + i] * slope_b(ops.LEAKY_RELU, m[a + i], m[b + i], m[y + i])
        case ops.SOFTMAX:
            for i in range(n): m[to + i] += m[g + i] * slope_b(ops.SOFTMAX, m[a + i], m[b + i], m[y + i])
        case _:
            for i in range(n): m[to + i] += m[g + i] * slope_b(op, m[a + i], m[b + i], m[y + i])
