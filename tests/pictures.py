"""The pictures of the README: python -m tests.pictures draws them all into notebooks/pictures."""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import time
from pathlib import Path

import matplotlib

from autograd_mini import Value, draw, mean, nn, plot_decision, plot_history, steps
from tests.browser.page import chromium, missing

FOLDER = Path(__file__).parents[1] / "notebooks" / "pictures"
WIDTH, HEIGHT = 1220, 660  # pixels of a screenshot


def expression() -> Value:
    """tanh(a b + exp a) at a = 2, b = -3, differentiated."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    z = a * b + a.exp()
    y = z.tanh()
    z.label, y.label = "z", "y"
    y.backward()
    return y


def moons(n: int = 100, seed: int = 1) -> tuple[list[list[float]], list[int]]:
    """Points on two half circles that reach into each other, and which of them each is on: -1 or 1."""
    rng = random.Random(seed)
    points, sides = [], []
    for i in range(n):
        side = -1 if i % 2 else 1
        x, y = (z * side for z in half_circle(rng.random()))
        points.append([x + 0.5 * (1 - side) + rng.gauss(0.0, 0.1), y + 0.25 * (1 - side) + rng.gauss(0.0, 0.1)])
        sides.append(side)
    return points, sides


def half_circle(share: float) -> tuple[float, float]:
    """The point at that share of the upper half of the unit circle."""
    return math.cos(math.pi * share), math.sin(math.pi * share)


def drawn(folder: Path) -> None:
    """Write the pictures that need nothing but the package and matplotlib."""
    y = expression()
    draw(y).save(folder / "expression.svg")
    draw(y, animate=True).save(folder / "animation.svg")
    X, sides = moons()
    model = nn.MLP(2, [16, 16, 1], seed=1)
    history = nn.train(
        model, "hinge", X, sides, epochs=40, batch_size=10, lr=0.1, metric=nn.accuracy, seed=1, progress=False
    )
    loss = mean([nn.hinge(model(x), side) for x, side in zip(X, sides, strict=True)])
    loss.label = "loss"
    model.zero_grad()
    loss.backward()
    draw(loss).save(folder / "neurons.svg")
    draw(loss, level="layer").save(folder / "layers.svg")
    draw(model).save(folder / "network.svg")
    matplotlib.rcParams["svg.hashsalt"] = "autograd_mini"  # same history, same bytes
    plot_history(history).figure.savefig(folder / "history.svg", metadata={"Date": None})
    plot_decision(model, X, sides).figure.savefig(folder / "decision.png", dpi=100)


def photographed(folder: Path) -> None:
    """Write the screenshots of the stepper and of the widget, if there is a browser."""
    from tests.browser.widget import Page

    with tempfile.TemporaryDirectory() as place, chromium(Path(place) / "profile") as browser:
        page = Path(place) / "steps.html"
        steps(expression()).save(page)
        browser.set_window_size(WIDTH, HEIGHT)
        browser.get(page.as_uri())
        browser.find_elements("css selector", "input[type=radio]")[3].click()
        time.sleep(1.0)  # while what is new fades in
        browser.save_screenshot(str(folder / "stepper.png"))
        browser.set_window_size(WIDTH, HEIGHT + 160)
        widget = Page(browser, steps(expression(), widget=True))
        widget.click("predict")
        for number in ("0.2204", "0.2204", "0.2204", "7.389"):  # the last forgets the upstream gradient
            widget.answer(number)
        time.sleep(1.0)
        browser.save_screenshot(str(folder / "widget.png"))


def main() -> None:
    """Draw all pictures."""
    command = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    command.add_argument("--out", type=Path, default=FOLDER, help="folder of the pictures")
    out = command.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    drawn(out)
    if lacking := missing():
        print(f"no screenshots of the stepper and the widget: they need {lacking}")
    else:
        photographed(out)


if __name__ == "__main__":
    main()
