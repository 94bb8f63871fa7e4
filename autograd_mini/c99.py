"""The functions of rules.py and special.py written in C99, read from their source text."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from autograd_mini import ops
from autograd_mini.ops import TABLE

SUFFIXES = {"value": "value", "slope_a": "by_a", "slope_b": "by_b", "value_of_many": "value", "slope_of_many": "slope"}
OPERATORS: dict[type[ast.AST], tuple[str, int]] = {  # as C writes them, and how tightly they hold their operands
    ast.Or: ("||", 1), ast.And: ("&&", 2), ast.Lt: ("<", 3), ast.LtE: ("<=", 3), ast.Gt: (">", 3), ast.GtE: (">=", 3),
    ast.Eq: ("==", 3), ast.NotEq: ("!=", 3), ast.Add: ("+", 4), ast.Sub: ("-", 4), ast.Mult: ("*", 5),
    ast.Div: ("/", 5), ast.FloorDiv: ("/", 5), ast.USub: ("-", 6), ast.Not: ("!", 6),
}  # fmt: skip
ATOM = 7
INDENT = "    "


def parsed(file: str) -> ast.Module:
    """The syntax of a file of this folder."""
    return ast.parse(Path(__file__).with_name(file).read_text(encoding="utf-8"))


class Definitions:
    """The C functions and constants that have been asked for, each after those it needs itself.

    >>> definitions = Definitions()
    >>> definitions.rule("slope_a", ops.RELU, {"a": "m[3]"})
    'relu_by_a(m[3])'
    >>> print(definitions)
    static double relu_by_a(double a) {
        return a > 0 ? 1.0 : 0.0;
    }
    """

    def __init__(self) -> None:
        bodies = [node for file in ("rules.py", "special.py") for node in parsed(file).body]
        self.functions = {node.name: node for node in bodies if isinstance(node, ast.FunctionDef)}
        self.constants = {
            node.targets[0].id: node.value.value
            for node in bodies
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            if isinstance(node.targets[0], ast.Name)
        }
        self.texts: dict[str, str] = {}
        self.used: dict[str, list[str]] = {}  # of each rule the parameters it has in C

    def __str__(self) -> str:
        return "\n\n".join(self.texts.values())

    def rule(self, name: str, op: int, arguments: dict[str, str]) -> str:
        """The call of a rule of a primitive with arguments by name, of which it takes those that it uses."""
        known = f"{TABLE[op].name}_{SUFFIXES[name]}"
        if known not in self.texts:
            function = self.functions[name]
            body = case_of(function, TABLE[op].name.upper())
            names = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
            used = [parameter for parameter in function.args.args if parameter.arg in names]
            self.used[known] = [parameter.arg for parameter in used]
            self.define(known, function, used, [body])
        return f"{known}({', '.join([arguments[parameter] for parameter in self.used[known]])})"

    def define(self, name: str, function: ast.FunctionDef, own: Sequence[ast.arg], body: Sequence[ast.stmt]) -> None:
        """Write a function of some of the parameters that it has in Python."""
        inside = [node for statement in body for node in ast.walk(statement)]
        parameters = ", ".join([type_of(parameter, function) + parameter.arg for parameter in own])
        counters = {ast.unparse(node.target) for node in inside if isinstance(node, ast.For)}
        stored = [node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
        fresh = [x for x in dict.fromkeys(stored) if x not in {*counters, *[parameter.arg for parameter in own]}]
        lines = [f"{INDENT}double {', '.join(fresh)};"] if fresh else []
        lines += self.block(body)
        self.texts[name] = "\n".join([f"static double {name}({parameters or 'void'}) {{", *lines, "}"])

    def call(self, name: str, arguments: Sequence[ast.expr]) -> str:
        """The call of a function of the two files."""
        function = self.functions[name]
        if name in SUFFIXES:
            assert isinstance(arguments[0], ast.Attribute)
            op = getattr(ops, arguments[0].attr)
            names = [parameter.arg for parameter in function.args.args[1:]]
            given = [self.part(argument, 0) for argument in arguments[1:]]
            return self.rule(name, op, dict(zip(names, given, strict=True)))
        if name not in self.texts:
            self.define(name, function, function.args.args, function.body)
        return f"{name}({', '.join([self.part(argument, 0) for argument in arguments])})"

    def block(self, body: Sequence[ast.stmt]) -> list[str]:
        """The lines of statements, indented."""
        return [INDENT + line for statement in body for line in self.statement(statement)]

    def statement(self, node: ast.stmt) -> list[str]:
        """The lines of one statement."""
        match node:
            case ast.Expr(ast.Constant()):  # a docstring
                return []
            case ast.Return(ast.expr() as y):
                return [f"return {self.part(y, 0)};"]
            case ast.Assign([ast.Name(name)], y):
                return [f"{name} = {self.part(y, 0)};"]
            case ast.AugAssign(ast.Name(name), operator, y):
                return [f"{name} {OPERATORS[type(operator)][0]}= {self.part(y, 0)};"]
            case ast.If(test, body, []):
                return [f"if ({self.part(test, 0)}) {{", *self.block(body), "}"]
            case ast.While(test, body, []):
                return [f"while ({self.part(test, 0)}) {{", *self.block(body), "}"]
            case ast.For(ast.Name(i), ast.Call(ast.Name("range"), [*start, stop]), body, []):
                first = self.part(start[0], 0) if start else "0"
                head = f"for (int {i} = {first}; {i} < {self.part(stop, 4)}; {i}++) {{"
                return [head, *self.block(body), "}"]
            case ast.Match(subject, cases):
                whole = [(self.part(subject, 4), case) for case in cases]
                return [line for text, case in whole for line in self.case(text, case)]
        raise NotImplementedError(f"line {node.lineno}: {ast.unparse(node)!r:.60} has no form in C yet")

    def case(self, subject: str, case: ast.match_case) -> list[str]:
        """The lines of one case of a match."""
        assert isinstance(case.pattern, ast.MatchValue)
        return [f"if ({subject} == {self.part(case.pattern.value, 4)}) {{", *self.block(case.body), "}"]

    def part(self, node: ast.expr, binding: int) -> str:
        """An expression, in parentheses if its parts hold together less tightly than that."""
        text, own = self.expression(node)
        return f"({text})" if own < binding else text

    def expression(self, node: ast.expr) -> tuple[str, int]:
        """An expression and how tightly its parts hold together."""
        match node:
            case ast.Constant(float() | int() as x):
                return repr(x), ATOM
            case ast.Name("NAN") | ast.Attribute(ast.Name("math"), "NAN"):
                return "NAN", ATOM
            case ast.Name(name):
                if name in self.constants:
                    self.texts.setdefault(name, f"static const double {name} = {self.constants[name]!r};")
                return name, ATOM
            case ast.Subscript(a, i):
                return f"{self.part(a, ATOM)}[{self.part(i, 0)}]", ATOM
            case ast.BinOp(a, operator, b) if type(operator) in OPERATORS:
                sign, own = OPERATORS[type(operator)]
                return f"{self.part(a, own)} {sign} {self.part(b, own + 1)}", own
            case ast.UnaryOp(unary, a):
                sign, own = OPERATORS[type(unary)]
                return f"{sign}{self.part(a, own + 1)}", own
            case ast.BoolOp(both, parts):
                sign, own = OPERATORS[type(both)]
                return f" {sign} ".join([self.part(part, 3) for part in parts]), own
            case ast.Compare(a, signs, others):
                pairs = zip([a, *others], signs, others, strict=False)
                texts = [f"{self.part(x, 4)} {OPERATORS[type(sign)][0]} {self.part(z, 4)}" for x, sign, z in pairs]
                return " && ".join(texts), 3 if len(texts) == 1 else 2
            case ast.IfExp(test, yes, no):
                return f"{self.part(test, 1)} ? {self.part(yes, 1)} : {self.part(no, 0)}", 0
            case ast.Call(ast.Attribute(ast.Name("math"), name) | ast.Name(name), arguments):
                if name in self.functions:
                    return self.call(name, arguments), ATOM
                return f"{name}({', '.join([self.part(argument, 0) for argument in arguments])})", ATOM
        raise NotImplementedError(f"line {node.lineno}: {ast.unparse(node)!r:.60} has no form in C yet")


def case_of(function: ast.FunctionDef, primitive: str) -> ast.stmt:
    """What a rule returns for a primitive."""
    table, otherwise = function.body[-2:]
    assert isinstance(table, ast.Match)
    found = [case.body[0] for case in table.cases if ast.unparse(case.pattern) == f"ops.{primitive}"]
    return found[0] if found else otherwise


def type_of(parameter: ast.arg, function: ast.FunctionDef) -> str:
    """The C type of a parameter, and what stands between the two."""
    lists = {ast.unparse(node.value) for node in ast.walk(function) if isinstance(node, ast.Subscript)}
    if parameter.arg in lists:
        return "const double *"
    return "int " if parameter.annotation and ast.unparse(parameter.annotation) == "int" else "double "
