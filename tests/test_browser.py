"""Pictures in a real browser; and what looks at them there finds what is planted on pages made to be wrong."""

from __future__ import annotations

import base64
import os
import subprocess
import sys

import pytest

import autograd_mini as am
from autograd_mini import Value, draw
from tests.browser import console_errors, contrasts, emulate, open_page, outside, overlapping, texts, tooltip_of

READABLE = 4.5  # WCAG 2, level AA
MEDIA = "return ['(prefers-color-scheme: dark)', '(prefers-reduced-motion: reduce)'].map(q => matchMedia(q).matches)"


def tag(name: str, *content: str, **attributes: object) -> str:
    """An element, its attributes written as keyword arguments."""
    words = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f"<{name}{words}>{''.join(content)}</{name}>"


def svg(*content: str) -> str:
    return tag("svg", *content, xmlns="http://www.w3.org/2000/svg", font_size=13, width=300, height=200)


def text(words: str, x: int = 20, y: int = 20, **attributes: object) -> str:
    return tag("text", words, x=x, y=y, **attributes)


def ground(colour: str, *content: str, **attributes: object) -> str:
    return tag("rect", *content, width=300, height=200, fill=colour, **attributes)


def example() -> Value:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = (a * b + a.exp()).tanh()
    y.label = "y"
    y.backward()
    return y


def network() -> Value:
    loss = am.nn.hinge(am.nn.MLP(2, [3, 1], seed=1)([1.0, -2.0]), 1)
    loss.backward()
    return loss


# What looks at the pages.


def test_a_page_sees_the_system_that_is_asked_for(browser):
    for dark in (False, True):
        for still in (False, True):
            open_page(browser, "<p>here", dark=dark, still=still)
            assert browser.execute_script(MEDIA) == [dark, still]
    emulate(browser)
    assert browser.execute_script(MEDIA) == [False, False]
    assert browser.execute_script("return [document.compatMode, document.characterSet]") == ["CSS1Compat", "UTF-8"]


def test_a_picture_by_itself_is_a_page(browser):
    open_page(browser, svg(text("alone")), suffix=".svg")
    assert browser.execute_script("return document.documentElement.localName") == "svg"
    assert [found.text for found in contrasts(browser)] == ["alone"]


@pytest.mark.parametrize(
    "page, error",
    [
        ("<script>console.error('planted')</script>", "planted"),
        ("<script>throw Error('thrown')</script>", "thrown"),
        ("<script>let 1</script>", "SyntaxError"),
        ('<svg><rect width="-1"/></svg>', "negative"),
        ('<img src="missing.png">', "missing.png"),
        ("<script>console.warn('no error')</script>", None),
    ],
)
def test_console_errors(browser, page, error):
    open_page(browser, page)
    found = console_errors(browser)
    assert [error in message for message in found] == ([True] if error else [])
    assert console_errors(browser) == []
    browser.execute_script("console.error('left behind')")
    open_page(browser, "a page of its own")
    assert console_errors(browser) == []


@pytest.mark.parametrize(
    "page, pairs",
    [
        (text("over") + text("under", 24, 24), [("over", "under")]),
        (text("one") + text("two", 20, 40), []),
        (text("one") + text("two", 20, 34), []),  # lines of 13px, set solid
        (tag("g", text("far"), transform="translate(0 99)") + text("near", 20, 119), [("far", "near")]),
        (text("one") + text("two", opacity=0), []),
        (text("one") + tag("g", tag("g", text("two")), opacity=0), []),
        (text("one") + tag("g", text("two"), style="display: none"), []),
        (text("one") + tag("g", text("two"), visibility="hidden"), []),
        (tag("g", text("one", visibility="visible"), visibility="hidden") + text("two"), [("one", "two")]),
        (text("one") + "<title>one</title><desc>two</desc><defs><text>three</text></defs>", []),
        (text('a<tspan x="22">b</tspan>'), [("a", "b")]),
        (text(" ") + text("\u00a0") + text("one"), []),
    ],
)
def test_overlapping(browser, page, pairs):
    open_page(browser, svg(page))
    assert overlapping(browser) == pairs


def test_overlapping_html(browser):
    page = '<p style="position: absolute; top: 0">one</p><p style="position: absolute; top: 4px">two</p>'
    open_page(browser, page)
    assert overlapping(browser) == []
    assert overlapping(browser, "p") == [("one", "two")]
    open_page(browser, f'{page}<p style="position: absolute; top: 0; width: 1px; height: 1px; overflow: hidden">heard')
    assert overlapping(browser, "p") == [("one", "two")]
    open_page(browser, '<div style="width: 5em">a few words on lines <b>of their own</b> and no more</div>')
    assert overlapping(browser, "*") == []


def card(*content: str) -> str:
    """A card of 100 by 50 pixels, with a small shape in it."""
    shapes = tag("rect", width=5, height=5) + tag("rect", width=100, height=50, fill="#eee")
    return tag("g", shapes, *content, Class="card", transform="translate(20 20)")


@pytest.mark.parametrize(
    "page, found",
    [
        (text("right", 285), [("right", "svg")]),
        (text("top", 20, 2), [("top", "svg")]),
        (text("hidden", 285, opacity=0), []),
        (text("inside"), []),
        (card(text("in it")), []),
        (card(text("wider than the card is")), [("wider than the card is", "card")]),
        (card(text("low", 20, 50)), [("low", "card")]),
        (card(tag("g", text("deep", 90))), [("deep", "card")]),
        (card() + text("beside the card", 110), []),
        (tag("svg", text("nested"), width=300), []),
        (tag("svg", text("nested"), x=285), [("nested", "svg")]),
    ],
)
def test_outside(browser, page, found):
    open_page(browser, svg(page))
    assert outside(browser) == found


def channels(colour: str) -> list[int]:
    return list(bytes.fromhex(colour[1:]))


@pytest.mark.parametrize(
    "page, fg, bg, ratio",
    [
        (svg(text("on the page", fill="#777")), "#777777", "#ffffff", 4.48),
        (svg(text("on the page", fill="#767676")), "#767676", "#ffffff", 4.54),
        (svg(ground("black"), ground("#777"), text("on the upper")), "#000000", "#777777", 4.69),
        (svg(ground("red"), text("thin − · .", fill="blue", font_size="10")), "#0000ff", "#ff0000", 2.15),
        (svg(text("half", opacity=0.5)), "#808080", "#ffffff", 3.95),
        (svg(tag("g", text("half"), opacity=0.5)), "#808080", "#ffffff", 3.95),
        (svg(text("veiled"), ground("white", opacity=0.5)), "#808080", "#ffffff", 3.95),
        (svg(text("under it"), ground("#888888")), "#888888", "#888888", 1.0),
        (svg(ground("#222"), text("same", fill="#222")), "#222222", "#222222", 1.0),
        ('<p style="color: #777">in HTML', "#777777", "#ffffff", 4.48),
        ('<p style="background: black; color: #777; transition: all 9s">in HTML', "#777777", "#000000", 4.69),
    ],
)
def test_contrasts(browser, page, fg, bg, ratio):
    open_page(browser, page)
    for _ in range(2):  # the first time leaves no trace
        (found,) = contrasts(browser)
        assert channels(found.fg) == pytest.approx(channels(fg), abs=2)
        assert channels(found.bg) == pytest.approx(channels(bg), abs=2)
        assert found.ratio == pytest.approx(ratio, rel=0.04)


def test_contrast_of_the_hardest_letter(browser):
    half = '<rect x="100" width="200" height="200" fill="#333"/>'
    open_page(browser, svg(half, text("from white to almost black", 20)))
    (found,) = contrasts(browser)
    assert found.bg == "#333333" and found.ratio < 2


def test_contrasts_are_sorted_and_selected(browser):
    open_page(browser, "<p>easy</p>" + svg(text("hard", fill="#ccc")))
    assert [found.text for found in contrasts(browser)] == ["hard", "easy"]
    assert [found.text for found in contrasts(browser, "p")] == ["easy"]
    assert contrasts(browser, "h1") == []


def test_contrasts_in_the_dark(browser):
    page = "<style>:root { color-scheme: light dark }</style><p>follows the system</p>" + svg(text("stays black"))
    open_page(browser, page)
    assert min(contrasts(browser)).ratio == 21
    open_page(browser, page, dark=True)
    easy, hard = sorted(contrasts(browser))
    assert easy.ratio > 15 and hard.ratio < 1.5


def test_contrasts_far_down(browser):
    open_page(browser, '<div style="height: 5000px">near</div><p style="color: #777">far')
    far, near = contrasts(browser)
    assert (far.text, far.fg, near.text, near.fg) == ("far", "#777777", "near", "#000000")
    assert browser.execute_script("return innerHeight") < 1000


@pytest.mark.parametrize("width, ratio", [("100%", 21), ("200px", 1)])
def test_contrasts_in_a_part_that_scrolls(browser, width, ratio):
    wide = '<p style="width: 3000px; text-align: right">far'
    open_page(browser, f'<div style="overflow: auto; width: {width}">{wide}')
    (found,) = contrasts(browser)
    assert found.ratio == ratio


@pytest.mark.parametrize(
    "moving",
    [
        "<style>@keyframes k { to { fill: black } } rect { animation: k 1s infinite }</style>" + ground("white"),
        ground("white", '<animate attributeName="fill" to="black" dur="1s" repeatCount="indefinite"/>'),
    ],
    ids=["CSS", "SMIL"],
)
def test_contrasts_while_it_moves(browser, moving):
    open_page(browser, svg(moving, text("without ink", fill="none")))
    (found,) = contrasts(browser)
    assert found.ratio == 1
    states = "return document.getAnimations().map(each => each.playState)"
    assert set(browser.execute_script(states)) <= {"running"}
    assert browser.execute_script("return document.querySelector('svg').animationsPaused()") is False
    browser.execute_script("document.querySelector('rect').style.animationPlayState = 'paused'")
    assert set(browser.execute_script(states)) <= {"paused"}


def test_tooltips(browser):
    open_page(browser, svg("<g id='a'><g id='b'><title>2 &lt; 3</title></g></g>"))
    a, b = (browser.find_element("id", name) for name in "ab")
    assert (tooltip_of(a), tooltip_of(b)) == ("", "2 < 3")


@pytest.mark.parametrize("arguments, outcome", [([], "1 skipped"), (["-m", "browser"], "1 error")])
def test_without_a_browser(arguments, outcome):
    command = [sys.executable, "-m", "pytest", "-q", "-rs", f"{__file__}::test_tooltips", *arguments]
    done = subprocess.run(command, env=os.environ | {"PATH": ""}, capture_output=True, text=True)
    assert outcome in done.stdout and "a browser test needs chromium, chromedriver" in done.stdout


# Notebooks, in JupyterLab and exported.

PICTURE = svg(tag("title", "tip"), text("here"))
IMAGE = f'<img src="data:image/svg+xml;base64,{base64.b64encode(PICTURE.encode()).decode()}">'
BUNDLE = {"text/html": PICTURE + IMAGE, "text/plain": "here"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_jupyterlab_has_its_theme_and_the_system_its_own(browser, jupyterlab, theme):
    dark = theme == "light"
    jupyterlab.open(jupyterlab.notebook("#", outputs=BUNDLE), theme=theme, dark=dark)
    assert browser.execute_script("return document.body.dataset.jpThemeName") == f"JupyterLab {theme.title()}"
    assert browser.execute_script(MEDIA) == [dark, False]
    assert console_errors(browser) == []


def test_jupyterlab_trusts_what_is_signed_or_run_here(browser, jupyterlab):
    shown = f"from IPython.display import HTML; HTML({BUNDLE['text/html']!r})"
    notebook = jupyterlab.run(jupyterlab.notebook(shown))
    for trusted in (True, False):  # in this order: the signature of the first is taken back
        jupyterlab.open(notebook, trusted=trusted)
        (output,) = jupyterlab.outputs()
        assert len(output.find_elements("css selector", "svg")) == trusted
        assert len(output.find_elements("css selector", "img")) == 1
    jupyterlab.run_all()
    (output,) = jupyterlab.outputs()
    assert len(output.find_elements("css selector", "svg")) == 1
    assert texts(browser, ".jp-OutputArea-output text") == ["here"]
    assert console_errors(browser) == []


def test_a_notebook_far_down_is_measured(browser, jupyterlab):
    jupyterlab.open(jupyterlab.notebook(*["#"] * 5, outputs=BUNDLE))
    found = contrasts(browser, ".jp-OutputArea-output text")
    assert [(each.text, each.fg) for each in found] == [("here", "#000000")] * 5 and found[0].ratio == 21


# The pictures.


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("suffix", [".html", ".svg"])
@pytest.mark.parametrize("root", [example, network], ids=lambda root: root.__name__)
def test_a_picture_can_be_read(browser, root, suffix, dark):
    bundle = draw(root())._repr_mimebundle_()
    open_page(browser, bundle["text/html" if suffix == ".html" else "image/svg+xml"], suffix=suffix, dark=dark)
    assert_readable(browser, bundle["image/svg+xml"])
    assert console_errors(browser) == []


def assert_readable(browser, picture: str, selector: str = "svg text") -> None:
    """Assert that all texts of the picture are there, apart, each in its place and told from its ground."""
    assert len(texts(browser, selector)) == picture.count("</text>") > 20
    assert overlapping(browser, selector) == outside(browser, selector) == []
    assert contrasts(browser, selector)[0].ratio >= READABLE


def test_a_card_tells_the_value_in_full(browser):
    y = example()
    open_page(browser, draw(y)._repr_mimebundle_()["text/html"])
    tips = [tooltip_of(card) for card in browser.find_elements("css selector", "g.card")]
    assert any(f"value {y.data!r}" in tip for tip in tips) and len(tips) == 6


DRAW = """
from autograd_mini import Value, draw
a, b = Value(2.0, label="a"), Value(-3.0, label="b")
y = (a * b + a.exp()).tanh()
y.label = "y"
y.backward()
draw(y)
"""


def test_a_cell_that_is_run_shows_the_picture(browser, jupyterlab):
    jupyterlab.open(jupyterlab.notebook(DRAW, "import autograd_mini; print(autograd_mini.__file__)"))
    assert jupyterlab.outputs() == []
    jupyterlab.run_all()
    picture, path = jupyterlab.outputs()
    cards = picture.find_elements("css selector", "svg g.card")
    assert len(cards) == 6 and f"value {example().data!r}" in tooltip_of(cards[-1])
    assert path.text == am.__file__
    assert_readable(browser, draw(example())._repr_mimebundle_()["image/svg+xml"], ".jp-OutputArea-output text")
    assert console_errors(browser) == []


def test_an_exported_notebook_shows_the_picture(browser, jupyterlab):
    nbconvert = pytest.importorskip("nbconvert")
    bundle = draw(example())._repr_mimebundle_()
    page, _ = nbconvert.HTMLExporter().from_notebook_node(jupyterlab.notebook("draw(y)", outputs=bundle))
    open_page(browser, page)
    errors = [error for error in console_errors(browser) if "ERR_NAME_NOT_RESOLVED" not in error]  # MathJax's
    assert errors == []
    assert_readable(browser, bundle["image/svg+xml"], ".jp-OutputArea-output text")
