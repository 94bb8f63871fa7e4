"""The neuron, the layer and the multilayer perceptron, with their activations and initialisers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from autograd_mini.functions import dot
from autograd_mini.nn.arguments import known, listed, whole
from autograd_mini.nn.module import Module
from autograd_mini.nn.weights import linears
from autograd_mini.value import Value

ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "linear": Value.__pos__,
    "relu": Value.relu,
    "leaky_relu": Value.leaky_relu,
    "elu": Value.elu,
    "softplus": Value.softplus,
    "silu": Value.silu,
    "gelu": Value.gelu,
    "sigmoid": Value.sigmoid,
    "tanh": Value.tanh,
}
RELU_FAMILY = ("relu", "leaky_relu", "elu", "softplus", "silu", "gelu")

INITIALISERS: dict[str, Callable[[random.Random, int, int], float]] = {
    # Normal, of variance 2 / nin: He et al., arXiv 1502.01852, equation 10.
    "he": lambda rng, nin, nout: rng.gauss(0.0, math.sqrt(2.0 / nin)),
    # Uniform, of variance 2 / (nin + nout): Glorot and Bengio, AISTATS 2010, equation 16.
    "glorot": lambda rng, nin, nout: rng.uniform(-1.0, 1.0) * math.sqrt(6.0 / (nin + nout)),
    # Uniform between -1 and 1, as in micrograd.
    "uniform": lambda rng, nin, nout: rng.uniform(-1.0, 1.0),
}


class Neuron(Module):
    """activation(w · x + b): the weighted sum is one dot node, the bias and the activation are one node each.

    In a larger module, the output has the neuron's path as its label, such as 'layers[0].neurons[3]'.

    Args:
        nin: the number of inputs.
        activation: a name in ACTIVATIONS.
        bias: whether there is a b; it starts at zero.
        init: a name in INITIALISERS; None is "he" for the relu family (relu, leaky_relu, elu, softplus, silu, gelu)
            and "glorot" for linear, sigmoid and tanh.
        rng: what draws the weights; None is seeded by Python's `random`, so that random.seed() decides.
        nout: the number of neurons in the layer, which Glorot's bound depends on.
        nonlin: False is activation="linear", as in micrograd.

    Raises:
        ValueError: for an unknown name or a size less than 1; when called, if there are not nin inputs.

    >>> n = Neuron(2, "linear")
    >>> n.w[0].data, n.w[1].data, n.b.data = 2.0, 3.0, 1.0
    >>> n([10.0, 1.0]).data
    24.0
    """

    def __init__(
        self, nin: int, activation: str = "relu", *, bias: bool = True, init: str | None = None,
        rng: random.Random | None = None, nout: int = 1, nonlin: bool = True,
    ) -> None:  # fmt: skip
        self.activation = activation if nonlin else "linear"
        known("activation", ACTIVATIONS, self.activation)
        draw = known("init", INITIALISERS, init or ("he" if self.activation in RELU_FAMILY else "glorot"))
        rng = rng or generator(None)
        self.w = [Value(draw(rng, nin, nout)) for _ in range(whole("nin", nin))]
        self.b = Value(0.0) if bias else None

    def __call__(self, x: Any) -> Value:
        inputs = listed(x)
        if len(inputs) != len(self.w):
            raise ValueError(f"{self} takes {len(self.w)} inputs, not {len(inputs)}")
        z: Value = dot(self.w, inputs)
        y = ACTIVATIONS[self.activation](z if self.b is None else z + self.b)
        if y.label is None and y.op != "leaf":  # which it is inside no_grad()
            y.label = self._path
        return y

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)}, {self.activation!r})"


class Layer(Module):
    """`nout` neurons with the same inputs, giving the list of their outputs, or if there is one neuron, its output.

    Arguments and errors are as for Neuron.

    >>> len(Layer(2, 3, "tanh")([1.0, -1.0]))
    3
    """

    def __init__(self, nin: int, nout: int, activation: str = "relu", **options: Any) -> None:
        self.neurons = [Neuron(nin, activation, nout=nout, **options) for _ in range(whole("nout", nout))]

    def __call__(self, x: Any) -> Any:
        outputs = [neuron(x) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def __repr__(self) -> str:
        return f"Layer of {len(self.neurons)} {self.neurons[0]}"


class MLP(Module):
    """A multilayer perceptron: layers of neurons, each fed with the outputs of the one before.

    Args:
        nin: the number of inputs.
        nouts: the number of neurons in each layer. One in the last: the output is a Value, else a list of Values.
        activation: of every layer but the last, a name in ACTIVATIONS.
        output: the activation of the last layer.
        bias, init: as for Neuron.
        seed: of the weights; None is drawn from Python's `random`, so that random.seed() decides.

    Raises:
        ValueError: as for Neuron, and if there are no layers.

    >>> model = MLP(2, [16, 16, 1], seed=1337)
    >>> model, len(model.parameters()), model.layers[0].neurons[3].w[1].label
    (MLP(2, [16, 16, 1], activation='relu', output='linear'), 337, 'layers[0].neurons[3].w[1]')
    """

    def __init__(
        self, nin: int, nouts: Sequence[int], *, activation: str = "relu", output: str = "linear", bias: bool = True,
        init: str | None = None, seed: int | None = None,
    ) -> None:  # fmt: skip
        nouts = listed(nouts)
        if not nouts:
            raise ValueError("nouts is empty: give the number of neurons in each layer, such as [16, 16, 1]")
        for name in (activation, output):
            known("activation", ACTIVATIONS, name)
        self.activation, self.output = activation, output
        rng = generator(seed)
        layers = zip([nin, *nouts], nouts, [activation] * (len(nouts) - 1) + [output], strict=False)
        self.layers = [Layer(n, nout, name, bias=bias, init=init, rng=rng) for n, nout, name in layers]

    @classmethod
    def from_state(cls, state: Mapping[str, Any], *, activation: str = "relu", output: str = "linear") -> Self:
        """An MLP of the weights and biases in a state, and of the shape that they have.

        Args:
            state: for each layer the weights, a row of them for each neuron, and the biases, in lists or arrays, by
                names that end in "weight" and "bias": what state_dict() gives in PyTorch, if Linear layers are all
                that has parameters. The layers have the order of their weights; one without biases gets none.
                What state() gives, nested or not, and save() writes, is taken too.
            activation, output: as for MLP, because a state does not say.

        Raises:
            ValueError: for rows of different lengths, layers that do not follow on each other, what is not a finite
                number, other names, and if there are no weights; TypeError if the state is no dict.

        >>> model = MLP.from_state({"0.weight": [[1.0, 2.0]], "0.bias": [3.0]})
        >>> model, model([10.0, 1.0]).data
        (MLP(2, [1], activation='relu', output='linear'), 15.0)
        """
        layers = linears(state)
        nouts = [len(layer.weight) for layer in layers]
        model = cls(len(layers[0].weight[0]), nouts, activation=activation, output=output, seed=0)
        for layer, (_, weight, bias) in zip(model.layers, layers, strict=True):
            for i, (neuron, row) in enumerate(zip(layer.neurons, weight, strict=True)):
                for w, x in zip(neuron.w, row, strict=True):
                    w.data = x
                neuron.b = None if bias is None else Value(bias[i])
        return model

    def state(self, *, nested: bool = False) -> dict[str, Any]:
        """The number in each parameter, by its path; nested, in PyTorch's lists and names, as from_state() takes them.

        In PyTorch, the weights go into a model of the same shape by their order, whatever their names there are:

            tensors = [torch.tensor(x, dtype=torch.float64) for x in model.state(nested=True).values()]
            other.load_state_dict(dict(zip(other.state_dict(), tensors)))

        >>> MLP.from_state({"weight": [[1.0, 2.0]], "bias": [3.0]}).state(nested=True)
        {'layers.0.weight': [[1.0, 2.0]], 'layers.0.bias': [3.0]}
        """
        if not nested:
            return super().state()
        state: dict[str, Any] = {}
        for i, layer in enumerate(self.layers):
            state[f"layers.{i}.weight"] = [[w.data for w in neuron.w] for neuron in layer.neurons]
            if biases := [neuron.b.data for neuron in layer.neurons if neuron.b is not None]:
                state[f"layers.{i}.bias"] = biases
        return state

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        nin, nouts = len(self.layers[0].neurons[0].w), [len(layer.neurons) for layer in self.layers]
        return f"MLP({nin}, {nouts}, activation={self.activation!r}, output={self.output!r})"


def generator(seed: int | None) -> random.Random:
    """A generator of random numbers with that seed; with None, with a seed drawn from Python's `random`."""
    return random.Random(random.getrandbits(64) if seed is None else seed)
