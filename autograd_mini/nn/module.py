"""The module: parameters found in attributes and named by the path to them, and their numbers in a file."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograd_mini.gradient import is_array, parts
from autograd_mini.value import Value


class Module:
    """A part of a network: its parameters are the leaf Values in its attributes, in lists, dicts and Modules there too.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    >>> Line().state()
    {'slope': 2.0, 'offset': 1.0}

    When an attribute is assigned, the parameters in it are labelled with their paths from the outermost module, for
    error messages and pictures. One in two places has the path of the first; labels set by hand are kept. Fill a list
    before it is assigned: what is appended later has no path until the list is assigned again.

    >>> both = Module()
    >>> both.first, both.second = Line(), Line()
    >>> [p.label for p in both.parameters()]
    ['first.slope', 'first.offset', 'second.slope', 'second.offset']
    """

    _path: str | None = None  # from the outermost module; None in that itself

    def __setattr__(self, name: str, attribute: Any) -> None:
        super().__setattr__(name, attribute)
        label(self, name)

    def parameters(self) -> list[Value]:
        """What is to be learned: leaf Values, each once, in the order in which they were put into the module."""
        return [p for _, p in named_parameters(self)]

    def zero_grad(self) -> None:
        """Set the grad of every parameter to zero."""
        for p in self.parameters():
            p.grad = 0.0

    def state(self) -> dict[str, float]:
        """The number in each parameter, by the parameter's path, such as 'layers[0].neurons[3].w[1]'."""
        return {name: p.data for name, p in named_parameters(self)}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write state() to a JSON file, as a whole or not at all; a ValueError if a parameter is inf or nan."""
        state = self.state()
        for name, x in state.items():
            if not math.isfinite(x):
                raise ValueError(f"{path} is not written: {name} is {x}, and JSON holds finite numbers only")
        part = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
        try:
            part.write_text(json.dumps(state, indent=1), encoding="utf-8")
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Set the parameters to the numbers in a file that save() wrote from a module of the same shape.

        Raises:
            ValueError: if the file is not JSON, or not one finite number for each parameter; nothing is changed then.
        """
        parameters = dict(named_parameters(self))
        try:
            state = json.loads(Path(path).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is not a whole JSON file as save() writes it: {error}") from error
        if not isinstance(state, dict):
            raise ValueError(f"{path} holds a {type(state).__name__}; expected are {len(parameters)} numbers by name")
        if odd := sorted(parameters.keys() ^ state.keys()):
            where = "the module" if odd[0] in parameters else "the file"
            raise ValueError(
                f"{path} holds {len(state)} parameters and the module has {len(parameters)}: only {where} has"
                f" {odd[0]!r:.80}; load into a module of the shape that was saved"
            )
        for name, x in state.items():
            if type(x) not in (int, float) or not abs(x) <= sys.float_info.max:
                raise ValueError(f"{path} holds {x!r:.40} for {name!r}, where a finite number is expected")
        for name, p in parameters.items():
            p.data = state[name]


def named_parameters(module: Module) -> Iterator[tuple[str, Value]]:
    """The parameters with their paths; one that is found in two places has the path of the first."""
    return ((path, x) for path, x in named_parts(vars(module), "", {id(module)}) if isinstance(x, Value))


def named_parts(attributes: dict[str, Any], prefix: str, seen: set[int]) -> Iterator[tuple[str, Module | Value]]:
    """The Modules and leaf Values in the attributes, and in those Modules, each once, with their paths."""
    for name, attribute in attributes.items():
        if is_array(attribute) and attribute.dtype != object:  # data
            continue
        for path, x in parts(attribute, prefix + name):
            if isinstance(x, (Module, Value)) and id(x) not in seen and (isinstance(x, Module) or x.op == "leaf"):
                seen.add(id(x))  # Modules too: they may refer to each other
                yield path, x
                if isinstance(x, Module):
                    yield from named_parts(vars(x), path + ".", seen)


def label(module: Module, name: str) -> None:
    """Label the parameters and modules in an attribute with their paths from the outermost module.

    A label that is the end of its path was given by a module inside, and gets the rest. Another one was set by hand, or
    by the first of two places, and is kept; but not if it names something else, as the labels of a copy do.
    """
    prefix = "" if module._path is None else module._path + "."
    kept = []
    for path, x in named_parts({name: vars(module).get(name)}, prefix, {id(module)}):
        old = label_of(x)
        if old is None or path.endswith("." + old):
            relabel(x, path)
        elif old != path:
            kept.append((path, x, old))
    if kept:
        places = dict(named_parts(vars(module), prefix, {id(module)}))
        for path, x, old in kept:
            if places.get(old, x) is not x:
                relabel(x, path)


def label_of(x: Module | Value) -> str | None:
    """The label of a parameter, or the path of a module."""
    return x.label if isinstance(x, Value) else x._path


def relabel(x: Module | Value, path: str) -> None:
    """Label a parameter or module with its path."""
    if isinstance(x, Value):
        x.label = path
    else:
        vars(x)["_path"] = path  # past __setattr__, which would look for parameters in the path
