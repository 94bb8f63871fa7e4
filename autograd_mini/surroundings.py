# cython: annotation_typing=False, boundscheck=False, wraparound=False
"""What a recorded function reads outside itself, and whether all of it is still what it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

from autograd_mini import _plain
from autograd_mini.trees import constant
from autograd_mini.value import Value

PLAIN = (int, float, bool, str, bytes)
GONE = object()  # what is found where nothing is
MOST_WATCHED = 200_000  # objects: a function that refers to more has data among them

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


def watch(function: Any, objects: Sequence[Any]) -> Watched:
    """What is now in the objects that a function refers to or is given, as far as it can get there.

    Of an object, that is the attributes whose names are in the code of the function, or in methods of the object that
    have special names or names in that code.
    """
    functions = [function, *[x for x in objects if callable(x)]]
    roots = [*objects, *owners(function)]
    names = set(names_of(functions))
    while True:
        watched, found = walk(roots, names)
        if found <= names:
            return watched
        names |= found


def settled(watched: Watched) -> Watched:
    """What to watch after the function has run: not lists and dicts to which it has added, as to a log."""
    lists = [(x, before) for x, before in watched.lists if len(x) <= len(before)]
    return Watched(lists, watched.entries, [(x, n) for x, n in watched.sizes if len(x) <= n])


def walk(roots: Sequence[Any], names: set[str]) -> tuple[Watched, set[str]]:
    """What watch() finds given the names that are read, and the names that methods met on the way read."""
    watched, found = Watched([], [], []), set(names)
    stack, seen, classes = list(roots), {id(x) for x in roots}, set()
    while stack and len(seen) < MOST_WATCHED:
        x = stack.pop()
        kind = type(x)
        if isinstance(x, (list, tuple)):
            found_in = tuple(x)
            if isinstance(x, list):
                watched.lists.append((x, found_in))
        elif isinstance(x, dict):
            found_in = tuple(x.values())
            watched.sizes.append((x, len(x)))
            watched.entries.append((x, tuple(x), found_in))
        elif hasattr(x, "__dict__") and not isinstance(x, (type, ModuleType)) and not hasattr(x, "__code__"):
            if kind not in classes:
                classes.add(kind)
                found.update(names_of(methods(kind, names)))
            keys = tuple([name for name in {**defaults(kind), **vars(x)} if name in names])
            found_in = tuple([vars(x).get(name, GONE) for name in keys])
            watched.entries.append((vars(x), keys, found_in))
        else:
            continue
        for y in found_in:
            if type(y) is not Value and not isinstance(y, PLAIN) and id(y) not in seen:
                seen.add(id(y))
                stack.append(y)
    return watched, found


def owners(function: Any) -> list[Any]:
    """The objects that a function is a method of, or is itself, or has arguments for."""
    inner = wrapped(function)
    if inner is None and hasattr(function, "__code__"):
        return []
    found = [getattr(function, "__self__", None), *getattr(function, "args", ())]
    return [*found, *owners(inner)] if inner is not None else [function]


def methods(kind: type, names: set[str]) -> list[Any]:
    """The methods of a class with special names, or names among these; properties too."""
    found = [
        x
        for base in kind.__mro__
        for name, x in vars(base).items()
        if name in names or (name.startswith("__") and name not in ("__init__", "__setattr__", "__new__"))
    ]
    return [getattr(x, "fget", x) for x in found]


def defaults(kind: type) -> dict[str, Any]:
    """The attributes of a class that its objects may have of their own instead; not its methods."""
    found = {name: x for base in kind.__mro__ for name, x in vars(base).items()}
    return {name: x for name, x in found.items() if not callable(x) and not hasattr(x, "__get__")}


def names_of(functions: Sequence[Any]) -> list[str]:
    """The names in the code of functions."""
    codes = [getattr(unwrapped(x), "__code__", None) for x in functions]
    return [name for code in codes if code is not None for name in names_in(code)]


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
    for i in range(len(before)):
        if _plain.item(x, i) is not _plain.item(before, i) and not is_equal(x[i], before[i]):
            return False
    return True


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
    """Whether two objects are equal numbers or strings; None is neither."""
    return isinstance(x, PLAIN) and isinstance(y, PLAIN) and constant(x) == constant(y)


def references_of(function: Any) -> list[Callable[[], Any]]:
    """How to look up the variables outside a function that it refers to, and those of the functions that it names."""
    looks: list[Callable[[], Any]] = []
    seen: set[int] = set()
    functions = [function]
    while functions:
        function = unwrapped(functions.pop())
        code = getattr(function, "__code__", None)
        if code is None or id(function) in seen or is_ours(function):
            continue
        seen.add(id(function))
        variables: dict[str, Any] = getattr(function, "__globals__", {})
        cells: Sequence[Any] = getattr(function, "__closure__", None) or ()
        found: list[Callable[[], Any]] = [partial(variables.get, name) for name in names_in(code) if name in variables]
        found += [partial(contents, cell) for cell in cells]
        looks += found
        functions += [x for x in [look() for look in found] if callable(x)]
    return looks


def unwrapped(function: Any) -> Any:
    """The function in a compiled one, a partial or a method."""
    while (inner := wrapped(function)) is not None:
        function = inner
    return function


def wrapped(function: Any) -> Any:
    """The function in a compiled one, a partial or a method, or of which another is the derivative; None in others."""
    if hasattr(function, "__code__"):
        return getattr(function, "__wrapped__", None) if is_ours(function) else None
    return getattr(function, "function", getattr(function, "func", getattr(function, "__func__", None)))


def is_ours(function: Any) -> bool:
    """Whether a function is one of this package."""
    return str(function.__module__).startswith("autograd_mini.")


def names_in(code: Any) -> list[str]:
    """The names of globals in a function's code, and in that of functions and comprehensions inside it."""
    names = list(code.co_names)
    for inner in code.co_consts:
        if hasattr(inner, "co_names"):
            names += names_in(inner)
    return list(dict.fromkeys(names))


def contents(cell: Any) -> Any:
    """What is in the cell of a variable of an enclosing function; None while it is empty."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def identity(x: Any) -> Any:
    """What is equal for the same object, or for equal numbers and strings."""
    return constant(x) if type(x) in PLAIN else id(x)
