# C types of lines.py, in its order.

cimport cython
from autograd_mini cimport ops, tape
from autograd_mini.value cimport Value

cdef int MADE, MANY
cdef int[::1] ARITY

cdef class Lines:
    cdef public int count, used
    cdef public int[::1] op, a, b, args
    cdef public double[::1] data
    cdef public list outputs, captured
    cdef public dict labels, constants

@cython.locals(count=int, args=int, many=int, i=int)
cpdef flatten(recording, inputs, outputs)
@cython.locals(node=Value)
cdef int counted(Value node) except -2
cdef bint forget(Value node) except -1
@cython.locals(i=int)
cdef int add(Lines lines, int op, int a, int b, double data) except -1
@cython.locals(node=Value, a=int, b=int, i=int, start=int, k=int, arity=int)
cdef write(Lines lines, entry, dict known, list owners)
@cython.locals(start=int, n=int, k=int)
cdef int write_many(Lines lines, int op, operands, Value node, dict known, list owners) except -1
@cython.locals(node=Value, i=int, found=int)
cdef int line_of(Lines lines, x, dict known, list owners) except -1
@cython.locals(i=int)
cdef int constant(Lines lines, double x) except -1

@cython.locals(found="signed char[::1]", i=int, k=int, o=int)
cpdef list are_values(Lines lines, is_value)
