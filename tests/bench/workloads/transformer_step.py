"""Transformer: one step of training of the character transformer on the median name; and without Adam, its gradient."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import autograd_mini as am
from tests.bench import jobs, transformer
from tests.bench.engines import Engine, peer
from tests.bench.training import InCasadi, InJax, InNumpy, InTorch, OfValues, adam
from tests.bench.transformer import HEAD_WIDTH, HEADS, SHAPES, WIDTH

AT_MOST = 1000  # steps in a row: later the loss is nearly 0, and other numbers are timed than a training has
LEARNING_RATE = 1e-3
TOKENS = transformer.encode(transformer.median_name())
LENGTH = len(TOKENS) - 1
NUMBERS = transformer.initial_parameters()


class Unshifted(Engine):
    """This engine without the greatest score: its data may not be read in a compiled function, and these are small."""

    data = staticmethod(lambda score: 0.0)


class CasadiEngine(Unshifted):
    def __init__(self) -> None:
        ca = peer("casadi")
        self.exp, self.log, self.relu = ca.exp, ca.log, lambda x: ca.fmax(x, 0.0)


def of_values(compiled: bool, rate: float = LEARNING_RATE) -> OfValues:
    engine = Unshifted(am.Value)
    leaves = engine.leaves(NUMBERS)
    loss = lambda: transformer.loss(engine, leaves, TOKENS)
    if compiled:
        loss = am.compile(loss)
    optimiser = (lambda leaves: am.nn.Adam(leaves, rate)) if rate else None
    return OfValues(leaves, NUMBERS, loss, [()], optimiser, compiled)


def array_loss(nn: Any, weights: Any, tokens: Any, targets: Any, mask: Any) -> Any:
    """The loss of all positions at once, in the words that JAX and PyTorch share; nn is what has their softmax."""
    token, position, query, key, value, output, expand, contract, logits = weights

    def normalised(x: Any) -> Any:
        return x * ((x * x).mean(-1, keepdims=True) + 1e-5) ** -0.5

    def heads(x: Any) -> Any:
        return x.reshape(LENGTH, HEADS, HEAD_WIDTH).swapaxes(0, 1)

    x = normalised(token[tokens] + position[:LENGTH])
    normal = normalised(x)
    scores = heads(normal @ query.T) @ heads(normal @ key.T).swapaxes(1, 2) / HEAD_WIDTH**0.5
    mixed = nn.softmax(scores + mask, -1) @ heads(normal @ value.T)
    x = x + mixed.swapaxes(0, 1).reshape(LENGTH, WIDTH) @ output.T
    x = x + nn.relu(normalised(x) @ expand.T) @ contract.T
    return -(nn.log_softmax(x @ logits.T, -1) * targets).sum() / LENGTH


def batch() -> tuple[Any, ...]:
    """The tokens, the targets as rows with a 1, and the mask that hides later positions."""
    np = peer("numpy")
    targets = np.zeros((LENGTH, transformer.VOCABULARY))
    targets[np.arange(LENGTH), TOKENS[1:]] = 1.0
    return np.array(TOKENS[:-1]), targets, np.triu(np.full((LENGTH, LENGTH), -np.inf), 1)


def arrays() -> list[Any]:
    return jobs.cut(NUMBERS, SHAPES.values())


def jax(rate: float) -> InJax:
    nn = peer("jax").nn
    return InJax(arrays(), lambda *args: array_loss(nn, *args), [batch()], adam(rate) if rate else None)


def torch(rate: float) -> InTorch:
    torch = jobs.torch_on_one_thread()
    optimiser = (lambda parameters: torch.optim.Adam(parameters, lr=rate)) if rate else None
    return InTorch(arrays(), lambda *args: array_loss(torch, *args), [batch()], optimiser)


def numpy(rate: float) -> InNumpy:
    np = peer("numpy")

    def normalised(x: Any) -> tuple[Any, Any]:
        scale = ((x * x).mean(-1, keepdims=True) + 1e-5) ** -0.5
        return x * scale, scale

    def through_normalised(g: Any, x: Any, scale: Any) -> Any:
        return scale * g - x * (scale**3 * (g * x).mean(-1, keepdims=True))

    def heads(x: Any) -> Any:
        return x.reshape(LENGTH, HEADS, HEAD_WIDTH).transpose(1, 0, 2)

    def unheads(x: Any) -> Any:
        return x.transpose(1, 0, 2).reshape(LENGTH, WIDTH)

    def softmax(x: Any) -> Any:
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def both(weights: Any, by_weights: Any, tokens: Any, targets: Any, mask: Any) -> float:
        token, position, query, key, value, output, expand, contract, logits = weights
        (by_token, by_position, by_query, by_key, by_value, by_output, by_expand, by_contract, by_logits) = by_weights
        x0 = token[tokens] + position[:LENGTH]
        x1, scale0 = normalised(x0)
        normal1, scale1 = normalised(x1)
        q, k, v = heads(normal1 @ query.T), heads(normal1 @ key.T), heads(normal1 @ value.T)
        attention = softmax(q @ k.transpose(0, 2, 1) / HEAD_WIDTH**0.5 + mask)
        mixed = unheads(attention @ v)
        x2 = x1 + mixed @ output.T
        normal2, scale2 = normalised(x2)
        hidden = np.maximum(normal2 @ expand.T, 0.0)
        x3 = x2 + hidden @ contract.T
        probabilities = softmax(x3 @ logits.T)
        loss = -np.log((probabilities * targets).sum(-1)).sum() / LENGTH

        g = (probabilities - targets) / LENGTH
        by_logits[:] = g.T @ x3
        g = g @ logits
        by_contract[:] = g.T @ hidden
        by_hidden = (g @ contract) * (hidden > 0.0)
        by_expand[:] = by_hidden.T @ normal2
        g = g + through_normalised(by_hidden @ expand, x2, scale2)
        by_output[:] = g.T @ mixed
        by_mixed = heads(g @ output)
        by_v = unheads(attention.transpose(0, 2, 1) @ by_mixed)
        by_scores = by_mixed @ v.transpose(0, 2, 1)
        by_scores = attention * (by_scores - (by_scores * attention).sum(-1, keepdims=True)) / HEAD_WIDTH**0.5
        by_q, by_k = unheads(by_scores @ k), unheads(by_scores.transpose(0, 2, 1) @ q)
        by_query[:], by_key[:], by_value[:] = by_q.T @ normal1, by_k.T @ normal1, by_v.T @ normal1
        g = g + through_normalised(by_q @ query + by_k @ key + by_v @ value, x1, scale1)
        g = through_normalised(g, x0, scale0)
        by_position[:LENGTH] = g
        by_token[:] = 0.0
        np.add.at(by_token, tokens, g)
        return loss

    return InNumpy(arrays(), both, [batch()], adam(rate) if rate else None)


def casadi(rate: float, in_c: bool = False) -> InCasadi:
    engine, ca = CasadiEngine(), peer("casadi")
    loss = lambda p: transformer.loss(engine, ca.vertsplit(p), TOKENS)
    return InCasadi(NUMBERS, loss, [()], adam(rate) if rate else None, in_c)


def in_c(rate: float, flags: tuple[str, ...] = ()) -> jobs.Program:
    pairs = [float(token) for pair in pairwise(TOKENS) for token in pair]
    return jobs.Program("transformer", [rate, LENGTH, *pairs, *NUMBERS], flags)


class Step:
    """The workload with a learning rate; 0.0 is without Adam."""

    AT_MOST = AT_MOST

    def __init__(self, name: str, rate: float) -> None:
        self.NAME = name
        self.JOBS = {
            jobs.OURS: lambda: of_values(True, rate),
            jobs.EAGER: lambda: of_values(False, rate),
            jobs.JAX: lambda: jax(rate),
            jobs.TORCH: lambda: torch(rate),
            jobs.NUMPY: lambda: numpy(rate),
            jobs.CASADI: lambda: casadi(rate),
            jobs.CASADI_C: lambda: casadi(rate, in_c=True),
            jobs.C: lambda: in_c(rate),
            jobs.FAST_C: lambda: in_c(rate, jobs.FAST),
        }


PARTS = [Step("transformer", LEARNING_RATE), Step("transformer, gradient", 0.0)]
