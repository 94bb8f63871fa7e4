"""A step of training in each engine's manner: the loss that a workload brings, its gradient, and an update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd_mini as am
from autograd_mini.nn.training import Fit, Steps
from tests.bench import jobs
from tests.bench.engines import peer
from tests.bench.jobs import Job

# The signature of an update: what sqrt is for these arrays, parameters, gradient, two states, the number of the step.
# The states come back; SGD has no use for them.
Update = Callable[[Any, Any, Any, Any, Any, Any], tuple[Any, Any, Any]]
Batches = Sequence[tuple[Any, ...]]


def adam(lr: float) -> Update:
    """Adam with the settings that am.nn.Adam and PyTorch have by default."""

    def update(sqrt: Any, p: Any, g: Any, m: Any, v: Any, t: Any) -> tuple[Any, Any, Any]:
        m = 0.9 * m + (1.0 - 0.9) * g
        v = 0.999 * v + (1.0 - 0.999) * g * g
        return p - lr * (m / (1.0 - 0.9**t)) / (sqrt(v / (1.0 - 0.999**t)) + 1e-8), m, v

    return update


def sgd(lr: float) -> Update:
    return lambda sqrt, p, g, m, v, t: (p - lr * g, m, v)


class Training(Job):
    """Steps that go through the batches again and again; without an update or optimiser, they give the gradient."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.done = 0
        self.restart()

    def batch(self) -> tuple[Any, ...]:
        return self.batches[self.done % len(self.batches)]


class OfValues(Training):
    """This engine: the loss of a batch as one Value, and an optimiser of am.nn."""

    def __init__(
        self, parameters: Sequence[am.Value], start: Sequence[float], loss: Callable[..., Any], batches: Batches,
        optimiser: Callable[[Sequence[am.Value]], Any] | None, compiles: bool,
    ) -> None:  # fmt: skip
        self.parameters, self.start, self.loss, self.make_optimiser = parameters, start, loss, optimiser
        self.compiles = compiles
        super().__init__(batches)

    def restart(self) -> None:
        for p, x in zip(self.parameters, self.start, strict=True):
            p.data, p.grad = x, 0.0
        self.optimiser = self.make_optimiser and self.make_optimiser(self.parameters)
        self.done = 0

    def step(self) -> None:
        self.loss(*self.batch()).backward()
        if self.optimiser:  # without one, gradients add up: setting them to zero is an optimiser's work
            self.optimiser.step()
            self.optimiser.zero_grad()
        self.done += 1

    def results(self) -> list[float]:
        self.zero_grad()
        loss = self.loss(*self.batch())
        loss.backward()
        gradient = [p.grad for p in self.parameters]
        self.zero_grad()
        return [loss.data, *gradient]

    def zero_grad(self) -> None:
        for p in self.parameters:
            p.grad = 0.0


class OfTrain(OfValues):
    """This engine: the steps of am.nn.train(), from one epoch to the next."""

    def __init__(
        self, parameters: Sequence[am.Value], start: Sequence[float], fit: Fit, batches: Batches,
        optimiser: Callable[[Sequence[am.Value]], Any],
    ) -> None:  # fmt: skip
        inputs, targets = [[x for batch in batches for x in batch[i]] for i in range(2)]
        self.steps = Steps(fit, optimiser(parameters), tuple(parameters), inputs, targets)
        super().__init__(parameters, start, fit.mean, batches, optimiser, True)

    def restart(self) -> None:
        self.steps.release()
        super().restart()
        self.steps.optimiser = self.optimiser

    def step(self) -> None:
        size = len(self.batch()[0])
        start = self.done % len(self.batches) * size
        self.steps.step(range(start, start + size))
        self.done += 1
        if self.done % len(self.batches) == 0:
            self.steps.release()

    def results(self) -> list[float]:
        self.steps.release()
        return super().results()


class InJax(Training):
    """JAX: forward, backward and update in one jitted function, whose state is given back to it."""

    compiles = True

    def __init__(
        self, arrays: Sequence[Any], loss: Callable[..., Any], batches: Batches, update: Update | None
    ) -> None:
        self.jax, jnp = jobs.jax_and_numpy()
        self.array, self.arrays = jnp.array, arrays
        self.value_and_gradient = self.jax.jit(self.jax.value_and_grad(loss))

        def step(state: Any, batch: Any) -> Any:
            parameters, m, v, t = state
            value, gradient = self.jax.value_and_grad(loss)(parameters, *batch)
            t = t + 1.0
            new = [update(jnp.sqrt, *each, t) for each in zip(parameters, gradient, m, v, strict=True)]
            return value, (*map(list, zip(*new, strict=True)), t)

        self.jitted = self.jax.jit(step, donate_argnums=0) if update else None
        super().__init__([tuple(map(jnp.array, batch)) for batch in batches])

    def restart(self) -> None:
        parameters, m, v = ([self.array(scale * a) for a in self.arrays] for scale in (1.0, 0.0, 0.0))
        self.state, self.done = (parameters, m, v, self.array(0.0)), 0

    def step(self) -> None:
        if self.jitted:
            value, self.state = self.jitted(self.state, self.batch())
        else:
            value, _ = self.value_and_gradient(self.state[0], *self.batch())
        value.block_until_ready()
        self.done += 1

    def results(self) -> list[float]:
        value, gradient = self.value_and_gradient(self.state[0], *self.batch())
        return jobs.flattened([value, *gradient])


class InTorch(Training):
    """PyTorch, eager, with one of its optimisers."""

    def __init__(
        self, arrays: Sequence[Any], loss: Callable[..., Any], batches: Batches,
        optimiser: Callable[..., Any] | None,
    ) -> None:  # fmt: skip
        self.torch, self.arrays, self.loss = jobs.torch_on_one_thread(), arrays, loss
        self.make_optimiser = optimiser
        super().__init__([tuple(self.torch.tensor(part) for part in batch) for batch in batches])

    def restart(self) -> None:
        self.parameters = [self.torch.tensor(a, requires_grad=True) for a in self.arrays]
        self.optimiser, self.done = self.make_optimiser and self.make_optimiser(self.parameters), 0

    def step(self) -> None:
        for p in self.parameters:
            p.grad = None
        self.loss(self.parameters, *self.batch()).backward()
        if self.optimiser:
            self.optimiser.step()
        self.done += 1

    def results(self) -> list[float]:
        loss = self.loss(self.parameters, *self.batch())
        return jobs.flattened([loss.detach(), *self.torch.autograd.grad(loss, self.parameters)])


class InNumpy(Training):
    """NumPy: forward and backward by hand, the parameters and the gradient as parts of two flat arrays."""

    def __init__(
        self, arrays: Sequence[Any], both: Callable[..., float], batches: Batches, update: Update | None
    ) -> None:
        self.np, self.arrays, self.both, self.update = peer("numpy"), arrays, both, update
        super().__init__(batches)

    def restart(self) -> None:
        self.flat = self.np.concatenate([a.ravel() for a in self.arrays])
        self.gradient, self.m, self.v = (self.np.zeros_like(self.flat) for _ in range(3))
        self.parameters, self.by_parameters = self.views(self.flat), self.views(self.gradient)
        self.done = 0

    def views(self, flat: Any) -> list[Any]:
        parts, start = [], 0
        for a in self.arrays:
            parts.append(flat[start : start + a.size].reshape(a.shape))
            start += a.size
        return parts

    def step(self) -> None:
        self.both(self.parameters, self.by_parameters, *self.batch())
        self.done += 1
        if self.update:
            self.flat[:], self.m, self.v = self.update(
                self.np.sqrt, self.flat, self.gradient, self.m, self.v, self.done
            )

    def results(self) -> list[float]:
        value = self.both(self.parameters, self.by_parameters, *self.batch())
        return [float(value), *self.gradient.tolist()]


class InCasadi(Training):
    """CasADi: forward, backward and update in one function of its virtual machine.

    The loss is of a column of parameters and, for each part of a batch, a matrix with a column for each example.
    """

    compiles = True

    def __init__(
        self, start: Sequence[float], loss: Callable[..., Any], batches: Batches, update: Update | None, in_c: bool
    ) -> None:
        self.ca, self.start = peer("casadi"), start
        batches = [tuple(self.ca.DM(part) for part in batch) for batch in batches]
        inputs = [self.ca.MX.sym(f"x{i}", *part.shape) for i, part in enumerate(batches[0])]
        # Symbols of scalars where there are no batches; what is mapped over examples needs symbols of matrices.
        p = (self.ca.MX if inputs else self.ca.SX).sym("p", len(start))
        y = loss(p, *inputs)
        # Only what is timed is compiled: it takes most of a minute for the transformer.
        options = jobs.casadi_options(in_c)
        found = [y, self.ca.gradient(y, p)]
        self.value_and_gradient = self.ca.Function("both", [p, *inputs], found, {} if update else options)
        self.function = None
        if update:
            p, m, v, t = (self.ca.MX.sym(name, n) for name, n in zip("pmvt", [len(start)] * 3 + [1], strict=True))
            y, gradient = self.value_and_gradient(p, *inputs)
            new = update(self.ca.sqrt, p, gradient, m, v, t)
            self.function = self.ca.Function("step", [p, m, v, t, *inputs], [y, *new], options)
        super().__init__(batches)

    def restart(self) -> None:
        self.state = self.ca.DM(self.start), self.ca.DM.zeros(len(self.start)), self.ca.DM.zeros(len(self.start))
        self.done = 0

    def step(self) -> None:
        batch = self.batch()
        self.done += 1
        if self.function:
            _, *self.state = self.function(*self.state, self.done, *batch)
        else:
            self.value_and_gradient(self.state[0], *batch)

    def results(self) -> list[float]:
        return jobs.flattened(self.value_and_gradient(self.state[0], *self.batch()))


def by_layers(model: Any) -> tuple[list[Any], list[tuple[int, ...]]]:
    """The parameters of a network, for each layer all weights before all biases, and the shapes of these arrays."""
    parameters: list[Any] = []
    shapes: list[tuple[int, ...]] = []
    for layer in model.layers:
        parameters += [w for neuron in layer.neurons for w in neuron.w]
        parameters += [neuron.b for neuron in layer.neurons]
        shapes += [(len(layer.neurons), len(layer.neurons[0].w)), (len(layer.neurons),)]
    return parameters, shapes


def mapped(function: Any, p: Any, *columns: Any) -> Any:
    """CasADi: the sum of a function of the parameters and an example over the columns of matrices."""
    ca = peer("casadi")
    symbols = [ca.SX.sym(name, x.shape[0]) for name, x in zip("pxy", (p, *columns), strict=False)]
    example = ca.Function("example", symbols, [function(*symbols)])
    return ca.sum2(example.map(columns[0].shape[1])(p, *columns))


def layers_of(p: Any, shapes: Sequence[tuple[int, ...]]) -> list[tuple[Any, Any]]:
    """CasADi: the matrices and biases of a network in a column of parameters."""
    ca, parts, start = peer("casadi"), [], 0
    for (nout, nin), _ in zip(shapes[::2], shapes[1::2], strict=True):
        end = start + nout * nin
        parts.append((ca.reshape(p[start:end], nin, nout).T, p[end : end + nout]))  # CasADi goes down the columns
        start = end + nout
    return parts
