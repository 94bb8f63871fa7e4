# C types of loops.py, in its order.

cimport cython

# They use AVX2 where the processor at hand has it. Other compilers do without.
cdef extern from *:
    """
    #if defined(__PYX_HAVE__autograd_mini__loops) && defined(__GNUC__) && !defined(__clang__) \\
        && defined(__x86_64__) && defined(__GLIBC__)
    #define CLONES __attribute__((target_clones("default", "avx2")))
    static void __pyx_f_13autograd_mini_5loops_inner(
        double *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t) CLONES;
    static void __pyx_f_13autograd_mini_5loops_outer(
        double *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t) CLONES;
    static void __pyx_f_13autograd_mini_5loops_mix(
        double *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t) CLONES;
    static void __pyx_f_13autograd_mini_5loops_add_products(
        double *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t) CLONES;
    static double __pyx_f_13autograd_mini_5loops_total(double *, Py_ssize_t, Py_ssize_t) CLONES;
    static int __pyx_f_13autograd_mini_5loops_finite(double *, Py_ssize_t, Py_ssize_t) CLONES;
    #endif
    """

@cython.locals(p=double, q=double, r=double, s=double, i=Py_ssize_t, j=Py_ssize_t, k=Py_ssize_t, _=Py_ssize_t)
cdef void inner(double* m, Py_ssize_t x, Py_ssize_t by_x, Py_ssize_t z, Py_ssize_t by_z, Py_ssize_t n, Py_ssize_t rows, Py_ssize_t y, Py_ssize_t by_y) noexcept nogil
@cython.locals(c=double, i=Py_ssize_t, _=Py_ssize_t)
cdef void outer(double* m, Py_ssize_t w, Py_ssize_t by_w, Py_ssize_t x, Py_ssize_t by_x, Py_ssize_t n, Py_ssize_t rows, Py_ssize_t y, Py_ssize_t by_y) noexcept nogil
@cython.locals(i=Py_ssize_t, j=Py_ssize_t, k=Py_ssize_t, a=double, b=double, c=double, d=double, lane=Py_ssize_t)
cdef void mix(double* m, Py_ssize_t w, Py_ssize_t by_w, Py_ssize_t x, Py_ssize_t by_x, Py_ssize_t n, Py_ssize_t rows, Py_ssize_t y) noexcept nogil
@cython.locals(i=Py_ssize_t)
cdef void add_products(double* m, Py_ssize_t x, Py_ssize_t z, Py_ssize_t y, Py_ssize_t n) noexcept nogil
@cython.locals(p=double, q=double, r=double, s=double, t=double, u=double, v=double, w=double, i=Py_ssize_t, j=Py_ssize_t)
cdef double total(double* m, Py_ssize_t x, Py_ssize_t n) noexcept nogil
@cython.locals(odd=Py_ssize_t, i=Py_ssize_t)
cdef bint finite(double* m, Py_ssize_t start, Py_ssize_t n) noexcept nogil
