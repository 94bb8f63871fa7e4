"""Digits: training on 8×8 digits, 20 a step: MLP(64, [30, 10]) of sigmoids, quadratic cost, gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import autograd_mini as am
from autograd_mini.nn.training import Fit
from tests.bench import jobs
from tests.bench.engines import peer
from tests.bench.training import InCasadi, InJax, InNumpy, InTorch, OfTrain, OfValues, by_layers, layers_of, mapped, sgd

NAME = "digits"
AT_MOST = 1000
LEARNING_RATE = 3.0
PER_STEP = 20  # examples: the table shows how many a second
BATCHES = 50  # which is 1,000 of the 1,797 digits


def network() -> tuple[am.nn.MLP, list[am.Value], list[tuple[int, ...]]]:
    model = am.nn.MLP(64, [30, 10], activation="sigmoid", output="sigmoid", seed=1)
    return model, *by_layers(model)


def start() -> tuple[list[float], list[tuple[int, ...]]]:
    _, parameters, shapes = network()
    return [p.data for p in parameters], shapes


@cache
def batches() -> list[tuple[Any, Any]]:
    """Pixels from 0 to 1, and for each digit a row with a 1."""
    np = peer("numpy")
    pixels, digits = peer("sklearn.datasets").load_digits(return_X_y=True)
    X, T = pixels / 16.0, np.eye(10)[digits]
    return [(X[i : i + PER_STEP], T[i : i + PER_STEP]) for i in range(0, BATCHES * PER_STEP, PER_STEP)]


def cost(outputs: Any, t: Any) -> Any:
    return am.sum([(a - b) ** 2 for a, b in zip(outputs, t, strict=True)]) / 2.0


def lists() -> list[tuple[Any, Any]]:
    return [(X.tolist(), T.tolist()) for X, T in batches()]


def optimiser(parameters: Any) -> am.nn.SGD:
    return am.nn.SGD(parameters, LEARNING_RATE)


def of_values(compile: Callable[[Any], Any] | None) -> OfValues:
    model, parameters, _ = network()
    if compile:
        loss = compile(lambda x, t: cost(model(x), t)).mean
    else:
        loss = lambda X, T: am.mean([cost(model(x), t) for x, t in zip(X, T, strict=True)])
    return OfValues(parameters, start()[0], loss, lists(), optimiser, compile is not None)


def of_train() -> OfTrain:
    """This engine's own loop of training."""
    model, parameters, _ = network()
    return OfTrain(parameters, start()[0], Fit(model, cost, True), lists(), optimiser)


def of_arrays() -> OfValues:
    """This engine, which is given NumPy's arrays as they are."""
    job = of_values(am.compile)
    job.batches = batches()
    return job


def array_loss(sigmoid: Any, parameters: Any, X: Any, T: Any) -> Any:
    """The loss in the words that JAX and PyTorch share."""
    W1, b1, W2, b2 = parameters
    outputs = sigmoid(sigmoid(X @ W1.T + b1) @ W2.T + b2)
    return ((outputs - T) ** 2).sum() / (2.0 * PER_STEP)


def jax() -> InJax:
    sigmoid = peer("jax").nn.sigmoid
    return InJax(jobs.cut(*start()), lambda *args: array_loss(sigmoid, *args), batches(), sgd(LEARNING_RATE))


def torch() -> InTorch:
    torch = jobs.torch_on_one_thread()
    optimiser = lambda parameters: torch.optim.SGD(parameters, lr=LEARNING_RATE)
    return InTorch(jobs.cut(*start()), lambda *args: array_loss(torch.sigmoid, *args), batches(), optimiser)


def numpy() -> InNumpy:
    np = peer("numpy")

    def both(parameters: Any, gradient: Any, X: Any, T: Any) -> float:
        W1, b1, W2, b2 = parameters
        by_W1, by_b1, by_W2, by_b2 = gradient
        a1 = 1.0 / (1.0 + np.exp(-(X @ W1.T + b1)))
        a2 = 1.0 / (1.0 + np.exp(-(a1 @ W2.T + b2)))
        error = a2 - T
        delta2 = error * a2 * (1.0 - a2) / PER_STEP
        delta1 = (delta2 @ W2) * a1 * (1.0 - a1)
        by_W1[:], by_b1[:], by_W2[:], by_b2[:] = delta1.T @ X, delta1.sum(0), delta2.T @ a1, delta2.sum(0)
        return (error * error).sum() / (2.0 * PER_STEP)

    return InNumpy(jobs.cut(*start()), both, batches(), sgd(LEARNING_RATE))


def casadi(in_c: bool = False) -> InCasadi:
    numbers, shapes = start()
    ca = peer("casadi")

    def cost(p: Any, x: Any, t: Any) -> Any:
        for W, b in layers_of(p, shapes):
            x = 1.0 / (1.0 + ca.exp(-(W @ x + b)))
        return ca.sumsqr(x - t)

    loss = lambda p, X, T: mapped(cost, p, X, T) / (2.0 * PER_STEP)
    return InCasadi(numbers, loss, [(X.T, T.T) for X, T in batches()], sgd(LEARNING_RATE), in_c)


def in_c(flags: tuple[str, ...] = ()) -> jobs.Program:
    data = jobs.flattened([part for batch in batches() for part in batch])
    return jobs.Program("digits", [LEARNING_RATE, BATCHES, *start()[0], *data], flags)


JOBS = {
    f"{jobs.OURS}, nn.train": of_train,
    jobs.OURS: lambda: of_values(am.compile),
    f"{jobs.OURS}, arrays": of_arrays,
    jobs.EAGER: lambda: of_values(None),
    jobs.JAX: jax,
    jobs.TORCH: torch,
    jobs.NUMPY: numpy,
    jobs.CASADI: casadi,
    jobs.CASADI_C: lambda: casadi(in_c=True),
    jobs.C: in_c,
    jobs.FAST_C: lambda: in_c(jobs.FAST),
}
