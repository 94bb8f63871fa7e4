"""The functions the rules are written in, as C computes them: inf and nan where Python's math raises.

Compiled rules take them straight from the C library (elementary.pxd) and never come here. In Python each takes floats
and gives a float; anything else that is not an int (a Value, a symbol) is asked for its method of the same name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autograd_mini import special

NAN = math.nan


class Double(float):
    """A float that divides as C does: by zero it gives inf or nan instead of an error.

    >>> 1 / Double(0.0), Double(-1.0) / 0.0
    (inf, -inf)
    """

    __slots__ = ()

    def __neg__(self) -> Double:
        return Double(-float(self))

    def __add__(self, other: float) -> Double:
        return Double(float(self) + other)

    def __sub__(self, other: float) -> Double:
        return Double(float(self) - other)

    def __mul__(self, other: float) -> Double:
        return Double(float(self) * other)

    def __truediv__(self, other: float) -> Double:
        return Double(divide(float(self), float(other)))

    def __radd__(self, other: float) -> Double:
        return Double(other + float(self))

    def __rsub__(self, other: float) -> Double:
        return Double(other - float(self))

    def __rmul__(self, other: float) -> Double:
        return Double(other * float(self))

    def __rtruediv__(self, other: float) -> Double:
        return Double(divide(float(other), float(self)))


def divide(a: float, b: float) -> float:
    """a / b by IEEE 754."""
    if b != 0.0:
        return a / b
    return NAN if a == 0.0 else a * math.copysign(math.inf, b)


def elementary(name: str, function: Callable[..., float]) -> Callable[..., Any]:
    """The function of floats `function` (nan where it raises ValueError), and of all else the method `name`."""

    def call(*operands: Any) -> Any:
        for operand in operands:
            if not isinstance(operand, (float, int)):
                first, *others = operands
                return getattr(type(operand)(first) if isinstance(first, (float, int)) else first, name)(*others)
        try:
            y = function(*operands)
        except ValueError:
            y = NAN
        return y if type(operands[0]) is float else Double(y)

    return call


def or_infinite(function: Callable[[float], float]) -> Callable[[float], float]:
    """The function, with the sign of its operand times inf where it overflows."""

    def call(a: float) -> float:
        try:
            return function(a)
        except OverflowError:
            return math.copysign(math.inf, a)

    return call


def with_pole(function: Callable[[float], float], pole: float) -> Callable[[float], float]:
    """The function, with -inf at its pole."""
    return lambda a: -math.inf if a == pole else function(a)


def odd_whole(b: float) -> bool:
    """Whether b is an odd whole number."""
    return math.fmod(b, 2.0) in (1.0, -1.0)


def power(a: float, b: float) -> float:
    """C's pow: where Python's raises, a negative base with a fractional exponent is nan, all else is infinite."""
    try:
        return math.pow(a, b)
    except (ValueError, OverflowError):
        if a < 0.0 and not float(b).is_integer():
            return NAN
        return math.copysign(math.inf, a) if odd_whole(b) else math.inf


def inverse_tanh(a: float) -> float:
    """C's atanh: infinite at -1 and 1."""
    return math.copysign(math.inf, a) if abs(a) == 1.0 else math.atanh(a)


def gamma_of(a: float) -> float:
    """C's tgamma: infinite at 0 and where it overflows."""
    if a == 0.0:
        return math.copysign(math.inf, a)
    return or_infinite(math.gamma)(a)


def log_gamma_of(a: float) -> float:
    """C's lgamma: infinite at 0, -1, -2, ..., at -inf, and where it overflows."""
    if a == -math.inf or (a <= 0.0 and a.is_integer()):
        return math.inf
    try:
        return math.lgamma(a)
    except OverflowError:
        return math.inf


def length(a: float, b: float) -> float:
    """C's hypot, which Python offers as the size of a complex number."""
    try:
        return abs(complex(a, b))
    except OverflowError:
        return math.inf


def fabs(a: Any) -> Any:
    """|a|."""
    return abs(a) if type(a) is not Double else Double(abs(a))


exp = elementary("exp", or_infinite(math.exp))
exp2 = elementary("exp2", or_infinite(math.exp2))
expm1 = elementary("expm1", or_infinite(math.expm1))
log = elementary("log", with_pole(math.log, 0.0))
log2 = elementary("log2", with_pole(math.log2, 0.0))
log10 = elementary("log10", with_pole(math.log10, 0.0))
log1p = elementary("log1p", with_pole(math.log1p, -1.0))
sqrt = elementary("sqrt", math.sqrt)
cbrt = elementary("cbrt", math.cbrt)
pow = elementary("__pow__", power)
sin = elementary("sin", math.sin)
cos = elementary("cos", math.cos)
tan = elementary("tan", math.tan)
asin = elementary("asin", math.asin)
acos = elementary("acos", math.acos)
atan = elementary("atan", math.atan)
atan2 = elementary("atan2", math.atan2)
sinh = elementary("sinh", or_infinite(math.sinh))
cosh = elementary("cosh", lambda a: or_infinite(math.cosh)(abs(a)))
tanh = elementary("tanh", math.tanh)
asinh = elementary("asinh", math.asinh)
acosh = elementary("acosh", math.acosh)
atanh = elementary("atanh", inverse_tanh)
erf = elementary("erf", math.erf)
erfc = elementary("erfc", math.erfc)
tgamma = elementary("gamma", gamma_of)
lgamma = elementary("lgamma", log_gamma_of)
digamma = elementary("digamma", special.digamma)
hypot = elementary("hypot", length)
fmod = elementary("fmod", math.fmod)
remainder = elementary("remainder", math.remainder)
copysign = elementary("copysign", math.copysign)
