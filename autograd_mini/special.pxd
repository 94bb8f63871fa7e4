# C types of special.py, in its order.

cimport cython
from libc cimport math

cdef double NAN


cpdef double digamma(double x, double n) noexcept nogil
@cython.locals(k=cython.int)
cdef double digamma_above_zero(double x, double n) noexcept nogil
cdef double alternating(double n) noexcept nogil
cdef double factorial_by_power(double n, double x) noexcept nogil
cdef double bernoulli(int k) noexcept nogil
