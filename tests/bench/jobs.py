"""What the table "compiled" times: one engine's way to do one workload, and the building of the C programs."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from tests.bench.engines import Unavailable, peer

SOURCES = Path(__file__).parent / "c"
OPTIONS = ["-O3", "-march=native"]
OURS, EAGER, JAX, TORCH, NUMPY, CASADI = "compiled", "eager", "JAX jit", "PyTorch", "NumPy by hand", "CasADi"
MICROGRAD = "micrograd"
CASADI_C = "CasADi, C code"
C, FAST_C = "C by hand", "C, -ffast-math"
FAST = ("-ffast-math",)  # the compiler may change the order of sums, as it must to use vectors for them


class Job:
    """One engine's way to do one workload; what a constructor and the first step cost is the engine's compile time."""

    compiles = False  # whether that cost is worth a column: it is recording, tracing or compiling
    compile_seconds = 0.0

    def step(self) -> Any:
        """Do what is timed, once."""
        raise NotImplementedError

    def restart(self) -> None:
        """Go back to the first parameters, where steps change them: no engine is timed on what others do not see."""

    def results(self) -> list[float]:
        """The loss and the gradient at the present parameters."""
        raise NotImplementedError

    def after(self, steps: int) -> list[float]:
        """The loss and the gradient after some steps from the start."""
        self.restart()
        for _ in range(steps):
            self.step()
        return self.results()

    def seconds(self, steps: int) -> float:
        """The seconds of a step: of this process on the processor, which others on the machine do not lengthen."""
        self.restart()
        start = process_time()
        for _ in range(steps):
            self.step()
        return (process_time() - start) / steps


class Call(Job):
    """A job without parameters that change: one function gives a value and its gradient."""

    def __init__(self, step: Callable[[], Any], results: Callable[[Any], list[float]], compiles: bool = False) -> None:
        self.step, self.to_results, self.compiles = step, results, compiles  # type: ignore[method-assign]

    def results(self) -> list[float]:
        return self.to_results(self.step())


class Program(Job):
    """A C program: it reads its numbers from a file, makes so many steps, and prints what one took, and the results."""

    compiles = True

    def __init__(self, name: str, numbers: Iterable[float], flags: Sequence[str] = ()) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            raise Unavailable("no C compiler")
        self.folder = tempfile.TemporaryDirectory()  # goes with the job
        self.program, self.input = Path(self.folder.name) / name, Path(self.folder.name) / "input"
        numbers = list(numbers)
        self.input.write_bytes(struct.pack(f"{len(numbers)}d", *numbers))
        start = perf_counter()
        command = [compiler, *OPTIONS, *flags, "-o", self.program, SOURCES / f"{name}.c", "-lm"]
        subprocess.run(command, check=True)
        self.compile_seconds = perf_counter() - start  # the compiler is another process: not in this one's time

    def run(self, steps: int) -> list[float]:
        """Run it; the seconds of a step are the first of the numbers it prints."""
        command = [self.program, self.input, str(steps)]
        return [float(x) for x in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()]

    def step(self) -> None:
        self.run(1)

    def results(self) -> list[float]:
        return self.run(0)[1:]

    def after(self, steps: int) -> list[float]:
        return self.run(steps)[1:]

    def seconds(self, steps: int) -> float:
        return self.run(steps)[0]


def jax_and_numpy() -> tuple[Any, Any]:
    """JAX and its numpy, with doubles (the driver has seen to one thread)."""
    jax = peer("jax")
    jax.config.update("jax_enable_x64", True)
    return jax, peer("jax.numpy")


def torch_on_one_thread() -> Any:
    """PyTorch, on one thread, making doubles."""
    torch = peer("torch")
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    return torch


def casadi_options(in_c: bool) -> dict[str, Any]:
    """CasADi's options for a function: to write C and have it compiled as ours is, or to use its virtual machine."""
    if not in_c:
        return {}
    # It deletes its files by itself; without a directory, it writes them into the present one.
    options = {"flags": OPTIONS, "directory": tempfile.gettempdir() + "/"}
    return {"jit": True, "compiler": "shell", "jit_options": options}


def flattened(arrays: Iterable[Any]) -> list[float]:
    """The numbers of some arrays, one after another."""
    return [x for array in arrays for x in peer("numpy").asarray(array).ravel().tolist()]


def cut(flat: Any, shapes: Iterable[tuple[int, ...]]) -> list[Any]:
    """A flat array as copies of its parts, of these shapes."""
    numpy = peer("numpy")
    flat, parts, start = numpy.asarray(flat, dtype=float), [], 0
    for shape in shapes:
        size = int(numpy.prod(shape))
        parts.append(flat[start : start + size].reshape(shape).copy())
        start += size
    return parts


def timed(make: Callable[[], Job]) -> Job:
    """Make a job and let it do its first step; what that takes goes into compile_seconds."""
    start = perf_counter()
    job = make()
    if not isinstance(job, Program):
        job.step()
        job.compile_seconds = perf_counter() - start
        job.restart()
    return job


def interleave(jobs: dict[str, Job], rounds: int, seconds: float, at_most: int) -> dict[str, float]:
    """Let the jobs take turns; the median seconds of a step. A turn has as many steps as fit into its share."""
    counts, samples = {}, {name: [] for name in jobs}
    for name, job in jobs.items():
        guess = job.seconds(1)
        guess = job.seconds(max(1, min(at_most, int(0.005 / max(guess, 1e-9)))))
        counts[name] = max(1, min(at_most, int(seconds / rounds / len(jobs) / max(guess, 1e-9))))
    for _ in range(rounds):
        for name, job in jobs.items():
            samples[name].append(job.seconds(counts[name]))
    return {name: median(times) for name, times in samples.items()}
