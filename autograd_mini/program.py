# cython: annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The machine that replays a recorded function: its tape forward, and backward for the gradients."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from autograd_mini import _plain, loops, ops, rules, tape, value
from autograd_mini.lower import Layout, rounded_up
from autograd_mini.ops import MANY, TABLE
from autograd_mini.value import Value

try:
    import cython
except ImportError:
    from autograd_mini import _plain as cython

LANES = 64
IS_MANY = array("i", [*[row.arity == MANY for row in TABLE], True])  # of take() too
IS_BINARY = array("i", [*[row.arity == 2 for row in TABLE], False])


@cython.final
@cython.cclass
class Program:
    """A recorded function as a tape of instructions over slots of numbers; only call() knows of Values.

    The slots whose numbers are the same for all examples of a batch come first. In memory, each of the others has one
    place for each example of a block, its lanes, and behind all slots come their gradients.
    """

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

    def __len__(self) -> int:
        return self.count

    def __reduce__(self) -> tuple[type, tuple[Layout]]:
        return Program, (self.layout,)

    def __str__(self) -> str:
        return "\n".join([listed(self.layout, k) for k in range(self.count)])

    def to_c(self, name: str) -> str:
        """The program as a file of C99 that needs nothing else: a function of that name for outputs and gradients.

        Its head says how to call it. It is as fast as the C compiler makes it, and may be called by threads at once.

        Raises:
            ValueError: if name cannot be the name of a function in C.

        >>> from autograd_mini import Value, compile
        >>> square = compile(lambda x: x * x)
        >>> y = square(Value(3.0))
        >>> [line for line in square.programs()[0].to_c("square").split("\\n") if "g[1] *" in line]
        ['    g[0] += g[1] * mul_by_a(m[0]);', '    g[0] += g[1] * mul_by_b(m[0]);']
        """
        from autograd_mini import export

        return export.to_c(self.layout, name)

    def to_jax(self) -> Any:
        """The program as a function of JAX in double precision, for jax.jit, jax.grad and jax.vmap.

        It takes the inputs, the Values and floats among the arguments, and the parameters, the Values from outside in
        the order in which the function used them first, and gives an array of the outputs. Where a comparison comes out
        otherwise than when the function was recorded, or an index is out of range, they are nan, and so are the
        gradients.

        >>> from autograd_mini import Value, compile
        >>> square = compile(lambda x: x * x)
        >>> y = square(Value(3.0))
        >>> f = square.programs()[0].to_jax()       # doctest: +SKIP
        >>> jax.grad(lambda x: f([x])[0])(3.0)      # doctest: +SKIP
        Array(6., dtype=float64, weak_type=True)
        """
        from autograd_mini import export

        return export.to_jax(self.layout)

    def call(self, inputs: Sequence[Any], captured: tuple[Value, ...], wants_slopes: bool) -> Any:
        """The outputs as Values for one example, or how the run ended if the tape does not hold for it.

        Args:
            inputs: floats, or Values, which become operands of the outputs.
            captured: the Values from outside, in the order of the layout.
            wants_slopes: whether to compute the outputs' local derivatives; else they are leaves.
        """
        m = self.memory(1)
        try:
            value.fill(m, self.captured, captured)
            for i in range(self.n_inputs):
                if self.inputs[i] >= 0:
                    m[place(self, self.inputs[i], 1)] = value.data_of(inputs[i])
            m[verdicts(self, 1)] = 0.0
            forward(self, m, 0, self.count, 1)
            if m[verdicts(self, 1)] != 0.0:
                return int(m[verdicts(self, 1)])
            if not loops.finite(m, 0, self.uniform) or not loops.finite(m, 2 * self.uniform, self.slots - self.uniform):
                return tape.NOT_FINITE
            outputs, operands = [], None
            for k in range(self.n_outputs):
                if not self.depends[k]:
                    outputs.append(m[place(self, self.outputs[k], 1)])
                    continue
                if operands is None:
                    operands = tuple([x for x in inputs if isinstance(x, Value)]) + captured
                y = self.output(m, k, inputs, operands, wants_slopes)
                if y is None:
                    return tape.NOT_FINITE
                outputs.append(y)
            return outputs
        except ZeroDivisionError:  # only uncompiled: C divides by zero
            return tape.NOT_FINITE
        finally:
            _plain.free(m)

    def output(self, m: Any, k: int, inputs: Sequence[Any], operands: tuple[Value, ...], wants_slopes: bool) -> Any:
        """One output of one example as a Value with its local derivatives.

        None if a derivative is not finite: what infinite slopes add up to depends on the order.
        """
        y = m[place(self, self.outputs[k], 1)]
        n = len(operands)
        if not wants_slopes or n == 0:
            return Value(y)
        clear(self, m, 1)
        clear_uniform(self, m)
        m[gradient(self, self.outputs[k], 1)] = 1.0
        backward(self, m, self.count, 0, 1)
        slopes = _plain.malloc(8 * n)
        if not slopes:
            raise MemoryError(f"no memory for the {n} local derivatives of a call")
        j, of_leaves = 0, self.of_leaves
        for i in range(self.n_inputs):
            if isinstance(inputs[i], Value):
                x = inputs[i]
                of_leaves = of_leaves and x._op == ops.LEAF
                slopes[j] = m[gradient(self, self.inputs[i], 1)] if self.inputs[i] >= 0 else 0.0
                j += 1
        for i in range(self.n_captured):  # they are uniform: their gradients lie side by side
            slopes[j + i] = m[self.uniform + self.captured[i]] if self.captured[i] >= 0 else 0.0
        if not loops.finite(slopes, 0, n):
            _plain.free(slopes)
            return None
        return value.fused(y, operands, slopes, of_leaves)

    def size(self, of: str) -> int:
        """How many "inputs", "captured" or "outputs" it has."""
        return len(getattr(self.layout, of))

    def memory(self, width: int) -> Any:
        """Room for the numbers and gradients of a block of so many examples, with nothing but the constants in it."""
        size = verdicts(self, width) + width
        m = _plain.malloc_aligned(8 * max(size, 1))
        if not m:
            raise MemoryError(f"no memory for the {size} numbers of a block of {width} examples")
        for i in range(self.uniform):
            m[i] = self.initial[i]
        return m

    def run(
        self, numbers: Any, inputs: Any, n: int, seed: float, outputs: Any, by_captured: Any, by_inputs: Any,
        verdicts: Any, wants_slopes: bool,
    ) -> int:  # fmt: skip
        """Run n examples, block after block, without the GIL; 0, or how all ended.

        All end so if that is how what they have in common ends, or if a gradient is not finite.

        Args:
            numbers: the captured Values, or what they hold: an array of doubles, as all others here but verdicts.
            inputs: those of all examples, one after another.
            seed: the gradient that the output of each example has.
            outputs: receives the outputs of each example.
            by_captured: what the gradients by the captured Values are added to.
            by_inputs: receives the gradients by each example's inputs; may be empty.
            verdicts: bytes; receives how an example ended for which the tape does not hold. It adds nothing to
                the gradients.
            wants_slopes: whether to compute gradients.
        """
        width = LANES
        while width > 8 and width >= 2 * n:
            width //= 2
        while width > 8 and width * (self.slots - self.uniform) > 32768:  # numbers and gradients fit half a megabyte
            width //= 2
        m = self.memory(width)
        wants_inputs, a, b = len(by_inputs) > 0, _plain.doubles(inputs), _plain.doubles(outputs)
        c, d, e, lanes = _plain.doubles(by_captured), _plain.doubles(by_inputs), verdicts, array("i", bytes(4 * width))
        who = _plain.ints(lanes)
        try:
            if isinstance(numbers, tuple):
                value.fill(m, self.captured, numbers)
            else:
                f = _plain.doubles(numbers)
                for i in range(self.n_captured):
                    if self.captured[i] >= 0:
                        m[self.captured[i]] = f[i]
            with cython.nogil:
                end = run_blocks(self, m, width, a, n, seed, b, c, d, wants_inputs, e, wants_slopes, who)
            return end
        except ZeroDivisionError:  # only uncompiled: C divides by zero
            return tape.NOT_FINITE
        finally:
            _plain.free(m)


def node(y: float, operands: tuple[Value, ...], slopes: array[float], of_leaves: bool) -> Any:
    """The node of calls for a batch, or without operands the number."""
    n, given = len(operands), _plain.doubles(slopes)
    if n == 0:
        return y
    block = _plain.malloc(8 * n)
    if not block:
        raise MemoryError(f"no memory for the {n} local derivatives of a call")
    for i in range(n):
        block[i] = given[i]
    return value.fused(y, operands, block, of_leaves)


def filled(numbers: Any) -> Any:
    """The array, or where it is empty, one of one zero: C cannot take a view of nothing."""
    return numbers if len(numbers) else array(numbers.typecode, [0])


def listed(layout: Layout, k: int) -> str:
    """One line of the listing of a program."""
    fields = layout.code[tape.FIELDS * k : tape.FIELDS * (k + 1)]
    op, result, a, b, n, flags, where = fields
    described = layout.rows[where : where + tape.ROW_FIELDS]
    start, rows, *steps, by_a, by_b = described
    label = f"  # {layout.sources[k]}" if k in layout.sources else ""
    if op >= tape.GUARD:
        return f"guard   s{a} {tape.COMPARED[op - tape.GUARD]} s{b} is {bool(n)}"
    name = "take" if op == tape.TAKE else TABLE[op].name
    plus = "" if start < 0 else f"s{start} + "
    if flags & tape.GATHERED:
        return f"{name:7} s{result} = {plus}of {', '.join(f's{s}' for s in layout.gather[a : a + n])}{label}"
    if op == ops.SUM:
        return f"{'sum':7} s{result} = s{a}:{a + n}{label}"
    if op == ops.DOT:
        by = ", ".join([f"{step}" for step in steps[: 3 + (start >= 0)]])
        more = "" if rows == 1 else f", {rows} rows by steps of {by}"
        return f"{'dot':7} s{result} = {plus}{factors(a, n, by_a)} · {factors(b, n, by_b)}{more}{label}"
    results = f"s{result}" if n == 1 else f"s{result}:{result + n}"
    first = f"s{a}:{a + n}" if flags & tape.A_STEPS else f"s{a}"
    second = f"s{b}:{b + n}" if flags & tape.B_STEPS else f"s{b}"
    return f"{name:7} {results} = {f'{first}, {second}' if TABLE[op].arity == 2 else first}{label}"


def factors(slot: int, n: int, stride: int) -> str:
    """Slots as a slice of Python's."""
    end = slot + n * stride
    return f"s{slot}:{max(end, 0) if end >= 0 else ''}" + (f":{stride}" if stride != 1 else "")


# The machine. Memory has the uniform slots and their gradients, then the others, each with a place for every lane of a
# block, room for operands that have to be put side by side, the gradients of those others, and room again.


def place(program: Program, slot: int, width: int) -> int:
    """Where the number of a slot is, that of the first lane."""
    return slot if slot < program.uniform else 2 * program.uniform + (slot - program.uniform) * width


def gradient(program: Program, slot: int, width: int) -> int:
    """Where the gradient of a slot is."""
    if slot < program.uniform:
        return program.uniform + slot
    behind = 2 * program.uniform + (program.span + 3 * program.longest) * width
    return behind + (slot - program.uniform) * width


def room(program: Program, which: int, width: int) -> int:
    """Where there is room: 0, 1 and 2 are before the gradients, 3 is behind them."""
    return 2 * program.uniform + (program.span * (2 if which == 3 else 1) + which * program.longest) * width


def clear(program: Program, m: Any, width: int) -> None:
    """Set the gradients of the slots that vary to zero."""
    start = gradient(program, program.uniform, width)
    for i in range(start, start + (program.slots - program.uniform) * width):
        m[i] = 0.0


def clear_uniform(program: Program, m: Any) -> None:
    """Set the gradients of the others to zero."""
    for i in range(program.uniform, 2 * program.uniform):
        m[i] = 0.0


def verdicts(program: Program, width: int) -> int:
    """Where the verdict on each lane is: 0, or DEVIATED or NOT_FINITE."""
    return room(program, 3, width) + program.longest * width


def run_blocks(
    program: Program, m: Any, width: int, inputs: Any, n: int, seed: float, outputs: Any, by_captured: Any,
    by_inputs: Any, wants_inputs: bool, failed: Any, wants_slopes: bool, who: Any,
) -> int:  # fmt: skip
    """What Program.run() does, in C."""
    m[verdicts(program, 1)] = 0.0
    forward(program, m, 0, program.uniform_code, 1)
    if m[verdicts(program, 1)] != 0.0:
        return int(m[verdicts(program, 1)])
    if not loops.finite(m, 0, program.uniform):
        return tape.NOT_FINITE
    clear_uniform(program, m)
    start = 0
    while start < n:
        lanes = 0
        while lanes < width and start < n:
            who[lanes] = start
            lanes += 1
            start += 1
        lanes = forward_block(program, m, inputs, who, lanes, failed)
        for k in range(program.n_outputs):
            y = place(program, program.outputs[k], lanes)
            step = program.outputs[k] >= program.uniform
            for lane in range(lanes):
                outputs[who[lane] * program.n_outputs + k] = m[y + lane * step]
        if wants_slopes and lanes:
            clear(program, m, lanes)
            g = gradient(program, program.outputs[0], lanes)
            step = program.outputs[0] >= program.uniform
            for lane in range(lanes):
                m[g + lane * step] += seed
            backward(program, m, program.count, program.uniform_code, lanes)
            if wants_inputs:
                for i in range(program.n_inputs):
                    if program.inputs[i] >= 0:
                        g = gradient(program, program.inputs[i], lanes)
                        for lane in range(lanes):
                            by_inputs[who[lane] * program.n_inputs + i] = m[g + lane]
                        if not loops.finite(m, g, lanes):
                            return tape.NOT_FINITE
    if wants_slopes:
        backward(program, m, program.uniform_code, 0, 1)
        for i in range(program.n_captured):
            if program.captured[i] >= 0:
                by_captured[i] += m[program.uniform + program.captured[i]]
        if not loops.finite(m, program.uniform, program.uniform):
            return tape.NOT_FINITE
    return 0


def forward_block(program: Program, m: Any, inputs: Any, who: Any, lanes: int, failed: Any) -> int:
    """Run the examples in the lanes forward, without those for which the tape does not hold; how many are left."""
    start = 2 * program.uniform
    while lanes:
        for i in range(program.n_inputs):
            if program.inputs[i] >= 0:
                x = place(program, program.inputs[i], lanes)
                for lane in range(lanes):
                    m[x + lane] = inputs[who[lane] * program.n_inputs + i]
        bad = verdicts(program, lanes)
        for lane in range(lanes):
            m[bad + lane] = 0.0
        forward(program, m, program.uniform_code, program.count, lanes)
        varying = program.slots - program.uniform
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


def forward(program: Program, m: Any, start: int, end: int, width: int) -> None:
    """Run instructions; a guard that does not hold is noted among the verdicts."""
    code = program.code
    for i in range(start, end):
        k = tape.FIELDS * i
        op, a, b, n, flags = code[k], code[k + tape.A], code[k + tape.B], code[k + tape.LENGTH], code[k + tape.FLAGS]
        if op >= tape.GUARD:
            compare(program, m, op - tape.GUARD, a, b, n, width)
            continue
        result = place(program, code[k + tape.RESULT], width)
        lanes = width if code[k + tape.RESULT] >= program.uniform else 1
        if not IS_MANY[op]:
            if n == 1 and lanes == 1:
                m[result] = rules.value(op, m[place(program, a, width)], m[place(program, b, width)])
            else:
                x = side_by_side(program, m, a, flags & tape.A_STEPS, n, lanes, width, 0)
                z = side_by_side(program, m, b, flags & tape.B_STEPS, n, lanes, width, 1) if IS_BINARY[op] else x
                rules.values(op, m, x, z, result, n * lanes)
        elif flags & tape.GATHERED:
            many(program, m, k, result, lanes, width)
        elif op == ops.DOT:
            dots(program, m, k, result, lanes, width)
        else:
            add_up(program, m, a, n, result, lanes, width)


def backward(program: Program, m: Any, start: int, end: int, width: int) -> None:
    """Go back over the instructions from `start` to `end`: each operand receives upstream times local derivative."""
    code = program.code
    for i in range(start - 1, end - 1, -1):
        k = tape.FIELDS * i
        op, a, b, n, flags = code[k], code[k + tape.A], code[k + tape.B], code[k + tape.LENGTH], code[k + tape.FLAGS]
        if op >= tape.GUARD or not flags & tape.PULLS:
            continue
        result = place(program, code[k + tape.RESULT], width)
        upstream = gradient(program, code[k + tape.RESULT], width)
        lanes = width if code[k + tape.RESULT] >= program.uniform else 1
        if not IS_MANY[op]:
            if n == 1 and lanes == 1:
                x, z = m[place(program, a, width)], m[place(program, b, width)]
                if flags & tape.A_CARRIES:
                    m[gradient(program, a, width)] += m[upstream] * rules.slope_a(op, x, z, m[result])
                if flags & tape.B_CARRIES:
                    m[gradient(program, b, width)] += m[upstream] * rules.slope_b(op, x, z, m[result])
            else:
                pull(program, m, op, a, b, n, flags, result, upstream, lanes, width)
        elif flags & tape.GATHERED:
            pull_many(program, m, op, a, n, result, upstream, lanes, width)
        elif op == ops.DOT:
            pull_dots(program, m, k, upstream, lanes, width)
        else:
            pull_sum(program, m, a, n, upstream, lanes, width)
        if flags & tape.START_CARRIES:
            pull_starts(program, m, k, upstream, lanes, width)


def compare(program: Program, m: Any, kind: int, a: int, b: int, outcome: int, width: int) -> None:
    """Note where a comparison comes out otherwise than when it was recorded."""
    bad = verdicts(program, width)
    x, z = place(program, a, width), place(program, b, width)
    by_a, by_b = a >= program.uniform, b >= program.uniform
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


def side_by_side(program: Program, m: Any, slot: int, steps: int, n: int, lanes: int, width: int, which: int) -> int:
    """Where the operands of a run of n instructions in all lanes are side by side: where they are, or copies."""
    x = place(program, slot, width)
    varies = slot >= program.uniform
    if (steps or n == 1) and (varies or lanes == 1):
        return x
    copies = room(program, which, width)
    for e in range(n):
        at = x + e * (lanes if varies else 1) if steps else x
        for lane in range(lanes):
            m[copies + e * lanes + lane] = m[at + lane] if varies else m[at]
    return copies


def pull(
    program: Program, m: Any, op: int, a: int, b: int, n: int, flags: int, result: int, upstream: int, lanes: int,
    width: int,
) -> None:  # fmt: skip
    """The chain rule for a run of like instructions."""
    x = side_by_side(program, m, a, flags & tape.A_STEPS, n, lanes, width, 0)
    z = side_by_side(program, m, b, flags & tape.B_STEPS, n, lanes, width, 1) if IS_BINARY[op] else x
    if flags & tape.A_CARRIES:
        to = side_by_side_gradients(program, m, a, flags & tape.A_STEPS, n, lanes, width)
        rules.pull_a(op, m, x, z, result, upstream, to, n * lanes)
        add_gradients(program, m, a, flags & tape.A_STEPS, n, lanes, width, to)
    if flags & tape.B_CARRIES:
        to = side_by_side_gradients(program, m, b, flags & tape.B_STEPS, n, lanes, width)
        rules.pull_b(op, m, x, z, result, upstream, to, n * lanes)
        add_gradients(program, m, b, flags & tape.B_STEPS, n, lanes, width, to)


def side_by_side_gradients(program: Program, m: Any, slot: int, steps: int, n: int, lanes: int, width: int) -> int:
    """Where the gradients of a run's operands are side by side: where they are, or room for them, which is zero."""
    if (steps or n == 1) and (slot >= program.uniform or lanes == 1):
        return gradient(program, slot, width)
    copies = room(program, 3, width)
    for i in range(copies, copies + n * lanes):
        m[i] = 0.0
    return copies


def add_gradients(program: Program, m: Any, slot: int, steps: int, n: int, lanes: int, width: int, copies: int) -> None:
    """Add gradients that were collected side by side to those of the operands, if those are elsewhere."""
    g = gradient(program, slot, width)
    if g == copies:
        return
    if slot >= program.uniform:  # one operand for the whole run
        for e in range(n):
            for lane in range(lanes):
                m[g + lane] += m[copies + e * lanes + lane]
        return
    for e in range(n):
        m[g + e if steps else g] += loops.total(m, copies + e * lanes, lanes)


def many(program: Program, m: Any, at: int, result: int, lanes: int, width: int) -> None:
    """An operation of n operands that do not lie side by side."""
    op, first, n = program.code[at], program.code[at + tape.A], program.code[at + tape.LENGTH]
    if op == tape.TAKE:
        take(program, m, first, n, result, lanes, width)
        return
    row, starts = room(program, 0, width), program.rows[program.code[at + tape.ROWS] + tape.START] >= 0
    if starts:
        start(program, m, at, 0, result, lanes, width)
    if width == 1 and (op == ops.DOT or op == ops.SUM):
        y = gathered(program, m, op, first, n)
        m[result] = m[result] + y if starts else y
        return
    for lane in range(lanes):
        fetch(program, m, first, n, lane, row, width)
        y = rules.value_at(op, m, row, n)
        m[result + lane] = m[result + lane] + y if starts else y


def gathered(program: Program, m: Any, op: int, first: int, n: int) -> Any:
    """A sum, or a sum of products, in one example: a third of the time of putting the operands side by side first."""
    places = program.places
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


def pull_gathered(program: Program, m: Any, op: int, first: int, n: int, upstream: float) -> None:
    """The chain rule for it."""
    places, half = program.places, n >> 1
    for i in range(n):
        slot = program.gather[first + i]
        other = i + half if i < half else i - half
        m[gradient(program, slot, 1)] += upstream * (1.0 if op == ops.SUM else m[places[first + other]])


def pull_many(
    program: Program, m: Any, op: int, start: int, n: int, result: int, upstream: int, lanes: int, width: int
) -> None:
    """The chain rule for an operation of n operands that do not lie side by side."""
    if op == tape.TAKE:
        pull_take(program, m, start, n, upstream, lanes, width)
        return
    if width == 1 and (op == ops.DOT or op == ops.SUM):
        pull_gathered(program, m, op, start, n, m[upstream])
        return
    row = room(program, 0, width)
    for lane in range(lanes):
        fetch(program, m, start, n, lane, row, width)
        for i in range(n):
            slot = program.gather[start + i]
            to = gradient(program, slot, width) + (lane if slot >= program.uniform else 0)
            m[to] += m[upstream + lane] * rules.slope_at(op, m, row, n, m[result + lane], i)


def taken(program: Program, m: Any, start: int, n: int, lane: int, width: int) -> int:
    """The slot of the row that is taken in a lane; -1 if there is none."""
    index = program.gather[start]
    i = m[place(program, index, width) + (lane if index >= program.uniform else 0)]
    if i < 0.0:
        i += n - 1
    return program.gather[start + 1 + cython.cast(cython.Py_ssize_t, i)] if 0.0 <= i < n - 1 else -1


def take(program: Program, m: Any, start: int, n: int, result: int, lanes: int, width: int) -> None:
    """Of n - 1 rows that which the first operand is the place of; where there is none, the function itself says so."""
    bad = verdicts(program, width)
    for lane in range(lanes):
        slot = taken(program, m, start, n, lane, width)
        if slot < 0:
            m[bad + lane] = tape.NOT_FINITE
            m[result + lane] = 0.0
        else:
            m[result + lane] = m[place(program, slot, width) + (lane if slot >= program.uniform else 0)]


def pull_take(program: Program, m: Any, start: int, n: int, upstream: int, lanes: int, width: int) -> None:
    """The chain rule for a row that was taken: it receives the upstream gradient."""
    for lane in range(lanes):
        slot = taken(program, m, start, n, lane, width)
        if slot >= 0:
            m[gradient(program, slot, width) + (lane if slot >= program.uniform else 0)] += m[upstream + lane]


def fetch(program: Program, m: Any, start: int, n: int, lane: int, row: int, width: int) -> None:
    """Put the operands of one lane side by side."""
    for i in range(n):
        slot = program.gather[start + i]
        m[row + i] = m[place(program, slot, width) + (lane if slot >= program.uniform else 0)]


def dots(program: Program, m: Any, at: int, result: int, lanes: int, width: int) -> None:
    """The sums of products of the instruction at a place in the code; the first factors are uniform if any are."""
    a, b, n = program.code[at + tape.A], program.code[at + tape.B], program.code[at + tape.LENGTH]
    table, where = program.rows, program.code[at + tape.ROWS]
    rows, by_y = table[where + tape.COUNT], table[where + tape.RESULT_STEP] * lanes
    by_x, by_z = table[where + tape.A_STEP], table[where + tape.B_STEP] * lanes
    each_x, each_z = table[where + tape.A_STRIDE], table[where + tape.B_STRIDE] * lanes
    x, z = place(program, a, width), place(program, b, width)
    if width == 1 and rows == 1 and n < 16:  # a third of the time of what is below
        y = 0.0 if table[where + tape.START] < 0 else m[place(program, table[where + tape.START], 1)]
        for j in range(n):
            y += m[x + j * each_x] * m[z + j * each_z]
        m[result] = y
        return
    for row in range(rows):
        start(program, m, at, row, result + row * by_y, lanes, width)
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
    elif a < program.uniform:
        for row in range(rows):
            loops.mix(m, x + row * by_x, each_x, z + row * by_z, each_z, lanes, n, result + row * by_y)
    else:
        for row in range(rows):
            for j in range(n):
                at_x, at_z = x + (row * by_x + j * each_x) * lanes, z + row * by_z + j * each_z
                loops.add_products(m, at_x, at_z, result + row * by_y, lanes)


def pull_dots(program: Program, m: Any, at: int, upstream: int, lanes: int, width: int) -> None:
    """The chain rule for sums of products: each factor receives upstream times the other."""
    a, b, n = program.code[at + tape.A], program.code[at + tape.B], program.code[at + tape.LENGTH]
    table, where = program.rows, program.code[at + tape.ROWS]
    rows, by_g = table[where + tape.COUNT], table[where + tape.RESULT_STEP] * lanes
    by_x, by_z = table[where + tape.A_STEP], table[where + tape.B_STEP] * lanes
    each_x, each_z = table[where + tape.A_STRIDE], table[where + tape.B_STRIDE] * lanes
    by_a, by_b = program.code[at + tape.FLAGS] & tape.A_CARRIES, program.code[at + tape.FLAGS] & tape.B_CARRIES
    x, z = place(program, a, width), place(program, b, width)
    to_x, to_z = gradient(program, a, width), gradient(program, b, width)
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
    elif a < program.uniform:
        if by_a and by_z == 0 and rows >= 4 and n >= 8 and each_x == 1 and each_z == lanes:
            pull_matrix(m, z, upstream, by_g, n, rows, lanes, to_x, by_x, room(program, 0, width))
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


def start(program: Program, m: Any, at: int, row: int, result: int, lanes: int, width: int) -> None:
    """Put into each lane what the sum of a row starts from."""
    where = program.code[at + tape.ROWS]
    slot = program.rows[where + tape.START]
    x = place(program, slot + row * program.rows[where + tape.START_STEP], width)
    for lane in range(lanes):
        m[result + lane] = 0.0 if slot < 0 else m[x + lane] if slot >= program.uniform else m[x]


def pull_starts(program: Program, m: Any, at: int, upstream: int, lanes: int, width: int) -> None:
    """The chain rule for what sums of products start from: it receives the upstream gradient."""
    table, where = program.rows, program.code[at + tape.ROWS]
    g, step = gradient(program, table[where + tape.START], width), table[where + tape.START] >= program.uniform
    by_u, by_g = table[where + tape.RESULT_STEP] * lanes, table[where + tape.START_STEP] * (lanes if step else 1)
    for row in range(table[where + tape.COUNT]):
        if not step:
            m[g + row * by_g] += loops.total(m, upstream + row * by_u, lanes)
        for lane in range(lanes * step):
            m[g + row * by_g + lane] += m[upstream + row * by_u + lane]


def add_up(program: Program, m: Any, a: int, n: int, result: int, lanes: int, width: int) -> None:
    """A sum of n neighbours."""
    x = place(program, a, width)
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
            m[result + lane] += m[x + j * lanes + lane] if a >= program.uniform else m[x + j]


def pull_sum(program: Program, m: Any, a: int, n: int, upstream: int, lanes: int, width: int) -> None:
    """The chain rule for a sum: each term receives the upstream gradient."""
    g = gradient(program, a, width)
    for j in range(n):
        for lane in range(lanes):
            m[g + (j * lanes + lane if a >= program.uniform else j)] += m[upstream + lane]
