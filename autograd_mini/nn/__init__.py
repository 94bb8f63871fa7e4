"""Neural networks: modules, losses, optimisers and the training loop, in micrograd's vocabulary.

>>> from autograd_mini import nn
>>> model = nn.MLP(2, [16, 16, 1], seed=1337)
>>> loss = nn.hinge(model([1.0, -2.0]), 1)
>>> loss.backward()
>>> nn.SGD(model.parameters(), lr=0.1).step()
"""

from autograd_mini.nn.diagnosis import Diagnosis, LayerDiagnosis, diagnose
from autograd_mini.nn.layers import ACTIVATIONS, INITIALISERS, MLP, RELU_FAMILY, Layer, Neuron
from autograd_mini.nn.losses import (
    LOSSES, Loss, binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, cross_entropy_with_logits,
    half_squared_error, hinge, mean_absolute_error, mean_squared_error,
)
from autograd_mini.nn.metrics import Metric, Model, accuracy
from autograd_mini.nn.module import Module, named_parameters
from autograd_mini.nn.optimisers import SGD, Adam, Optimiser
from autograd_mini.nn.schedules import Schedule, cosine, exponential_decay, linear, step_decay
from autograd_mini.nn.training import Diverged, History, train

__all__ = [
    "ACTIVATIONS", "INITIALISERS", "LOSSES", "MLP", "RELU_FAMILY", "SGD", "Adam", "Diagnosis", "Diverged", "History",
    "Layer", "LayerDiagnosis", "Loss", "Metric", "Model", "Module", "Neuron", "Optimiser", "Schedule", "accuracy",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine", "cross_entropy", "cross_entropy_with_logits",
    "diagnose", "exponential_decay", "half_squared_error", "hinge", "linear", "mean_absolute_error",
    "mean_squared_error", "named_parameters", "step_decay", "train",
]
