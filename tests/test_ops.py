"""The table of primitives: its columns, its twin ops.pxd, and the methods and functions that its rows promise."""

from __future__ import annotations

import re
from string import Formatter

import pytest

import autograd_mini as am
from autograd_mini import Value, ops
from tests.conftest import PACKAGE

OPERATORS = {
    "add": "__add__", "sub": "__sub__", "mul": "__mul__", "div": "__truediv__", "neg": "__neg__", "pow": "__pow__",
    "abs": "__abs__",
}  # fmt: skip
ROWS = [pytest.param(op, row, id=row.name) for op, row in enumerate(ops.TABLE)]
PRIMITIVES = [pytest.param(op, row, id=row.name) for op, row in enumerate(ops.TABLE) if row.samples]
FUNCTIONS = [param for param in PRIMITIVES if param.id not in OPERATORS or param.id == "pow"]
METHODS = [param for param in PRIMITIVES if param.values[1].arity in (1, 2) and param.id != "softmax"]

constants = {op: name for name, op in vars(ops).items() if name.isupper() and isinstance(op, int) and name != "MANY"}


def test_pxd_repeats_the_rows_in_order():
    enum = (PACKAGE / "ops.pxd").read_text().partition("cdef enum:")[2]
    assert re.findall(r"^    ([A-Z0-9_]+)$", enum, re.M) == [constants[op] for op in range(ops.CALL + 1)]


@pytest.mark.parametrize(("op", "row"), ROWS)
def test_constant_is_named_like_its_row(op, row):
    assert constants[op] == row.name.upper()


def test_names_are_unique():
    names = [row.name for row in ops.TABLE[: ops.CALL + 1]]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(("op", "row"), METHODS)
def test_value_has_a_method(op, row):
    method = getattr(Value(row.samples[0][0]), OPERATORS.get(row.name, row.name))
    assert method(*row.samples[0][1:]).op == row.name


@pytest.mark.parametrize(("op", "row"), FUNCTIONS)
def test_package_has_a_function(op, row):
    function, operands = getattr(am, row.name), [Value(x) for x in row.samples[0]]
    half = len(operands) // 2
    if row.name in ("dot", "dist"):
        y = function(operands[:half], operands[half:])
    elif row.name == "softmax":
        y = function(operands)[0]
    elif row.name == "digamma":
        y = function(operands[0], row.samples[0][1])
    elif row.arity == ops.MANY and row.name not in ("where", "clip"):
        y = function(operands)
    else:
        y = function(*operands)
    assert y.op == row.name


@pytest.mark.parametrize(("op", "row"), ROWS)
@pytest.mark.parametrize("column", ["text", "latex"])
def test_template_writes_each_operand(op, row, column):
    template = getattr(row, column)
    used = {field for _, field, _, _ in Formatter().parse(template) if field}
    assert used == {0: {"a"}, 1: {"a"}, 2: {"a", "b"}, ops.MANY: {"operands"}}[row.arity]
    written = template.format(a="<1>", b="<2>", operands="<1>, <2>")
    assert written.count("{") == written.count("}")
    assert written.count("(") == written.count(")")


@pytest.mark.parametrize(("op", "row"), PRIMITIVES)
def test_samples_have_the_arity(op, row):
    assert row.samples
    if row.arity == ops.MANY:
        assert all(len(sample) >= 2 for sample in row.samples)
    else:
        assert {len(sample) for sample in row.samples} == {row.arity}


@pytest.mark.parametrize(("op", "row"), ROWS)
def test_meaning_is_a_phrase(op, row):
    assert re.fullmatch(r"[^\s.].*[^\s.]", row.meaning)
    assert row.symbol.strip()
