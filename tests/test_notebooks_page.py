"""The notebooks in a real JupyterLab, run from the top as a reader runs them."""

from __future__ import annotations

import re

import pytest

for name in ("matplotlib", "nbclient", "selenium", "sklearn"):
    pytest.importorskip(name, reason=f"no {name}: pip install -e '.[browser,notebooks]'")

import nbformat  # noqa: E402

from tests.browser import console_errors, emulate, texts  # noqa: E402
from tests.notebooks import paths  # noqa: E402

PATIENCE = 300  # seconds for all cells of a notebook, on a slow machine and without compiled modules
FAILED = ".jp-OutputArea-output:is([data-mime-type$='.error'], [data-mime-type$='.stderr'])"

# A formula that is not closed stays as it was written; what MathJax cannot read in one, it shows as an error or in red.
IS_TYPESET = "return ![...document.querySelectorAll('.jp-RenderedMarkdown')].some(x => x.textContent.includes('$'))"
MISREAD = "return [...document.querySelectorAll('merror, mtext[mathcolor=red]')].map(words => words.textContent)"


def run(lab, path):
    """The notebook as it is committed; opened in the page without its outputs and run there from the top."""
    committed, notebook = nbformat.read(path, as_version=4), nbformat.read(path, as_version=4)
    notebook.metadata.kernelspec = lab.notebook().metadata.kernelspec
    for cell in code(notebook):
        cell.outputs, cell.execution_count = [], None
    lab.open(notebook)
    assert lab.outputs() == [] and set(lab.counts()) == {None}
    lab.run_all(PATIENCE)
    return committed


def code(notebook):
    """The cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kind(output):
    """As what JupyterLab shows an output: of several kinds, the richest."""
    rich = [kind for kind in ("text/html", "image/svg+xml", "image/png") if kind in output.get("data", {})]
    return (rich or ["application/vnd.jupyter.stdout" if "name" in output else "text/plain"])[0]


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_a_notebook_runs(browser, jupyterlab, path):
    committed = run(jupyterlab, path)
    assert [failed.text for failed in browser.find_elements("css selector", FAILED)] == []
    assert jupyterlab.counts() == [cell.execution_count for cell in code(committed)]
    kinds = [output.get_attribute("data-mime-type") for output in jupyterlab.outputs()]
    assert kinds == [kind(output) for cell in code(committed) for output in cell.outputs]
    jupyterlab.wait(IS_TYPESET)
    assert browser.execute_script(MISREAD) == []
    assert console_errors(browser) == []


def test_the_stepper_of_the_second_notebook_goes_to_its_end(browser, jupyterlab):
    committed = run(jupyterlab, paths("02")[0])
    shown = [output.data for cell in code(committed) for output in cell.outputs if "data" in output]
    (words,) = [data["text/plain"] for data in shown if "am-steps" in data.get("text/html", "")]
    frames = re.split(r"\n(?=\d)", words)  # a headline begins with its number, and what is passed on is indented
    assert len(frames) == 4
    emulate(browser, still=True)  # nothing fades
    for k, frame in enumerate(frames):
        if k > 0:
            button(browser, "next").click()
        assert texts(browser, ".am-words") == [line.strip() for line in frame.split("\n")]
        drawn = texts(browser, ".am-stage svg text")
        for j, other in enumerate(frames):
            for product in re.findall(r"receives ([^,\n]+)", other):
                assert (product in drawn) == (j <= k), product
    assert button(browser, "next").get_attribute("aria-disabled") == "true"
    assert console_errors(browser) == []


def button(browser, text):
    """The button of the stepper that says so: each frame has its own, of which one is seen."""
    (found,) = [label for label in browser.find_elements("css selector", ".am-bar label") if label.text == text]
    return found
