"""The table "compiled": this engine's @compile beside its peers, interleaved in one process on one core and thread."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tests.bench import machine
from tests.bench.eager import TOLERANCE, agree, markdown
from tests.bench.engines import Unavailable, peer
from tests.bench.jobs import CASADI_C, OPTIONS, OURS, Job, interleave, timed

WORKLOADS = ["transformer_step", "moons", "digits", "gmm", "rosenbrock"]
PACKAGES = ["numpy", "jax", "torch", "casadi", "scikit-learn"]
STEPS_CHECKED = (0, 3)
HEADINGS = ["workload", "engine", "time", "ratio", "compile"]


def pin() -> int:
    """Let this process and what it starts run on one core and, each library by itself, in one thread; which core.

    Before the libraries are loaded: they make their threads then.
    """
    os.environ |= dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    if not hasattr(os, "sched_setaffinity"):
        return -1
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def warm() -> None:
    """Import the peers, and let JAX start what it has: neither is a workload's compile time."""
    for package in ("numpy", "sklearn.datasets", "jax.numpy", "torch", "casadi"):
        try:
            peer(package)
        except Unavailable:
            continue
    if "jax" in sys.modules:
        sys.modules["jax"].jit(lambda x: x + 1.0)(1.0).block_until_ready()


def made(name: str, makers: dict[str, Any], missing: dict[str, str]) -> dict[str, Job]:
    """The jobs that can be done here; for each of the others the reason goes into missing."""
    jobs = {}
    for engine, make in makers.items():
        try:
            jobs[engine] = timed(make)
        except Unavailable as reason:
            missing.setdefault(engine, f"{reason} (first missed in {name})")
    return jobs


def check(name: str, jobs: dict[str, Job]) -> None:
    """Stop unless all engines have this one's loss and gradient, at the start and after some steps."""
    for steps in STEPS_CHECKED:
        expected = jobs[OURS].after(steps)
        for engine, job in jobs.items():
            found = job.after(steps)
            if not agree(found, expected):
                raise SystemExit(
                    f"{engine} disagrees with {OURS} on {name} after {steps} steps: the benchmark is void\n"
                    f"{len(found)} numbers {found[:4]}..., not {len(expected)} numbers {expected[:4]}..."
                )


def measure(workload: Any, quick: bool, rounds: int, seconds: float, missing: dict[str, str]) -> list[list[str]]:
    """Check and time one workload; its rows of the table."""
    makers = {name: make for name, make in workload.JOBS.items() if not (quick and name == CASADI_C)}
    jobs = made(workload.NAME, makers, missing)
    check(workload.NAME, jobs)
    gc.collect()
    gc.freeze()  # what was loaded before is not for the collector to walk, as in the table "eager"
    try:
        times = interleave(jobs, rounds, seconds, workload.AT_MOST)
    finally:
        gc.unfreeze()
    return [row(workload, name, times[name], times[OURS], job) for name, job in jobs.items()]


def row(workload: Any, engine: str, seconds: float, ours: float, job: Job) -> list[str]:
    """An engine's cells."""
    compiling = readable(job.compile_seconds) if job.compiles else ""
    ratio = seconds / ours
    per = getattr(workload, "PER_STEP", 0)
    rate = f" ({per / seconds:,.0f}/s)" if per else ""
    return [workload.NAME, engine, f"{readable(seconds)}{rate}", f"{ratio:.2g}x" if ratio < 10 else f"{ratio:,.0f}x",
            compiling]  # fmt: skip


def readable(seconds: float) -> str:
    """Seconds in the unit that has one to three digits before the point."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def load() -> str:
    return ", ".join(f"{x:.1f}" for x in os.getloadavg())


def versions() -> str:
    """The versions of the peers, and of the C compiler."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            pass
    try:
        found.append(subprocess.run(["cc", "--version"], stdout=subprocess.PIPE, text=True).stdout.splitlines()[0])
    except OSError:
        pass
    return ", ".join(found)


def report(quick: bool = False, only: str | None = None) -> None:
    """Measure everything and print the table between its heading and its notes."""
    core, before = pin(), load()
    warm()
    rounds, seconds = (3, 1.5) if quick else (9, 30.0)
    missing: dict[str, str] = {}
    rows, notes = [], []
    for name in WORKLOADS:
        if only in (None, name):
            workload = import_module(f"tests.bench.workloads.{name}")
            for part in getattr(workload, "PARTS", [workload]):
                print(f"{part.NAME} ...", file=sys.stderr, flush=True)
                rows += measure(part, quick, rounds, seconds, missing)
    if only in (None, "lowering"):
        lowering = import_module("tests.bench.workloads.lowering")
        notes += lowering.report(rounds, seconds / 4)

    print("\n".join([*machine.description(), f"- {versions()}; C: {' '.join(OPTIONS)}"]))
    import autograd_mini  # by now loaded; a line below only says how

    built = "compiled by Cython" if autograd_mini.COMPILED else "not compiled"
    print(f"- autograd_mini {built}; one thread on core {core}")
    print(f"- load average {before} before, {load()} after", end="\n\n")
    print(markdown(HEADINGS, rows, left=2), end="\n\n")
    lines = [
        *notes,
        f"- time: of this process (C: of its own) on the processor, for one step or call; median of {rounds} rounds in "
        "which the engines take turns; ratio: to this engine compiled",
        "- compile: making the job and its first step, where an engine records, traces or compiles; for C, cc",
        f"- before it is timed, every engine has given this engine's loss and gradient to {TOLERANCE:g}, at the start "
        f"and after {STEPS_CHECKED[-1]} steps",
        f"- CasADi: its virtual machine; {CASADI_C}: its jit, with the same compiler and flags as C by hand"
        + (" (left out of the quick table, since compiling takes long)" if quick else ""),
        *(f"- {name} left out: {reason}" for name, reason in missing.items()),
    ]
    print("\n".join(lines), flush=True)
