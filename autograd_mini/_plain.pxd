# Compiled, memory comes from C, and what is in lists and tuples from Python's C API.

from cpython.array cimport array, clone

cdef extern from "stdlib.h" nogil:
    double* malloc(size_t size)
    void free(double* block)

cdef extern from *:
    """
    #include <stdlib.h>
    #include <string.h>
    #if defined(_WIN32)
    #define autograd_mini_malloc_aligned(size) ((double *)malloc(size))
    #else
    #define autograd_mini_malloc_aligned(size) ((double *)( \\
        (size) < 4096 ? malloc(size) : aligned_alloc(64, ((size) + 63) / 64 * 64)))  /* of little, malloc is quicker */
    #endif
    #define autograd_mini_at(block, start, size) ((block) + (start))
    #define autograd_mini_same_items(x, y, n) \\
        (memcmp(PySequence_Fast_ITEMS(x), PySequence_Fast_ITEMS(y), (n) * sizeof(PyObject *)) == 0)
    """
    double* malloc_aligned "autograd_mini_malloc_aligned" (size_t size) nogil
    bint same_items "autograd_mini_same_items" (object x, object y, Py_ssize_t n) noexcept
    double* at "autograd_mini_at" (double* block, Py_ssize_t start, Py_ssize_t size) noexcept nogil

cdef extern from "Python.h":
    void* item "PySequence_Fast_GET_ITEM" (object x, Py_ssize_t i) noexcept
    void* entry "PyDict_GetItemWithError" (object x, object key) noexcept

cdef inline array room(array like, Py_ssize_t n):
    return clone(like, n, False)

cdef inline double* doubles(array numbers) noexcept:
    return numbers.data.as_doubles

cdef inline int* ints(array numbers) noexcept:
    return numbers.data.as_ints
