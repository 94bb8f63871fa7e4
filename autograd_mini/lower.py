# cython: annotation_typing=False, initializedcheck=False
"""A recording made into a short program: what is known is folded, sums of products fused, what is unused dropped.

A recording is a list of the nodes and Guards that a function left, in the order of creation. Each pass is a function of
its own that changes its lines.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import nan
from typing import Any

from autograd_mini import ops, tape
from autograd_mini.layout import Layout, assemble
from autograd_mini.lines import Lines, are_values, flatten
from autograd_mini.value import Value

MANY, ARITY = ops.MANY, tape.ARITY  # in C, an int and a view of ints: see the .pxd file
# Operations that have a finite result for all finite operands: where nobody uses it, they can be left out.
NEVER_FAIL = [
    ops.NEG, ops.ABS, ops.TANH, ops.RELU, ops.SIGMOID, ops.CBRT, ops.SIN, ops.COS, ops.ATAN, ops.ASINH, ops.ATAN2,
    ops.RADIANS, ops.ERF, ops.ERFC, ops.COPYSIGN, ops.MAXIMUM, ops.MINIMUM, ops.LOG_SIGMOID, ops.SILU, ops.GELU,
    ops.WHERE, ops.CLIP,
]  # fmt: skip
HARMLESS = array("i", [op in NEVER_FAIL for op in range(tape.DEAD)])


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
