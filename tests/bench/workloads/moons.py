"""Moons: one step of gradient descent on two moons: 100 examples at once, MLP(2, [16, 16, 1]), hinge and L2."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import autograd_mini as am
from tests.bench import jobs
from tests.bench.engines import peer
from tests.bench.training import InCasadi, InJax, InNumpy, InTorch, OfValues, by_layers, layers_of, mapped, sgd

NAME = "moons"
AT_MOST = 1000
LEARNING_RATE = 0.1
ALPHA = 1e-4  # of L2
EXAMPLES = 100
SIZES = (2, [16, 16, 1])


def network() -> tuple[am.nn.MLP, list[am.Value], list[tuple[int, ...]]]:
    model = am.nn.MLP(*SIZES, seed=1337)
    return model, *by_layers(model)


def start() -> tuple[list[float], list[tuple[int, ...]]]:
    _, parameters, shapes = network()
    return [p.data for p in parameters], shapes


@cache
def examples() -> tuple[Any, Any]:
    """The points, and 1.0 or -1.0 for each, as in the notebook."""
    points, moons = peer("sklearn.datasets").make_moons(n_samples=EXAMPLES, noise=0.1, random_state=1)
    return points, 2.0 * moons - 1.0


def of_values(compile: Callable[[Any], Any] | None, rate: float = LEARNING_RATE) -> OfValues:
    model, parameters, _ = network()

    def hinge(x: Any, y: Any) -> Any:
        return am.relu(1.0 - y * model(x))

    def penalty() -> Any:
        return ALPHA * am.sum([p * p for p in parameters])

    if compile:
        compiled_hinge, compiled_penalty = compile(hinge), compile(penalty)
        loss = lambda X, Y: compiled_hinge.mean(X, Y) + compiled_penalty()
    else:
        loss = lambda X, Y: am.mean([hinge(x, y) for x, y in zip(X, Y, strict=True)]) + penalty()
    batches = [tuple(part.tolist() for part in examples())]
    return OfValues(parameters, start()[0], loss, batches, lambda ps: am.nn.SGD(ps, rate), compile is not None)


def micrograd() -> OfValues:
    """micrograd, as its own demonstration uses it."""
    sys.setrecursionlimit(10_000)  # its backward() recurses
    model = peer("micrograd.nn").MLP(*SIZES)
    parameters, _ = by_layers(model)

    def loss(X: Any, Y: Any) -> Any:
        losses = [(1.0 + -y * model(x)).relu() for x, y in zip(X, Y, strict=True)]
        return sum(losses) * (1.0 / len(losses)) + ALPHA * sum(p * p for p in parameters)

    batches = [tuple(part.tolist() for part in examples())]
    return OfValues(parameters, start()[0], loss, batches, Descent, compiles=False)


class Descent:
    """Gradient descent as micrograd's demonstration writes it."""

    def __init__(self, parameters: Sequence[Any]) -> None:
        self.parameters = parameters

    def step(self) -> None:
        for p in self.parameters:
            p.data -= LEARNING_RATE * p.grad

    def zero_grad(self) -> None:
        for p in self.parameters:
            p.grad = 0


def array_loss(relu: Any, parameters: Any, X: Any, Y: Any) -> Any:
    """The loss in the words that JAX and PyTorch share."""
    W1, b1, W2, b2, W3, b3 = parameters
    scores = (relu(relu(X @ W1.T + b1) @ W2.T + b2) @ W3.T + b3)[:, 0]
    return relu(1.0 - Y * scores).mean() + ALPHA * sum((p * p).sum() for p in parameters)


def jax() -> InJax:
    relu = peer("jax").nn.relu
    return InJax(jobs.cut(*start()), lambda *args: array_loss(relu, *args), [examples()], sgd(LEARNING_RATE))


def torch() -> InTorch:
    torch = jobs.torch_on_one_thread()
    optimiser = lambda parameters: torch.optim.SGD(parameters, lr=LEARNING_RATE)
    return InTorch(jobs.cut(*start()), lambda *args: array_loss(torch.relu, *args), [examples()], optimiser)


def numpy() -> InNumpy:
    np = peer("numpy")

    def both(parameters: Any, gradient: Any, X: Any, Y: Any) -> float:
        W1, b1, W2, b2, W3, b3 = parameters
        h1 = np.maximum(X @ W1.T + b1, 0.0)
        h2 = np.maximum(h1 @ W2.T + b2, 0.0)
        margins = 1.0 - Y * (h2 @ W3[0] + b3)
        loss = np.maximum(margins, 0.0).mean() + ALPHA * sum((p * p).sum() for p in parameters)
        by_scores = np.where(margins > 0.0, -Y / EXAMPLES, 0.0)
        by_2 = np.outer(by_scores, W3[0]) * (h2 > 0.0)
        by_1 = (by_2 @ W2) * (h1 > 0.0)
        found = by_1.T @ X, by_1.sum(0), by_2.T @ h1, by_2.sum(0), by_scores @ h2, by_scores.sum()
        for by_p, by_loss, p in zip(gradient, found, parameters, strict=True):
            by_p[:] = by_loss + 2.0 * ALPHA * p
        return loss

    return InNumpy(jobs.cut(*start()), both, [examples()], sgd(LEARNING_RATE))


def casadi(in_c: bool = False) -> InCasadi:
    numbers, shapes = start()
    ca = peer("casadi")

    def hinge(p: Any, x: Any, y: Any) -> Any:
        for i, (W, b) in enumerate(layers_of(p, shapes)):
            x = W @ (ca.fmax(x, 0.0) if i else x) + b
        return ca.fmax(1.0 - y * x, 0.0)

    X, Y = examples()
    loss = lambda p, X, Y: mapped(hinge, p, X, Y) / EXAMPLES + ALPHA * ca.dot(p, p)
    return InCasadi(numbers, loss, [(X.T, Y[None, :])], sgd(LEARNING_RATE), in_c)


def in_c(flags: tuple[str, ...] = ()) -> jobs.Program:
    X, Y = examples()
    return jobs.Program("moons", [LEARNING_RATE, ALPHA, *start()[0], *jobs.flattened([X, Y])], flags)


JOBS = {
    jobs.OURS: lambda: of_values(am.compile),
    jobs.EAGER: lambda: of_values(None),
    jobs.MICROGRAD: micrograd,
    jobs.JAX: jax,
    jobs.TORCH: torch,
    jobs.NUMPY: numpy,
    jobs.CASADI: casadi,
    jobs.CASADI_C: lambda: casadi(in_c=True),
    jobs.C: in_c,
    jobs.FAST_C: lambda: in_c(jobs.FAST),
}
