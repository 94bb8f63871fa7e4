"""Pictures of training and of what was learned, through matplotlib: the history, and the decisions of a classifier."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from autograd_mini.nn import History, Model
from autograd_mini.nn.arguments import examples, listed, whole
from autograd_mini.nn.metrics import predicted_class, target_class, threshold_of
from autograd_mini.nn.predictions import predictions
from autograd_mini.value import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which the common colour-blindnesses leave apart; the markers do so without any colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
MARKERS = "os^Dv*PX"
TINT = 0.3  # of a colour in the white of its region, on which the points stand out
MARGIN = 0.1  # around the points, in parts of their range

# A legend there hides nothing.
ABOVE: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "frameon": False}


def plot_history(history: History, ax: Axes | None = None) -> Axes:
    """Draw what nn.train() saw: the loss of each epoch at the left, the metric and that of the test data at the right.

    Args:
        history: what nn.train() returned.
        ax: where to draw; None is a new figure.

    Returns:
        The axes of the loss. Nothing is shown or saved: a notebook shows it, `ax.figure.savefig("history.png")` writes
        it.

    Raises:
        TypeError: if history is not a History, or ax not one matplotlib Axes.
        ValueError: if the history is empty.
        ImportError: without matplotlib.

    >>> plot_history(History([2.0, 1.0, 0.5])).get_ylabel()
    'mean loss'
    """
    if not isinstance(history, History):
        kind = type(history).__name__
        raise TypeError(f"plot_history() takes the History that nn.train() returns, not {kind}: {history!r:.60}")
    if not history.loss:
        raise ValueError("the history is empty: train for an epoch at least")
    left = axes(ax)
    lines = [curve(left, history.loss, "loss", "o-", color=COLOURS[0])]
    left.set_xlabel("epoch")
    left.set_ylabel("mean loss")
    pad = max(0.5, 0.02 * len(history.loss))
    left.set_xlim(1.0 - pad, len(history.loss) + pad)
    left.locator_params("x", integer=True, min_n_ticks=1)
    if history.metric or history.test_metric:
        right = left.twinx()
        right.set_ylabel("metric")
        look = {"color": COLOURS[1], "markersize": 8.0, "fillstyle": "none"}  # around a point of the loss, not upon it
        metrics = ((history.metric, "metric", "s--"), (history.test_metric, "metric of test data", "^:"))
        lines += [curve(right, ys, label, style, **look) for ys, label, style in metrics if ys]
    left.legend(handles=lines, ncols=3, **ABOVE)
    return left


def curve(ax: Axes, ys: list[float], label: str, style: str, **look: Any) -> Any:
    """One line over the epochs, from 1, with about ten markers on it."""
    (line,) = ax.plot(range(1, len(ys) + 1), ys, style, markevery=max(1, len(ys) // 10), label=label, **look)
    return line


def plot_decision(model: Model, X: Iterable[Any], y: Iterable[Any], ax: Axes | None = None, steps: int = 60) -> Axes:
    """Draw which class a classifier of two inputs predicts where, with the examples on top.

    Classes are those of nn.accuracy: of several outputs the greatest is the predicted class; one output predicts the
    label 1 if it is greater than 0, or than 0.5 for an MLP whose output is "sigmoid". Nothing is recorded.

    Args:
        model: what gives one output, or a list of one for each class, for a list of two inputs.
        X: the examples, two finite numbers each.
        y: their targets: 0 and 1, or -1 and 1, for one output; else class indices.
        ax: where to draw; None is a new figure.
        steps: at how many places along each axis the model is asked, at least 2.

    Returns:
        The axes. Nothing is shown or saved: a notebook shows it, `ax.figure.savefig("decision.png")` writes it.

    Raises:
        ValueError: if there are no examples, not as many targets, a target is no class, an example has not two finite
            inputs, or the model gives numbers that are not finite.
        TypeError: if ax is not one matplotlib Axes.
        ImportError: without matplotlib.

    >>> ax = plot_decision(lambda x: x[0] - x[1], [[0.0, 1.0], [2.0, 1.0]], [0, 1], steps=3)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['class 0', 'class 1']
    """
    inputs, targets = examples(X, y)
    points = [point(x, i) for i, x in enumerate(inputs)]
    if whole("steps", steps) < 2:
        raise ValueError(f"steps is at least 2, for the two ends of each axis, not {steps}")
    columns, rows = (spread(coordinates, steps) for coordinates in zip(*points, strict=True))
    threshold = threshold_of(model)
    classes = [target_class(z, t) for z, t in zip(outputs(model, points), targets, strict=True)]
    grid = outputs(model, [[a, b] for b in rows for a in columns])
    ax = axes(ax)
    regions(ax, columns, rows, [grid[i : i + steps] for i in range(0, len(grid), steps)], threshold)
    for k in sorted(set(classes)):
        mine = [i for i, c in enumerate(classes) if c == k]
        xs, ys = zip(*[points[i] for i in mine], strict=True)
        # After the 8th class the same colours come with other markers.
        marker, name = MARKERS[(k + k // 8) % 8], f"class {targets[mine[0]]}"
        ax.scatter(xs, ys, color=COLOURS[k % 8], marker=marker, edgecolors="black", linewidths=0.5, label=name)
    ax.set_xlabel("x[0]")
    ax.set_ylabel("x[1]")
    ax.legend(ncols=5, **ABOVE)
    return ax


def point(x: Any, i: int) -> list[float]:
    """The example at place i as two floats; a ValueError if it is not two finite numbers."""
    try:
        found = [c.data if isinstance(c, Value) else Value(c).data for c in listed(x)]
    except TypeError:
        found = []
    if len(found) != 2 or not all(map(math.isfinite, found)):
        raise ValueError(f"X[{i}] is {x!r:.60}: a decision is drawn over two inputs, two finite numbers each")
    return found


def spread(coordinates: Sequence[float], n: int) -> list[float]:
    """n places over the range of the coordinates and a margin, equally far from each other."""
    low, high = min(coordinates), max(coordinates)
    margin = MARGIN * ((high - low) or abs(high) or 1.0)
    return [low - margin + (high - low + 2.0 * margin) * i / (n - 1) for i in range(n)]


def outputs(model: Model, points: list[list[float]]) -> list[list[float]]:
    """The outputs of the model as floats; a ValueError if there are none, or one is not finite."""
    found = predictions(model, points)
    for x, z in zip(points, found, strict=True):
        if not z or not all(map(math.isfinite, z)):
            said = f"the model gives {z} for the input {x}"
            raise ValueError(f"{said}: to decide, it must give finite numbers everywhere")
    return found


def lead(z: list[float], k: int, threshold: float) -> float:
    """An eighth of how far class k is ahead of the others, or behind if negative: what matplotlib can subtract."""
    if len(z) == 1:
        return (z[0] / 8.0 - threshold / 8.0) * (1.0 if k == 1 else -1.0)
    return z[k] / 8.0 - max(z[:k] + z[k + 1 :]) / 8.0


def regions(ax: Axes, columns: list[float], rows: list[float], grid: list[list[list[float]]], threshold: float) -> None:
    """Fill the region of each class with its colour, and draw the borders between them."""
    from matplotlib.colors import ListedColormap, to_rgb

    n = max(2, len(grid[0][0]))
    tints = [tuple([1.0 - TINT * (1.0 - c) for c in to_rgb(COLOURS[k % 8])]) for k in range(n)]
    winners = [[predicted_class(z, threshold) for z in row] for row in grid]
    ax.pcolormesh(columns, rows, winners, cmap=ListedColormap(tints), vmin=-0.5, vmax=n - 0.5, shading="nearest")
    for k in reversed(range(n)):  # of equals the first wins, here by being drawn last
        leads = [[lead(z, k, threshold) for z in row] for row in grid]
        low, high = min(map(min, leads)), max(map(max, leads))
        if low < 0.0 < high:  # contours between the places make the borders of the squares smooth
            ax.contourf(columns, rows, leads, levels=[0.0, high], colors=[tints[k]])
            ax.contour(columns, rows, leads, levels=[0.0], colors="#555555", linewidths=0.8)
    ax.set_xlim(columns[0], columns[-1])
    ax.set_ylim(rows[0], rows[-1])


def axes(ax: Axes | None) -> Axes:
    """The axes that were given, or those of a new figure."""
    try:
        from matplotlib import pyplot
        from matplotlib.axes import Axes
    except ImportError as error:
        raise ImportError('plotting needs matplotlib: run pip install "autograd_mini[plot]"') from error
    if ax is None:
        return pyplot.subplots(layout="constrained")[1]
    if not isinstance(ax, Axes):
        kind = f"{type(ax).__name__}: {ax!r:.60}"
        raise TypeError(f"ax is one matplotlib Axes or None, not {kind}; of several, give one, such as axs[0]")
    return ax
