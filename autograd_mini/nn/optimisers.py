"""Optimisers: SGD and Adam, which change parameters by their gradients."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from autograd_mini import update
from autograd_mini.nn.arguments import within
from autograd_mini.nn.schedules import Schedule
from autograd_mini.value import Value


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
        self._parameters = tuple(parameters)
        self.lr, self.weight_decay = lr, within("weight_decay", weight_decay)
        self.steps = 0
        if not self.parameters or not all([isinstance(p, Value) and p.op == "leaf" for p in self.parameters]):
            raise ValueError(f"{type(self).__name__} takes a list of leaf Values to change, such as model.parameters()")
        if len({id(p) for p in self.parameters}) < len(self.parameters):
            raise ValueError(f"{type(self).__name__} takes each Value once: one of them is in the list twice")
        self.learning_rate()

    @property
    def parameters(self) -> tuple[Value, ...]:
        """What it changes: always the same, as what it remembers of each is in this order."""
        return self._parameters

    @parameters.setter
    def parameters(self, parameters: Iterable[Value]) -> None:
        raise AttributeError(
            f"{type(self).__name__} keeps to its parameters, as it remembers numbers of each: make a new optimiser, and"
            " in an __init__ of your own call super().__init__(parameters, lr)"
        )

    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return within("lr", self.lr(self.steps) if callable(self.lr) else self.lr)

    def step(self) -> None:
        """Change the parameters once, by the gradients they have."""
        self.change(self.next_rate())

    def next_rate(self) -> float:
        """The learning rate of the step that is made now."""
        lr = self.learning_rate()
        self.steps += 1
        return lr

    def change(self, lr: float) -> None:
        """Do what step() does, at a learning rate."""
        for i, p in enumerate(self.parameters):
            p.data -= lr * self.direction(i, p.grad + self.weight_decay * p.data)

    def direction(self, i: int, g: float) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define direction(i, g)")

    def zero_grad(self) -> None:
        """Set the grad of every parameter to zero."""
        update.zero(self._parameters)


class OfArrays(Optimiser):
    """An optimiser whose step is a loop in C over the parameters' numbers, which move() changes."""

    def change(self, lr: float) -> None:
        x, g = update.numbers_and_gradients_of(self._parameters)
        self.move(x, g, lr)
        update.give_numbers(self._parameters, x)

    def advance(self, x: array[float], g: array[float]) -> None:
        """Do what step() does, to numbers x that were taken out of the parameters, by their gradients g."""
        self.move(x, g, self.next_rate())

    def move(self, x: array[float], g: array[float], lr: float) -> None:
        """Change x by g, at a learning rate."""
        raise NotImplementedError(f"{type(self).__name__} must define move(x, g, lr)")


class SGD(OfArrays):
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
        self.velocity = array("d", bytes(8 * len(self.parameters)))

    def move(self, x: array[float], g: array[float], lr: float) -> None:
        update.sgd(x, g, lr, self.weight_decay, self.momentum, self.nesterov, self.velocity)


class Adam(OfArrays):
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
        self.m, self.v = [array("d", bytes(8 * len(self.parameters))) for _ in range(2)]

    def move(self, x: array[float], g: array[float], lr: float) -> None:
        update.adam(x, g, lr, self.weight_decay, *self.betas, self.eps, self.steps, self.m, self.v)
