# C types of chain.py, in its order.

cimport cython
from autograd_mini cimport ops
from autograd_mini.value cimport Value, data_of

@cython.locals(nodes=list, on_the_way=set, gradients=dict, node=Value)
cpdef list derivatives(Value y, leaves, seed=*)
cdef bint needs(Value node, set wanted) except -1
@cython.locals(operands=tuple, i=Py_ssize_t, recorded=double)
cpdef local_derivatives(Value node, wanted)
cdef check_unchanged(Value node, double slope, double recorded)
cpdef bint refuse_calls(Value node) except -1
cpdef times(upstream, slope)
cdef as_new(derivative, Value x)
