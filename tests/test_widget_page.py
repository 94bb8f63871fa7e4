"""The widget in a real browser: its page and its Python talk to each other, without a notebook between them."""

from __future__ import annotations

import time

import pytest

from autograd_mini import Value, log, steps

pytest.importorskip("anywidget")
pytest.importorskip("selenium")

from selenium.webdriver import ActionChains, Keys

from tests.browser import console_errors, contrasts, overlapping
from tests.browser.widget import Page
from tests.test_widget import example, network

pytestmark = pytest.mark.browser
READABLE = 4.5  # WCAG 2, level AA


@pytest.fixture
def page(browser):
    """Open widgets, and assert in the end that nothing was wrong in the browser's opinion."""

    def opened(widget, **options):
        return Page(browser, widget, **options)

    yield opened
    assert console_errors(browser) == []


# Watching.


def test_buttons_keys_and_slider_step(page):
    page = page(steps(example(), widget=True))
    assert page.shown == 0 and page.words == "0. y is 0.883; its gradient is the seed, 1."
    for text, frame in (("next", 1), ("next", 2), ("back", 1), ("last", 4), ("next", 4), ("first", 0), ("back", 0)):
        page.click(text)
        assert page.shown == page.widget.frame == frame
    page.focus(page.find(".am-widget"))
    for key, frame in ((Keys.ARROW_RIGHT, 1), (Keys.END, 4), (Keys.ARROW_LEFT, 3), (Keys.HOME, 0)):
        page.press(key)
        assert page.shown == page.widget.frame == frame
    page.focus(page.find("input[type=range]"))
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.shown == page.widget.frame == 2 and page.find(".am-count").text == "2 of 4"


def test_words_and_picture_are_of_the_same_frame(page):
    page = page(steps(example(), widget=True))
    for headline, lines in page.widget.stepper.words:
        assert page.words.split("\n") == [headline, *lines]
        seen = page.opacity("g.flow")
        assert seen.count(1) == sum(len(lines) for _, lines in page.widget.stepper.words[: page.shown + 1])
        page.click("next")


def test_python_sets_the_frame(page):
    page = page(steps(example(), widget=True))
    page.widget.frame = 3
    page.talk()
    assert page.shown == 3 and page.words.startswith("3. exp(a)")


def test_a_click_on_a_card_leads_to_its_step(page):
    page = page(steps(example(), widget=True, times=2))
    for frame in (3, 7, 3):
        page.click_card("exp(a)")
        assert page.shown == page.widget.frame == frame
    page.click_card("b")
    assert page.shown == 4


def test_play_stops_at_the_end_and_when_asked(page):
    page = page(steps(example(), widget=True))
    page.widget.frame = 2
    page.talk()
    page.click("play")
    time.sleep(3.2)
    page.talk()
    assert page.widget.frame == 4 and page.button("play")
    page.click("play")
    assert page.widget.frame == 0
    page.click("pause")
    time.sleep(1.5)
    assert page.shown == 0


def test_a_view_that_is_removed_lets_go(page):
    page = page(steps(example(), widget=True))
    listening = page.browser.execute_script("return listening()")
    page.click("play")
    page.browser.execute_script("cleanup()")
    time.sleep(1.5)
    page.talk()
    assert listening > 0 and page.browser.execute_script("return listening()") == 0 and page.widget.frame == 0


# Opening folded cards.


def test_a_folded_card_opens_by_click_and_by_key(page):
    page = page(steps(network(), widget=True))
    page.click_card("layers[1].neurons[0]")
    assert len(page.browser.find_elements("css selector", "g.card")) == len(page.widget.picture["cards"]) == 18
    assert "is open" in page.find(".am-told").text
    page.focus(page.card("layers[0].neurons[3]"))
    page.press(Keys.ENTER)
    assert page.widget.picture["opened"] == ["fold layers[1].neurons[0]", "fold layers[0].neurons[3]"]
    assert page.browser.execute_script("return document.activeElement.className").startswith("am-widget")
    page.click("fold layers[1].neurons[0]")
    page.click("fold layers[0].neurons[3]")
    assert len(page.browser.find_elements("css selector", "g.card")) == 11


def test_labels_are_text_wherever_they_are_shown(page):
    evil = "<img src=x onerror=alert(1)>"
    x = Value(2.0, label=evil)
    y = x * x
    y.label = "</svg><script>alert(2)</script>"
    page = page(steps(y, widget=True))
    page.click("next")
    page.click("nudge")
    assert evil in page.words and f"{evil} moves" in page.panel
    assert not page.browser.find_elements("css selector", "main img, main script")


# Predicting.


def test_a_prediction_is_right_or_wrong(page):
    page = page(steps(example(), widget=True))
    page.click("predict")
    assert page.find("form label").text == "y has the gradient 1. What does z receive of it?"
    page.answer("two")
    assert "'two' is not a number" in page.panel and page.shown == 0
    page.answer("7")
    assert "Not 7." in page.panel and page.find(".am-wrong")
    page.answer("−1e3")
    assert "1 × 0.2204" in page.panel and page.shown == 0
    page.answer("0.22")
    assert "Right: 1 × 0.2204 = 0.2204." in page.panel and page.shown == 1 and page.find(".am-right")
    assert "1 of 1 right" in page.panel and page.find("form input").get_attribute("value") == ""
    page.click("show it")
    assert "It is 0.2204 × 1" in page.panel and "1 of 2 right" in page.panel
    page.click("last")
    assert "All steps are done." in page.panel and not page.find("form input").is_displayed()


def test_nothing_gives_the_answer_away(page):
    page = page(steps(example(), widget=True), still=True)
    page.click("predict")
    seen = "return [...document.querySelectorAll('svg text')].filter(x => x.checkVisibility({opacityProperty: true}))"
    texts = " ".join(page.browser.execute_script(f"{seen}.map(x => x.textContent)"))
    assert "7.389" in texts and "0.2204" not in texts and "+0.9672" not in texts
    assert not page.browser.find_elements("css selector", "svg g title, svg desc")
    page.click("predict")
    assert page.browser.find_elements("css selector", "svg g title")


def test_arrows_in_the_field_are_the_fields(page):
    page = page(steps(example(), widget=True))
    page.click("predict")
    page.find("form input").send_keys("12", Keys.ARROW_LEFT, Keys.HOME, "-")
    page.talk()
    assert page.shown == 0 and page.find("form input").get_attribute("value") == "-12"


# Again, and nudging.


def test_backward_again(page):
    page = page(steps(example(), widget=True))
    page.click("last")
    page.click("backward() again")
    assert "leaves add up" in page.find(".am-told").text
    assert page.shown == 5 and page.words.startswith("5. y has the gradient 1, backward() call 2:")
    page.click("last")
    assert page.shown == 8 and page.words.count("in all") == 2
    page.click("backward() once")
    assert page.shown == 4


def test_a_nudge_by_card_field_and_slider(page):
    page = page(steps(example(), widget=True))
    page.click("nudge")
    page.click_card("b")
    assert page.widget.moved.label == "b" and page.card("b").get_attribute("class") == "node card am-chosen"
    assert "y moves by\n+0.00433" in page.panel and "+0.004408" in page.panel and "difference" in page.panel
    page.find("section select").send_keys("z")
    page.talk()
    assert "z moves from 1.389 by ε = +0.01:" in page.panel
    page.focus(page.find("section input[type=range]"))
    page.press(Keys.HOME)
    assert page.widget.by == -1.0 and "ε = −1" in page.panel and page.find("section .am-count").text == "−1"


def test_a_nudge_out_of_the_domain(page):
    page = page(steps(log(Value(0.5, label="x")), widget=True))
    page.click("nudge")
    page.focus(page.find("section input[type=range]"))
    page.press(Keys.HOME)
    assert "nan" in page.panel and "out of a domain" in page.panel


def test_while_python_works_only_the_latest_nudge_waits(page):
    page = page(steps(example(), widget=True))
    page.click("nudge")
    page.focus(page.find("section input[type=range]"))
    page.browser.switch_to.active_element.send_keys(Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert [message["send"]["at"] for message in page.browser.execute_script("return sent")] == [0]
    page.talk()
    assert page.widget.by == -1.0
    page.talk()
    assert page.widget.by == -0.1 and page.find("section .am-count").text == "−0.1"


def test_without_a_kernel_the_page_says_so(page):
    page = page(steps(network(), widget=True))
    ActionChains(page.browser).click(page.card("layers[1].neurons[0]")).perform()
    time.sleep(2.7)
    assert "needs a running kernel" in page.find(".am-told").text
    page.talk()
    assert "layers[1].neurons[0] is open" in page.find(".am-told").text


# Looks.


MODES = ("watch", "predict", "nudge")


def in_mode(page, mode):
    """Let the panel of the mode have something to say."""
    if mode == "predict":
        page.click("predict")
        page.answer("7")
    elif mode == "nudge":
        page.click("nudge")
        page.click_card("b")


@pytest.mark.parametrize("width", ["1200px", "500px"])
@pytest.mark.parametrize("mode", MODES)
def test_no_text_lies_on_another(page, mode, width):
    page = page(steps(example(), widget=True), width=width, still=True)
    in_mode(page, mode)
    page.click("last")
    assert overlapping(page.browser, "body *") == []
    wider = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.browser.execute_script(wider) <= 0


@pytest.mark.parametrize("looks", [{}, {"dark": True}, {"theme": "light", "dark": True}, {"theme": "dark"}])
@pytest.mark.parametrize("mode", MODES)
def test_all_words_can_be_read(page, mode, looks):
    page = page(steps(example(), widget=True), still=True, **looks)
    in_mode(page, mode)
    hardest = contrasts(page.browser, ".am-widget")[0]
    assert hardest.ratio >= READABLE, hardest
    is_dark = looks.get("theme", "dark" if looks.get("dark") else "light") == "dark"
    background = page.find(".am-widget").value_of_css_property("background-color")
    assert background == ("rgba(22, 24, 29, 1)" if is_dark else "rgba(255, 255, 255, 1)")


@pytest.mark.parametrize(("still", "seconds"), [(False, "0.25s"), (True, "0s")])
def test_nothing_fades_for_readers_who_want_no_motion(page, still, seconds):
    page = page(steps(example(), widget=True), still=still)
    assert page.find("g.flow").value_of_css_property("transition-duration") == seconds


def test_every_control_has_a_name_and_shows_the_focus(page):
    page = page(steps(network(), widget=True))
    page.click_card("layers[1].neurons[0]")
    for mode in ("predict", "nudge"):
        page.click(mode)
        for control in page.browser.find_elements("css selector", ".am-widget :is(button, input, select, g[tabindex])"):
            if control.is_displayed():
                assert control.accessible_name
                page.browser.execute_script("arguments[0].focus({focusVisible: true})", control)
                assert control.value_of_css_property("outline-style") == "solid", control.get_attribute("outerHTML")


# In JupyterLab.

SOURCE = """
from autograd_mini import nn, steps
widget = steps(nn.MLP(2, [4, 4, 1], seed=1)([1.0, -2.0]), widget=True)
widget
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_jupyterlab(jupyterlab, theme):
    browser = jupyterlab.browser
    jupyterlab.open(jupyterlab.notebook(SOURCE), theme=theme)
    jupyterlab.run_all()
    jupyterlab.wait("return document.querySelector('.am-widget svg') !== null")
    cells = len(browser.find_elements("css selector", ".jp-Cell"))
    widget = browser.find_element("css selector", ".am-widget")
    browser.execute_script("arguments[0].focus()", widget)
    widget.send_keys(Keys.ARROW_RIGHT, "dd", Keys.ARROW_RIGHT)  # dd deletes a cell where the notebook has the focus
    jupyterlab.wait("return document.querySelector('.am-count').textContent.startsWith('2 of')")
    assert len(browser.find_elements("css selector", ".jp-Cell")) == cells
    browser.execute_script("document.querySelectorAll('.am-widget g.card')[1].focus()")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    jupyterlab.wait("return document.querySelector('.am-told').textContent.includes('is open')")
    background = widget.value_of_css_property("background-color")
    assert background == {"light": "rgba(255, 255, 255, 1)", "dark": "rgba(22, 24, 29, 1)"}[theme]
    assert console_errors(browser) == []


def test_a_saved_notebook_steps_without_its_kernel(jupyterlab):
    jupyterlab.open(jupyterlab.run(jupyterlab.notebook(SOURCE)))
    jupyterlab.wait("return document.querySelector('.am-widget svg') !== null")
    jupyterlab.browser.execute_script("document.querySelector('.am-widget').focus()")
    jupyterlab.browser.switch_to.active_element.send_keys(Keys.END)
    jupyterlab.wait("return document.querySelector('.am-count').textContent === '10 of 10'")


def test_an_untrusted_notebook_has_the_stepper(jupyterlab):
    notebook = jupyterlab.run(jupyterlab.notebook(SOURCE))
    jupyterlab.open(notebook, trusted=False)
    assert not jupyterlab.browser.find_elements("css selector", ".am-widget")
    (output,) = jupyterlab.outputs()
    assert "jp-RenderedHTML" in output.get_attribute("class")
    assert "layers[2].neurons[0] is −2.693; its gradient is the seed, 1." in output.text
