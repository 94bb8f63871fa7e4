"""What derivatives of derivatives cost beside first ones, eager and compiled."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from time import perf_counter
from typing import Any

import autograd_mini as am
from tests.bench.eager import markdown

SIZES = (2, 16, 16, 1)  # 337 parameters


def network(parameters: Sequence[Any]) -> Any:
    """The output of a network of tanh for one input, as a function of its parameters."""
    rest = iter(parameters)
    signals: list[Any] = [0.3, -0.2]
    for before, n in pairwise(SIZES):
        rows = [([next(rest) for _ in range(before)], next(rest)) for _ in range(n)]
        signals = [am.tanh(am.dot(weights, signals) + bias) for weights, bias in rows]
    return signals[0]


def rosenbrock(x: Sequence[Any]) -> Any:
    return am.sum([(1.0 - a) ** 2 + 100.0 * (b - a**2) ** 2 for a, b in pairwise(x)])


def waves(x: Sequence[Any]) -> Any:
    return am.exp(-am.dot(x, x)) * am.sum([am.sin(a * b) for a, b in zip(x, [*x[1:], x[0]], strict=True)])


def perceptron(x: Sequence[Any]) -> Any:
    """A network of 10 inputs, 10 tanh units and one output, with fixed weights."""
    rows = [[math.sin(7.0 * i + j) for j in range(10)] for i in range(10)]
    return am.tanh(am.sum([am.tanh(am.dot(row, x)) for row in rows]))


def seconds(f: Callable[[], Any], rounds: int = 7) -> float:
    """The median time of a call."""
    f()
    times = []
    for _ in range(rounds):
        calls, start = 0, perf_counter()
        while (passed := perf_counter() - start) < 0.05:
            f()
            calls += 1
        times.append(passed / calls)
    return sorted(times)[rounds // 2]


def report() -> None:
    """Print a table of times and ratios."""
    numbers = random.Random(0)
    x = [numbers.uniform(-1.0, 1.0) for _ in range(10)]
    rows = []
    for f in (rosenbrock, waves, perceptron):
        hessian = am.hessian(f)
        replayed = am.compile(hessian)
        eager, compiled = seconds(lambda h=hessian: h(x)), seconds(lambda h=replayed: h(x))
        rows.append([f"Hessian of {f.__name__}, 10 variables: eager / compiled", eager, compiled])
    p, v = ([numbers.uniform(-1.0, 1.0) for _ in range(337)] for _ in range(2))
    product = lambda p, v: am.hvp(network, (p,), (v,))[0]
    for name, change in (("eager", lambda f: f), ("compiled", am.compile)):
        gradient, hvp = change(am.grad(network)), change(product)
        times = seconds(lambda h=hvp: h(p, v)), seconds(lambda g=gradient: g(p))
        rows.append([f"hvp / gradient, 337 parameters, {name}", *times])
    cells = [[name, f"{1e6 * a:,.0f} µs", f"{1e6 * b:,.0f} µs", f"{a / b:.1f}x"] for name, a, b in rows]
    print(markdown(["", "first", "second", "ratio"], cells, left=1))
