"""The training loop, the history of what it saw, and what it says when numbers stop being finite."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from autograd_mini.compile import compile
from autograd_mini.errors import DomainError
from autograd_mini.functions import mean
from autograd_mini.nn.arguments import examples, floats, known, plain, whole
from autograd_mini.nn.descent import Descent, Descents
from autograd_mini.nn.losses import (
    LOSSES,
    Loss,
    cross_entropy,
    cross_entropy_with_logits,
    half_squared_error,
    hinge,
    mean_absolute_error,
    mean_squared_error,
)
from autograd_mini.nn.metrics import Metric, Model
from autograd_mini.nn.optimisers import SGD, Optimiser
from autograd_mini.nn.predictions import compiled_predictions
from autograd_mini.nn.schedules import Schedule
from autograd_mini.update import all_finite, give_numbers, numbers_and_gradients_of, numbers_of
from autograd_mini.value import Value, no_grad, topological


class Diverged(ArithmeticError):
    """Training met a number that is not finite; the weights are the last at which loss and gradients were finite."""


@dataclass
class History:
    """What train() saw in each epoch: the mean loss of the examples, and the metric, of the test data too."""

    loss: list[float] = field(default_factory=list)
    metric: list[float] = field(default_factory=list)
    test_metric: list[float] = field(default_factory=list)

    def __repr__(self) -> str:
        columns = [f", {name} {xs[0]:.4g} → {xs[-1]:.4g}" for name, xs in vars(self).items() if xs]
        return f"History({len(self.loss)} epochs{''.join(columns)})"


def train(
    model: Any, loss: str | Loss, X: Iterable[Any], y: Iterable[Any], *, epochs: int = 100,
    batch_size: int | None = None, optimiser: Optimiser | None = None, lr: float | Schedule = 0.1, shuffle: bool = True,
    seed: int | None = 0, metric: Metric | None = None, test: tuple[Iterable[Any], Iterable[Any]] | None = None,
    compiled: bool = True, progress: bool = True,
) -> History:  # fmt: skip
    """Fit a model to examples by gradient descent on the mean loss of one batch after another.

    Where all examples go one way through the loss, and the optimiser is one of this package, the parameters are out of
    their Values during an epoch, so that a step is a few loops in C: other threads and handlers of signals find the
    numbers from before the epoch.

    Args:
        model: a Module, or with an optimiser given, any function of an input.
        loss: a name in LOSSES, or a function of an output and its target that gives a Value.
        X, y: the inputs and their targets, equally many.
        epochs: how often to go through all examples.
        batch_size: examples in a step; None is all of them, and what is left over is a smaller batch.
        optimiser: None is SGD(model.parameters(), lr); lr is for that only.
        shuffle: whether each epoch goes through the examples in an order of its own, drawn by the seed.
        metric: a function of the model, inputs and targets, such as accuracy, taken after each epoch.
        test: inputs and targets to take the metric of too.
        compiled: whether to train through compile(). It is not done where model and loss give two losses for the same
            example, as a dropout does; give False where they do more than compute with Values.
        progress: whether to show a progress bar.

    Returns:
        A History; its losses are those of the batches as they came, each before its step.

    Raises:
        ValueError: for data of no or different lengths, a size less than 1, an unknown loss, or what model and loss
            themselves refuse, such as a class that does not exist.
        Diverged: if an operation has no finite result, or a loss, gradient or weight is not finite; it names the epoch,
            the batch and the operation.

    >>> from autograd_mini.nn import MLP
    >>> model = MLP(1, [1], seed=0)
    >>> history = train(model, "half_squared_error", [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], lr=0.5, progress=False)
    >>> round(model([3.0]).data, 6)
    7.0
    """
    inputs, targets = examples(X, y)
    tests = None if test is None else examples(*test)
    if tests and metric is None:
        raise ValueError("test data need a metric, such as metric=accuracy")
    size = len(inputs) if batch_size is None else whole("batch_size", batch_size)
    loss = known("loss", LOSSES, loss) if isinstance(loss, str) else loss
    optimiser = SGD(model.parameters(), lr) if optimiser is None else optimiser
    parameters = values(optimiser.parameters)
    rng = random.Random(seed)
    compiled = compiled and not takes_places(model, inputs)
    if compiled:
        inputs = [floats(x) for x in inputs]
        targets = [floats(t) for t in targets] if loss in OF_NUMBERS else targets
    fit = Fit(model, loss, compiled)
    steps = Steps(fit, optimiser, parameters, inputs, targets)
    history = History()
    predicting = compiled_predictions(model, lambda: fit.compiled is not None)
    with predicting, tqdm(range(1, whole("epochs", epochs) + 1), disable=not progress, unit="epoch") as bar:
        for epoch in bar:
            order = rng.sample(range(len(inputs)), len(inputs)) if shuffle else range(len(inputs))
            history.loss.append(steps.epoch(f"epoch {epoch}", order, size))
            if metric is not None:
                steps.where = f"epoch {epoch}, metric"
                steps.descents.forget()
                with steps.guarded(), no_grad():
                    history.metric.append(metric(model, inputs, targets))
                    if tests is not None:
                        history.test_metric.append(metric(model, *tests))
            bar.set_postfix({name: f"{xs[-1]:.4g}" for name, xs in vars(history).items() if xs})
    return history


# Losses of targets that are numbers, not labels: a whole number is as good as a float.
OF_NUMBERS = (half_squared_error, mean_squared_error, mean_absolute_error, hinge)


CHECKED = 10  # examples whose losses are computed twice, before they are compiled


class Fit:
    """The mean loss of a batch, compiled or not."""

    def __init__(self, model: Model, loss: Loss, is_compiled: bool) -> None:
        self.model, self.loss = model, loss
        by_class = loss in (cross_entropy, cross_entropy_with_logits)
        self.compiled = compile(self.one, index="target" if by_class else ()) if is_compiled else None
        self.is_checked = False

    def one(self, x: Any, target: Any) -> Any:
        """The loss of one example."""
        return self.loss(self.model(x), target)

    def mean(self, inputs: list[Any], targets: list[Any]) -> Any:
        """The mean loss."""
        if not self.is_checked and self.compiled is not None and not self.repeats(inputs[:CHECKED], targets[:CHECKED]):
            self.compiled = None
        self.is_checked = True
        return self.eager(inputs, targets) if self.compiled is None else self.compiled.mean(inputs, targets)

    def repeats(self, inputs: list[Any], targets: list[Any]) -> bool:
        """Whether each example has the same loss twice: a recording would repeat what is drawn for the first."""
        with no_grad():
            first, second = [[self.one(x, t) for x, t in zip(inputs, targets, strict=True)] for _ in range(2)]
        return all([bool(a == b) for a, b in zip(first, second, strict=True)])

    def eager(self, inputs: list[Any], targets: list[Any]) -> Any:
        """The mean loss with all that it was computed from."""
        return mean([self.one(x, t) for x, t in zip(inputs, targets, strict=True)])


class Steps:
    """Steps of training: in C, as far as all examples take one way through the loss, else on Values.

    Attributes:
        good: the last numbers of the parameters at which loss and gradients were finite.
    """

    def __init__(
        self, fit: Fit, optimiser: Optimiser, parameters: tuple[Value, ...], inputs: list[Any], targets: list[Any]
    ) -> None:
        self.fit, self.parameters = fit, parameters
        self.optimiser: Any = optimiser
        self.inputs, self.targets = inputs, targets
        self.good = numbers_of(parameters)
        self.descents = Descents(optimiser, parameters, inputs, targets)
        self.descent: Descent | None = None  # while the parameters are there
        self.where = ""

    def epoch(self, name: str, order: Sequence[int], size: int) -> float:
        """Go through the examples in an order, so many in a step; the mean of their losses, each before its step."""
        losses = []
        try:
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                self.where = f"{name}, batch {start // size + 1}"
                losses.append(len(batch) * self.step(batch))
        finally:
            self.release()
        return math.fsum(losses) / len(order)

    def step(self, batch: Sequence[int]) -> float:
        """Change the parameters by the gradient of the mean loss of some examples; that loss."""
        if self.descent is None and self.fit.compiled is not None:
            self.descent = self.descents.find(self.fit.compiled)
        loss = None if self.descent is None else self.step_in_c(self.descent, batch)
        return self.step_of_values(batch) if loss is None else loss

    def step_in_c(self, descent: Descent, batch: Sequence[int]) -> float | None:
        """A step on arrays; None, with nothing done, if the recording does not hold for the examples."""
        loss = descent.differentiate(self.descents.examples, batch)
        if loss is None:
            self.release()
            return None
        self.good = descent.x[:]
        self.optimiser.advance(descent.x, descent.g)
        if not all_finite(descent.x):
            self.release()
            self.report_weights()
        return loss

    def step_of_values(self, batch: Sequence[int]) -> float:
        """A step on Values."""
        inputs, targets = [self.inputs[i] for i in batch], [self.targets[i] for i in batch]
        with self.guarded():
            loss = differentiate(self.fit, inputs, targets, self.optimiser, self.parameters)
        self.good = numbers_of(self.parameters)
        self.optimiser.step()
        if not all_finite(numbers_of(self.parameters)):
            self.report_weights()
        return loss

    def report_weights(self) -> None:
        """An error that names a weight which the last step took out of the finite numbers."""
        with self.guarded():
            p = next(p for p in self.parameters if not math.isfinite(p.data))
            name = p.label or "a weight"
            raise FloatingPointError(f"the step takes {name} with gradient {p.grad:.6g} to {p.data}")

    def release(self) -> None:
        """Give the numbers back to the parameters."""
        if self.descent is not None:
            self.descent.release()
            self.descent = None

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn an arithmetic error into Diverged, with the good numbers back in the parameters."""
        try:
            yield
        except (ArithmeticError, DomainError) as error:
            give_numbers(self.parameters, self.good)
            raise Diverged(
                f"{self.where}: {error}; the last good weights are kept, look for numbers in the data that are not"
                " finite, or try a smaller learning rate"
            ) from error


def takes_places(model: Model, inputs: list[Any]) -> bool:
    """Whether whole numbers among the inputs are places, of rows of a table for example, as the model takes no Values.

    Compiled, it would be recorded for each of them.
    """
    x = next((x for x in inputs if floats(x) is not x), None)
    if x is None:
        return False
    try:
        with no_grad():
            model([Value(part) for part in x] if isinstance(x, (list, tuple)) else Value(x))
    except (TypeError, LookupError, AttributeError):
        return True
    except (ArithmeticError, DomainError):  # which training is to report
        pass
    return False


def values(parameters: Iterable[Any]) -> tuple[Value, ...]:
    """The parameters of an optimiser; a TypeError if one is no Value."""
    found = tuple(parameters)
    for p in found:
        if not isinstance(p, Value):
            raise TypeError(f"the optimiser's parameters are Values, not {type(p).__name__}: {p!r:.60}")
    return found


def differentiate(
    fit: Fit, inputs: list[Any], targets: list[Any], optimiser: Optimiser, parameters: tuple[Value, ...]
) -> float:
    """The mean loss of a batch, leaving its gradients in the parameters; a FloatingPointError if one is not finite."""
    y = fit.mean(inputs, targets)
    if not isinstance(y, Value):
        raise TypeError(f"the loss is a plain number, {y!r:.60}: it must be computed from the parameters, as a Value")
    optimiser.zero_grad()
    y.backward()
    if optimiser.steps == 0 and independent(y, parameters):
        raise ValueError(
            "the loss does not depend on the optimiser's parameters: give it those of the model,"
            " and train outside no_grad()"
        )
    if not math.isfinite(y.data) or not all_finite(numbers_and_gradients_of(parameters)[1]):
        if fit.compiled is not None:  # to say which operation it was
            y = fit.eager(inputs, targets)
            optimiser.zero_grad()
            y.backward()
        raise FloatingPointError(first_not_finite(y))
    return y.data


def independent(y: Value, parameters: tuple[Value, ...]) -> bool:
    """Whether y was computed from none of the parameters."""
    return {id(p) for p in parameters}.isdisjoint([id(node) for node in topological(y)])


def first_not_finite(root: Value) -> str:
    """The first operation with a result that is not finite; else, from the root back, with such a contribution."""
    nodes = topological(root)
    for node in nodes:
        if not math.isfinite(node.data):
            return f"{formula(node)} is {node.data}"
    for node in reversed(nodes):
        for parent, slope in zip(node.parents, node.local_derivatives, strict=True):
            if not math.isfinite(node.grad * slope):
                return f"{formula(node)} passes the gradient {node.grad:.6g} × {slope:.6g} to {formula(parent)}"
    return next(f"the gradient of {formula(node)} is {node.grad}" for node in nodes if not math.isfinite(node.grad))


def formula(node: Value) -> str:
    """A leaf as its label or number; a computed node as its operation of its operands' labels and numbers."""
    names = [getattr(x, "label", None) or f"{plain(x):.6g}" for x in node.operands or (node,)]
    shown = ", ".join(names if len(names) <= 6 else [*names[:5], f"... {len(names)} operands"])
    return f"{node.op}({shown})" if node.operands else shown
