# cython: annotation_typing=False, boundscheck=False, wraparound=False
"""The node of the computation graph, the operations that record it, and the sweep that differentiates it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Complex, Real
from sys import float_info
from threading import get_ident
from typing import Any, SupportsFloat, Union

from autograd_mini import _plain, ops, rules
from autograd_mini.elementary import Double
from autograd_mini.errors import escaped, lost_gradient, undefined
from autograd_mini.ops import TABLE

try:
    import cython
except ImportError:
    from autograd_mini import _plain as cython

Operand = Union["Value", SupportsFloat]

DEEPEST = 200  # nodes freed inside each other before the rest of a chain is parked

depth = 0  # of nodes being freed inside each other
parked: list[Any] = []  # operands of nodes at DEEPEST, waiting to be freed
paused: dict[int, int] = {}  # how many no_grad() each thread is inside of
tapes: dict[int, Any] = {}  # by thread: the list of what a compiled function that is recorded does, or a watch
explained: Any = None  # the generator of backward_steps: steps.py, which stands on this file, puts it here

NUMPY_NAMES = {row.name: op for op, row in enumerate(TABLE) if row.arity in (1, 2)} | {
    "absolute": ops.ABS, "arccos": ops.ACOS, "arccosh": ops.ACOSH, "arcsin": ops.ASIN, "arcsinh": ops.ASINH,
    "arctan": ops.ATAN, "arctan2": ops.ATAN2, "arctanh": ops.ATANH, "divide": ops.DIV, "multiply": ops.MUL,
    "negative": ops.NEG, "power": ops.POW, "subtract": ops.SUB,
}  # fmt: skip


@cython.freelist(1024)  # more would scatter a large graph over memory: with 65,536 its sweep is 30% slower
@cython.final
@cython.no_gc
@cython.cclass
class Value:
    """A number that remembers how it was computed, so that it can be differentiated.

    A leaf holds a number that was put in; operators and functions of Values record computed nodes. After
    `y.backward()`, the `grad` of each node that y was computed from is the derivative of y by that node.

    Args:
        data: a real number: int, float, or anything that float() takes as one, such as a NumPy scalar.
        label: a name for error messages and pictures.

    Raises:
        TypeError: if data is not one real number, or label is not a str.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> y = (a * b + a.exp()).tanh()
    >>> y.backward()
    >>> a
    Value(2, grad=0.967244, label='a')
    >>> f"{a.grad:.4f} {b.grad:.4f}"
    '0.9672 0.4408'
    """

    # Compiled, a node is 96 bytes that no collector watches. This is sound as long as a node refers to nothing but
    # older nodes: no attribute may hold an arbitrary object.
    __slots__ = (
        "_a", "_b", "_data", "_grad", "_label", "_op", "_operands", "_slope_a", "_slope_b", "_slopes", "_uses",
    )  # fmt: skip

    _data: float
    _grad: float
    _label: str | None
    _op: int
    _a: Value | None  # the first operand of a primitive of one or two, if it is a Value,
    _b: Value | None  # and the second;
    _slope_a: float  # the local derivatives by them, or where the operand is a constant, the constant; of a call,
    # whether all its operands are leaves, which a sweep need not count: half the time of backward()
    _slope_b: float
    _operands: tuple[Value | float, ...] | None  # of a primitive of many,
    _slopes: list[float]  # and the local derivatives by them
    _uses: int  # during a sweep, how many of its uses have not passed their gradient on yet; else 0

    def __init__(self, data: SupportsFloat, label: str | None = None) -> None:
        self._data = number(data)
        self._grad = 0.0
        self._op = ops.LEAF
        self._uses = 0
        self._a = self._b = self._operands = None
        self.label = label
        if tapes:
            taped(self)

    def __dealloc__(self) -> None:  # called by Cython only: Python frees deep chains by itself
        if self._operands is not None:
            _plain.free(self._slopes)
        release(self)

    @property
    def data(self) -> float:
        """The number itself. Only a leaf's can be assigned: a computed node's would no longer match its operands."""
        if tapes:
            refuse_while_taping("reading data", self)
        return self._data

    @data.setter
    def data(self, data: SupportsFloat) -> None:
        if tapes:
            refuse_while_taping("assigning data", self)
        if self._op != ops.LEAF:
            raise AttributeError(
                f"data of {self!r} is computed from its operands and cannot be assigned;"
                " assign data of the leaves and compute again"
            )
        self._data = number(data)

    @property
    def grad(self) -> float:
        """The derivative of the last root of backward() by this node; leaves add up over calls until it is assigned."""
        if tapes:
            refuse_while_taping("reading grad", self)
        return self._grad

    @grad.setter
    def grad(self, grad: SupportsFloat) -> None:
        if tapes:
            refuse_while_taping("assigning grad", self)
        self._grad = number(grad)

    @property
    def label(self) -> str | None:
        """A name for error messages and pictures, or None."""
        return self._label

    @label.setter
    def label(self, label: str | None) -> None:
        if label is not None and type(label) is not str:
            raise TypeError(f"label is a str or None, not {type(label).__name__}: {label!r}")
        self._label = label

    @property
    def op(self) -> str:
        """The name of the operation that computed the node; 'leaf' if none did."""
        return TABLE[self._op].name

    @property
    def operands(self) -> tuple[Value | float, ...]:
        """What the operation was applied to, in order: Values, and floats for constants."""
        if self._op == ops.LEAF:
            return ()
        if self._operands is not None:
            return self._operands
        a = self._a if self._a is not None else self._slope_a
        b = self._b if self._b is not None else self._slope_b
        return (a, b)[: TABLE[self._op].arity]

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands that are Values, in order; one that is used twice is there twice."""
        return tuple([operand for operand in self.operands if isinstance(operand, Value)])

    @property
    def local_derivatives(self) -> tuple[float, ...]:
        """The derivative of this node by each of its parents, as it was when the node was recorded."""
        if tapes:
            refuse_while_taping("reading local_derivatives", self)
        if self._op == ops.LEAF:
            return ()
        if self._operands is None:
            pairs = ((self._a, self._slope_a), (self._b, self._slope_b))
            return tuple([slope for parent, slope in pairs if parent is not None])
        return tuple([self._slopes[i] for i in range(len(self._operands)) if isinstance(self._operands[i], Value)])

    def backward(self, seed: SupportsFloat = 1.0) -> None:
        """Set the grad of every node this one was computed from, by reverse-mode differentiation.

        Leaves add the new derivative to the grad they have; computed nodes start from zero at each call.

        Args:
            seed: the upstream gradient of this node itself, a real number.

        >>> x = Value(3.0)
        >>> y = x * x * x
        >>> y.backward(); x.grad
        27.0
        >>> y.backward(); x.grad
        54.0
        """
        if tapes:
            refuse_while_taping("backward()", self)
            if (watch := watched()) is not None:
                watch.backward(self, number(seed))
                return
        sweep(self, number(seed))

    def backward_steps(self, seed: SupportsFloat = 1.0, names: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Do what backward() does, one step at a time, with each step in words and numbers.

        The gradients are set as the steps are taken; after the last they are those that backward() leaves, to the bit.

        Args:
            seed: the upstream gradient of this node itself, a real number.
            names: variables that name the nodes, as locals() gives them; labels come first.

        Returns:
            An iterator of steps.Step: str() of one says what happens, and a notebook shows it as a table.

        Raises:
            RuntimeError: at the next step, if gradients were changed by something else in between.

        >>> x = Value(3.0, label="x")
        >>> for step in x.log().backward_steps():
        ...     print(step)
        1. log(x) has the gradient 1:
           ∂log(x)/∂x = 1 / x = 1 / 3 = 0.3333; x receives 1 × 0.3333 = 0.3333
        >>> x.grad
        0.3333333333333333
        """
        return explained(self, seed, names)  # type: ignore[no-any-return]

    # The operators.
    def __add__(self, other: Operand) -> Value: return record(ops.ADD, self, other)
    def __radd__(self, other: Operand) -> Value: return record(ops.ADD, other, self)
    def __sub__(self, other: Operand) -> Value: return record(ops.SUB, self, other)
    def __rsub__(self, other: Operand) -> Value: return record(ops.SUB, other, self)
    def __mul__(self, other: Operand) -> Value: return record(ops.MUL, self, other)
    def __rmul__(self, other: Operand) -> Value: return record(ops.MUL, other, self)
    def __truediv__(self, other: Operand) -> Value: return record(ops.DIV, self, other)
    def __rtruediv__(self, other: Operand) -> Value: return record(ops.DIV, other, self)
    def __pow__(self, other: Operand) -> Value: return record(ops.POW, self, other)
    def __rpow__(self, other: Operand) -> Value: return record(ops.POW, other, self)
    def __neg__(self) -> Value: return record(ops.NEG, self, 0.0)
    def __pos__(self) -> Value: return self
    def __abs__(self) -> Value: return record(ops.ABS, self, 0.0)

    # The functions of functions.py as methods, under NumPy's names too.
    def exp(self) -> Value: return record(ops.EXP, self, 0.0)
    def log(self) -> Value: return record(ops.LOG, self, 0.0)
    def tanh(self) -> Value: return record(ops.TANH, self, 0.0)
    def relu(self) -> Value: return record(ops.RELU, self, 0.0)
    def sigmoid(self) -> Value: return record(ops.SIGMOID, self, 0.0)
    def sqrt(self) -> Value: return record(ops.SQRT, self, 0.0)
    def exp2(self) -> Value: return record(ops.EXP2, self, 0.0)
    def expm1(self) -> Value: return record(ops.EXPM1, self, 0.0)
    def log2(self) -> Value: return record(ops.LOG2, self, 0.0)
    def log10(self) -> Value: return record(ops.LOG10, self, 0.0)
    def log1p(self) -> Value: return record(ops.LOG1P, self, 0.0)
    def cbrt(self) -> Value: return record(ops.CBRT, self, 0.0)
    def sin(self) -> Value: return record(ops.SIN, self, 0.0)
    def cos(self) -> Value: return record(ops.COS, self, 0.0)
    def tan(self) -> Value: return record(ops.TAN, self, 0.0)
    def asin(self) -> Value: return record(ops.ASIN, self, 0.0)
    def acos(self) -> Value: return record(ops.ACOS, self, 0.0)
    def atan(self) -> Value: return record(ops.ATAN, self, 0.0)
    def sinh(self) -> Value: return record(ops.SINH, self, 0.0)
    def cosh(self) -> Value: return record(ops.COSH, self, 0.0)
    def asinh(self) -> Value: return record(ops.ASINH, self, 0.0)
    def acosh(self) -> Value: return record(ops.ACOSH, self, 0.0)
    def atanh(self) -> Value: return record(ops.ATANH, self, 0.0)
    def atan2(self, other: Operand) -> Value: return named(ops.ATAN2, self, other)
    def degrees(self) -> Value: return record(ops.DEGREES, self, 0.0)
    def radians(self) -> Value: return record(ops.RADIANS, self, 0.0)
    def hypot(self, other: Operand) -> Value: return named(ops.HYPOT, self, other)
    def erf(self) -> Value: return record(ops.ERF, self, 0.0)
    def erfc(self) -> Value: return record(ops.ERFC, self, 0.0)
    def gamma(self) -> Value: return record(ops.GAMMA, self, 0.0)
    def lgamma(self) -> Value: return record(ops.LGAMMA, self, 0.0)
    def digamma(self, n: float = 0) -> Value: return named(ops.DIGAMMA, self, order(n))
    def fmod(self, other: Operand) -> Value: return named(ops.FMOD, self, other)
    def remainder(self, other: Operand) -> Value: return named(ops.REMAINDER, self, other)
    def copysign(self, other: Operand) -> Value: return named(ops.COPYSIGN, self, other)
    def maximum(self, other: Operand) -> Value: return named(ops.MAXIMUM, self, other)
    def minimum(self, other: Operand) -> Value: return named(ops.MINIMUM, self, other)
    def leaky_relu(self, other: Operand = 0.01) -> Value: return named(ops.LEAKY_RELU, self, other)
    def elu(self, other: Operand = 1.0) -> Value: return named(ops.ELU, self, other)
    def softplus(self) -> Value: return record(ops.SOFTPLUS, self, 0.0)
    def log_sigmoid(self) -> Value: return record(ops.LOG_SIGMOID, self, 0.0)
    def silu(self) -> Value: return record(ops.SILU, self, 0.0)
    def gelu(self) -> Value: return record(ops.GELU, self, 0.0)
    def clip(self, low: Operand, high: Operand) -> Value: return many(ops.CLIP, interval(self, low, high))

    arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
    arcsinh, arccosh, arctanh = asinh, acosh, atanh

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions on Values: np.exp(v) is v.exp(), np.float64(2) * v is a Value, object arrays broadcast."""
        import numpy

        inputs = tuple([x.item() if isinstance(x, numpy.ndarray) and x.ndim == 0 else x for x in inputs])
        op = NUMPY_NAMES.get(ufunc.__name__)
        if op is not None and method == "__call__" and not options and all([is_real(x) for x in inputs]):
            return apply(op, *inputs)
        for x in inputs:
            if isinstance(x, numpy.ndarray) and x.dtype != object:
                raise TypeError(
                    f"{ufunc.__name__} of a Value and an array of {x.dtype}: make it an array of objects,"
                    " array.astype(object), or work element by element"
                )
        boxed = [numpy.array(x, dtype=object) if isinstance(x, Value) else x for x in inputs]
        return getattr(ufunc, method)(*boxed, **options)

    # Comparisons look at data. Equality is by number, hash by identity: a node is a dictionary key of its own.
    def __lt__(self, other: Operand) -> bool: return compare("<", self, other)
    def __le__(self, other: Operand) -> bool: return compare("<=", self, other)
    def __gt__(self, other: Operand) -> bool: return compare(">", self, other)
    def __ge__(self, other: Operand) -> bool: return compare(">=", self, other)
    def __eq__(self, other: object) -> bool: return compare("==", self, other)
    def __ne__(self, other: object) -> bool: return compare("!=", self, other)
    def __bool__(self) -> bool: return compare("!=", self, 0.0)
    def __hash__(self) -> int:
        """By identity: a node is a dictionary key of its own."""
        if tapes:
            refuse_while_taping("hashing", self)
        return id(self) >> 4

    # Conversions to a plain number would lose the gradient silently.
    def __float__(self) -> float: raise TypeError(lost_gradient(self, "float"))
    def __int__(self) -> int: raise TypeError(lost_gradient(self, "int"))
    def __trunc__(self) -> int: raise TypeError(lost_gradient(self, "trunc"))
    def __round__(self, digits: int | None = None) -> float: raise TypeError(lost_gradient(self, "round"))

    def __repr__(self) -> str:
        computed = "" if self._op == ops.LEAF else f", op='{self.op}'"
        label = "" if self._label is None else f", label={self._label!r}"
        return f"Value({self._data:.6g}, grad={self._grad:.6g}{computed}{label})"

    def __format__(self, spec: str) -> str:
        """The data in the given format, f"{v:.3f}"; without one, as repr."""
        if tapes:
            refuse_while_taping("formatting", self)
        return format(self._data, spec) if spec else repr(self)

    def __reduce__(self) -> tuple[Callable[..., Value], tuple[float, float, str | None]]:
        """How copy, deepcopy and pickle rebuild a leaf; a computed node would drag its whole graph along."""
        if tapes:
            refuse_while_taping("copying", self)
        if self._op != ops.LEAF:
            raise TypeError(f"{self!r} is computed and cannot be copied or pickled; Value(v.data) is a leaf like it")
        return restored, (self._data, self._grad, self._label)


def restored(data: float, grad: float, label: str | None) -> Value:
    """The leaf that was copied or pickled."""
    leaf = Value(data, label)
    leaf._grad = grad
    return leaf


# Recording.


def record(op: int, first: Any, second: Any) -> Value:
    """The node op(first, second) of Values and constants; second is 0.0 if there is but one operand.

    With an operand that is no number it is NotImplemented, as Python's operators expect.
    """
    recording = not paused or get_ident() not in paused
    a = b = None
    if isinstance(first, Value):
        a = first
        x = a._data
    elif is_real(first):
        x = float(first)
    else:
        return NotImplemented  # type: ignore[no-any-return]
    if isinstance(second, Value):
        b = second
        z = b._data
    elif is_real(second):
        z = float(second)
    else:
        return NotImplemented  # type: ignore[no-any-return]
    slope_a = x
    slope_b = z
    try:
        y = rules.value(op, x, z)
        if a is not None and recording:
            slope_a = rules.slope_a(op, x, z, y)
        if b is not None and recording:
            slope_b = rules.slope_b(op, x, z, y)
    except ZeroDivisionError:  # only uncompiled: C divides by zero
        y, slope_a, slope_b = divided_by_zero(op, x, z, a is not None, b is not None)
    if y - y != 0.0 and x - x == 0.0 and z - z == 0.0:
        if tapes:
            taped(RAISED)
        raise undefined(TABLE[op], (a if a is not None else x, b if b is not None else z), [x, z], y)
    node = Value.__new__(Value)
    if not cython.compiled:  # C starts from zero and None; saying so again would cost 5 of 26 ns
        node._grad = 0.0
        node._op = node._uses = 0
        node._a = node._b = node._operands = node._label = None
    node._data = y
    if recording:
        node._op = op
        node._a = a
        node._b = b
        node._slope_a = slope_a
        node._slope_b = slope_b
    if tapes:
        taped(node)
    return node


def divided_by_zero(op: int, x: float, z: float, by_a: bool, by_b: bool) -> tuple[float, float, float]:
    """What `record` computes, with a division by zero giving inf or nan as in C."""
    a, b = Double(x), Double(z)
    y = rules.value(op, a, b)
    slope_a = float(rules.slope_a(op, a, b, y)) if by_a else x
    slope_b = float(rules.slope_b(op, a, b, y)) if by_b else z
    return float(y), slope_a, slope_b


def many(op: int, operands: Iterable[Any]) -> Value:
    """The node op(*operands) of any number of Values and constants."""
    recording = not paused or get_ident() not in paused
    parents = tuple([operand if isinstance(operand, Value) else number(operand) for operand in operands])
    n = len(parents)
    node = Value.__new__(Value)
    if not cython.compiled:  # as in `record`
        node._grad = 0.0
        node._op = node._uses = 0
        node._a = node._b = node._operands = node._label = None
        node._slope_a = 0.0
    data = _plain.malloc(8 * n)
    if not data:
        raise MemoryError(f"no memory for the {n} operands of {TABLE[op].name}()")
    for i in range(n):
        data[i] = data_of(parents[i])
    y = rules.value_of_many(op, data, n)
    node._data = y
    if recording:
        node._slopes = _plain.malloc(8 * n)
        if not node._slopes:
            _plain.free(data)
            raise MemoryError(f"no memory for the {n} local derivatives of {TABLE[op].name}()")
        node._op = op
        node._operands = parents
        try:
            for i in range(n):
                node._slopes[i] = rules.slope_of_many(op, data, n, y, i)
        except ZeroDivisionError:  # only uncompiled, as in `record`
            for i in range(n):
                data[i] = Double(data[i])
            for i in range(n):
                node._slopes[i] = float(rules.slope_of_many(op, data, n, Double(y), i))
    _plain.free(data)
    if y - y != 0.0 and all([math.isfinite(data_of(operand)) for operand in parents]):
        if tapes:
            taped(RAISED)
        raise undefined(TABLE[op], parents, [data_of(operand) for operand in parents], y)
    if tapes:
        taped(node)
    return node


def fused(y: float, operands: tuple[Value, ...], slopes: list[float], of_leaves: bool) -> Value:
    """The node of a call of a compiled function: its number, what that depends on, and by what local derivatives.

    The node frees the block of slopes in the end.
    """
    node = Value(y)
    node._op = ops.CALL
    node._slope_a = of_leaves
    node._operands = operands
    node._slopes = slopes
    return node


def computed(op: int, y: float, operands: tuple[Value | float, ...], slopes: Sequence[float]) -> Value:
    """The node of a primitive of one's own, whose number and local derivatives are known; inside no_grad() a leaf."""
    node = Value(y)
    if not is_recording():
        return node
    n = len(operands)
    node._slopes = _plain.malloc(8 * n)
    if not node._slopes:
        raise MemoryError(f"no memory for the {n} local derivatives of {TABLE[op].name}()")
    for i in range(n):
        node._slopes[i] = slopes[i]
    node._op = op
    node._slope_a = 0.0
    node._operands = operands
    return node


def op_of(node: Value) -> int:
    """The number of the operation that computed a node: its row in the table, also where names are defined again."""
    return cython.cast(Value, node)._op  # type: ignore[no-any-return]


RAISED = object()  # on the tape: an operation raised an error, which the function may have caught


class Guard:
    """A comparison that was made while a compiled function was recorded: the recording holds where it comes out so."""

    __slots__ = ("a", "b", "kind", "outcome")

    def __init__(self, kind: str, a: Value, b: Value | float, outcome: bool) -> None:
        self.kind, self.a, self.b, self.outcome = kind, a, b, outcome


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def compare(kind: str, a: Value, other: Any) -> bool:
    """What the comparison of a with a number or a Value gives; NotImplemented of anything else."""
    if not is_real(other):
        return NotImplemented  # type: ignore[no-any-return]
    x = a._data
    z = compared(other)
    outcome = COMPARISONS[kind](x, z)
    if tapes:
        guard(kind, a, other if isinstance(other, Value) else z, outcome)
    return outcome


def guard(kind: str, a: Value, z: Any, outcome: bool) -> None:
    """Note a comparison with a Value or a number; with a whole number that is no float, by the next float above it."""
    if not isinstance(z, Value) and not isinstance(z, float):
        above = float(z) if abs(z) <= 2**53 else float_above(z)
        if above != z and kind in ("==", "!="):
            return  # a float is never equal to it
        if above != z:
            kind = "<" if kind in ("<", "<=") else ">="
        z = above
    taped(Guard(kind, a, z, outcome))


def float_above(z: int) -> float:
    """The smallest float that is not less than a whole number."""
    try:
        x = float(z)
    except OverflowError:
        return math.inf if z > 0 else -float_info.max
    return x if x >= z else math.nextafter(x, math.inf)


def taped(entry: Any) -> None:
    """Add a node or a Guard to what this thread records for a compiled function, or show it to its watch."""
    tape = tapes.get(get_ident())
    if tape is not None:
        tape.append(entry)


def refuse_while_taping(what: str, node: Value) -> None:
    """A RuntimeError if this thread records a compiled function, which would not see what is done with the number.

    """
    if is_taping():
        refuse(escaped(what, node))


def refuse(said: str) -> None:
    """A RuntimeError in a compiled function that this thread records; the tape tells, if the function catches it."""
    tapes[get_ident()].append(said)
    raise RuntimeError(said)


def order(n: float) -> float:
    """The order of a derivative, as digamma takes it; a TypeError for a Value, by which it has no derivative."""
    if not isinstance(n, (int, float)):
        raise TypeError(f"digamma() takes a whole number as the order n, not {type(n).__name__}: {n!r:.60}")
    return n


def interval(x: Operand, low: Operand, high: Operand) -> tuple[Operand, Operand, Operand]:
    """The operands of clip; a ValueError if low is greater than high."""
    check_operands(ops.CLIP, (x, low, high))
    if low > high:  # type: ignore[operator]
        raise ValueError(f"clip() between {low} and {high}: low is greater than high")
    return x, low, high


def check_operands(op: int, operands: Iterable[Any]) -> None:
    """A TypeError that names the operation if one of the operands is neither a number nor a Value."""
    for operand in operands:
        if not is_real(operand):
            kind = type(operand).__name__
            raise TypeError(f"{TABLE[op].name}() takes numbers and Values, not {kind}: {operand!r:.60}")


def apply(op: int, *operands: Any) -> Any:
    """op(*operands): a node if one of them is a Value, else a float."""
    check_operands(op, operands)
    if TABLE[op].arity == ops.MANY:
        node = many(op, operands)
    else:
        node = record(op, operands[0], operands[1] if len(operands) > 1 else 0.0)
    return node if any([isinstance(operand, Value) for operand in operands]) else data_of(node)


def named(op: int, a: Value, other: Operand) -> Value:
    """The node op(a, other) for a method, which has no other operand to ask; a TypeError if other is no number."""
    node: Value = apply(op, a, other)
    return node


# Walking.


def topological(root: Value) -> list[Value]:
    """The nodes that `root` was computed from and `root` itself, each after its operands; a fixed order.

    >>> a = Value(2.0, label="a")
    >>> [node.op for node in topological(a * a + 1.0)]
    ['leaf', 'mul', 'add']
    """
    if not isinstance(root, Value):
        raise TypeError(f"topological() takes a Value, not {type(root).__name__}")
    order: list[Value] = []
    seen = set()
    stack: list[Value | None] = [root]
    while stack:
        node = stack.pop()
        if node is None:  # the operands of the node below it are done
            order.append(stack.pop())  # type: ignore[arg-type]
        elif id(node) not in seen:
            seen.add(id(node))
            if node._op == ops.LEAF:
                order.append(node)
            else:
                stack.append(node)
                stack.append(None)
                stack.extend(reversed(node.parents))
    return order


def sweep(root: Value, seed: float) -> None:
    """The reverse sweep: from the root to the leaves, each node passes its gradient on when it has all of it."""
    try:
        count_uses(root)
        root._grad += seed
        ready = [root]
        while ready:
            propagate(ready.pop(), ready)
    except BaseException:  # interrupted: the next sweep must not find this one's counts
        for node in topological(root):
            forget_uses(node)
        raise


def swept(root: Value, leaves: Sequence[Value], seed: float) -> list[float]:
    """The derivatives of the root by the leaves; the grad of every node is left as it was."""
    nodes = [*below(root), *leaves]
    kept = []
    for node in nodes:
        kept.append(node._grad)
    for node in leaves:
        node._grad = 0.0
    try:
        root.backward(seed)
        return [node._grad for node in leaves]
    finally:
        for i in range(len(nodes)):
            node = nodes[i]
            node._grad = kept[i]


def below(root: Value) -> list[Value]:
    """The root and the nodes that it was computed from, each once."""
    found = [root]
    place = 0
    try:
        while place < len(found):
            node = found[place]
            place += 1
            if node._a is not None:
                add_below(node._a, found)
            if node._b is not None:
                add_below(node._b, found)
            if node._operands is not None:
                for operand in node._operands:
                    if isinstance(operand, Value):
                        add_below(operand, found)
    finally:  # interrupted too: the next sweep must not find these marks
        for node in found:
            forget_uses(node)
    return found


def add_below(node: Value, found: list[Value]) -> None:
    """Add a node to those found, if it is not among them."""
    if node._uses == 0:
        node._uses = 1
        found.append(node)


def count_uses(root: Value) -> None:
    """Count, for each computed node below `root`, how often it is an operand; start its gradient from zero."""
    if root._op != ops.LEAF:
        root._grad = 0.0
    found = [root]
    while found:
        node = found.pop()
        if node._a is not None:
            count_use(node._a, found)
        if node._b is not None:
            count_use(node._b, found)
        if node._operands is not None and not node._slope_a:
            for operand in node._operands:
                if isinstance(operand, Value):
                    count_use(operand, found)


def count_use(node: Value, found: list[Value]) -> None:
    """Count one use of a computed node; at the first, add it to the nodes found."""
    if node._op != ops.LEAF:
        if node._uses == 0:
            node._grad = 0.0
            found.append(node)
        node._uses += 1


def propagate(node: Value, ready: list[Value]) -> None:
    """The chain rule at one node: each parent receives upstream gradient times local derivative."""
    upstream = node._grad
    if node._a is not None:
        receive(node._a, upstream * node._slope_a, ready)
    if node._b is not None:
        receive(node._b, upstream * node._slope_b, ready)
    if node._operands is not None and node._slope_a:  # a call, with leaves for operands
        spread(node._operands, node._slopes, upstream)
    elif node._operands is not None:
        for i in range(len(node._operands)):
            operand = node._operands[i]
            if isinstance(operand, Value):
                receive(operand, upstream * node._slopes[i], ready)


def spread(leaves: tuple[Value | float, ...], slopes: list[float], upstream: float) -> None:
    """The chain rule at a call whose operands are all leaves."""
    for i in range(len(leaves)):
        cython.cast(Value, _plain.item(leaves, i))._grad += upstream * slopes[i]


def receive(node: Value, contribution: float, ready: list[Value]) -> None:
    """Add a contribution to the gradient of a node; after its last use, a computed node is ready to pass it on."""
    node._grad += contribution
    if node._op != ops.LEAF:
        node._uses -= 1
        if node._uses == 0:
            ready.append(node)


def forget_uses(node: Value) -> None:
    """Set the node as it is between sweeps."""
    node._uses = 0


def release(node: Value) -> None:
    """Free the operands of a node that is being freed, at most DEEPEST inside each other."""
    global depth
    if depth == DEEPEST:
        parked.append((node._a, node._b, node._operands))
        return
    depth += 1
    if node._a is not None:
        node._a = None
    if node._b is not None:
        node._b = None
    if node._operands is not None:
        node._operands = None
    while depth == 1 and parked:  # by the outermost alone: nodes freed here are inside of it
        parked.pop()
    depth -= 1


class no_grad:
    """Inside `with no_grad():`, this thread's operations give leaves: nothing is recorded.

    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y
    Value(9, grad=0)
    """

    def __enter__(self) -> None:
        if is_taping():
            raise RuntimeError("no_grad() inside a compiled function: call the compiled function inside no_grad()")
        paused[get_ident()] = paused.get(get_ident(), 0) + 1

    def __exit__(self, *error: object) -> None:
        paused[get_ident()] -= 1
        if paused[get_ident()] == 0:
            del paused[get_ident()]


class taping:
    """Inside `with taping() as tape:`, what this thread computes and compares is noted: nodes and Guards, in order.

    Nodes have their operands and local derivatives also if all this is inside no_grad().
    """

    def __enter__(self) -> list[Any]:
        self.pauses = paused.pop(get_ident(), 0)
        self.watch = watched()
        tape: list[Any] = []
        tapes[get_ident()] = tape
        return tape

    def __exit__(self, *error: object) -> None:
        del tapes[get_ident()]
        if self.watch is not None:
            tapes[get_ident()] = self.watch
        if self.pauses:
            paused[get_ident()] = self.pauses


class watching:
    """Inside `with watching(watch):`, watch.append() gets this thread's nodes, and watch.backward() does its sweeps.

    What a compiled function does while it is recorded goes to its tape alone. A watch of None is none.
    """

    def __init__(self, watch: Any) -> None:
        self.watch = watch

    def __enter__(self) -> None:
        self.outer = tapes.pop(get_ident(), None)
        if self.watch is not None:
            tapes[get_ident()] = self.watch

    def __exit__(self, *error: object) -> None:
        tapes.pop(get_ident(), None)
        if self.outer is not None:
            tapes[get_ident()] = self.outer


def is_taping() -> bool:
    """Whether this thread records a compiled function."""
    return bool(tapes) and isinstance(tapes.get(get_ident()), list)


def watched() -> Any:
    """The watch of this thread; None if there is none, or if it records a compiled function."""
    return None if is_taping() else tapes.get(get_ident())


def is_recording() -> bool:
    """Whether operations of this thread are recorded: not inside no_grad()."""
    return get_ident() not in paused


# Numbers in, and errors.


def is_real(x: Any) -> bool:
    """Whether x is a Value or one real number."""
    if isinstance(x, (Value, float, int)):
        return True
    if isinstance(x, Complex):
        return isinstance(x, Real)
    kind = type(x)
    return hasattr(kind, "__float__") and not hasattr(kind, "__setitem__") and not isinstance(x, (str, bytes))


def number(x: Any) -> float:
    """x as a float; a TypeError if it is not one real number, or is a Value."""
    if isinstance(x, Value) or not is_real(x):
        raise TypeError(f"expected one real number, got {type(x).__name__}: {x!r:.60}")
    return float(x)


def fill(m: Any, places: Any, values: tuple[Value, ...]) -> None:
    """Put the number in each Value at its place in memory; -1 is nowhere."""
    for i in range(len(values)):
        if places[i] >= 0:
            m[places[i]] = cython.cast(Value, _plain.item(values, i))._data


def data_of(x: Any) -> float:
    """The number in a Value, or x itself."""
    if isinstance(x, Value):
        node = x
        return node._data
    return float(x)


def compared(x: Any) -> Any:
    """What stands for x in a comparison: an int as it is, since it may be too large for a float."""
    return x if isinstance(x, int) else data_of(x)
