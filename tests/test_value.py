"""The node: what operators take and give, what backward promises, and whole graphs against mpmath and PyTorch."""

from __future__ import annotations

import copy
import itertools
import math
import operator
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Value, no_grad, ops, topological
from autograd_mini import value as engine
from autograd_mini.ops import MANY, TABLE
from autograd_mini.value import apply
from tests.test_rules import exact, in_torch, mp, variables

np = pytest.importorskip("numpy")

ARITHMETIC = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "pow": operator.pow,
}  # fmt: skip
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
KINDS = [int, float, bool, Fraction, Decimal, np.float64, np.float32, np.int64, np.uint8, np.bool_]
NOT_NUMBERS = ["1", b"1", None, 1j, np.complex128(1j), [1.0], (1.0,), {}, object(), Value]


def ids(x):
    return getattr(x, "__name__", type(x).__name__)


# Putting numbers in.


@pytest.mark.parametrize("kind", KINDS, ids=ids)
def test_data_and_grad_are_floats(kind):
    x = Value(kind(1))
    x.grad = kind(1)
    assert (x.data, x.grad, type(x.data), type(x.grad)) == (1.0, 1.0, float, float)
    x.data = kind(0)
    assert (x.data, type(x.data)) == (0.0, float)


def test_a_leaf():
    x = Value(2.5, label="x")
    assert (x.data, x.grad, x.label, x.op) == (2.5, 0.0, "x", "leaf")
    assert x.operands == x.parents == x.local_derivatives == ()
    assert Value(2.5, "x").label == "x"
    assert Value(2.5).label is None


def test_a_computed_node():
    a, b = Value(2.0), Value(3.0)
    y = a * b - 1
    assert (y.data, y.grad, y.label, y.op) == (5.0, 0.0, None, "sub")
    product, one = y.operands
    assert (product.op, product.operands, product.parents) == ("mul", (a, b), (a, b))
    assert product.local_derivatives == (3.0, 2.0)
    assert (one, type(one)) == (1.0, float)
    assert y.parents == (product,)
    assert (a * a).parents == (a, a)


@pytest.mark.parametrize("wrong", [*NOT_NUMBERS, np.array([1.0]), np.array(1.0), Value(1.0)], ids=ids)
def test_data_is_one_real_number(wrong):
    x = Value(2.0)
    with pytest.raises(TypeError, match=f"real number.*{type(wrong).__name__}"):
        Value(wrong)
    with pytest.raises(TypeError, match="real number"):
        x.data = wrong
    with pytest.raises(TypeError, match="real number"):
        x.grad = wrong
    with pytest.raises(TypeError, match="real number"):
        x.backward(wrong)
    assert (x.data, x.grad) == (2.0, 0.0)


@pytest.mark.parametrize("wrong", [1, b"x", ["x"], Value(1.0), np.str_("x")], ids=ids)
def test_label_is_a_string(wrong):
    x = Value(1.0, label="x")
    with pytest.raises(TypeError, match=f"label.*{type(wrong).__name__}"):
        Value(1.0, label=wrong)
    with pytest.raises(TypeError, match="label"):
        x.label = wrong
    assert x.label == "x"
    x.label = None
    assert x.label is None


def test_computed_nodes_can_be_labelled():
    y = Value(1.0) + 1.0
    y.label = "y"
    assert y.label == "y"


def test_data_of_a_computed_node_cannot_be_assigned():
    y = Value(1.0, label="x") + 1.0
    with pytest.raises(AttributeError, match="computed"):
        y.data = 3.0
    assert y.data == 2.0


def test_slots_are_closed():
    x = Value(1.0)
    for name in ("colour", "op", "operands", "parents", "local_derivatives"):
        with pytest.raises(AttributeError):
            setattr(x, name, 1)
    with pytest.raises(TypeError):
        Value()


def test_data_of_a_leaf_changed_later_does_not_change_the_gradient():
    x = Value(3.0)
    y = x * x
    x.data = 100.0
    y.backward()
    assert (y.data, x.grad) == (9.0, 6.0)


# The operators.


@pytest.mark.parametrize("kind", [Value, *KINDS], ids=ids)
@pytest.mark.parametrize("name", ARITHMETIC)
def test_operators_take_numbers_on_both_sides(name, kind):
    operation, x = ARITHMETIC[name], Value(3.0)
    for y, expected in [(operation(x, kind(1)), operation(3.0, 1.0)), (operation(kind(1), x), operation(1.0, 3.0))]:
        assert (type(y), y.op, y.data) == (Value, name, expected)
        assert [float(z.data) if isinstance(z, Value) else z for z in y.operands] in ([3.0, 1.0], [1.0, 3.0])


@pytest.mark.parametrize("wrong", NOT_NUMBERS, ids=ids)
@pytest.mark.parametrize("name", ARITHMETIC)
def test_operators_refuse_what_is_not_a_number(name, wrong):
    operation = ARITHMETIC[name]
    for operands in [(Value(1.0), wrong), (wrong, Value(1.0))]:
        with pytest.raises(TypeError):
            operation(*operands)


BINARY_METHODS = [row.name for row in TABLE if row.arity == 2 and hasattr(Value, row.name) and row.name != "digamma"]


@pytest.mark.parametrize("name", BINARY_METHODS)
def test_methods_refuse_what_is_not_a_number(name):
    for wrong in NOT_NUMBERS:
        with pytest.raises(TypeError, match=name):
            getattr(Value(1.0), name)(wrong)


@pytest.mark.parametrize("name", ["__floordiv__", "__mod__", "__matmul__", "__and__", "__iter__", "__len__"])
def test_value_is_no_more_than_a_number(name):
    assert not hasattr(Value(1.0), name)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
def test_in_place_operators_make_a_new_node(name):
    x = y = Value(3.0)
    y = getattr(operator, {"div": "itruediv"}.get(name, f"i{name}"))(y, 2.0)
    assert y is not x
    assert (x.data, y.data, y.op) == (3.0, ARITHMETIC[name](3.0, 2.0), name)


def test_signs():
    x = Value(-3.0)
    assert +x is x
    assert ((-x).data, (-x).op) == (3.0, "neg")
    assert (abs(x).data, abs(x).op) == (3.0, "abs")


@pytest.mark.parametrize("kind", [Value, *KINDS], ids=ids)
@pytest.mark.parametrize("compare", COMPARISONS)
def test_comparisons_look_at_data(compare, kind):
    for x in (0.0, 1.0, 2.0):
        assert compare(Value(x), kind(1)) is compare(x, 1.0)
        assert bool(compare(kind(1), Value(x))) is compare(1.0, x)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_comparisons_of_nan_are_false(compare):
    assert compare(Value(math.nan), Value(math.nan)) is (compare is operator.ne)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_comparisons_with_great_integers_are_pythons(compare):
    assert compare(Value(1.0), 10**400) is compare(1.0, 10**400)


@pytest.mark.parametrize("wrong", NOT_NUMBERS, ids=ids)
def test_comparison_with_what_is_not_a_number(wrong):
    assert Value(1.0) != wrong
    assert not Value(1.0) == wrong
    for compare in COMPARISONS[:4]:
        with pytest.raises(TypeError):
            compare(Value(1.0), wrong)


def test_hash_is_by_identity():
    a, b = Value(1.0), Value(1.0)
    assert a == b
    assert len({a, b}) == 2
    seen = {a: "a", b: "b"}
    a.data = 5.0
    assert (seen[a], seen[b]) == ("a", "b")


@pytest.mark.parametrize("x", [0.0, -0.0, 1.0, -2.5, math.inf, math.nan, 5e-324])
def test_truth(x):
    assert bool(Value(x)) is bool(x)


def array_of_floats(v):
    return np.array([v], dtype=float)


@pytest.mark.parametrize("convert", [float, int, round, complex, math.sin, math.floor, "%f".__mod__, array_of_floats])
def test_conversions_that_would_lose_the_gradient(convert):
    with pytest.raises(TypeError, match=r"lose its gradient.*v\.data.*autograd_mini\.sin"):
        convert(Value(1.5, label="v"))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Value(2.0), "Value(2, grad=0)"),
        (lambda: Value(-1 / 3, label="x"), "Value(-0.333333, grad=0, label='x')"),
        (lambda: Value(2.0) * 3.0, "Value(6, grad=0, op='mul')"),
        (lambda: Value(math.inf, label="it's"), 'Value(inf, grad=0, label="it\'s")'),
    ],
)
def test_repr(make, expected):
    assert repr(make()) == str(make()) == f"{make()}" == expected


@pytest.mark.parametrize("spec", [".3f", "+.2e", "10g", ">8.1f", "%"])
def test_format_is_that_of_data(spec):
    assert format(Value(2 / 3), spec) == format(2 / 3, spec)


# Copies.


def pickled(protocol):
    return lambda v: pickle.loads(pickle.dumps(v, protocol))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, *map(pickled, range(pickle.HIGHEST_PROTOCOL + 1))])
def test_leaves_can_be_copied(copied):
    x = Value(2.5, label="x")
    x.grad = 0.1
    y = copied(x)
    assert y is not x
    assert (y.data, y.grad, y.label, y.op) == (2.5, 0.1, "x", "leaf")
    y.data = 7.0
    (y * y).backward()
    assert (x.data, x.grad) == (2.5, 0.1)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_computed_nodes_cannot(copied):
    with pytest.raises(TypeError, match=r"computed.*v\.data"):
        copied(Value(1.0) + 1.0)


# no_grad.


def test_no_grad_gives_leaves():
    x = Value(3.0)
    with no_grad():
        results = [x * x, 2.0 / x, x.exp(), am.sum([x, x]), am.clip(x, 0.0, 1.0), x.leaky_relu()]
    expected = [9.0, 2.0 / 3.0, math.exp(3.0), 6.0, 1.0, 3.0]
    assert [(y.data, y.op, y.parents) for y in results] == [(data, "leaf", ()) for data in expected]
    assert (x * x).op == "mul"


def test_no_grad_nests():
    x = Value(3.0)
    with no_grad():
        with no_grad():
            assert (x * x).op == "leaf"
        assert (x * x).op == "leaf"
    assert (x * x).op == "mul"


def test_no_grad_ends_with_an_exception():
    x = Value(3.0)
    with pytest.raises(ZeroDivisionError), no_grad():
        x / 0.0
    assert (x * x).op == "mul"


def test_no_grad_raises_the_same_errors():
    with no_grad(), pytest.raises(ValueError, match="log"):
        Value(-1.0).log()


def test_no_grad_is_of_one_thread():
    x = Value(3.0)
    with ThreadPoolExecutor(1) as other:
        with no_grad():
            assert other.submit(lambda: (x * x).op).result() == "mul"
            assert (x * x).op == "leaf"
        paused, go_on = threading.Event(), threading.Event()

        def pause():
            with no_grad():
                paused.set()
                go_on.wait(10)
                return (x * x).op

        theirs = other.submit(pause)
        assert paused.wait(10)
        assert (x * x).op == "mul"
        go_on.set()
        assert theirs.result() == "leaf"


def test_backward_inside_no_grad():
    x = Value(3.0)
    y = x * x
    with no_grad():
        y.backward()
    assert x.grad == 6.0


# What backward promises.


def test_leaves_accumulate_and_computed_nodes_do_not():
    x = Value(3.0)
    square = x * x
    y = square * x
    y.backward()
    assert (x.grad, square.grad, y.grad) == (27.0, 3.0, 1.0)
    y.backward()
    assert (x.grad, square.grad, y.grad) == (54.0, 3.0, 1.0)
    x.grad = 0.0
    y.backward()
    assert x.grad == 27.0


def test_gradients_of_two_roots_add_up_in_leaves_only():
    x = Value(2.0)
    shared = x.exp()
    y, z = 3.0 * shared, shared * shared
    y.backward()
    z.backward()
    assert shared.grad == 2.0 * shared.data
    assert x.grad == pytest.approx(3.0 * math.exp(2.0) + 2.0 * math.exp(4.0), rel=1e-15)


def test_backward_of_an_inner_node_after_its_root():
    x = Value(2.0)
    inner = x * x
    root = inner * 5.0
    root.backward()
    inner.backward()
    assert (inner.grad, root.grad, x.grad) == (1.0, 1.0, 24.0)


def test_backward_of_a_leaf():
    x = Value(2.0)
    x.backward()
    x.backward(0.5)
    assert x.grad == 1.5


@pytest.mark.parametrize("seed", [0.0, -2.5, 1, True, Fraction(1, 4), np.float32(0.5), math.inf])
def test_seed_is_the_upstream_gradient(seed):
    x = Value(3.0)
    y = x * x
    y.backward(seed)
    assert (y.grad, x.grad) == (float(seed), 6.0 * float(seed))
    y.backward(seed=seed)
    assert y.grad == float(seed)


def test_seed_of_nan():
    x = Value(3.0)
    (x * x).backward(math.nan)
    assert math.isnan(x.grad)


@pytest.mark.parametrize("uses", [1, 2, 3, 10, 1000])
def test_a_node_used_many_times(uses):
    x = Value(0.5)
    shared = x.tanh()
    for total in (am.sum([shared] * uses), sum([shared] * uses)):
        x.grad = 0.0
        total.backward()
        assert shared.grad == uses
        assert x.grad == pytest.approx(uses * (1.0 - math.tanh(0.5) ** 2), rel=1e-15)


def test_diamonds_upon_diamonds_take_linear_time():
    x = y = Value(1.0)
    for _ in range(1000):  # 2 ** 1000 ways from the root to the leaf
        y = (y * 0.5) + (y * 0.5)
    y.backward()
    assert (y.data, x.grad) == (1.0, 1.0)
    assert len(topological(y)) == 3001


def test_builtin_sum_of_many():
    values = [Value(i) for i in range(2000)]
    y = sum(v * 2.0 for v in values)
    y.backward()
    assert (y.data, {v.grad for v in values}) == (2.0 * sum(range(2000)), {2.0})


@pytest.mark.skipif(am.COMPILED, reason="compiled, nothing can interrupt a sweep")
def test_a_sweep_after_an_interrupted_one(monkeypatch):
    x = Value(0.5)
    y = am.sum([x.tanh() * i for i in range(10)]) * x
    y.backward()
    expected, x.grad, left = x.grad, 0.0, iter(range(7))
    receive = engine.receive

    def interrupted(*args):
        if next(left, None) is None:
            raise KeyboardInterrupt
        receive(*args)

    monkeypatch.setattr(engine, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        y.backward()
    monkeypatch.undo()
    x.grad = 0.0
    y.backward()
    assert x.grad == expected


def test_threads_with_graphs_of_their_own():
    def work(start):
        x = Value(start)
        for _ in range(30):
            y = am.sum([(x * i).tanh() * x for i in range(20)])
            x.grad = 0.0
            y.backward()
        return x.grad

    expected = list(map(work, range(8)))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(work, range(8))) == expected
    finally:
        sys.setswitchinterval(interval)


# Random expressions: every row of the table, sharing, constants and operators.

UNIT = 0.004  # how far a node moves an operand from its sample: so little that the function stays smooth


class Floats:
    """How the steps of an expression are taken on floats and Values."""

    number = staticmethod(lambda x: x)
    tanh = staticmethod(am.tanh)
    row = staticmethod(apply)


class Exactly:
    """How they are taken on numbers of 50 digits."""

    number = staticmethod(mp.mpf)
    tanh = staticmethod(mp.tanh)
    row = staticmethod(exact)


def run(steps, leaves, on):
    """The last of the nodes of an expression.

    A step is an operator on two nodes, brought back into (-1, 1); or a row of the table near one of its samples, where
    each operand is moved by a node, or is a constant if there is none for it.
    """
    nodes = list(leaves)
    for op, sample, chosen in steps:
        operands = [None if i is None else nodes[i % len(nodes)] for i in chosen]
        if sample is None:
            operation = ARITHMETIC[TABLE[op].name]
            nodes.append(on.tanh(operation(operands[0], operands[1])))
        else:
            moved = [on.number(0.0) if node is None else on.number(UNIT) * on.tanh(node) for node in operands]
            y = on.row(op, *[on.number(x) + move for x, move in zip(sample, moved, strict=True)])
            nodes.append(on.tanh(y))
    return nodes[-1]


node_number = st.integers(0, 30)
operator_step = st.tuples(
    st.sampled_from([ops.ADD, ops.SUB, ops.MUL]), st.none(), st.tuples(node_number, node_number)
)


@st.composite
def row_step(draw):
    op = draw(st.integers(1, ops.CALL - 1))
    sample = draw(st.sampled_from(TABLE[op].samples))
    moving = [i for i in variables(op, sample) if (op, i) != (ops.WHERE, 0)]  # a condition of 0 is not smooth
    chosen = [None if i not in moving else draw(st.one_of(node_number, st.none())) for i in range(len(sample))]
    return op, sample, tuple(chosen)


expressions = st.tuples(
    st.lists(st.one_of(operator_step, row_step()), min_size=1, max_size=12),
    st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=3),
)


def gradient(steps, leaves):
    """The value of an expression and its gradient, by the engine."""
    values = [Value(x) for x in leaves]
    y = run(steps, values, Floats)
    if isinstance(y, Value):
        y.backward()
    return y.data if isinstance(y, Value) else y, [v.grad for v in values]


def exact_gradient(steps, leaves):
    """The same by forward differences of 50 digits, which leave an error of about 1e-25."""
    h = mp.mpf("1e-25")
    leaves = [mp.mpf(x) for x in leaves]
    y = run(steps, leaves, Exactly)
    moved = [run(steps, [x + h * (i == j) for j, x in enumerate(leaves)], Exactly) for i in range(len(leaves))]
    return y, [(z - y) / h for z in moved]


@settings(max_examples=300)
@given(expressions)
def test_random_expressions_against_mpmath(expression):
    y, found = gradient(*expression)
    expected, slopes = exact_gradient(*expression)
    assert y == pytest.approx(float(expected), rel=1e-10, abs=1e-13)
    assert found == pytest.approx([float(slope) for slope in slopes], rel=1e-10, abs=1e-13)


@settings(max_examples=300)
@given(expressions)
def test_random_expressions_against_pytorch(expression):
    torch = pytest.importorskip("torch")

    class Tensors:
        number = staticmethod(lambda x: x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=torch.float64))
        tanh = staticmethod(torch.tanh)
        row = staticmethod(lambda op, *operands: in_torch(torch, TABLE[op].name)(*operands))

    steps, numbers = expression
    constant_slopes = ("leaky_relu", "elu")  # PyTorch does not differentiate by them
    names = [TABLE[op].name for op, _, _ in steps]
    in_both = [in_torch(torch, name) is not None and name not in constant_slopes for name in names]
    known = list(itertools.compress(steps, in_both))
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
    z = run(known, leaves, Tensors)
    y, found = gradient(known, numbers)
    assert y == pytest.approx(z.item(), rel=1e-10, abs=1e-13)
    if z.requires_grad:
        z.backward()
    assert found == pytest.approx([0.0 if x.grad is None else x.grad.item() for x in leaves], rel=1e-10, abs=1e-13)


@given(expressions)
def test_second_sweep_is_the_first_again(expression):
    steps, numbers = expression
    leaves = [Value(x) for x in numbers]
    y = run(steps, leaves, Floats) + leaves[0]
    y.backward()
    nodes = topological(y)
    first = [node.grad for node in nodes]
    for leaf in leaves:
        leaf.grad = 0.0
    y.backward()
    assert [node.grad for node in nodes] == first


# Topological order.


@given(expressions)
def test_topological_order(expression):
    steps, numbers = expression
    y = run(steps, [Value(x) for x in numbers], Floats) + Value(0.0)
    order = topological(y)
    position = {node: i for i, node in enumerate(order)}
    assert len(position) == len(order)
    assert order[-1] is y
    for node in order:
        assert all(position[parent] < position[node] for parent in node.parents)
    reached, found = {y}, [y]
    while found:
        new = set(found.pop().parents) - reached
        reached |= new
        found.extend(new)
    assert reached == set(order)


@given(expressions)
def test_topological_order_is_the_same_every_time(expression):
    steps, numbers = expression

    def described():
        y = run(steps, [Value(x, f"x{i}") for i, x in enumerate(numbers)], Floats) + Value(0.0)
        order = topological(y)
        position = {node: i for i, node in enumerate(order)}
        assert topological(y) == order
        return [(node.op, node.data, node.label, [position[parent] for parent in node.parents]) for node in order]

    assert described() == described()


def test_topological_order_of_a_leaf_and_of_other_things():
    x = Value(1.0)
    assert topological(x) == [x]
    assert topological(x * x)[0] is x
    for wrong in (1.0, None, [x]):
        with pytest.raises(TypeError, match="Value"):
            topological(wrong)


def test_arities_are_those_the_node_was_given():
    for op, row in enumerate(TABLE):
        for sample in row.samples:
            node = apply(op, Value(sample[0]), *sample[1:])
            assert len(node.operands) == (len(sample) if row.arity == MANY else row.arity)
