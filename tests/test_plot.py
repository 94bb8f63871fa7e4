"""Tests of the pictures of training: lines and points against data, regions against pixels, and what is refused."""

from __future__ import annotations

import math
import random
import subprocess
import sys

import pytest

import autograd_mini as am
from autograd_mini import Value, nn
from autograd_mini.value import is_recording
from tests.test_nn import moons

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
numpy = pytest.importorskip("numpy")
pyplot = pytest.importorskip("matplotlib.pyplot")

QuadContourSet = pytest.importorskip("matplotlib.contour").QuadContourSet

pytestmark = pytest.mark.filterwarnings("error")

INF, NAN = math.inf, math.nan


@pytest.fixture(autouse=True)
def no_show_and_no_figure_left(monkeypatch):
    """Fail where a window would be opened; close the figures of each test."""

    def shown(*args, **options):
        raise AssertionError("a plot function shows its figure")

    monkeypatch.setattr(pyplot, "show", shown)
    yield
    pyplot.close("all")


def test_importing_the_package_does_not_import_matplotlib():
    code = "import sys, autograd_mini; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(
    "plot", [lambda: am.plot_history(nn.History([1.0])), lambda: am.plot_decision(lambda x: 0.0, [[0.0, 1.0]], [1])]
)
def test_without_matplotlib_it_says_what_to_install(plot, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'run pip install "autograd_mini\[plot\]"'):
        plot()


# The history.

HISTORIES = [
    nn.History([3.0, 2.0, 1.5]),
    nn.History([3.0, 2.0, 1.5], [0.1, 0.7, 0.6]),
    nn.History([3.0, 2.0, 1.5], [0.1, 0.7, 0.6], [0.2, 0.5, 0.4]),
    nn.History([3.0, 2.0, 1.5], test_metric=[0.2, 0.5, 0.4]),
    nn.History([1.0], [0.5], [0.5]),
    nn.History([1.0 / k for k in range(1, 1001)], [0.5] * 999 + [NAN]),
]


@pytest.mark.parametrize("history", HISTORIES, ids=range(len(HISTORIES)))
def test_each_list_is_a_line_over_the_epochs(history):
    ax = am.plot_history(history)
    given = {"loss": history.loss, "metric": history.metric, "metric of test data": history.test_metric}
    expected = {name: ys for name, ys in given.items() if ys}
    drawn = {line.get_label(): line for one in ax.figure.axes for line in one.get_lines()}
    assert {name: str(list(map(float, line.get_ydata()))) for name, line in drawn.items()} == {
        name: str(ys) for name, ys in expected.items()
    }
    assert all(list(line.get_xdata()) == list(range(1, len(history.loss) + 1)) for line in drawn.values())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(expected)
    assert [line.get_label() for line in ax.get_lines()] == ["loss"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "mean loss")
    others = [one for one in ax.figure.axes if one is not ax]
    assert [(one.get_ylabel(), one.yaxis.get_ticks_position()) for one in others] == [("metric", "right")] * (
        len(expected) > 1
    )


def test_lines_differ_without_colours_too():
    ax = am.plot_history(HISTORIES[2])
    lines = [line for one in ax.figure.axes for line in one.get_lines()]
    assert len({line.get_linestyle() for line in lines}) == len({line.get_marker() for line in lines}) == 3
    assert [line.get_color() for line in lines] == ["#0072B2", "#D55E00", "#D55E00"]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000])
def test_epochs_are_whole_numbers_all_in_sight_with_some_markers(n):
    ax = am.plot_history(nn.History([1.0] * n))
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    ticks = [x for x in ax.get_xticks() if low <= x <= high]
    assert ticks and all(x == int(x) for x in ticks)
    assert low < 1 and high > n
    (line,) = ax.get_lines()
    assert min(n, 9) <= len(range(0, n, line.get_markevery())) <= 19


def test_what_train_returns_is_drawn(tmp_path):
    X, y = moons(10)
    model = nn.MLP(2, [2, 1], seed=0)
    history = nn.train(model, "hinge", X, y, epochs=3, metric=nn.accuracy, test=(X, y), progress=False)
    am.plot_history(history).figure.savefig(tmp_path / "history.png")
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("history", "error", "said"),
    [
        (nn.History(), ValueError, "the history is empty: train for an epoch at least"),
        ([1.0, 0.5], TypeError, r"takes the History that nn.train\(\) returns, not list: \[1.0, 0.5\]"),
        (None, TypeError, "not NoneType: None"),
    ],
)
def test_what_is_no_history_is_refused(history, error, said):
    with pytest.raises(error, match=said):
        am.plot_history(history)


# The decisions.


def rgb(colour, tint=1.0):
    """A colour like '#0072B2' mixed into white, as three whole numbers."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return [round(255 - tint * (255 - part)) for part in parts]


OKABE_ITO = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000"]

SPOKES = [(math.cos(2 * math.pi * k / 10), math.sin(2 * math.pi * k / 10)) for k in range(10)]


def trained(output):
    X, y = moons(40)
    model = nn.MLP(2, [6, 1], output=output, seed=0)
    loss = "hinge" if output == "linear" else "binary_cross_entropy"
    nn.train(model, loss, X, y if output == "linear" else [(t + 1) // 2 for t in y], epochs=20, progress=False)
    return model


CLASSIFIERS = {
    "line": (lambda x: x[0] - 2.0 * x[1], [-1, 1], lambda z: int(z > 0)),
    "mlp": (trained("linear"), [-1, 1], lambda z: int(z.data > 0)),
    "sigmoid": (trained("sigmoid"), [0, 1], lambda z: int(z.data > 0.5)),
    "list of one": (lambda x: [Value(x[0])], [0, 1], lambda z: int(z[0].data > 0)),
    "never": (lambda x: -1.0, [0, 1], lambda z: 0),
    "always": (lambda x: 1.0, [0, 1], lambda z: 1),
    "undecided": (lambda x: 0.0, [0, 1], lambda z: 0),
    "half undecided": (lambda x: max(x[0], 0.0), [0, 1], lambda z: int(z > 0)),
    "flat in the middle": (lambda x: x[0] if abs(x[0]) > 0.7 else 0.0, [0, 1], lambda z: int(z > 0)),
    "three": (lambda x: [x[0], x[1], -x[0] - x[1]], [0, 1, 2], lambda z: z.index(max(z))),
    "first of equals": (lambda x: [0.0, min(x[0], 0.0), 0.0], [0, 1, 2], lambda z: 0),
    "steep": (lambda x: [4e307 * x[0], -4e307 * x[0]], [0, 1], lambda z: z.index(max(z))),
    "ten": (lambda x: [x[0] * a + x[1] * b for a, b in SPOKES], range(10), lambda z: z.index(max(z))),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_each_place_has_the_tint_of_the_class_predicted_there(name):
    model, labels, decide = CLASSIFIERS[name]
    rng = random.Random(0)
    X = [[-2.0, -2.0], *[[2.0, 2.0]] * (len(labels) - 1)]
    figure, ax = pyplot.subplots(dpi=200)
    assert am.plot_decision(model, X, list(labels), ax) is ax
    for drawn in [*scatters(ax), *ax.spines.values()]:
        drawn.set_visible(False)
    figure.canvas.draw()
    pixels = numpy.asarray(figure.canvas.buffer_rgba())[::-1]
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    counted = 0
    for _ in range(400):
        x = [rng.uniform(left, right), rng.uniform(low, high)]
        step_x, step_y = (right - left) / 40, (high - low) / 40
        around = {decide(model([x[0] + i * step_x, x[1] + j * step_y])) for i in (-1, 0, 1) for j in (-1, 0, 1)}
        if len(around) == 1:  # away from a border
            column, row = ax.transData.transform(x)
            pixel = pixels[int(row), int(column), :3].tolist()
            assert pixel == pytest.approx(rgb(OKABE_ITO[min(around) % 8], 0.3), abs=1)
            counted += 1
    assert counted > 150


@pytest.mark.parametrize("name", ["line", "mlp", "sigmoid", "three", "ten"])
def test_a_border_is_drawn_where_the_class_changes(name):
    model, labels, decide = CLASSIFIERS[name]
    ax = am.plot_decision(model, [[-2.0, -2.0], *[[2.0, 2.0]] * (len(labels) - 1)], labels)
    lines = [drawn for drawn in ax.collections if isinstance(drawn, QuadContourSet) and not drawn.filled]
    places = [place for line in lines for path in line.get_paths() for place in path.vertices.tolist()]
    # Linear outputs, or nearly so between places 0.08 apart.
    around = [{decide(model([a + dx, b + dy])) for dx in (-0.02, 0.02) for dy in (-0.02, 0.02)} for a, b in places]
    assert len(around) > 50 and all(len(classes) > 1 for classes in around)


def scatters(ax):
    """What draws the points of each class."""
    return [drawn for drawn in ax.collections if isinstance(drawn, matplotlib.collections.PathCollection)]


@pytest.mark.parametrize(
    ("model", "y", "names"),
    [
        (lambda x: x[0], [-1, 1, 1, -1, -1, 1], ["-1", "1"]),
        (lambda x: x[0], [0, 1, 1, 0, 0, 1], ["0", "1"]),
        (lambda x: x[0], [1, 1, 1, 1, 1, 1], ["1"]),
        (lambda x: [x[0], x[1], 0.0], [2, 0, 1, 1, 2, 0], ["0", "1", "2"]),
        (lambda x: [x[0], x[1], 0.0], [2, 0, 0, 0, 2, 0], ["0", "2"]),
        (lambda x: [float(k) for k in range(10)], [9, 1, 8, 0, 9, 9], ["0", "1", "8", "9"]),
    ],
)
def test_the_points_of_each_class_have_a_colour_and_a_marker_of_their_own(model, y, names):
    X = [[0.0, 1.0], [2.0, 3.0], (4.0, 5.0), [Value(6.0), 7], numpy.array([8.0, 9.0]), [0.5, numpy.float32(0.5)]]
    numbers = [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0], [8.0, 9.0], [0.5, 0.5]]
    ax = am.plot_decision(model, X, numpy.array(y), steps=3)
    groups = dict(zip(names, scatters(ax), strict=True))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [f"class {name}" for name in names]
    for name, points in groups.items():
        assert points.get_offsets().tolist() == [x for x, t in zip(numbers, y, strict=True) if str(t) == name]
    looks = [(tuple(points.get_facecolor()[0]), points.get_paths()[0].vertices.tobytes()) for points in groups.values()]
    assert len(set(looks)) == len(names)
    of_the_first_eight = [look for name, look in zip(names, looks, strict=True) if int(name) < 8]
    assert all(len(set(column)) == len(of_the_first_eight) for column in zip(*of_the_first_eight, strict=True))


def test_axes_have_names_and_hold_all_points_and_a_margin():
    ax = am.plot_decision(lambda x: x[0], [[0.0, 1.0], [2.0, 5.0]], [0, 1], steps=2)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x[0]", "x[1]")
    assert ax.get_xlim() == pytest.approx((-0.2, 2.2)) and ax.get_ylim() == pytest.approx((0.6, 5.4))


@pytest.mark.parametrize("x", [[0.0, 0.0], [1e20, -3.0], [-5.0, 1e-20]])
def test_one_point_has_room_around_it(x):
    ax = am.plot_decision(lambda x: 1.0, [x, x], [1, 0])
    for (low, high), c in zip((ax.get_xlim(), ax.get_ylim()), x, strict=True):
        assert low < c < high


@pytest.mark.parametrize("steps", [2, 7])
def test_nothing_is_recorded_and_the_model_is_asked_no_more_than_it_must(steps):
    calls = []

    def model(x):
        calls.append((is_recording(), type(x), len(x)))
        return x[0]

    am.plot_decision(model, [[0.0, 1.0], [2.0, 3.0], [1.0, 1.0]], [0, 1, 1], steps=steps)
    assert calls == [(False, list, 2)] * (steps * steps + 3)
    assert is_recording()


def test_an_mlp_stays_as_it_is():
    model = nn.MLP(2, [3, 1], seed=0)
    model([1.0, 2.0]).backward()
    before = [(p.data, p.grad, p.label) for p in model.parameters()]
    am.plot_decision(model, [[0.0, 1.0], [2.0, 3.0]], [0, 1])
    assert [(p.data, p.grad, p.label) for p in model.parameters()] == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"X": [], "y": []}, "X has 0 examples and y 0 targets"),
        ({"y": [0]}, "X has 2 examples and y 1 targets"),
        ({"X": [[0.0, 1.0], [1.0]]}, r"X\[1\] is \[1.0\]: a decision is drawn over two inputs, two finite numbers"),
        ({"X": [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]}, r"X\[0\] is .*two inputs"),
        ({"X": [0.0, 1.0]}, r"X\[0\] is 0.0: .*two inputs"),
        ({"X": ["12", "34"]}, r"X\[0\] is '12': .*two inputs"),
        ({"X": [{0: 1.0, 1: 2.0}, [1.0, 2.0]]}, r"X\[0\] is {0: 1.0, 1: 2.0}"),
        ({"X": [[0.0, 1.0], None]}, r"X\[1\] is None"),
        ({"X": [[0.0, 1.0], [1j, 0.0]]}, r"X\[1\] is \[1j, 0.0\]"),
        ({"X": [[0.0, NAN], [1.0, 2.0]]}, r"X\[0\] is \[0.0, nan\]"),
        ({"X": [[0.0, 1.0], [-INF, 2.0]]}, r"X\[1\] is \[-inf, 2.0\]"),
        ({"y": [0, 2]}, "of one output takes a target of 0 or 1, or of -1 or 1, not 2"),
        ({"y": [0.5, 1]}, "not 0.5"),
        ({"y": [None, 1]}, "not None"),
        ({"model": lambda x: [0.0, 1.0], "y": [0, 2]}, "2 outputs take a class index from 0 to 1 as target, not 2"),
        ({"model": lambda x: [0.0, 1.0], "y": [-1, 1]}, "not -1"),
        ({"model": lambda x: NAN}, r"the model gives \[nan\] for the input \[0.0, 1.0\]: .*finite numbers everywhere"),
        ({"model": lambda x: [Value(0.0), Value(INF)]}, r"gives \[0.0, inf\]"),
        ({"model": lambda x: NAN if x[0] < 0.0 else 1.0}, r"gives \[nan\] for the input \[-0.1"),
        ({"model": lambda x: []}, r"gives \[\]"),
        ({"model": nn.MLP(3, [1])}, "takes 3 inputs, not 2"),
        ({"steps": 1}, "steps is at least 2, .* not 1"),
        ({"steps": 0}, "steps is a whole number of at least 1, not 0"),
        ({"steps": 2.5}, "steps is a whole number .* not 2.5"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_a_figure_is_made(changes, said):
    given = {"model": lambda x: x[0], "X": [[0.0, 1.0], [1.0, 2.0]], "y": [0, 1], **changes}
    with pytest.raises(ValueError, match=said):
        am.plot_decision(**given)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    "plot",
    [lambda ax: am.plot_history(HISTORIES[0], ax), lambda ax: am.plot_decision(lambda x: 0.0, [[0.0, 1.0]], [1], ax)],
)
def test_axes_that_are_not_one_axes_are_refused(plot):
    _, several = pyplot.subplots(1, 2)
    for ax, kind in ((several, "ndarray"), ("left", "str")):
        with pytest.raises(TypeError, match=rf"one matplotlib Axes or None, not {kind}: .*such as axs\[0\]"):
            plot(ax)
    assert plot(several[1]) is several[1] and not several[0].has_data()
