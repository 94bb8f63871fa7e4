"""Where inf and nan came from: backward() names the operation that made them, and the line of code that it is on."""

from __future__ import annotations

import linecache
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from autograd_mini.steps import Contribution, sweep
from autograd_mini.text import Names, called, names_of, number, shortened
from autograd_mini.value import Value, is_taping, topological, watched, watching

PACKAGE = f"{Path(__file__).parent}{os.sep}"
MOST = 6  # operands of a node that are written out
LONGEST = 100  # characters of a line of code


class NonFiniteError(FloatingPointError):
    """A gradient that is inf or nan, found inside detect_nonfinite().

    Attributes:
        node: the first node of the sweep whose gradient is not finite.
        contribution: the step that made it so, a steps.Contribution: `contribution.node` is the operation that passed
            it on. None if the gradient was put in.
    """

    def __init__(self, message: str, node: Value, contribution: Contribution | None) -> None:
        super().__init__(message)
        self.node, self.contribution = node, contribution


@contextmanager
def detect_nonfinite() -> Iterator[None]:
    """Inside `with detect_nonfinite():`, backward() raises an error that says where a gradient became inf or nan.

    It names the first node of the sweep whose gradient is not finite, the operation that passed that on, with its
    operands, its upstream gradient and its local derivative, and the lines of your own code on which both were
    computed. So it is to be around the computation too, not around backward() alone. It is of this thread.

    The sweep is done to its end before: the gradients are those that backward() leaves otherwise.

    It is for the search: inside of it a step of a network takes 4 times as long, and an addition alone 15 times.

    Raises:
        NonFiniteError: a FloatingPointError, from backward().
        RuntimeError: inside a compiled function.

    >>> x = Value(0.0, label="x")
    >>> with detect_nonfinite():
    ...     y = (x * x).sqrt()
    ...     y.backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    autograd_mini.detect.NonFiniteError: the gradient of x² became inf: ...
    """
    if is_taping():
        raise RuntimeError(
            "detect_nonfinite() inside a compiled function: call the compiled function inside detect_nonfinite()"
        )
    outer = watched()
    lines = outer or Lines()
    try:
        with watching(lines):
            yield
    finally:
        if outer is None:  # an error's traceback may have it longer
            lines.clear()


class Lines:
    """On which line of the user's own code each node was made, of those that are still in use."""

    def __init__(self) -> None:
        self.nodes: list[Value] = []  # kept, so that no other gets the same identity
        self.places: list[tuple[CodeType, int] | None] = []
        self.room = 10_000  # nodes, before those that nobody else has are let go

    def clear(self) -> None:
        """Let go of all nodes."""
        self.nodes.clear()
        self.places.clear()

    def append(self, entry: Any) -> None:
        """Note where a node is made; comparisons come here too."""
        if isinstance(entry, Value):
            self.nodes.append(entry)
            self.places.append(own_line(sys._getframe(1)))
            if len(self.nodes) > self.room:
                self.forget()

    def forget(self) -> None:
        """Let go of the nodes that nobody else has, the newest first, because they hold the older ones."""
        kept = []
        for i in reversed(range(len(self.nodes))):
            if references(self.nodes, i) > ALONE:
                kept.append((self.nodes[i], self.places[i]))
            self.nodes.pop()
        kept.reverse()
        self.nodes, self.places = [node for node, _ in kept], [place for _, place in kept]
        self.room = max(self.room, 2 * len(kept))

    def backward(self, root: Value, seed: float) -> None:
        """root.backward(seed), and a NonFiniteError if it leaves a gradient that is not finite."""
        nodes = topological(root)
        before = {node: node.grad for node in nodes if node.op == "leaf"}
        with watching(None):
            root.backward(seed)
            if not all([math.isfinite(node.grad) for node in nodes]):
                raise self.error(root, seed, before)

    def error(self, root: Value, seed: float, before: dict[Value, float]) -> NonFiniteError:
        """What to say of the first gradient of the sweep that is not finite."""
        names = names_of(root)
        start = before.get(root, 0.0) + seed
        if not math.isfinite(start):
            said = f"backward() of {called(root, names).text} starts with the gradient {number(start)}"
            return NonFiniteError(f"{said}: give a finite seed", root, None)
        contributions = (found for step in sweep(root, seed, dict(before), names) for found in step.contributions)
        found = next(found for found in contributions if not math.isfinite(found.total))
        return NonFiniteError(self.message(found, root, names), found.parent, found)

    def message(self, found: Contribution, root: Value, names: Names) -> str:
        """The gradient, the operation that passed it on, the lines of both, and what can be done."""
        receiver = called(found.parent, names).text
        if not math.isfinite(found.before):
            return (
                f"the gradient of {receiver} was {number(found.before)} before this backward():"
                " set grad to 0 first, as zero_grad() of a model does"
            )
        so_far = f", in all {found.sum}" if math.isfinite(found.value) else ""
        lines = [
            f"the gradient of {receiver} became {number(found.total)}: {called(found.node, names).text} passed on"
            f" upstream gradient × local derivative = {found.product}{so_far}",
            *self.described(found.node, names),
            *self.described(found.parent, names),
        ]
        source = next((node for node in topological(root) if not math.isfinite(node.data)), None)
        if source is not None:
            lines += ["the first number that is not finite:", *self.described(source, names)]
        return "\n  ".join([*lines, advice(found, source)])

    def described(self, node: Value, names: Names) -> list[str]:
        """A node, its operation and operands, and the line that it was made on."""
        operands = [
            f"{called(x, names).text} = {number(x.data)}" if isinstance(x, Value) else number(x)
            for x in node.operands[:MOST]
        ]
        more = [f"... {len(node.operands)} operands"] if len(node.operands) > MOST else []
        of = f", {node.op} of {', '.join([*operands, *more])}" if operands else ", a leaf"
        return [f"{called(node, names).text} = {number(node.data)}{of}", f"  {self.place(node)}"]

    def place(self, node: Value) -> str:
        """The line of code that a node was made on."""
        place = next((place for other, place in zip(self.nodes, self.places, strict=True) if other is node), None)
        if place is None:
            return "made outside of detect_nonfinite()"
        code, line = place
        text = linecache.getline(code.co_filename, line).strip()
        return f"{code.co_filename}, line {line}, in {code.co_name}: {shortened(text, LONGEST)}".rstrip(": ")


def own_line(frame: FrameType | None) -> tuple[CodeType, int] | None:
    """The innermost line of code that is not this package's."""
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return (frame.f_code, frame.f_lineno) if frame is not None else None


def references(nodes: list[Value], i: int) -> int:
    """How many references there are to a node in a list."""
    return sys.getrefcount(nodes[i])


ALONE = references([Value(0.0)], 0)  # if nobody else has it


def advice(found: Contribution, source: Value | None) -> str:
    """What can be done about it."""
    if found.node.op == "call":
        return (
            "call is a compiled function: call the function itself instead, to see which of its operations it is;"
            " nn.train() takes compiled=False"
        )
    if source is not None:
        return "look where that number comes from"
    if not math.isfinite(found.local):
        return (
            "the slope is not finite there: keep the operand away from it, as maximum(x, 1e-12) does; where() after it"
            " does not help, since 0 × inf is nan"
        )
    return "the product or sum is too large for a float: scale the numbers down"
