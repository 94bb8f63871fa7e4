"""What a model gives for many inputs: through compile(), which takes a hundredth of the time, where that is safe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from autograd_mini.compile import Compiled
from autograd_mini.nn.arguments import floats, listed, plain
from autograd_mini.nn.layers import MLP, Layer, Neuron
from autograd_mini.value import no_grad

MANY = 20  # inputs, for which it pays to record a model


class InUse(threading.local):
    """The models that this thread trains, by their identity, compiled, and whether that is safe."""

    def __init__(self) -> None:
        self.models: dict[int, tuple[Compiled, Callable[[], bool]]] = {}


in_use = InUse()


@contextmanager
def compiled_predictions(model: Any, is_safe: Callable[[], bool]) -> Iterator[None]:
    """Inside, predictions of this model are compiled, and recorded once, as long as that is said to be safe."""
    outer = in_use.models.get(id(model))
    in_use.models[id(model)] = Compiled(model), is_safe
    try:
        yield
    finally:
        del in_use.models[id(model)]
        if outer is not None:
            in_use.models[id(model)] = outer


def predictions(model: Any, X: Sequence[Any]) -> list[list[float]]:
    """The outputs of a model for each input, as floats. Nothing is recorded for backward().

    Models of other classes than those of this package are compiled inside compiled_predictions() only: they may draw
    random numbers, log what they see or have a way of their own for each input.
    """
    compiled, is_safe = in_use.models.get(id(model), (None, None))
    if is_safe is None and type(model) in (MLP, Layer, Neuron) and len(X) >= MANY:
        compiled = Compiled(model)
    elif is_safe is not None and not is_safe():
        compiled = None
    with no_grad():
        if compiled is not None:
            try:
                found = compiled.map([floats(x) for x in X]).tolist()
                return found if isinstance(found[0], list) else [[z] for z in found]
            except Exception:  # the model itself is to say what is wrong, if anything is
                pass
        return [[plain(z) for z in listed(model(x))] for x in X]
