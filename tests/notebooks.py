"""Run the notebooks and keep what they print and draw: `python -m tests.notebooks [01 05 ...]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent.parent / "notebooks"
SLOWEST = 120  # seconds a cell may take before it is taken to hang
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
SHOWN = ("text/plain", "text/html", "image/svg+xml", "image/png")  # what is kept; a widget's state lives in a kernel


def paths(*numbers: str) -> list[Path]:
    """The notebooks in the order they are read, all or those whose names begin with one of the numbers."""
    return [path for path in sorted(FOLDER.glob("*.ipynb")) if not numbers or path.name.startswith(numbers)]


def executed(path: Path) -> NotebookNode:
    """The notebook after all its cells have run in a new kernel, in its own folder, from the top.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=SLOWEST,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": path.parent}},
        record_timing=False,
        coalesce_streams=True,
    ).execute(env=os.environ | {"PYTHONPATH": str(FOLDER.parent)})  # this checkout, wherever the kernel runs
    return notebook


def tidied(notebook: NotebookNode) -> NotebookNode:
    """The notebook as it is committed: nothing in it of the machine that ran it."""
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info={"name": "python"})
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = NotebookNode({key: cell.metadata[key] for key in cell.metadata if key == "tags"})
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = NotebookNode({kind: data for kind, data in output.data.items() if kind in SHOWN})
    return notebook


if __name__ == "__main__":
    for path in paths(*sys.argv[1:]):
        nbformat.write(tidied(executed(path)), path)
        print(path.name)
