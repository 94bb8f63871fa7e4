# C types of rules.py, in its order.

cimport cython
from autograd_mini cimport elementary as math
from autograd_mini cimport _plain, ops

# So that in `values`, `pull_a` and `pull_b`, which call a rule with an operation that is known, the rest of the page is
# left out and loops become vectors, 2 times faster; and so that they use AVX2 where the processor at hand has
# it. Other compilers do without. The C library's exp, log and tanh of several numbers at once are left alone though they
# take a quarter of the time: they differ from those of one, by up to 4 units in the last place, so that of equal neurons
# the one at the end of a vector would go another way.
cdef extern from *:
    """
    #if defined(__GNUC__) && defined(__PYX_HAVE__autograd_mini__rules)
    static double __pyx_f_13autograd_mini_5rules_value(int, double, double) __attribute__((always_inline));
    static double __pyx_f_13autograd_mini_5rules_slope_a(int, double, double, double) __attribute__((always_inline));
    static double __pyx_f_13autograd_mini_5rules_slope_b(int, double, double, double) __attribute__((always_inline));
    #if !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
    #define CLONES __attribute__((target_clones("default", "avx2")))
    static void __pyx_f_13autograd_mini_5rules_values(
        int, double *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t) CLONES;
    static void __pyx_f_13autograd_mini_5rules_pull_a(
        int, double *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t) CLONES;
    static void __pyx_f_13autograd_mini_5rules_pull_b(
        int, double *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t) CLONES;
    #endif
    #endif
    """

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

cdef double value_at(int op, double* m, Py_ssize_t start, Py_ssize_t n) noexcept nogil
cdef double slope_at(int op, double* m, Py_ssize_t start, Py_ssize_t n, double y, Py_ssize_t i) noexcept nogil

@cython.locals(i=Py_ssize_t)
cdef void values(int op, double* m, Py_ssize_t a, Py_ssize_t b, Py_ssize_t y, Py_ssize_t n) noexcept nogil
@cython.locals(i=Py_ssize_t)
cdef void pull_a(int op, double* m, Py_ssize_t a, Py_ssize_t b, Py_ssize_t y, Py_ssize_t g, Py_ssize_t to, Py_ssize_t n) noexcept nogil
@cython.locals(i=Py_ssize_t)
cdef void pull_b(int op, double* m, Py_ssize_t a, Py_ssize_t b, Py_ssize_t y, Py_ssize_t g, Py_ssize_t to, Py_ssize_t n) noexcept nogil
