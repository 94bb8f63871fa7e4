"""Predicting backpropagation: questions about the contributions of a sweep, and answers with hints."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import cycle

from autograd_mini.steps import Contribution, Step
from autograd_mini.text import called, number

ASKED = 3  # contributions of a step, at most: those of a sum of a hundred are all alike
RELATIVE, ABSOLUTE = 0.01, 0.005  # how far from the number an answer may be
TRIES = 3
WHY = (
    "You predict the contribution, upstream × local derivative, because that is the chain rule itself; adding up what"
    " a value receives is left to the picture."
)
NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|nan)", re.ASCII | re.IGNORECASE)
LONGEST = 40  # characters of an answer


def read(text: str) -> float:
    """The number that somebody typed, with − or - as its sign.

    Raises:
        ValueError: if it is not a number in decimal digits, inf or nan.

    >>> read("−0.661"), read(" 1e-3 "), read("-inf")
    (-0.661, 0.001, -inf)
    >>> read("2 * 3")
    Traceback (most recent call last):
    ValueError: '2 * 3' is not a number: type one like −0.25, 3 or 1e-3.
    """
    plain = text.strip().replace("−", "-").replace("∞", "inf")
    if len(plain) > LONGEST or not NUMBER.fullmatch(plain):
        raise ValueError(f"{text.strip()!r:.{LONGEST}} is not a number: type one like −0.25, 3 or 1e-3.")
    return float(plain)


def is_right(answer: float, exact: float) -> bool:
    """Whether an answer is near enough: within 1 % or 0.005, and of inf and nan the same.

    >>> is_right(0.22, 0.2203), is_right(-0.22, 0.2203), is_right(math.nan, math.nan)
    (True, False, True)
    """
    if not (math.isfinite(answer) and math.isfinite(exact)):
        return answer == exact or (math.isnan(answer) and math.isnan(exact))
    return abs(answer - exact) <= max(RELATIVE * abs(exact), ABSOLUTE) * (1.0 + 1e-9)  # 0.225 - 0.22 is not 0.005


def hints(contribution: Contribution) -> list[str]:
    """What helps to find the contribution: the formula in names, and then its numbers."""
    names, node = contribution.names, contribution.node
    fraction, *_ = contribution.formula.split(" = ")
    named = contribution.spellings[0].text
    upstream = f"the gradient of {called(node, names).text}"
    return [
        f"Upstream × local derivative is {upstream}, times {fraction} = {named}.",
        f"{contribution.formula}; so it is {number(contribution.upstream)} × {number(contribution.local)}.",
    ]


def outcome(contribution: Contribution) -> str:
    """The contribution, and what it adds up to with those before."""
    so_far = f"; in all {contribution.sum}" if contribution.before else ""
    return f"{contribution.product}{so_far}."


class Quiz:
    """Which contribution is asked for, and how well it went so far.

    Attributes:
        frames: for each frame, the step after it and the contributions of that which are asked for.
        frame: where the learner is.
        place: which of the contributions is asked for.
        tries: how many answers to this question were wrong.
        said: what was said of the last answer, and whether that was "right" or "wrong"; "" if it was neither.
        right, asked: the score.
    """

    def __init__(self) -> None:
        self.frames: list[tuple[str, list[Contribution]]] = []
        self.frame = self.place = self.tries = self.right = self.asked = 0
        self.said, self.verdict = "", ""
        self.scored: set[tuple[int, object, int]] = set()
        self.steps_in_sweep = 1

    def about(self, frames: Sequence[Sequence[Step]], folded: Sequence[str]) -> None:
        """Ask about these frames from now on.

        Args:
            frames: the steps of each.
            folded: what the card that passes gradients on is called if it is of many, else "", in a sweep.
        """
        self.frames = []
        self.steps_in_sweep = len(folded)
        for steps, name in zip(frames, cycle(folded), strict=False):
            if name:
                self.frames.append((f"{name} is many values: open its card to predict in it, or go on.", []))
            elif not steps[0].contributions:
                self.frames.append(("Nothing is passed on in this step: go on.", []))
            else:
                self.frames.append((f"{steps[0].headline}.", list(steps[0].contributions[:ASKED])))

    def go(self, frame: int) -> None:
        """Ask about the step after a frame."""
        self.frame, self.place, self.tries = frame, 0, 0

    @property
    def question(self) -> Contribution | None:
        """The contribution that is asked for."""
        _, asked = self.frames[self.frame] if self.frame < len(self.frames) else ("", [])
        return asked[self.place] if self.place < len(asked) else None

    @property
    def text(self) -> str:
        """The question in words."""
        if self.frame >= len(self.frames):
            return "All steps are done."
        headline, asked = self.frames[self.frame]
        if (c := self.question) is None:
            return headline
        operand = f" as operand {c.operand + 1}" if sum(other.parent is c.parent for other in asked) > 1 else ""
        return f"{headline} What does {c.receiver} receive of it{operand}?"

    @property
    def score(self) -> str:
        """The score in words."""
        return f"{self.right} of {self.asked} right" if self.asked else ""

    def answer(self, text: str) -> None:
        """Judge an answer: right, a hint, or after the last hint the solution."""
        contribution = self.question
        if contribution is None:
            return
        try:
            found = read(text)
        except ValueError as error:
            self.say(str(error), "")
            return
        if is_right(found, contribution.value):
            self.say(f"Right: {outcome(contribution)}", "right")
            self.next(1)
        elif self.tries + 1 < TRIES:
            self.say(f"Not {number(found)}. {hints(contribution)[self.tries]}", "wrong")
            self.tries += 1
        else:
            self.reveal()

    def reveal(self) -> None:
        """Tell the solution."""
        if contribution := self.question:
            self.say(f"It is {outcome(contribution)}", "wrong")
            self.next(0)

    def say(self, said: str, verdict: str) -> None:
        """Set what is said of the last answer."""
        self.said, self.verdict = said, verdict

    def next(self, points: int) -> None:
        """Count a question, once, and go to the next one, which may be that of the next step."""
        contribution = self.question
        assert contribution is not None
        key = (self.frame // self.steps_in_sweep, contribution.node, contribution.operand)
        if key not in self.scored:
            self.scored.add(key)
            self.right, self.asked = self.right + points, self.asked + 1
        self.place, self.tries = self.place + 1, 0
        if self.question is None:
            self.go(self.frame + 1)
