"""Pictures: a computation graph or a network as SVG, and backpropagation stepped through on it."""

from autograd_mini.draw.draw import draw
from autograd_mini.draw.drawing import Drawing, GraphvizNotFound
from autograd_mini.draw.stepper import Stepper, steps

__all__ = ["Drawing", "GraphvizNotFound", "Stepper", "draw", "steps"]
