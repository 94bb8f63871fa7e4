# C types of lower.py, in its order.

cimport cython
from autograd_mini cimport ops, tape
from autograd_mini.lines cimport Lines

cdef int MANY
cdef int[::1] ARITY, HARMLESS

@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", data="double[::1]", to="int[::1]", i=int, k=int, o=int, x=int, z=int, known=bint)
cpdef fold(Lines lines)
@cython.locals(to="int[::1]", i=int)
cdef unchanged(Lines lines)
cdef double neutral(int op)
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", to="int[::1]", first="int[::1]", size="long long", place="long long", i=int, k=int, o=int, x=int, z=int, j=int)
cpdef share(Lines lines)
cdef bint is_same(Lines lines, int i, int op, int a, int b)
cdef bint commutes(int op)
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", uses="int[::1]", i=int, k=int)
cpdef count_uses(Lines lines)
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", uses="int[::1]", i=int, k=int, x=int, total=int, start=int, used=int, before=int, in_order=bint)
cpdef fuse(Lines lines)
@cython.locals(x=int, other=int, n=int, k=int)
cdef bint add_to_dot(Lines lines, int i, list terms, int[::1] args, int used, int[::1] uses) except -1
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", needed="signed char[::1]", i=int, k=int, o=int)
cpdef drop(Lines lines)
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", data="double[::1]", to="int[::1]", i=int, k=int, o=int, count=int)
cpdef compact(Lines lines)
