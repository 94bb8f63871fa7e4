# C types of program.py, in its order.

cimport cython
from autograd_mini cimport _plain, loops, machine, ops, tape, value
from autograd_mini.value cimport Value

cdef int LANES

cdef class Program(machine.Machine):
    @cython.locals(m="double*", i=Py_ssize_t, k=Py_ssize_t, outputs=list, operands=tuple)
    cpdef call(self, inputs, tuple captured, bint wants_slopes)
    @cython.locals(y=double, n=Py_ssize_t, slopes="double*", j=Py_ssize_t, i=Py_ssize_t, of_leaves=bint, x=Value)
    cdef output(self, double* m, Py_ssize_t k, inputs, tuple operands, bint wants_slopes)
    @cython.locals(width=Py_ssize_t, m="double*", wants_inputs=bint, a="double*", b="double*", c="double*", d="double*", e="unsigned char[::1]", who="int*", f="double*", i=Py_ssize_t, end=int)
    cpdef int run(self, numbers, inputs, Py_ssize_t n, double seed, outputs, by_captured, by_inputs, verdicts, bint wants_slopes) except -1

@cython.locals(n=Py_ssize_t, i=Py_ssize_t, block="double*", given="double*")
cpdef node(double y, tuple operands, slopes, bint of_leaves)
