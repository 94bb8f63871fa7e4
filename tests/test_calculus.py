"""The page of rules as plain Python: the same numbers as the engine's, and run on whatever has operators."""

from __future__ import annotations

import math

import pytest

from autograd_mini import Value, calculus
from autograd_mini.elementary import Double
from autograd_mini.ops import TABLE
from autograd_mini.value import apply
from tests.test_rules import (
    at_every_sample,
    derivative,
    every_row,
    exact,
    grid,
    near,
    near_every_sample,
    shifted,
    values,
    variables,
)

CPYTHONS = {"gamma", "lgamma"}  # CPython has versions of its own of these two


def same(op, found, expected):
    """Whether two numbers are the same to the bit, or of functions that CPython has versions of, nearly."""
    if TABLE[op].name in CPYTHONS:
        return found == pytest.approx(expected, rel=1e-14, abs=1e-14, nan_ok=True)
    return math.isnan(found) if math.isnan(expected) else found.hex() == expected.hex()


@every_row
def test_values_and_slopes_are_the_engines(op):
    for point in grid(op):
        try:
            y = apply(op, *values(op, point))
        except (ArithmeticError, ValueError):
            continue
        operands = [Double(x) for x in point]
        assert same(op, float(calculus.value(op, operands)), y.data), point
        for i, recorded in zip(variables(op, point), y.local_derivatives, strict=True):
            assert same(op, float(calculus.slope(op, operands, Double(y.data), i)), recorded), (point, i)


@every_row
def test_operands_without_a_finite_result_give_inf_or_nan(op):
    for point in grid(op):
        if all(map(math.isfinite, point)):
            try:
                apply(op, *point)
            except (ArithmeticError, ValueError):
                assert not math.isfinite(calculus.value(op, [Double(x) for x in point])), point


@near_every_sample
def test_values_and_slopes_are_exact(op, sample, shift):
    operands = shifted(op, sample, shift)
    y = calculus.value(op, operands)
    assert near(y, exact(op, *operands))
    for i in variables(op, sample):
        assert near(calculus.slope(op, operands, y, i), derivative(op, operands, i)), i


@at_every_sample
def test_values_give_graphs(op, sample):
    operands = values(op, sample)
    y = calculus.value(op, operands)
    assert near(y.data if isinstance(y, Value) else y, exact(op, *sample))
    if isinstance(y, Value):
        y.backward()
    for i in variables(op, sample):
        assert near(operands[i].grad, derivative(op, sample, i)), i


def test_the_rules_are_the_file_beside_the_compiled_ones():
    assert calculus.rules.__file__.endswith("rules.py")
    assert calculus.rules.__doc__.startswith("The calculus")
