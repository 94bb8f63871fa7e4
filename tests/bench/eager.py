"""The table "eager": every engine on the same two workloads, interleaved in one process on one thread."""

from __future__ import annotations

import gc
import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from statistics import fmean, median
from time import perf_counter
from typing import Any, NamedTuple

from tests.bench import chain, machine, transformer
from tests.bench.engines import COMPILED, ENGINES, PLAIN, Engine, Function, available, peer_versions

CHAINS_PER_SAMPLE = 2
DEEP_ENOUGH = 1_000_000  # for the peers that walk the chain by recursion; Python's own limit stops them near 1,000
TOLERANCE = 1e-9
TIMES = ["backward", "both", "slower"]
HEADINGS = ["engine", "chain: build", *TIMES, "bytes", "step: build", *TIMES]


class Workload(NamedTuple):
    """A function of leaves, and where it is differentiated."""

    name: str
    function: Function
    numbers: list[float]
    steps: int  # in one sample


class Times(NamedTuple):
    """Seconds of one step: recording, the sweep, and both with freeing the graph, by the collector if need be."""

    build: float
    backward: float
    whole: float


def workloads() -> list[Workload]:
    """Return the two jobs that every engine does."""
    tokens = transformer.encode(transformer.median_name())

    def transformer_loss(engine: Engine, leaves: Any) -> Any:
        return transformer.loss(engine, leaves, tokens)

    return [
        Workload("chain", chain.chain, list(chain.LEAVES), CHAINS_PER_SAMPLE),
        Workload("transformer", transformer_loss, transformer.initial_parameters(), 1),
    ]


def check(workload: Workload, engines: dict[str, Engine]) -> None:
    """Stop unless every engine computes the plain class's loss and gradient: anything else is another workload."""
    results = {name: differentiate(workload, engine) for name, engine in engines.items()}
    for name, result in results.items():
        if not agree(result, results[PLAIN]):
            raise SystemExit(f"{name} disagrees with the {PLAIN} on the {workload.name}: the benchmark is void")


def differentiate(workload: Workload, engine: Engine) -> list[float]:
    """Return the function's value, followed by its gradient."""
    leaves = engine.leaves(workload.numbers)
    recording = engine.record(workload.function, leaves)
    value = engine.value(recording)
    swept = engine.backward(recording, leaves)
    del recording  # the graph goes before its leaves are reset, as in the timed steps
    return [value, *engine.gradient(swept)]


def agree(found: list[float], expected: list[float]) -> bool:
    """Compare two lists of numbers to 1e-9, relative to the greatest (sums of cancelling terms differ by rounding)."""
    scale = max(map(abs, expected))
    return len(found) == len(expected) and all(
        math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE * scale) for a, b in zip(found, expected, strict=True)
    )


def sample(workload: Workload, engine: Engine, leaves: Any) -> Times:
    """Time a workload's steps; return the mean seconds of one. Each engine pays for collecting its own garbage."""
    steps = []
    for _ in range(workload.steps):
        start = perf_counter()
        recording = engine.record(workload.function, leaves)
        built = perf_counter()
        swept = engine.backward(recording, leaves)
        done = perf_counter()
        del recording
        freed = perf_counter()
        engine.gradient(swept)
        steps.append((built - start, done - built, freed - start))
    start = perf_counter()
    garbage = gc.collect()
    collecting = (perf_counter() - start) / workload.steps if garbage else 0.0  # looking for none is the benchmark's
    build, backward, whole = map(fmean, zip(*steps, strict=True))
    return Times(build, backward, whole + collecting)


def interleave(jobs: Mapping[str, Callable[[], Times]], rounds: int, seconds: float) -> dict[str, Times]:
    """Let the jobs take turns, each with its slice of the seconds but at least one sample a round; return medians."""
    samples: dict[str, list[Times]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            end = perf_counter() + seconds / rounds / len(jobs)
            samples[name].append(job())
            while perf_counter() < end:
                samples[name].append(job())
    return {name: Times(*map(median, zip(*times, strict=True))) for name, times in samples.items()}


def measure(
    workload: Workload, engines: dict[str, Engine], rounds: int, seconds: float, collector: bool = True
) -> dict[str, Times]:
    """Time the engines on one workload."""
    jobs = {n: partial(sample, workload, engine, engine.leaves(workload.numbers)) for n, engine in engines.items()}
    # The collector has its default thresholds, but what was loaded before is not for it to walk: each engine is then
    # as fast as alone in a process (with PyTorch's modules on the heap, micrograd is three times slower).
    gc.collect()
    gc.freeze()
    if not collector:
        gc.disable()
    try:
        return interleave(jobs, rounds, seconds)
    finally:
        gc.enable()
        gc.unfreeze()


def bytes_per_operation(name: str, chains: int) -> float:
    """Return the growth of a fresh process's memory while one engine records many chains and keeps them alive."""
    command = [sys.executable, "-m", "tests.bench", "memory", name, "--chains", str(chains)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def memory(name: str, chains: int) -> float:
    """Do the measuring of bytes_per_operation, in the process that was made for it."""
    engine = ENGINES[name]()
    leaves = engine.leaves(chain.LEAVES)

    def record(count: int) -> Any:
        return engine.record(lambda engine, leaves: chain.many_chains(engine, leaves, count), leaves)

    warm = record(1)  # what an engine sets up once is not the price of an operation
    before = machine.resident_bytes()
    kept = record(chains)
    grown = machine.resident_bytes() - before
    del warm, kept
    return grown / (chains * chain.OPERATIONS)


def row(name: str, chain_times: Times, kept: float, step: Times, reference: tuple[Times, Times] | None) -> list[str]:
    """Return an engine's cells: ns and bytes per operation of the chain, ms per step of the transformer."""
    slower = ["", ""]
    if reference:
        slower = [f"{t.whole / r.whole:.1f}x" for t, r in zip((chain_times, step), reference, strict=True)]
    nanoseconds = [f"{1e9 * seconds / chain.OPERATIONS:,.0f}" for seconds in chain_times]
    milliseconds = [f"{1e3 * seconds:,.1f}" for seconds in step]
    return [name, *nanoseconds, slower[0], f"{kept:,.0f}", *milliseconds, slower[1]]


def markdown(headings: list[str], rows: list[list[str]], left: int = 1) -> str:
    """Lay out a table that reads well in a terminal and is valid GitHub Markdown; the first columns are words."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    rule = ["-" * widths[i] if i < left else "-" * (widths[i] - 1) + ":" for i in range(len(widths))]
    lines = [
        " | ".join([*map(str.ljust, cells[:left], widths), *map(str.rjust, cells[left:], widths[left:])])
        for cells in (headings, rule, *rows)
    ]
    return "\n".join(f"| {line} |" for line in lines)


def report(quick: bool = False) -> None:
    """Measure everything and print the table between its heading and its notes."""
    sys.setrecursionlimit(DEEP_ENOUGH)
    engines, missing = available()
    chain_job, step_job = workloads()
    for workload in (chain_job, step_job):
        check(workload, engines)

    seconds = 1.0 if quick else 14.0
    chain_times = measure(chain_job, engines, rounds=2 if quick else 7, seconds=seconds)
    step_times = measure(step_job, engines, rounds=1 if quick else 5, seconds=seconds)
    uncollected = measure(step_job, engines, rounds=1 if quick else 3, seconds=seconds / 7, collector=False)
    kept = {name: bytes_per_operation(name, chains=5 if quick else 25) for name in engines}

    reference = (chain_times[COMPILED], step_times[COMPILED]) if COMPILED in engines else None
    rows = [row(name, chain_times[name], kept[name], step_times[name], reference) for name in engines]
    built = "compiled by Cython" if COMPILED in engines else "not compiled"
    print("\n".join([*machine.description(), f"- autograd_mini {built}, {peer_versions(list(engines))}"]), end="\n\n")
    print(markdown(HEADINGS, rows), end="\n\n")
    print("\n".join([*notes(uncollected), *(f"- {name}: {reason}" for name, reason in missing.items())]), flush=True)


def notes(uncollected: dict[str, Times]) -> list[str]:
    """Say what the columns are, and how much of a step is the garbage collector's."""
    name, parameters = transformer.median_name(), len(transformer.initial_parameters())
    without = ", ".join(f"{name} {1e3 * times.whole:,.1f}" for name, times in uncollected.items())
    return [
        f"- chain: ns per operation, as written, of chains of {chain.OPERATIONS:,} `+ - * / ** relu` (with Python's "
        "recursion limit raised, since micrograd and the class recurse); "
        "bytes: resident memory per operation kept alive, in a process of its own",
        f"- step: ms for the forward and backward pass of a character transformer with {parameters:,} parameters on "
        f"the name {name!r}, without an optimiser",
        "- both: with freeing the graph, by the collector where it has cycles; slower: by that column, against this "
        "engine compiled; medians of interleaved samples on one thread, garbage collector on",
        f"- with the collector off, a step (both) takes, in ms: {without}",
        f"- before it is timed, every engine has computed the plain class's loss and gradient to {TOLERANCE:g}; "
        "micrograd has no exp and no log, the benchmark adds them in its manner",
    ]
