"""Pages in a headless Chromium, and what is measured on them: errors, overlaps, contrast."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver
    from selenium.webdriver.remote.webelement import WebElement

MEASURE = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--window-size=1400,1000",
    # Nothing is asked of the network, whether there is one or not.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Pixels of a screenshot per pixel of the page: at 4 the minus sign of 10px text has some that are all ink, at 2 it has
# 94 % of it. A picture of 3000 by 1300 takes 15 s at 4.
SHARPEST, MOST = 4.0, 16e6


class Contrast(NamedTuple):
    """The letter of a text that is hardest to read: its colour, the colour behind it, their WCAG 2 contrast ratio."""

    text: str
    fg: str
    bg: str
    ratio: float


def missing() -> str:
    """What a browser test needs and this machine does not have; empty if it has all."""
    needed = {
        "chromium": any(map(shutil.which, CHROMIUMS)),
        "chromedriver": shutil.which("chromedriver"),
        "selenium": find_spec("selenium"),
    }
    return ", ".join(name for name, found in needed.items() if not found)


@contextmanager
def chromium(profile: Path) -> Iterator[WebDriver]:
    """Run a Chromium without a window, which asks nothing of the network, with its profile in an empty folder."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, CHROMIUMS)))
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    browser.set_script_timeout(60)
    try:
        yield browser
    finally:
        browser.quit()


def open_page(browser: WebDriver, page: str, *, suffix: str = ".html", dark: bool = False, still: bool = False) -> None:
    """Open a page from a file: HTML, of which the body is enough, or with suffix=".svg" a picture by itself."""
    fresh_tab(browser, dark=dark, still=still)
    if suffix == ".html" and not page.lower().startswith("<!doctype"):
        page = f'<!doctype html><meta charset="utf-8"><title>Test</title><body>{page}'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"page{suffix}")
        path.write_text(page, encoding="utf-8")
        browser.get(path.as_uri())


def fresh_tab(browser: WebDriver, *, dark: bool = False, still: bool = False) -> None:
    """Leave what is open, whatever it would ask, for an empty page with the focus and with a console of its own."""
    old = browser.window_handles
    browser.switch_to.new_window("tab")
    new = browser.current_window_handle
    for handle in old:
        browser.switch_to.window(handle)
        browser.close()
    browser.switch_to.window(new)
    browser.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    emulate(browser, dark=dark, still=still)
    browser.get_log("browser")


def emulate(browser: WebDriver, *, dark: bool = False, still: bool = False) -> None:
    """Let the page see a system in dark mode, or a reader who asks for no motion; an <img> sees the mode alone."""
    features = {
        "prefers-color-scheme": "dark" if dark else "light",
        "prefers-reduced-motion": "reduce" if still else "no-preference",
    }
    media = [{"name": name, "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})


def console_errors(browser: WebDriver) -> list[str]:
    """The errors in the console since the page was opened, or since they were asked for last."""
    entries = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    return [entry["message"] for entry in entries if "favicon" not in entry["message"]]


def texts(browser: WebDriver, selector: str = "svg text") -> list[str]:
    """The visible texts in the elements selected: those that the functions below look at."""
    return list(measure(browser, "texts(...arguments)", selector))


def overlapping(browser: WebDriver, selector: str = "svg text", tolerance: float = 2.0) -> list[tuple[str, str]]:
    """The pairs of visible texts in the elements selected whose boxes overlap by more than some pixels both ways.

    A box has room for accents and descenders: 2 pixels of two boxes of 13px text hold no ink.
    """
    return [tuple(pair) for pair in measure(browser, "overlapping(...arguments)", selector, tolerance)]


def outside(browser: WebDriver, selector: str = "svg text", tolerance: float = 1.0) -> list[tuple[str, str]]:
    """The visible texts that stick out by more than some pixels, each with what it sticks out of: "svg" or "card".

    A text belongs to the outermost svg around it, and to the largest shape of the nearest g.card around it.
    """
    return [tuple(found) for found in measure(browser, "outside(...arguments)", selector, tolerance)]


def contrasts(browser: WebDriver, selector: str = "*") -> list[Contrast]:
    """How readable each visible text in the elements selected is, SVG and HTML, hardest first.

    The colours are those of the screen: two screenshots, with and without the writing, are compared letter by letter,
    so that all counts that lies over or under a text. A letter that cannot be seen has a ratio of 1: one under a shape,
    or scrolled out of sight in a part that does not grow with the window.
    """
    with window_for(browser, selector), frozen(browser):
        texts = measure(browser, "letters(...arguments)", selector)
        if not texts:
            return []
        clip = measure(browser, "around(...arguments)", texts)
        clip["scale"] = min(SHARPEST, math.sqrt(MOST / clip["width"] / clip["height"]))
        written = screenshot(browser, clip)
        measure(browser, "hideWriting()")
        found = measure(browser, "hardestLetters(...arguments)", texts, clip, written, screenshot(browser, clip))
    return sorted((Contrast(*each) for each in found), key=lambda each: each.ratio)


@contextmanager
def window_for(browser: WebDriver, selector: str) -> Iterator[None]:
    """Make the window as large as it takes to show what is scrolled out of sight."""
    needed = measure(browser, "windowFor(...arguments)", selector)
    if not needed.pop("more"):
        yield
        return
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", needed | {"deviceScaleFactor": 1, "mobile": False})
    try:
        measure(browser, "painted()")
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@contextmanager
def frozen(browser: WebDriver) -> Iterator[None]:
    """Let nothing on the page move."""
    measure(browser, "freeze()")
    try:
        yield
    finally:
        measure(browser, "thaw()")


def screenshot(browser: WebDriver, clip: dict[str, float]) -> str:
    """A part of the page as it is, as base64 of a PNG."""
    return str(browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "optimizeForSpeed": True})["data"])


def tooltip_of(element: WebElement) -> str:
    """What the element says when pointed at: its own <title>; empty without one."""
    titles = element.find_elements("css selector", ":scope > title")
    return titles[0].get_attribute("textContent") or "" if titles else ""


def measure(browser: WebDriver, call: str, *arguments: Any) -> Any:
    """The value of a call of a function in measure.js."""
    return browser.execute_script(f"{MEASURE}\nreturn {call}", *arguments)
