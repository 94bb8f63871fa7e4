# C types of results.py.

cpdef rebuilt(x, values)
