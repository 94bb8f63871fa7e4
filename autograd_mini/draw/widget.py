"""The stepper as a Jupyter widget, in which cards open, gradients are predicted and values are nudged."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

from autograd_mini.draw.drawing import Drawing
from autograd_mini.draw.fold import LARGEST, Rest
from autograd_mini.draw.quiz import WHY, Quiz
from autograd_mini.draw.scene import Card, Scene
from autograd_mini.draw.stepper import Stepper, shown, stepped, words_of
from autograd_mini.nudge import nudge
from autograd_mini.text import Names, number
from autograd_mini.value import Value

try:
    import anywidget
    import traitlets
except ImportError as error:
    raise ImportError(
        'steps(widget=True) needs anywidget, which is not installed: run `pip install "autograd_mini[widget]"`,'
        " or call steps() without widget"
    ) from error

MODES = ("watch", "predict", "nudge")
SIZES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
EPSILONS = (*[-size for size in reversed(SIZES)], *SIZES)
AGAIN = (
    "backward() is called again: the gradients of leaves add up, as those of several losses do, until zero_grad();"
    " computed nodes start again from zero, because what they had was passed on already."
)
ONCE = "backward() is called once."


class StepWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """What steps(loss, widget=True) returns: the stepper with folded cards that open, predictions and nudges.

    The page shows what these traits say, and sends messages of what was clicked or typed; all formulas, numbers and
    judgements are made here.

    Attributes:
        frame: the frame that is shown, from 0; it can be set, and what is too great or small is the last or first.
        mode: "watch", "predict" or "nudge".
        picture: the SVG, the words of each frame, and what each card does when it is clicked.
        quiz, nudged: what the panels of those modes show.
        told: a message.
        stepper: the Stepper of the same picture, which has `.save("y.html")`.
    """

    _esm = Path(__file__).with_name("widget.js")
    _css = Path(__file__).with_name("widget.css")
    picture = traitlets.Dict().tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    mode = traitlets.Enum(MODES, "watch").tag(sync=True)
    quiz = traitlets.Dict().tag(sync=True)
    nudged = traitlets.Dict().tag(sync=True)
    told = traitlets.Unicode("").tag(sync=True)

    def __init__(self, nodes: list[Value], names: Names, level: str | None, max_nodes: int | None, times: int) -> None:
        self.nodes, self.names, self.level, self.max_nodes, self.times = nodes, names, level, max_nodes, times
        self.opened: dict[Hashable, str] = {}
        self.asking = Quiz()
        self.moved, self.by = nodes[0], 0.01
        super().__init__()
        self.show(*self.staged())
        self.observe(self.on_frame, "frame")
        self.observe(self.on_mode, "mode")
        self.on_msg(self.on_message)

    def __repr__(self) -> str:
        return f"StepWidget({self.stepper.drawing.title!r}, {len(self.stepper)} frames)"

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **options: Any
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The widget, and for where none can run, the stepper that needs no JavaScript and the words."""
        bundle = super()._repr_mimebundle_(include=include, exclude=exclude, **options)
        if bundle is None:
            return None
        html = shown(self.picture["svg"], self.stepper.words)
        data = bundle[0] | {"text/html": html, "text/plain": str(self.stepper)}
        kinds = set(data if include is None else include) - set(exclude or ())
        return {kind: data[kind] for kind in data if kind in kinds}, bundle[1]

    # What is shown.

    def staged(self) -> tuple[Scene, Drawing]:
        """The scene and the drawing with the cards that are open."""
        rest = any(isinstance(key, Rest) for key in self.opened)
        most = LARGEST if rest else self.max_nodes
        return stepped(self.nodes, self.names, self.level, most, self.times, self.opened.keys())

    def show(self, scene: Scene, drawing: Drawing) -> None:
        """Show a scene from now on."""
        self.scene, self.stepper = scene, Stepper(drawing, words_of(scene))
        per_sweep = len(scene.passing)
        self.asking.about(scene.frames, ["" if card.is_single else title(card) for card in scene.passing])
        cards = {card.id: self.card_state(card, per_sweep) for card in scene.cards}
        with self.hold_sync():
            self.picture = {
                "svg": drawing.pipe("svg", encoding="utf-8"),
                "words": self.stepper.words,
                "cards": cards,
                "opened": [f"fold {name}" for name in self.opened.values()],
                "times": self.times,
                "epsilons": [number(by, "+") for by in EPSILONS],
            }
            self.frame = min(self.frame, len(scene.frames))
            self.ask()
            if self.mode == "nudge":
                self.foretell()

    def card_state(self, card: Card, per_sweep: int) -> dict[str, Any]:
        """What the page needs to know of a card: its name, whether it is of many, and which frames a click leads to."""
        arrived = max([flow.end.frame for flow in self.scene.flows if flow.start is card], default=0)
        jumps = [(card.frame or arrived) + i * per_sweep for i in range(self.times)]
        return {"name": title(card), "many": not card.is_single, "jumps": jumps}

    def ask(self) -> None:
        """Show the question about the step after the frame."""
        if self.frame != self.asking.frame:
            self.asking.go(self.frame)
            self.asking.say("", "")
        self.quiz = {
            "why": WHY,
            "text": self.asking.text,
            "open": self.asking.question is not None,
            "said": self.asking.said,
            "verdict": self.asking.verdict,
            "score": self.asking.score,
        }

    def foretell(self) -> None:
        """Show how the root moves if the chosen value does, beside what the gradient foretells."""
        seen = {card.nodes[0]: card for card in self.scene.cards if card.is_single}
        self.moved = self.moved if self.moved in seen else next(iter(seen))
        root = self.names[self.nodes[-1]].text or "the result"
        shown = foretold(self.moved, self.nodes[-1], self.by, (title(seen[self.moved]), root))
        self.nudged = {"card": seen[self.moved].id, "at": EPSILONS.index(self.by), **shown}

    # What the page asks for.

    @traitlets.validate("frame")  # type: ignore[untyped-decorator]
    def _within(self, proposal: dict[str, Any]) -> int:
        """The frame, or the nearest that there is."""
        return min(max(int(proposal["value"]), 0), len(self.picture.get("words", ())) - 1)

    def on_frame(self, change: dict[str, Any]) -> None:
        """Ask about the next step."""
        self.ask()

    def on_mode(self, change: dict[str, Any]) -> None:
        """Fill the panel of the mode."""
        self.told = ""
        if self.mode == "nudge":
            self.foretell()

    def on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        """Do what the page asks for, say so if that fails, and tell the page that it is done."""
        try:
            self.do(content)
        except Exception as error:
            self.told = f"This failed: {error}"
            raise
        finally:
            self.send({"done": True})

    def do(self, content: Any) -> None:
        """Do what a message asks for."""
        match content:
            case {"do": "unfold", "card": str(id)}:
                self.unfold(id)
            case {"do": "fold", "at": int(at)}:
                self.fold(at)
            case {"do": "again"}:
                self.again()
            case {"do": "answer", "text": str(text)}:
                self.asking.answer(text)
                self.answered()
            case {"do": "reveal"}:
                self.asking.reveal()
                self.answered()
            case {"do": "nudge", "card": str(id), "at": int(at)}:
                self.move(id, at)
            case _:
                raise ValueError(f"a widget knows no message {content!r:.60}")

    def unfold(self, id: str) -> None:
        """Give each node of a folded card a card of its own, unless there were too many then."""
        card = next((card for card in self.scene.cards if card.id == id and not card.is_single), None)
        if card is None:
            return
        before = self.opened
        self.opened = {**before, card.key: title(card)}
        scene, drawing = self.staged()
        rest = next((other for other in scene.cards if isinstance(other.key, Rest)), None)
        if len(scene.cards) > LARGEST or (isinstance(card.key, Rest) and rest):
            count = f"{len(scene.cards):,}" if len(scene.cards) > LARGEST else f"more than {LARGEST}"
            self.opened = before
            self.told = f"{title(card)} stays folded: open, the picture had {count} cards, and {LARGEST} are the most."
            return
        self.told = f"{title(card)} is open: each of its {card.symbol} has a card."
        self.turn_to(scene, drawing, card.nodes)

    def fold(self, at: int) -> None:
        """Fold a group again: that which was opened as number `at`, from 0."""
        if 0 <= at < len(self.opened):
            key = [*self.opened][at]
            self.told = f"{self.opened.pop(key)} is folded."
            scene, drawing = self.staged()
            self.turn_to(scene, drawing, [node for card in scene.cards if card.key == key for node in card.nodes])

    def turn_to(self, scene: Scene, drawing: Drawing, nodes: list[Value]) -> None:
        """Show a scene of other cards, in the same sweep, before the first of the nodes passes its gradient on."""
        sweep = max(self.frame - 1, 0) // (len(self.scene.passing) or 1)
        chosen = set(nodes)
        frames = [card.frame for card in scene.passing if not chosen.isdisjoint(card.nodes)]
        with self.hold_sync():
            self.show(scene, drawing)
            self.frame = min(frames, default=1) - 1 + sweep * len(scene.passing)

    def again(self) -> None:
        """Go on to a second call of backward(), or back to one."""
        first = len(self.scene.passing)
        self.times = 2 if self.times == 1 else 1
        with self.hold_sync():
            self.told = ONCE if self.times == 1 else AGAIN
            self.show(*self.staged())
            self.frame = first + (self.times > 1 and self.mode != "predict")

    def answered(self) -> None:
        """Show what became of an answer; the frame goes on after the last question of its step."""
        with self.hold_sync():
            self.frame = self.asking.frame
            self.ask()

    def move(self, id: str, at: int) -> None:
        """Nudge the value on a card by one of the EPSILONS."""
        card = next((card for card in self.scene.cards if card.id == id and card.is_single), None)
        if card and 0 <= at < len(EPSILONS):
            self.moved, self.by = card.nodes[0], EPSILONS[at]
            self.foretell()


def title(card: Card) -> str:
    """What a card is called, by its place if it has no name."""
    return card.name or f"{card.symbol} (card {card.id[1:]})"


def foretold(value: Value, root: Value, by: float, names: tuple[str, str]) -> dict[str, Any]:
    """What the page shows of a nudge: a headline, rows of name, number and share of the greatest, and a note."""
    start, end = names
    about = f"{start} moves from {number(value.data)} by ε = {number(by, '+')}:"
    try:
        found = nudge(value, root, by)
    except (ArithmeticError, ValueError) as error:
        return {"about": about, "rows": [], "note": str(error)}
    numbers = {
        f"{end} moves by": found.change,
        f"grad × ε = {number(found.gradient)} × {number(by)}": found.foretold,
        "difference": found.change - found.foretold,
    }
    most = max([abs(x) for x in numbers.values() if math.isfinite(x)], default=0.0) or 1.0
    rows = [(text, number(x, "+"), x / most if math.isfinite(x) else 0.0) for text, x in numbers.items()]
    note = "The gradient is the slope at this point: the smaller ε is, the nearer they are, where there is no kink."
    if not math.isfinite(found.change):
        note = f"{end} is no finite number at {start} = {number(value.data + by)}, or at the start: out of a domain."
    return {"about": about, "rows": rows, "note": note}
