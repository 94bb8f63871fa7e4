"""The table of primitives: one row each, saying what it is called, how it is written and where it is smooth.

A primitive is its row number. What it means (value and local derivatives) is in rules.py; ops.pxd repeats the names
in the same order for the C compiler.
"""

from __future__ import annotations

from typing import NamedTuple

MANY = -1  # the arity of a primitive of any number of operands


class Row(NamedTuple):
    """What a primitive is called and how it is written."""

    name: str  # of the method and of the function
    symbol: str  # on a card of a drawn graph
    arity: int
    text: str  # a formula of the operands {a} and {b}, or of {operands}
    latex: str
    samples: tuple[tuple[float, ...], ...]  # operands at which it is smooth; the tests start from these
    meaning: str


TABLE: list[Row] = []


def row(name: str, symbol: str, arity: int, text: str, latex: str, samples: tuple[object, ...], meaning: str) -> int:
    """Add a row to the table; return its number."""
    operands = tuple(sample if isinstance(sample, tuple) else (sample,) for sample in samples)
    TABLE.append(Row(name, symbol, arity, text, latex, operands, meaning))
    return len(TABLE) - 1


def function(name: str, latex: str, samples: tuple[object, ...], meaning: str, arity: int = 1) -> int:
    """Add the row of a primitive that is written as a function of its operands."""
    text = {1: f"{name}({{a}})", 2: f"{name}({{a}}, {{b}})"}.get(arity, f"{name}({{operands}})")
    return row(name, name, arity, text, latex, samples, meaning)


EVERYWHERE = (-2.5, -0.7, 0.3, 1.9)
POSITIVE = (0.2, 0.9, 1.0, 3.7)
INSIDE = (-0.8, -0.1, 0.4, 0.9)
PAIRS = ((0.7, 1.9), (-1.2, 2.5), (3.1, -0.4), (-0.6, -2.2))
LISTS = ((0.7, -1.9, 2.2, 0.4), (-1.2, 2.5), (3.1, -0.4, 1.0, 0.2, -2.0, 5.0))

LEAF = row("leaf", "input", 0, "{a}", "{a}", (), "a number that was put in, not computed")

# The operators of Python.
ADD = row("add", "+", 2, "{a} + {b}", r"{a} + {b}", PAIRS, "the sum of two numbers")
MUL = row("mul", "×", 2, "{a} * {b}", r"{a} \cdot {b}", PAIRS, "the product of two numbers")
SUB = row("sub", "−", 2, "{a} - {b}", r"{a} - {b}", PAIRS, "the difference of two numbers")
DIV = row("div", "÷", 2, "{a} / {b}", r"\frac{{{a}}}{{{b}}}", PAIRS, "the quotient of two numbers")
NEG = row("neg", "−", 1, "-{a}", r"-{a}", EVERYWHERE, "the number with its sign turned")
POW = row("pow", "^", 2, "{a} ** {b}", r"{a}^{{{b}}}", ((0.7, 1.9), (1.2, -2.5), (3.1, 0.0)), "a to the power of b")
ABS = row("abs", "| |", 1, "abs({a})", r"\left|{a}\right|", EVERYWHERE, "the number without its sign (slope 0 at 0)")

# Exponentials, logarithms and roots.
EXP = function("exp", r"e^{{{a}}}", EVERYWHERE, "e to the power of x")
LOG = function("log", r"\ln {a}", POSITIVE, "the natural logarithm of x > 0")
TANH = function("tanh", r"\tanh {a}", EVERYWHERE, "the hyperbolic tangent")
RELU = function("relu", r"\max(0, {a})", EVERYWHERE, "x where it is positive, else 0 (slope 0 at 0)")
SIGMOID = function("sigmoid", r"\sigma({a})", EVERYWHERE, "the logistic function 1 / (1 + exp(-x))")
SQRT = function("sqrt", r"\sqrt{{{a}}}", POSITIVE, "the square root of x >= 0")
EXP2 = function("exp2", r"2^{{{a}}}", EVERYWHERE, "2 to the power of x")
EXPM1 = function("expm1", r"e^{{{a}}} - 1", EVERYWHERE, "exp(x) - 1, exact also for small x")
LOG2 = function("log2", r"\log_2 {a}", POSITIVE, "the logarithm of x > 0 to base 2")
LOG10 = function("log10", r"\log_{{10}} {a}", POSITIVE, "the logarithm of x > 0 to base 10")
LOG1P = function("log1p", r"\ln(1 + {a})", INSIDE, "log(1 + x) for x > -1, exact also for small x")
CBRT = function("cbrt", r"\sqrt[3]{{{a}}}", EVERYWHERE, "the cube root")

# Trigonometry, in radians, and its hyperbolic kin.
SIN = function("sin", r"\sin {a}", EVERYWHERE, "the sine of x radians")
COS = function("cos", r"\cos {a}", EVERYWHERE, "the cosine of x radians")
TAN = function("tan", r"\tan {a}", EVERYWHERE, "the tangent of x radians")
ASIN = function("asin", r"\arcsin {a}", INSIDE, "the angle in radians whose sine is x, -1 <= x <= 1")
ACOS = function("acos", r"\arccos {a}", INSIDE, "the angle in radians whose cosine is x, -1 <= x <= 1")
ATAN = function("atan", r"\arctan {a}", EVERYWHERE, "the angle in radians whose tangent is x")
SINH = function("sinh", r"\sinh {a}", EVERYWHERE, "the hyperbolic sine")
COSH = function("cosh", r"\cosh {a}", EVERYWHERE, "the hyperbolic cosine")
ASINH = function("asinh", r"\operatorname{{arsinh}} {a}", EVERYWHERE, "the inverse of sinh")
ACOSH = function("acosh", r"\operatorname{{arcosh}} {a}", (1.1, 2.0, 7.5), "the inverse of cosh, for x >= 1")
ATANH = function("atanh", r"\operatorname{{artanh}} {a}", INSIDE, "the inverse of tanh, for -1 < x < 1")
ATAN2 = function("atan2", r"\operatorname{{atan2}}({a}, {b})", PAIRS, "the angle in radians of the point (b, a)", 2)
DEGREES = function("degrees", r"\tfrac{{180}}{{\pi}}\,{a}", EVERYWHERE, "an angle in radians, in degrees")
RADIANS = function("radians", r"\tfrac{{\pi}}{{180}}\,{a}", EVERYWHERE, "an angle in degrees, in radians")
HYPOT = function("hypot", r"\sqrt{{{a}^2 + {b}^2}}", PAIRS, "the length of the vector (a, b)", 2)

# Special functions.
ERF = function("erf", r"\operatorname{{erf}} {a}", EVERYWHERE, "the error function")
ERFC = function("erfc", r"\operatorname{{erfc}} {a}", EVERYWHERE, "1 - erf(x), exact also where erf is near 1")
GAMMA = function("gamma", r"\Gamma({a})", (0.3, 1.5, 4.2, -1.6), "the gamma function, (x - 1)! for whole x")
LGAMMA = function("lgamma", r"\ln\left|\Gamma({a})\right|", (0.3, 1.5, 4.2, -1.6), "the logarithm of |gamma(x)|")
DIGAMMA = function(
    "digamma",
    r"\psi^{{({b})}}({a})",
    ((0.3, 0.0), (1.5, 1.0), (4.2, 2.0), (-1.6, 0.0), (-2.3, 1.0), (-0.4, 2.0)),
    "the derivative of lgamma, or with a second argument n the n-th derivative of that; n is never a Value",
    2,
)

# Parts of other functions.
FMOD = function("fmod", r"{a} \bmod {b}", PAIRS, "the remainder of a / b with the sign of a", 2)
REMAINDER = function(
    "remainder", r"\operatorname{{remainder}}({a}, {b})", PAIRS, "a less the whole multiple of b nearest to it", 2
)
COPYSIGN = function("copysign", r"\operatorname{{copysign}}({a}, {b})", PAIRS, "|a| with the sign of b", 2)
MAXIMUM = function("maximum", r"\max({a}, {b})", PAIRS, "the greater of two numbers (slope 1/2 for each if equal)", 2)
MINIMUM = function("minimum", r"\min({a}, {b})", PAIRS, "the smaller of two numbers (slope 1/2 for each if equal)", 2)

# Activations.
LEAKY_RELU = function(
    "leaky_relu",
    r"\operatorname{{leaky}}_{{{b}}}({a})",
    ((1.3, 0.01), (-1.3, 0.01), (-0.4, 0.2)),
    "a where it is positive, else b * a (b is 0.01 unless given)",
    2,
)
ELU = function(
    "elu",
    r"\operatorname{{elu}}_{{{b}}}({a})",
    ((1.3, 1.0), (-1.3, 1.0), (-0.4, 0.5)),
    "a where it is positive, else b * (exp(a) - 1) (b is 1 unless given)",
    2,
)
SOFTPLUS = function("softplus", r"\ln(1 + e^{{{a}}})", EVERYWHERE, "log(1 + exp(x)), a smooth relu")
LOG_SIGMOID = function("log_sigmoid", r"\ln\sigma({a})", EVERYWHERE, "log(sigmoid(x)) without rounding sigmoid to 0")
SILU = function("silu", r"{a}\,\sigma({a})", EVERYWHERE, "x * sigmoid(x), also called swish")
GELU = function("gelu", r"{a}\,\Phi({a})", EVERYWHERE, "x * P(Z <= x) for a standard normal Z (the exact form)")

# Fused primitives: one node for many operands.
SOFTMAX = function(
    "softmax",
    r"e^{{{a} - {b}}}",
    PAIRS,
    "one component of a softmax: exp(a - b), where b is the logsumexp of all of them",
    2,
)
SUM = function("sum", r"\sum({operands})", LISTS, "the sum of many numbers", MANY)
DOT = function("dot", r"\langle {operands} \rangle", LISTS, "the first half of the operands times the second", MANY)
MEAN = function("mean", r"\operatorname{{mean}}({operands})", LISTS, "the mean of many numbers", MANY)
PROD = function("prod", r"\prod({operands})", LISTS, "the product of many numbers", MANY)
DIST = function("dist", r"\left\|{operands}\right\|", LISTS, "the length of the first half less the second", MANY)
LOGSUMEXP = function(
    "logsumexp", r"\ln\sum\exp({operands})", LISTS, "the log of the sum of exponentials, without overflow", MANY
)
WHERE = function(
    "where",
    r"\operatorname{{where}}({operands})",
    ((1.0, 0.7, -1.9), (0.0, 2.2, 0.4)),
    "the second operand where the first is not 0, else the third",
    MANY,
)
CLIP = function(
    "clip",
    r"\operatorname{{clip}}({operands})",
    ((0.5, 0.0, 1.0), (-0.5, 0.0, 1.0), (1.5, 0.0, 1.0)),
    "the first operand held between the second and the third",
    MANY,
)

# Not a primitive: what stands for all the operations of a compiled function. Its local derivatives come with it.
CALL = row("call", "ƒ", MANY, "call({operands})", r"f({operands})", (), "a call of a compiled function, as one node")

BY_NAME = {row.name: op for op, row in enumerate(TABLE)}
