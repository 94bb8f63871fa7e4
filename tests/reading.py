"""Reading back what was written: formulas as text and as LaTeX evaluated, tables taken apart."""

from __future__ import annotations

import math
import operator
import re
from html.parser import HTMLParser

from autograd_mini import calculus
from autograd_mini.elementary import Double
from autograd_mini.ops import TABLE

OPS = {row.name: op for op, row in enumerate(TABLE)}
PYTHON = {"−": "-", "·": "*", "^": "**", "×": "*"}
SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹", "01234567890123456789")  # dist₁ is dist1 to Python
NUMBER = r"−?(?:\d+\.?\d*(?:e[+−]\d+)?|inf|nan)"


def compute(name, *operands):
    """A primitive of numbers; inf and nan as in C."""
    return float(calculus.value(OPS[name], [Double(x) for x in operands]))


FUNCTIONS = {row.name: lambda *operands, name=row.name: compute(name, *operands) for row in TABLE}


def parsed(text):
    """A number as it is written."""
    return float(text.replace("−", "-"))


def same(shown, x):
    """Whether a number written in four digits is x."""
    return math.isclose(parsed(shown), x, rel_tol=5.001e-4, abs_tol=1e-323) or (shown == "nan" and math.isnan(x))


def evaluated(text, names):
    """The number that a formula stands for."""
    text = SUPERSCRIPT.sub(r"**\g<0>", text).translate(DIGITS)
    for sign, python in PYTHON.items():
        text = text.replace(sign, python)
    return float(eval(text, {**FUNCTIONS, "inf": math.inf, "nan": math.nan}, names))


def rounding(text, names, exact):
    """How far the number of a formula may be off for its literals of four digits, but for those that are exact."""
    y, error = evaluated(text, names), 1e-9
    for literal in re.finditer(r"(?<![\w.])\d+\.?\d*(?:e[+−]\d+)?", text):
        x = parsed(literal[0])
        if x not in exact:
            moved = [f"{text[: literal.start()]}{x * (1 + h)!r}{text[literal.end() :]}" for h in (-5e-4, 5e-4)]
            error += max(abs(evaluated(other, names) - y) for other in moved)
    return error


class Table(HTMLParser):
    """A table of HTML: its caption and its rows of texts; an AssertionError if a tag is not closed in its turn."""

    def __init__(self, html):
        super().__init__()
        self.caption, self.rows, self.open = "", [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        else:
            assert self.open[-1] == "caption"
            self.caption += data


# LaTeX.


class UnknownNotation(Exception):
    """What this reader has not been taught."""


def check_latex(latex):
    """Assert that braces are balanced, each \\left has its \\right, and no $ opens or closes mathematics."""
    depth, pairs = 0, 0
    for token in re.findall(r"\\[a-zA-Z]+|\\.|.", latex, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(token, 0)
        pairs += {r"\left": 1, r"\right": -1}.get(token, 0)
        assert depth >= 0 and pairs >= 0 and token not in "$&#%\n", (token, latex)
    assert depth == pairs == 0, latex


ONE = {
    r"\ln": "log", r"\log_2": "log2", r"\log_{10}": "log10", r"\arcsin": "asin", r"\arccos": "acos",
    r"\arctan": "atan", r"\operatorname{arsinh}": "asinh", r"\operatorname{arcosh}": "acosh",
    r"\operatorname{artanh}": "atanh", r"\operatorname{erf}": "erf", r"\operatorname{erfc}": "erfc",
    **{rf"\{name}": name for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}  # fmt: skip
BRACKETED = {
    r"\sigma": lambda a: compute("sigmoid", a), r"\Phi": lambda a: 0.5 * math.erfc(-a / math.sqrt(2.0)),
    r"\Gamma": lambda a: compute("gamma", a), r"\max": max, r"\min": min,
    r"\sum": lambda *a: math.fsum(a), r"\prod": lambda *a: math.prod(a), r"\exp": lambda *a: [math.exp(x) for x in a],
    r"\psi": lambda n, a: compute("digamma", a, n), r"\operatorname{leaky}": lambda b, a: compute("leaky_relu", a, b),
    r"\operatorname{elu}": lambda b, a: compute("elu", a, b),
}  # fmt: skip
ENDS = {r"\right", ")", "}", "]", ",", r"\rangle", ""}


class Formula:
    """LaTeX read as mathematics; an AssertionError where it might be read in more ways than one."""

    def __init__(self, latex, names):
        self.names = names
        known = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        words = r"\\operatorname\{\w+\}|\\log_\{10\}|\\log_2|\\[a-zA-Z]+|\\.|\d+\.?\d*|[^\s]"
        self.tokens = [*re.findall(f"{known}|{words}" if known else words, latex), ""]

    def read(self):
        y = self.sum()
        assert self.tokens == [""], self.tokens
        return y

    def take(self, *expected):
        token = self.tokens.pop(0)
        assert not expected or token in expected, (expected, token, self.tokens)
        return token

    def sum(self):
        sign = self.take() if self.tokens[0] == "-" else ""
        y = self.power()
        if self.tokens[0] == r"\bmod" and not sign:
            self.take()
            y = math.fmod(y, self.power())
        else:
            y = self.product(-y if sign else y)
            while self.tokens[0] in ("+", "-"):
                y = {"+": operator.add, "-": operator.sub}[self.take()](y, self.product(self.power()))
        assert self.tokens[0] in ENDS, self.tokens
        return y

    def product(self, y):
        while self.tokens[0] in (r"\cdot", r"\,"):
            self.take()
            y *= self.power()
        return y

    def power(self):
        y = self.atom()
        if self.tokens[0] == "^":
            self.take()
            y = compute("pow", y, self.group())
            assert self.tokens[0] != "^", self.tokens
        return y

    def group(self, opening="{", closing="}"):
        if opening == "{" and self.tokens[0] != "{":
            return float(self.take())
        self.take(opening)
        y = self.sum()
        self.take(closing)
        return y

    def listed(self, opening="(", closing=")"):
        self.take(opening)
        found = [self.sum()]
        while self.tokens[0] == ",":
            self.take()
            found.append(self.sum())
        self.take(closing)
        return found

    def atom(self):
        token = self.take()
        if token in self.names:
            return self.names[token]
        if token[0].isdigit():
            return float(token)
        if token in (r"\frac", r"\tfrac"):
            return compute("div", self.group(), self.group())
        if token == r"\sqrt":
            root = self.group("[", "]") if self.tokens[0] == "[" else 2.0
            return compute("cbrt" if root == 3.0 else "sqrt", self.group())
        if token == r"\langle":
            return compute("dot", *self.listed_until(r"\rangle"))
        if token == r"\left":
            return self.enclosed()
        if token in ONE:
            return self.function_of_one(ONE[token])
        if token in BRACKETED or token.startswith(r"\operatorname"):
            return self.bracketed(token)
        if token in ("e", r"\pi", r"\infty"):
            return {"e": math.e, r"\pi": math.pi, r"\infty": math.inf}[token]
        raise UnknownNotation(f"{token} {self.tokens}")

    def listed_until(self, closing):
        self.tokens.insert(0, "(")
        return self.listed("(", closing)

    def enclosed(self):
        opening = self.take()
        self.tokens.insert(0, opening)
        found = self.listed(opening, r"\right")
        self.take({"(": ")"}.get(opening, opening))
        if opening == r"\|":
            return compute("dist", *found)
        (y,) = found
        return abs(y) if opening == "|" else y

    def function_of_one(self, name):
        """A function as people write it, without brackets: what follows its operand must not seem to belong to it."""
        if self.tokens[:2] == [r"\sum", r"\exp"]:
            self.take()
            a = math.fsum(self.bracketed(self.take()))
        else:
            (a,) = self.listed() if self.tokens[0] == "(" else [self.atom()]
        assert self.tokens[0] not in ("^", "("), (name, self.tokens)
        return compute(name, a)

    def bracketed(self, token):
        index = []
        if self.tokens[0] in ("_", "^"):
            self.take()
            self.take("{")
            index = self.listed() if self.tokens[0] == "(" else [self.sum()]
            self.take("}")
        function = BRACKETED.get(token) or FUNCTIONS.get(token.removeprefix(r"\operatorname{").rstrip("}"))
        if function is None:
            raise UnknownNotation(token)
        return function(*index, *self.listed())


def read_latex(latex, names):
    """The number that a formula in LaTeX stands for."""
    check_latex(latex)
    return Formula(latex, names).read()
