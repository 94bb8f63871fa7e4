"""The workload "transformer": one training step of a character transformer with 4,192 parameters, in scalars."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path
from statistics import median_low
from typing import Any

from tests.bench.engines import Engine

NAMES = Path(__file__).parents[2] / "notebooks" / "data" / "names.txt"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
BOUNDARY = len(LETTERS)  # the token before and after a name
VOCABULARY = len(LETTERS) + 1
WIDTH, HEADS, BLOCK = 16, 4, 16
HEAD_WIDTH = WIDTH // HEADS

# Rows and columns of each matrix: microgpt's architecture, one layer, no biases.
SHAPES = {
    "token": (VOCABULARY, WIDTH),
    "position": (BLOCK, WIDTH),
    "query": (WIDTH, WIDTH),
    "key": (WIDTH, WIDTH),
    "value": (WIDTH, WIDTH),
    "output": (WIDTH, WIDTH),
    "expand": (4 * WIDTH, WIDTH),
    "contract": (WIDTH, 4 * WIDTH),
    "logits": (VOCABULARY, WIDTH),
}
Vector = list[Any]
Matrix = list[Vector]


def initial_parameters(seed: int = 42) -> list[float]:
    """Return the 4,192 starting weights as one flat list."""
    generator = random.Random(seed)
    return [generator.gauss(0.0, 0.08) for rows, columns in SHAPES.values() for _ in range(rows * columns)]


def median_name() -> str:
    """Return the first name of median length: the one example every engine is timed on."""
    names = NAMES.read_text(encoding="utf-8").split()
    length = median_low(map(len, names))
    return next(name for name in names if len(name) == length)


def encode(name: str) -> list[int]:
    """Return the tokens of a name between two boundary tokens."""
    return [BOUNDARY, *map(LETTERS.index, name), BOUNDARY]


def matrices(leaves: Sequence[Any]) -> dict[str, Matrix]:
    """Cut the flat list of parameters into named matrices."""
    rest = iter(leaves)
    return {name: [list(islice(rest, columns)) for _ in range(rows)] for name, (rows, columns) in SHAPES.items()}


def dot(u: Vector, v: Vector) -> Any:
    return sum(a * b for a, b in zip(u, v, strict=True))


def times(matrix: Matrix, x: Vector) -> Vector:
    return [dot(row, x) for row in matrix]


def plus(u: Vector, v: Vector) -> Vector:
    return [a + b for a, b in zip(u, v, strict=True)]


def normalise(x: Vector) -> Vector:
    """Scale a vector to a root mean square of one (RMSNorm without parameters)."""
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [a * scale for a in x]


def softmax(engine: Engine, scores: Vector) -> Vector:
    """Return the probabilities of scores; the greatest is subtracted as a plain number, so exp cannot overflow."""
    greatest = max(map(engine.data, scores))
    weights = [engine.exp(score - greatest) for score in scores]
    total = sum(weights)
    return [weight / total for weight in weights]


def attend(engine: Engine, query: Vector, keys: Matrix, values: Matrix) -> Vector:
    """Return, head after head, the average of the values seen so far, weighted by how well their keys fit."""
    mixed = []
    for start in range(0, WIDTH, HEAD_WIDTH):
        head = slice(start, start + HEAD_WIDTH)
        weights = softmax(engine, [dot(query[head], key[head]) / HEAD_WIDTH**0.5 for key in keys])
        mixed += [dot(weights, list(column)) for column in zip(*(value[head] for value in values), strict=True)]
    return mixed


def loss(engine: Engine, leaves: Sequence[Any], tokens: list[int]) -> Any:
    """Return the mean of -log p(next token) over the positions of one name."""
    weights = matrices(leaves)
    keys: Matrix = []
    values: Matrix = []
    losses = []
    for position, (token, target) in enumerate(pairwise(tokens)):
        x = normalise(plus(weights["token"][token], weights["position"][position]))

        normal = normalise(x)
        keys.append(times(weights["key"], normal))
        values.append(times(weights["value"], normal))
        mixed = attend(engine, times(weights["query"], normal), keys, values)
        x = plus(x, times(weights["output"], mixed))

        hidden = [engine.relu(a) for a in times(weights["expand"], normalise(x))]
        x = plus(x, times(weights["contract"], hidden))

        probabilities = softmax(engine, times(weights["logits"], x))
        losses.append(-engine.log(probabilities[target]))
    return sum(losses) / len(losses)
