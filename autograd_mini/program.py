# cython: annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""A recorded function as a program: what goes into the machine that replays it, and what comes out."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from autograd_mini import _plain, loops, machine, ops, tape, value
from autograd_mini.layout import Layout
from autograd_mini.ops import TABLE
from autograd_mini.value import Value

try:
    import cython
except ImportError:
    from autograd_mini import _plain as cython

LANES = 64


@cython.final
@cython.cclass
class Program(machine.Machine):
    """A recorded function as a tape of instructions over slots of numbers; only call() knows of Values.

    The slots whose numbers are the same for all examples of a batch come first. In memory, each of the others has one
    place for each example of a block, its lanes, and behind all slots come their gradients.
    """

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
                    m[machine.place(self, self.inputs[i], 1)] = value.data_of(inputs[i])
            m[machine.verdicts(self, 1)] = 0.0
            machine.forward(self, m, 0, self.count, 1)
            if m[machine.verdicts(self, 1)] != 0.0:
                return int(m[machine.verdicts(self, 1)])
            if not loops.finite(m, 0, self.uniform) or not loops.finite(m, 2 * self.uniform, self.slots - self.uniform):
                return tape.NOT_FINITE
            outputs, operands = [], None
            for k in range(self.n_outputs):
                if not self.depends[k]:
                    outputs.append(m[machine.place(self, self.outputs[k], 1)])
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
        y = m[machine.place(self, self.outputs[k], 1)]
        n = len(operands)
        if not wants_slopes or n == 0:
            return Value(y)
        machine.clear(self, m, 1)
        machine.clear_uniform(self, m)
        m[machine.gradient(self, self.outputs[k], 1)] = 1.0
        machine.backward(self, m, self.count, 0, 1)
        slopes = _plain.malloc(8 * n)
        if not slopes:
            raise MemoryError(f"no memory for the {n} local derivatives of a call")
        j, of_leaves = 0, self.of_leaves
        for i in range(self.n_inputs):
            if isinstance(inputs[i], Value):
                x = inputs[i]
                of_leaves = of_leaves and x._op == ops.LEAF
                slopes[j] = m[machine.gradient(self, self.inputs[i], 1)] if self.inputs[i] >= 0 else 0.0
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
                end = machine.run_blocks(self, m, width, a, n, seed, b, c, d, wants_inputs, e, wants_slopes, who)
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
