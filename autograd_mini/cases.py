"""Python functions run with both ways of their conditionals taken at once, for numbers that are not known yet."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Choose = Callable[[Any, Callable[[], Any], Callable[[], Any]], Any]


def loaded(path: str | Path, choose: Choose, **names: Any) -> SimpleNamespace:
    """What a file of Python defines, with each of its conditionals made a call: x if c else y is choose(c, x, y).

    x and y are functions of nothing, as are c and d in what becomes of `c and d`, `c or d` and a < b < c. An `if` that
    returns chooses between that and the rest of the function; any other needs a bool, and so does a loop.

    Args:
        path: the file, which is run.
        choose: what gives one of two results, or both in one.
        names: what stands for variables of the file.
    """
    tree = Conditionals().visit(ast.parse(Path(path).read_text(encoding="utf-8")))
    space: dict[str, Any] = {"__name__": f"{Path(path).stem} with both ways"}
    exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), space)
    space.update(names, choose_=choose)
    return SimpleNamespace(**space)


class Conditionals(ast.NodeTransformer):
    """Writes conditionals as calls.

    >>> tree = ast.parse("y = 1.0 if a > 0 else -1.0 if a < 0 or not b else 0.0")
    >>> print(ast.unparse(Conditionals().visit(tree)).replace("choose_", "choose"))  # doctest: +NORMALIZE_WHITESPACE
    y = choose(a > 0, lambda: 1.0, lambda: choose(choose(a < 0, lambda: True,
        lambda: choose(b, lambda: False, lambda: True)), lambda: -1.0, lambda: 0.0))
    """

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        return choice(node.test, node.body, node.orelse)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        return joined(node.values, isinstance(node.op, ast.And))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        pairs = zip([node.left, *node.comparators], node.ops, node.comparators, strict=False)
        return joined([ast.Compare(a, [sign], [b]) for a, sign, b in pairs], True)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return choice(node.operand, ast.Constant(False), ast.Constant(True)) if isinstance(node.op, ast.Not) else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        for i in range(len(node.body) - 2, -1, -1):
            match node.body[i]:
                case ast.If(test, [ast.Return(ast.expr() as y)], []):
                    rest = ast.parse("def otherwise_(): pass").body[0]
                    assert isinstance(rest, ast.FunctionDef)
                    rest.body = node.body[i + 1 :]
                    chosen = call(test, thunk(y), ast.Name("otherwise_", ast.Load()))
                    node.body[i:] = [rest, ast.Return(chosen)]
        return node


def joined(conditions: Sequence[ast.expr], all_of_them: bool) -> ast.expr:
    """The conjunction or disjunction of conditions."""
    *first, y = conditions
    for condition in reversed(first):
        y = choice(condition, y, ast.Constant(False)) if all_of_them else choice(condition, ast.Constant(True), y)
    return y


def choice(test: ast.expr, yes: ast.expr, no: ast.expr) -> ast.expr:
    """The call that chooses between two expressions."""
    return call(test, thunk(yes), thunk(no))


def call(*arguments: ast.expr) -> ast.expr:
    """A call of choose_."""
    return ast.Call(ast.Name("choose_", ast.Load()), list(arguments), [])


def thunk(y: ast.expr) -> ast.expr:
    """A function of nothing that gives y."""
    return ast.Lambda(ast.parse("lambda: 0", mode="eval").body.args, y)  # type: ignore[attr-defined]
