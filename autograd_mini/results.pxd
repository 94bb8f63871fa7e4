# C types of results.py.

cpdef rebuilt(x, list values)
