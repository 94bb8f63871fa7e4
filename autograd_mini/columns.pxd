# C types of columns.py.

cimport cython
from autograd_mini cimport _plain

@cython.locals(view="const double[::1]", k=Py_ssize_t, j=Py_ssize_t, at=Py_ssize_t)
cpdef bint put(x, double[::1] rows, Py_ssize_t n, Py_ssize_t width, Py_ssize_t start, Py_ssize_t many) except -1
@cython.locals(y=double, rest=double, x=double, z=double, i=Py_ssize_t)
cpdef double total(double[::1] numbers) except? -1
