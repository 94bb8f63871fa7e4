# C types of surroundings.py.

cimport cython
from autograd_mini cimport _plain

cpdef bint holds(watched) except -1
cdef bint is_same(x, tuple before) except -1
@cython.locals(i=Py_ssize_t)
cdef bint has_same(entries, tuple keys, tuple before) except -1
