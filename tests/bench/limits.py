"""How far this engine goes: ten million nodes in one chain, and minutes of graphs without a leak."""

from __future__ import annotations

import gc
import itertools
import math
import random
from collections.abc import Callable
from time import perf_counter

import autograd_mini
from autograd_mini import Value
from tests.bench.machine import peak_bytes, resident_bytes

SIZES = (1_000_000, 10_000_000)
REPEATS = 3
SLOPE, SHIFT = 1 - 1e-7, 1e-7  # the gradient of ten million nodes is then e**-0.5, neither 0 nor denormal
LEAK_ALLOWED = 1024  # kB
ROUNDS = 100


def limits() -> None:
    """Print the time and memory per node of one long chain: both stay what they are when it grows tenfold."""
    if not autograd_mini.COMPILED:
        print("One long chain: left out, autograd_mini is not compiled (pip install -e .)")
        return
    print(f"One long chain, compiled, best of {REPEATS}, ns per node:")
    for nodes in SIZES:
        before = resident_bytes()
        # The best, for the first time includes the operating system's handing out of fresh memory.
        build, backward, free = map(min, zip(*(long_chain(nodes) for _ in range(REPEATS)), strict=True))
        peak = peak_bytes()  # of the process: the longest chain comes last
        print(
            f"- {nodes:>10,} nodes: build {build:.0f}, backward {backward:.0f}, free {free:.0f}; "
            f"peak memory {peak / 2**20:,.0f} MB, {(peak - before) / nodes:.0f} bytes per node"
        )


def long_chain(nodes: int) -> tuple[float, float, float]:
    """Build, differentiate and free one chain; return the ns per node of each."""
    x, slope, shift = Value(0.5), Value(SLOPE), Value(SHIFT)
    start = perf_counter()
    y = x
    for _ in range(nodes // 2):
        y = y * slope + shift
    built = perf_counter()
    y.backward()
    swept = perf_counter()
    del y
    freed = perf_counter()
    expected = SLOPE ** (nodes // 2)
    assert math.isclose(x.grad, expected, rel_tol=1e-6), f"gradient {x.grad}, expected {expected}"
    scale = 1e9 / nodes
    return (built - start) * scale, (swept - built) * scale, (freed - swept) * scale


def leak(seconds: float) -> int:
    """Build, differentiate and drop graphs for a while; print the memory held and return 1 if it grew, else 0."""
    for seed in [*range(ROUNDS)] * 2:  # the warm-up sees every graph there will be: nothing new is needed later
        every_graph(seed)
    start = held_kilobytes()
    print(f"after warm-up: {start:,} kB")
    begin, seeds, done = perf_counter(), itertools.cycle(range(ROUNDS)), 0
    for tenth in range(1, 11):
        while perf_counter() < begin + seconds * tenth / 10:
            every_graph(next(seeds))
            done += 1
        print(f"{tenth * 10:>3}% of {seconds:g} s: {held_kilobytes():,} kB")
    growth = held_kilobytes() - start
    print(f"growth: {growth:,} kB in {done:,} rounds of {len(GRAPHS)} graphs (allowed: {LEAK_ALLOWED:,} kB)")
    return int(growth > LEAK_ALLOWED)


def held_kilobytes() -> int:
    """Return the memory held while no graph is alive."""
    gc.collect()
    return resident_bytes() // 1024


def every_graph(seed: int) -> None:
    """Build, differentiate and drop one graph of each kind."""
    generator = random.Random(seed)
    for graph in GRAPHS:
        leaves = [Value(generator.uniform(0.5, 1.5), label=f"x{i}") for i in range(8)]
        try:
            root = graph(leaves, generator)
            root.backward()
            root.backward()
        except ValueError:
            assert graph is broken


def deep(leaves: list[Value], generator: random.Random) -> Value:
    """Return a chain of a few thousand operations."""
    y = leaves[0]
    for _ in range(generator.randrange(1000, 2000)):
        y = (y * leaves[1] + 0.5).tanh()
    return y


def wide(leaves: list[Value], generator: random.Random) -> Value:
    """Return a sum of many products, as a neuron's."""
    return sum((generator.choice(leaves) * generator.choice(leaves) for _ in range(500)), Value(0.0))


def shared(leaves: list[Value], generator: random.Random) -> Value:
    """Return a graph in which every value is used again and again."""
    values = list(leaves)
    for _ in range(500):
        a, b = generator.choice(values), generator.choice(values)
        values.append(generator.choice((a + b, a * b, a - b, 1 / (1 + a**2), -a)).tanh())
    return values[-1]


def functions(leaves: list[Value], generator: random.Random) -> Value:
    """Return a sum of functions, operators reversed and not."""
    return sum((2 ** x.log() + (3 - x).relu() + x.sqrt() / x.exp() + x ** leaves[0] for x in leaves), Value(0.0))


def fused(leaves: list[Value], generator: random.Random) -> Value:
    """Return a graph of nodes with many operands, which hold memory of another kind."""
    for _ in range(20):
        weights = autograd_mini.softmax(leaves)
        leaves = [autograd_mini.dot(weights, leaves[i:] + leaves[:i]) for i in range(len(leaves))]
    total: Value = leaves[0] + autograd_mini.logsumexp(leaves[: generator.randrange(1, 8)])
    return total


def broken(leaves: list[Value], generator: random.Random) -> Value:
    """Build two graphs and fail before the end: what was never differentiated must go, too."""
    return (deep(leaves, generator) + fused(leaves, generator) - 100.0).log()


GRAPHS: tuple[Callable[[list[Value], random.Random], Value], ...] = (deep, wide, shared, functions, fused, broken)
