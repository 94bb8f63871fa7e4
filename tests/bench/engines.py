"""The engines that are compared, each used the way its own documentation uses it."""

from __future__ import annotations

import importlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from operator import attrgetter
from types import ModuleType
from typing import Any
from unittest.mock import patch

from tests.bench import plain_value

Numbers = Sequence[float]
Function = Callable[["Engine", Any], Any]


class Unavailable(Exception):
    """An engine that cannot be measured here; the message says what to do about it."""


class Engine:
    """An engine in micrograd's manner (Value, .data, .grad, .backward()); the others override what they do apart."""

    data: Callable[[Any], float] = staticmethod(attrgetter("data"))
    exp: Callable[[Any], Any]
    log: Callable[[Any], Any]
    relu: Callable[[Any], Any]

    def __init__(self, value_class: Any) -> None:
        self.make = value_class
        # Unbound methods: the model then pays for one call, as it would in code written for this engine alone.
        self.exp, self.log, self.relu = value_class.exp, value_class.log, value_class.relu

    def leaves(self, numbers: Numbers) -> Any:
        """Make the parameters; they live as long as the benchmark."""
        return [self.make(x) for x in numbers]

    def record(self, function: Function, leaves: Any) -> Any:
        """Run the function of the leaves and return what backward needs."""
        return function(self, leaves)

    def value(self, recording: Any) -> float:
        """Return the function's value as a number."""
        return float(self.data(recording))

    def backward(self, recording: Any, leaves: Any) -> Any:
        """Differentiate and return what holds the gradient."""
        recording.backward()
        return leaves

    def gradient(self, swept: Any) -> list[float]:
        """Read the gradient and set it to zero for the next step; never timed, it is an optimiser's work."""
        gradient = [float(leaf.grad) for leaf in swept]
        for leaf in swept:
            leaf.grad = 0.0
        return gradient


class Micrograd(Engine):
    """micrograd has neither exp nor log: they are added here as its engine.py writes relu, with a closure."""

    def __init__(self) -> None:
        self.make = peer("micrograd.engine").Value
        self.relu = self.make.relu

    def exp(self, x: Any) -> Any:
        out = self.make(math.exp(x.data), (x,), "exp")

        def _backward() -> None:
            x.grad += out.data * out.grad

        out._backward = _backward
        return out

    def log(self, x: Any) -> Any:
        out = self.make(math.log(x.data), (x,), "log")

        def _backward() -> None:
            x.grad += out.grad / x.data

        out._backward = _backward
        return out


class Xad(Engine):
    """XAD records on one tape, active all along; each step has new inputs, as each step of an optimiser makes them."""

    def __init__(self) -> None:
        adjoint, functions = peer("xad.adj_1st"), peer("xad.math")
        self.make, self.data = adjoint.Real, adjoint.Real.getValue
        self.exp, self.log = functions.exp, functions.log
        self.relu = lambda x: functions.max(x, 0.0)
        self.tape = adjoint.Tape()
        self.tape.activate()

    def leaves(self, numbers: Numbers) -> Any:
        self.tape.clearAll()
        inputs = [self.make(x) for x in numbers]
        self.tape.registerInputs(inputs)
        return inputs

    def record(self, function: Function, leaves: Any) -> Any:
        self.tape.newRecording()
        return function(self, leaves)

    def backward(self, recording: Any, leaves: Any) -> Any:
        self.tape.registerOutput(recording)
        recording.derivative = 1.0
        self.tape.computeAdjoints()
        return leaves

    def gradient(self, swept: Any) -> list[float]:
        # Kept inputs would do, but the tape then grows by a slot a step, and its sweep slows from 5 to 40 ns an
        # operation in 1,000 steps. The old inputs die before the tape is cleared: a Real that dies later would give
        # back a slot that is another's by then.
        gradient, numbers = [leaf.derivative for leaf in swept], [leaf.value for leaf in swept]
        swept.clear()
        swept += self.leaves(numbers)
        return gradient


class Autograd(Engine):
    """HIPS autograd differentiates a function of one array, whose elements the function takes apart."""

    def __init__(self) -> None:
        numpy = peer("autograd.numpy")
        self.make_vjp, self.array = peer("autograd").make_vjp, numpy.array
        self.exp, self.log, self.data = numpy.exp, numpy.log, peer("autograd.tracer").getval
        self.relu = lambda x: numpy.maximum(x, 0.0)

    def leaves(self, numbers: Numbers) -> Any:
        # An array, not a list: the gradient of a list's item is a whole list, so a list of 4,192 would be quadratic.
        return self.array(numbers)

    def record(self, function: Function, leaves: Any) -> Any:
        return self.make_vjp(lambda array: function(self, [array[i] for i in range(len(array))]))(leaves)

    def value(self, recording: Any) -> float:
        return float(recording[1])

    def backward(self, recording: Any, leaves: Any) -> Any:
        return recording[0](1.0)

    def gradient(self, swept: Any) -> list[float]:
        return [float(x) for x in swept]


class Torch(Engine):
    """PyTorch with tensors of one float64, on one thread."""

    def __init__(self) -> None:
        torch = peer("torch")
        torch.set_num_threads(1)
        self.make = lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True)
        self.exp, self.log, self.relu, self.data = torch.exp, torch.log, torch.relu, torch.Tensor.item

    def gradient(self, swept: Any) -> list[float]:
        gradient = [0.0 if leaf.grad is None else leaf.grad.item() for leaf in swept]
        for leaf in swept:
            leaf.grad = None
        return gradient


def peer(module: str) -> Any:
    """Import a peer, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise Unavailable(f"not installed (pip install {package})") from error


def compiled() -> Engine:
    """Return this engine as compiled by Cython."""
    package = importlib.import_module("autograd_mini")
    if not package.COMPILED:
        raise Unavailable("not built (pip install -e .), or AUTOGRAD_MINI_PURE is set")
    return Engine(package.Value)


def pure() -> Engine:
    """Return this engine from the same source, uncompiled."""
    package = import_pure()
    assert not package.COMPILED, "AUTOGRAD_MINI_PURE=1 still imported the compiled modules"
    return Engine(package.Value)


def import_pure() -> ModuleType:
    """Import autograd_mini afresh from its .py files; the one already imported stays as it was."""
    importlib.import_module("autograd_mini")  # first, so that what it imports is loaded once, whatever is patched below
    with patch.dict(os.environ, AUTOGRAD_MINI_PURE="1"), patch.dict(sys.modules), patch.dict(sys.path_importer_cache):
        for name in [name for name in sys.modules if name.partition(".")[0] == "autograd_mini"]:
            del sys.modules[name]
        return importlib.import_module("autograd_mini")


COMPILED = "autograd_mini, compiled"
PLAIN = "plain Python class"
ENGINES: dict[str, Callable[[], Engine]] = {
    COMPILED: compiled,
    "autograd_mini, pure": pure,
    PLAIN: lambda: Engine(plain_value.Value),
    "micrograd": Micrograd,
    "XAD": Xad,
    "HIPS autograd": Autograd,
    "PyTorch scalars": Torch,
}
PACKAGES = {"micrograd": "micrograd", "XAD": "xad", "HIPS autograd": "autograd", "PyTorch scalars": "torch"}


def available() -> tuple[dict[str, Engine], dict[str, str]]:
    """Return the engines that can be measured here, and for each of the others the reason."""
    engines, missing = {}, {}
    for name, load in ENGINES.items():
        try:
            engines[name] = load()
        except Unavailable as reason:
            missing[name] = str(reason)
    return engines, missing


def peer_versions(names: Sequence[str]) -> str:
    """Return the package and version of each peer among the names."""
    return ", ".join(f"{PACKAGES[name]} {version(PACKAGES[name])}" for name in names if name in PACKAGES)
