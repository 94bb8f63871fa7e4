"""The architecture: imports point upwards, public names exist, and each file says in one sentence what it is."""

from __future__ import annotations

import ast
import os
import re
import tomllib

import pytest

import autograd_mini as am
from tests.conftest import PACKAGE, stale

LAYERS = [
    "_plain", "ops", "special", "elementary", "rules", "errors", "value", "take", "calculus", "chain", "primitive",
    "functions", "gradient", "higher", "taylor", "trees", "results", "columns", "tape", "lines", "layout", "lower",
    "loops", "machine", "c99", "cases", "export", "program", "surroundings", "update", "batch", "compile", "nn", "text",
    "steps", "detect", "why", "latex", "nudge", "draw", "plot", "check", "data", "", "__main__",
]  # fmt: skip  # "" is the package itself
SOURCES = {path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
MODULES = {name: path for name, path in SOURCES.items() if name != "__init__"}
TESTS = {f"tests/{path.stem}": path for path in sorted((PACKAGE.parent / "tests").rglob("*.py"))}


def layer(name):
    """The layer that a module belongs to: that of the file or folder in the package."""
    return name.partition("/")[0]


def imports(path):
    """The names after `autograd_mini.` of what a file imports, wherever in it; '' for the package itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno}: write the import in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = []
        for name in names:
            package, _, rest = name.partition(".")
            if package == PACKAGE.name:
                first = rest.partition(".")[0]
                yield first if first in map(layer, MODULES) else ""


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_upwards(name):
    below = set(LAYERS[: LAYERS.index(layer(name))])
    inside = {layer(name)} if "/" in name else set()
    assert set(imports(MODULES[name])) <= below | inside


def test_imports_are_found():
    assert {"ops", "rules", "elementary"} <= set(imports(MODULES["value"]))
    assert set(imports(SOURCES["__init__"])) >= {"value", "functions"}


def natural(name):
    """A key that sorts as people do: constants, classes, functions; log2 before log10."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


@pytest.mark.parametrize("package", [am, am.nn], ids=["autograd_mini", "nn"])
def test_public_names_are_sorted_and_exist(package):
    names = package.__all__
    assert len(set(names)) == len(names)
    assert names == sorted(names, key=natural) or names == sorted(names)
    for name in names:
        assert getattr(package, name) is not None


@pytest.mark.parametrize(("source", "package"), [("__init__", am), ("nn/__init__", am.nn)])
def test_all_that_is_imported_is_public(source, package):
    tree = ast.parse(SOURCES[source].read_text())
    imported = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module.startswith(PACKAGE.name)]
    assert {alias.asname or alias.name for node in imported for alias in node.names} <= set(package.__all__)


def test_every_folder_of_the_package_is_installed():
    listed = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = [path.parent.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("__init__.py")]
    assert sorted(listed) == sorted(".".join(folder.parts) for folder in folders)


@pytest.mark.parametrize("name", [*SOURCES, *TESTS])
def test_first_line_is_a_sentence(name):
    path = {**SOURCES, **TESTS}[name]
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
    assert first.endswith("."), first
    assert not re.search(r"[.!?] [A-Z]", first), "one sentence"


def test_a_stale_build_is_found(tmp_path):
    (tmp_path / "ops.pxd").write_text("cdef enum:\n    ADD\n")
    (tmp_path / "rules.pxd").write_text("cimport cython\nfrom autograd_mini cimport elementary as math, ops\n")
    (tmp_path / "value.pxd").write_text("from autograd_mini.rules cimport value\n")
    for name in ("rules.py", "value.py", "rules.cpython-311-x86_64-linux-gnu.so", "value.pyd", "rules.c", "free.so"):
        (tmp_path / name).touch()
    for path in tmp_path.iterdir():
        os.utime(path, (1e9, 1e9))
    assert stale(tmp_path) == []
    for newer, old in {"rules.py": "r", "value.py": "v", "value.pxd": "v", "rules.pxd": "rv", "ops.pxd": "rv"}.items():
        os.utime(tmp_path / newer, (1e9 + 1, 1e9 + 1))
        assert [name[0] for name in stale(tmp_path)] == list(old)
        os.utime(tmp_path / "rules.cpython-311-x86_64-linux-gnu.so", (1e9 + 2, 1e9 + 2))  # made from C code that is old
        assert [name[0] for name in stale(tmp_path)] == list(old)
        for path in tmp_path.iterdir():
            os.utime(path, (1e9, 1e9))
