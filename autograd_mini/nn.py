"""Neural networks: modules, losses, optimisers and the training loop, in micrograd's vocabulary."""

from __future__ import annotations

import json
import math
import os
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import index
from pathlib import Path
from typing import Any, SupportsIndex, TypeVar

from tqdm import tqdm

from autograd_mini.errors import DomainError
from autograd_mini.functions import dot, log, log1p, logsumexp, mean, relu, softplus, sum
from autograd_mini.gradient import parts
from autograd_mini.value import Value, no_grad, topological

T = TypeVar("T")
Model = Callable[[Any], Any]  # what gives an output for an input: a Module, or any function
Loss = Callable[[Any, Any], Any]  # of an output and its target
Metric = Callable[[Model, Sequence[Any], Sequence[Any]], float]  # of a model, inputs and their targets
Schedule = Callable[[int], float]  # a learning rate, of the number of steps done

ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "linear": Value.__pos__,
    "relu": Value.relu,
    "leaky_relu": Value.leaky_relu,
    "elu": Value.elu,
    "softplus": Value.softplus,
    "silu": Value.silu,
    "gelu": Value.gelu,
    "sigmoid": Value.sigmoid,
    "tanh": Value.tanh,
}
RELU_FAMILY = ("relu", "leaky_relu", "elu", "softplus", "silu", "gelu")

INITIALISERS: dict[str, Callable[[random.Random, int, int], float]] = {
    # Normal, of variance 2 / nin: He et al., arXiv 1502.01852, equation 10.
    "he": lambda rng, nin, nout: rng.gauss(0.0, math.sqrt(2.0 / nin)),
    # Uniform, of variance 2 / (nin + nout): Glorot and Bengio, AISTATS 2010, equation 16.
    "glorot": lambda rng, nin, nout: rng.uniform(-1.0, 1.0) * math.sqrt(6.0 / (nin + nout)),
    # Uniform between -1 and 1, as in micrograd.
    "uniform": lambda rng, nin, nout: rng.uniform(-1.0, 1.0),
}

# Modules.


class Module:
    """A part of a network: its parameters are the leaf Values in its attributes, in lists, dicts and Modules there too.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    >>> Line().state()
    {'slope': 2.0, 'offset': 1.0}
    """

    def parameters(self) -> list[Value]:
        """What is to be learned: leaf Values, each once, in the order in which they were put into the module."""
        return [p for _, p in named_parameters(self)]

    def zero_grad(self) -> None:
        """Set the grad of every parameter to zero."""
        for p in self.parameters():
            p.grad = 0.0

    def state(self) -> dict[str, float]:
        """The number in each parameter, by the parameter's path, such as 'layers[0].neurons[3].w[1]'."""
        return {name: p.data for name, p in named_parameters(self)}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write state() to a JSON file, as a whole or not at all; a ValueError if a parameter is inf or nan."""
        state = self.state()
        for name, x in state.items():
            if not math.isfinite(x):
                raise ValueError(f"{path} is not written: {name} is {x}, and JSON holds finite numbers only")
        part = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
        try:
            part.write_text(json.dumps(state, indent=1), encoding="utf-8")
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Set the parameters to the numbers in a file that save() wrote from a module of the same shape.

        Raises:
            ValueError: if the file is not JSON, or not one finite number for each parameter; nothing is changed then.
        """
        parameters = dict(named_parameters(self))
        try:
            state = json.loads(Path(path).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is not a whole JSON file as save() writes it: {error}") from error
        if not isinstance(state, dict):
            raise ValueError(f"{path} holds a {type(state).__name__}; expected are {len(parameters)} numbers by name")
        if odd := sorted(parameters.keys() ^ state.keys()):
            where = "the module" if odd[0] in parameters else "the file"
            raise ValueError(
                f"{path} holds {len(state)} parameters and the module has {len(parameters)}: only {where} has"
                f" {odd[0]!r:.80}; load into a module of the shape that was saved"
            )
        for name, x in state.items():
            if type(x) not in (int, float) or not abs(x) <= sys.float_info.max:
                raise ValueError(f"{path} holds {x!r:.40} for {name!r}, where a finite number is expected")
        for name, p in parameters.items():
            p.data = state[name]


def named_parameters(module: Module, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Value]]:
    """The parameters with their paths; one that is found in two places has the path of the first."""
    seen = {id(module)} if seen is None else seen  # Modules too: they may refer to each other
    for name, attribute in vars(module).items():
        for path, x in parts(attribute, prefix + name):
            if isinstance(x, (Module, Value)) and id(x) not in seen:
                seen.add(id(x))
                if isinstance(x, Module):
                    yield from named_parameters(x, path + ".", seen)
                elif x.op == "leaf":
                    yield path, x


def label(module: Module) -> None:
    """Label each parameter with its path, for error messages and pictures."""
    for path, p in named_parameters(module):
        p.label = path


class Neuron(Module):
    """activation(w · x + b): the weighted sum is one dot node, the bias and the activation are one node each.

    Args:
        nin: the number of inputs.
        activation: a name in ACTIVATIONS.
        bias: whether there is a b; it starts at zero.
        init: a name in INITIALISERS; None is "he" for the relu family (relu, leaky_relu, elu, softplus, silu, gelu)
            and "glorot" for linear, sigmoid and tanh.
        rng: what draws the weights; None is seeded by Python's `random`, so that random.seed() decides.
        nout: the number of neurons in the layer, which Glorot's bound depends on.
        nonlin: False is activation="linear", as in micrograd.

    Raises:
        ValueError: for an unknown name or a size less than 1; when called, if there are not nin inputs.

    >>> n = Neuron(2, "linear")
    >>> n.w[0].data, n.w[1].data, n.b.data = 2.0, 3.0, 1.0
    >>> n([10.0, 1.0]).data
    24.0
    """

    def __init__(
        self, nin: int, activation: str = "relu", *, bias: bool = True, init: str | None = None,
        rng: random.Random | None = None, nout: int = 1, nonlin: bool = True,
    ) -> None:  # fmt: skip
        self.activation = activation if nonlin else "linear"
        known("activation", ACTIVATIONS, self.activation)
        draw = known("init", INITIALISERS, init or ("he" if self.activation in RELU_FAMILY else "glorot"))
        rng = rng or generator(None)
        self.w = [Value(draw(rng, nin, nout)) for _ in range(whole("nin", nin))]
        self.b = Value(0.0) if bias else None
        label(self)

    def __call__(self, x: Any) -> Value:
        inputs = listed(x)
        if len(inputs) != len(self.w):
            raise ValueError(f"{self} takes {len(self.w)} inputs, not {len(inputs)}")
        z: Value = dot(self.w, inputs)
        return ACTIVATIONS[self.activation](z if self.b is None else z + self.b)

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)}, {self.activation!r})"


class Layer(Module):
    """`nout` neurons with the same inputs, giving the list of their outputs, or if there is one neuron, its output.

    Arguments and errors are as for Neuron.

    >>> len(Layer(2, 3, "tanh")([1.0, -1.0]))
    3
    """

    def __init__(self, nin: int, nout: int, activation: str = "relu", **options: Any) -> None:
        self.neurons = [Neuron(nin, activation, nout=nout, **options) for _ in range(whole("nout", nout))]
        label(self)

    def __call__(self, x: Any) -> Any:
        outputs = [neuron(x) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def __repr__(self) -> str:
        return f"Layer of {len(self.neurons)} {self.neurons[0]}"


class MLP(Module):
    """A multilayer perceptron: layers of neurons, each fed with the outputs of the one before.

    Args:
        nin: the number of inputs.
        nouts: the number of neurons in each layer. One in the last: the output is a Value, else a list of Values.
        activation: of every layer but the last, a name in ACTIVATIONS.
        output: the activation of the last layer.
        bias, init: as for Neuron.
        seed: of the weights; None is drawn from Python's `random`, so that random.seed() decides.

    Raises:
        ValueError: as for Neuron, and if there are no layers.

    >>> model = MLP(2, [16, 16, 1], seed=1337)
    >>> model, len(model.parameters()), model.layers[0].neurons[3].w[1].label
    (MLP(2, [16, 16, 1], activation='relu', output='linear'), 337, 'layers[0].neurons[3].w[1]')
    """

    def __init__(
        self, nin: int, nouts: Sequence[int], *, activation: str = "relu", output: str = "linear", bias: bool = True,
        init: str | None = None, seed: int | None = None,
    ) -> None:  # fmt: skip
        nouts = listed(nouts)
        if not nouts:
            raise ValueError("nouts is empty: give the number of neurons in each layer, such as [16, 16, 1]")
        for name in (activation, output):
            known("activation", ACTIVATIONS, name)
        self.activation, self.output = activation, output
        rng = generator(seed)
        layers = zip([nin, *nouts], nouts, [activation] * (len(nouts) - 1) + [output], strict=False)
        self.layers = [Layer(n, nout, name, bias=bias, init=init, rng=rng) for n, nout, name in layers]
        label(self)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        nin, nouts = len(self.layers[0].neurons[0].w), [len(layer.neurons) for layer in self.layers]
        return f"MLP({nin}, {nouts}, activation={self.activation!r}, output={self.output!r})"


# Losses: of the output for one example, a number or a list of them, and its target. Logarithms are natural.


def half_squared_error(prediction: Any, target: Any) -> Any:
    """½ (y − t)², summed over the outputs: the textbooks' convention, whose derivative by y is y − t.

    >>> half_squared_error(Value(3.0), 1.0).data
    2.0
    """
    return 0.5 * joined(sum, [(y - t) ** 2 for y, t in matched(prediction, target)])


def mean_squared_error(prediction: Any, target: Any) -> Any:
    """(y − t)², the mean over the outputs.

    >>> mean_squared_error([Value(3.0), Value(1.0)], [1.0, 1.0]).data
    2.0
    """
    return joined(mean, [(y - t) ** 2 for y, t in matched(prediction, target)])


def mean_absolute_error(prediction: Any, target: Any) -> Any:
    """|y − t|, the mean over the outputs; its slope where they are equal is 0.

    >>> mean_absolute_error(Value(3.0), 5.0).data
    2.0
    """
    return joined(mean, [abs(y - t) for y, t in matched(prediction, target)])


def hinge(prediction: Any, target: Any) -> Any:
    """max(0, 1 − t y) for a target t of −1 or 1, the mean over the outputs.

    >>> hinge(Value(0.25), -1).data
    1.25
    """
    pairs = matched(prediction, target)
    for _, t in pairs:
        if t not in (-1, 1):
            raise ValueError(f"hinge takes a target of -1 or 1, not {t!r}; for a label of 0 or 1, give 2 * label - 1")
    return joined(mean, [relu(1.0 - y * t) for y, t in pairs])


def binary_cross_entropy(prediction: Any, target: Any) -> Any:
    """−t ln p − (1 − t) ln(1 − p) for a probability p and a target t from 0 to 1, the mean over the outputs.

    It has no value where p rules the target out, as 0 does for a target of 1: train on logits instead.

    >>> binary_cross_entropy(Value(0.5), 1) == log(2.0)
    True
    """
    pairs = labelled(prediction, target)
    for p, _ in pairs:
        if p < 0 or p > 1:  # not if p is nan, so that train() finds where it came from
            raise ValueError(f"{p!r} is no probability, from 0 to 1; a logit goes to binary_cross_entropy_with_logits")
    return joined(mean, [expected(t, lambda p: -log(p), lambda p: -log1p(-p), p) for p, t in pairs])


def binary_cross_entropy_with_logits(prediction: Any, target: Any) -> Any:
    """binary_cross_entropy of p = sigmoid(z), from z itself: t softplus(−z) + (1 − t) softplus(z), without overflow.

    >>> binary_cross_entropy_with_logits(Value(-800.0), 1).data
    800.0
    """
    return joined(mean, [expected(t, lambda z: softplus(-z), softplus, z) for z, t in labelled(prediction, target)])


def cross_entropy(prediction: Any, target: int) -> Any:
    """−ln p[target] for the list p of the classes' probabilities, such as softmax() gives, and a class index.

    >>> cross_entropy([Value(0.25), Value(0.75)], 0) == log(4.0)
    True
    """
    i = class_index(prediction, target)
    p = [plain(output) for output in prediction]
    if min(p) < 0.0 or abs(math.fsum(p) - 1.0) > 0.01:  # wide enough for finite differences
        raise ValueError(f"{p!r:.60} are no probabilities, which add up to 1; logits go to cross_entropy_with_logits")
    return -log(prediction[i])


def cross_entropy_with_logits(prediction: Any, target: int) -> Any:
    """cross_entropy of softmax(z), from the list z itself: logsumexp(z) − z[target], without overflow.

    >>> cross_entropy_with_logits([Value(-900.0), Value(100.0)], 0).data
    1000.0
    """
    i = class_index(prediction, target)
    return logsumexp(prediction) - prediction[i]


LOSSES: dict[str, Loss] = {
    "half_squared_error": half_squared_error,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "hinge": hinge,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "cross_entropy": cross_entropy,
    "cross_entropy_with_logits": cross_entropy_with_logits,
}


def joined(fused: Callable[[Sequence[Any]], Any], terms: list[Any]) -> Any:
    """The sum or mean of the terms; of one term, that term without a further node."""
    return terms[0] if len(terms) == 1 else fused(terms)


def expected(t: Any, if_one: Callable[[Any], Any], if_zero: Callable[[Any], Any], y: Any) -> Any:
    """t if_one(y) + (1 − t) if_zero(y), without a term of weight zero: 0 ln 0 would be undefined."""
    if not isinstance(t, Value) and (t == 0 or t == 1):
        return if_one(y) if t == 1 else if_zero(y)
    return if_one(y) * t + if_zero(y) * (1.0 - t)


def matched(prediction: Any, target: Any) -> list[tuple[Any, Any]]:
    """Each output with its target; a ValueError if there are not equally many, or none."""
    outputs, targets = listed(prediction), listed(target)
    if len(outputs) != len(targets) or not outputs:
        raise ValueError(f"{len(outputs)} outputs and {len(targets)} targets: give one target for each output")
    return list(zip(outputs, targets, strict=True))


def labelled(prediction: Any, target: Any) -> list[tuple[Any, Any]]:
    """Each output with its target; a ValueError as for matched, and if a target is not from 0 to 1."""
    pairs = matched(prediction, target)
    for _, t in pairs:
        if not 0 <= t <= 1:
            raise ValueError(f"a cross-entropy takes a target from 0 to 1, not {t!r}; for -1 and 1, give (t + 1) / 2")
    return pairs


def class_index(prediction: Any, target: Any) -> int:
    """The target as an index into the outputs; a ValueError if it is not one of them."""
    n = len(listed(prediction))
    if n < 2:
        raise ValueError(f"classes need an output each, at least 2, not {n}; for one output use binary_cross_entropy")
    if not isinstance(target, SupportsIndex) or not 0 <= index(target) < n:
        raise ValueError(f"{n} outputs take a class index from 0 to {n - 1} as target, not {target!r:.60}")
    return index(target)


# Optimisers.


def step_decay(lr: float, factor: float = 0.5, every: int = 100) -> Schedule:
    """A learning rate that is multiplied by the factor after every so many steps.

    >>> [step_decay(1.0, every=2)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    whole("every", every)
    return lambda step: lr * factor ** (step // every)


def exponential_decay(lr: float, factor: float = 0.99) -> Schedule:
    """A learning rate that is multiplied by the factor after each step.

    >>> [exponential_decay(1.0, 0.5)(step) for step in range(3)]
    [1.0, 0.5, 0.25]
    """
    return lambda step: lr * factor**step


def linear(start: float, end: float, steps: int) -> Schedule:
    """A learning rate that goes straight from start to end in so many steps, and stays there; upwards, a warm-up.

    >>> [linear(1.0, 0.0, 4)(step) for step in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    whole("steps", steps)
    return lambda step: start + (end - start) * min(step / steps, 1.0)


def cosine(start: float, end: float, steps: int) -> Schedule:
    """A learning rate that goes from start to end along half a cosine, and stays there. Loshchilov, arXiv 1608.03983.

    >>> [round(cosine(1.0, 0.0, 4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    whole("steps", steps)
    return lambda step: end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * min(step / steps, 1.0)))


class Optimiser:
    """What SGD and Adam share: p ← p − lr · direction(i, g), for the parameter p at place i and its gradient g.

    Args:
        parameters: the leaf Values to change.
        lr: the learning rate, or a schedule: a function of the number of steps done.
        weight_decay: adds weight_decay · p to each gradient, as ½ weight_decay · Σp² in the loss does.

    Raises:
        ValueError: if there is nothing to change, or a setting is out of its range.
    """

    def __init__(self, parameters: Iterable[Value], lr: float | Schedule, weight_decay: float = 0.0) -> None:
        self.parameters = list(parameters)
        self.lr, self.weight_decay = lr, within("weight_decay", weight_decay)
        self.steps = 0
        if not self.parameters or not all([isinstance(p, Value) and p.op == "leaf" for p in self.parameters]):
            raise ValueError(f"{type(self).__name__} takes a list of leaf Values to change, such as model.parameters()")
        self.learning_rate()

    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return within("lr", self.lr(self.steps) if callable(self.lr) else self.lr)

    def step(self) -> None:
        """Change the parameters once, by the gradients they have."""
        lr = self.learning_rate()
        self.steps += 1
        for i, p in enumerate(self.parameters):
            p.data -= lr * self.direction(i, p.grad + self.weight_decay * p.data)

    def direction(self, i: int, g: float) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define direction(i, g)")

    def zero_grad(self) -> None:
        """Set the grad of every parameter to zero."""
        for p in self.parameters:
            p.grad = 0.0


class SGD(Optimiser):
    """Stochastic gradient descent, with momentum as in PyTorch: v ← momentum · v + g, p ← p − lr · v.

    Args:
        parameters, lr, weight_decay: as for Optimiser.
        momentum: at least 0, less than 1.
        nesterov: take g + momentum · v for v (Sutskever et al., ICML 2013); needs a momentum.

    >>> w = Value(1.0)
    >>> optimiser = SGD([w], lr=0.25)
    >>> (w * w).backward(); optimiser.step(); w.data
    0.5
    """

    def __init__(
        self, parameters: Iterable[Value], lr: float | Schedule = 0.1, momentum: float = 0.0, nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr, weight_decay)
        self.momentum, self.nesterov = within("momentum", momentum, below=1.0), nesterov
        if nesterov and momentum == 0.0:
            raise ValueError("nesterov=True needs a momentum greater than 0, such as momentum=0.9")
        self.velocity = [0.0] * len(self.parameters)

    def direction(self, i: int, g: float) -> float:
        v = self.velocity[i] = self.momentum * self.velocity[i] + g
        return g + self.momentum * v if self.nesterov else v


class Adam(Optimiser):
    """Adam: steps of about lr in each parameter, whatever the gradients' scale. Kingma and Ba, arXiv 1412.6980.

    Args:
        parameters, lr, weight_decay: as for Optimiser.
        betas: how much of the running means of g and of g² stays at each step; at least 0, less than 1.
        eps: greater than 0; what is divided by is never less.

    >>> w = Value(1.0)
    >>> optimiser = Adam([w], lr=0.25)
    >>> (w * w).backward(); optimiser.step(); round(w.data, 6)
    0.75
    """

    def __init__(
        self, parameters: Iterable[Value], lr: float | Schedule = 0.001, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr, weight_decay)
        self.betas = within("betas[0]", betas[0], below=1.0), within("betas[1]", betas[1], below=1.0)
        self.eps = within("eps", eps)
        if eps == 0.0:
            raise ValueError("eps is 0, and 0 / 0 has no value: give a small number, such as 1e-8")
        self.m, self.v = [0.0] * len(self.parameters), [0.0] * len(self.parameters)

    def direction(self, i: int, g: float) -> float:
        b1, b2 = self.betas
        m = self.m[i] = b1 * self.m[i] + (1.0 - b1) * g
        v = self.v[i] = b2 * self.v[i] + (1.0 - b2) * g * g
        return m / (1.0 - b1**self.steps) / (math.sqrt(v / (1.0 - b2**self.steps)) + self.eps)


# Training.


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
    progress: bool = True,
) -> History:  # fmt: skip
    """Fit a model to examples by gradient descent on the mean loss of one batch after another.

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
        progress: whether to show a progress bar.

    Returns:
        A History; its losses are those of the batches as they came, each before its step.

    Raises:
        ValueError: for data of no or different lengths, a size less than 1, an unknown loss, or what model and loss
            themselves refuse, such as a class that does not exist.
        Diverged: if an operation has no finite result, or a loss, gradient or weight is not finite; it names the epoch,
            the batch and the operation.

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
    good = [p.data for p in optimiser.parameters]
    rng = random.Random(seed)
    history = History()
    with tqdm(range(1, whole("epochs", epochs) + 1), disable=not progress, unit="epoch") as bar:
        for epoch in bar:
            order = rng.sample(range(len(inputs)), len(inputs)) if shuffle else range(len(inputs))
            losses = []
            for start in range(0, len(inputs), size):
                batch = order[start : start + size]
                where = f"epoch {epoch}, batch {start // size + 1}"
                with guarded(where, optimiser.parameters, good):
                    mean_loss = differentiate(model, loss, [(inputs[i], targets[i]) for i in batch], optimiser)
                losses.append(len(batch) * mean_loss)
                good = [p.data for p in optimiser.parameters]
                optimiser.step()
                with guarded(where, optimiser.parameters, good):
                    check_weights(optimiser.parameters)
            history.loss.append(math.fsum(losses) / len(inputs))
            if metric is not None:
                with guarded(f"epoch {epoch}, metric", optimiser.parameters, good), no_grad():
                    history.metric.append(metric(model, inputs, targets))
                    if tests is not None:
                        history.test_metric.append(metric(model, *tests))
            bar.set_postfix({name: f"{xs[-1]:.4g}" for name, xs in vars(history).items() if xs})
    return history


def accuracy(model: Model, X: Iterable[Any], y: Iterable[Any], *, threshold: float | None = None) -> float:
    """The share of examples that a classifier gets right.

    Of several outputs the greatest is the predicted class, the first of equals, and targets are class indices. One
    output predicts the label 1 if it is greater than the threshold; targets are 0 and 1, or -1 and 1.

    Args:
        model, X, y: what gives an output for an input, the inputs and their targets.
        threshold: None is 0.5 for an MLP whose output is "sigmoid", else 0, as is right for hinge and for logits.

    Raises:
        ValueError: for data of no or different lengths, or a target that is no class or label.

    >>> accuracy(lambda x: x[0] - 1.0, [[0.0], [2.0], [3.0], [4.0]], [0, 1, 1, 0])
    0.75
    """
    inputs, targets = examples(X, y)
    if threshold is None:
        threshold = 0.5 if getattr(model, "output", None) == "sigmoid" else 0.0
    right = 0
    with no_grad():
        for x, t in zip(inputs, targets, strict=True):
            z = [plain(output) for output in listed(model(x))]
            if len(z) > 1:
                hit = class_index(z, t) == z.index(max(z))
            elif t in (-1, 0, 1):
                hit = (t == 1) == (z[0] > threshold)
            else:
                raise ValueError(f"accuracy of one output takes a target of 0 or 1, or of -1 or 1, not {t!r:.60}")
            right += hit and not any([math.isnan(output) for output in z])
    return right / len(inputs)


def examples(X: Iterable[Any], y: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """The inputs and targets as lists; a ValueError if there are not equally many, or none."""
    inputs, targets = list(X), list(y)
    if len(inputs) != len(targets) or not inputs:
        raise ValueError(f"X has {len(inputs)} examples and y {len(targets)} targets: give as many of each, at least 1")
    return inputs, targets


def differentiate(model: Model, loss: Loss, batch: list[tuple[Any, Any]], optimiser: Optimiser) -> float:
    """The mean loss of a batch, leaving its gradients in the parameters; a FloatingPointError if one is not finite."""
    y = mean([loss(model(x), t) for x, t in batch])
    if not isinstance(y, Value):
        raise TypeError(f"the loss is a plain number, {y!r:.60}: it must be computed from the parameters, as a Value")
    optimiser.zero_grad()
    y.backward()
    if optimiser.steps == 0 and independent(y, optimiser.parameters):
        raise ValueError(
            "the loss does not depend on the optimiser's parameters: give it those of the model,"
            " and train outside no_grad()"
        )
    if not math.isfinite(y.data) or not all([math.isfinite(p.grad) for p in optimiser.parameters]):
        raise FloatingPointError(first_not_finite(y))
    return y.data


def independent(y: Value, parameters: list[Value]) -> bool:
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


def check_weights(parameters: list[Value]) -> None:
    """A FloatingPointError if the last step took a weight out of the finite numbers."""
    for p in parameters:
        if not math.isfinite(p.data):
            raise FloatingPointError(f"the step takes {p.label or 'a weight'} with gradient {p.grad:.6g} to {p.data}")


@contextmanager
def guarded(where: str, parameters: list[Value], good: list[float]) -> Iterator[None]:
    """Turn an arithmetic error into Diverged, with the good numbers back in the parameters."""
    try:
        yield
    except (ArithmeticError, DomainError) as error:
        for p, x in zip(parameters, good, strict=True):
            p.data = x
        raise Diverged(
            f"{where}: {error}; the last good weights are kept, look for numbers in the data that are not finite,"
            " or try a smaller learning rate"
        ) from error


# What was given, checked.


def known(kind: str, table: Mapping[str, T], name: str) -> T:
    """The row of that name; a ValueError that lists the names there are."""
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"unknown {kind} {name!r}: known are {', '.join(sorted(table))}")
    return table[name]


def whole(name: str, n: Any) -> int:
    """n as an int; a ValueError if it is not a whole number of at least 1."""
    if not isinstance(n, SupportsIndex) or index(n) < 1:
        raise ValueError(f"{name} is a whole number of at least 1, not {n!r:.60}")
    return index(n)


def within(name: str, x: float, below: float = math.inf) -> float:
    """x itself; a ValueError if it is less than 0, or not less than the bound."""
    if not 0.0 <= x < below:
        raise ValueError(f"{name} is at least 0 and less than {below:g}, not {x}")
    return x


def generator(seed: int | None) -> random.Random:
    """A generator of random numbers with that seed; with None, with a seed drawn from Python's `random`."""
    return random.Random(random.getrandbits(64) if seed is None else seed)


def listed(x: Any) -> list[Any]:
    """One number as a list of one; a sequence as a list; a TypeError for a dict or set, whose order is unsure."""
    if isinstance(x, (Mapping, Set)):
        raise TypeError(f"expected a list of numbers, not a {type(x).__name__}: its order is unsure")
    return list(x) if hasattr(x, "__len__") else [x]


def plain(x: Any) -> float:
    """The number in a Value, or x itself as a float."""
    return x.data if isinstance(x, Value) else float(x)
