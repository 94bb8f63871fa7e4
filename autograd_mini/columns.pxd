# C types of columns.py.

cimport cython
from cpython.array cimport array
from autograd_mini cimport _plain

@cython.locals(view="const double[::1]", k=Py_ssize_t, j=Py_ssize_t, at=Py_ssize_t)
cdef bint put(x, double* rows, Py_ssize_t n, Py_ssize_t width, Py_ssize_t start, Py_ssize_t many) except -1
@cython.locals(rows=Py_ssize_t, chosen=array, x="double*", y="double*", i=Py_ssize_t, j=Py_ssize_t, k=Py_ssize_t)
cpdef rows_of(numbers, Py_ssize_t width, places)
@cython.locals(y=double, rest=double, xs="double*", x=double, z=double, i=Py_ssize_t)
cpdef double total(numbers) except? -1
