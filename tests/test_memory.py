"""Memory: nothing recurses, however deep the graph; nothing leaks; compiled, the collector sees no node."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import autograd_mini as am
from autograd_mini import Value, no_grad
from tests.conftest import PACKAGE

LONG = 1_000_000 if am.COMPILED else 100_000
WIDE = LONG // 10

only_compiled = pytest.mark.skipif(not am.COMPILED, reason="of the compiled engine")
only_pure = pytest.mark.skipif(am.COMPILED, reason="of the uncompiled engine")


# The collector.


@only_compiled
def test_nodes_are_not_tracked():
    have_gc = 1 << 14  # Py_TPFLAGS_HAVE_GC
    assert Value.__flags__ & have_gc == 0
    x = Value(1.0)
    assert not any(map(gc.is_tracked, (x, x * x, x.exp(), am.sum([x, x]))))


@only_compiled
def test_a_node_has_96_bytes():
    assert Value.__basicsize__ == 96


@only_compiled
def test_value_has_no_subclasses():
    with pytest.raises(TypeError):
        type("Sub", (Value,), {})


@only_pure
def test_backward_leaves_no_cycle():
    gc.collect()
    gc.disable()
    try:
        for build in BUILDERS.values():
            x = Value(0.5)
            y = build(x)
            y.backward()
            am.topological(y)
            del x, y
            assert gc.collect() == 0
    finally:
        gc.enable()


# Depth. In another process, so that a crash is a failed test; in a thread whose stack has room for no recursion.

DEEP = {
    "chain": f"""
        y = x
        for _ in range({LONG}):
            y = y + 1.0
    """,
    "chain on the right": f"""
        y = x
        for _ in range({WIDE}):
            y = 1.0 + y
    """,
    "unary": f"""
        y = x
        for _ in range({WIDE}):
            y = -y
    """,
    "diamonds": f"""
        y = x
        for _ in range({LONG // 5}):
            y = y * 0.5 + y * 0.5
    """,
    "ladder": f"""
        y, z = x, x + 1.0
        for _ in range({LONG // 5}):
            y, z = 0.5 * (y + z), y
    """,
    "sums": f"""
        y = x
        for _ in range({WIDE}):
            y = am.sum([y, 1.0, x])
    """,
    "dots": f"""
        y = x
        for _ in range({WIDE}):
            y = am.dot([y, x, 0.5], [1.0, 0.0, x])
    """,
    "sums and operators": f"""
        y = x
        for _ in range({WIDE}):
            y = am.sum([-y, x, -y * 0.0]) * 0.5 + am.clip(y, -1.0, 1.0)
    """,
    "wide": f"""
        y = am.sum([x * i for i in range({LONG // 5})])
    """,
    "a sum of a chain at every node": f"""
        nodes = [x]
        for _ in range({WIDE}):
            nodes.append(nodes[-1] * 1.0)
        y = am.sum(nodes)
        del nodes
    """,
    "many roots": f"""
        y = x
        roots = []
        for _ in range({WIDE}):
            y = y * 1.0
            roots.append(y + x)
        del roots
    """,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_graphs_are_built_walked_and_freed(name):
    script = f"""
import sys, threading
import autograd_mini as am
from autograd_mini import Value, topological

def work():
    x = Value(0.25)
{textwrap.indent(textwrap.dedent(DEEP[name]), "    ")}
    y.backward()
    slope, x.grad = x.grad, 0.0
    y.backward()
    assert x.grad == slope != 0.0, (x.grad, slope)
    assert topological(y)[0] is x and topological(y)[-1] is y
    y = Value(0.0)
    z = x * x
    print("freed", z.data, flush=True)

threading.stack_size(256 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=PACKAGE.parent, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "freed 0.0625\n"), done.stderr[-2000:]


@pytest.mark.parametrize("kept", [0, 1, 500_000])
def test_a_node_kept_from_a_freed_chain_keeps_its_operands(kept):
    x = y = Value(1.0)
    middle = None
    for i in range(1000 if kept < 1000 else LONG):
        y = y + 1.0
        if i == min(kept, LONG // 2):
            middle = y
    del y
    middle.backward()
    assert x.grad == 1.0
    assert middle.data == min(kept, LONG // 2) + 2.0


# Leaks.


def chain(x):
    y = x
    for _ in range(300):  # longer than what is freed in one go
        y = y * 1.01 + 0.5
    return y


def every_function(x):
    return am.sum([getattr(x, name)() for name in ("exp", "tanh", "relu", "sin", "gelu", "leaky_relu", "softplus")])


def fused(x):
    values = [x * i for i in range(20)]
    return am.dot(values, values) + am.prod(values[:5]) + am.logsumexp(values) + am.clip(x, -1.0, 1.0)


def nested(x):
    y = x
    for _ in range(300):
        y = am.sum([y, am.where(y > 0.0, x, y), 1.0])
    return y


def paused(x):
    with no_grad():
        return fused(x) + chain(x)


def failing(x):
    graph = chain(x)
    for fail in (lambda: graph / 0.0, lambda: am.log(-graph), lambda: am.sum([graph, "1"]), lambda: am.exp(1e9 * x)):
        with pytest.raises((ArithmeticError, ValueError, TypeError)):
            fail()
    return graph


def labelled(x):
    x.label = "x" * 50
    y = x * x
    y.label = f"y{x.data}"
    return y


BUILDERS = {
    build.__name__: build for build in (chain, every_function, fused, nested, paused, failing, labelled)
}  # fmt: skip


def use(build):
    """Build a graph, differentiate it, look at it and drop it."""
    x = Value(0.5)
    y = build(x)
    y.backward()
    am.topological(y)
    return repr(y), y.operands, y.parents, y.local_derivatives


def blocks():
    """How many blocks of memory are in use, without those that Python keeps for its next tuples and floats."""
    gc.collect()
    return sys.getallocatedblocks()


def leaks(use, rounds=100):
    """Whether every `rounds` calls of `use` leave half as many blocks of memory behind, or more.

    What Python and the engine keep for reuse grows once or twice and then no more: five times in a row is a leak.
    """
    for _ in range(10):
        use()
    for _ in range(5):
        before = blocks()
        for _ in range(rounds):
            use()
        if blocks() - before < rounds / 2:
            return False
    return True


def test_a_leak_is_noticed():
    kept = []
    assert leaks(lambda: kept.append([]))
    assert not leaks(lambda: None)


@pytest.mark.parametrize("name", BUILDERS)
def test_graphs_leave_no_blocks_behind(name):
    assert not leaks(lambda: use(BUILDERS[name]))


def resident():
    """The bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def overflow(values):
    with pytest.raises(OverflowError):
        am.sum(values)


def drop(values):
    am.mean(values)


def mistake(values):
    with pytest.raises(TypeError):
        am.sum([*values, "1"])


def of_numbers(values):
    am.sum([v.data * 1e-300 for v in values])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("lose", [overflow, drop, mistake, of_numbers])
def test_fused_nodes_leave_no_memory_behind(lose):
    values = [Value(1.0 if lose is drop else 1e308) for _ in range(10_000)]
    lose(values)
    before = resident()
    for _ in range(200):  # a block lost in each would be 16 MB
        lose(values)
    assert resident() - before < 8e6
