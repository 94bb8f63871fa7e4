"""How a picture looks and behaves in a real browser, alone and in a real JupyterLab."""

from tests.browser.page import (
    Contrast,
    console_errors,
    contrasts,
    emulate,
    open_page,
    outside,
    overlapping,
    texts,
    tooltip_of,
)

__all__ = [
    "Contrast",
    "console_errors",
    "contrasts",
    "emulate",
    "open_page",
    "outside",
    "overlapping",
    "texts",
    "tooltip_of",
]
