# C types of rules.py, in its order.

cimport cython
from autograd_mini cimport elementary as math
from autograd_mini cimport ops

cdef double LN2, LN10, DEGREE, SQRT_HALF, INVERSE_SQRT_2PI, TWO_OVER_SQRT_PI

cdef double value(int op, double a, double b) noexcept nogil
cdef double slope_a(int op, double a, double b, double y) noexcept nogil
cdef double slope_b(int op, double a, double b, double y) noexcept nogil

cdef double value_of_many(int op, double* a, Py_ssize_t n) noexcept nogil
cdef double slope_of_many(int op, double* a, Py_ssize_t n, double y, Py_ssize_t i) noexcept nogil

@cython.locals(y=double, i=Py_ssize_t)
cdef double total(double* a, Py_ssize_t n) noexcept nogil
@cython.locals(y=double, i=Py_ssize_t)
cdef double inner(double* a, Py_ssize_t n) noexcept nogil
@cython.locals(y=double, i=Py_ssize_t)
cdef double product_without(double* a, Py_ssize_t n, Py_ssize_t skipped) noexcept nogil
@cython.locals(y=double, i=Py_ssize_t)
cdef double distance(double* a, Py_ssize_t n) noexcept nogil
@cython.locals(y=double, greatest=double, i=Py_ssize_t)
cdef double log_sum_exp(double* a, Py_ssize_t n) noexcept nogil
