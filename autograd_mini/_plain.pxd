# Compiled, memory comes from C.

cdef extern from "stdlib.h" nogil:
    double* malloc(size_t size)
    void free(double* block)
