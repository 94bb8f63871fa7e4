# cython: annotation_typing=False, boundscheck=False, wraparound=False
"""What a recorded function reads outside itself, and whether all of it is still what it was."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

from autograd_mini import _plain
from autograd_mini.trees import constant
from autograd_mini.value import Value

PLAIN = (int, float, bool, str, bytes)
GONE = object()  # what is found where nothing is
MOST_WATCHED = 200_000  # objects
LONGEST = 10_000  # a list with more entries is taken for data, as arrays are
# Methods that a function need not be after when it has an object: they print, compare, copy and make it.
BESIDE = {
    "__init__", "__new__", "__post_init__", "__setattr__", "__delattr__", "__repr__", "__str__", "__format__", "__eq__",
    "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__copy__", "__deepcopy__", "__reduce__",
    "__reduce_ex__", "__getstate__", "__setstate__", "__init_subclass__", "__replace__", "__dir__", "__sizeof__",
}  # fmt: skip


class Watched(NamedTuple):
    """What was in the lists, dicts and objects that a function refers to, when it was recorded.

    Attributes:
        lists: lists, and what was in them.
        entries: dicts, also those of the attributes of objects, with keys and what was there.
        sizes: dicts that are no object's, and how many keys they had.
    """

    lists: list[tuple[list[Any], tuple[Any, ...]]]
    entries: list[tuple[dict[Any, Any], tuple[Any, ...], tuple[Any, ...]]]
    sizes: list[tuple[dict[Any, Any], int]]


class Surroundings(NamedTuple):
    """What a function refers to.

    Attributes:
        references: how to look up the variables outside it, and outside the functions that it may call.
        objects: what was in these variables.
        watched: what was in those objects, and in objects that the function was given.
    """

    references: list[Callable[[], Any]]
    objects: tuple[Any, ...]
    watched: Watched


def surroundings_of(function: Any, given: Sequence[Any]) -> Surroundings:
    """What a function refers to, as far as its code and that of what it may call tells.

    Of an object, that is the attributes with names that are read in this code. What it may call are functions in
    variables, lists, dicts and attributes, and methods of objects that have special names or names in this code.

    Args:
        function: what is to be recorded.
        given: objects among its arguments.
    """
    functions, names = [function], set[str]()
    while True:
        references = references_of(functions)
        objects = tuple([look() for look in references])
        names |= {name for f in functions for name in reads(f)}
        watched, callables = walk([*objects, *given, *owners(function), *functions], names)
        new = {id(f): f for f in map(unwrapped, callables)}
        for f in map(unwrapped, functions):
            new.pop(id(f), None)
        if not new:
            return Surroundings(references, objects, watched)
        functions += new.values()


def references_of(functions: Iterable[Any]) -> list[Callable[[], Any]]:
    """How to look up the variables outside functions that they refer to, and those of the functions that they name."""
    looks: list[Callable[[], Any]] = []
    seen: set[int] = set()
    rest = list(functions)
    while rest:
        function = unwrapped(rest.pop())
        if not isinstance(function, FunctionType) or id(function) in seen or is_ours(function):
            continue
        seen.add(id(function))
        variables = function.__globals__
        found: list[Callable[[], Any]] = []
        found += [partial(variables.get, name) for name in names_in(function.__code__)[0] if name in variables]
        found += [partial(contents, cell) for cell in function.__closure__ or ()]
        looks += found
        inside = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values(), *[x() for x in found]]
        rest += [x for x in inside if is_function(x)]
    return looks


def walk(roots: Sequence[Any], names: set[str]) -> tuple[Watched, list[Any]]:
    """What is in the objects, and the functions met there, given the names of attributes that are read."""
    watched, functions = Watched([], [], []), list[Any]()
    stack, seen, kinds = list(roots), {id(x) for x in roots}, set[type]()
    while stack and len(seen) < MOST_WATCHED:
        x = stack.pop()
        kind = type(x)
        if isinstance(x, (list, tuple)):
            if len(x) > LONGEST:
                continue
            inside = tuple(x)
            if isinstance(x, list):
                watched.lists.append((x, inside))
        elif isinstance(x, dict):
            if len(x) > LONGEST:
                continue
            inside = tuple(x.values())
            watched.sizes.append((x, len(x)))
            watched.entries.append((x, tuple(x), inside))
        elif is_function(x):
            functions.append(x)
            inside = tuple([*owners(x), *(getattr(unwrapped(x), "__defaults__", None) or ())])
        elif isinstance(attributes := own(x), dict) and is_of_users(kind):
            if kind not in kinds:
                kinds.add(kind)
                functions += methods(kind, names)
            keys = tuple([name for name in {**defaults(kind), **attributes} if name in names])
            inside = tuple([attributes.get(name, GONE) for name in keys])
            watched.entries.append((attributes, keys, inside))
        else:
            continue
        for y in inside:
            if type(y) is not Value and not isinstance(y, PLAIN) and id(y) not in seen:
                seen.add(id(y))
                stack.append(y)
    return watched, functions


def own(x: Any) -> Any:
    """The attributes of an object itself, past what its class may have to say; None if it has none."""
    try:
        return object.__getattribute__(x, "__dict__")
    except AttributeError:
        return None


def owners(function: Any) -> list[Any]:
    """The objects that a function is a method of, or is itself, or has arguments for."""
    found: list[Any] = []
    while True:
        if isinstance(function, MethodType):
            found.append(function.__self__)
        elif isinstance(function, partial):
            found += [*function.args, *function.keywords.values()]
        elif is_compiled(function) and "instance" in own(function):
            found.append(own(function)["instance"])
        inner = wrapped(function)
        if inner is None:
            return found if isinstance(function, FunctionType) else [*found, function]
        function = inner


def methods(kind: type, names: set[str]) -> list[Any]:
    """The methods and properties of a class with special names, or names among these."""
    found = {name: x for base in reversed(kind.__mro__) for name, x in vars(base).items()}
    chosen = [x for name, x in found.items() if name in names or (name[:2] == "__" and name not in BESIDE)]
    plain = [x.fget if isinstance(x, property) else x for x in chosen]
    return [x for x in plain if isinstance(x, (FunctionType, staticmethod, classmethod))]


def defaults(kind: type) -> dict[str, Any]:
    """The attributes of a class that its objects may have of their own instead; not its methods."""
    found = {name: x for base in reversed(kind.__mro__) for name, x in vars(base).items()}
    return {name: x for name, x in found.items() if not callable(x) and not hasattr(type(x), "__get__")}


def settled(watched: Watched) -> Watched:
    """What to watch after the function has run: not lists and dicts to which it has added, as to a log."""
    lists = [(x, before) for x, before in watched.lists if len(x) <= len(before)]
    return Watched(lists, watched.entries, [(x, n) for x, n in watched.sizes if len(x) <= n])


def changed(watched: Watched) -> Any:
    """The name of an attribute, or the key, that the function has changed itself though it reads it; None if none."""
    for entries, keys, before in watched.entries:
        for key, y in zip(keys, before, strict=True):
            x = entries.get(key, GONE)
            if x is not y and not is_equal(x, y):
                return key
    return None


def holds(watched: Watched) -> bool:
    """Whether all is as it was."""
    for x, before in watched.lists:
        if not is_same(x, before):
            return False
    for entries, keys, found in watched.entries:
        if not has_same(entries, keys, found):
            return False
    return all([len(entries) == n for entries, n in watched.sizes])


def is_same(x: list[Any], before: tuple[Any, ...]) -> bool:
    """Whether a list still has the same in it."""
    if len(x) != len(before):
        return False
    if not before or _plain.same_items(x, before, len(before)):
        return True
    return all([y is z or is_equal(y, z) for y, z in zip(x, before, strict=True)])


def has_same(entries: dict[Any, Any], keys: tuple[Any, ...], before: tuple[Any, ...]) -> bool:
    """Whether a dict still has the same at these keys."""
    for i in range(len(keys)):
        key = keys[i]
        if _plain.entry(entries, key) is not _plain.item(before, i):
            x = entries.get(key, GONE)
            if x is not before[i] and not is_equal(x, before[i]):
                return False
    return True


def is_equal(x: Any, y: Any) -> bool:
    """Whether two objects are equal numbers or strings."""
    return isinstance(x, PLAIN) and isinstance(y, PLAIN) and constant(x) == constant(y)


def is_function(x: Any) -> bool:
    """Whether x is a function, a method, or what stands for one; not an object that can be called."""
    return isinstance(x, (FunctionType, MethodType, partial)) or is_compiled(x) or hasattr(type(x), "cache_info")


def is_of_users(kind: type) -> bool:
    """Whether a class is none of Python's own: not a lock, a module, a class."""
    return str(kind.__module__).partition(".")[0] not in sys.stdlib_module_names


def is_compiled(x: Any) -> bool:
    """Whether x is what compile() gave, or such a method of an object."""
    return type(x).__module__ == "autograd_mini.compile" and not isinstance(x, (FunctionType, BuiltinFunctionType))


def unwrapped(function: Any) -> Any:
    """The function in a compiled one, a partial or a method."""
    while (inner := wrapped(function)) is not None:
        function = inner
    return function


def wrapped(function: Any) -> Any:
    """The function in a compiled one, a partial or a method, or of which another is the derivative; None in others."""
    if isinstance(function, (MethodType, staticmethod, classmethod)):
        return function.__func__
    if isinstance(function, partial):
        return function.func
    if isinstance(function, FunctionType):
        return vars(function).get("__wrapped__") if is_ours(function) else None
    if is_compiled(function):
        return own(function).get("function") or own(function).get("compiled")
    return function.__wrapped__ if hasattr(type(function), "cache_info") else None  # of functools.cache


def is_ours(function: Any) -> bool:
    """Whether a function is one of this package."""
    return str(function.__module__).startswith("autograd_mini.")


def reads(function: Any) -> list[str]:
    """The names of attributes that the code of a function reads."""
    function = unwrapped(function)
    return names_in(function.__code__)[1] if isinstance(function, FunctionType) else []


@lru_cache(4096)
def names_in(code: CodeType) -> tuple[list[str], list[str]]:
    """The names of variables and those of attributes in a function's code, and in that of functions inside it."""
    variables: dict[str, None] = {}
    attributes: dict[str, None] = {}
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            variables[instruction.argval] = None
        elif instruction.opname.startswith(("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER")):
            attributes[instruction.argval] = None
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            for known, found in zip((variables, attributes), names_in(inner), strict=True):
                known.update(dict.fromkeys(found))
    return list(variables), list(attributes)


def contents(cell: Any) -> Any:
    """What is in the cell of a variable of an enclosing function; None while it is empty."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def identity(x: Any) -> Any:
    """What is equal for the same object, or for equal numbers and strings."""
    return constant(x) if x is None or type(x) in PLAIN else id(x)
