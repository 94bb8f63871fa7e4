"""Taylor series of functions of one number: all derivatives to an order from one graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_mini import calculus, ops
from autograd_mini.chain import refuse_calls
from autograd_mini.gradient import Call, one_number
from autograd_mini.value import Value, op_of, topological


def taylor(f: Callable[[Any], Any], x: Any, order: int) -> list[Any]:
    """The coefficients of the Taylor series of f around x: f(x), f'(x), f''(x) / 2!, up to the given order.

    The k-th derivative is k! times the k-th coefficient. A series is carried along the graph, operation by operation:
    as y' = Σ ∂y/∂a · a', the coefficients of y follow from those of its operands and of the local derivatives, which
    are the rules themselves, run on series. The cost grows with a power of the order, not exponentially.

    Args:
        f: a function of one number that returns one Value, or a number.
        x: where, a number; or a Value, and the coefficients are Values that can be differentiated.
        order: the highest power, at least 0.

    Raises:
        ValueError: if order is less than 0.
        TypeError: if f returns something else, or calls a compiled function or a primitive of one's own.

    >>> taylor(lambda x: x.exp(), 0.0, 3)
    [1.0, 1.0, 0.5, 0.16666666666666666]
    """
    if order < 0:
        raise ValueError(f"a Taylor series has an order of at least 0, not {order}")
    call = Call(f, (0,), (x,), {})
    y = one_number(call.result)
    if not isinstance(y, Value):
        return [float(y), *[0.0] * order]
    is_inner = call.is_inner([y])

    def number(node: Value) -> Any:
        return node if is_inner else node.data

    leaf = call.leaves[0]
    series = {id(leaf): Series([number(leaf), 1.0][: order + 1], order)}
    for node in topological(y):
        if id(node) not in series:
            operands = [series.get(id(a), number(a)) if isinstance(a, Value) else a for a in node.operands]
            if any([isinstance(a, Series) for a in operands]):
                refuse_calls(node)
                if op_of(node) in calculus.own:
                    raise TypeError(f"{node!r} is of a primitive of your own, whose slopes take no series: use grad()")
                series[id(node)] = applied(op_of(node), operands, number(node))
    return series[id(y)].padded() if id(y) in series else [number(y), *[0.0] * order]


class Series:
    """A truncated power series: what the rules take for a number.

    Attributes:
        coefficients: from the constant term on; those left out are 0.
        order: the highest power that is kept.
    """

    def __init__(self, coefficients: Any, order: int = 0) -> None:
        self.coefficients = coefficients if isinstance(coefficients, list) else [coefficients]  # of a number
        self.order = order

    def __getitem__(self, k: int) -> Any:
        return self.coefficients[k] if k < len(self.coefficients) else 0.0

    def padded(self) -> list[Any]:
        """All coefficients."""
        return [self[k] for k in range(self.order + 1)]

    def to(self, order: int) -> Series:
        """The series up to a lower order."""
        return Series(self.coefficients[: order + 1], order)

    def __getattr__(self, name: str) -> Callable[..., Series]:
        if name.startswith("__") or name not in ops.BY_NAME:
            raise AttributeError(name)
        return lambda *others: applied(ops.BY_NAME[name], [self, *others])

    def __add__(self, other: Any) -> Series: return applied(ops.ADD, [self, other])
    def __radd__(self, other: Any) -> Series: return applied(ops.ADD, [other, self])
    def __sub__(self, other: Any) -> Series: return applied(ops.SUB, [self, other])
    def __rsub__(self, other: Any) -> Series: return applied(ops.SUB, [other, self])
    def __truediv__(self, other: Any) -> Series: return applied(ops.DIV, [self, other])
    def __rtruediv__(self, other: Any) -> Series: return applied(ops.DIV, [other, self])
    def __pow__(self, other: Any) -> Series: return applied(ops.POW, [self, other])
    def __rpow__(self, other: Any) -> Series: return applied(ops.POW, [other, self])
    def __neg__(self) -> Series: return applied(ops.NEG, [self])
    def __abs__(self) -> Series: return applied(ops.ABS, [self])

    def __mul__(self, other: Any) -> Series:
        """The product, by which all others are computed: Σ a_j b_(k-j)."""
        if not isinstance(other, Series):
            return Series([a * other for a in self.coefficients], self.order)
        n = len(self.coefficients) + len(other.coefficients) - 1
        order = max(self.order, other.order)
        return Series([self.convolved(other, k) for k in range(min(n, order + 1))], order)

    __rmul__ = __mul__

    def convolved(self, other: Series, k: int) -> Any:
        """The k-th coefficient of a product."""
        return sum([self[j] * other[k - j] for j in range(k + 1)])

    # Where a rule compares, the constant terms decide.
    def __lt__(self, other: Any) -> bool: return bool(self[0] < first(other))
    def __le__(self, other: Any) -> bool: return bool(self[0] <= first(other))
    def __gt__(self, other: Any) -> bool: return bool(self[0] > first(other))
    def __ge__(self, other: Any) -> bool: return bool(self[0] >= first(other))
    def __eq__(self, other: object) -> bool: return bool(self[0] == first(other))
    def __ne__(self, other: object) -> bool: return bool(self[0] != first(other))
    __hash__ = None  # type: ignore[assignment]


def first(x: Any) -> Any:
    """The constant term of a series, or the number."""
    return x[0] if isinstance(x, Series) else x


def applied(op: int, operands: Sequence[Any], start: Any = None) -> Series:
    """The series of an operation of series and numbers; its constant term may be known.

    k y_k = Σ over operands a of Σ over j of j a_j s_(k-j), where s is the series of the local derivative ∂y/∂a, of
    which y_k needs one term less.
    """
    order = max([a.order for a in operands if isinstance(a, Series)])
    y = Series([calculus.value(op, [first(a) for a in operands]) if start is None else start], 0)
    moving = [i for i, a in enumerate(operands) if isinstance(a, Series)]
    for k in range(1, order + 1):
        known = [a.to(k - 1) if isinstance(a, Series) else a for a in operands]
        total: Any = 0.0
        for i in moving:
            slope = calculus.slope(op, known, y.to(k - 1), i)
            for j in range(1, min(k + 1, len(operands[i].coefficients))):
                s = slope[k - j] if isinstance(slope, Series) else slope if j == k else 0.0
                total = total + float(j) * operands[i][j] * s
        y.coefficients.append(total / float(k))
        y.order = k
    return Series(y.coefficients, order)
