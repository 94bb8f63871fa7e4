# C types of update.py, in its order.

cimport cython
from libc cimport math
from autograd_mini.value cimport Value

@cython.locals(i=Py_ssize_t, p=Value, g=double, v=double, view="double[::1]")
cpdef sgd(list parameters, double lr, double weight_decay, double momentum, bint nesterov, double[::1] velocity)
@cython.locals(rate=double, scale=double, x=double, z=double, i=Py_ssize_t, p=Value, g=double)
cpdef adam(list parameters, double lr, double weight_decay, double b1, double b2, double eps, int steps, double[::1] m, double[::1] v)
@cython.locals(i=Py_ssize_t, p=Value)
cpdef zero(list parameters)
