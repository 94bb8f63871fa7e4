"""Every kind of picture in a real browser: it can be read, in light and dark, and steps when it is told to."""

from __future__ import annotations

import re
import time

import pytest

from autograd_mini import Value, draw, mean, nn, steps
from tests.browser import console_errors, contrasts, open_page, outside, overlapping, texts, tooltip_of
from tests.pictures import expression, moons

READABLE = 4.5  # WCAG 2, level AA
STAGE = ".am-stage svg text"


def training() -> tuple[nn.MLP, Value]:
    """A network and its loss on a hundred examples, differentiated."""
    X, sides = moons()
    model = nn.MLP(2, [16, 16, 1], seed=1)
    loss = mean([nn.hinge(model(x), side) for x, side in zip(X, sides, strict=True)])
    loss.label = "loss"
    loss.backward()
    return model, loss


def undefined() -> Value:
    """A graph whose gradients are nan, infinite and zero."""
    n, i, zero = Value(float("nan"), label="n"), Value(float("inf"), label="i"), Value(0.0, label="zero")
    y = n * zero + i * zero + zero * 3.0
    y.backward()
    return y


def chain() -> Value:
    """A graph of 41 cards, too many for formulas on the edges."""
    x = y = Value(0.5, label="x")
    for _ in range(20):
        y = (y * x).tanh()
    y.backward()
    return y


PICTURES = {
    "expression": lambda: draw(expression()),
    "undefined": lambda: draw(undefined()),
    "chain": lambda: draw(chain()),
    "neurons": lambda: draw(training()[1]),
    "layers": lambda: draw(training()[1], level="layer"),
    "far": lambda: draw(chain(), max_nodes=10),
    "network": lambda: draw(training()[0]),
    "new network": lambda: draw(nn.MLP(3, [4, 1], seed=1)),
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_can_be_read(browser, kind, dark):
    svg = PICTURES[kind]().pipe("svg", encoding="utf-8")
    open_page(browser, svg, suffix=".svg", dark=dark)
    assert len(texts(browser)) == svg.count("</text>") > 5
    assert overlapping(browser) == outside(browser) == []
    assert contrasts(browser, "svg text")[0].ratio >= READABLE
    assert console_errors(browser) == []


@pytest.mark.parametrize("kind", ["expression", "neurons", "network"])
def test_what_is_pointed_at_tells_more(browser, kind):
    open_page(browser, PICTURES[kind]().pipe("svg", encoding="utf-8"), suffix=".svg")
    parts = browser.find_elements("css selector", "g.node, g.edge")
    assert len(parts) > 10 and all(tooltip_of(part) for part in parts)


def seen(browser, selector: str = STAGE) -> list[str]:
    """The texts of the picture that are not faded out, once nothing fades any more."""
    time.sleep(0.5)
    return texts(browser, selector)


@pytest.fixture
def stepper(browser):
    """The page of a stepper of the example, which is open in the browser, and its steps."""
    y = expression()
    found = steps(y)
    open_page(browser, found._repr_mimebundle_()["text/html"])
    return list(y.backward_steps())


def test_clicks_move_the_step(browser, stepper):
    last = len(stepper)
    for label, at in [("next", 1), ("next", 2), ("back", 1), ("last", last), ("first", 0), ("next", 1)]:
        (button,) = [
            x for x in browser.find_elements("css selector", ".am-bar label") if x.is_displayed() and x.text == label
        ]
        button.click()
        assert f"{at} of {last}" in browser.find_element("css selector", ".am-bar").text
        products = [c.product for step in stepper[:at] for c in step.contributions]
        assert sorted(
            text for text in seen(browser) if re.search(r" × .* = ", text) and "upstream" not in text
        ) == sorted(products)
    assert stepper[0].headline in browser.find_element("css selector", ".am-words").text
    assert console_errors(browser) == []


def test_arrow_keys_and_the_track_move_the_step(browser, stepper):
    track = browser.find_elements("css selector", ".am-steps > input")
    track[2].click()
    track[2].send_keys("\ue014")  # the right arrow
    assert f"3 of {len(stepper)}" in browser.find_element("css selector", ".am-bar").text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("times", [1, 2])
def test_each_frame_can_be_read(browser, times, dark):
    found = steps(expression(), times=times)
    open_page(browser, found._repr_mimebundle_()["text/html"], still=True)
    for k, at in enumerate(browser.find_elements("css selector", ".am-steps > input")):
        at.click()
        assert len(seen(browser)) > 20
        assert overlapping(browser, STAGE) == outside(browser, STAGE) == [], f"frame {k}"
    assert contrasts(browser, STAGE)[0].ratio >= READABLE


def test_the_animation_plays_once(browser):
    y = expression()
    open_page(browser, draw(y, animate=True).pipe("svg", encoding="utf-8"), suffix=".svg")
    frame = "return parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--am-k'))"
    early, frames = browser.execute_script(frame), len(list(y.backward_steps()))
    time.sleep(2.5)
    later = browser.execute_script(frame)
    assert early < later < frames
    time.sleep(0.8 + 1.2 * (frames + 1))
    assert browser.execute_script(frame) == frames + 1  # after the last, when no card has a ring any more
    assert sorted(texts(browser)) == sorted(still_texts(browser))


def still_texts(browser) -> list[str]:
    """The texts of the picture that does not move."""
    open_page(browser, draw(expression()).pipe("svg", encoding="utf-8"), suffix=".svg")
    return texts(browser)


def test_who_asked_for_less_motion_sees_the_end(browser):
    open_page(browser, draw(expression(), animate=True).pipe("svg", encoding="utf-8"), suffix=".svg", still=True)
    at_once = texts(browser)
    assert sorted(at_once) == sorted(still_texts(browser))


def test_two_pictures_on_a_page_do_not_meddle(browser):
    stepped = steps(expression())._repr_mimebundle_()["text/html"]
    still = draw(expression())._repr_mimebundle_()["text/html"]
    open_page(browser, f"<div id='one'>{stepped}</div><div id='two'>{still}</div>")
    assert len(seen(browser, "#one svg text")) < len(seen(browser, "#two svg text"))
    ids = browser.execute_script("return [...document.querySelectorAll('[id]')].map(x => x.id)")
    assert len(ids) == len(set(ids)) > 40


SOURCE = """
from tests.pictures import expression
from autograd_mini import draw, steps
{}(expression())
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_stepper_in_jupyterlab(browser, jupyterlab, theme):
    jupyterlab.open(jupyterlab.notebook(SOURCE.format("steps")), theme=theme)
    jupyterlab.run_all()
    (output,) = jupyterlab.outputs()
    output.find_elements("css selector", "input")[2].click()
    assert "2 of 4" in output.text
    assert contrasts(browser, STAGE)[0].ratio >= READABLE
    assert console_errors(browser) == []


def test_an_untrusted_notebook_unfolds_the_steps(browser, jupyterlab):
    jupyterlab.open(jupyterlab.run(jupyterlab.notebook(SOURCE.format("steps"))), trusted=False)
    (output,) = jupyterlab.outputs()
    assert not output.find_elements("css selector", "svg, style")
    pictures = output.find_elements("css selector", "img")
    assert len(pictures) == 5 and [picture.is_displayed() for picture in pictures] == [True] + [False] * 4
    for summary in output.find_elements("css selector", "summary")[1:]:
        summary.click()
    assert all(picture.is_displayed() and picture.size["width"] > 500 for picture in pictures)


def test_an_untrusted_notebook_shows_the_picture(browser, jupyterlab):
    jupyterlab.open(jupyterlab.run(jupyterlab.notebook(SOURCE.format("draw"))), trusted=False)
    (output,) = jupyterlab.outputs()
    (picture,) = output.find_elements("css selector", "img")
    assert picture.is_displayed() and picture.size["width"] > 500 and output.text.strip() == ""
