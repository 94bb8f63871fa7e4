# cython: annotation_typing=False, initializedcheck=False
"""A recording made into a short program: what is known is folded, sums of products fused, neighbours put side by side.

A recording is a list of the nodes and Guards that a function left, in the order of creation. `flatten` writes it as
lines of numbers; each pass after it is a function of its own that changes the lines; `assemble` gives what is left its
slots in memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import nan
from typing import Any

from autograd_mini import ops, tape
from autograd_mini.ops import TABLE
from autograd_mini.take import Taken
from autograd_mini.value import Value

try:
    import cython
except ImportError:
    from autograd_mini import _plain as cython

VECTOR = 8  # numbers in the longest vector of a processor
NOWHERE = 2**31 - 1
MANY = ops.MANY  # by this name a number of C
MADE = -2  # the first operand of a constant that the function made a Value of
ARITY = array("i", [*[row.arity for row in TABLE], MANY])  # of take() too
# Operations that have a finite result for all finite operands: where nobody uses it, they can be left out.
NEVER_FAIL = [
    ops.NEG, ops.ABS, ops.TANH, ops.RELU, ops.SIGMOID, ops.CBRT, ops.SIN, ops.COS, ops.ATAN, ops.ASINH, ops.ATAN2,
    ops.RADIANS, ops.ERF, ops.ERFC, ops.COPYSIGN, ops.MAXIMUM, ops.MINIMUM, ops.LOG_SIGMOID, ops.SILU, ops.GELU,
    ops.WHERE, ops.CLIP,
]  # fmt: skip
HARMLESS = array("i", [op in NEVER_FAIL for op in range(tape.DEAD)])


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


# Passes.


def fold(lines: Lines) -> None:
    """Leave out what is known: operations of constants, × 1, + 0 even to −0, and the like; x² is x · x, a product."""
    op, a, b, data, args = lines.op, lines.a, lines.b, lines.data, lines.args
    to = unchanged(lines)
    for i in range(lines.count):
        o = op[i]
        if o >= tape.GUARD:
            a[i], b[i] = to[a[i]], to[b[i]]
            if op[a[i]] == tape.CONSTANT and op[b[i]] == tape.CONSTANT:
                op[i] = tape.DEAD
        elif o < tape.DEAD and ARITY[o] == MANY:
            known = True
            for k in range(a[i], a[i] + b[i]):
                args[k] = to[args[k]]
                known = known and op[args[k]] == tape.CONSTANT
            if known:
                op[i] = tape.CONSTANT
        elif o < tape.DEAD:
            x = a[i] = to[a[i]]
            z = b[i]
            if z >= 0:
                z = b[i] = to[z]
            if op[x] == tape.CONSTANT and (z < 0 or op[z] == tape.CONSTANT):
                op[i] = tape.CONSTANT
            elif z >= 0 and op[z] == tape.CONSTANT and data[z] == neutral(o):
                to[i] = x
                op[i] = tape.DEAD
            elif z >= 0 and op[x] == tape.CONSTANT and (o == ops.ADD or o == ops.MUL) and data[x] == neutral(o):
                to[i] = z
                op[i] = tape.DEAD
            elif o == ops.POW and op[z] == tape.CONSTANT and data[z] == 2.0:
                op[i] = ops.MUL
                b[i] = x
    lines.outputs = [to[i] for i in lines.outputs]


def unchanged(lines: Lines) -> Any:
    """For each line, the one that stands for it: itself."""
    to = array("i", bytes(4 * lines.count + 4))
    for i in range(lines.count):
        to[i] = i
    return to


def neutral(op: int) -> float:
    """The second operand that changes nothing; nan if there is none."""
    if op == ops.ADD or op == ops.SUB:
        return 0.0
    return 1.0 if op == ops.MUL or op == ops.DIV or op == ops.POW else nan


def share(lines: Lines) -> None:
    """Compute what is computed twice from the same operands only once."""
    op, a, b, args = lines.op, lines.a, lines.b, lines.args
    to = unchanged(lines)
    size = 16
    while size < 2 * lines.count:
        size *= 2
    first = array("i", [-1]) * size  # a hash table of lines: a dict takes 5 times as long
    for i in range(lines.count):
        o = op[i]
        if o >= tape.GUARD:
            a[i], b[i] = to[a[i]], to[b[i]]
        elif o < tape.DEAD and ARITY[o] == MANY:
            for k in range(a[i], a[i] + b[i]):
                args[k] = to[args[k]]
        elif o < tape.DEAD:
            a[i] = x = to[a[i]]
            b[i] = z = to[b[i]] if b[i] >= 0 else -1
            if commutes(o) and x > z:
                x, z = z, x
            place = (((o * 31 + x) * 1000003 + z) * 7 + (x >> 4)) & (size - 1)
            j = first[place]
            while j >= 0 and not is_same(lines, j, o, x, z):
                place = (place + 1) & (size - 1)
                j = first[place]
            if j >= 0:
                to[i] = j
                op[i] = tape.DEAD
            else:
                first[place] = i
    lines.outputs = [to[i] for i in lines.outputs]


def is_same(lines: Lines, i: int, op: int, a: int, b: int) -> bool:
    """Whether a line is that operation of those operands."""
    if lines.op[i] != op:
        return False
    return (lines.a[i] == a and lines.b[i] == b) or (lines.a[i] == b and lines.b[i] == a and commutes(op))


def commutes(op: int) -> bool:
    """Whether the order of the two operands does not matter."""
    return op == ops.ADD or op == ops.MUL


def count_uses(lines: Lines) -> Any:
    """How often each line is an operand, compared, or asked for."""
    op, a, b, args = lines.op, lines.a, lines.b, lines.args
    uses = array("i", bytes(4 * lines.count + 4))
    for i in range(lines.count):
        if op[i] < tape.DEAD and ARITY[op[i]] == MANY:
            for k in range(a[i], a[i] + b[i]):
                uses[args[k]] += 1
        elif op[i] < tape.DEAD or op[i] >= tape.GUARD:
            uses[a[i]] += 1
            if b[i] >= 0:
                uses[b[i]] += 1
    for i in lines.outputs:
        uses[i] += 1
    return uses


def fuse(lines: Lines) -> None:
    """Make one DOT of a sum of products that nobody else uses, and one SUM of a sum of more than two terms.

    A DOT of an odd number of operands adds the last to the products: a bias.
    """
    op, a, b = lines.op, lines.a, lines.b
    uses = count_uses(lines)
    args = array("i", bytes(4 * (2 * lines.used + 3 * lines.count) + 4))
    for i in range(lines.used):
        args[i] = lines.args[i]
    used = lines.used
    for i in range(lines.count - 1, -1, -1):
        if op[i] == ops.ADD:
            stack = [b[i], a[i]]
        elif op[i] == ops.SUM:
            stack = [args[k] for k in range(a[i] + b[i] - 1, a[i] - 1, -1)]
        else:
            continue
        products, rest, inner = [], [], []
        while stack:
            x = stack.pop()
            if uses[x] == 1 and op[x] == ops.ADD:
                inner.append(x)
                stack.append(b[x])
                stack.append(a[x])
            elif uses[x] == 1 and op[x] == ops.MUL:
                products.append(x)
            else:
                rest.append(x)
        if len(products) < 2:
            rest = sorted(rest + products)
            products = []
        if len(rest) == 2 and not products and add_to_dot(lines, i, rest, args, used, uses):
            used += b[i]
            continue
        if not products and (len(rest) < 3 or not inner):
            continue
        for x in inner:
            op[x] = tape.DEAD
        total = i
        if products:
            in_order = True  # the same order in like sums
            before = -1
            for x in products:
                op[x] = tape.DEAD
                in_order = in_order and a[x] >= before
                before = a[x]
            if not in_order:
                products = [x for _, x in sorted([(a[x], x) for x in products])]
            if len(rest) > 1:
                total = max(max(products), max(inner, default=0))
            start = used
            for x in products:
                args[used] = a[x]
                used += 1
            for x in products:
                args[used] = b[x]
                used += 1
            if len(rest) == 1:
                args[used] = rest[0]
                used += 1
            op[total], a[total], b[total] = ops.DOT, start, used - start
            uses[total] = 1
            if len(rest) > 1:
                rest.append(total)
        if len(rest) > 1:
            op[i], a[i], b[i] = ops.SUM, used, len(rest)
            for x in rest:
                args[used] = x
                used += 1
    lines.args, lines.used = args, used


def add_to_dot(lines: Lines, i: int, terms: list[int], args: Any, used: int, uses: Any) -> bool:
    """Make a sum of two terms, one of which is a DOT that nobody else uses, a DOT that starts from the other term."""
    for x, other in (terms, terms[::-1]):
        n = lines.b[x]
        if lines.op[x] == ops.DOT and uses[x] == 1 and n % 2 == 0:
            for k in range(n):
                args[used + k] = args[lines.a[x] + k]
            args[used + n] = other
            lines.op[x] = tape.DEAD
            lines.op[i], lines.a[i], lines.b[i] = ops.DOT, used, n + 1
            return True
    return False


def drop(lines: Lines) -> None:
    """Leave out what nobody needs; not what may raise an error, which the function would raise too."""
    op, a, b, args = lines.op, lines.a, lines.b, lines.args
    needed = array("b", bytes(lines.count + 1))
    for i in lines.outputs:
        needed[i] = 1
    for i in range(lines.count - 1, -1, -1):
        o = op[i]
        if o >= tape.GUARD or (o < tape.DEAD and (needed[i] or not HARMLESS[o])):
            needed[i] = 1
            if o < tape.DEAD and ARITY[o] == MANY:
                for k in range(a[i], a[i] + b[i]):
                    needed[args[k]] = 1
            else:
                needed[a[i]] = 1
                if b[i] >= 0:
                    needed[b[i]] = 1
        elif o != tape.INPUT and not needed[i]:
            op[i] = tape.DEAD


def compact(lines: Lines) -> None:
    """Move the lines that are left together."""
    op, a, b, data, args = lines.op, lines.a, lines.b, lines.data, lines.args
    to = array("i", bytes(4 * lines.count + 4))
    labels: dict[int, str] = {}
    count = 0
    for i in range(lines.count):
        o = op[i]
        if o == tape.DEAD:
            continue
        to[i] = count
        if i in lines.labels:
            labels[count] = lines.labels[i]
        op[count], a[count], b[count], data[count] = o, a[i], b[i], data[i]
        if o < tape.DEAD and ARITY[o] == MANY:
            for k in range(a[i], a[i] + b[i]):
                args[k] = to[args[k]]
        elif o < tape.DEAD or o >= tape.GUARD:
            a[count] = to[a[i]]
            if b[i] >= 0:
                b[count] = to[b[i]]
        count += 1
    lines.count, lines.labels = count, labels
    lines.outputs = [to[i] for i in lines.outputs]


PASSES = (fold, share, fuse, drop, compact)


# Slots.


class Layout:
    """What a Program is made of: instructions, and where numbers are.

    Attributes:
        code: tape.FIELDS numbers for each instruction, those that are the same for all examples first.
        rows: tape.ROW_FIELDS numbers for each kind of sum, and for what is none.
        uniform_code: how many those are.
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
        rows = tuple(instruction[tape.ROWS])
        instruction[tape.ROWS] = places.setdefault(rows, tape.ROW_FIELDS * len(places))
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
    """The instruction of one line, with what is said of its rows in place of where that is."""
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
        return written(o, slot[i], slot[lines.args[a]], slot[lines.args[a]], b, flags, start)
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
    rows, new = before[tape.ROWS], after[tape.ROWS]
    start, new_start = rows[tape.START], new[tape.START]
    if (start < 0) != (new_start < 0) or not on_one_side(start, new_start, uniform):
        return False
    if rows[tape.A_STRIDE] != new[tape.A_STRIDE] or rows[tape.B_STRIDE] != new[tape.B_STRIDE]:
        return False
    n = rows[tape.COUNT]
    steps = [after[field] - before[field] for field in (tape.RESULT, tape.A, tape.B)]
    steps.append(new_start - start)
    if n == 1:
        rows[tape.RESULT_STEP : tape.START_STEP + 1] = steps
    elif steps != [n * step for step in rows[tape.RESULT_STEP : tape.START_STEP + 1]]:
        return False
    rows[tape.COUNT] += 1
    return True


def lower(
    recording: Sequence[Any], inputs: Sequence[Value], is_value: Sequence[bool], outputs: Sequence[Value],
    in_order: bool = False,
) -> tuple[Layout, list[Value]]:  # fmt: skip
    """The layout of a recording's program, and the Values from outside that it reads.

    Args:
        recording: nodes, Guards and Taken.
        inputs: the Values that stood for the numbers that vary.
        is_value: for each of them, whether it is a Value in the call too: then it has a gradient.
        outputs: what is asked for.
        in_order: whether sums are to be added up in the order of the recording, to the last bit, which is slower.
    """
    lines = flatten(recording, inputs, outputs)
    depends = are_values(lines, is_value)
    for change in PASSES:
        if not (in_order and change is fuse):
            change(lines)
    layout = assemble(lines, is_value)
    layout.depends = array("b", depends)
    layout.of_leaves = all([x.op == "leaf" for x in lines.captured])
    return layout, lines.captured
