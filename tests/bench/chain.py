"""The workload "chain": mixed scalar operations, each of which uses the result before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.engines import Engine

OPERATIONS_PER_ROUND = 8
ROUNDS = 1000  # 8,000 operations: a graph of the size that a small training step has
OPERATIONS = OPERATIONS_PER_ROUND * ROUNDS

# Start and four coefficients with which a round comes to rest near y = 0.7 with a slope of -0.9: neither the values
# nor the gradients vanish or explode on the way, so no engine is timed on denormal numbers.
LEAVES = (0.6, 1.5, 0.6, 1.2, 0.475)


def chain(engine: Engine, leaves: Sequence[Any]) -> Any:
    """Return the end of a chain of `+ - * / ** relu`, the operations that every engine here has of its own."""
    y, a, b, c, d = leaves
    relu = engine.relu
    for _ in range(ROUNDS):
        y = y * a
        y = y + b
        y = y / c
        y = y - d
        y = y**2
        y = 0.4 * y
        y = 1.024 - y
        y = relu(y)
    return y


def many_chains(engine: Engine, leaves: Sequence[Any], count: int) -> Any:
    """Return the sum of the ends of many chains, so that one recording keeps all of them alive."""
    return sum(chain(engine, leaves) for _ in range(count))
