"""The notebooks run from top to bottom, say what their committed outputs say, and use what everybody can use."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import autograd_mini as am
import autograd_mini.data

nbformat = pytest.importorskip("nbformat", reason="the notebooks are run with pip install -e '.[notebooks]'")
pytest.importorskip("nbclient", reason="the notebooks are run with pip install -e '.[notebooks]'")

from tests.notebooks import executed, paths, tidied  # noqa: E402

EVERY = pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
VARIES = "varies"  # the tag of a cell that prints a time


@cache
def read(path: Path):
    """The notebook as it is committed."""
    return nbformat.read(path, as_version=4)


def code(notebook) -> list:
    """The cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> str:
    """All that is written between the code."""
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def said(cell) -> list[str]:
    """What a cell printed, and the text of what it showed; not what objects are called by their address."""
    streams = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
    shown = [output.data.get("text/plain", "") for output in cell.outputs if "data" in output]
    return [streams, *shown]


@EVERY
def test_a_notebook_runs_and_says_what_it_said(path):
    for before, after in zip(code(read(path)), code(executed(path)), strict=True):
        if VARIES not in before.metadata.get("tags", []):
            assert said(after) == said(before), f"run python -m tests.notebooks {path.name[:2]} and read what changed"


@EVERY
def test_outputs_are_committed_as_they_are_left_by_a_run(path):
    notebook = read(path)
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    assert sum(bool(cell.outputs) for cell in code(notebook)) >= 4
    assert any("image/svg+xml" in output.get("data", {}) or "image/png" in output.get("data", {})
               for cell in code(notebook) for output in cell.outputs)  # fmt: skip
    assert not [output for cell in code(notebook) for output in cell.outputs if output.output_type == "error"]
    assert not [output for cell in code(notebook) for output in cell.outputs if output.get("name") == "stderr"]
    assert nbformat.writes(tidied(nbformat.from_dict(notebook))) == nbformat.writes(notebook)
    nbformat.validate(notebook)


@EVERY
def test_a_notebook_is_short_checks_its_claims_and_ends_with_exercises(path):
    notebook, is_tour = read(path), path.name.startswith("00")
    assert 10 <= len(notebook.cells) <= 25
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")
    assert is_tour or "At the end you can" in notebook.cells[0].source
    assert is_tour or len(re.findall(r"^\*\*Exercise \d\.\*\*", prose(notebook), re.M)) == 2
    assert sum("assert" in cell.source for cell in code(notebook)) >= (1 if is_tour else 4)
    assert path.stat().st_size < 3_000_000


@EVERY
def test_a_notebook_uses_the_public_interface_only(path):
    for cell in code(read(path)):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "autograd_mini":
                assert node.module in ("autograd_mini", "autograd_mini.nn", "autograd_mini.data"), node.module
                public = {"autograd_mini": [*am.__all__, "data"], "autograd_mini.nn": am.nn.__all__}
                assert {name.name for name in node.names} <= {*public.get(node.module, am.data.__all__)}
            if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                assert node.attr.startswith("__") and node.attr.endswith("__"), node.attr
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "am":
                assert node.attr in am.__all__, node.attr


@EVERY
def test_links_of_a_notebook_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", prose(read(path))):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_the_tour_and_the_readme_list_them_in_order():
    numbered = [path.name for path in paths() if not path.name.startswith("00")]
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    assert list(dict.fromkeys(re.findall(r"\((\d\d\w+\.ipynb)\)", prose(read(paths("00")[0]))))) == numbered
    assert re.findall(r"\(notebooks/(\d\d\w+\.ipynb)\)", readme) == [path.name for path in paths()]
