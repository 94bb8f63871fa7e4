# C types of update.py, in its order.

cimport cython
from libc cimport math
from autograd_mini cimport _plain
from autograd_mini.value cimport Value

# As in loops.pxd.
cdef extern from *:
    """
    #if defined(__PYX_HAVE__autograd_mini__update) && defined(__GNUC__) && !defined(__clang__) \\
        && defined(__x86_64__) && defined(__GLIBC__)
    #define CLONES __attribute__((target_clones("default", "avx2")))
    static void __pyx_f_13autograd_mini_6update_sgd_block(
        double *, double *, double *, Py_ssize_t, Py_ssize_t, double, double, int) CLONES;
    static void __pyx_f_13autograd_mini_6update_adam_block(
        double *, double *, double *, double *, Py_ssize_t, Py_ssize_t, double, double, double, double, double) CLONES;
    #endif
    """

cdef int BLOCK

@cython.locals(x="double*", g="double*", v="double*", start=Py_ssize_t, n=Py_ssize_t)
cpdef sgd(tuple parameters, double lr, double weight_decay, double momentum, bint nesterov, velocity)
@cython.locals(i=Py_ssize_t)
cdef void sgd_block(double* x, double* g, double* v, Py_ssize_t start, Py_ssize_t n, double lr, double momentum, bint nesterov) noexcept nogil
@cython.locals(rate=double, scale=double, x="double*", g="double*", m="double*", v="double*", start=Py_ssize_t, n=Py_ssize_t)
cpdef adam(tuple parameters, double lr, double weight_decay, double b1, double b2, double eps, int steps, means, squares)
@cython.locals(i=Py_ssize_t)
cdef void adam_block(double* x, double* g, double* m, double* v, Py_ssize_t start, Py_ssize_t n, double rate, double scale, double b1, double b2, double eps) noexcept nogil
@cython.locals(room="double*")
cdef double* block() except NULL
cdef bint check(tuple parameters, state) except -1
@cython.locals(i=Py_ssize_t)
cdef void collect(tuple parameters, Py_ssize_t start, Py_ssize_t n, double weight_decay, double* x, double* g) noexcept
@cython.locals(i=Py_ssize_t)
cdef void put_back(tuple parameters, Py_ssize_t start, Py_ssize_t n, double* x) noexcept
@cython.locals(i=Py_ssize_t)
cpdef zero(tuple parameters)
@cython.locals(odd=Py_ssize_t, i=Py_ssize_t, x=double, g=double)
cpdef bint all_finite(tuple parameters)
