"""The examples in docstrings, run: found in the source text, because compiled functions hide theirs."""

from __future__ import annotations

import ast
import doctest
import importlib

import pytest

from tests.conftest import PACKAGE

SOURCES = {
    ".".join([PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def docstrings(tree):
    """Each docstring in the tree, with the dotted name of what it describes and the line where that starts."""
    found = [(tree, [])]
    while found:
        node, names = found.pop()
        text = ast.get_docstring(node)
        if text:
            yield text, ".".join(names), node.body[0].lineno - 1
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                found.append((child, [*names, child.name]))


def examples(name):
    """The examples of a module, one DocTest for each docstring that has some."""
    path, parser = SOURCES[name], doctest.DocTestParser()
    for text, place, line in docstrings(ast.parse(path.read_text())):
        test = parser.get_doctest(text, {}, f"{name}.{place}".strip("."), str(path), line)
        if test.examples:
            yield test


MODULES = [name for name in SOURCES if list(examples(name))]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)
    runner, report = doctest.DocTestRunner(verbose=False), []
    for test in examples(name):
        test.globs.update(vars(module))
        runner.run(test, out=report.append)
    assert runner.tries > 0
    assert not runner.failures, "".join(report)


def test_examples_are_found():
    names = {test.name for name in MODULES for test in examples(name)}
    assert {"autograd_mini", "autograd_mini.value.Value.backward", "autograd_mini.functions.sum"} <= names
