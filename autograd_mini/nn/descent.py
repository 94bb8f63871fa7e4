"""Steps of training in C: the parameters are taken out of their Values and given back after an epoch."""

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
NONE = array("d")
NOBODY = Group([], 0, NONE, [])


class Descent:
    """The parameters of an optimiser in arrays, and one recording of the loss that holds for all examples.

    Values have the numbers again after release(): until then there must be no code of users'.

    Attributes:
        x, g: the numbers of the parameters and their gradients, in the optimiser's order.
    """

    def __init__(self, recording: Recording, parameters: tuple[Value, ...]) -> None:
        self.parameters, layout = parameters, copy(recording.program.layout)
        slots = {id(p): slot for p, slot in zip(recording.captured, layout.captured, strict=True)}
        layout.captured = array("i", [slots.get(id(p), -1) for p in parameters])
        self.program = Program(layout)  # the same, with all parameters in the optimiser's order
        self.x, self.g, self.examples = NONE, NONE, NOBODY

    def differentiate(self, batch: Sequence[int]) -> float | None:
        """The mean loss of some examples, leaving its gradient in g; None if the recording does not hold for one."""
        n = len(batch)
        inputs = rows_of(self.examples.numbers, self.examples.width, batch)
        outputs, gradients, verdicts = zeros(n), zeros(len(self.x)), bytearray(n)
        end = self.program.run(self.x, inputs, n, 1.0 / n, outputs, gradients, NONE, verdicts, True)
        loss = 1.0 / n * float(total(outputs))
        if end or any(verdicts) or not isfinite(loss):
            return None
        self.g = gradients
        return loss

    def take(self, examples: Group) -> None:
        """Take the numbers and gradients out of the Values, for steps on these examples."""
        self.x, self.g = numbers_and_gradients_of(self.parameters)
        self.examples = examples

    def release(self) -> None:
        """Give the numbers and gradients back to the Values."""
        give_numbers(self.parameters, self.x)
        give_gradients(self.parameters, self.g)


class Descents:
    """Makes Descents on one compiled loss, where they do what steps on Values do."""

    def __init__(
        self, optimiser: Optimiser, parameters: tuple[Value, ...], inputs: list[Any], targets: list[Any]
    ) -> None:
        self.optimiser, self.parameters, self.columns = optimiser, parameters, (inputs, targets)
        self.of: dict[int, tuple[Recording, Descent | None]] = {}  # recordings, by their identity
        self.groups: dict[Any, Group] = {}
        self.surroundings: Any = None  # when the examples were grouped

    def new(self, compiled: Compiled) -> Descent | None:
        """The parameters in arrays, as they are now; None if the next step is one for Values."""
        if compiled.changes is not None or not compiled.recordings:
            return None
        if not is_known(self.optimiser) or not is_recording() or watched() is not None:
            return None
        if self.surroundings != (surroundings := compiled.surroundings()):
            self.surroundings, self.groups = surroundings, self.grouped(compiled)
        if len(self.groups) != 1:
            return None
        ((key, examples),) = self.groups.items()
        known = [x for x in compiled.recordings.get(key, ()) if holds(x.watched)]
        if len(known) != 1 or examples.values:
            return None
        recording, descent = self.of.get(id(known[0]), (None, None))
        if recording is None:
            has_others = not {id(p) for p in self.parameters}.issuperset(map(id, known[0].captured))
            if not has_others and type(known[0].result) is Output:
                descent = Descent(known[0], self.parameters)
            self.of = {id(known[0]): (known[0], descent)}
        if descent is not None:
            descent.take(examples)
        return descent

    def grouped(self, compiled: Compiled) -> dict[Any, Group]:
        """All examples by what can share recordings; nothing if they are too many, or not what the loss takes."""
        recordings = [x for known in compiled.recordings.values() for x in known]
        width = max([x.program.size("inputs") for x in recordings], default=0)
        if width * len(self.columns[0]) > MOST_NUMBERS:
            return {}
        try:
            return groups(compiled, self.columns, {})
        except (TypeError, ValueError):  # which the step with that example is to raise
            return {}

    def forget(self) -> None:
        """Look at the examples again, as there was code of users'."""
        self.surroundings = None


def is_known(optimiser: Optimiser) -> bool:
    """Whether a step is what this package says: no code of a user's would see parameters that are not up to date."""
    own_methods = {"step", "change", "move", "learning_rate"} & vars(optimiser).keys()
    is_ours = not callable(optimiser.lr) or getattr(optimiser.lr, "__module__", None) == schedules.__name__
    return type(optimiser) in (SGD, Adam) and is_ours and not own_methods


def zeros(n: int) -> array[float]:
    """So many zeros."""
    return array("d", [0.0]) * n
