"""GMM: ADBench's log-likelihood of a Gaussian mixture with the Wishart prior, of 1,000 points, and its gradient.

The definition is that of ADBench (github.com/microsoft/ADBench, gmm_objective). Of each component there are the
logarithm of its weight, unnormalised (alpha), its mean, and the factor Q of its inverse covariance (icf): the
logarithms q of the diagonal, and what is below it, column after column. A point x adds

    logsumexp over k of (alpha[k] + sum(q[k]) - ½ |Q[k] (x - mean[k])|²)  -  logsumexp(alpha)
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import autograd_mini as am
from tests.bench import jobs
from tests.bench.engines import peer
from tests.bench.jobs import Call
from tests.bench.training import mapped

COMPONENTS, POINTS = 5, 1000
GAMMA, M = 1.0, 0  # of the Wishart prior, as in ADBench's data


class Mixture:
    """The workload for points of d dimensions."""

    AT_MOST = 1000

    def __init__(self, d: int) -> None:
        self.d = d
        self.NAME = f"gmm, d={d}"
        self.below = [(i, j) for j in range(d) for i in range(j + 1, d)]
        self.shapes = [(COMPONENTS,), (COMPONENTS, d), (COMPONENTS, d + len(self.below))]
        rng = random.Random(d)
        self.numbers = [rng.gauss(0.0, 1.0) for shape in self.shapes for _ in range(math.prod(shape))]
        self.points = [[rng.gauss(0.0, 1.0) for _ in range(d)] for _ in range(POINTS)]
        self.JOBS = {
            jobs.OURS: lambda: self.of_values(am.compile),
            jobs.EAGER: lambda: self.of_values(None),
            jobs.JAX: self.jax,
            jobs.TORCH: self.torch,
            jobs.NUMPY: self.numpy,
            jobs.CASADI: self.casadi,
            jobs.CASADI_C: lambda: self.casadi(in_c=True),
            jobs.C: self.in_c,
            jobs.FAST_C: lambda: self.in_c(jobs.FAST),
        }

    def constant(self) -> float:
        """What does not depend on the parameters: of the normal distribution and of the prior."""
        d, n = self.d, self.d + M + 1
        log_gamma = d * (d - 1) / 4 * math.log(math.pi) + sum(math.lgamma((n - j) / 2) for j in range(d))
        prior = n * d * math.log(GAMMA / math.sqrt(2.0)) - log_gamma
        return -POINTS * d / 2 * math.log(2.0 * math.pi) - COMPONENTS * prior

    def factor(self, exp: Any, icf: Any) -> list[list[Any]]:
        """The rows of Q up to the diagonal."""
        under = dict(zip(self.below, icf[self.d :], strict=True))
        return [[*(under[i, j] for j in range(i)), exp(icf[i])] for i in range(self.d)]

    def of_values(self, compile: Callable[[Any], Any] | None) -> Call:
        """This engine: points are summed by sum(), what they have in common is computed once a call."""
        parameters = [am.Value(x) for x in self.numbers]
        rest = iter(parameters)
        alphas = [next(rest) for _ in range(COMPONENTS)]
        means, icfs = ([[next(rest) for _ in range(n)] for _ in range(COMPONENTS)] for _, n in self.shapes[1:])
        constant, d = self.constant(), self.d

        def components() -> list[tuple[Any, ...]]:
            common = [alpha + am.sum(icf[:d]) for alpha, icf in zip(alphas, icfs, strict=True)]
            return list(zip(common, means, [self.factor(am.exp, icf) for icf in icfs], strict=True))

        def point(x: Any, known: Any) -> Any:
            inner = []
            for common, mean, factor in known:
                centred = [a - b for a, b in zip(x, mean, strict=True)]
                z = [am.dot(row, centred[: len(row)]) for row in factor]
                inner.append(common - 0.5 * am.dot(z, z))
            return am.logsumexp(inner)

        def others() -> Any:
            squares = [a * a for icf in icfs for a in (*map(am.exp, icf[:d]), *icf[d:])]
            logs = [q for icf in icfs for q in icf[:d]]
            return (
                constant - POINTS * am.logsumexp(alphas) + 0.5 * GAMMA**2 * am.sum(squares) - float(M) * am.sum(logs)
            )

        if compile:
            compiled_point, compiled_others = compile(lambda x: point(x, components())), compile(others)
            value = lambda: compiled_point.sum(self.points) + compiled_others()
        else:

            def value() -> Any:
                known = components()
                return am.sum([point(x, known) for x in self.points]) + others()

        def step() -> list[float]:
            y = value()
            y.backward()
            gradient = [p.grad for p in parameters]
            for p in parameters:
                p.grad = 0.0
            return [y.data, *gradient]

        return Call(step, list, compiles=compile is not None)

    def array_value(self, xp: Any, nn: Any, parameters: Any, points: Any, scatter: Any, eye: Any) -> Any:
        """The objective in the words that JAX and PyTorch share."""
        alphas, means, icf = parameters
        q, below = icf[:, : self.d], icf[:, self.d :]
        diagonal = xp.exp(q)
        factor = (below @ scatter).reshape(COMPONENTS, self.d, self.d) + diagonal[:, :, None] * eye
        z = xp.einsum("kij,nkj->nki", factor, points[:, None, :] - means)
        inner = alphas + q.sum(1) - 0.5 * (z * z).sum(2)
        prior = 0.5 * GAMMA**2 * ((diagonal * diagonal).sum() + (below * below).sum()) - M * q.sum()
        return self.constant() + nn.logsumexp(inner, 1).sum() - POINTS * nn.logsumexp(alphas, 0) + prior

    def arrays(self) -> tuple[list[Any], list[Any]]:
        """The parameters; the points, and what puts the entries below the diagonal and on it into their places."""
        np = peer("numpy")
        scatter = np.zeros((len(self.below), self.d * self.d))
        for k, (i, j) in enumerate(self.below):
            scatter[k, i * self.d + j] = 1.0
        return jobs.cut(self.numbers, self.shapes), [np.array(self.points), scatter, np.eye(self.d)]

    def jax(self) -> Call:
        jax, jnp = jobs.jax_and_numpy()
        function = jax.jit(jax.value_and_grad(lambda *args: self.array_value(jnp, jax.nn, *args)))
        parameters, data = (list(map(jnp.array, part)) for part in self.arrays())
        results = lambda found: jobs.flattened([found[0], *found[1]])
        return Call(lambda: jax.block_until_ready(function(parameters, *data)), results, compiles=True)

    def torch(self) -> Call:
        torch = jobs.torch_on_one_thread()
        arrays, data = self.arrays()
        parameters, data = [torch.tensor(a, requires_grad=True) for a in arrays], list(map(torch.tensor, data))

        def step() -> Any:
            y = self.array_value(torch, torch, parameters, *data)
            return y.detach(), torch.autograd.grad(y, parameters)

        return Call(step, lambda found: jobs.flattened([found[0], *found[1]]))

    def numpy(self) -> Call:
        np = peer("numpy")
        (alphas, means, icf), (points, _, _) = self.arrays()
        d, constant, (rows, columns) = self.d, self.constant(), np.array(self.below).T

        def step() -> Any:
            q, below = icf[:, :d], icf[:, d:]
            diagonal = np.exp(q)
            factor = np.zeros((COMPONENTS, d, d))
            factor[:, rows, columns] = below
            factor[:, range(d), range(d)] = diagonal
            centred = points - means[:, None, :]
            z = centred @ factor.transpose(0, 2, 1)
            inner = (alphas + q.sum(1))[:, None] - 0.5 * (z * z).sum(2)
            greatest = inner.max(0)
            shares = np.exp(inner - greatest)
            total = shares.sum(0)
            shares /= total
            weights = np.exp(alphas - alphas.max())
            prior = 0.5 * GAMMA**2 * ((diagonal * diagonal).sum() + (below * below).sum()) - M * q.sum()
            of_weights = math.log(weights.sum()) + alphas.max()
            value = constant + (np.log(total) + greatest).sum() - POINTS * of_weights + prior

            by_inner = shares.sum(1)
            by_z = -shares[:, :, None] * z
            by_factor = by_z.transpose(0, 2, 1) @ centred
            by_alphas = by_inner - POINTS * weights / weights.sum()
            by_means = -(by_z.sum(1)[:, None, :] @ factor)[:, 0, :]
            by_diagonal = by_factor[:, range(d), range(d)] + GAMMA**2 * diagonal
            by_q = by_inner[:, None] + by_diagonal * diagonal - M
            by_below = by_factor[:, rows, columns] + GAMMA**2 * below
            return value, by_alphas, by_means, np.concatenate([by_q, by_below], axis=1)

        return Call(step, jobs.flattened)

    def casadi(self, in_c: bool = False) -> Call:
        ca = peer("casadi")
        d, sizes = self.d, [math.prod(shape) for shape in self.shapes]

        def parts(p: Any) -> tuple[Any, list[Any], list[Any]]:
            alphas, means, icf = ca.vertsplit(p, [0, sizes[0], sizes[0] + sizes[1], sum(sizes)])
            return alphas, ca.vertsplit(means, d), ca.vertsplit(icf, self.shapes[2][1])

        def point(p: Any, x: Any) -> Any:
            alphas, means, icfs = parts(p)
            inner = []
            for k, (mean, icf) in enumerate(zip(means, icfs, strict=True)):
                rows = self.factor(ca.exp, ca.vertsplit(icf))
                z = [ca.dot(ca.vertcat(*row), (x - mean)[: len(row)]) for row in rows]
                inner.append(alphas[k] + ca.sum1(icf[:d]) - 0.5 * ca.sumsqr(ca.vertcat(*z)))
            return ca.logsumexp(ca.vertcat(*inner))

        p, x = ca.MX.sym("p", sum(sizes)), ca.MX.sym("x", d, POINTS)
        alphas, _, icfs = parts(p)
        prior = sum(
            0.5 * GAMMA**2 * (ca.sumsqr(ca.exp(icf[:d])) + ca.sumsqr(icf[d:])) - M * ca.sum1(icf[:d]) for icf in icfs
        )
        y = self.constant() + mapped(point, p, x) - POINTS * ca.logsumexp(alphas) + prior
        function = ca.Function("both", [p, x], [y, ca.gradient(y, p)], jobs.casadi_options(in_c))
        numbers, points = ca.DM(self.numbers), ca.DM(self.points).T
        return Call(lambda: function(numbers, points), jobs.flattened, compiles=True)

    def in_c(self, flags: tuple[str, ...] = ()) -> jobs.Program:
        data = [x for point in self.points for x in point]
        return jobs.Program(
            "gmm", [self.constant(), GAMMA, M, *self.numbers, *data], (f"-DD={self.d}", *flags)
        )


PARTS = [Mixture(2), Mixture(10)]
