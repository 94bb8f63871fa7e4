"""Derivatives of derivatives: gradient, jacobian, hessian, jvp, vjp, hvp and taylor, by many routes to one number."""

from __future__ import annotations

import itertools
import math
import random

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as am
from autograd_mini import Value, grad, gradient, hessian, hvp, jacobian, jvp, nn, ops, taylor, vjp
from autograd_mini.value import apply
from tests.test_memory import leaks
from tests.test_rules import variables

PRIMITIVES = [
    pytest.param(op, sample, i, id=f"{row.name}{sample}[{i}]")
    for op, row in enumerate(ops.TABLE)
    for sample in row.samples
    for i in variables(op, sample)
]


def of_one(op, sample, i):
    """A primitive as a function of one of its operands."""
    return lambda x: apply(op, *sample[:i], x, *sample[i + 1 :])


def close(a, b, tolerance=1e-9):
    return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))


@pytest.mark.parametrize(("op", "sample", "i"), PRIMITIVES)
def test_derivatives_of_each_primitive_to_the_third(op, sample, i):
    f, x = of_one(op, sample, i), sample[i]
    first, second = grad(f), grad(grad(f))
    expected = [f(x), first(x), second(x), grad(second)(x)]
    found = [c * math.factorial(k) for k, c in enumerate(taylor(f, x, 3))]
    assert all(map(close, found, expected))
    h = 1e-4 * max(1.0, abs(x))
    for g, slope in ((f, first), (first, second)):
        difference = (8.0 * (g(x + h) - g(x - h)) - (g(x + 2 * h) - g(x - 2 * h))) / (12.0 * h)
        assert close(slope(x), difference, 1e-6)


MIXED = [(op, sample) for op, row in enumerate(ops.TABLE) for sample in row.samples if len(variables(op, sample)) > 1]


@pytest.mark.parametrize(("op", "sample"), [pytest.param(*x, id=f"{ops.TABLE[x[0]].name}{x[1]}") for x in MIXED])
def test_second_derivatives_of_each_primitive_are_symmetric(op, sample):
    places = list(variables(op, sample))

    def f(x):
        operands = list(sample)
        for i, y in zip(places, x, strict=True):
            operands[i] = y
        return apply(op, *operands)

    x = [sample[i] for i in places]
    h = hessian(f)(x)
    assert all(close(h[i][j], h[j][i]) for i in range(len(x)) for j in range(i))
    v = [0.3 * (k + 1) for k in range(len(x))]
    assert all(map(close, hvp(f, (x,), (v,))[0], [sum(map(lambda a, b: a * b, row, v)) for row in h]))


def test_the_fourth_derivative_of_tanh():
    with mpmath.workdps(50):
        expected = float(mpmath.diff(mpmath.tanh, mpmath.mpf("0.3"), 4))
    assert abs(grad(grad(grad(grad(am.tanh))))(0.3) - expected) < 1e-10
    assert abs(24.0 * taylor(am.tanh, 0.3, 4)[4] - expected) < 1e-10


@given(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
def test_the_hessian_of_rosenbrock(x, y):
    found = hessian(lambda p: (1.0 - p[0]) ** 2 + 100.0 * (p[1] - p[0] ** 2) ** 2)([x, y])
    expected = [[2.0 - 400.0 * (y - x * x) + 800.0 * x * x, -400.0 * x], [-400.0 * x, 200.0]]
    assert all(close(a, b, 1e-12) for a, b in zip(flat(found), flat(expected), strict=True))


def wavy(x, y):
    return am.exp(x * y).log1p() * am.sin(x) + am.atan2(y, x + 3.0) / (1.0 + y * y) + am.logsumexp([x, y, x * y])


def in_digits(x, y):
    m = mpmath
    return (
        m.log1p(m.exp(x * y)) * m.sin(x)
        + m.atan2(y, x + 3) / (1 + y * y)
        + m.log(m.exp(x) + m.exp(y) + m.exp(x * y))
    )


@settings(max_examples=20, deadline=None)
@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_many_routes_to_one_number(x, y):
    """∂²f/∂x∂y and ∂f/∂x by each way there is."""
    with mpmath.workdps(50):
        point = (mpmath.mpf(x), mpmath.mpf(y))
        expected = [float(mpmath.diff(in_digits, point, n)) for n in ((1, 0), (1, 1), (2, 0))]
    by_x = grad(wavy)
    values = Value(x), Value(y)
    wavy(*values).backward()
    first = {
        "reverse": values[0].grad,
        "grad": by_x(x, y),
        "gradient": gradient(wavy(*values), values[0]).data,
        "jvp": jvp(wavy, (x, y), (1.0, 0.0))[1],
        "vjp": vjp(wavy, x, y)[1](1.0)[0],
        "taylor": taylor(lambda x: wavy(x, Value(y)), x, 1)[1],
        "compiled": am.compile(by_x)(x, y),
        "batched": am.compile(by_x).map([x], [y])[0],
    }
    mixed = {
        "reverse over reverse": grad(by_x, 1)(x, y),
        "reverse over jvp": grad(lambda y: jvp(wavy, (x, y), (1.0, 0.0))[1])(y),
        "jvp over reverse": jvp(by_x, (x, y), (0.0, 1.0))[1],
        "hessian": hessian(wavy, (0, 1))(x, y)[0][1],
        "hvp": hvp(wavy, (x, y), (0.0, 1.0))[0],
        "vjp over gradient": vjp(by_x, x, y)[1](1.0)[1],
        "compiled": am.compile(grad(by_x, 1))(x, y),
        "compiled Hessian": am.compile(hessian(wavy, (0, 1)))(x, y)[0][1],
        "batched": am.compile(grad(by_x, 1)).map([x, 0.5], [y, 0.5])[0],
        "backward of gradient": mixed_backward(x, y),
    }
    twice = {
        "grad of grad": grad(by_x)(x, y),
        "taylor": 2.0 * taylor(lambda x: wavy(x, Value(y)), x, 2)[2],
        "hessian": hessian(wavy)(x, y),
    }
    for routes, exact in zip((first, mixed, twice), expected, strict=True):
        wrong = {name: found for name, found in routes.items() if not close(found, exact, 1e-10)}
        assert not wrong, exact


def mixed_backward(x, y):
    """∂²f/∂x∂y by backward() on the graph of ∂f/∂x."""
    a, b = Value(x), Value(y)
    gradient(wavy(a, b), a).backward()
    return b.grad


# gradient().


def test_structures_in_and_out():
    w = {"a": Value(2.0), "b": [Value(3.0), (Value(5.0),)]}
    y = w["a"] * w["b"][0] * w["b"][1][0]
    found = gradient(y, w)
    assert found["a"].data == 15.0 and found["b"][0].data == 10.0 and found["b"][1][0].data == 6.0


def test_of_nodes_on_the_way():
    x = Value(2.0)
    u = x * x
    y = u * u + x
    assert [g.data for g in gradient(y, [u, x, y])] == [8.0, 33.0, 1.0]


def test_a_seed_that_is_a_value():
    x, s = Value(3.0), Value(2.0)
    g = gradient(x * x, x, seed=s)
    g.backward()
    assert (g.data, s.grad, x.grad) == (12.0, 6.0, 4.0)


def test_what_it_does_not_depend_on_has_the_derivative_0():
    x, z = Value(1.0), Value(2.0)
    assert gradient(x * 2.0, z).data == 0.0
    assert gradient(gradient(x * 2.0, x), x).data == 0.0


def test_gradients_are_left_alone_and_are_values_of_their_own():
    x, w = Value(3.0), Value(2.0)
    x.grad = 0.5
    g = gradient(x * w, x)
    assert g is not w and (x.grad, w.grad, g.data) == (0.5, 0.0, 2.0)


def test_training_steps_can_be_differentiated():
    def after_three_steps(p0, lr):
        p = p0
        for _ in range(3):
            p = p - lr * gradient((p - 1.0) ** 4 + p * p, p)
        return p

    def exact(p, lr):
        for _ in range(3):
            p = p - lr * (4 * (p - 1) ** 3 + 2 * p)
        return p

    p0, lr = Value(0.3), Value(0.05)
    after_three_steps(p0, lr).backward()
    with mpmath.workdps(40):
        expected = [float(mpmath.diff(exact, (mpmath.mpf(0.3), mpmath.mpf(0.05)), n)) for n in ((1, 0), (0, 1))]
    assert close(p0.grad, expected[0], 1e-12) and close(lr.grad, expected[1], 1e-12)


def test_it_says_what_it_cannot_do():
    x = Value(2.0)
    y = am.compile(lambda x: x * x)(x)
    for f in (lambda: gradient(y, x), lambda: taylor(am.compile(lambda x: x * x * x), 2.0, 2)):
        with pytest.raises(TypeError, match=r"compile\(grad\(f\)\)"):
            f()
    with pytest.raises(TypeError, match="takes the Value to differentiate, not float"):
        gradient(2.0, x)
    with pytest.raises(TypeError, match=r"wrt\[1\]: .* not by float"):
        gradient(x * x, [x, 3.0])
    y = x * x
    x.data = 3.0
    with pytest.raises(ValueError, match="before data of a leaf was changed"):
        gradient(y, x)
    with pytest.raises(ValueError, match="order of at least 0"):
        taylor(am.exp, 0.0, -1)
    with pytest.raises(ValueError, match="another structure"):
        jvp(wavy, (1.0, 2.0), (1.0,))
    with pytest.raises(TypeError, match="must return Values, not str"):
        jacobian(lambda x: ["a"])(1.0)


def test_inside_no_grad_the_gradient_is_a_number():
    x = Value(2.0)
    y = x * x * x
    with am.no_grad():
        g = gradient(y, x)
    assert g.data == 12.0 and g.op == "leaf"


def test_parameters_outside_keep_their_part():
    w = Value(3.0)
    g = grad(lambda x: w * x * x)(Value(2.0))
    g.backward()
    assert (g.data, w.grad) == (12.0, 4.0)


# Functions of structures.


def test_jacobians_of_structures():
    f = lambda p: {"sum": p["x"][0] + p["x"][1], "both": [p["x"][0] * p["k"], 7.0]}
    found = jacobian(f)({"x": [2.0, 3.0], "k": 5.0})
    assert found == {
        "sum": {"x": [1.0, 1.0], "k": 0.0},
        "both": [{"x": [5.0, 0.0], "k": 2.0}, {"x": [0.0, 0.0], "k": 0.0}],
    }
    assert jacobian(lambda x, y: [x * y], (0, 1))(2.0, 3.0) == [(3.0, 2.0)]


def test_vectors_and_jacobians():
    numbers = random.Random(1)
    f = lambda x: [am.dot(x, x), am.tanh(x[0] * x[1]), x[2].exp() / x[0], x[1]]
    x, v, u = ([numbers.uniform(0.5, 1.5) for _ in range(n)] for n in (3, 3, 4))
    rows = jacobian(f)(x)
    y, along = jvp(f, (x,), (v,))
    again, back = vjp(f, x)
    assert y == again == [value.data for value in f([Value(a) for a in x])]
    assert all(map(close, along, [sum(a * b for a, b in zip(row, v, strict=True)) for row in rows]))
    (found,) = back(u)
    assert all(map(close, found, [sum(u[i] * rows[i][j] for i in range(4)) for j in range(3)]))
    assert found == back(u)[0]


@pytest.mark.parametrize("make", [grad, hessian, lambda f: jacobian(grad(f)), lambda f: grad(lambda x: grad(f)(x)[0])])
def test_compiled_derivatives(make):
    f = lambda x: am.exp(x[0] * x[1]) / (1.0 + x[1] * x[1]) + am.logsumexp(x) * am.relu(x[0])
    eager, compiled = make(f), am.compile(make(f))
    for x in ([0.3, 1.2], [1.1, -0.4], [-0.5, 0.2]):
        assert flat(compiled(x)) == pytest.approx(flat(eager(x)), rel=1e-12)
        assert all(type(y) is float for y in flat(compiled(x)))
    values = [Value(0.3), Value(1.2)]
    flat(compiled(values))[0].backward()
    found = [x.grad for x in values]
    values = [Value(0.3), Value(1.2)]
    flat(eager(values))[0].backward()
    assert found == pytest.approx([x.grad for x in values], rel=1e-12)


def flat(structure):
    return list(itertools.chain(*map(flat, structure))) if isinstance(structure, list) else [structure]


def test_a_compiled_gradient_reads_the_function_it_is_of(monkeypatch):
    k = [2.0]
    f = lambda x: x * x * k[0]
    compiled = am.compile(grad(f))
    assert compiled(3.0) == 12.0
    k[0] = 5.0
    assert compiled(3.0) == 30.0


def test_the_gradient_of_a_network_by_its_parameters():
    model = nn.MLP(3, [4, 1], activation="tanh", seed=0)
    parameters, x = model.parameters(), [0.3, -0.2, 0.9]
    y = model(x)
    y.backward()
    found = gradient(model(x), parameters)
    assert [g.data for g in found] == pytest.approx([p.grad for p in parameters], rel=1e-12)
    penalty = am.sum([g * g for g in found])
    for p in parameters:
        p.grad = 0.0
    penalty.backward()
    for p in parameters[:3]:
        h, before = 1e-5, p.data
        sums = []
        for step in (h, -h):
            p.data = before + step
            sums.append(sum(g.data**2 for g in gradient(model(x), parameters)))
        p.data = before
        assert p.grad == pytest.approx((sums[0] - sums[1]) / (2 * h), rel=1e-6, abs=1e-9)


# Memory.


def test_a_double_backward_of_a_long_graph_is_linear():
    def nodes(n):
        x = Value(0.5)
        y = x
        for _ in range(n):
            y = am.sin(y) * 1.01
        return len(am.topological(gradient(y, x)))

    n = 50_000 if am.COMPILED else 2_000
    assert nodes(2 * n) < 2.1 * nodes(n)


def test_graphs_of_gradients_are_freed():
    x, w = Value(0.7), Value(1.3)

    def use():
        y = am.logsumexp([am.tanh(w * x), w, x])
        g = gradient(y, [x, w])
        gradient(g[0] * g[1], x).backward()
        hessian(wavy)(0.3, 0.5)
        hvp(wavy, (0.3, 0.5), (1.0, 0.0))
        jvp(wavy, (0.3, 0.5), (1.0, 0.0))
        vjp(wavy, 0.3, 0.5)[1](1.0)
        taylor(am.tanh, 0.2, 3)

    assert not leaks(use, rounds=50)
