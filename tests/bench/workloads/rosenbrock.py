"""Rosenbrock: one call from Python that gives Rosenbrock's function of two variables and its gradient."""

from __future__ import annotations

from typing import Any

import autograd_mini as am
from tests.bench import jobs
from tests.bench.engines import peer
from tests.bench.jobs import Call

NAME = "rosenbrock"
START = (-1.2, 1.0)  # the customary one
AT_MOST = 1_000_000


def rosenbrock(x: Any, y: Any) -> Any:
    """The function, in the words that all engines but NumPy and C share."""
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def of_values(function: Any) -> Call:
    """This engine, by Values and backward()."""
    x, y = map(am.Value, START)

    def step() -> tuple[float, float, float]:
        z = function(x, y)
        z.backward()
        gradient = x.grad, y.grad
        x.grad = y.grad = 0.0
        return z.data, *gradient

    return Call(step, list, compiles=function is not rosenbrock)


def by_value_and_grad() -> Call:
    """This engine, numbers in and numbers out."""
    function = am.compile(am.value_and_grad(rosenbrock, argnums=(0, 1)))
    return Call(lambda: function(*START), lambda found: [found[0], *found[1]], compiles=True)


def jax() -> Call:
    jax, jnp = jobs.jax_and_numpy()
    function = jax.jit(jax.value_and_grad(lambda p: rosenbrock(p[0], p[1])))
    p = jnp.array(START)
    return Call(lambda: jax.block_until_ready(function(p)), jobs.flattened, compiles=True)


def torch() -> Call:
    p = jobs.torch_on_one_thread().tensor(START, requires_grad=True)

    def step() -> Any:
        z = rosenbrock(p[0], p[1])
        z.backward()
        gradient, p.grad = p.grad, None
        return z.detach(), gradient

    return Call(step, jobs.flattened)


def numpy() -> Call:
    np = peer("numpy")
    p = np.array(START)

    def step() -> Any:
        x, y = p
        inner = y - x * x
        value = (1.0 - x) ** 2 + 100.0 * inner**2
        return value, np.array([-2.0 * (1.0 - x) - 400.0 * x * inner, 200.0 * inner])

    return Call(step, jobs.flattened)


def casadi(in_c: bool = False) -> Call:
    ca = peer("casadi")
    p = ca.SX.sym("p", 2)
    z = rosenbrock(p[0], p[1])
    function = ca.Function("f", [p], [z, ca.gradient(z, p)], jobs.casadi_options(in_c))
    return Call(lambda: function(START), jobs.flattened, compiles=True)


JOBS = {
    jobs.OURS: lambda: of_values(am.compile(rosenbrock)),
    jobs.EAGER: lambda: of_values(rosenbrock),
    "compiled, value_and_grad": by_value_and_grad,
    jobs.JAX: jax,
    jobs.TORCH: torch,
    jobs.NUMPY: numpy,
    jobs.CASADI: casadi,
    jobs.CASADI_C: lambda: casadi(in_c=True),
    jobs.C: lambda: jobs.Program("rosenbrock", START),
    jobs.FAST_C: lambda: jobs.Program("rosenbrock", START, jobs.FAST),
}
