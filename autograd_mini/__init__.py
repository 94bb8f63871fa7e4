"""A scalar reverse-mode automatic differentiation engine to read, to see and to run at the speed of C.

>>> from autograd_mini import Value
>>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
>>> y = (a * b + a.exp()).tanh()
>>> y.backward()
>>> f"{a.grad:.4f} {b.grad:.4f}"
'0.9672 0.4408'
"""

import os
import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path

if os.environ.get("AUTOGRAD_MINI_PURE", "") not in ("", "0"):
    # Import the .py files even where compiled modules lie beside them: for debugging, coverage and comparison.
    _here = str(Path(__file__).parent)
    sys.path_importer_cache[_here] = FileFinder(_here, (SourceFileLoader, SOURCE_SUFFIXES))

from autograd_mini import nn
from autograd_mini.check import GradientError, check_gradient
from autograd_mini.compile import compile
from autograd_mini.detect import NonFiniteError, detect_nonfinite
from autograd_mini.draw import draw, steps
from autograd_mini.functions import (
    acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, clip, copysign, cos, cosh, degrees, digamma, dist, dot, elu,
    erf, erfc, exp, exp2, expm1, fmod, gamma, gelu, hypot, leaky_relu, lgamma, log, log10, log1p, log2, log_sigmoid,
    logsumexp, maximum, mean, minimum, pow, prod, radians, relu, remainder, sigmoid, silu, sin, sinh, softmax,
    softplus, sqrt, sum, tan, tanh, where,
)
from autograd_mini.gradient import grad, gradient, value_and_grad
from autograd_mini.higher import hessian, hvp, jacobian, jvp, vjp
from autograd_mini.latex import to_latex
from autograd_mini.nudge import nudge
from autograd_mini.plot import plot_decision, plot_history
from autograd_mini.primitive import primitive
from autograd_mini.steps import Step
from autograd_mini.taylor import taylor
from autograd_mini.take import take
from autograd_mini.value import Value, no_grad, topological
from autograd_mini.why import why

COMPILED = not str(sys.modules["autograd_mini.value"].__file__).endswith(".py")
"""Whether the engine runs compiled (True) or as plain Python."""

__all__ = [
    "COMPILED", "GradientError", "NonFiniteError", "Step", "Value", "acos", "acosh", "asin", "asinh", "atan", "atan2",
    "atanh", "cbrt", "check_gradient", "clip", "compile", "copysign", "cos", "cosh", "degrees", "detect_nonfinite",
    "digamma", "dist", "dot", "draw", "elu", "erf", "erfc", "exp", "exp2", "expm1", "fmod", "gamma", "gelu", "grad",
    "gradient", "hessian", "hvp", "hypot", "jacobian", "jvp", "leaky_relu", "lgamma", "log", "log10", "log1p", "log2",
    "log_sigmoid", "logsumexp", "maximum", "mean", "minimum", "nn", "no_grad", "nudge", "plot_decision", "plot_history",
    "pow", "primitive", "prod", "radians", "relu", "remainder", "sigmoid", "silu", "sin", "sinh", "softmax", "softplus",
    "sqrt", "steps", "sum", "take", "tan", "tanh", "taylor", "to_latex", "topological", "value_and_grad", "vjp",
    "where", "why",
]
