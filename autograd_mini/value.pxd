# C types of value.py, in its order.

cimport cython
from autograd_mini cimport _plain, ops, rules

cdef int DEEPEST
cdef int depth
cdef list parked
cdef dict paused, tapes

cdef class Value:
    cdef double _data, _grad, _slope_a, _slope_b
    cdef double* _slopes
    cdef Value _a, _b
    cdef tuple _operands
    cdef str _label
    cdef int _op, _uses

@cython.locals(recording=bint, a=Value, b=Value, x=double, z=double, y=double, slope_a=double, slope_b=double, node=Value)
cdef record(int op, first, second)
@cython.locals(recording=bint, data="double*", n=Py_ssize_t, i=Py_ssize_t, y=double, node=Value)
cdef Value many(int op, operands)
@cython.locals(node=Value)
cdef Value fused(double y, tuple operands, double* slopes, bint of_leaves)

@cython.locals(x=double)
cdef compare(str kind, Value a, other)
cpdef bint taped(entry) except -1
cdef bint refuse_while_taping(str what, Value node) except -1

@cython.locals(order=list, seen=set, stack=list, node=Value)
cpdef list topological(root)

@cython.locals(ready=list)
cdef bint sweep(Value root, double seed) except -1
@cython.locals(nodes=list, kept=list, node=Value, i=Py_ssize_t)
cpdef list swept(Value root, leaves, double seed)
@cython.locals(found=list, place=Py_ssize_t, node=Value)
cdef list below(Value root)
cdef bint add_below(Value node, list found) except -1
@cython.locals(node=Value)
cdef bint count_uses(Value root) except -1
cdef bint count_use(Value node, list found) except -1
@cython.locals(upstream=double, i=Py_ssize_t)
cdef bint propagate(Value node, list ready) except -1
@cython.locals(i=Py_ssize_t)
cdef bint spread(tuple leaves, double* slopes, double upstream) except -1
cdef bint receive(Value node, double contribution, list ready) except -1
cdef void forget_uses(Value node) noexcept
cdef void release(Value node) noexcept

cpdef bint is_real(x) except -1
cdef double number(x) except? -1
@cython.locals(i=Py_ssize_t)
cdef bint fill(double* m, int[::1] places, tuple values) except -1
@cython.locals(node=Value)
cpdef double data_of(x) except? -1
