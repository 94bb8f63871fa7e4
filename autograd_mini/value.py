# cython: annotation_typing=False, boundscheck=False, wraparound=False
"""The node of the computation graph, the operations that record it, and the sweep that differentiates it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Complex, Real
from threading import get_ident
from typing import Any, SupportsFloat, Union

from autograd_mini import _plain, ops, rules
from autograd_mini.elementary import Double
from autograd_mini.ops import TABLE

try:
    import cython
except ImportError:
    from autograd_mini import _plain as cython

Operand = Union["Value", SupportsFloat]

DEEPEST = 200  # nodes freed inside each other before the rest of a chain is parked

epoch = 0  # of the latest walk through a graph: marks of earlier walks are smaller
depth = 0  # of nodes being freed inside each other
parked: list[Any] = []  # operands of nodes at DEEPEST, waiting to be freed
paused: dict[int, int] = {}  # how many no_grad() each thread is inside of


@cython.freelist(4096)
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
        "_a", "_b", "_data", "_grad", "_label", "_mark", "_op", "_operands", "_slope_a", "_slope_b", "_slopes", "_uses",
    )  # fmt: skip

    _data: float
    _grad: float
    _label: str | None
    _op: int
    _a: Value | None  # the first operand of a primitive of one or two, if it is a Value,
    _b: Value | None  # and the second;
    _slope_a: float  # the local derivatives by them, or where the operand is a constant, the constant
    _slope_b: float
    _operands: tuple[Value | float, ...] | None  # of a primitive of many,
    _slopes: list[float]  # and the local derivatives by them
    _mark: int  # the epoch of the last walk that came here,
    _uses: int  # and in how many places that walk still has to come here

    def __init__(self, data: SupportsFloat, label: str | None = None) -> None:
        self._data = number(data)
        self._grad = 0.0
        self._op = ops.LEAF
        self._mark = 0
        self._a = self._b = self._operands = None
        self.label = label

    def __dealloc__(self) -> None:  # called by Cython only: Python frees deep chains by itself
        if self._operands is not None:
            _plain.free(self._slopes)
        release(self)

    @property
    def data(self) -> float:
        """The number itself. Only a leaf's can be assigned: a computed node's would no longer match its operands."""
        return self._data

    @data.setter
    def data(self, data: SupportsFloat) -> None:
        if self._op != ops.LEAF:
            raise AttributeError(
                f"data of {self!r} is computed from its operands and cannot be assigned;"
                " assign data of the leaves and compute again"
            )
        self._data = number(data)

    @property
    def grad(self) -> float:
        """The derivative of the last root of backward() by this node; leaves add up over calls until it is assigned."""
        return self._grad

    @grad.setter
    def grad(self, grad: SupportsFloat) -> None:
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
        upstream = number(seed)
        count_uses(self, False)
        self._grad += upstream
        ready = [self]
        while ready:
            node = ready.pop()
            propagate(node)
            settle(node, ready, False)

    # The operators.
    def __add__(self, other: Operand) -> Value: return binary(ops.ADD, self, other)
    def __radd__(self, other: Operand) -> Value: return reflected(ops.ADD, other, self)
    def __sub__(self, other: Operand) -> Value: return binary(ops.SUB, self, other)
    def __rsub__(self, other: Operand) -> Value: return reflected(ops.SUB, other, self)
    def __mul__(self, other: Operand) -> Value: return binary(ops.MUL, self, other)
    def __rmul__(self, other: Operand) -> Value: return reflected(ops.MUL, other, self)
    def __truediv__(self, other: Operand) -> Value: return binary(ops.DIV, self, other)
    def __rtruediv__(self, other: Operand) -> Value: return reflected(ops.DIV, other, self)
    def __pow__(self, other: Operand) -> Value: return binary(ops.POW, self, other)
    def __rpow__(self, other: Operand) -> Value: return reflected(ops.POW, other, self)
    def __neg__(self) -> Value: return unary(ops.NEG, self)
    def __pos__(self) -> Value: return self
    def __abs__(self) -> Value: return unary(ops.ABS, self)

    # The functions of functions.py as methods, under NumPy's names too.
    def exp(self) -> Value: return unary(ops.EXP, self)
    def log(self) -> Value: return unary(ops.LOG, self)
    def tanh(self) -> Value: return unary(ops.TANH, self)
    def relu(self) -> Value: return unary(ops.RELU, self)
    def sigmoid(self) -> Value: return unary(ops.SIGMOID, self)
    def sqrt(self) -> Value: return unary(ops.SQRT, self)
    def exp2(self) -> Value: return unary(ops.EXP2, self)
    def expm1(self) -> Value: return unary(ops.EXPM1, self)
    def log2(self) -> Value: return unary(ops.LOG2, self)
    def log10(self) -> Value: return unary(ops.LOG10, self)
    def log1p(self) -> Value: return unary(ops.LOG1P, self)
    def cbrt(self) -> Value: return unary(ops.CBRT, self)
    def sin(self) -> Value: return unary(ops.SIN, self)
    def cos(self) -> Value: return unary(ops.COS, self)
    def tan(self) -> Value: return unary(ops.TAN, self)
    def asin(self) -> Value: return unary(ops.ASIN, self)
    def acos(self) -> Value: return unary(ops.ACOS, self)
    def atan(self) -> Value: return unary(ops.ATAN, self)
    def sinh(self) -> Value: return unary(ops.SINH, self)
    def cosh(self) -> Value: return unary(ops.COSH, self)
    def asinh(self) -> Value: return unary(ops.ASINH, self)
    def acosh(self) -> Value: return unary(ops.ACOSH, self)
    def atanh(self) -> Value: return unary(ops.ATANH, self)
    def atan2(self, other: Operand) -> Value: return binary(ops.ATAN2, self, other)
    def degrees(self) -> Value: return unary(ops.DEGREES, self)
    def radians(self) -> Value: return unary(ops.RADIANS, self)
    def hypot(self, other: Operand) -> Value: return binary(ops.HYPOT, self, other)
    def erf(self) -> Value: return unary(ops.ERF, self)
    def erfc(self) -> Value: return unary(ops.ERFC, self)
    def gamma(self) -> Value: return unary(ops.GAMMA, self)
    def lgamma(self) -> Value: return unary(ops.LGAMMA, self)
    def digamma(self, n: int = 0) -> Value: return binary(ops.DIGAMMA, self, float(n))
    def fmod(self, other: Operand) -> Value: return binary(ops.FMOD, self, other)
    def remainder(self, other: Operand) -> Value: return binary(ops.REMAINDER, self, other)
    def copysign(self, other: Operand) -> Value: return binary(ops.COPYSIGN, self, other)
    def maximum(self, other: Operand) -> Value: return binary(ops.MAXIMUM, self, other)
    def minimum(self, other: Operand) -> Value: return binary(ops.MINIMUM, self, other)
    def leaky_relu(self, other: Operand = 0.01) -> Value: return binary(ops.LEAKY_RELU, self, other)
    def elu(self, other: Operand = 1.0) -> Value: return binary(ops.ELU, self, other)
    def softplus(self) -> Value: return unary(ops.SOFTPLUS, self)
    def log_sigmoid(self) -> Value: return unary(ops.LOG_SIGMOID, self)
    def silu(self) -> Value: return unary(ops.SILU, self)
    def gelu(self) -> Value: return unary(ops.GELU, self)
    def clip(self, low: Operand, high: Operand) -> Value: return many(ops.CLIP, (self, low, high))

    arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
    arcsinh, arccosh, arctanh = asinh, acosh, atanh

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions on Values: np.exp(v) is v.exp(), np.float64(2) * v is a Value, object arrays broadcast."""
        import numpy

        for operand in inputs:
            if isinstance(operand, numpy.ndarray) and operand.dtype != object:
                raise TypeError(
                    f"{ufunc.__name__} of a Value and an array of {operand.dtype}: make it an array of objects,"
                    " array.astype(object), or work element by element"
                )
        boxed = [numpy.array(operand, dtype=object) if isinstance(operand, Value) else operand for operand in inputs]
        return getattr(ufunc, method)(*boxed, **options)

    # Comparisons look at data. Equality is by number, hash by identity: a node is a dictionary key of its own.
    def __lt__(self, other: Operand) -> bool: return self._data < data_of(other) if is_real(other) else NotImplemented
    def __le__(self, other: Operand) -> bool: return self._data <= data_of(other) if is_real(other) else NotImplemented
    def __gt__(self, other: Operand) -> bool: return self._data > data_of(other) if is_real(other) else NotImplemented
    def __ge__(self, other: Operand) -> bool: return self._data >= data_of(other) if is_real(other) else NotImplemented
    def __eq__(self, other: object) -> bool: return self._data == data_of(other) if is_real(other) else NotImplemented
    def __ne__(self, other: object) -> bool: return self._data != data_of(other) if is_real(other) else NotImplemented
    def __bool__(self) -> bool: return self._data != 0.0
    def __hash__(self) -> int: return id(self) >> 4

    # Conversions to a plain number would lose the gradient silently.
    def __float__(self) -> float: raise TypeError(lost(self, "float"))
    def __int__(self) -> int: raise TypeError(lost(self, "int"))
    def __round__(self, digits: int | None = None) -> float: raise TypeError(lost(self, "round"))

    def __repr__(self) -> str:
        computed = "" if self._op == ops.LEAF else f", op='{self.op}'"
        label = "" if self._label is None else f", label={self._label!r}"
        return f"Value({self._data:.6g}, grad={self._grad:.6g}{computed}{label})"

    def __format__(self, spec: str) -> str:
        """The data in the given format, f"{v:.3f}"; without one, as repr."""
        return format(self._data, spec) if spec else repr(self)

    def __reduce__(self) -> tuple[Callable[..., Value], tuple[float, float, str | None]]:
        """How copy, deepcopy and pickle rebuild a leaf; a computed node would drag its whole graph along."""
        if self._op != ops.LEAF:
            raise TypeError(f"{self!r} is computed and cannot be copied or pickled; Value(v.data) is a leaf like it")
        return restored, (self._data, self._grad, self._label)


def restored(data: float, grad: float, label: str | None) -> Value:
    """The leaf that was copied or pickled."""
    leaf = Value(data, label)
    leaf._grad = grad
    return leaf


# Recording.


def unary(op: int, a: Value) -> Value:
    """The node op(a)."""
    return record(op, a, None, a._data, 0.0)


def binary(op: int, a: Value, other: Any) -> Value:
    """The node op(a, other)."""
    if isinstance(other, Value):
        b = other
        return record(op, a, b, a._data, b._data)
    return record(op, a, None, a._data, float(other)) if is_real(other) else NotImplemented


def reflected(op: int, other: Any, b: Value) -> Value:
    """The node op(other, b), where other is not a Value."""
    return record(op, None, b, float(other), b._data) if is_real(other) else NotImplemented


def record(op: int, a: Value | None, b: Value | None, x: float, z: float) -> Value:
    """The node y = op(x, z), where x and z are the data of a and b; an operand that is None is a constant."""
    recording = not paused or get_ident() not in paused
    try:
        y, slope_a, slope_b = rules.differentiate(op, x, z, recording and a is not None, recording and b is not None)
    except ZeroDivisionError:  # only uncompiled: C divides by zero
        y, slope_a, slope_b = rules.differentiate(op, Double(x), Double(z), a is not None, b is not None)
    if y - y != 0.0 and x - x == 0.0 and z - z == 0.0:
        raise undefined(op, (a if a is not None else x, b if b is not None else z), y)
    node = Value.__new__(Value)
    node._data = y
    node._grad = 0.0
    node._mark = 0
    node._label = None
    node._operands = None
    if recording:
        node._op = op
        node._a = a
        node._b = b
        node._slope_a = slope_a
        node._slope_b = slope_b
    else:
        node._op = ops.LEAF
        node._a = node._b = None
    return node


def many(op: int, operands: Iterable[Any]) -> Value:
    """The node op(*operands) of any number of Values and constants."""
    recording = not paused or get_ident() not in paused
    parents = tuple([operand if isinstance(operand, Value) else number(operand) for operand in operands])
    n = len(parents)
    data = _plain.malloc(8 * n)
    for i in range(n):
        data[i] = data_of(parents[i])
    y = rules.value_of_many(op, data, n)
    node = Value(y)
    if recording:
        node._op = op
        node._slopes = _plain.malloc(8 * n)
        node._operands = parents
        for i in range(n):
            node._slopes[i] = rules.slope_of_many(op, data, n, y, i)
    _plain.free(data)
    if y - y != 0.0 and all([math.isfinite(data_of(operand)) for operand in parents]):
        raise undefined(op, parents, y)
    return node


def apply(op: int, *operands: Any) -> Any:
    """op(*operands): a node if one of them is a Value, else a float."""
    for operand in operands:
        if not is_real(operand):
            kind = type(operand).__name__
            raise TypeError(f"{TABLE[op].name}() takes numbers and Values, not {kind}: {operand!r:.60}")
    arity = TABLE[op].arity
    if arity == ops.MANY:
        node = many(op, operands)
    else:
        a = operands[0]
        b = operands[1] if arity == 2 else None
        x = data_of(a)
        z = data_of(b) if arity == 2 else 0.0
        node = record(op, a if isinstance(a, Value) else None, b if isinstance(b, Value) else None, x, z)
    return node if any([isinstance(operand, Value) for operand in operands]) else node._data


# Walking.


def topological(root: Value) -> list[Value]:
    """The nodes that `root` was computed from and `root` itself, each after its operands; a fixed order.

    >>> a = Value(2.0, label="a")
    >>> [node.op for node in topological(a * a + 1.0)]
    ['leaf', 'mul', 'add']
    """
    if not isinstance(root, Value):
        raise TypeError(f"topological() takes a Value, not {type(root).__name__}")
    count_uses(root, True)
    order = []
    ready = [root]
    while ready:
        node = ready.pop()
        order.append(node)
        settle(node, ready, True)
    order.reverse()
    return order


def count_uses(root: Value, leaves: bool) -> None:
    """Count, for each node `root` was computed from, how often it is an operand; start its gradient from zero.

    A leaf is counted only where `leaves` is true, and keeps its gradient.
    """
    global epoch
    epoch += 1
    root._mark = epoch
    root._uses = 0
    if root._op != ops.LEAF and not leaves:
        root._grad = 0.0
    found = [root]
    while found:
        node = found.pop()
        if node._operands is not None:
            for operand in node._operands:
                if isinstance(operand, Value):
                    count_use(operand, found, leaves)
        else:
            if node._a is not None:
                count_use(node._a, found, leaves)
            if node._b is not None:
                count_use(node._b, found, leaves)


def count_use(node: Value, found: list[Value], leaves: bool) -> None:
    """Count one use of the node; at the first, add it to the nodes found."""
    if node._mark == epoch:
        node._uses += 1
    elif leaves or node._op != ops.LEAF:
        node._mark = epoch
        node._uses = 1
        if not leaves:
            node._grad = 0.0
        found.append(node)


def settle(node: Value, ready: list[Value], leaves: bool) -> None:
    """Take off the node's uses of its operands; one with no use left has its whole gradient and is ready."""
    if node._operands is not None:
        for operand in reversed(node._operands):
            if isinstance(operand, Value):
                take_use(operand, ready, leaves)
    else:
        if node._b is not None:
            take_use(node._b, ready, leaves)
        if node._a is not None:
            take_use(node._a, ready, leaves)


def take_use(node: Value, ready: list[Value], leaves: bool) -> None:
    """Take off one use of the node."""
    if leaves or node._op != ops.LEAF:
        node._uses -= 1
        if node._uses == 0:
            ready.append(node)


def propagate(node: Value) -> None:
    """The chain rule at one node: each parent receives upstream gradient times local derivative."""
    upstream = node._grad
    if node._a is not None:
        a = node._a
        a._grad += upstream * node._slope_a
    if node._b is not None:
        b = node._b
        b._grad += upstream * node._slope_b
    if node._operands is not None:
        for i in range(len(node._operands)):
            operand = node._operands[i]
            if isinstance(operand, Value):
                parent = operand
                parent._grad += upstream * node._slopes[i]


def release(node: Value) -> None:
    """Free the operands of a node that is being freed, at most DEEPEST inside each other."""
    global depth
    if depth == DEEPEST:
        parked.append((node._a, node._b, node._operands))
        return
    depth += 1
    node._a = node._b = node._operands = None
    depth -= 1
    while depth == 0 and parked:
        parked.pop()


class no_grad:
    """Inside `with no_grad():`, this thread's operations give leaves: nothing is recorded.

    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y
    Value(9, grad=0)
    """

    def __enter__(self) -> None:
        paused[get_ident()] = paused.get(get_ident(), 0) + 1

    def __exit__(self, *error: object) -> None:
        paused[get_ident()] -= 1
        if paused[get_ident()] == 0:
            del paused[get_ident()]


# Numbers in, and errors.


def is_real(x: Any) -> bool:
    """Whether x is a Value or one real number."""
    if isinstance(x, (Value, float, int)):
        return True
    if isinstance(x, Complex):
        return isinstance(x, Real)
    return hasattr(x, "__float__") and not hasattr(x, "__setitem__") and not isinstance(x, (str, bytes))


def number(x: Any) -> float:
    """x as a float; a TypeError if it is not one real number, or is a Value."""
    if isinstance(x, Value) or not is_real(x):
        raise TypeError(f"expected one real number, got {type(x).__name__}: {x!r:.60}")
    return float(x)


def data_of(x: Any) -> float:
    """The number in a Value, or x itself."""
    if isinstance(x, Value):
        node = x
        return node._data
    return float(x)


def lost(value: Value, conversion: str) -> str:
    """What to say to a conversion that would lose the gradient."""
    return (
        f"{conversion}() of {value!r} would lose its gradient: write v.data for the plain number,"
        " or v.sin() or autograd_mini.sin(v) instead of math.sin(v)"
    )


def undefined(op: int, operands: tuple[Any, ...], y: float) -> Exception:
    """The error for finite operands without a finite result: of the kind that Python's own arithmetic raises."""
    row = TABLE[op]
    data = [data_of(operand) for operand in operands]
    names = [getattr(operand, "label", None) or f"{data_of(operand):.6g}" for operand in operands]
    names = [f"({name})" if name.startswith("-") else name for name in names]
    if row.arity == ops.MANY:
        names = names if len(names) <= 6 else [*names[:5], f"... {len(names)} operands"]
        text = row.text.format(operands=", ".join(names))
    else:
        text = row.text.format(a=names[0], b=names[1])
    known = [f"{operand.label} = {operand.data:.6g}" for operand in operands if getattr(operand, "label", None)]
    where = f" at {', '.join(known[:6])}" if known else ""
    if (op == ops.DIV and data[1] == 0.0) or (op == ops.POW and data[0] == 0.0):
        return ZeroDivisionError(f"division by zero: {text}{where}")
    if math.isnan(y) or is_pole(row.name, data[: row.arity]):
        return ValueError(f"outside the domain of {row.name}: {text}{where}")
    return OverflowError(f"result too large for a float: {text}{where}")


def is_pole(name: str, operands: list[float]) -> bool:
    """Whether Python's math says that its function of that name is not defined at the operands."""
    try:
        getattr(math, name, float)(*operands)
    except ValueError:
        return True
    except (OverflowError, TypeError):
        pass
    return False
