# C types of value.py, in its order.

cimport cython
from autograd_mini cimport _plain, ops, rules

cdef long long epoch
cdef int depth
cdef list parked
cdef dict paused

cdef class Value:
    cdef double _data, _grad, _slope_a, _slope_b
    cdef double* _slopes
    cdef Value _a, _b
    cdef tuple _operands
    cdef str _label
    cdef long long _mark
    cdef int _op, _uses

    @cython.locals(upstream=double, node=Value)
    cpdef backward(self, seed=*)

cdef Value unary(int op, Value a)
@cython.locals(b=Value)
cdef binary(int op, Value a, other)
cdef reflected(int op, other, Value b)
@cython.locals(y=double, slope_a=double, slope_b=double, recording=bint, node=Value)
cdef Value record(int op, Value a, Value b, double x, double z)
@cython.locals(recording=bint, data="double*", n=Py_ssize_t, i=Py_ssize_t, y=double, node=Value)
cdef Value many(int op, operands)

@cython.locals(node=Value)
cdef void count_uses(Value root, bint leaves)
cdef void count_use(Value node, list found, bint leaves)
cdef void settle(Value node, list ready, bint leaves)
cdef void take_use(Value node, list ready, bint leaves)
@cython.locals(upstream=double, a=Value, b=Value, parent=Value, i=Py_ssize_t)
cdef void propagate(Value node) noexcept
cdef void release(Value node) noexcept

cdef bint is_real(x) except -1
cdef double number(x) except? -1
@cython.locals(node=Value)
cdef double data_of(x) except? -1
