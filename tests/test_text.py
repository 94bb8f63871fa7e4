"""What is written: formulas and local derivatives read back give the numbers they speak of, and names are found."""

from __future__ import annotations

import functools
import itertools
import math
import time
import types
from unittest.mock import MagicMock, Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Value, nn, ops
from autograd_mini import text as texts
from autograd_mini.ops import TABLE
from autograd_mini.text import UNWRITTEN, fraction, held, local_derivative, name, names_of, number, numeral, written
from autograd_mini.value import apply
from tests.reading import (
    DIGITS,
    OPS,
    Table,
    UnknownNotation,
    check_latex,
    compute,
    evaluated,
    read_latex,
    rounding,
    same,
)
from tests.test_rules import at_every_sample, values, variables

LETTERS = "abcdfg"  # not e, which is a number
FLOATS = st.one_of(st.floats(-1e308, 1e308), st.sampled_from([math.inf, -math.inf, math.nan]))
# Labels as hostile as any: what HTML, LaTeX, MathJax, XML or Python might take as more than text.
HOSTILE = [
    "it's", '"quoted"', "a<b", "a & b", "<script>", "</td>", "&amp;", "two\nlines", "tab\there", "50%", "$5 and $6",
    "w_in", "a^b", "~", "#1", r"\alpha", "\\", "{", "}", "}{", "}}", "[x]", "µ", "😀", "a\u0301", "\u202eabc", "\x00",
    "\x7f", "\ud800", "{a}", "%s", "x" * 1000, "$" * 1000, r"\right)", "   ", "—", "ab12", "3",
]  # fmt: skip
hostile = pytest.mark.parametrize("label", HOSTILE, ids=lambda label: ascii(label[:16]))


def render(formula):
    """See that another reader of LaTeX takes the formula."""
    mathtext = pytest.importorskip("matplotlib.mathtext")
    for latex, known in {r"\tfrac": r"\frac", r"\bmod": r"\operatorname{mod}", r"\&": r"\#"}.items():
        formula = formula.replace(latex, known)  # which that reader does not know
    mathtext.MathTextParser("path").parse(f"${formula}$")


# Numbers and names.


@given(FLOATS)
def test_numbers_are_written_in_four_digits(x):
    for text in (number(x), number(x, "+"), numeral(x).text, texts.signed(x).replace("+ ", "").replace(" ", "")):
        assert same(text, x)
        assert "-" not in text
    assert number(x, "+")[0] in ("+−" if x and not math.isnan(x) else "0n")
    for formula in (numeral(x).latex, texts.latex(x)):
        check_latex(formula)
    if math.isfinite(x):
        assert read_latex(numeral(x).latex, {}) == pytest.approx(x, rel=5.001e-4, abs=1e-323)


@hostile
def test_labels_are_text_and_nothing_else(label):
    text, formula, *_ = name(label)
    check_latex(formula)
    assert "\n" not in text and text.isprintable() and text.encode()
    table = Table(texts.html_table(label, [label], [[label, label]]))
    assert (table.caption, table.rows) == (label, [[label], [label, label]])


@hostile
def test_labels_render(label):
    render(name(label).latex)
    render(f"{name(label).latex}^{{2}}")


def test_a_name_of_many_signs_is_one_to_an_exponent():
    assert read_latex("{a}", {"{a}": 1.0}) == 1.0
    for label in ("learning_rate", "50%", "a<b"):
        assert name(label).latex[0] == "{" and name(label).latex[-1] == "}"
    assert name("learning rate").latex == r"\text{learning rate}"


# Formulas.


def at(shown):
    """Leaves called a, b, ... with exact numbers, and what a text or LaTeX calls them."""
    return {getattr(name(letter), shown): x for letter, x in zip(LETTERS, NUMBERS, strict=False)}


NUMBERS = (0.7, -1.9, 2.2, 0.4)
ATOMS = [
    *[(name(letter), x) for letter, x in zip(LETTERS, NUMBERS, strict=False)],
    *[(numeral(x), x) for x in (2.0, 3.0, 0.5, -1.0, -0.25, 1e-05, -2e-05, 0.0)],
]


@st.composite
def formulas(draw, steps=8):
    """Formulas of random primitives in each other, with their numbers."""
    found = [ATOMS[0]]
    for _ in range(draw(st.integers(1, steps))):
        op = draw(st.one_of(st.sampled_from([OPS[operator] for operator in OPERATORS]), st.integers(1, ops.CALL - 1)))
        sample = draw(st.sampled_from(TABLE[op].samples))
        operand = st.one_of(st.sampled_from(found[-3:]), st.sampled_from(found[-3:]), st.sampled_from(ATOMS))
        operands = [draw(operand) if i in variables(op, sample) else (numeral(x), x) for i, x in enumerate(sample)]
        y = compute(TABLE[op].name, *[x for _, x in operands])
        if math.isfinite(y) and (y == 0.0 or 1e-5 < abs(y) < 30.0):
            found.append((written(op, [part for part, _ in operands]), y))
    return found


OPERATORS = ("add", "sub", "mul", "div", "neg", "pow")


def close(x, y):
    """Whether two numbers are the same but for the order of sums; those of chaotic formulas are not compared."""
    return x == pytest.approx(y, rel=1e-6, abs=1e-6)


def steady(text, names, y):
    """Whether a formula is defined around here, and keeps its number when its names move by a rounding error."""
    moved = [{key: x * (1.0 + h) for key, x in names.items()} for h in (-1e-13, 1e-13)]
    try:
        return all(math.isclose(evaluated(text, other), y, rel_tol=1e-7, abs_tol=1e-7) for other in moved)
    except (ArithmeticError, ValueError):
        return False


@settings(max_examples=400)
@given(formulas())
def test_formulas_mean_what_was_computed(found):
    for formula, y in found:
        if steady(formula.text, at("text"), y):
            assert close(evaluated(formula.text, at("text")), y), formula.text


@settings(max_examples=400)
@given(formulas())
def test_formulas_in_latex_mean_what_was_computed(found):
    for formula, y in found:
        check_latex(formula.latex)
        if steady(formula.text, at("text"), y):
            assert close(latex_or(y, formula.latex, at("latex")), y), formula.latex


def latex_or(otherwise, formula, names):
    """What a formula in LaTeX means, or where it has a notation that the tests cannot read, what it should mean."""
    try:
        return read_latex(formula, names)
    except UnknownNotation:
        return otherwise


@settings(max_examples=20)
@given(formulas())
def test_formulas_render(found):
    render(found[-1][0].latex)


def chained(*functions):
    """The formula of functions of each other; "mul b" has b as its second operand, "b mul" as its first."""
    y = name("a")
    for function in functions:
        before, op, after = function.partition(next(word for word in function.split() if word in OPS))
        y = written(OPS[op], [*map(part, before.split()), y, *map(part, after.split())])
    return y


def part(word):
    return name(word) if word.isalpha() else numeral(float(word))


@pytest.mark.parametrize(
    ("functions", "text", "tex"),
    [
        (("add b", "tanh"), "tanh(a + b)", r"\tanh \left(a + b\right)"),
        (("neg", "exp"), "exp(−a)", "e^{-a}"),
        (("tanh", "pow 2"), "tanh(a)²", r"\left(\tanh a\right)^{2}"),
        (("sigmoid", "pow 2"), "sigmoid(a)²", r"\sigma(a)^{2}"),
        (("silu", "pow 2"), "silu(a)²", r"\left(a\,\sigma(a)\right)^{2}"),
        (("gelu", "pow 3"), "gelu(a)³", r"\left(a\,\Phi(a)\right)^{3}"),
        (("log1p", "pow 2"), "log1p(a)²", r"\left(\ln(1 + a)\right)^{2}"),
        (("log_sigmoid", "pow 2"), "log_sigmoid(a)²", r"\left(\ln\sigma(a)\right)^{2}"),
        (("lgamma", "pow 2"), "lgamma(a)²", r"\left(\ln\left|\Gamma(a)\right|\right)^{2}"),
        (("abs", "pow 2"), "abs(a)²", r"\left|a\right|^{2}"),
        (("pow 2", "pow b"), "(a²)^b", r"\left(a^{2}\right)^{b}"),
        (("b pow", "2 pow"), "2^(b^a)", "2^{b^{a}}"),
        (("pow -2",), "a^(−2)", "a^{-2}"),
        (("-2 pow",), "(−2)^a", r"\left(-2\right)^{a}"),
        (("1e-5 pow",), "1e−05^a", r"\left(1 \cdot 10^{-5}\right)^{a}"),
        (("b fmod", "add c"), "fmod(b, a) + c", r"\left(b \bmod a\right) + c"),
        (("expm1", "mul b"), "expm1(a)·b", r"\left(e^{a} - 1\right) \cdot b"),
        (("hypot b", "neg"), "−hypot(a, b)", r"-\sqrt{a^2 + b^2}"),
        (("add 1", "hypot b"), "hypot(a + 1, b)", r"\sqrt{\left(a + 1\right)^2 + b^2}"),
        (("div b", "mul c"), "(a / b)·c", r"\frac{a}{b} \cdot c"),
        (("div b", "c mul"), "c·(a / b)", r"c \cdot \frac{a}{b}"),
        (("mul b", "div c"), "(a·b) / c", r"\frac{a \cdot b}{c}"),
        (("mul b", "c div"), "c / (a·b)", r"\frac{c}{a \cdot b}"),
        (("div b", "c div"), "c / (a / b)", r"\frac{c}{\frac{a}{b}}"),
        (("div b", "add c"), "a / b + c", r"\frac{a}{b} + c"),
        (("sub b", "sub c"), "(a − b) − c", r"\left(a - b\right) - c"),
        (("sub b", "add c"), "a − b + c", "a - b + c"),
        (("add b", "mul c"), "(a + b)·c", r"\left(a + b\right) \cdot c"),
        (("mul -3",), "a·(−3)", r"a \cdot \left(-3\right)"),
        (("sub -3",), "a − (−3)", r"a - \left(-3\right)"),
        (("neg", "neg"), "−(−a)", r"-\left(-a\right)"),
        (("neg", "add b"), "(−a) + b", r"\left(-a\right) + b"),
        (("mul b", "neg"), "−(a·b)", r"-\left(a \cdot b\right)"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, tuple) else "",
)
def test_parentheses(functions, text, tex):
    assert chained(*functions)[:2] == (text, tex)


# Local derivatives, of every row.


def labelled(op, sample, labels=LETTERS):
    """A row at a sample of labelled operands."""
    operands = values(op, sample)
    for i in variables(op, sample):
        operands[i].label = labels[i]
    return apply(op, *operands)


def derivatives(op, sample, labels=LETTERS):
    """The local derivatives of a row at a sample, each with the recorded one."""
    y = labelled(op, sample, labels)
    found = [local_derivative(y, i, names_of(y)) for i in variables(op, sample)]
    return zip(found, y.local_derivatives, strict=True)


def check_derivative(term, recorded, exact, y=None, **others):
    """Assert that a local derivative of y is the recorded one, as a number and as the two formulas."""
    names = {**dict(zip(LETTERS, exact, strict=False)), **others}
    latexes = {name(letter).latex: x for letter, x in names.items()}
    for node, called in (names_of(y) if y is not None else {}).items():
        names[called.text.translate(DIGITS)] = latexes[called.latex] = node.data
    assert float(term.data) == pytest.approx(recorded, rel=1e-12, abs=1e-300)
    known = {*map(abs, exact), 0.0, 0.5, 1.0, 2.0, 3.0}
    for formula in (term.named, term.numbers):
        error = rounding(formula.text, names, known)
        assert abs(evaluated(formula.text, names) - recorded) <= error < 0.05 * abs(recorded) + 1e-8, formula.text
        found = latex_or(recorded, formula.latex, latexes)
        assert found == pytest.approx(recorded, abs=error), formula.latex


@at_every_sample
def test_local_derivatives_of_named_operands(op, sample):
    for term, recorded in derivatives(op, sample):
        check_derivative(term, recorded, sample)


@at_every_sample
def test_local_derivatives_where_nothing_has_a_name(op, sample):
    operands = values(op, sample)
    y = apply(op, *operands)
    names = names_of(y)
    assert len({written.text for written in names.values()}) == len(names)
    for i, recorded in zip(variables(op, sample), y.local_derivatives, strict=True):
        check_derivative(local_derivative(y, i, names), recorded, sample, y=y)
        assert fraction(y, i, names).text.endswith(f"/∂{names[operands[i]].text}")


@at_every_sample
def test_local_derivatives_of_a_labelled_node(op, sample):
    y = labelled(op, sample)
    y.label = "y"
    for i, recorded in zip(variables(op, sample), y.local_derivatives, strict=True):
        check_derivative(local_derivative(y, i, names_of(y)), recorded, sample, y=y)
        leibniz = fraction(y, i, names_of(y))
        assert leibniz.text == f"∂y/∂{LETTERS[i]}"
        assert leibniz.latex == rf"\frac{{\partial y}}{{\partial {LETTERS[i]}}}"


@at_every_sample
def test_local_derivatives_beside_constants(op, sample):
    for i in variables(op, sample):
        y = apply(op, *sample[:i], Value(sample[i], LETTERS[i]), *sample[i + 1 :])
        check_derivative(local_derivative(y, i, names_of(y)), *y.local_derivatives, sample, y=y)


@at_every_sample
def test_local_derivatives_by_compound_operands(op, sample):
    operands = values(op, sample)
    for i in variables(op, sample):
        operands[i] = Value(sample[i] - 1.0, LETTERS[i]) + 1.0
    y = apply(op, *operands)
    for i, recorded in zip(variables(op, sample), y.local_derivatives, strict=True):
        term = local_derivative(y, i, names_of(y))
        named_leaves = dict(zip(LETTERS, [x - 1.0 for x in sample], strict=False))
        named_leaves[names_of(y)[y].text.translate(DIGITS)] = y.data
        if y.op not in ("gamma", "lgamma", "digamma"):  # beside a root, all digits go
            error = rounding(term.named.text, named_leaves, {0.0, 0.5, 1.0, 2.0, 3.0})
            assert evaluated(term.named.text, named_leaves) == pytest.approx(recorded, abs=error + 1e-7)
            read = {name(letter).latex: x for letter, x in named_leaves.items()} | {names_of(y)[y].latex: y.data}
            assert latex_or(recorded, term.named.latex, read) == pytest.approx(recorded, abs=error + 1e-7)


@at_every_sample
def test_local_derivatives_render(op, sample):
    for term, _ in derivatives(op, sample, HOSTILE):
        render(term.named.latex)
        render(term.numbers.latex)


@at_every_sample
def test_local_derivatives_at_special_numbers(op, sample):
    for x, i, j in itertools.product((0.0, -0.0, 1.0, math.inf, -math.inf, math.nan), *[variables(op, sample)] * 2):
        operands = [*sample[:j], x, *sample[j + 1 :]]
        operands[i] = Value(operands[i], "a")
        try:
            y = apply(op, *operands)
        except (ArithmeticError, ValueError):  # not defined there
            continue
        term = local_derivative(y, i, names_of(y))
        assert float(term.data) == pytest.approx(*y.local_derivatives, rel=1e-12, nan_ok=True)
        check_latex(term.named.latex)
        check_latex(term.numbers.latex)


def test_a_square_is_seen():
    x = Value(3.0, "x")
    y = x.tanh()
    square = x * x
    assert names_of(square)[square].text == "x²"
    assert local_derivative(y, 0, names_of(y)).named.text == "1 − tanh(x)²"


def test_no_two_nodes_of_a_graph_share_a_name():
    w = [Value(float(i + 1), label=f"weight_number_{i}") for i in range(3)]
    y = (am.dot(w, [Value(0.1) for _ in w]) * 2.0 + 1.0).tanh()
    y.label = "y"
    found = called(y)
    assert len(set(found)) == len(found) == 10 and all(found)
    said = "\n".join(map(str, y.backward_steps()))
    assert "∂y/∂add₁ = 1 − y²" in said and "∂dot₁/∂weight_number_0 = input₁ = 0.1" in said


def test_a_long_derivative_is_left_out_soon():
    values = [Value(1.0 + i / 1000) for i in range(300)]
    y = am.prod(values)
    names = names_of(y)
    start = time.process_time()
    term = local_derivative(y, 0, names)
    assert time.process_time() - start < 1.0
    assert (term.named, term.numbers) == (UNWRITTEN, UNWRITTEN)
    assert float(term.data) == pytest.approx(y.local_derivatives[0])


def test_derivatives_of_many_operands_take_linear_time():
    y = am.sum([Value(float(i)) for i in range(3000)])
    names = names_of(y)
    start = time.process_time()
    assert {local_derivative(y, i, names).named.text for i in range(3000)} == {"1"}
    assert time.process_time() - start < 3.0


# What nodes are called.


def called(root, **variables):
    return [shown.text for shown in names_of(root, variables).values()]


def test_labels_come_before_variables_and_variables_before_formulas():
    x, w = Value(2.0, label="x"), Value(3.0)
    y = (x * w).exp()
    assert called(y) == ["x", "input₁", "mul₁", "exp₁"]
    assert called(y, x1=x, w=w, other=x * w) == ["x", "w", "x·w", "exp(x·w)"]
    assert called(y, w=w, z=y.operands[0]) == ["x", "w", "z", "exp(z)"]
    y.label = "loss"
    assert called(y, out=y)[-1] == "loss"


def test_a_long_formula_is_no_name():
    x = Value(1.0, "x")
    y = x
    for _ in range(texts.LONGEST):
        y = y + x
    found = called(y)
    assert max(map(len, found)) < texts.LONGEST
    assert found[1] == "x + x" and found[-1].startswith("add")
    assert names_of(am.sum([x] * 1000))[x].text == "x"
    many = am.sum([x] * 1000)
    assert names_of(many)[many].text == "sum₁"


def paths(**variables):
    return {value.data: path for path, value in held(variables)}


class Neuron:
    def __init__(self, n, start):
        self.w = [Value(start + i) for i in range(n)]
        self.b = Value(start + 0.5)


class Layer:
    def __init__(self, start):
        self.neurons = [Neuron(2, start), Neuron(2, start + 10)]


class MLP:
    def __init__(self):
        self.layers = [Layer(0.0), Layer(100.0)]
        self.scale = {"in": Value(-1.0), 7: (Value(-2.0),)}
        self._cache = [Value(-3.0)]


def test_values_are_found_in_variables_lists_dicts_and_objects():
    found = paths(model=MLP(), x=Value(-10.0), xs=[Value(-11.0), (Value(-12.0), [Value(-13.0)])], d={"k": Value(-14.0)})
    assert found == {
        0.0: "model.layers[0].neurons[0].w[0]", 1.0: "model.layers[0].neurons[0].w[1]",
        0.5: "model.layers[0].neurons[0].b", 10.0: "model.layers[0].neurons[1].w[0]",
        11.0: "model.layers[0].neurons[1].w[1]", 10.5: "model.layers[0].neurons[1].b",
        100.0: "model.layers[1].neurons[0].w[0]", 101.0: "model.layers[1].neurons[0].w[1]",
        100.5: "model.layers[1].neurons[0].b", 110.0: "model.layers[1].neurons[1].w[0]",
        111.0: "model.layers[1].neurons[1].w[1]", 110.5: "model.layers[1].neurons[1].b",
        -1.0: "model.scale['in']", -2.0: "model.scale[7][0]",
        -10.0: "x", -11.0: "xs[0]", -12.0: "xs[1][0]", -13.0: "xs[1][1][0]", -14.0: "d['k']",
    }  # fmt: skip


def test_a_path_leads_to_its_value():
    model = MLP()
    variables = {"model": model, "pairs": [(model.layers[0].neurons[0].b, {"é": Value(-5.0)})]}
    for path, value in held(variables):
        assert eval(path, {}, variables) is value


def test_the_nearest_path_and_of_equals_the_first_names_a_value():
    x = Value(1.0)
    assert paths(far=[[x]], near=[x]) == {1.0: "near[0]"}
    assert paths(far=[[x]], near=[x], it=x, also=x) == {1.0: "it"}


def test_modules_are_searched_and_what_explains_is_not():
    class Line(nn.Module):
        def __init__(self):
            self.slope, self.offset = Value(2.0), Value(1.0)

    line = Line()
    loss = line.slope * 3.0 + line.offset
    optimiser = nn.SGD(line.parameters(), lr=0.1)
    step, reason = next(loss.backward_steps()), am.why(line.slope, loss)
    found = paths(step=step, reason=reason, optimiser=optimiser, net=line)
    assert found == {2.0: "net.slope", 1.0: "net.offset"}
    model = nn.MLP(2, [2, 1])
    assert {id(value) for _, value in held({"model": model})} == set(map(id, model.parameters()))


@pytest.mark.parametrize("variable", ["_", "__", "_1", "_x", "In", "Out", "_ih"])
def test_private_variables_and_lists_of_all_inputs_and_outputs_are_skipped(variable):
    assert paths(**{variable: Value(1.0)}) == paths(**{variable: [Value(1.0)]}) == {}


def test_cycles_end():
    a, b = [Value(1.0)], {}
    a.append(b)
    b["a"], b["b"] = a, b
    box = types.SimpleNamespace(a=a)
    box.box = box
    assert paths(a=a, b=b, box=box) == {1.0: "a[0]"}


class Raising:
    """An object that answers no question."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("repr")

    __iter__ = __len__ = __bool__ = __eq__ = __hash__ = __getattr__ = None


class RaisingProperties:
    def __init__(self):
        self.x = Value(2.0)

    @property
    def parameters(self):
        raise RuntimeError("parameters")

    def __getattr__(self, name):
        raise RuntimeError(name)


class RaisingDict:
    __slots__ = ()

    @property
    def __dict__(self):
        raise RuntimeError("__dict__")


class RaisingClass:
    @property
    def __class__(self):
        raise RuntimeError("__class__")


class OddDict:
    __slots__ = ()
    __dict__ = 5


class OddModule:
    __module__ = None

    def __init__(self):
        self.x = Value(2.0)


class RaisingList(list):
    def __iter__(self):
        raise RuntimeError("iter")


class RaisingItems(dict):
    def items(self):
        raise RuntimeError("items")


class RaisingKey:
    def __repr__(self):
        raise RuntimeError("repr")


class Endless(list):
    """A list that holds another such list, and so on."""

    def __iter__(self):
        return iter([Endless([0])])


def odd_attributes():
    x = types.SimpleNamespace()
    x.__dict__[3] = Value(2.0)
    return x


ODD = [
    Raising, RaisingProperties, RaisingDict, RaisingClass, OddDict, OddModule, odd_attributes, object, Mock, MagicMock,
    lambda: RaisingList([1]), lambda: RaisingItems(a=1), lambda: {RaisingKey(): Value(2.0)}, lambda: Mock(spec=list),
    lambda: iter([]), lambda: types, lambda: Value, lambda: test_cycles_end, lambda: [].append, lambda: len,
    lambda: functools.partial(print), lambda: types.MappingProxyType({"a": Value(2.0)}),
    lambda: pytest.importorskip("numpy").array([Value(2.0)]),
]  # fmt: skip


@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_odd_objects_break_nothing(make):
    x, odd = Value(1.0), make()
    assert paths(odd=odd, listed=[odd], x=x)[1.0] == "x"
    y = x * 2.0
    assert names_of(y, {"odd": [odd], "x": x})[y].text == "x·2"


def test_a_list_without_end_ends(monkeypatch):
    monkeypatch.setattr("autograd_mini.text.MOST", 1000)
    assert paths(endless=Endless([0]), x=Value(1.0)) == {1.0: "x"}


def test_great_lists_of_numbers_are_passed_quickly():
    data = [[float(i + j) for i in range(100)] for j in range(2000)]
    start = time.process_time()
    assert paths(flat=[0.5] * 1_000_000, data=data, x=Value(1.0)) == {1.0: "x"}
    assert time.process_time() - start < 0.7


@pytest.mark.parametrize("wrong", [[Value(1.0)], "x", 3, {"x"}, Value(1.0)], ids=repr)
def test_names_is_a_dict(wrong):
    y = Value(1.0) * 2.0
    for explain in (y.backward_steps, functools.partial(am.why, y, y), functools.partial(am.nudge, y, y)):
        with pytest.raises(TypeError, match=r"locals\(\)"):
            explain(names=wrong)


def test_names_may_hold_other_keys_and_nothing():
    x = Value(1.0)
    y = x * 2.0
    for names in ({}, None, {1: x}, {None: x}, {"": 3}):
        assert names_of(y, names)[y].text == "mul₁"
    assert names_of(y, types.MappingProxyType({"x": x}))[y].text == "x·2"


def test_all_of_locals():
    model, rate, data = MLP(), 0.1, [[1.0, 2.0]] * 3
    y = model.layers[0].neurons[0].w[0] * data[0][0] + model.layers[0].neurons[0].b * rate
    found = called(y, **locals())
    assert found[0] == "model.layers[0].neurons[0].w[0]" and found[-1] == "y"
