# cython: annotation_typing=False, initializedcheck=False
"""A recording as lines of numbers, one for each node, which passes can change."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from autograd_mini import ops, tape
from autograd_mini.take import Taken
from autograd_mini.value import Value

try:
    import cython
except ImportError:
    from autograd_mini import _plain as cython

MADE = -2  # the first operand of a constant that the function made a Value of
MANY, ARITY = ops.MANY, tape.ARITY  # in C, an int and a view of ints: see the .pxd file


@cython.final
@cython.cclass
class Lines:
    """A computation in lines, one for each number: an operation and the lines of its operands, all of them before it.

    Attributes:
        count: how many lines there are.
        op: the operation, or one of the kinds of tape.py.
        a, b: the lines of the operands, -1 for none; of an operation of many, where its operands begin in args, and
            their number. Of a guard, the lines compared.
        data: the number as it was when recorded; of a guard the outcome; of inputs and captured Values their place.
        args: lines of the operands of operations of many; used: how many of them there are.
        outputs: the lines that are asked for.
        captured: the Values from outside.
        labels: by line, the label of the node.
        constants: by number, the line of a constant.
    """

    def __init__(self, count: int, args: int) -> None:
        self.count = self.used = 0
        self.op, self.a, self.b = [array("i", bytes(4 * count + 4)) for _ in range(3)]  # C takes no view of nothing
        self.data = array("d", bytes(8 * count + 8))
        self.args = array("i", bytes(4 * args + 4))
        self.outputs: list[int] = []
        self.captured: list[Value] = []
        self.labels: dict[int, str] = {}
        self.constants: dict[Any, int] = {}


def flatten(recording: Sequence[Any], inputs: Sequence[Value], outputs: Sequence[Value]) -> Lines:
    """The recording as lines, each leaf before its first use.

    The places of recorded nodes are kept in their `_uses`, which no sweep needs meanwhile, as nobody else has them.
    """
    count, args = len(inputs) + 2 * len(outputs), 0
    for entry in recording:
        if isinstance(entry, Value) and (many := counted(entry)) >= 0:
            count, args = count + many + 1, args + many
        elif isinstance(entry, Taken):
            count, args = count + len(entry.rows) + 2, args + len(entry.rows) + 1
        else:
            count += 3
    lines = Lines(count, args)
    known: dict[Any, int] = {}
    owners: list[Value | None] = [None] * count
    for i in range(len(inputs)):
        known[id(inputs[i])] = add(lines, tape.INPUT, -1, -1, float(i))
    try:
        for entry in recording:
            write(lines, entry, known, owners)
        lines.outputs = [line_of(lines, y, known, owners) for y in outputs]
    finally:
        for owner in owners:
            if owner is not None:
                forget(owner)
    return lines


def counted(node: Value) -> int:
    """How many operands a node of an operation of many has; -1 for others."""
    return len(node._operands) if node._operands is not None else -1


def forget(node: Value) -> None:
    """Leave a node as sweeps expect it."""
    node._uses = 0


def add(lines: Lines, op: int, a: int, b: int, data: float) -> int:
    """Write the next line; return its number."""
    i = lines.count
    lines.op[i], lines.a[i], lines.b[i], lines.data[i] = op, a, b, data
    lines.count += 1
    return i


def write(lines: Lines, entry: Any, known: dict[Any, int], owners: list[Value | None]) -> None:
    """Write the line of a node, a Guard or a Taken."""
    if not isinstance(entry, Value):
        if isinstance(entry, Taken):
            i = write_many(lines, tape.TAKE, [entry.index, *entry.rows], entry.value, known, owners)
            known[id(entry.value)] = i
        else:
            a, b = line_of(lines, entry.a, known, owners), line_of(lines, entry.b, known, owners)
            add(lines, tape.GUARD + tape.COMPARED.index(entry.kind), a, b, float(entry.outcome))
        return
    node = entry
    if node._op == ops.LEAF:
        if id(node) not in known:  # else take() gave it
            known[id(node)] = add(lines, tape.CONSTANT, MADE, -1, node._data)
        return
    if node._operands is not None:
        i = write_many(lines, node._op, node._operands, node, known, owners)
    else:
        arity = ARITY[node._op]
        a = line_of(lines, node._a if node._a is not None else node._slope_a, known, owners)
        b = -1
        if arity == 2:
            b = line_of(lines, node._b if node._b is not None else node._slope_b, known, owners)
        i = add(lines, node._op, a, b, node._data)
    owners[i] = node
    node._uses = i + 1
    if node._label is not None:
        lines.labels[i] = node._label


def write_many(lines: Lines, op: int, operands: Sequence[Any], node: Value, known: Any, owners: Any) -> int:
    """Write the line of an operation of many operands."""
    start, n = lines.used, len(operands)
    lines.used += n
    for k in range(n):
        lines.args[start + k] = line_of(lines, operands[k], known, owners)
    return add(lines, op, start, n, node._data)


def line_of(lines: Lines, x: Any, known: dict[Any, int], owners: list[Value | None]) -> int:
    """The line of an operand; leaves and constants get one when they are first met."""
    if not isinstance(x, Value):
        return constant(lines, float(x))
    node = x
    i = node._uses - 1
    if 0 <= i < lines.count and owners[i] is node:
        return i
    found = known.get(id(node), -1)
    if found < 0:
        found = known[id(node)] = add(lines, tape.CAPTURED, -1, -1, float(len(lines.captured)))
        lines.captured.append(node)
    return found


def constant(lines: Lines, x: float) -> int:
    """The line of a number; the same number has but one, but 0.0 and -0.0 are two."""
    key = str(x) if x == 0.0 or x != x else x
    i = lines.constants.get(key, -1)
    if i < 0:
        i = lines.constants[key] = add(lines, tape.CONSTANT, -1, -1, x)
    return i


def are_values(lines: Lines, is_value: Sequence[bool]) -> list[bool]:
    """Whether the outputs are Values, not numbers: if they depend on a Value, from outside or made by the function."""
    found = array("b", bytes(lines.count + 1))
    for i in range(lines.count):
        o = lines.op[i]
        if o == tape.INPUT:
            found[i] = is_value[int(lines.data[i])]
        elif o == tape.CAPTURED or o == tape.CONSTANT:
            found[i] = o == tape.CAPTURED or lines.a[i] == MADE
        elif o < tape.DEAD and ARITY[o] == MANY:
            for k in range(lines.a[i], lines.a[i] + lines.b[i]):
                found[i] |= found[lines.args[k]]
        elif o < tape.DEAD:
            found[i] = found[lines.a[i]] | (found[lines.b[i]] if lines.b[i] >= 0 else 0)
    return [bool(found[i]) for i in lines.outputs]
