# cython: annotation_typing=False
"""compile(): a function of Values is recorded once and replayed at the speed of C, with the same gradients."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from functools import update_wrapper
from inspect import Parameter, signature
from typing import Any, NamedTuple, overload

from autograd_mini.batch import Batch, examples
from autograd_mini.errors import DomainError
from autograd_mini.lower import lower
from autograd_mini.program import Program
from autograd_mini.results import rebuilt
from autograd_mini.surroundings import Watched, changed, holds, identity, own, references_of, settled, surroundings_of
from autograd_mini.tape import DEVIATED, NOT_FINITE
from autograd_mini.trees import constant, flat, flat_index, fresh, fresh_index, outlined
from autograd_mini.value import RAISED, Value, is_recording, is_taping, taping

MANY_RECORDINGS = 32  # more are rather a mistake
MOST_KEPT = 64  # of a kind: where something else is found at each call, each call is recorded

Names = str | Iterable[str]


class Recording(NamedTuple):
    """One way through a function, as a program, and what its numbers mean."""

    program: Program
    captured: tuple[Value, ...]
    result: Any  # what the function returned, with an Output for each Value
    surroundings: tuple[Any, ...]  # what the function refers to: kept, so that nothing else gets the same identity
    watched: Watched  # what was in there


class CacheInfo(NamedTuple):
    """How often a compiled function was replayed and recorded, and how many recordings it keeps."""

    hits: int
    misses: int
    currsize: int


class Compiled:
    """A function that is recorded when it is first called, and replayed where the recording holds; see compile()."""

    def __init__(
        self, function: Callable[..., Any], static: Names = (), index: Names = ()
    ) -> None:
        update_wrapper(self, function, updated=())
        self.function = function
        self.static, self.index = places_of(function, "static", static), places_of(function, "index", index)
        self.references = references_of([function])
        self.recordings: dict[Any, list[Recording]] = {}
        self.hits = self.misses = 0
        self.changes: Any = None  # what the function reads and changes itself, if it does

    def __repr__(self) -> str:
        return f"<compiled {getattr(self.function, '__qualname__', self.function)!s}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a method, it has its object as the first argument."""
        return self if instance is None else Bound(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function gives; each Value in it is one node, however much was computed for it."""
        if is_taping() or self.changes is not None:  # inside another compiled function, which records all of it
            return self.function(*args, **kwargs)
        inputs: list[Any] = []
        key = self.key(args, kwargs, inputs)
        for recording in self.recordings.get(key, ()):
            program, captured, result, _, watched = recording
            if not holds(watched):
                continue
            values = program.call(inputs, captured, is_recording())
            if values.__class__ is list:
                self.hits += 1
                return rebuilt(result, values)
            if values == NOT_FINITE:  # the function itself raises what it raises then, or gives inf or nan
                return self.function(*args, **kwargs)
        recording = self.record(args, kwargs)
        values = recording and recording.program.call(inputs, recording.captured, is_recording())
        return rebuilt(recording.result, values) if values.__class__ is list else self.function(*args, **kwargs)

    def sum(self, *columns: Any, executor: Executor | None = None, parts: int | None = None, **same: Any) -> Any:
        """The sum of what the function gives for the examples of a batch, as one Value.

        Args:
            columns: for each argument a sequence with an entry for each example, all of one length.
            executor: what runs parts of the batch at the same time: threads, processes, a cluster. None is here.
            parts: in how many parts the executor runs the batch; as many as it says that it has workers, or else as
                this machine has cores. Dask's does not say.
            same: arguments by name, that are the same for all examples.

        On a cluster of Dask's, in a script behind `if __name__ == "__main__":`:

            from dask.distributed import Client

            with Client(n_workers=2, threads_per_worker=1) as client:
                loss.mean(X, Y, executor=client.get_executor(pure=False)).backward()

        Raises:
            ValueError: if there are no examples, or the columns differ in length, or parts is less than 1.
            TypeError: if the function gives something else than one number or Value.

        >>> square = compile(lambda x: x * x)
        >>> x = Value(2.0)
        >>> y = square.sum([x, 3.0, x]); y.backward(); y.data, x.grad
        (17.0, 8.0)
        """
        return self.total(columns, same, executor, parts, 1.0)

    def mean(self, *columns: Any, executor: Executor | None = None, parts: int | None = None, **same: Any) -> Any:
        """The mean of what the function gives for the examples of a batch, as one Value; arguments as for sum()."""
        return self.total(columns, same, executor, parts, 1.0 / examples(columns))

    def map(self, *columns: Any, executor: Executor | None = None, parts: int | None = None, **same: Any) -> Any:
        """The number that the function gives for each example, as a memoryview of doubles; arguments as for sum().

        Where the function gives a list of n Values, it has a row of n for each example. numpy.asarray() takes it.

        >>> list(compile(lambda x: x * x).map([1.0, 2.0, 3.0]))
        [1.0, 4.0, 9.0]
        """
        if is_taping():
            raise RuntimeError("map() gives plain numbers: inside a compiled function, write a list comprehension")
        return Batch(self, columns, same, 0.0, False, executor, parts).array()

    def total(
        self, columns: Sequence[Any], same: dict[str, Any], executor: Executor | None, parts: int | None, weight: float
    ) -> Any:
        """The sum over the examples of a batch, each times a weight."""
        if is_taping():
            examples(columns)
            y = sum([self.function(*args, **same) for args in zip(*columns, strict=True)])
            return y if weight == 1.0 else y * weight
        return Batch(self, columns, same, weight, is_recording(), executor, parts).value()

    def key(self, args: Sequence[Any], kwargs: dict[str, Any], inputs: list[Any]) -> Any:
        """What is the same in calls that can share recordings; the numbers that vary go into inputs."""
        if self.static or self.index:
            parts = [self.flat(i, x, inputs) for i, x in enumerate(args)]
            parts += [(name, self.flat(name, x, inputs)) for name, x in kwargs.items()]
        else:
            parts = []
            for x in args:
                if type(x) is Value:
                    inputs.append(x)
                    parts.append("Value")
                else:
                    parts.append((type(x) is list and flat_row(x, inputs)) or flat(x, inputs))
            parts += [(name, flat(x, inputs)) for name, x in kwargs.items()]
        return (*parts, *self.surroundings()) if self.references else tuple(parts)

    def flat(self, at: int | str, x: Any, inputs: list[Any]) -> Any:
        """What the argument of that place or name has in common with others; the numbers that vary go into inputs."""
        if at in self.index:
            return flat_index(x, inputs)
        return constant(x) if at in self.static else flat(x, inputs)

    def fresh(self, at: int | str, x: Any, inputs: list[Value]) -> Any:
        """The argument of that place or name, with new Values for the numbers that vary."""
        if at in self.index:
            return fresh_index(x, inputs)
        return x if at in self.static else fresh(x, inputs)

    def surroundings(self) -> list[Any]:
        """What the variables outside the function are that it refers to: the numbers, and which objects."""
        return [identity(look()) for look in self.references]

    def record(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call the function with new Values for the numbers that vary, and keep what it does.

        None if an operation has no finite result: the function itself is to say what comes of it. If the function
        changes what it reads, the recording is for this call only: from then on, the function is called as it is.
        """
        if self.changes is not None:
            return None
        objects = [x for x in (*args, *kwargs.values()) if own(x) is not None]
        self.references, surroundings, watched = surroundings_of(self.function, objects)
        given: list[Any] = []
        key = self.key(args, kwargs, given)
        inputs: list[Value] = []
        new_args = [self.fresh(i, x, inputs) for i, x in enumerate(args)]
        new_kwargs = {name: self.fresh(name, x, inputs) for name, x in kwargs.items()}
        drawn = random_states(surroundings)
        tape: list[Any] = []
        try:
            with taping() as tape:
                result = self.function(*new_args, **new_kwargs)
        except (ArithmeticError, DomainError):
            return None
        except Exception:
            if not any([refusal.startswith(("backward", "assigning")) for refusal in refusals(tape)]):
                self.function(*args, **kwargs)  # what it raises itself says what was given
            raise
        for entry in tape:
            if type(entry) is str:  # a refusal, which it caught
                raise RuntimeError(entry)
            if entry is RAISED:  # an error that it caught
                return None
        if random_states(surroundings) != drawn:
            raise RuntimeError(
                f"{self!r} draws random numbers, which would be the same in all later calls: draw them outside and give"
                " them as arguments; nn.train() takes compiled=False"
            )
        outputs: list[Value] = []
        result = outlined(result, outputs)
        is_value = [type(x) is Value for x in given]
        layout, captured = lower(tape, inputs, is_value, outputs)
        program = Program(layout)
        if program.call(given, tuple(captured), False) == DEVIATED:  # a comparison depends on the last bit of a sum
            layout, captured = lower(tape, inputs, is_value, outputs, in_order=True)
            program = Program(layout)
        recording = Recording(program, tuple(captured), result, surroundings, settled(watched))
        self.changes = changed(watched)
        if self.changes is not None:
            warn(
                f"{self!r} is called as it is, not compiled: it reads {self.changes!r} and changes it, so that no call"
                " is like the one before; give what changes as an argument and return it"
            )
            return recording
        self.misses += 1
        self.recordings[key] = [recording, *self.recordings.get(key, ())][:MOST_KEPT]
        if len(self.programs()) == MANY_RECORDINGS + 1:
            reason = self.differences(args, kwargs)
            warn(
                f"{self!r} has been recorded {MANY_RECORDINGS + 1} times, as {reason}: each int, bool and str, each"
                " length and each way through branches is a recording of its own; give numbers that vary as floats"
            )
        return recording

    def differences(self, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
        """In what the recordings differ, in words, given the arguments of one of them."""
        names = [f"argument {i + 1}" for i in range(len(args))]
        for i, (name, parameter) in enumerate(parameters_of(self.function)[: len(args)]):
            if parameter.kind is parameter.VAR_POSITIONAL:
                break
            names[i] = repr(name)
        names += map(repr, kwargs)
        keys = list(self.recordings)
        found = [name for i, name in enumerate(names) if len({key[i : i + 1] for key in keys}) > 1]
        if len({key[len(names) :] for key in keys}) > 1:
            found.append("a variable outside it")
        if max(map(len, self.recordings.values())) > 1:
            found.append("the way through it or something that it reads")
        return f"{' and '.join(found)} differed"

    def programs(self) -> list[Program]:
        """The programs recorded so far; print one to see what it does."""
        return [recording.program for recordings in list(self.recordings.values()) for recording in recordings]

    def cache_info(self) -> CacheInfo:
        """How often it was replayed and recorded, and how many recordings it keeps."""
        return CacheInfo(self.hits, self.misses, len(self.programs()))

    def cache_clear(self) -> None:
        """Forget all recordings."""
        self.recordings.clear()
        self.hits = self.misses = 0
        self.changes = None


class Bound:
    """A compiled method of an object."""

    def __init__(self, compiled: Compiled, instance: Any) -> None:
        self.compiled, self.instance = compiled, instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.compiled(self.instance, *args, **kwargs)

    def sum(self, *columns: Any, **options: Any) -> Any:
        """As Compiled.sum()."""
        return self.compiled.sum([self.instance] * examples(columns), *columns, **options)

    def mean(self, *columns: Any, **options: Any) -> Any:
        """As Compiled.mean()."""
        return self.compiled.mean([self.instance] * examples(columns), *columns, **options)

    def map(self, *columns: Any, **options: Any) -> Any:
        """As Compiled.map()."""
        return self.compiled.map([self.instance] * examples(columns), *columns, **options)

    def __getattr__(self, name: str) -> Any:
        """What else a Compiled has: programs(), cache_info(), cache_clear()."""
        if name == "compiled":  # not there yet
            raise AttributeError(name)
        return getattr(self.compiled, name)


def flat_row(x: list[Any], inputs: list[Any]) -> Any:
    """What flat() gives for a list of floats, or of Values, in C: a third of the time. None for another list."""
    kind = type(x[0]) if x else None
    if kind is not float and kind is not Value:
        return None
    for part in x:
        if type(part) is not kind:
            return None
    inputs += x
    return list, float if kind is float else "Value", len(x)


@overload
def compile(function: Callable[..., Any], *, static: Names = (), index: Names = ()) -> Compiled: ...
@overload
def compile(
    function: None = None, *, static: Names = (), index: Names = ()
) -> Callable[[Callable[..., Any]], Compiled]: ...
def compile(function: Callable[..., Any] | None = None, *, static: Names = (), index: Names = ()) -> Any:
    """A function that does what another does, recorded when it is first called and replayed at the speed of C.

    The compiled function takes the same arguments, reads the data of the parameters it refers to at each call, and
    gives Values that leave the same gradients. Floats, Values and arrays may be other numbers at each call. For each
    new int, bool, str or other object among the arguments, and for each new structure of lists, tuples and dicts, the
    function is recorded again. So it is where a comparison of Values comes out otherwise than before.

    What the function does beside computing with Values is done when it is recorded only: it should not print or add to
    lists. Numbers and objects it finds in variables outside itself, in lists, dicts and attributes there, and in
    attributes of objects that it is given, are looked up at each call; where one is another than when the function was
    recorded, it is recorded again. Not seen are changes in arrays and lists of more than 10,000 entries, in classes and
    modules, in objects with __slots__, and in attributes that are not there yet or not read by their names. A function
    that changes what it reads, such as a count, is called as it is, with a warning.

    Args:
        function: a function of numbers, Values and structures of them, that gives a Value or a structure of Values.
        static: names of arguments whose floats are constants too.
        index: names of arguments that are whole numbers, or lists of them, and may be others at each call, such as
            tokens or classes. The function uses them in take(rows, i) only.

    Returns:
        A Compiled: call it, or use its sum(), mean() and map() for batches of examples, which are faster still.

    Raises:
        TypeError: if function cannot be called; from a call, if an argument or a result cannot be taken apart.
        ValueError: if a name in static or index is not one of its arguments.
        RuntimeError: from a call, if the function reads or assigns data or grad, formats, hashes or copies Values,
            calls backward() or draws random numbers, where that can be seen: not from a generator in an attribute.

    >>> @compile
    ... def square(x):
    ...     return x * x
    >>> x = Value(3.0)
    >>> y = square(x); y.backward(); y.data, x.grad
    (9.0, 6.0)
    """
    if function is None:
        return lambda function: compile(function, static=static, index=index)
    if not callable(function):
        raise TypeError(f"compile() takes a function, not {type(function).__name__}: {function!r:.60}")
    return Compiled(function, static, index)


def places_of(function: Callable[..., Any], option: str, given: Names) -> set[int | str]:
    """Arguments by their names and places; a ValueError if the function has none of that name."""
    names = [given] if isinstance(given, str) else list(given)
    known = list(signature(function).parameters) if names else []
    for name in names:
        if name not in known:
            raise ValueError(f"{option}={name!r} is no argument of the function; it has {', '.join(known)}")
    return {*names, *[known.index(name) for name in names]}


def parameters_of(function: Callable[..., Any]) -> list[tuple[str, Parameter]]:
    """The parameters of a function with their names, as far as Python knows them."""
    try:
        return list(signature(function).parameters.items())
    except (TypeError, ValueError):
        return []


def refusals(tape: list[Any]) -> list[str]:
    """What was refused while recording."""
    return [entry for entry in tape if type(entry) is str]


def random_states(objects: Iterable[Any]) -> list[Any]:
    """Where Python's and NumPy's random numbers are, their own and those of generators among the objects themselves."""
    numpy = sys.modules.get("numpy")
    states = [random.getstate(), *([str(numpy.random.get_state())] if numpy is not None else [])]
    states += [x.getstate() for x in objects if isinstance(x, random.Random)]
    return states + [str(x.bit_generator.state) for x in objects if hasattr(x, "bit_generator")]


def warn(message: str) -> None:
    """A RuntimeWarning at the line outside this package that led here, compiled or not."""
    frame = sys._getframe()
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "autograd_mini":
        frame = frame.f_back
    known = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, RuntimeWarning, frame.f_code.co_filename, frame.f_lineno, registry=known)
