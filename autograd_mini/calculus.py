"""The page of rules run on anything that has operators and methods of the elementary functions."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from autograd_mini.ops import MANY, TABLE

# rules.py as plain Python, beside the compiled module, which takes nothing but C's doubles.
own: dict[int, Any] = {}  # by number, primitives of one's own: what primitive.py, which stands on this file, puts here

spec = spec_from_file_location("autograd_mini.plain_rules", Path(__file__).with_name("rules.py"))
assert spec and spec.loader
rules: Any = module_from_spec(spec)
spec.loader.exec_module(rules)


def value(op: int, operands: Sequence[Any], page: Any = rules) -> Any:
    """op(*operands)."""
    if op in own:
        return own[op].value(operands)
    if TABLE[op].arity == MANY:
        return page.value_of_many(op, operands, len(operands))
    return page.value(op, operands[0], operands[-1])


def slope(op: int, operands: Sequence[Any], y: Any, i: int, page: Any = rules) -> Any:
    """The local derivative of y = op(*operands) by operand i.

    >>> from autograd_mini import ops
    >>> slope(ops.MUL, [2.0, -3.0], -6.0, 0)
    -3.0

    Raises:
        TypeError: of Values, if op is a primitive of one's own whose slopes take floats only.
    """
    return slopes(op, operands, y, [i], page)[0]


def slopes(op: int, operands: Sequence[Any], y: Any, places: Sequence[int], page: Any = rules) -> list[Any]:
    """The local derivatives by several operands."""
    if op in own:
        return own[op].derivatives(operands, y, places)  # type: ignore[no-any-return]
    if TABLE[op].arity == MANY:
        n = len(operands)
        return [page.slope_of_many(op, operands, n, y, i) for i in places]
    by = page.slope_a, page.slope_b
    return [by[i](op, operands[0], operands[-1], y) for i in places]
