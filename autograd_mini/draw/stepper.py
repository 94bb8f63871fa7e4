"""steps(): backpropagation stepped through on the picture of its graph, without JavaScript."""

from __future__ import annotations

import hashlib
import html
import os
import re
from collections.abc import Hashable, Iterable, Mapping, Set
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from autograd_mini.draw.draw import Cards, Swept, checked, pictured
from autograd_mini.draw.drawing import Drawing, data_uri, in_notebook, writing
from autograd_mini.draw.scene import Card, Scene, spread
from autograd_mini.steps import sweep
from autograd_mini.text import Names, named, number
from autograd_mini.value import Value

if TYPE_CHECKING:
    from autograd_mini.draw.widget import StepWidget

# The radio buttons are the track: a click, or the arrow keys, choose the frame, and with it what is seen.
STYLE = """
.am-steps{display:grid;grid-template-columns:repeat(var(--am-frames),1fr);font:14px/1.5 Helvetica,Arial,sans-serif}
.am-steps>*{grid-column:1/-1;min-width:0}.am-steps .am-at{display:none}
.am-steps>input{grid-column:auto;appearance:none;color:inherit;height:16px;width:100%;margin:0;cursor:pointer}
.am-steps>input{border:0 solid currentColor;border-top-width:6px}.am-steps>input:checked~input{opacity:.3}
.am-steps>input:focus-visible{outline:2px solid #0072b2;outline-offset:2px}
.am-bar>.am-at{gap:.5em;align-items:center}.am-bar label.am-off{opacity:.35;pointer-events:none}
.am-bar label{border:1px solid currentColor;border-radius:6px;padding:.1em .7em;cursor:pointer;user-select:none}
.am-words{min-height:5.5em;overflow-wrap:anywhere}.am-words p{margin:.3em 0 0}.am-words ul{margin:0;padding-left:1.4em}
.am-stage{overflow-x:auto}.am-stage .k,.am-stage .u{transition:opacity .25s}
@media (prefers-reduced-motion:reduce){.am-stage .k,.am-stage .u{transition:none}}
"""
displays = count(1)  # of steppers in notebooks
LATE = " A card that is used again receives more after its step, which is that of the card, not of each value on it."
HEAVY = 1_000_000  # characters of all pictures of a stepper together, as it is shown where there are no styles
OFF = ' class="am-off" aria-disabled="true"'
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>:root{{color-scheme:light dark}}body{{margin:1em;background:#fff;color:#111}}
@media (prefers-color-scheme:dark){{body{{background:#16181d;color:#e8e8e8}}}}</style></head>
<body>{body}</body></html>
"""


class Stepper:
    """The frames of a sweep: a picture that shows each of them, and words for each.

    Attributes:
        drawing: the picture.
        words: for each frame, the first of which is before the sweep, a headline and what happens in it.
    """

    def __init__(self, drawing: Drawing, words: list[tuple[str, list[str]]]) -> None:
        self.drawing = drawing
        self.words = words

    def __len__(self) -> int:
        return len(self.words)

    def __str__(self) -> str:
        return "\n".join("\n   ".join([headline, *lines]) for headline, lines in self.words)

    def __repr__(self) -> str:
        return f"Stepper({self.drawing.title!r}, {len(self)} frames)"

    def save(self, filename: str | os.PathLike[str]) -> str:
        """Write an HTML page that needs nothing but a browser; return its path.

        Raises:
            ValueError: if filename does not end in .html.
            OSError: if the file cannot be written.
        """
        path = Path(filename)
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"a stepper is a page: name a file in .html, not {path.name!r}; draw() has pictures")
        with writing(path):
            body = stepper_html(self.drawing.pipe("svg", encoding="utf-8"), self.words)
            path.write_text(PAGE.format(title=html.escape(self.drawing.title), body=body), encoding="utf-8")
        return str(path)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """What a notebook shows: the stepper, or where styles are taken from it, a picture for each step to unfold."""
        svg = self.drawing.pipe("svg", encoding="utf-8")
        bundle = {"text/html": shown(svg, self.words), "image/svg+xml": svg, "text/plain": str(self)}
        kinds = set(bundle if include is None else include) - set(exclude or ())
        return {kind: data for kind, data in bundle.items() if kind in kinds}


@overload
def steps(
    root: Value, *, names: Mapping[str, Any] | None = None, level: str | None = None, max_nodes: int | None = None,
    times: int = 1, widget: Literal[False] = False,
) -> Stepper: ...  # fmt: skip
@overload
def steps(
    root: Value, *, names: Mapping[str, Any] | None = None, level: str | None = None, max_nodes: int | None = None,
    times: int = 1, widget: Literal[True],
) -> StepWidget: ...  # fmt: skip
def steps(
    root: Value, *, names: Mapping[str, Any] | None = None, level: str | None = None, max_nodes: int | None = None,
    times: int = 1, widget: bool = False,
) -> Stepper | StepWidget:  # fmt: skip
    """Backpropagation from `root` one step at a time: the picture of draw(), with first, back, next and last.

    It works by HTML and CSS alone: in notebooks, in pages exported from them, and in the file that `.save("y.html")`
    writes. The gradients shown start from zero; those in the nodes are left as they are.

    Args:
        root: the result to step back from.
        names, level, max_nodes: as for draw(). In a folded picture, a step is that of a card.
        times: how often backward() is called: the second time, leaves add up and computed nodes start again.
        widget: whether to return a widget for notebooks, in which folded cards open, gradients are predicted and
            values nudged: it needs `pip install "autograd_mini[widget]"` and a running kernel. Where it cannot run, it
            shows what is shown without.

    Raises:
        TypeError, ValueError: as draw(), or if times is less than 1.
        ImportError: if widget is true and anywidget is not installed.

    >>> x = Value(3.0, label="x")
    >>> print(steps(x * x))
    0. x² is 9; its gradient is the seed, 1.
    1. x² has the gradient 1:
       ∂(x²)/∂x = x = 3; x receives 1 × 3 = 3
       ∂(x²)/∂x = x = 3; x receives 1 × 3 = 3, in all 3 + 3 = 6
    """
    if type(times) is not int or times < 1:
        raise ValueError(f"times is how often backward() is called, at least 1, not {times!r:.60}")
    nodes = checked(root, level, max_nodes)
    known = named(nodes, names)
    if widget:
        from autograd_mini.draw.widget import StepWidget

        return StepWidget(nodes, known, level, max_nodes, times)
    scene, drawing = stepped(nodes, known, level, max_nodes, times)
    return Stepper(drawing, words_of(scene))


def stepped(
    nodes: list[Value], names: Names, level: str | None, max_nodes: int | None, times: int,
    whole: Set[Hashable] = frozenset(),
) -> tuple[Scene, Drawing]:  # fmt: skip
    """The scene and the drawing, with frames, of so many sweeps from the last of the nodes."""

    def swept(cards: Cards) -> Swept:
        grads = dict.fromkeys(nodes, 0.0)
        return [[*sweep(nodes[-1], 1.0, reset(grads), names, cards)] for _ in range(times)], grads

    return pictured(nodes, swept, names, level, max_nodes, stepped=True, whole=whole)


def reset(grads: dict[Value, float]) -> dict[Value, float]:
    """The gradients at the start of a sweep: those of computed nodes are zero."""
    for node in grads:
        if node.op != "leaf":
            grads[node] = 0.0
    return grads


def words_of(scene: Scene) -> list[tuple[str, list[str]]]:
    """A headline and lines for each frame, the first of which is before the sweep."""
    name = scene.root.name or "the result"
    before = f"0. {name} is {number(scene.root.nodes[-1].data)}; its gradient is the seed, 1."
    passing = {card.frame: card for card in scene.cards if card.frame}
    if any(0 < flow.start.frame < flow.end.frame for flow in scene.flows):
        before += LATE
    words: list[tuple[str, list[str]]] = [(before, [])]
    for i, taken in enumerate(scene.frames):
        call, frame = divmod(i, len(passing))
        again = f", backward() call {call + 1}" if len(scene.frames) > len(passing) else ""
        card = passing[frame + 1]
        lines = [str(c) for c in taken[0].contributions] if not scene.is_folded else received_from(card, scene)
        headline = taken[0].headline if card.is_single else f"{card.name} has all of its gradients"
        words.append((f"{i + 1}. {headline}{again}{':' if lines else '.'}", lines))
    return words


def received_from(card: Card, scene: Scene) -> list[str]:
    """What a card of many passes on to others."""
    lines = []
    for flow in scene.flows:
        if flow.end is card:
            values = [contribution.value for contribution in flow.contributions]
            many = f", the sum of {len(values):,} contributions: {spread(values, number)}" if len(values) > 1 else ""
            lines.append(f"{flow.start.name or flow.start.symbol} receives {number(flow.value)}{many}")
    return lines


def stepper_html(svg: str, words: list[tuple[str, list[str]]], suffix: str = "") -> str:
    """The page part: a track of radio buttons, the buttons and words of each frame, and the picture.

    Two of the same on a page drive each other, unless their ids end in different suffixes.
    """
    id = f"s{hashlib.sha256((svg + repr(words)).encode()).hexdigest()[:10]}{suffix}"
    last = len(words) - 1
    track = "".join([
        f'<input type="radio" name="{id}" id="{id}-{k}" aria-label="step {k} of {last}"{" checked" * (k == 0)}>'
        for k in range(last + 1)
    ])  # fmt: skip
    rules = "".join([
        f"#{id}-{k}:checked~.am-stage svg{{--am-k:{k}!important}}"
        f"#{id}-{k}:checked~.am-bar .at{k}{{display:flex}}#{id}-{k}:checked~.am-words .at{k}{{display:block}}"
        for k in range(last + 1)
    ])  # fmt: skip
    bars = "".join([f'<div class="am-at at{k}">{buttons(id, k, last)}</div>' for k in range(last + 1)])
    texts = "".join([f'<div class="am-at at{k}">{said(*frame)}</div>' for k, frame in enumerate(words)])
    return (
        f'<div class="am-steps" style="--am-frames:{last + 1}"><style>{STYLE}{rules}</style>{track}'
        f'<div class="am-bar">{bars}</div><div class="am-words" aria-live="polite">{texts}</div>'
        f'<div class="am-stage">{svg}</div></div>'
    )


def shown(svg: str, words: list[tuple[str, list[str]]]) -> str:
    """What a notebook shows, trusted or not."""
    return in_notebook(stepper_html(svg, words, f"-{next(displays)}"), unfolded(svg, words))


def unfolded(svg: str, words: list[tuple[str, list[str]]]) -> str:
    """The frames one inside the other, each to be unfolded; the pictures of all but the last only if they are small."""
    last, inner = len(words) - 1, ""
    for k, frame in reversed([*enumerate(words)]):
        if k == last or len(svg) * last < HEAVY:
            still = re.sub(r"--am-k:\d+", f"--am-k:{k}", svg, count=1)
            inner = f'<img alt="step {k} of {last}" src="{data_uri(still)}">{inner}'
        inner = f"<details{' open' * (k == 0)}><summary>step {k} of {last}</summary>{said(*frame)}{inner}</details>"
    return inner


def buttons(id: str, k: int, last: int) -> str:
    """First, back, next and last, as labels of the frames that they lead to."""
    back, forth = max(k - 1, 0), min(k + 1, last)
    places = (("first", 0, k > 0), ("back", back, k > 0), ("next", forth, k < last), ("last", last, k < last))
    found = [f'<label for="{id}-{at}"{"" if on else OFF}>{word}</label>' for word, at, on in places]
    return f"{''.join(found[:2])}<span>{k} of {last}</span>{''.join(found[2:])}"


def said(headline: str, lines: list[str]) -> str:
    """The words of a frame as HTML."""
    listed = "".join([f"<li>{html.escape(line)}</li>" for line in lines])
    return f"<p>{html.escape(headline)}</p>" + (f"<ul>{listed}</ul>" if listed else "")
