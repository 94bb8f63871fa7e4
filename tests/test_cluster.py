"""Batches on the workers of a Dask cluster: the numbers and gradients of one machine, or Dask's error."""

from __future__ import annotations

import logging
import math
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor

import pytest

import autograd_mini as am
from autograd_mini import Value
from tests.conftest import PACKAGE
from tests.test_batch import B, W, branches, of_parameters, outcome, rounds, sums, uniform, values_in
from tests.test_compile import untouched

distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
dask = pytest.importorskip("dask")

SECONDS = 40.0  # for a test, before its client is closed: it is to fail, not to hang
KINDS = ["sum", "mean", "map"]

EXAMPLE = """
from dask.distributed import Client

import autograd_mini as am

w = am.Value(1.5, label="w")


@am.compile
def loss(x, y):
    error = (w * x).tanh() - y
    return error * error if error > 0.0 else -error


if __name__ == "__main__":
    X, Y = [0.1 * i for i in range(100)], [0.5 for _ in range(100)]
    with Client(n_workers=2, threads_per_worker=1) as client:
        loss.mean(X, Y, executor=client.get_executor(pure=False)).backward()
    gradient, w.grad = w.grad, 0.0
    loss.mean(X, Y).backward()
    print(gradient, w.grad)
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of two processes on this machine. A part of a batch whose worker dies is not given to another."""
    with (
        dask.config.set({"temporary-directory": str(tmp_path_factory.mktemp("dask"))}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=logging.CRITICAL,
            scheduler_kwargs={"allowed_failures": 0},
        ) as cluster,
        distributed.Client(cluster, timeout=SECONDS) as client,
    ):  # fmt: skip
        yield client


@pytest.fixture
def executor(client):
    """Dask's own executor, with both workers there; what a test waits for is given up after some time."""
    client.wait_for_workers(2, timeout=SECONDS)
    timer = threading.Timer(SECONDS, client.close)
    timer.start()
    yield client.get_executor()
    timer.cancel()


class Also(Executor):
    """An executor whose workers do something else with what they are given, before they do what they should."""

    def __init__(self, executor, first):
        self.executor, self.first = executor, first

    def submit(self, function, /, *args):
        first = self.first  # by value: a worker need not import this file

        def both(*args):
            first(*args)
            return function(*args)

        return self.executor.submit(both, *args)


def columns(n):
    """Two columns, some of their numbers Values, and all the Values that a batch may depend on."""
    x, y = uniform(n), uniform(n, 1)
    x[::3] = [Value(v) for v in x[::3]]
    return x, y, [W, B, *values_in(x)]


def agree(compiled, kind, n, executor, parts=None):
    """Assert that the executor gives what this process gives: the numbers and the gradients."""
    x, y, leaves = columns(n)
    run = getattr(compiled, kind)
    here = outcome(lambda: run(x, y), leaves)
    there = outcome(lambda: run(x, y, executor=executor, parts=parts), leaves)
    assert len(here) == len(there) == (n if kind == "map" else 1 + len(leaves))
    assert all(abs(a - b) <= 1e-12 * max(1.0, abs(a)) for a, b in zip(here, there, strict=True))


@pytest.mark.parametrize("parts", [1, 2, 7])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 70, 1000])
@pytest.mark.parametrize("function", [branches, sums])
def test_gives_what_one_machine_gives(executor, function, n, parts):
    compiled = am.compile(function)
    for kind in KINDS:
        agree(compiled, kind, n, executor, parts)


@pytest.mark.parametrize("kind", KINDS)
def test_records_each_way_through_once(executor, kind):
    compiled = am.compile(rounds)
    agree(compiled, kind, 70, executor)
    known = compiled.cache_info()
    assert known.misses == known.currsize > 2
    agree(compiled, kind, 70, executor)
    assert compiled.cache_info().misses == known.misses


def test_a_parameter_that_changes(executor, monkeypatch):
    compiled = am.compile(of_parameters)
    for data in (1.5, -2.0, 0.5, 1.5, -2.0):
        monkeypatch.setattr(W, "data", data)
        for kind in KINDS:
            agree(compiled, kind, 70, executor)
    assert compiled.cache_info().currsize == 4


def test_finds_the_same_errors(executor):
    compiled = am.compile(lambda x: W / x)
    numbers = [Value(x if abs(x) > 0.1 else 1.0) for x in uniform(70)]
    numbers[33] = Value(0.0, label="the culprit")
    with pytest.raises(ZeroDivisionError, match="division by zero: w / the culprit"):
        compiled.sum(numbers, executor=executor)
    numbers[33] = Value(math.nan)
    assert math.isnan(compiled.sum(numbers, executor=executor).data)


# Workers.


def test_workers_have_the_same_engine(client, executor):
    def engine():
        import autograd_mini

        return autograd_mini.__file__, autograd_mini.COMPILED

    assert set(client.run(engine).values()) == {(str(PACKAGE / "__init__.py"), am.COMPILED)}


def test_each_worker_has_a_part(client, executor, tmp_path):
    def sign(*args):
        (tmp_path / str(os.getpid())).touch()
        time.sleep(0.3)  # so that the other worker is idle

    agree(am.compile(sums), "sum", 70, Also(executor, sign), 2)
    assert {int(path.name) for path in tmp_path.iterdir()} == set(client.run(os.getpid).values())


def test_only_the_workers_that_the_executor_names(client, executor, tmp_path):
    def sign(*args):
        (tmp_path / str(os.getpid())).touch()

    for address, pid in client.run(os.getpid).items():
        agree(am.compile(sums), "sum", 70, Also(client.get_executor(workers=[address]), sign), 3)
        assert [path.name for path in tmp_path.iterdir()] == [str(pid)]
        (tmp_path / str(pid)).unlink()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [0, 89])
def test_a_worker_that_dies(executor, monkeypatch, kind, place):
    x, y, leaves = columns(90)
    fatal = y[place]

    def die(program, numbers, inputs, *rest):
        if fatal in inputs:
            os._exit(1)

    monkeypatch.setattr(W, "grad", 0.25)
    before = [(leaf.data, leaf.grad) for leaf in leaves]
    compiled = am.compile(sums)
    with pytest.raises(distributed.KilledWorker):
        getattr(compiled, kind)(x, y, executor=Also(executor, die), parts=3)
    assert [(leaf.data, leaf.grad) for leaf in leaves] == before
    untouched()
    agree(compiled, kind, 90, executor)


@pytest.mark.parametrize("kind", KINDS)
def test_another_worker_takes_the_part_of_one_that_died(client, executor, monkeypatch, tmp_path, kind):
    died = tmp_path / "died"

    def die_once(*args):
        if not died.exists():
            died.touch()
            os._exit(1)

    monkeypatch.setattr(client.cluster.scheduler, "allowed_failures", 3)
    agree(am.compile(sums), kind, 70, Also(executor, die_once), 2)
    assert died.exists()


def test_the_example_is_a_script(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(EXAMPLE)
    path = os.pathsep.join([str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, timeout=SECONDS, text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    there, here = map(float, done.stdout.split())
    assert here and there == pytest.approx(here, rel=1e-12)
