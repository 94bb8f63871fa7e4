# Compiled, the functions the rules are written in are C's own, and digamma from special.py.

from libc.math cimport (
    NAN, acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, copysign, cos, cosh, erf, erfc, exp, exp2, expm1, fabs,
    fmod, hypot, lgamma, log, log10, log1p, log2, pow, remainder, sin, sinh, sqrt, tan, tanh, tgamma,
)
from autograd_mini.special cimport digamma
