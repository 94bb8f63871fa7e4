# cython: annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The machine that replays a tape: forward for its numbers, and backward for the gradients.

Memory has the uniform slots and their gradients, then the others, each with a place for every lane of a block, room for
operands that have to be put side by side, the gradients of those others, and room again.
"""

from __future__ import annotations

from array import array
from typing import Any

from autograd_mini import _plain, loops, ops, rules, tape
from autograd_mini.layout import Layout, rounded_up
from autograd_mini.ops import MANY, TABLE

try:
    import cython
except ImportError:
    from autograd_mini import _plain as cython

IS_MANY = array("i", [*[row.arity == MANY for row in TABLE], True])  # of take() too
IS_BINARY = array("i", [*[row.arity == 2 for row in TABLE], False])


@cython.cclass
class Machine:
    """A tape, and how its memory is laid out."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.code, self.gather, self.initial = filled(layout.code), filled(layout.gather), layout.initial
        self.rows = layout.rows
        self.inputs, self.captured, self.outputs = map(filled, (layout.inputs, layout.captured, layout.outputs))
        self.n_inputs, self.n_captured = len(layout.inputs), len(layout.captured)
        self.n_outputs, self.count = len(layout.outputs), len(layout.code) // tape.FIELDS
        self.uniform_code, self.uniform, self.slots = layout.uniform_code, layout.uniform, layout.slots
        self.places = array("i", [place(self, slot, 1) for slot in self.gather])  # of one example
        self.of_leaves, self.depends = layout.of_leaves, filled(layout.depends)
        # Parts of memory begin where a vector does, which saves a quarter of the time of loops.
        self.longest = rounded_up(max(layout.code[tape.LENGTH :: tape.FIELDS], default=1))
        self.span = rounded_up(layout.slots - layout.uniform)

    def memory(self, width: int) -> Any:
        """Room for the numbers and gradients of a block of so many examples, with nothing but the constants in it."""
        size = verdicts(self, width) + width
        m = _plain.malloc_aligned(8 * max(size, 1))
        if not m:
            raise MemoryError(f"no memory for the {size} numbers of a block of {width} examples")
        for i in range(self.uniform):
            m[i] = self.initial[i]
        return m


def filled(numbers: Any) -> Any:
    """The array, or where it is empty, one of one zero: C cannot take a view of nothing."""
    return numbers if len(numbers) else array(numbers.typecode, [0])


def place(machine: Machine, slot: int, width: int) -> int:
    """Where the number of a slot is, that of the first lane."""
    return slot if slot < machine.uniform else 2 * machine.uniform + (slot - machine.uniform) * width


def gradient(machine: Machine, slot: int, width: int) -> int:
    """Where the gradient of a slot is."""
    if slot < machine.uniform:
        return machine.uniform + slot
    behind = 2 * machine.uniform + (machine.span + 3 * machine.longest) * width
    return behind + (slot - machine.uniform) * width


def room(machine: Machine, which: int, width: int) -> int:
    """Where there is room: 0, 1 and 2 are before the gradients, 3 is behind them."""
    return 2 * machine.uniform + (machine.span * (2 if which == 3 else 1) + which * machine.longest) * width


def clear(machine: Machine, m: Any, width: int) -> None:
    """Set the gradients of the slots that vary to zero."""
    start = gradient(machine, machine.uniform, width)
    for i in range(start, start + (machine.slots - machine.uniform) * width):
        m[i] = 0.0


def clear_uniform(machine: Machine, m: Any) -> None:
    """Set the gradients of the others to zero."""
    for i in range(machine.uniform, 2 * machine.uniform):
        m[i] = 0.0


def verdicts(machine: Machine, width: int) -> int:
    """Where the verdict on each lane is: 0, or DEVIATED or NOT_FINITE."""
    return room(machine, 3, width) + machine.longest * width


def run_blocks(
    machine: Machine, m: Any, width: int, inputs: Any, n: int, seed: float, outputs: Any, by_captured: Any,
    by_inputs: Any, wants_inputs: bool, failed: Any, wants_slopes: bool, who: Any,
) -> int:  # fmt: skip
    """What Program.run() does, in C."""
    m[verdicts(machine, 1)] = 0.0
    forward(machine, m, 0, machine.uniform_code, 1)
    if m[verdicts(machine, 1)] != 0.0:
        return int(m[verdicts(machine, 1)])
    if not loops.finite(m, 0, machine.uniform):
        return tape.NOT_FINITE
    clear_uniform(machine, m)
    start = 0
    while start < n:
        lanes = 0
        while lanes < width and start < n:
            who[lanes] = start
            lanes += 1
            start += 1
        lanes = forward_block(machine, m, inputs, who, lanes, failed)
        for k in range(machine.n_outputs):
            y = place(machine, machine.outputs[k], lanes)
            step = machine.outputs[k] >= machine.uniform
            for lane in range(lanes):
                outputs[who[lane] * machine.n_outputs + k] = m[y + lane * step]
        if wants_slopes and lanes:
            clear(machine, m, lanes)
            g = gradient(machine, machine.outputs[0], lanes)
            step = machine.outputs[0] >= machine.uniform
            for lane in range(lanes):
                m[g + lane * step] += seed
            backward(machine, m, machine.count, machine.uniform_code, lanes)
            if wants_inputs:
                for i in range(machine.n_inputs):
                    if machine.inputs[i] >= 0:
                        g = gradient(machine, machine.inputs[i], lanes)
                        for lane in range(lanes):
                            by_inputs[who[lane] * machine.n_inputs + i] = m[g + lane]
                        if not loops.finite(m, g, lanes):
                            return tape.NOT_FINITE
    if wants_slopes:
        backward(machine, m, machine.uniform_code, 0, 1)
        for i in range(machine.n_captured):
            if machine.captured[i] >= 0:
                by_captured[i] += m[machine.uniform + machine.captured[i]]
        if not loops.finite(m, machine.uniform, machine.uniform):
            return tape.NOT_FINITE
    return 0


def forward_block(machine: Machine, m: Any, inputs: Any, who: Any, lanes: int, failed: Any) -> int:
    """Run the examples in the lanes forward, without those for which the tape does not hold; how many are left."""
    start = 2 * machine.uniform
    while lanes:
        for i in range(machine.n_inputs):
            if machine.inputs[i] >= 0:
                x = place(machine, machine.inputs[i], lanes)
                for lane in range(lanes):
                    m[x + lane] = inputs[who[lane] * machine.n_inputs + i]
        bad = verdicts(machine, lanes)
        for lane in range(lanes):
            m[bad + lane] = 0.0
        forward(machine, m, machine.uniform_code, machine.count, lanes)
        varying = machine.slots - machine.uniform
        if not loops.finite(m, start, varying * lanes):
            for k in range(varying):
                for lane in range(lanes):
                    if m[start + k * lanes + lane] * 0.0 != 0.0 and m[bad + lane] == 0.0:
                        m[bad + lane] = tape.NOT_FINITE
        kept = 0
        for lane in range(lanes):
            if m[bad + lane] != 0.0:
                failed[who[lane]] = int(m[bad + lane])
            else:
                who[kept] = who[lane]
                kept += 1
        if kept == lanes:
            break
        lanes = kept
    return lanes


def forward(machine: Machine, m: Any, start: int, end: int, width: int) -> None:
    """Run instructions; a guard that does not hold is noted among the verdicts."""
    code = machine.code
    for i in range(start, end):
        k = tape.FIELDS * i
        op, a, b, n, flags = code[k], code[k + tape.A], code[k + tape.B], code[k + tape.LENGTH], code[k + tape.FLAGS]
        if op >= tape.GUARD:
            compare(machine, m, op - tape.GUARD, a, b, n, width)
            continue
        result = place(machine, code[k + tape.RESULT], width)
        lanes = width if code[k + tape.RESULT] >= machine.uniform else 1
        if not IS_MANY[op]:
            if n == 1 and lanes == 1:
                m[result] = rules.value(op, m[place(machine, a, width)], m[place(machine, b, width)])
            else:
                x = side_by_side(machine, m, a, flags & tape.A_STEPS, n, lanes, width, 0)
                z = side_by_side(machine, m, b, flags & tape.B_STEPS, n, lanes, width, 1) if IS_BINARY[op] else x
                rules.values(op, m, x, z, result, n * lanes)
        elif flags & tape.GATHERED:
            many(machine, m, k, result, lanes, width)
        elif op == ops.DOT:
            dots(machine, m, k, result, lanes, width)
        else:
            add_up(machine, m, a, n, result, lanes, width)


def backward(machine: Machine, m: Any, start: int, end: int, width: int) -> None:
    """Go back over the instructions from `start` to `end`: each operand receives upstream times local derivative."""
    code = machine.code
    for i in range(start - 1, end - 1, -1):
        k = tape.FIELDS * i
        op, a, b, n, flags = code[k], code[k + tape.A], code[k + tape.B], code[k + tape.LENGTH], code[k + tape.FLAGS]
        if op >= tape.GUARD or not flags & tape.PULLS:
            continue
        result = place(machine, code[k + tape.RESULT], width)
        upstream = gradient(machine, code[k + tape.RESULT], width)
        lanes = width if code[k + tape.RESULT] >= machine.uniform else 1
        if not IS_MANY[op]:
            if n == 1 and lanes == 1:
                x, z = m[place(machine, a, width)], m[place(machine, b, width)]
                if flags & tape.A_CARRIES:
                    m[gradient(machine, a, width)] += m[upstream] * rules.slope_a(op, x, z, m[result])
                if flags & tape.B_CARRIES:
                    m[gradient(machine, b, width)] += m[upstream] * rules.slope_b(op, x, z, m[result])
            else:
                pull(machine, m, op, a, b, n, flags, result, upstream, lanes, width)
        elif flags & tape.GATHERED:
            pull_many(machine, m, op, a, n, result, upstream, lanes, width)
        elif op == ops.DOT:
            pull_dots(machine, m, k, upstream, lanes, width)
        else:
            pull_sum(machine, m, a, n, upstream, lanes, width)
        if flags & tape.START_CARRIES:
            pull_starts(machine, m, k, upstream, lanes, width)


def compare(machine: Machine, m: Any, kind: int, a: int, b: int, outcome: int, width: int) -> None:
    """Note where a comparison comes out otherwise than when it was recorded."""
    bad = verdicts(machine, width)
    x, z = place(machine, a, width), place(machine, b, width)
    by_a, by_b = a >= machine.uniform, b >= machine.uniform
    for lane in range(width if by_a or by_b else 1):
        p, q = m[x + lane * by_a], m[z + lane * by_b]
        if kind == 0:
            held = p < q
        elif kind == 1:
            held = p <= q
        elif kind == 2:
            held = p > q
        elif kind == 3:
            held = p >= q
        elif kind == 4:
            held = p == q
        else:
            held = p != q
        if held != outcome:
            m[bad + lane] = tape.DEVIATED


def side_by_side(machine: Machine, m: Any, slot: int, steps: int, n: int, lanes: int, width: int, which: int) -> int:
    """Where the operands of a run of n instructions in all lanes are side by side: where they are, or copies."""
    x = place(machine, slot, width)
    varies = slot >= machine.uniform
    if (steps or n == 1) and (varies or lanes == 1):
        return x
    copies = room(machine, which, width)
    for e in range(n):
        at = x + e * (lanes if varies else 1) if steps else x
        for lane in range(lanes):
            m[copies + e * lanes + lane] = m[at + lane] if varies else m[at]
    return copies


def pull(
    machine: Machine, m: Any, op: int, a: int, b: int, n: int, flags: int, result: int, upstream: int, lanes: int,
    width: int,
) -> None:  # fmt: skip
    """The chain rule for a run of like instructions."""
    x = side_by_side(machine, m, a, flags & tape.A_STEPS, n, lanes, width, 0)
    z = side_by_side(machine, m, b, flags & tape.B_STEPS, n, lanes, width, 1) if IS_BINARY[op] else x
    if flags & tape.A_CARRIES:
        to = side_by_side_gradients(machine, m, a, flags & tape.A_STEPS, n, lanes, width)
        rules.pull_a(op, m, x, z, result, upstream, to, n * lanes)
        add_gradients(machine, m, a, flags & tape.A_STEPS, n, lanes, width, to)
    if flags & tape.B_CARRIES:
        to = side_by_side_gradients(machine, m, b, flags & tape.B_STEPS, n, lanes, width)
        rules.pull_b(op, m, x, z, result, upstream, to, n * lanes)
        add_gradients(machine, m, b, flags & tape.B_STEPS, n, lanes, width, to)


def side_by_side_gradients(machine: Machine, m: Any, slot: int, steps: int, n: int, lanes: int, width: int) -> int:
    """Where the gradients of a run's operands are side by side: where they are, or room for them, which is zero."""
    if (steps or n == 1) and (slot >= machine.uniform or lanes == 1):
        return gradient(machine, slot, width)
    copies = room(machine, 3, width)
    for i in range(copies, copies + n * lanes):
        m[i] = 0.0
    return copies


def add_gradients(machine: Machine, m: Any, slot: int, steps: int, n: int, lanes: int, width: int, copies: int) -> None:
    """Add gradients that were collected side by side to those of the operands, if those are elsewhere."""
    g = gradient(machine, slot, width)
    if g == copies:
        return
    if slot >= machine.uniform:  # one operand for the whole run
        for e in range(n):
            for lane in range(lanes):
                m[g + lane] += m[copies + e * lanes + lane]
        return
    for e in range(n):
        m[g + e if steps else g] += loops.total(m, copies + e * lanes, lanes)


def many(machine: Machine, m: Any, at: int, result: int, lanes: int, width: int) -> None:
    """An operation of n operands that do not lie side by side."""
    op, first, n = machine.code[at], machine.code[at + tape.A], machine.code[at + tape.LENGTH]
    if op == tape.TAKE:
        take(machine, m, first, n, result, lanes, width)
        return
    row, starts = room(machine, 0, width), machine.rows[machine.code[at + tape.ROWS_AT] + tape.START] >= 0
    if starts:
        start(machine, m, at, 0, result, lanes, width)
    if width == 1 and (op == ops.DOT or op == ops.SUM):
        y = gathered(machine, m, op, first, n)
        m[result] = m[result] + y if starts else y
        return
    for lane in range(lanes):
        fetch(machine, m, first, n, lane, row, width)
        y = rules.value_at(op, m, row, n)
        m[result + lane] = m[result + lane] + y if starts else y


def gathered(machine: Machine, m: Any, op: int, first: int, n: int) -> Any:
    """A sum, or a sum of products, in one example: a third of the time of putting the operands side by side first."""
    places = machine.places
    if op == ops.SUM:
        y = m[places[first]]
        for i in range(first + 1, first + n):
            y += m[places[i]]
        return y
    half = n >> 1
    y = m[places[first]] * m[places[first + half]]
    for i in range(first + 1, first + half):
        y += m[places[i]] * m[places[i + half]]
    return y


def pull_gathered(machine: Machine, m: Any, op: int, first: int, n: int, upstream: float) -> None:
    """The chain rule for it."""
    places, half = machine.places, n >> 1
    for i in range(n):
        slot = machine.gather[first + i]
        other = i + half if i < half else i - half
        m[gradient(machine, slot, 1)] += upstream * (1.0 if op == ops.SUM else m[places[first + other]])


def pull_many(
    machine: Machine, m: Any, op: int, start: int, n: int, result: int, upstream: int, lanes: int, width: int
) -> None:
    """The chain rule for an operation of n operands that do not lie side by side."""
    if op == tape.TAKE:
        pull_take(machine, m, start, n, upstream, lanes, width)
        return
    if width == 1 and (op == ops.DOT or op == ops.SUM):
        pull_gathered(machine, m, op, start, n, m[upstream])
        return
    row = room(machine, 0, width)
    for lane in range(lanes):
        fetch(machine, m, start, n, lane, row, width)
        for i in range(n):
            slot = machine.gather[start + i]
            to = gradient(machine, slot, width) + (lane if slot >= machine.uniform else 0)
            m[to] += m[upstream + lane] * rules.slope_at(op, m, row, n, m[result + lane], i)


def taken(machine: Machine, m: Any, start: int, n: int, lane: int, width: int) -> int:
    """The slot of the row that is taken in a lane; -1 if there is none."""
    index = machine.gather[start]
    i = m[place(machine, index, width) + (lane if index >= machine.uniform else 0)]
    if i < 0.0:
        i += n - 1
    return machine.gather[start + 1 + cython.cast(cython.Py_ssize_t, i)] if 0.0 <= i < n - 1 else -1


def take(machine: Machine, m: Any, start: int, n: int, result: int, lanes: int, width: int) -> None:
    """Of n - 1 rows that which the first operand is the place of; where there is none, the function itself says so."""
    bad = verdicts(machine, width)
    for lane in range(lanes):
        slot = taken(machine, m, start, n, lane, width)
        if slot < 0:
            m[bad + lane] = tape.NOT_FINITE
            m[result + lane] = 0.0
        else:
            m[result + lane] = m[place(machine, slot, width) + (lane if slot >= machine.uniform else 0)]


def pull_take(machine: Machine, m: Any, start: int, n: int, upstream: int, lanes: int, width: int) -> None:
    """The chain rule for a row that was taken: it receives the upstream gradient."""
    for lane in range(lanes):
        slot = taken(machine, m, start, n, lane, width)
        if slot >= 0:
            m[gradient(machine, slot, width) + (lane if slot >= machine.uniform else 0)] += m[upstream + lane]


def fetch(machine: Machine, m: Any, start: int, n: int, lane: int, row: int, width: int) -> None:
    """Put the operands of one lane side by side."""
    for i in range(n):
        slot = machine.gather[start + i]
        m[row + i] = m[place(machine, slot, width) + (lane if slot >= machine.uniform else 0)]


def dots(machine: Machine, m: Any, at: int, result: int, lanes: int, width: int) -> None:
    """The sums of products of the instruction at a place in the code; the first factors are uniform if any are."""
    a, b, n = machine.code[at + tape.A], machine.code[at + tape.B], machine.code[at + tape.LENGTH]
    table, where = machine.rows, machine.code[at + tape.ROWS_AT]
    rows, by_y = table[where + tape.COUNT], table[where + tape.RESULT_STEP] * lanes
    by_x, by_z = table[where + tape.A_STEP], table[where + tape.B_STEP] * lanes
    each_x, each_z = table[where + tape.A_STRIDE], table[where + tape.B_STRIDE] * lanes
    x, z = place(machine, a, width), place(machine, b, width)
    if width == 1 and rows == 1 and n < 16:  # a third of the time of what is below
        y = 0.0 if table[where + tape.START] < 0 else m[place(machine, table[where + tape.START], 1)]
        for j in range(n):
            y += m[x + j * each_x] * m[z + j * each_z]
        m[result] = y
        return
    for row in range(rows):
        start(machine, m, at, row, result + row * by_y, lanes, width)
    if lanes == 1 and each_x == 1 and each_z == 1:
        loops.inner(m, x, by_x, z, by_z, n, rows, result, by_y)
    elif lanes == 1 and by_y == 1 and by_x == 0 and by_z == 1:  # a transposed matrix times a vector
        loops.mix(m, x, each_x, z, each_z, rows, n, result)
    elif lanes == 1 and by_y == 1 and by_x == 1 and by_z == 0:
        loops.mix(m, z, each_z, x, each_x, rows, n, result)
    elif lanes == 1:
        for row in range(rows):
            for j in range(n):
                m[result + row * by_y] += m[x + row * by_x + j * each_x] * m[z + row * by_z + j * each_z]
    elif a < machine.uniform:
        for row in range(rows):
            loops.mix(m, x + row * by_x, each_x, z + row * by_z, each_z, lanes, n, result + row * by_y)
    else:
        for row in range(rows):
            for j in range(n):
                at_x, at_z = x + (row * by_x + j * each_x) * lanes, z + row * by_z + j * each_z
                loops.add_products(m, at_x, at_z, result + row * by_y, lanes)


def pull_dots(machine: Machine, m: Any, at: int, upstream: int, lanes: int, width: int) -> None:
    """The chain rule for sums of products: each factor receives upstream times the other."""
    a, b, n = machine.code[at + tape.A], machine.code[at + tape.B], machine.code[at + tape.LENGTH]
    table, where = machine.rows, machine.code[at + tape.ROWS_AT]
    rows, by_g = table[where + tape.COUNT], table[where + tape.RESULT_STEP] * lanes
    by_x, by_z = table[where + tape.A_STEP], table[where + tape.B_STEP] * lanes
    each_x, each_z = table[where + tape.A_STRIDE], table[where + tape.B_STRIDE] * lanes
    by_a, by_b = machine.code[at + tape.FLAGS] & tape.A_CARRIES, machine.code[at + tape.FLAGS] & tape.B_CARRIES
    x, z = place(machine, a, width), place(machine, b, width)
    to_x, to_z = gradient(machine, a, width), gradient(machine, b, width)
    if lanes == 1 and each_x == 1 and each_z == 1:
        if by_a:
            pull_rows(m, upstream, by_g, z, by_z, n, rows, to_x, by_x)
        if by_b:
            pull_rows(m, upstream, by_g, x, by_x, n, rows, to_z, by_z)
    elif lanes == 1:
        for row in range(rows):
            for j in range(n):
                at_x, at_z = row * by_x + j * each_x, row * by_z + j * each_z
                if by_a:
                    m[to_x + at_x] += m[upstream + row * by_g] * m[z + at_z]
                if by_b:
                    m[to_z + at_z] += m[upstream + row * by_g] * m[x + at_x]
    elif a < machine.uniform:
        if by_a and by_z == 0 and rows >= 4 and n >= 8 and each_x == 1 and each_z == lanes:
            pull_matrix(m, z, upstream, by_g, n, rows, lanes, to_x, by_x, room(machine, 0, width))
        elif by_a:
            for row in range(rows):
                at_x, at_z, g = to_x + row * by_x, z + row * by_z, upstream + row * by_g
                loops.inner(m, at_z, each_z, g, 0, lanes, n, at_x, each_x)
        if by_b and by_z == 0:  # one gradient for all rows
            for j in range(n):
                loops.mix(m, x + j * each_x, by_x, upstream, by_g, lanes, rows, to_z + j * each_z)
        elif by_b:
            for row in range(rows):
                at_x, at_z, g = x + row * by_x, to_z + row * by_z, upstream + row * by_g
                loops.outer(m, at_x, each_x, g, 0, lanes, n, at_z, each_z)
    else:
        for row in range(rows):
            for j in range(n):
                at_x, at_z = (row * by_x + j * each_x) * lanes, row * by_z + j * each_z
                if by_a:
                    loops.add_products(m, upstream + row * by_g, z + at_z, to_x + at_x, lanes)
                if by_b:
                    loops.add_products(m, upstream + row * by_g, x + at_x, to_z + at_z, lanes)


def pull_matrix(
    m: Any, z: int, upstream: int, by_g: int, n: int, rows: int, lanes: int, to: int, by_to: int, copy: int
) -> None:
    """In each row, n gradients from `to` on receive, from all lanes, upstream times the factors from z on.

    The factors are copied lane by lane, so that n gradients change at once: a third of the time of a sum for each.
    """
    step = (n + 3) // 4 * 4
    for lane in range(lanes):
        for j in range(n):
            m[copy + lane * step + j] = m[z + j * lanes + lane]
    for row in range(rows):
        loops.mix(m, upstream + row * by_g, 1, copy, step, n, lanes, to + row * by_to)


def pull_rows(m: Any, upstream: int, by_g: int, x: int, by_x: int, n: int, rows: int, to: int, by_to: int) -> None:
    """In each row, n gradients from `to` on receive upstream times the factors from x on."""
    if by_to == 0:
        loops.mix(m, upstream, by_g, x, by_x, n, rows, to)
    else:
        loops.outer(m, upstream, by_g, x, by_x, n, rows, to, by_to)


def start(machine: Machine, m: Any, at: int, row: int, result: int, lanes: int, width: int) -> None:
    """Put into each lane what the sum of a row starts from."""
    where = machine.code[at + tape.ROWS_AT]
    slot = machine.rows[where + tape.START]
    x = place(machine, slot + row * machine.rows[where + tape.START_STEP], width)
    for lane in range(lanes):
        m[result + lane] = 0.0 if slot < 0 else m[x + lane] if slot >= machine.uniform else m[x]


def pull_starts(machine: Machine, m: Any, at: int, upstream: int, lanes: int, width: int) -> None:
    """The chain rule for what sums of products start from: it receives the upstream gradient."""
    table, where = machine.rows, machine.code[at + tape.ROWS_AT]
    g, step = gradient(machine, table[where + tape.START], width), table[where + tape.START] >= machine.uniform
    by_u, by_g = table[where + tape.RESULT_STEP] * lanes, table[where + tape.START_STEP] * (lanes if step else 1)
    for row in range(table[where + tape.COUNT]):
        if not step:
            m[g + row * by_g] += loops.total(m, upstream + row * by_u, lanes)
        for lane in range(lanes * step):
            m[g + row * by_g + lane] += m[upstream + row * by_u + lane]


def add_up(machine: Machine, m: Any, a: int, n: int, result: int, lanes: int, width: int) -> None:
    """A sum of n neighbours."""
    x = place(machine, a, width)
    if lanes == 1:
        total = 0.0
        for j in range(n):
            total += m[x + j]
        m[result] = total
        return
    for lane in range(lanes):
        m[result + lane] = 0.0
    for j in range(n):
        for lane in range(lanes):
            m[result + lane] += m[x + j * lanes + lane] if a >= machine.uniform else m[x + j]


def pull_sum(machine: Machine, m: Any, a: int, n: int, upstream: int, lanes: int, width: int) -> None:
    """The chain rule for a sum: each term receives the upstream gradient."""
    g = gradient(machine, a, width)
    for j in range(n):
        for lane in range(lanes):
            m[g + (j * lanes + lane if a >= machine.uniform else j)] += m[upstream + lane]
