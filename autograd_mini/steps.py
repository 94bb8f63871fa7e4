"""Backpropagation one step at a time: what each node of the sweep passes on, in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, SupportsFloat

from autograd_mini import value as engine
from autograd_mini.text import (
    Names,
    Written,
    called,
    close,
    fraction,
    html_table,
    latex,
    local_derivative,
    names_of,
    number,
    numeral,
    signed,
)  # fmt: skip
from autograd_mini.value import Value, topological


@dataclass(frozen=True, eq=False)
class Contribution:
    """What one operand receives in a step: the upstream gradient times the local derivative.

    Attributes:
        node: the node that passes its gradient on.
        parent: the operand that receives it.
        operand: the operand's place, from 0: of x * x, x is there twice.
        upstream: the gradient of the node.
        local: the derivative of the node by the operand, as it was recorded.
        value: upstream × local.
        before, total: the gradient of the parent before and after.
    """

    node: Value
    parent: Value
    operand: int
    upstream: float
    local: float
    value: float
    before: float
    total: float
    names: Names = field(repr=False)

    @property
    def formula(self) -> str:
        """The local derivative in names, in numbers and as a number: '∂y/∂z = 1 − y² = 1 − 0.883² = 0.2203'."""
        spellings = [spelling.text for spelling in self.spellings]
        return " = ".join([fraction(self.node, self.operand, self.names).text, *spellings])

    @property
    def product(self) -> str:
        """The contribution as a product: '0.2203 × −3 = −0.661'."""
        return f"{number(self.upstream)} × {number(self.local)} = {number(self.value)}"

    @property
    def sum(self) -> str:
        """The gradient of the parent so far, as a sum where it received some before: '−0.661 + 1.628 = 0.9669'."""
        if self.before == 0.0:
            return number(self.total)
        return f"{number(self.before)} {signed(self.value)} = {number(self.total)}"

    @property
    def spellings(self) -> list[Written]:
        """The local derivative in names, in numbers and as a number; those that say no more are left out."""
        slope = local_derivative(self.node, self.operand, self.names)
        result = numeral(self.local)
        if not close(slope.data, self.local):  # data of a leaf was changed since: the formula speaks of other numbers
            return [result]
        return [spelling for spelling in dict.fromkeys([slope.named, slope.numbers, result]) if spelling.text]

    @property
    def receiver(self) -> str:
        """What the parent is called."""
        return called(self.parent, self.names).text

    def __str__(self) -> str:
        so_far = f", in all {self.sum}" if self.before != 0.0 else ""
        return f"{self.formula}; {self.receiver} receives {self.product}{so_far}"

    @property
    def latex(self) -> str:
        """The local derivative and the product in LaTeX."""
        slope = " = ".join([fraction(self.node, self.operand, self.names).latex, *[s.latex for s in self.spellings]])
        return rf"{slope}, \quad {latex(self.upstream)} \cdot {latex(self.local)} = {numeral(self.value).latex}"


@dataclass(frozen=True, eq=False)
class Step:
    """One step of the reverse sweep: a node that has all of its gradient passes it on to its operands.

    Attributes:
        count: 1 for the first step, of the root.
        node: the node.
        upstream: its gradient, the derivative of the root by it.
        contributions: what each operand receives that is a Value.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> for step in (a * b).backward_steps():
    ...     print(step)
    1. a·b has the gradient 1:
       ∂(a·b)/∂a = b = −3; a receives 1 × −3 = −3
       ∂(a·b)/∂b = a = 2; b receives 1 × 2 = 2
    """

    count: int
    node: Value
    upstream: float
    contributions: tuple[Contribution, ...]
    names: Names = field(repr=False)

    @property
    def headline(self) -> str:
        """What the step is about, in a few words."""
        name = called(self.node, self.names).text
        end = "" if self.contributions else ", and nothing to pass it on to"
        return f"{name} has the gradient {number(self.upstream)}{end}"

    def __str__(self) -> str:
        if not self.contributions:
            return f"{self.count}. {self.headline}."
        return "\n   ".join([f"{self.count}. {self.headline}:", *map(str, self.contributions)])

    def _repr_html_(self) -> str:
        columns = ("operand", "local derivative", "upstream × local", "its gradient so far")
        rows = [(c.receiver, c.formula, c.product, c.sum) for c in self.contributions]
        return html_table(f"{self.count}. {self.headline}", columns, rows)

    def _repr_latex_(self) -> str:
        lines = [contribution.latex for contribution in self.contributions]
        stacked = r" \\ ".join(lines or [numeral(self.upstream).latex])
        return rf"$\begin{{gathered}} {stacked} \end{{gathered}}$"


def backward_steps(root: Value, seed: SupportsFloat = 1.0, names: Mapping[str, Any] | None = None) -> Iterator[Step]:
    """root.backward(seed), one step at a time: see Value.backward_steps."""
    start = Value(seed).data
    nodes = topological(root)
    return performed(root, start, nodes, names_of(root, names))


def performed(root: Value, seed: float, nodes: list[Value], names: Names) -> Iterator[Step]:
    """The steps of the sweep, each written into the nodes before it is given."""
    for node in nodes:
        if node.op != "leaf":
            node.grad = 0.0
    grads = {node: node.grad for node in nodes}
    root.grad += seed
    for step in sweep(root, seed, grads, names):
        for contribution in step.contributions:
            check_unchanged(contribution.node, contribution.upstream)
            check_unchanged(contribution.parent, contribution.before)
            contribution.parent.grad = contribution.total
        yield step
    for node in nodes:
        check_unchanged(node, grads[node])


def check_unchanged(node: Value, grad: float) -> None:
    """A RuntimeError if somebody else has set the gradient that the sweep is about to use."""
    if node.grad != grad and not (math.isnan(node.grad) and math.isnan(grad)):
        raise RuntimeError(
            f"the gradient of {node!r} was {grad:.6g} in this sweep and has been changed between two of its steps:"
            " take all steps of backward_steps() before calling backward() or zero_grad()"
        )


def sweep(
    root: Value, seed: float, grads: dict[Value, float], names: Names, groups: Mapping[Value, object] | None = None
) -> Iterator[Step]:
    """The steps of the reverse sweep, adding up in `grads`, which holds what the leaves have before.

    With the group of each node given, they leave out the contributions that stay within one.
    """
    grads[root] = (grads.get(root, 0.0) if root.op == "leaf" else 0.0) + seed
    for count, node in enumerate(order(root), 1):
        yield Step(count, node, grads[node], passed_on(node, grads[node], grads, names, groups), names)


def as_left(root: Value, names: Names, groups: Mapping[Value, object] | None = None) -> Iterator[Step]:
    """The steps of the last sweep, from the gradients that it left in the nodes; groups are as for `sweep`."""
    grads: dict[Value, float] = {}
    for count, node in enumerate(order(root), 1):
        yield Step(count, node, node.grad, passed_on(node, node.grad, grads, names, groups), names)


def passed_on(
    node: Value, upstream: float, grads: dict[Value, float], names: Names, groups: Mapping[Value, object] | None
) -> tuple[Contribution, ...]:
    """What the operands of a node, outside of its group, receive of its gradient; adds it to theirs in `grads`."""
    contributions = []
    places = [i for i, operand in enumerate(node.operands) if isinstance(operand, Value)]
    for i, parent, local in zip(places, node.parents, node.local_derivatives, strict=True):
        before, value = grads.get(parent, 0.0), upstream * local
        grads[parent] = before + value
        if groups is None or groups[parent] is not groups[node]:
            contributions.append(Contribution(node, parent, i, upstream, local, value, before, before + value, names))
    return tuple(contributions)


def order(root: Value) -> Iterator[Value]:
    """The root and the computed nodes below it in the order in which backward() takes them: each after all its uses."""
    uses = count_uses(root)
    ready = [root]
    while ready:
        node = ready.pop()
        yield node
        for parent in node.parents:
            uses[parent] -= 1
            if uses[parent] == 0 and parent.op != "leaf":
                ready.append(parent)


def count_uses(root: Value) -> dict[Value, int]:
    """How often each node below the root is an operand."""
    uses = {root: 0}
    for node in topological(root):
        for parent in node.parents:
            uses[parent] = uses.get(parent, 0) + 1
    return uses


engine.explained = backward_steps
