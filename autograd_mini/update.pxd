# C types of update.py, in its order.

cimport cython
from cpython.array cimport array
from libc cimport math
from autograd_mini cimport _plain, loops
from autograd_mini.value cimport Value

# As in loops.pxd.
cdef extern from *:
    """
    #if defined(__PYX_HAVE__autograd_mini__update) && defined(__GNUC__) && !defined(__clang__) \\
        && defined(__x86_64__) && defined(__GLIBC__)
    #define CLONES __attribute__((target_clones("default", "avx2")))
    static void __pyx_f_13autograd_mini_6update_sgd_loop(
        double *, double *, double *, Py_ssize_t, double, double, double, int) CLONES;
    static void __pyx_f_13autograd_mini_6update_adam_loop(
        double *, double *, double *, double *, Py_ssize_t, double, double, double, double, double, double) CLONES;
    #endif
    """

cdef array NUMBERS

@cython.locals(n=Py_ssize_t, a="double*", b="double*", c="double*")
cpdef sgd(x, g, double lr, double weight_decay, double momentum, bint nesterov, velocity)
@cython.locals(i=Py_ssize_t, slope=double)
cdef void sgd_loop(double* x, double* g, double* v, Py_ssize_t n, double lr, double weight_decay, double momentum, bint nesterov) noexcept nogil
@cython.locals(n=Py_ssize_t, rate=double, scale=double, a="double*", b="double*", c="double*", d="double*")
cpdef adam(x, g, double lr, double weight_decay, double b1, double b2, double eps, int steps, means, squares)
@cython.locals(i=Py_ssize_t, slope=double)
cdef void adam_loop(double* x, double* g, double* m, double* v, Py_ssize_t n, double rate, double scale, double weight_decay, double b1, double b2, double eps) noexcept nogil
cdef bint check(numbers, Py_ssize_t n) except -1

@cython.locals(i=Py_ssize_t, x="double*")
cpdef numbers_of(tuple values)
@cython.locals(i=Py_ssize_t, x="double*", g="double*")
cpdef numbers_and_gradients_of(tuple values)
@cython.locals(i=Py_ssize_t, x="double*")
cpdef give_numbers(tuple values, numbers)
@cython.locals(i=Py_ssize_t, g="double*")
cpdef give_gradients(tuple values, gradients)
@cython.locals(i=Py_ssize_t)
cpdef zero(tuple values)
cpdef bint all_finite(numbers) except -1
