"""A recorded function for elsewhere: its tape as a file of C99, and as a function of JAX."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from string import Template
from types import SimpleNamespace
from typing import Any, NamedTuple

from autograd_mini import calculus, cases, ops, tape
from autograd_mini.c99 import Definitions
from autograd_mini.layout import Layout
from autograd_mini.ops import MANY, TABLE

ON_STACK = 16_384  # numbers and gradients, 128 kB; more are taken from the heap
# Names that C or its library has, beside those in the file itself and those that Python's math has too.
RESERVED = set(
    "auto break case char continue default do else extern float for goto inline long main register restrict short"
    " signed struct switch typedef union unsigned volatile while j0 j1 jn y0 y1 yn".split()
)


class Instruction(NamedTuple):
    """One instruction of a tape; see tape.py for what its fields are."""

    op: int
    result: int
    a: int
    b: int
    n: int
    flags: int
    start: int
    rows: int
    by_result: int
    by_a: int
    by_b: int
    by_start: int
    stride_a: int
    stride_b: int

    @property
    def is_gathered(self) -> bool:
        """Whether its operands are where `gather` says."""
        return bool(self.flags & tape.GATHERED)

    @property
    def is_elementwise(self) -> bool:
        """Whether it is a run of operations of one or two operands."""
        return self.op < len(TABLE) and TABLE[self.op].arity != MANY


def instructions(layout: Layout) -> Iterator[Instruction]:
    """The instructions of a layout."""
    for k in range(0, len(layout.code), tape.FIELDS):
        *fields, where = layout.code[k : k + tape.FIELDS]
        yield Instruction(*fields, *layout.rows[where : where + tape.ROW_FIELDS])


# C99.


def to_c(layout: Layout, name: str) -> str:
    """A file of C99 with one function of that name; Program.to_c() says what it does."""
    definitions = Definitions()
    forward: list[str] = []
    backward: list[list[str]] = []
    for k, x in enumerate(instructions(layout)):
        first, *rest = computed(x, definitions)
        label = layout.sources.get(k)
        comment = f"  /* {re.sub('[^a-zA-Z0-9_. ]', '?', label)} */" if label else ""
        forward += [first + comment, *rest]
        backward.append(pulled(x, definitions))
    constants = [f"m[{i}] = {x!r};" for i, x in enumerate(layout.initial[: layout.uniform]) if repr(x) != "0.0"]
    inputs = copied("m", layout.inputs, "inputs", range(len(layout.inputs)))
    parameters = copied("m", layout.captured, "parameters", range(len(layout.captured)))
    room = f"double row[{max(layout.code[tape.LENGTH :: tape.FIELDS], default=0)}];"
    on_stack = 2 * layout.slots <= ON_STACK
    text = Template(TEMPLATE).substitute(
        n_inputs=len(layout.inputs),
        n_parameters=len(layout.captured),
        n_outputs=len(layout.outputs),
        slots=layout.slots,
        stdlib="" if on_stack else "#include <stdlib.h>",
        gather=table("gather", layout.gather) if len(layout.gather) else "",
        output_slots=table("output_slots", layout.outputs),
        definitions=definitions,
        place_of=PLACE_OF if tape.TAKE in layout.code[:: tape.FIELDS] else "",
        forward=block([*constants, *inputs, *parameters, *forward], room, 1),
        backward=block([line for lines in reversed(backward) for line in lines], room, 1),
        store=block(copied("outputs", range(len(layout.outputs)), "m", layout.outputs), room, 1),
        by_inputs=block(gradients("by_inputs", layout.inputs), room, 3),
        by_parameters=block(gradients("by_parameters", layout.captured), room, 3),
        memory=(STACK if on_stack else HEAP).strip("\n"),
        name="$name",
    )
    own = set(re.findall(r"\w+", re.sub(r"(?s)/\*.*?\*/", "", text).replace("$name", "")))
    if not re.fullmatch("[a-zA-Z]\\w*", name, re.ASCII) or name in RESERVED | own or hasattr(math, name):
        raise ValueError(f"{name!r:.60} cannot be the name of a function in this file of C: give it another")
    text = re.sub("(?m)^ +\n", "", text)  # a piece of nothing
    return re.sub("\n{3,}", "\n\n", text).replace("$name", name)


def block(lines: list[str], room: str, depth: int) -> str:
    """Lines at a depth of indentation, after the room for operands side by side if they need it."""
    declared = [room] if any("row[" in line for line in lines) else []
    return f"\n{'    ' * depth}".join([*declared, *lines])


TEMPLATE = """\
/* Written by autograd_mini: a recorded function and its derivatives. Compile it as C99 with -lm.

int $name(const double *inputs, const double *parameters, double *outputs, double *by_inputs, double *by_parameters)

inputs: $n_inputs, the Values and floats among the arguments, in their order.
parameters: $n_parameters, the Values from outside the function, in the order in which it used them first.
outputs: receives $n_outputs.
by_inputs, by_parameters: receive the derivatives, for each output one by each input, or parameter; NULL if they are not
    wanted. Those by inputs that were floats when the function was recorded mean nothing.

Returns 0, or 1 if a comparison came out otherwise than when the function was recorded, 2 if a number or a derivative is
not finite or an index is out of range, 3 if there is no memory. Then the numbers received mean nothing. */

#include <math.h>
$stdlib

enum { n_inputs = $n_inputs, n_parameters = $n_parameters, n_outputs = $n_outputs, slots = $slots };

$gather
$output_slots
$definitions
$place_of
static int all_finite(const double *x, int n) {
    for (int i = 0; i < n; i++) {
        if (!isfinite(x[i])) return 0;
    }
    return 1;
}

/* The numbers in the slots m. */
static int forward(const double *inputs, const double *parameters, double *m) {
    (void)inputs, (void)parameters;
    for (int i = 0; i < slots; i++) m[i] = 0.0;
    $forward
    return all_finite(m, slots) ? 0 : 2;
}

/* The gradients in the slots g, which come from those of the outputs. */
static void backward(const double *m, double *g) {
    (void)m, (void)g;
    $backward
}

static int both(const double *inputs, const double *parameters, double *outputs, double *by_inputs,
                double *by_parameters, double *m, double *g) {
    int status = forward(inputs, parameters, m);
    if (status) return status;
    (void)outputs;
    $store
    for (int k = 0; k < n_outputs && (by_inputs || by_parameters); k++) {
        for (int i = 0; i < slots; i++) g[i] = 0.0;
        g[output_slots[k]] = 1.0;
        backward(m, g);
        if (by_inputs) {
            $by_inputs
            if (!all_finite(by_inputs, n_inputs)) return 2;
            by_inputs += n_inputs;
        }
        if (by_parameters) {
            $by_parameters
            if (!all_finite(by_parameters, n_parameters)) return 2;
            by_parameters += n_parameters;
        }
    }
    return 0;
}

int $name(const double *inputs, const double *parameters, double *outputs, double *by_inputs, double *by_parameters) {
$memory
}
"""
STACK = """
    double m[slots + 1], g[slots + 1];
    return both(inputs, parameters, outputs, by_inputs, by_parameters, m, g);
"""
HEAP = """
    double *m = malloc(2 * slots * sizeof *m);
    if (!m) return 3;
    int status = both(inputs, parameters, outputs, by_inputs, by_parameters, m, m + slots);
    free(m);
    return status;
"""
PLACE_OF = """
/* The place that an index means, from the end if it is negative; -1 if there is none. */
static int place_of(double i, int n) {
    if (i < 0.0) i += n;
    return i >= 0.0 && i < n ? (int)i : -1;
}
"""


def computed(x: Instruction, definitions: Definitions) -> list[str]:
    """The lines of an instruction."""
    gathered = f"gather[{x.a} + i]"
    if x.op >= tape.GUARD:
        return [f"if ({'!' * x.n}(m[{x.a}] {tape.COMPARED[x.op - tape.GUARD]} m[{x.b}])) return 1;"]
    if x.op == tape.TAKE:
        place = f"place_of(m[gather[{x.a}]], {x.n - 1})"
        return [f"if ({place} < 0) return 2;", f"m[{x.result}] = m[gather[{x.a + 1} + {place}]];"]
    if x.is_elementwise:
        y = definitions.rule("value", x.op, operands(x))
        return [run(x, f"m[{at(x.result, x.n > 1)}] = {y};")]
    if x.is_gathered:
        plus = f"m[{x.start}] + " if x.start >= 0 else ""
        y = definitions.rule("value_of_many", x.op, {"a": "row", "n": str(x.n)})
        return [f"for (int i = 0; i < {x.n}; i++) row[i] = m[{gathered}];", f"m[{x.result}] = {plus}{y};"]
    y = f"m[{row(x.result, x.by_result, x.rows)}]"
    a, b = factors(x)
    term = f"m{a} * m{b}" if x.op == ops.DOT else f"m{a}"
    start = f"m[{row(x.start, x.by_start, x.rows)}]" if x.start >= 0 else "0.0"
    return rows(x, [f"{y} = {start};", f"for (int i = 0; i < {x.n}; i++) {y} += {term};"])


def pulled(x: Instruction, definitions: Definitions) -> list[str]:
    """The lines that pass the gradient of an instruction's result on to its operands."""
    if x.op >= tape.GUARD or not x.flags & tape.PULLS:
        return []
    gathered = f"gather[{x.a} + i]"
    if x.op == tape.TAKE:
        return [f"g[gather[{x.a + 1} + place_of(m[gather[{x.a}]], {x.n - 1})]] += g[{x.result}];"]
    if x.is_elementwise:
        lines = []
        for rule, slot, steps, carries in (
            ("slope_a", x.a, tape.A_STEPS, tape.A_CARRIES), ("slope_b", x.b, tape.B_STEPS, tape.B_CARRIES),
        ):  # fmt: skip
            if x.flags & carries:
                slope = definitions.rule(rule, x.op, operands(x))
                lines.append(run(x, f"g[{at(slot, x.flags & steps)}] += g[{at(x.result, x.n > 1)}] * {slope};"))
        return lines
    g = f"g[{row(x.result, x.by_result, x.rows)}]"
    start = [f"g[{row(x.start, x.by_start, x.rows)}] += {g};"] if x.flags & tape.START_CARRIES else []
    if x.is_gathered:
        slope = definitions.rule("slope_of_many", x.op, {"a": "row", "n": str(x.n), "y": f"m[{x.result}]", "i": "i"})
        fetch = [f"for (int i = 0; i < {x.n}; i++) row[i] = m[{gathered}];"] if "(row" in slope else []
        return [*start, *fetch, f"for (int i = 0; i < {x.n}; i++) g[{gathered}] += g[{x.result}] * {slope};"]
    a, b = factors(x)
    if x.op == ops.SUM:
        return rows(x, [f"for (int i = 0; i < {x.n}; i++) g{a} += {g};"])
    pairs = [(a, b, x.flags & tape.A_CARRIES), (b, a, x.flags & tape.B_CARRIES)]
    terms = [f"for (int i = 0; i < {x.n}; i++) g{to} += {g} * m{other};" for to, other, carries in pairs if carries]
    return rows(x, start + terms)


def operands(x: Instruction) -> dict[str, str]:
    """What the operands and the result of an element of a run are in C."""
    steps = x.flags & tape.A_STEPS, x.flags & tape.B_STEPS
    return {"a": f"m[{at(x.a, steps[0])}]", "b": f"m[{at(x.b, steps[1])}]", "y": f"m[{at(x.result, x.n > 1)}]"}


def at(slot: int, steps: int) -> str:
    """The slot of element i, or of all."""
    return f"{slot} + i" if steps else str(slot)


def row(slot: int, step: int, rows: int) -> str:
    """The first slot of row k."""
    return f"{slot} + {step} * k" if rows > 1 and step else str(slot)


def factors(x: Instruction) -> tuple[str, str]:
    """The places of factors i of row k."""
    each = [f"{stride} * i" if stride != 1 else "i" for stride in (x.stride_a, x.stride_b)]
    return f"[{row(x.a, x.by_a, x.rows)} + {each[0]}]", f"[{row(x.b, x.by_b, x.rows)} + {each[1]}]"


def run(x: Instruction, line: str) -> str:
    """A line for all elements of a run."""
    return f"for (int i = 0; i < {x.n}; i++) {line}" if x.n > 1 else line


def rows(x: Instruction, lines: list[str]) -> list[str]:
    """Lines for all rows."""
    if x.rows == 1:
        return lines
    return [f"for (int k = 0; k < {x.rows}; k++) {{", *[f"    {line}" for line in lines], "}"]


def copied(to: str, places: Sequence[int], source: str, others: Sequence[int]) -> list[str]:
    """Lines that copy numbers, one for those that lie side by side on both sides; places of -1 are left out."""
    found: list[list[int]] = []
    for place, other in zip(places, others, strict=True):
        if place < 0 or other < 0:
            continue
        if found and (place, other) == (found[-1][0] + found[-1][2], found[-1][1] + found[-1][2]):
            found[-1][2] += 1
        else:
            found.append([place, other, 1])
    return [
        f"for (int i = 0; i < {n}; i++) {to}[{a} + i] = {source}[{b} + i];" if n > 1 else f"{to}[{a}] = {source}[{b}];"
        for a, b, n in found
    ]


def gradients(to: str, slots: Sequence[int]) -> list[str]:
    """Lines that give the gradients of slots, 0 where one is not needed."""
    unused = [f"{to}[{i}] = 0.0;" for i, slot in enumerate(slots) if slot < 0]
    return copied(to, range(len(slots)), "g", slots) + unused


def table(name: str, numbers: Sequence[int]) -> str:
    """A table of whole numbers, in lines of 20; a zero if there are none."""
    texts = [str(x) for x in numbers] or ["0"]
    lines = ",\n    ".join([", ".join(texts[i : i + 20]) for i in range(0, len(texts), 20)])
    return f"static const int {name}[] = {{\n    {lines}\n}};"


# JAX.


def to_jax(layout: Layout) -> Callable[..., Any]:
    """The function of JAX; Program.to_jax() says what it does."""
    import jax
    from jax import numpy as jnp

    page = in_jax(jax)
    primitive = functools.cache(lambda op: differentiable(jax, page, op))

    def function(inputs: Any = (), parameters: Any = ()) -> Any:
        given = [jnp.asarray(x, float) for x in (inputs, parameters)]
        if given[0].dtype != "float64":
            raise RuntimeError('JAX computes in single precision: call jax.config.update("jax_enable_x64", True) first')
        for x, name, places in zip(given, ("inputs", "parameters"), (layout.inputs, layout.captured), strict=True):
            if x.shape != (len(places),):
                raise ValueError(f"{name} is a list of {len(places)} numbers, not of shape {x.shape}")
        memory = Memory(jnp)
        memory.write(range(layout.uniform), jnp.asarray(layout.initial[: layout.uniform], float))
        memory.write(layout.inputs, given[0])
        memory.write(layout.captured, given[1])
        holds = jnp.asarray(True)
        for x in instructions(layout):
            holds = execute(jnp, x, layout.gather, memory, primitive, holds)
        return memory.read(layout.outputs) * jnp.where(holds, 1.0, jnp.nan)

    return function


class Memory:
    """Numbers in slots, of which no change copies all: for each slot, which array it lies in, and where."""

    def __init__(self, jnp: Any) -> None:
        self.jnp = jnp
        self.arrays: list[Any] = []
        self.known: dict[int, tuple[int, int]] = {}

    def write(self, slots: Sequence[int], numbers: Any) -> None:
        """Let slots hold the numbers of an array."""
        self.known.update({slot: (len(self.arrays), i) for i, slot in enumerate(slots)})
        self.arrays.append(numbers)

    def read(self, slots: Sequence[int]) -> Any:
        """The numbers in slots."""
        pieces = []
        for which, places in itertools.groupby([self.known[slot] for slot in slots], lambda place: place[0]):
            pieces.append(self.arrays[which][self.jnp.asarray([i for _, i in places])])
        return self.jnp.concatenate(pieces) if pieces else self.jnp.zeros(0)


def execute(
    jnp: Any, x: Instruction, gather: Sequence[int], memory: Memory, primitive: Callable[[int], Any], holds: Any
) -> Any:
    """Run an instruction; whether the tape holds still."""
    if x.op >= tape.GUARD:
        a, b = memory.read([x.a]), memory.read([x.b])
        return holds & (COMPARISONS[tape.COMPARED[x.op - tape.GUARD]](a, b)[0] == bool(x.n))
    if x.op == tape.TAKE:
        i, *_ = memory.read([gather[x.a]])
        i = i + jnp.where(i < 0, x.n - 1, 0)
        there = (i >= 0) & (i < x.n - 1)
        choices = memory.read(gather[x.a + 1 : x.a + x.n])
        memory.write([x.result], choices[jnp.where(there, i, 0).astype(int)][None])
        return holds & there
    if x.is_elementwise:
        runs = ((x.a, tape.A_STEPS), (x.b, tape.B_STEPS))[: TABLE[x.op].arity]
        slots = [range(a, a + x.n) if x.flags & steps else [a] for a, steps in runs]
        given = [jnp.broadcast_to(memory.read(one), (x.n,)) for one in slots]
        memory.write(range(x.result, x.result + x.n), primitive(x.op)(*given))
        return holds
    if x.is_gathered and x.op not in (ops.SUM, ops.DOT):
        memory.write([x.result], primitive(x.op)(*memory.read(gather[x.a : x.a + x.n]))[None])
        return holds
    if x.is_gathered:
        half = x.n // 2 if x.op == ops.DOT else x.n
        both = [gather[x.a : x.a + half], gather[x.a + half : x.a + x.n]]
    else:
        both = [every_row(x.a, x.by_a, x.stride_a, x), every_row(x.b, x.by_b, x.stride_b, x)]
    terms = memory.read(both[0]) * (memory.read(both[1]) if x.op == ops.DOT else 1.0)
    sums = terms.reshape(x.rows, -1).sum(1)
    if x.start >= 0:
        sums = sums + memory.read([x.start + k * x.by_start for k in range(x.rows)])
    memory.write([x.result + k * x.by_result for k in range(x.rows)], sums)
    return holds


def every_row(slot: int, step: int, stride: int, x: Instruction) -> list[int]:
    """The slots of the factors in all rows."""
    return [slot + k * step + i * stride for k in range(x.rows) for i in range(x.n)]


def in_jax(jax: Any) -> SimpleNamespace:
    """The page of rules for numbers of JAX."""
    jnp, special = jax.numpy, jax.scipy.special
    functions = {
        **vars(jnp),
        "NAN": math.nan,
        "tgamma": special.gamma,
        "lgamma": special.gammaln,
        "digamma": lambda a, n: special.polygamma(jnp.asarray(n, int), a),
        "erf": special.erf,
        "erfc": special.erfc,
        "remainder": functools.partial(remainder, jnp),
    }

    def choose(condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        if isinstance(condition, bool):
            return yes() if condition else no()
        return jnp.where(condition, yes(), no())

    path = Path(__file__).with_name("rules.py")
    return cases.loaded(path, choose, math=SimpleNamespace(**functions))


def remainder(jnp: Any, a: Any, b: Any) -> Any:
    """C's remainder, exact as fmod is: a less the whole multiple of b nearest to it, an even one of two as near."""
    b = abs(b)
    y = jnp.fmod(abs(a), b + b)
    y = jnp.where(y + y > b, y - b, y)
    return jnp.sign(a) * jnp.where(y + y >= b, y - b, y)


def differentiable(jax: Any, page: SimpleNamespace, op: int) -> Callable[..., Any]:
    """A primitive in JAX that has the derivatives of the page of rules."""

    def primitive(*operands: Any) -> Any:
        return calculus.value(op, operands, page)

    def with_tangent(operands: Any, tangents: Any) -> Any:
        y = derivative(*operands)
        slopes = [calculus.slope(op, operands, y, i, page) for i in range(len(operands))]
        known = [(a, t) for a, t in zip(slopes, tangents, strict=True) if not (isinstance(a, float) and math.isnan(a))]
        return y, sum([a * t for a, t in known])

    derivative = jax.custom_jvp(primitive)
    derivative.defjvp(with_tangent)
    return derivative  # type: ignore[no-any-return]


COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
