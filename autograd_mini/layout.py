# cython: annotation_typing=False, initializedcheck=False
"""The lines of a recording given slots in memory, so that what is used together lies side by side, and instructions."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from autograd_mini import ops, tape
from autograd_mini.lines import Lines

VECTOR = 8  # numbers in the longest vector of a processor
NOWHERE = 2**31 - 1
MANY, ARITY = ops.MANY, tape.ARITY  # in C, an int and a view of ints: see the .pxd file


class Layout:
    """What a Program is made of: instructions, and where numbers are.

    Attributes:
        code: tape.FIELDS numbers for each instruction, those that are the same for all examples first.
        uniform_code: how many those are.
        rows: tape.ROW_FIELDS numbers for each kind of sum, and for what is none.
        gather: slots of operands that do not lie side by side.
        slots: how many slots there are; uniform of them, the first, hold numbers that are the same for all examples.
        initial: the numbers in the uniform slots before a call.
        inputs, captured, outputs: their slots.
        depends: for each output, whether it depends on a Value: else it is a number.
        sources: by instruction, the label of its first result.
        of_leaves: whether all captured Values are leaves.
    """

    def __init__(self) -> None:
        self.code, self.rows, self.gather = array("i"), array("i"), array("i")
        self.initial = array("d")
        self.inputs, self.captured, self.outputs = array("i"), array("i"), array("i")
        self.depends = array("b")
        self.uniform_code = self.slots = self.uniform = 0
        self.sources: dict[int, str] = {}
        self.of_leaves = False


def assemble(lines: Lines, is_value: Sequence[bool]) -> Layout:
    """Give the lines slots, so that operands of sums of products lie side by side, and write the instructions."""
    varies, level, carries, pulls = properties(lines, is_value)
    order = schedule(lines, varies, level)
    slot, uniform, varying = place(lines, order, varies, level)
    layout = Layout()
    layout.uniform, layout.slots = uniform, uniform + varying
    write_leaves(lines, slot, layout)
    code: list[list[Any]] = []
    last = 0
    for i in order:
        instruction = instruction_of(lines, i, slot, uniform, carries, pulls, layout.gather)
        if not (code and level[i] == level[last] and join(code[-1], instruction, uniform)):
            if i in lines.labels:
                layout.sources[len(code)] = lines.labels[i]
            code.append(instruction)
            layout.uniform_code += not varies[i]
        last = i
    write_code(code, layout)
    return layout


def write_code(code: list[list[Any]], layout: Layout) -> None:
    """Write the instructions; those whose rows are alike share what is said of them."""
    places = {tape.ONE_ROW: 0}
    for instruction in code:
        rows = tuple(instruction[tape.ROWS_AT])
        instruction[tape.ROWS_AT] = places.setdefault(rows, tape.ROW_FIELDS * len(places))
        layout.code.extend(instruction)
    layout.rows = array("i", [x for rows in places for x in rows])


def operands(lines: Lines, i: int) -> int:
    """How many operands a computed line or a guard has."""
    if is_many(lines, i):
        return lines.b[i]
    return 2 if lines.b[i] >= 0 else 1


def operand(lines: Lines, i: int, k: int) -> int:
    """The line of one of them."""
    if is_many(lines, i):
        return lines.args[lines.a[i] + k]
    return lines.b[i] if k else lines.a[i]


def is_many(lines: Lines, i: int) -> bool:
    """Whether a line is an operation of many operands."""
    return lines.op[i] < tape.DEAD and ARITY[lines.op[i]] == MANY


def properties(lines: Lines, is_value: Sequence[bool]) -> tuple[Any, Any, Any, Any]:
    """Of each line: whether it depends on inputs, how deep it lies, whether it has a gradient, and passes one on."""
    op = lines.op
    varies, carries, pulls = [array("b", bytes(lines.count + 1)) for _ in range(3)]
    level = array("i", bytes(4 * lines.count + 4))
    for i in range(lines.count):
        o = op[i]
        if o == tape.INPUT or o == tape.CAPTURED:
            carries[i] = o == tape.CAPTURED or is_value[int(lines.data[i])]
            varies[i] = o == tape.INPUT
        elif o < tape.DEAD or o >= tape.GUARD:
            for k in range(operands(lines, i)):
                x = operand(lines, i, k)
                carries[i] |= carries[x]
                varies[i] |= varies[x]
                level[i] = max(level[i], level[x] + 1)
    for i in lines.outputs:
        pulls[i] = 1
    for i in range(lines.count - 1, -1, -1):
        if pulls[i] and op[i] < tape.DEAD:
            for k in range(operands(lines, i)):
                pulls[operand(lines, i, k)] = 1
    return varies, level, carries, pulls


def schedule(lines: Lines, varies: Any, level: Any) -> list[int]:
    """The computed lines in an order in which like operations that do not need each other follow one another."""
    groups: dict[Any, list[int]] = {}
    for i in range(lines.count):
        if lines.op[i] < tape.DEAD or lines.op[i] >= tape.GUARD:
            groups.setdefault((varies[i], level[i], lines.op[i]), []).append(i)
    return [i for key in sorted(groups) for i in groups[key]]


def place(lines: Lines, order: list[int], varies: Any, level: Any) -> tuple[Any, int, int]:
    """The slots of the lines, and how many are uniform and how many vary: first the operands of DOT and SUM.

    The longest first: the shorter ones are often a part of them. The uniform slots come before the others; -1 is a line
    without a slot. There may be more uniform slots than needed, so that the others begin where a vector does.
    """
    slot = array("i", [-1]) * (lines.count + 1)
    used = array("i", [0, 0])
    sums = [i for i in order if lines.op[i] == ops.DOT or lines.op[i] == ops.SUM]
    sums.sort(key=lambda i: -lines.b[i])
    for second in (False, True):  # all first factors before all second ones: rows of a matrix lie side by side
        for i in sums:
            half = lines.b[i] // 2 if lines.op[i] == ops.DOT else lines.b[i]
            start = lines.a[i] + half * second
            if (lines.op[i] == ops.DOT or not second) and can_be_neighbours(lines, start, half, slot, varies):
                for k in range(start, start + half):
                    take_slot(lines.args[k], slot, used, varies)
    for i in range(lines.count):
        if lines.op[i] == tape.INPUT:
            take_slot(i, slot, used, varies)
    start, n = 0, len(order)
    while start < n:
        end, first = start, order[start]
        while end < n and alike(lines, level, varies, first, order[end]):
            end += 1
        group = order[start:end]
        if lines.op[first] < tape.GUARD and ARITY[lines.op[first]] != MANY:
            order[start:end] = group = by_operands(lines, group, slot, varies)
        if lines.op[first] >= tape.GUARD or ARITY[lines.op[first]] != MANY:
            for i in group:
                take_slot(lines.a[i], slot, used, varies)
            for i in group:
                if lines.b[i] >= 0:
                    take_slot(lines.b[i], slot, used, varies)
        else:
            for i in group:
                for k in range(lines.a[i], lines.a[i] + lines.b[i]):
                    take_slot(lines.args[k], slot, used, varies)
        for i in group:
            if lines.op[i] < tape.GUARD:
                take_slot(i, slot, used, varies)
        start = end
    for i in lines.outputs:
        take_slot(i, slot, used, varies)
    uniform = rounded_up(used[0])
    for i in range(lines.count):
        if slot[i] >= 0 and varies[i]:
            slot[i] += uniform
    return slot, uniform, used[1]


def by_operands(lines: Lines, group: list[int], slot: Any, varies: Any) -> list[int]:
    """Like operations in the order of the slots of their operands, as far as these have some: to be one run."""
    keys, before, in_order = [], 0, True
    for i in group:
        key = (rank(lines.a[i], slot, varies) << 32) | rank(lines.b[i], slot, varies)
        keys.append(key)
        in_order = in_order and key >= before
        before = key
    return group if in_order else [i for _, i in sorted(zip(keys, group, strict=True))]


def rank(i: int, slot: Any, varies: Any) -> int:
    """The place of a line's slot among all, uniform ones first; behind them if it has none."""
    return NOWHERE if i < 0 or slot[i] < 0 else slot[i] + varies[i] * (NOWHERE >> 1)


def rounded_up(n: int) -> int:
    """The next multiple of the numbers in a vector."""
    return -(-n // VECTOR) * VECTOR


def take_slot(i: int, slot: Any, used: Any, varies: Any) -> None:
    """Give a line the next slot of its kind, if it has none yet."""
    if slot[i] < 0:
        slot[i] = used[varies[i]]
        used[varies[i]] += 1


def can_be_neighbours(lines: Lines, start: int, n: int, slot: Any, varies: Any) -> bool:
    """Whether n operands have no slots yet, and all vary or none."""
    kind = varies[lines.args[start]]
    for k in range(start, start + n):
        if slot[lines.args[k]] >= 0 or varies[lines.args[k]] != kind:
            return False
    return True


def alike(lines: Lines, level: Any, varies: Any, i: int, j: int) -> bool:
    """Whether two lines are of the same operation, and beside each other in the schedule."""
    return lines.op[i] == lines.op[j] and level[i] == level[j] and varies[i] == varies[j]


def write_leaves(lines: Lines, slot: Any, layout: Layout) -> None:
    """Write where constants, inputs, captured Values and outputs are; -1 for what is not needed."""
    layout.initial = array("d", bytes(8 * max(layout.uniform, 1)))
    layout.inputs = array("i", [-1] * sum([lines.op[i] == tape.INPUT for i in range(lines.count)]))
    layout.captured = array("i", [-1] * len(lines.captured))
    for i in range(lines.count):
        if lines.op[i] == tape.CONSTANT and slot[i] >= 0:
            layout.initial[slot[i]] = lines.data[i]
        elif lines.op[i] == tape.INPUT:
            layout.inputs[int(lines.data[i])] = slot[i]
        elif lines.op[i] == tape.CAPTURED:
            layout.captured[int(lines.data[i])] = slot[i]
    layout.outputs = array("i", [slot[i] for i in lines.outputs])


def instruction_of(
    lines: Lines, i: int, slot: Any, uniform: int, carries: Any, pulls: Any, gather: Any
) -> list[Any]:
    """The instruction of one line, with what is said of its rows in place of where: a list, where rows can be added."""
    o, a, b = lines.op[i], lines.a[i], lines.b[i]
    if o >= tape.GUARD:
        return written(o, 0, slot[a], slot[b], int(lines.data[i]), tape.A_STEPS, -1)
    flags = tape.PULLS if pulls[i] and carries[i] else 0
    if ARITY[o] != MANY:
        flags |= tape.A_CARRIES * carries[a] | (tape.B_CARRIES * carries[b] if b >= 0 else 0)
        return written(o, slot[i], slot[a], slot[b] if b >= 0 else slot[a], 1, flags, -1)
    start = -1
    if o == ops.DOT and b % 2 == 1:
        b -= 1
        start = slot[lines.args[a + b]]
        flags |= tape.START_CARRIES * carries[lines.args[a + b]]
    half = b // 2 if o == ops.DOT else b
    if o == ops.SUM and stride(lines, a, b, slot, uniform) == 1:
        flags |= tape.A_CARRIES * carry(lines, a, b, carries)
        return written(o, slot[i], slot[lines.args[a]], slot[lines.args[a]], b, flags, -1)
    if o == ops.DOT:
        by_a, by_b = stride(lines, a, half, slot, uniform), stride(lines, a + half, half, slot, uniform)
        if by_a < 0:  # the products in the other order
            first, second, by_a, by_b = slot[lines.args[a + half - 1]], slot[lines.args[a + b - 1]], -by_a, -by_b
        else:
            first, second = slot[lines.args[a]], slot[lines.args[a + half]]
        carries_a, carries_b = carry(lines, a, half, carries), carry(lines, a + half, half, carries)
        if first >= uniform > second:  # what is the same for all examples first
            first, second, by_a, by_b, carries_a, carries_b = second, first, by_b, by_a, carries_b, carries_a
        # Not if only `start` varies.
        if by_a and by_b and (first < uniform and second < uniform) == (slot[i] < uniform):
            flags |= tape.A_CARRIES * carries_a | tape.B_CARRIES * carries_b
            return [o, slot[i], first, second, half, flags, [start, 1, 0, 0, 0, 0, by_a, by_b]]
    at = len(gather)
    gather.extend([slot[lines.args[k]] for k in range(a, a + b)])
    return written(o, slot[i], at, at, b, flags | tape.GATHERED, start)


def written(op: int, result: int, a: int, b: int, length: int, flags: int, start: int) -> list[Any]:
    """The fields of an instruction of one row."""
    return [op, result, a, b, length, flags, tape.ONE_ROW if start < 0 else (start, *tape.ONE_ROW[1:])]


def stride(lines: Lines, start: int, n: int, slot: Any, uniform: int) -> int:
    """The step between the slots of n operands, all in the uniform part or all in the other; 0 if it is not one."""
    first, step = slot[lines.args[start]], 1
    if n > 1:
        step = slot[lines.args[start + 1]] - first
    for k in range(n):
        if slot[lines.args[start + k]] != first + k * step:
            return 0
    return step if (first >= uniform) == (first + (n - 1) * step >= uniform) else 0


def carry(lines: Lines, start: int, n: int, carries: Any) -> bool:
    """Whether one of n operands has a gradient."""
    for k in range(start, start + n):
        if carries[lines.args[k]]:
            return True
    return False


def join(before: list[Any], after: list[Any], uniform: int) -> bool:
    """Let an instruction do what the next one does, if that is the same elsewhere; whether it can.

    Neither needs the other: they lie equally deep.
    """
    op = before[0]
    if op != after[0] or op >= tape.GUARD or (before[tape.FLAGS] | after[tape.FLAGS]) & tape.GATHERED:
        return False
    if not (
        on_one_side(before[tape.RESULT], after[tape.RESULT], uniform)
        and on_one_side(before[tape.A], after[tape.A], uniform)
        and on_one_side(before[tape.B], after[tape.B], uniform)
    ):
        return False
    if ARITY[op] != MANY:
        return join_elements(before, after)
    return op == ops.DOT and join_rows(before, after, uniform)


def on_one_side(slot: int, other: int, uniform: int) -> bool:
    """Whether two slots are on one side of the border between uniform ones and others: else they are no neighbours."""
    return (slot >= uniform) == (other >= uniform)


def join_elements(before: list[Any], after: list[Any]) -> bool:
    """As join(), of operations of one or two operands: the next result has to lie beside the last one."""
    n, flags = before[tape.LENGTH], before[tape.FLAGS]
    steps = tape.A_STEPS | tape.B_STEPS
    if after[tape.RESULT] != before[tape.RESULT] + n or (flags & ~steps) != after[tape.FLAGS]:
        return False
    by_a, by_b = after[tape.A] - before[tape.A], after[tape.B] - before[tape.B]
    if n == 1:
        if by_a not in (0, 1) or by_b not in (0, 1):
            return False
        before[tape.FLAGS] |= tape.A_STEPS * by_a | tape.B_STEPS * by_b
    elif by_a != n * bool(flags & tape.A_STEPS) or by_b != n * bool(flags & tape.B_STEPS):
        return False
    before[tape.LENGTH] += 1
    return True


def join_rows(before: list[Any], after: list[Any], uniform: int) -> bool:
    """As join(), of sums of products: it is one more row, the steps to which are those between the rows there are."""
    if before[tape.LENGTH] != after[tape.LENGTH] or before[tape.FLAGS] != after[tape.FLAGS]:
        return False
    mine, other = before[tape.ROWS_AT], after[tape.ROWS_AT]
    start, new_start = mine[tape.START], other[tape.START]
    if (start < 0) != (new_start < 0) or not on_one_side(start, new_start, uniform):
        return False
    if mine[tape.A_STRIDE] != other[tape.A_STRIDE] or mine[tape.B_STRIDE] != other[tape.B_STRIDE]:
        return False
    n = mine[tape.COUNT]
    steps = [after[field] - before[field] for field in (tape.RESULT, tape.A, tape.B)]
    steps.append(new_start - start)
    if n == 1:
        mine[tape.RESULT_STEP : tape.START_STEP + 1] = steps
    elif steps != [n * step for step in mine[tape.RESULT_STEP : tape.START_STEP + 1]]:
        return False
    mine[tape.COUNT] += 1
    return True
