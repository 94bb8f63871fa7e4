"""Training in C does what training on Values does, bit for bit, and only where no code of a user's would see it."""

from __future__ import annotations

import functools
import math
import random
from array import array
from fractions import Fraction

import pytest

from autograd_mini import Value, detect_nonfinite, nn, no_grad, softmax
from autograd_mini.columns import rows_of
from autograd_mini.nn import descent, schedules
from autograd_mini.nn.training import train


def data(n=11, width=3):
    rng = random.Random(0)
    X = [[rng.uniform(-1.0, 1.0) for _ in range(width)] for _ in range(n)]
    return X, [1.0 if sum(x) > 0.0 else -1.0 for x in X]


@pytest.fixture
def steps(monkeypatch):
    """The losses of the steps that were made in C."""
    made = []
    differentiate = descent.Descent.differentiate

    def noted(self, examples, batch):
        loss = differentiate(self, examples, batch)
        made.append(loss)
        return loss

    monkeypatch.setattr(descent.Descent, "differentiate", noted)
    return made


def both(monkeypatch, fit):
    """What fit() gives, in C and on Values."""
    quick = fit()
    with monkeypatch.context() as changes:
        changes.setattr(descent.Descents, "find", lambda self, compiled: None)
        return quick, fit()


def trained(make_optimiser=None, make_model=None, X=None, y=None, **options):
    """The history, numbers and gradients of a model, and what its optimiser remembers, after training."""
    model = make_model() if make_model else nn.MLP(3, [4, 1], seed=0)
    optimiser = make_optimiser(model.parameters()) if make_optimiser else nn.SGD(model.parameters(), 0.1)
    options = {"loss": "hinge", "epochs": 4, "batch_size": 4, "progress": False, **options}
    history = train(model, X=X or data()[0], y=y or data()[1], optimiser=optimiser, **options)
    numbers = [(p.data, p.grad) for p in model.parameters()]
    state = {name: x for name, x in vars(optimiser).items() if name in ("velocity", "m", "v", "steps")}
    return vars(history), numbers, state


@pytest.mark.parametrize("batch_size", [1, 3, 4, None])
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches(monkeypatch, steps, batch_size, shuffle):
    quick, slow = both(monkeypatch, lambda: trained(batch_size=batch_size, shuffle=shuffle))
    assert quick == slow
    assert len(steps) == 4 * math.ceil(11 / (batch_size or 11)) - 1 and None not in steps  # the first step records


@pytest.mark.parametrize(
    "make",
    [
        lambda ps: nn.SGD(ps, 0.1, momentum=0.9), lambda ps: nn.SGD(ps, 0.1, momentum=0.5, nesterov=True),
        lambda ps: nn.SGD(ps, 0.1, weight_decay=0.01), lambda ps: nn.Adam(ps, 0.01),
        lambda ps: nn.Adam(ps, 0.01, weight_decay=0.1), lambda ps: nn.Adam(ps, schedules.cosine(0.1, 0.0, 10)),
        lambda ps: nn.SGD(ps[::-1], schedules.step_decay(0.1, every=3)), lambda ps: nn.SGD([*ps, Value(2.0)], 0.1),
        lambda ps: nn.SGD([*ps, Value(2.0)], 0.1, weight_decay=0.5),
    ],
)  # fmt: skip
def test_optimisers(monkeypatch, steps, make):
    quick, slow = both(monkeypatch, lambda: trained(make))
    assert quick == slow and len(steps) == 11 and None not in steps


@pytest.mark.parametrize("loss", [name for name in nn.LOSSES if "entropy" not in name])
def test_losses_of_numbers(monkeypatch, steps, loss):
    quick, slow = both(monkeypatch, lambda: trained(loss=loss))
    assert quick == slow and len(steps) == 11


class Probabilities(nn.MLP):
    """A network whose outputs add up to 1."""

    def __call__(self, x):
        return softmax(super().__call__(x))


@pytest.mark.parametrize("loss", ["cross_entropy", "cross_entropy_with_logits"])
def test_classes(monkeypatch, steps, loss):
    make_model = lambda: (Probabilities if loss == "cross_entropy" else nn.MLP)(3, [4, 3], seed=0)
    quick, slow = both(monkeypatch, lambda: trained(None, make_model, y=[i % 3 for i in range(11)], loss=loss))
    assert quick == slow and len(steps) == 11 and None not in steps


def test_numpy_examples(monkeypatch, steps):
    np = pytest.importorskip("numpy")
    X, y = map(np.array, data())
    quick, slow = both(monkeypatch, lambda: trained(X=list(X), y=list(y)))
    assert quick == slow == trained() and len(steps) == 22


class Mine(nn.SGD):
    """An optimiser of a user's."""


def sees(ps):
    """A schedule that looks at the parameters."""
    return lambda step: 0.01 * (1.0 + abs(ps[0].data))


def wrapping(ps):
    """A schedule that says it is one of the package's."""
    rate = schedules.linear(0.1, 0.01, 20)
    return functools.wraps(rate)(lambda step: rate(step) / (1.0 + abs(ps[0].data)))


def patched(name):
    """SGD with a method of a user's, which looks at the parameters."""

    def make(ps):
        optimiser = nn.SGD(ps, 0.1)
        method = getattr(optimiser, name)
        setattr(optimiser, name, lambda: 0.01 * abs(ps[0].data) if name == "learning_rate" else method() or None)
        return optimiser

    return make


LEFT_TO_VALUES = {
    "a class": lambda ps: Mine(ps, 0.1),
    "a schedule": lambda ps: nn.SGD(ps, sees(ps)),
    "a wrapped schedule": lambda ps: nn.SGD(ps, wrapping(ps)),
    "its learning_rate": patched("learning_rate"),
    "its zero_grad": patched("zero_grad"),
    "its step": patched("step"),
    "some of the parameters": lambda ps: nn.SGD(ps[:-1], 0.1),
}


@pytest.mark.parametrize("name", LEFT_TO_VALUES)
def test_what_could_see_parameters_is_left_to_values(monkeypatch, steps, name):
    quick, slow = both(monkeypatch, lambda: trained(LEFT_TO_VALUES[name]))
    assert quick == slow and not steps


def test_methods_put_into_the_class_are_called(monkeypatch, steps):
    step = nn.SGD.step
    monkeypatch.setattr(nn.SGD, "step", lambda self: step(self) or None)
    quick, slow = both(monkeypatch, trained)
    assert quick == slow and not steps


def test_inputs_that_are_values_receive_their_gradients(monkeypatch, steps):
    X = [[Value(number) for number in x] for x in data()[0]]

    def fit():
        for x in X:
            for part in x:
                part.grad = 0.0
        return trained(X=X), [part.grad for x in X for part in x]

    quick, slow = both(monkeypatch, fit)
    assert quick == slow and any(quick[1]) and not steps


def test_inside_no_grad_nothing_is_trained(steps):
    model = nn.MLP(3, [4, 1], seed=0)
    optimiser = nn.SGD(model.parameters(), 0.1)
    train(model, "hinge", *data(), optimiser=optimiser, epochs=2, progress=False)
    del steps[:]
    before = [p.data for p in model.parameters()]
    with no_grad():
        train(model, "hinge", *data(), optimiser=optimiser, epochs=2, progress=False)
    assert not steps and [p.data for p in model.parameters()] == before


def test_a_loss_of_other_values_is_left_to_values(monkeypatch, steps):
    scale = Value(2.0)

    def fit():
        scale.grad = 0.0
        return trained(loss=lambda y, t: scale * (y - t) ** 2), scale.grad

    quick, slow = both(monkeypatch, fit)
    assert quick == slow and quick[1] != 0.0 and not steps


def test_inside_detect_nonfinite_all_is_done_on_values(monkeypatch, steps):
    with detect_nonfinite():
        quick, slow = both(monkeypatch, trained)
    assert quick == slow and not steps


class Branching(nn.Module):
    """A model that takes one of two ways."""

    def __init__(self):
        self.w = [Value(0.5), Value(-0.5)]

    def __call__(self, x):
        return self.w[0] * x[0] if x[0] > 0.9 else self.w[1] * x[0]


def test_examples_that_take_another_way(monkeypatch, steps):
    X, y = [[0.1], [0.2], [0.3], [0.4], [1.0]], [1.0] * 5
    options = {"make_model": Branching, "X": X, "y": y, "batch_size": 1, "shuffle": False, "epochs": 3}
    quick, slow = both(monkeypatch, lambda: trained(**options))
    assert quick == slow
    assert len(steps) == 4 and steps[3] is None  # with a second recording, it is for Values


def test_examples_of_different_lengths(monkeypatch, steps):
    w = Value(0.5)

    def fit():
        w.data = 0.5
        history = train(
            lambda x: w * sum(x), "mean_squared_error", [[1.0], [2.0, 3.0], [4.0]], [1.0, 2.0, 3.0], epochs=5,
            optimiser=nn.SGD([w], 0.001), progress=False,
        )  # fmt: skip
        return vars(history), w.data

    quick, slow = both(monkeypatch, fit)
    assert quick == slow and not steps


def test_a_metric_sees_the_parameters_and_may_change_the_examples(monkeypatch, steps):
    def fit():
        (X, y), seen = data(), []

        def metric(model, inputs, targets):
            seen.append([p.data for p in model.parameters()])
            for x in inputs:
                x[0] *= 0.5
            return 0.0

        return trained(X=X, y=y, metric=metric), seen

    quick, slow = both(monkeypatch, fit)
    assert quick == slow and len(steps) == 11 and len({tuple(numbers) for numbers in quick[1]}) == 4


OFFSET = 0.0


class Scaled(nn.MLP):
    """A network that reads a number of its own, and one in a variable."""

    scale = 1.0

    def __call__(self, x):
        return self.scale * super().__call__(x) + OFFSET


@pytest.mark.parametrize("changes", ["attribute", "variable"])
def test_a_metric_may_change_what_the_model_reads(monkeypatch, steps, changes):
    def metric(model, inputs, targets):
        if changes == "attribute":
            model.scale *= 0.5
        else:
            monkeypatch.setitem(globals(), "OFFSET", OFFSET + 0.25)
        return 0.0

    def fit():
        monkeypatch.setitem(globals(), "OFFSET", 0.0)
        return trained(None, lambda: Scaled(3, [4, 1], seed=0), metric=metric)

    quick, slow = both(monkeypatch, fit)
    assert quick == slow and len(steps) == 8  # the first step of an epoch records


@pytest.mark.parametrize("bad", [math.inf, math.nan, 1e308])
def test_divergence_is_reported_alike(monkeypatch, bad):
    def fit():
        X, y = data()
        X[6][1] = bad
        model = nn.MLP(3, [4, 1], seed=0)
        with pytest.raises(nn.Diverged) as error:
            train(model, "mean_squared_error", X, y, epochs=5, batch_size=2, shuffle=False, progress=False)
        return str(error.value), [p.data for p in model.parameters()]

    quick, slow = both(monkeypatch, fit)
    assert quick == slow and "epoch 1, batch 4" in quick[0]


@pytest.mark.parametrize("lr", [1e3, 1e160, 1e307])
def test_too_high_a_learning_rate_is_reported_alike(monkeypatch, lr):
    def fit():
        model = nn.MLP(3, [4, 1], activation="linear", seed=0)
        with pytest.raises(nn.Diverged) as error:
            train(model, "mean_squared_error", *data(), epochs=500, lr=lr, batch_size=2, progress=False)
        return str(error.value), [p.data for p in model.parameters()]

    quick, slow = both(monkeypatch, fit)
    assert quick == slow


def one_weight(loss, targets, lr, batch_size):
    """What stops the training of w · x from w = 1 at ones, and where."""
    w = Value(1.0)
    optimiser = nn.SGD([w], lr)
    with pytest.raises(nn.Diverged) as error:
        train(
            lambda x: w * x, loss, [1.0] * len(targets), targets, optimiser=optimiser, epochs=1, batch_size=batch_size,
            shuffle=False, progress=False,
        )  # fmt: skip
    return str(error.value), w.data, w.grad, optimiser.steps


def test_a_step_in_c_out_of_the_finite_numbers(monkeypatch, steps):
    quick, slow = both(monkeypatch, lambda: one_weight(lambda y, t: y, [1.0] * 9, 1e308, 1))
    assert quick == slow and "batch 2: the step takes a weight" in quick[0] and len(steps) == 1


def test_a_mean_in_c_out_of_the_finite_numbers(monkeypatch, steps):
    targets = [0.0, *[1.2e308] * 3, 0.0]
    quick, slow = both(monkeypatch, lambda: one_weight(lambda y, t: y + t, targets, 0.1, 4))
    assert quick == slow and "batch 1" in quick[0]
    quick, slow = both(monkeypatch, lambda: one_weight(lambda y, t: y + t, [0.0] * 3 + [1.2e308] * 3, 0.1, 3))
    assert quick == slow and "batch 2" in quick[0] and steps[-1] is None


@pytest.mark.parametrize("bad", [Fraction(10**400), "text", None])
def test_examples_that_are_no_numbers_are_reported_when_they_come(monkeypatch, bad):
    def fit():
        X, y = data()
        X[-1] = [bad, 0.0, 1.0]
        model = nn.MLP(3, [4, 1], seed=0)
        with pytest.raises(Exception) as error:
            train(model, "hinge", X, y, epochs=2, batch_size=3, shuffle=False, progress=False)
        return type(error.value), str(error.value), [p.data for p in model.parameters()]

    quick, slow = both(monkeypatch, fit)
    assert quick == slow and quick[2] != [p.data for p in nn.MLP(3, [4, 1], seed=0).parameters()]


def test_after_an_interruption_the_parameters_are_those_of_the_last_step(monkeypatch):
    differentiate = descent.Descent.differentiate

    def fit(n):
        model, calls = nn.MLP(3, [4, 1], seed=0), []
        optimiser = nn.SGD(model.parameters(), 0.1, momentum=0.9)

        def interrupted(self, examples, batch):
            calls.append(batch)
            if len(calls) == 5:
                raise KeyboardInterrupt
            return differentiate(self, examples, batch)

        monkeypatch.setattr(descent.Descent, "differentiate", interrupted)
        X, y = data()
        options = {"optimiser": optimiser, "epochs": 1, "batch_size": 1, "shuffle": False, "progress": False}
        if n < len(X):
            train(model, "hinge", X[:n], y[:n], **options)
        else:
            with pytest.raises(KeyboardInterrupt):
                train(model, "hinge", X, y, **options)
        return [p.data for p in model.parameters()], list(optimiser.velocity), optimiser.steps

    assert fit(11) == fit(5) != fit(4)


def test_many_numbers_are_not_copied(monkeypatch, steps):
    monkeypatch.setattr(descent, "MOST_NUMBERS", 43)
    assert trained() and not steps
    monkeypatch.setattr(descent, "MOST_NUMBERS", 44)
    assert trained() and len(steps) == 11


class Shrinking(nn.optimisers.OfArrays):
    """An optimiser of a user's that loses the numbers it is to change."""

    def move(self, x, g, lr):
        del x[:]


WRONG = [array("f", [1.0, 2.0, 3.0]), array("d", [1.0, 2.0]), array("q", [1, 2, 3]), [1.0, 2.0, 3.0]]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("make", [nn.SGD, nn.Adam])
def test_optimisers_work_on_arrays_of_doubles_only(make, wrong):
    optimiser = make([Value(1.0) for _ in range(3)], 0.1)
    good = array("d", [1.0, 2.0, 3.0])
    for x, g in ((wrong, good), (good, wrong)):
        before = list(x), list(g)
        with pytest.raises(ValueError, match=r"an optimiser was given or remembers .*: it takes an array"):
            optimiser.advance(x, g)
        assert (list(x), list(g)) == before


def test_an_optimiser_gives_back_as_many_numbers_as_there_are_parameters():
    parameters = [Value(1.0) for _ in range(3)]
    with pytest.raises(ValueError, match=r"it takes an array\('d'\) of 3 numbers"):
        Shrinking(parameters, 0.1).step()
    assert [p.data for p in parameters] == [1.0] * 3


@pytest.mark.parametrize("place", [-1, 2, 2**62, 2**63 - 1])
def test_rows_that_there_are_not(place):
    numbers = array("d", [1.0, 2.0, 3.0, 4.0])
    assert list(rows_of(numbers, 2, [1, 0])) == [3.0, 4.0, 1.0, 2.0] and list(rows_of(numbers, 0, [5])) == []
    with pytest.raises(IndexError, match="there is no row"):
        rows_of(numbers, 2, [0, place])


@pytest.mark.parametrize("wrong", [None, [1.0], array("f", [1.0])], ids=repr)
def test_rows_of_what_is_no_array_of_doubles(wrong):
    with pytest.raises(TypeError, match=r"an array\('d'\)"):
        rows_of(wrong, 1, [0])
