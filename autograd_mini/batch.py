# cython: annotation_typing=False
"""Batches of examples for a compiled function: grouped by what can share a recording, replayed, and added up."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

from autograd_mini.columns import regular, rows_of, total
from autograd_mini.program import Program, node
from autograd_mini.results import rebuilt
from autograd_mini.surroundings import holds
from autograd_mini.tape import DEVIATED, NOT_FINITE
from autograd_mini.trees import Output
from autograd_mini.update import numbers_of
from autograd_mini.value import Value


def examples(columns: Sequence[Any]) -> int:
    """How many examples a batch has, given its columns; an error if they do not fit."""
    if not columns:
        raise ValueError("a batch needs at least one column of arguments, with an entry for each example")
    for x in columns:
        if not hasattr(x, "__len__") or not hasattr(x, "__getitem__") or isinstance(x, (str, dict)):
            raise TypeError(
                f"a column of a batch is a sequence with an entry for each example, not {type(x).__name__}: {x!r:.60};"
                " give by name what is the same for all examples"
            )
    lengths = [len(x) for x in columns]
    if len(set(lengths)) > 1 or not lengths[0]:
        raise ValueError(f"the columns of a batch have {lengths} entries: give one for each example, at least 1")
    return lengths[0]


class Group(NamedTuple):
    """Examples that can share a recording.

    Attributes:
        places: which examples of the batch they are.
        width: how many numbers each has.
        numbers: those of all, one example after another.
        values: those that are Values: the example in this group, the place of the number in it, and the Value.
    """

    places: Sequence[int]
    width: int
    numbers: array[float]
    values: list[tuple[int, int, Value]]

    def only(self, kept: list[int]) -> Group:
        """The group of some of the examples."""
        where = {k: i for i, k in enumerate(kept)}
        values = [(where[k], i, x) for k, i, x in self.values if k in where]
        return Group([self.places[k] for k in kept], self.width, rows_of(self.numbers, self.width, kept), values)


class Batch:
    """What a compiled function gives for examples, and the gradients of their weighted sum.

    Attributes:
        results: places of examples, what the function gives for each, with Outputs for Values, and their numbers.
        parts: Values, and the gradients by them.
    """

    def __init__(
        self, compiled: Any, columns: Sequence[Any], same: dict[str, Any], weight: float, wants_slopes: bool,
        executor: Executor | None, parts: int | None,
    ) -> None:  # fmt: skip
        if parts is not None and parts < 1:
            raise ValueError(f"a batch is run in at least 1 part, not {parts}")
        self.compiled, self.columns, self.same = compiled, columns, same
        self.weight, self.wants_slopes, self.executor, self.most = weight, wants_slopes, executor, parts
        self.results: list[tuple[Sequence[int], Any, Sequence[float]]] = []
        self.parts: list[tuple[Sequence[Value], Sequence[float]]] = []
        self.depends, self.of_leaves = False, True  # whether on a Value, and on leaves only
        self.size = examples(columns)
        for key, group in groups(compiled, columns, same).items():
            self.run(key, group)

    def arguments(self, place: int) -> list[Any]:
        """The arguments of one example."""
        return [x[place] for x in self.columns]

    def run(self, key: Any, group: Group) -> None:
        """Run examples that can share recordings by those there are, and record what is new."""
        known = [x for x in self.compiled.recordings.get(key, ()) if holds(x.watched)]
        while group.places:
            is_new = not known
            first = self.arguments(group.places[0])
            recording = self.compiled.record(first, self.same) if is_new else known.pop(0)
            if recording is None:
                self.run_eagerly(group.places[0])
                group = group.only(list(range(1, len(group.places))))
                continue
            if is_new and self.compiled.changes is not None:  # it is for one call only
                self.replay(recording, group.only([0]))
                group = group.only(list(range(1, len(group.places))))
                continue
            verdicts = self.replay(recording, group)
            self.compiled.hits += not is_new
            if not verdicts:  # it held for all
                return
            if is_new and verdicts[0] == DEVIATED:  # not even the example that it was recorded with
                verdicts[0] = NOT_FINITE
            for k, verdict in enumerate(verdicts):
                if verdict == NOT_FINITE:
                    self.run_eagerly(group.places[k])
            group = group.only([k for k, verdict in enumerate(verdicts) if verdict == DEVIATED])

    def run_eagerly(self, place: int) -> None:
        """Run one example as the function does; it raises what that raises."""
        y = self.compiled.function(*self.arguments(place), **self.same)
        self.results.append(([place], y, ()))
        if isinstance(y, Value):
            self.depends = True
            if self.wants_slopes:
                self.parts.append(([y], [self.weight]))
                self.of_leaves = False

    def replay(self, recording: Any, group: Group) -> bytearray:
        """Replay a recording for examples, and keep what it gives where it holds; a verdict for each, or none if so."""
        program, captured = recording.program, recording.captured
        if self.wants_slopes and program.size("outputs") > 1:
            raise TypeError(f"{self.compiled!r} gives {program.size('outputs')} Values: sum() and mean() need one")
        self.depends = self.depends or bool(captured or group.values)
        wants_slopes = self.wants_slopes and program.size("outputs") == 1
        wants_inputs = wants_slopes and bool(group.values)
        done = self.work(program, captured, group, wants_slopes, wants_inputs)
        verdicts: bytearray
        verdicts, outputs, _, by_inputs = done[0]
        for part in done[1:]:
            verdicts.extend(part[0])
            outputs.extend(part[1])
            by_inputs.extend(part[3])
        if wants_slopes:
            self.parts += [(captured, part[2]) for part in done]
            self.of_leaves = self.of_leaves and program.of_leaves
        if wants_inputs:
            gradients = [by_inputs[k * group.width + i] for k, i, _ in group.values]
            self.parts.append(([x for *_, x in group.values], gradients))
            self.of_leaves = self.of_leaves and all([x.op == "leaf" for *_, x in group.values])
        if verdicts.count(0) == len(verdicts):
            self.results.append((group.places, recording.result, outputs))
            return bytearray()
        many, held = program.size("outputs"), [k for k, verdict in enumerate(verdicts) if not verdict]
        outputs = array("d", [y for k in held for y in outputs[many * k : many * (k + 1)]])
        self.results.append(([group.places[k] for k in held], recording.result, outputs))
        return verdicts

    def work(
        self, program: Program, captured: tuple[Value, ...], group: Group, wants_slopes: bool, wants_inputs: bool
    ) -> list[Any]:
        """Replay all of a group here, or parts of it where the executor has them run, in order."""
        n, width = len(group.places), group.width
        if self.executor is None:
            return [replayed(program, captured, group.numbers, n, self.weight, wants_slopes, wants_inputs)]
        numbers = numbers_of(captured)
        most = self.most or getattr(self.executor, "_max_workers", None) or os.cpu_count() or 1
        size = -(-n // most)
        futures = [
            self.executor.submit(
                replayed, program, numbers, group.numbers[width * k : width * (k + size)], min(size, n - k),
                self.weight, wants_slopes, wants_inputs,
            )
            for k in range(0, n, size)
        ]  # fmt: skip
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()  # after an error, what has not begun; otherwise all have ended

    def value(self) -> Any:
        """The weighted sum, as a Value if it depends on one."""
        y = self.weight * total(array("d", [self.total(*result) for result in self.results]))
        if not self.wants_slopes:
            return Value(y) if self.depends else y
        if len(self.parts) == 1:
            ((operands, slopes),) = self.parts
            return node(y, tuple(operands), array("d", slopes), self.of_leaves)
        by: dict[int, list[Any]] = {}
        for operands, slopes in self.parts:
            for x, slope in zip(operands, slopes, strict=True):
                by.setdefault(id(x), [x, 0.0])[1] += slope
        operands, slopes = zip(*by.values(), strict=True) if by else ((), ())
        return node(y, operands, array("d", slopes), self.of_leaves)

    def total(self, places: Sequence[int], result: Any, outputs: Sequence[float]) -> float:
        """The sum of the numbers of the examples; a TypeError if the function gives something else."""
        if not places:
            return 0.0
        if type(result) is Output:
            return float(total(outputs))
        if isinstance(result, (Value, float, int)):
            return float(numbers_in(result)[0]) * len(places)
        kind = "list" if type(result) is slice else type(result).__name__
        raise TypeError(f"{self.compiled!r} gives a {kind}: sum() and mean() need one Value")

    def array(self) -> Any:
        """The numbers of all examples."""
        rows: list[list[float]] = [[]] * self.size
        is_one = False
        for places, result, outputs in self.results:
            many = len(outputs) // len(places) if places else 0
            for k, place in enumerate(places):
                y = rebuilt(result, list(outputs[many * k : many * (k + 1)]))
                is_one = not isinstance(y, (list, tuple))
                rows[place] = numbers_in(y)
        widths = {len(row) for row in rows}
        if len(widths) > 1 or widths == {0}:
            raise TypeError(f"{self.compiled!r} gives {sorted(widths)} numbers: map() needs as many of each example")
        numbers = memoryview(array("d", [x for row in rows for x in row]))
        return numbers if is_one else numbers.cast("B").cast("d", [self.size, *widths])


def groups(compiled: Any, columns: Sequence[Any], same: dict[str, Any]) -> dict[Any, Group]:
    """The examples of a batch by what calls of a compiled function that can share recordings have in common."""
    n = examples(columns)
    if not (same or compiled.static or compiled.index):
        keys, width, numbers = regular(columns, n)
        if keys:
            return {(*keys, *compiled.surroundings()): Group(range(n), width, numbers, [])}
    found: dict[Any, tuple[list[int], list[list[Any]]]] = {}
    for place in range(n):
        inputs: list[Any] = []
        key = compiled.key([x[place] for x in columns], same, inputs)
        places, rows = found.setdefault(key, ([], []))
        places.append(place)
        rows.append(inputs)
    return {key: grouped(*group) for key, group in found.items()}


def grouped(places: list[int], rows: list[list[Any]]) -> Group:
    """The group of examples with these numbers and Values."""
    values = [(k, i, x) for k, row in enumerate(rows) for i, x in enumerate(row) if type(x) is Value]
    numbers = array("d", [x.data if type(x) is Value else x for row in rows for x in row])
    return Group(places, len(rows[0]), numbers, values)


def replayed(
    program: Program, numbers: tuple[Value, ...] | array[float], inputs: array[float], n: int, weight: float,
    wants_slopes: bool, wants_inputs: bool,
) -> tuple[Any, Any, Any, Any]:  # fmt: skip
    """Run a program for n examples: verdicts, outputs, and the gradients by captured Values and by inputs.

    The program and numbers go in and numbers come out, all of which can be pickled, to run in another process.
    """
    verdicts, outputs = bytearray(n), array("d", bytes(8 * n * program.size("outputs")))
    by_captured = array("d", bytes(8 * len(numbers)))
    by_inputs = array("d", bytes(8 * len(inputs) * wants_inputs))
    end = program.run(numbers, inputs, n, weight, outputs, by_captured, by_inputs, verdicts, wants_slopes)
    if end:  # for all of them: what was added up is of no use
        nothing = array("d", bytes(8 * len(by_captured))), array("d", bytes(8 * len(by_inputs)))
        return bytearray([end]) * n, outputs, *nothing
    return verdicts, outputs, by_captured, by_inputs


def numbers_in(y: Any) -> list[float]:
    """The number in a Value or the number, or those in a list of them; a TypeError of anything else."""
    found = [x.data if isinstance(x, Value) else x for x in (y if isinstance(y, (list, tuple)) else [y])]
    for x in found:
        if not isinstance(x, (float, int)):
            raise TypeError(f"a batch needs a function that gives Values, not {type(x).__name__}: {x!r:.60}")
    return found
