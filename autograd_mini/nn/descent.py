"""Steps of training in C: the parameters are out of their Values meanwhile."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from copy import copy
from math import isfinite
from typing import Any

from autograd_mini.batch import Group, groups
from autograd_mini.columns import rows_of, total
from autograd_mini.compile import Compiled, Recording
from autograd_mini.nn import schedules
from autograd_mini.nn.optimisers import SGD, Adam, Optimiser
from autograd_mini.program import Program
from autograd_mini.surroundings import holds
from autograd_mini.trees import Output
from autograd_mini.update import give_gradients, give_numbers, numbers_and_gradients_of
from autograd_mini.value import Value, is_recording, watched

MOST_NUMBERS = 10_000_000  # of all examples, which are kept side by side: 80 megabytes
NO_INPUTS = array("d")
METHODS = ("step", "next_rate", "learning_rate", "change", "advance", "move", "zero_grad")
# Their methods as they are here: somebody may put others into an optimiser, or into its class.
KNOWN: dict[type, list[Any]] = {kind: [getattr(kind, name) for name in METHODS] for kind in (SGD, Adam)}


class Descent:
    """The parameters of an optimiser in arrays, and the one recording of the loss that holds for all examples.

    From take() to release(), Values do not have their numbers: no code of users' may run that could see it.

    Attributes:
        x, g: the numbers of the parameters and their gradients, in the optimiser's order.
    """

    x: array[float]
    g: array[float]

    def __init__(self, recording: Recording, parameters: tuple[Value, ...]) -> None:
        self.recording, self.parameters, layout = recording, parameters, copy(recording.program.layout)
        slots = {id(p): slot for p, slot in zip(recording.captured, layout.captured, strict=True)}
        layout.captured = array("i", [slots.get(id(p), -1) for p in parameters])
        self.program = Program(layout)  # the same, with all parameters in the optimiser's order

    def take(self) -> None:
        """Take the numbers and gradients out of the Values."""
        self.x, self.g = numbers_and_gradients_of(self.parameters)

    def differentiate(self, examples: Group, batch: Sequence[int]) -> float | None:
        """The mean loss of some examples, leaving its gradient in g; None if the recording does not hold for one."""
        n = len(batch)
        inputs = rows_of(examples.numbers, examples.width, batch)
        outputs, gradients, verdicts = zeros(n), zeros(len(self.x)), bytearray(n)
        end = self.program.run(self.x, inputs, n, 1.0 / n, outputs, gradients, NO_INPUTS, verdicts, True)
        loss = 1.0 / n * float(total(outputs))
        if end or any(verdicts) or not isfinite(loss):
            return None
        self.g = gradients
        return loss

    def release(self) -> None:
        """Give the numbers and gradients back to the Values."""
        give_numbers(self.parameters, self.x)
        give_gradients(self.parameters, self.g)


class Descents:
    """Finds the Descent for a compiled loss, where its steps do what steps on Values do.

    Attributes:
        examples: all of them, in the group of those that can share recordings.
    """

    examples: Group

    def __init__(
        self, optimiser: Optimiser, parameters: tuple[Value, ...], inputs: list[Any], targets: list[Any]
    ) -> None:
        self.optimiser, self.parameters, self.columns = optimiser, parameters, (inputs, targets)
        self.last: Descent | None = None
        self.forget()

    def forget(self) -> None:
        """Look at the examples and at what the loss reads again: a metric may have changed them."""
        self.groups: dict[Any, Group] | None = None
        self.refused = -1  # with how many recordings made there was no Descent

    def find(self, compiled: Compiled) -> Descent | None:
        """The parameters taken out of their Values; None if the next step is one for Values."""
        if compiled.misses in (0, self.refused):
            return None
        recording = self.recording_for_all(compiled)
        if recording is None:
            self.refused = compiled.misses
            return None
        if self.last is None or self.last.recording is not recording:
            self.last = Descent(recording, self.parameters)
        self.last.take()
        return self.last

    def recording_for_all(self, compiled: Compiled) -> Recording | None:
        """The one recording for all examples, of nothing but parameters; None if there is none, or others may look."""
        if not is_known(self.optimiser) or not is_recording() or watched() is not None:
            return None
        if self.groups is None:
            self.groups = self.grouped(compiled)
        if len(self.groups) != 1:
            return None
        ((key, self.examples),) = self.groups.items()
        known = [x for x in compiled.recordings.get(key, ()) if holds(x.watched)]
        if len(known) != 1 or self.examples.values or type(known[0].result) is not Output:
            return None
        is_new = self.last is None or self.last.recording is not known[0]
        if is_new and not {*map(id, self.parameters)}.issuperset(map(id, known[0].captured)):
            return None
        return known[0]

    def grouped(self, compiled: Compiled) -> dict[Any, Group]:
        """All examples by what can share recordings; nothing if they are too many, or not what the loss takes."""
        widths = [x.program.size("inputs") for known in compiled.recordings.values() for x in known]
        if max(widths, default=0) * len(self.columns[0]) > MOST_NUMBERS:
            return {}
        try:
            return groups(compiled, self.columns, {})
        except Exception:  # which the step with that example is to raise
            return {}


def is_known(optimiser: Optimiser) -> bool:
    """Whether a step is what this package says: no code of a user's sees that the Values are not up to date."""
    if callable(optimiser.lr) and getattr(optimiser.lr, "__globals__", None) is not vars(schedules):
        return False
    methods = [getattr(getattr(optimiser, name), "__func__", None) for name in METHODS]
    return methods == KNOWN.get(type(optimiser))


def zeros(n: int) -> array[float]:
    """So many zeros."""
    return array("d", [0.0]) * n
