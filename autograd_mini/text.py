"""How numbers, nodes and local derivatives are written: as text and as LaTeX."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FunctionType, ModuleType, NoneType
from typing import Any, NamedTuple

from autograd_mini import calculus
from autograd_mini.elementary import Double
from autograd_mini.ops import BY_NAME, MANY, TABLE
from autograd_mini.value import Value, op_of, topological

LONGEST = 28  # characters of a formula that still serves as a name
IN_SENTENCE = 60  # and of a label in a sentence or a formula
LONGEST_DERIVATIVE = 200  # and of one that is written out
MOST = 1_000_000  # objects in which names are searched
NUMBERS = (float, int, str, bool, NoneType)  # and other things that hold no Values, of which a list may hold many

OPS = BY_NAME
# How tightly operators hold their operands, and names and function calls, or in LaTeX only \\tanh a, together.
BINDING = {"add": 1, "sub": 1, "div": 2, "neg": 3, "mul": 3, "pow": 5}
SIGN, CALL, ATOM = 0, 4, 6
NAME = re.compile(r"[^\W\d]\w*(\.\w+|\[[^\[\]]*\])*")  # what holds together as a variable and its parts do
SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
SPECIAL = "\\{}$&#^_%~<>"  # what LaTeX or MathJax takes as more than itself

# What XML does not allow, and what turns the direction of the text that follows.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


class Written(NamedTuple):
    """A number, name or formula as it is written, and how tightly its parts hold together."""

    text: str
    latex: str
    binding: int = ATOM
    latex_binding: int = ATOM
    is_own: bool = True  # not one that was made up


Names = Mapping[Value, Written]
UNWRITTEN = Written("", "")  # what has no name, and no formula that is short enough


# Numbers and names.


def number(x: float, sign: str = "") -> str:
    """A number in four digits, with a real minus sign; where sign is "+", with a plus sign too unless it is zero.

    >>> number(-0.66096), number(1.628, "+"), number(0.0, "+")
    ('−0.661', '+1.628', '0')
    """
    return f"{x:{sign}.4g}".replace("-", "−").replace("+nan", "nan") if x else "0"


def numeral(x: float) -> Written:
    """A number as a part of a formula."""
    text = number(x)
    mantissa, _, exponent = text.replace("−", "-").partition("e")
    latex = {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{nan}"}.get(mantissa, mantissa)
    binding = SIGN if x < 0 else ATOM
    scaled = rf"{latex} \cdot 10^{{{int(exponent)}}}" if exponent else latex
    return Written(text, scaled, binding, min(binding, BINDING["mul"]) if exponent else binding)


def name(text: str) -> Written:
    r"""A name as text and LaTeX.

    >>> name("x_1").latex, name("w[3]").latex, name("loss").latex, name("50%").latex
    ('x_{1}', 'w_{3}', '\\mathrm{loss}', '{\\text{50}\\%}')
    """
    shown = printable(text)
    binding = ATOM if NAME.fullmatch(shown) else SIGN  # a label may be a formula itself
    if match := re.fullmatch(r"([a-zA-Z])(?:_?(\d+)|\[(\d+)\])?", shown):
        letter, *indices = match.groups()
        index = "".join(filter(None, indices))
        return Written(shown, f"{letter}_{{{index}}}" if index else letter)
    if shown.isascii() and shown.isalnum():
        return Written(shown, rf"\mathrm{{{shown}}}")
    # Special characters stand outside of \text, where MathJax would show their backslash too.
    parts = re.split(f"([{re.escape(SPECIAL)}])", shown)
    parts = [special(part) if part in SPECIAL else rf"\text{{{part}}}" for part in parts if part]
    return Written(shown, f"{{{''.join(parts)}}}" if len(parts) > 1 else parts[0], binding, binding)


def special(character: str) -> str:
    """A character of meaning to LaTeX as LaTeX writes it among mathematics."""
    words = {"\\": r"{\backslash}", "^": r"{\wedge}", "~": r"{\sim}", "<": "{<}", ">": "{>}"}
    return words.get(character, f"\\{character}")


def printable(text: str) -> str:
    """The text with pictures of ASCII's control characters, ␊ for a newline, and � for what SVG cannot hold."""
    return UNPRINTABLE.sub(lambda match: chr(0x2400 + ord(match[0])) if match[0] < " " else "�", text)


def shortened(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def signed(x: float) -> str:
    """A number as a further term of a sum: '+ 1.628' or '− 0.661'."""
    return f"− {number(-x)}" if x < 0 else f"+ {number(x)}"


def latex(x: float) -> str:
    """A number in LaTeX, in parentheses if it is negative."""
    text = numeral(x).latex
    return rf"\left({text}\right)" if x < 0 else text


def close(x: float, y: float, tolerance: float = 1e-6) -> bool:
    """Whether two numbers are the same but for rounding, or both nan."""
    return math.isclose(x, y, rel_tol=tolerance, abs_tol=1e-300) or (math.isnan(x) and math.isnan(y))


def html_table(caption: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """An HTML table in the colours of the page it is on, in which MathJax does not take the $ of a label for LaTeX."""
    head = "".join([f"<th>{html.escape(column)}</th>" for column in columns])
    starts = ['<td style="text-align:left">', *["<td>"] * len(head)]  # a notebook's own style puts all to the right
    lines = ["".join([f"{td}{html.escape(cell)}</td>" for td, cell in zip(starts, row, strict=False)]) for row in rows]
    body = "".join([f"<tr>{line}</tr>" for line in lines])
    return (
        f'<table class="tex2jax_ignore mathjax_ignore"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


# Formulas.


def written(op: int, operands: Sequence[Written]) -> Written:
    """The formula of an operation in its operands as they are written.

    >>> a, two = name("a"), numeral(2.0)
    >>> written(OPS["pow"], [written(OPS["add"], [a, two]), two])[:2]
    ('(a + 2)²', '\\\\left(a + 2\\\\right)^{2}')
    """
    row = TABLE[op]
    if row.arity == MANY:
        listed = [", ".join(column) for column in zip(*[operand[:2] for operand in operands], strict=True)]
        return Written(row.text.format(operands=listed[0]), row.latex.format(operands=listed[1]), ATOM, CALL)
    power = operands[-1].text if row.name == "pow" else ""
    operator = row.text.replace(" ** ", "^").replace(" * ", "·").replace("-", "−")
    template = "{a}" + power.translate(SUPERSCRIPT) if power.isdecimal() else operator
    texts: list[str] = []
    latexes: list[str] = []
    for letter, operand in zip("ab", operands, strict=False):
        texts.append(f"({operand.text})" if loose(operand.binding, row.name) else operand.text)
        apart = operand.latex_binding < ATOM if row.name not in BINDING else loose(operand.latex_binding, row.name)
        apart = apart and not braced(row.latex, letter)
        latexes.append(rf"\left({operand.latex}\right)" if apart else operand.latex)
    text = template.format(a=texts[0], b=texts[-1])
    latex = row.latex.format(a=latexes[0], b=latexes[-1])
    # A sign in front is loose wherever it stands.
    binding = SIGN if text.startswith("−") else BINDING.get(row.name, ATOM)
    infix = row.name in BINDING and row.name != "div"  # which LaTeX writes as a fraction
    return Written(text, latex, binding, binding if infix else latex_binding(row.latex))


def loose(binding: int, operation: str) -> bool:
    """Whether an operand that is held together so needs parentheses in that operation."""
    if operation in ("add", "mul"):
        return binding < BINDING[operation]
    return operation in BINDING and binding <= BINDING["mul" if operation == "div" else operation]


def latex_binding(latex: str) -> int:
    r"""How tightly the LaTeX form of a function holds together.

    >>> latex_binding(r"e^{{{a}}} - 1") < latex_binding(r"\tanh {a}") < latex_binding(r"\sigma({a})")
    True
    >>> latex_binding(r"\tanh {a}") == latex_binding(r"\ln(1 + {a})") == latex_binding(r"{a}\,\sigma({a})")
    True
    """
    outside = latex
    while (inner := re.sub(r"\{[^{}]*\}", "", outside)) != outside:
        outside = inner
    if r"\bmod" in outside:
        return SIGN
    if " - " in outside:
        return BINDING["add"]
    return ATOM if re.fullmatch(r"\\(?!ln)[a-zA-Z]+[_^]?\(.*\)|\\left\|\\right\|", outside) else CALL


def braced(latex: str, operand: str) -> bool:
    """Whether a LaTeX form encloses the operand wherever it has it.

    >>> braced(r"e^{{{a}}}", "a"), braced(r"\\tanh {a}", "a")
    (True, False)
    """
    places = latex.split(f"{{{operand}}}")
    before, after = [part.rstrip()[-1:] for part in places[:-1]], [part.lstrip() for part in places[1:]]
    enclosed = [text.startswith(("}", ")", "|", ",", r"\right")) for text in after]
    return all(enclosed) and all(character in "{(|," and character for character in before)


def named(nodes: Iterable[Value], names: Mapping[str, Any] | None = None) -> dict[Value, Written]:
    """What each of the nodes is called: its label, the variable that holds it, or a formula.

    Where that is long, or an operand has no name, it is the operation and which of these it is.

    >>> x = Value(1.0)
    >>> y = x * 2.0
    >>> [name.text for name in named([x, y], {"y": y}).values()]
    ['input₁', 'y']

    Args:
        nodes: each after its operands, as topological() gives them.
        names: variables by name, as locals() gives them; what they hold is searched through.
    """
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(f"names is a dict of variables by name, such as locals(), not {type(names).__name__}")
    variables = {id(node): path for path, node in held(names or {})}
    known: dict[Value, Written] = {}
    for node in nodes:
        label = node.label or variables.get(id(node))
        known[node] = name(label) if label else formula(node, known)
    counts: dict[str, int] = {}
    for node in known:
        if not known[node].text:
            counts[node.op] = counts.get(node.op, 0) + 1
            known[node] = numbered(node, counts[node.op])
    return known


def numbered(node: Value, count: int) -> Written:
    """The name of a node that has none of its own: its operation and which of these it is, as dot₂."""
    word = TABLE[op_of(node)].symbol if node.op == "leaf" else node.op
    latex = word.replace("_", r"\_")
    return Written(word + str(count).translate(SUBSCRIPT), rf"\mathrm{{{latex}}}_{{{count}}}", is_own=False)


def formula(node: Value, names: Names, longest: int = LONGEST) -> Written:
    """The formula of a computed node in the names of its operands; empty if one has none or if it would be long.

    >>> a = Value(2.0, label="a")
    >>> s = a - 1.0
    >>> formula(s * -3.0, named([a, s])).text
    '(a − 1)·(−3)'
    """
    operands = node.operands
    if not operands:
        return UNWRITTEN
    parts = [names[x] if isinstance(x, Value) else numeral(x) for x in operands[:longest]]
    return spelled(op_of(node), parts, longest, twice=node.op == "mul" and operands[0] is operands[1])


def spelled(op: int, parts: Sequence[Written], longest: int, twice: bool = False) -> Written:
    """The formula of a primitive of parts, a·a as a power; empty if one of them is or if it would be long."""
    if not all(part.text for part in parts):
        return UNWRITTEN
    whole = written(OPS["pow"], [parts[0], numeral(2.0)]) if twice else written(op, parts)
    return whole if len(whole.text) < longest else UNWRITTEN


def held(variables: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    """The Values in variables, lists, dicts and objects of the user's own, each with the path that leads to it.

    Those nearest to a variable come last, so that a dict of them keeps the shortest path.

    >>> dict((value.data, path) for path, value in held({"x": [Value(1.0), {"y": Value(2.0)}]}))
    {2.0: "x[1]['y']", 1.0: 'x[0]'}
    """
    levels: list[list[tuple[str, Value]]] = []
    found = [(key, x) for key, x in variables.items() if isinstance(key, str) and is_shown(key) and searched(x)]
    seen: set[int] = set()
    while found:
        levels.append([(path, x) for path, x in found if type(x) is Value])
        fresh = []
        for path, x in found:
            if id(x) not in seen and len(seen) < MOST:
                seen.add(id(x))
                fresh.extend(inside(path, x))
        found = fresh
    for level in reversed(levels):
        yield from reversed(level)


def is_shown(variable: str) -> bool:
    """Whether a variable is the user's own: not private, nor one of IPython's lists of all inputs and outputs."""
    return not variable.startswith("_") and variable not in ("In", "Out")


def inside(path: str, x: Any) -> list[tuple[str, Any]]:
    """What a list, tuple, dict or object of a Python class holds that may hold Values, with its paths.

    Nothing, if it fails when it is looked at: it is not what the user asked about.
    """
    kind = type(x)
    try:
        if issubclass(kind, (list, tuple)):
            return [(f"{path}[{i}]", part) for i, part in enumerate(x) if searched(part)]
        if issubclass(kind, dict):
            return [(f"{path}[{subscript(key)}]", part) for key, part in list(x.items()) if searched(part)]
        parts = list(attributes(x).items())
        return [(f"{path}.{key}", part) for key, part in parts if not key.startswith("_") and searched(part)]
    except Exception:
        return []


def subscript(key: Any) -> str:
    """A key as it is written in brackets: w[6, 3] for the key (6, 3)."""
    return repr(key)[1:-1] if type(key) is tuple and len(key) > 1 else repr(key)


def searched(x: Any) -> bool:
    """Whether x is a Value or may hold some. Its class is asked, since an object may answer with code of its own."""
    kind = type(x)
    if kind in NUMBERS or issubclass(kind, (type, ModuleType, FunctionType)):
        return False
    if issubclass(kind, (Value, list, tuple, dict)):
        return True
    ours = str(kind.__module__).startswith("autograd_mini.") and not hasattr(kind, "parameters")  # a Step, a Why
    return not ours and bool(attributes(x))


def attributes(x: Any) -> dict[str, Any]:
    """The attributes that lie in an object itself."""
    try:
        found = object.__getattribute__(x, "__dict__")
    except Exception:
        return {}
    return found if type(found) is dict else {}


# Local derivatives, written down by running the page of rules on terms.


class Term:
    """A number with its formula, in names and in numbers: what the page of rules is run on to write a derivative.

    >>> a, b = Term(2.0, name("a")), Term(-3.0, name("b"))
    >>> y = (a - b).tanh()
    >>> y.named.text, y.numbers.text
    ('tanh(a − b)', 'tanh(2 − (−3))')
    """

    __slots__ = ("data", "named", "numbers")

    def __init__(self, data: float, named: Written | None = None, numbers: Written | None = None) -> None:
        self.data = Double(data)
        self.numbers = numbers or numeral(data)
        self.named = named or self.numbers

    # fmt: off
    def __add__(self, b: Any) -> Any: return term("add", self, b)
    def __radd__(self, a: Any) -> Any: return term("add", a, self)
    def __sub__(self, b: Any) -> Any: return term("sub", self, b)
    def __rsub__(self, a: Any) -> Any: return term("sub", a, self)
    def __mul__(self, b: Any) -> Any: return term("mul", self, b)
    def __rmul__(self, a: Any) -> Any: return term("mul", a, self)
    def __truediv__(self, b: Any) -> Any: return term("div", self, b)
    def __rtruediv__(self, a: Any) -> Any: return term("div", a, self)
    def __pow__(self, b: Any) -> Any: return term("pow", self, b)
    def __neg__(self) -> Any: return term("neg", self)
    def __abs__(self) -> Any: return term("abs", self)
    def __lt__(self, other: Any) -> Any: return self.data < plain(other)
    def __le__(self, other: Any) -> Any: return self.data <= plain(other)
    def __gt__(self, other: Any) -> Any: return self.data > plain(other)
    def __ge__(self, other: Any) -> Any: return self.data >= plain(other)
    def __eq__(self, other: object) -> Any: return self.data == plain(other)
    def __ne__(self, other: object) -> Any: return self.data != plain(other)
    __hash__ = None  # type: ignore[assignment]
    # fmt: on

    def __getattr__(self, function: str) -> Callable[..., Term]:
        if function not in OPS:
            raise AttributeError(f"{function} is not a primitive")
        return lambda *others: term(function, self, *others)


def term(function: str, *operands: Any) -> Any:
    """The term of a primitive applied to terms and numbers."""
    if function == "pow" and is_one(operands[1]):
        return operands[0]  # what is left of a square
    if function == "mul" and is_one(operands[0]):
        return operands[1]
    terms = [x if isinstance(x, Term) else Term(x) for x in operands]
    op = OPS[function]
    data = calculus.value(op, [x.data for x in terms])
    twice = function == "mul" and operands[0] is operands[1]
    columns = [x.named for x in terms], [x.numbers for x in terms]
    return Term(data, *[spelled(op, column, LONGEST_DERIVATIVE, twice) for column in columns])


def is_one(x: Any) -> bool:
    """Whether x is the constant 1."""
    return not isinstance(x, Term) and x == 1.0


def plain(x: Any) -> Any:
    """The number in a term, or x itself."""
    return x.data if isinstance(x, Term) else x


class Operands(Sequence[Any]):
    """The operands of a node as terms, made when the page of rules asks for one: of many, most rules need few."""

    def __init__(self, node: Value, names: Names, constant: Callable[[float], Any]) -> None:
        self.node, self.names, self.constant = node, names, constant
        self.terms: dict[Value, Term] = {}  # one for each, so that the product of one with itself is seen as a square

    def __len__(self) -> int:
        return len(self.node.operands)

    def __getitem__(self, i: Any) -> Any:
        operand = self.node.operands[i]
        if not isinstance(operand, Value):
            return self.constant(float(operand))
        if operand not in self.terms:
            self.terms[operand] = Term(operand.data, called(operand, self.names))
        return self.terms[operand]


def local_derivative(node: Value, i: int, names: Names) -> Term:
    """The derivative of a node by its operand i, as a formula in names and in numbers.

    >>> z = Value(0.5, label="z")
    >>> y = z.tanh()
    >>> slope = local_derivative(y, 0, names_of(y))
    >>> slope.named.text, slope.numbers.text
    ('1 − tanh(z)²', '1 − 0.4621²')
    """
    op = op_of(node)
    if op in calculus.own:
        return own_derivative(node, i, names)
    y = Term(node.data, called(node, names))
    try:
        slope = calculus.slope(op, Operands(node, names, float), y, i)
    except ZeroDivisionError:  # of floats; of terms it is inf or nan, as in C
        slope = calculus.slope(op, Operands(node, names, Term), y, i)
    return slope if isinstance(slope, Term) else Term(slope)


def own_derivative(node: Value, i: int, names: Names) -> Term:
    """`local_derivative` of a primitive of one's own: the graph of its slope, read; nan if the slope takes floats only.
    """
    copies = {x: Value(x.data) for x in (*node.parents, node)}
    operands = [copies[x] if isinstance(x, Value) else x for x in node.operands]
    try:
        slope = calculus.slope(op_of(node), operands, copies[node], i)
    except Exception:  # from the user's code, that is given what it does not expect
        return Term(math.nan)
    if not isinstance(slope, Value):
        return Term(slope)
    named = {copy: called(x, names) for x, copy in copies.items()}
    numbers = {copy: numeral(copy.data) for copy in copies.values()}
    for known in (named, numbers):
        for step in topological(slope):
            if step not in known:
                known[step] = formula(step, known, LONGEST_DERIVATIVE) if step.operands else numeral(step.data)
    return Term(slope.data, named[slope], numbers[slope])


def fraction(node: Value, i: int, names: Names) -> Written:
    """The derivative of a node by its operand i as Leibniz wrote it, ∂y/∂a.

    >>> z = Value(0.5, label="z")
    >>> y = z * 2.0
    >>> fraction(y, 0, {z: name("z"), y: name("y")}).text
    '∂y/∂z'
    """
    operand = node.operands[i]
    assert isinstance(operand, Value)
    return derivative(called(node, names), called(operand, names))


def derivative(y: Written, a: Written) -> Written:
    """∂y/∂a as text and as a fraction.

    >>> derivative(name("y"), written(OPS["neg"], [name("a")])).text
    '∂y/∂(−a)'
    """
    over, under = [part.text if part.binding >= ATOM else f"({part.text})" for part in (y, a)]
    apart = [rf"\left({part.latex}\right)" if part.latex_binding < ATOM else part.latex for part in (y, a)]
    return Written(f"∂{over}/∂{under}", rf"\frac{{\partial {apart[0]}}}{{\partial {apart[1]}}}")


def called(node: Value, names: Names) -> Written:
    """The name of a node in a sentence or formula, the beginning of a long one; its operation if it has none."""
    known = names.get(node, name(node.op))
    return known if len(known.text) <= IN_SENTENCE else name(shortened(known.text, IN_SENTENCE))


def names_of(root: Value, names: Mapping[str, Any] | None = None) -> dict[Value, Written]:
    """What each node that `root` was computed from is called."""
    return named(topological(root), names)
