"""Lowering: what recording costs, what the gradients cost beside the numbers, and what a compiled step is made of."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

import autograd_mini as am
from tests.bench import transformer
from tests.bench.workloads import moons, transformer_step


def seconds(function: Callable[[], Any], times: int = 1) -> float:
    start = process_time()
    for _ in range(times):
        function()
    return (process_time() - start) / times


def medians(functions: dict[str, Callable[[], Any]], rounds: int, share: float) -> dict[str, float]:
    """The median seconds of each function; they take turns."""
    counts = {name: max(1, int(share / len(functions) / rounds / seconds(f))) for name, f in functions.items()}
    samples = [{name: seconds(f, counts[name]) for name, f in functions.items()} for _ in range(rounds)]
    return {name: median(sample[name] for sample in samples) for name in functions}


def report(rounds: int, share: float) -> list[str]:
    """Lines that say it, with ratios."""
    return [*recording(rounds, share), *gradients(rounds, share), *parts(rounds, share)]


def step() -> tuple[Any, Callable[[], Any], list[am.Value]]:
    """The transformer's loss compiled and as it is, and its parameters."""
    engine = transformer_step.Unshifted(am.Value)
    leaves = engine.leaves(transformer_step.NUMBERS)
    loss = lambda: transformer.loss(engine, leaves, transformer_step.TOKENS)
    return am.compile(loss), loss, leaves


def recording(rounds: int, share: float) -> list[str]:
    compiled, loss, leaves = step()

    def record() -> None:
        compiled.cache_clear()
        compiled()

    times = medians({"record": record, "call": compiled, "eager": lambda: loss().backward()}, rounds, share)
    once = times["record"] - times["call"]
    return [
        f"- lowering: recording and lowering the transformer's loss takes {1e3 * once:.0f} ms, "
        f"{once / times['eager']:.1f} eager passes forward and backward (of {1e3 * times['eager']:.1f} ms); "
        f"{len(compiled.programs()[0]):,} instructions for {len(am.topological(loss())) - len(leaves):,} nodes"
    ]


def gradients(rounds: int, share: float) -> list[str]:
    """Forward and reverse against forward alone, for one call and for a batch."""
    compiled, _, _ = step()
    job = moons.of_values(am.compile)
    batch = job.batches[0]
    lines = []
    for name, loss in (("transformer", compiled), ("moons", lambda: job.loss(*batch))):

        def forward(loss: Callable[[], Any] = loss) -> None:
            with am.no_grad():
                loss()

        times = medians({"forward": forward, "both": lambda loss=loss: loss().backward()}, rounds, share)
        lines.append(
            f"- gradients: {name}, compiled: forward and reverse {1e6 * times['both']:.0f} µs, forward alone "
            f"(no_grad) {1e6 * times['forward']:.0f} µs: {times['both'] / times['forward']:.2f}x"
        )
    return lines


def parts(rounds: int, share: float) -> list[str]:
    """The parts of a compiled step of training, each by itself."""
    lines = []
    still = 1e-200  # a learning rate with which the parameters stay where they are, after the same arithmetic
    whole_steps = {"transformer": transformer_step.of_values(True, still), "moons": moons.of_values(am.compile, still)}
    for name, job in whole_steps.items():
        batch = job.batches[0]
        y = job.loss(*batch)
        functions = {
            "call": lambda job=job, batch=batch: job.loss(*batch),
            "backward()": y.backward,
            "optimiser.step()": job.optimiser.step,
            "zero_grad()": job.optimiser.zero_grad,
        }
        times = medians(functions, rounds, share)
        whole = sum(times.values())
        cells = ", ".join(f"{part} {1e6 * t:.0f} µs ({t / whole:.0%})" for part, t in times.items())
        lines.append(f"- parts: {name}, a compiled step: {cells}")
    return lines
