"""What the engine says when it refuses: which operation, on what, and what to write instead."""

from __future__ import annotations

import math
from typing import Any

from autograd_mini.ops import MANY, Row


class DomainError(ValueError):
    """An operation was asked for a result where it has none: what Python's math raises as a ValueError."""


def lost_gradient(value: Any, conversion: str) -> str:
    """What to say to a conversion that would lose the gradient."""
    return (
        f"{conversion}() of {value!r} would lose its gradient: write v.data for the plain number,"
        " or v.sin() or autograd_mini.sin(v) instead of math.sin(v);"
        " in a compiled function, name an argument that is to be a plain number in static="
    )


def escaped(what: str, value: Any) -> str:
    """What to say to code in a compiled function that takes a number out of the recording."""
    return (
        f"{what} of {value!r} inside a compiled function: it would be the number of this call in all later calls."
        " Write autograd_mini.where(c, a, b), maximum or minimum for what depends on data, `if a < b:` to branch,"
        " or return the Value and look at its data outside; nn.train() takes compiled=False"
    )


def undefined(row: Row, operands: tuple[Any, ...], data: list[float], y: float) -> Exception:
    """The error for operands of finite data without a finite result: of the kind that Python's arithmetic raises."""
    if (row.name == "div" and data[1] == 0.0) or (row.name == "pow" and data[0] == 0.0):
        return ZeroDivisionError(f"division by zero: {attempted(row, operands, data)}")
    if math.isnan(y) or is_pole(row.name, data[: row.arity]):
        return DomainError(f"outside the domain of {row.name}: {attempted(row, operands, data)}")
    return OverflowError(f"result too large for a float: {attempted(row, operands, data)}")


def of_the_kind(error: Exception, row: Row, operands: tuple[Any, ...], data: list[float]) -> Exception:
    """The error for operands of which a primitive of one's own raised one: of its kind, with the operands."""
    if isinstance(error, ZeroDivisionError):
        return ZeroDivisionError(f"division by zero: {attempted(row, operands, data)}")
    if isinstance(error, OverflowError):
        return OverflowError(f"result too large for a float: {attempted(row, operands, data)}")
    return DomainError(f"outside the domain of {row.name}: {attempted(row, operands, data)}")


def attempted(row: Row, operands: tuple[Any, ...], data: list[float]) -> str:
    """What was to be computed, as a formula, and the numbers of the operands that have names."""
    names = [getattr(operand, "label", None) or f"{x:.6g}" for operand, x in zip(operands, data, strict=True)]
    if not row.text.startswith(row.name):  # an operator, not a function
        names = [f"({name})" if name.startswith("-") else name for name in names]
    if row.arity == MANY:
        names = names if len(names) <= 6 else [*names[:5], f"... {len(names)} operands"]
        text = row.text.format(operands=", ".join(names))
    else:
        text = row.text.format(a=names[0], b=names[1])
    labels = [getattr(operand, "label", None) for operand in operands]
    known = [f"{label} = {x:.6g}" for label, x in zip(labels, data, strict=True) if label]
    return text + (f" at {', '.join(known[:6])}" if known else "")


def is_pole(name: str, operands: list[float]) -> bool:
    """Whether Python's math says that its function of that name is not defined at the operands."""
    try:
        getattr(math, name, float)(*operands)
    except ValueError:
        return True
    except (OverflowError, TypeError):
        pass
    return False
