# C types of machine.py, in its order.

cimport cython
from autograd_mini cimport _plain, loops, ops, rules, tape

cdef int[::1] IS_MANY, IS_BINARY

cdef class Machine:
    cdef readonly object layout
    cdef int[::1] code, rows, gather, places, inputs, captured, outputs
    cdef double[::1] initial
    cdef Py_ssize_t n_inputs, n_captured, n_outputs, count, uniform_code, uniform, slots, longest, span
    cdef readonly bint of_leaves
    cdef signed char[::1] depends

    @cython.locals(size=Py_ssize_t, m="double*", i=Py_ssize_t)
    cdef double* memory(self, Py_ssize_t width) except NULL

cdef Py_ssize_t place(Machine machine, Py_ssize_t slot, Py_ssize_t width) noexcept nogil
@cython.locals(behind=Py_ssize_t)
cdef Py_ssize_t gradient(Machine machine, Py_ssize_t slot, Py_ssize_t width) noexcept nogil
cdef Py_ssize_t room(Machine machine, Py_ssize_t which, Py_ssize_t width) noexcept nogil
@cython.locals(start=Py_ssize_t, i=Py_ssize_t)
cdef void clear(Machine machine, double* m, Py_ssize_t width) noexcept nogil
@cython.locals(i=Py_ssize_t)
cdef void clear_uniform(Machine machine, double* m) noexcept nogil
cdef Py_ssize_t verdicts(Machine machine, Py_ssize_t width) noexcept nogil
@cython.locals(i=Py_ssize_t, k=Py_ssize_t, lane=Py_ssize_t, start=Py_ssize_t, lanes=Py_ssize_t, y=Py_ssize_t, g=Py_ssize_t, step=Py_ssize_t)
cdef int run_blocks(Machine machine, double* m, Py_ssize_t width, double* inputs, Py_ssize_t n, double seed, double* outputs, double* by_captured, double* by_inputs, bint wants_inputs, unsigned char[::1] failed, bint wants_slopes, int* who) noexcept nogil
@cython.locals(start=Py_ssize_t, i=Py_ssize_t, x=Py_ssize_t, lane=Py_ssize_t, k=Py_ssize_t, varying=Py_ssize_t, kept=Py_ssize_t, bad=Py_ssize_t)
cdef Py_ssize_t forward_block(Machine machine, double* m, double* inputs, int* who, Py_ssize_t lanes, unsigned char[::1] failed) noexcept nogil

@cython.locals(code="int[::1]", i=Py_ssize_t, k=Py_ssize_t, op=int, a=Py_ssize_t, b=Py_ssize_t, n=Py_ssize_t, flags=int, result=Py_ssize_t, lanes=Py_ssize_t, x=Py_ssize_t, z=Py_ssize_t, row=Py_ssize_t)
cdef void forward(Machine machine, double* m, Py_ssize_t start, Py_ssize_t end, Py_ssize_t width) noexcept nogil
@cython.locals(code="int[::1]", i=Py_ssize_t, k=Py_ssize_t, op=int, a=Py_ssize_t, b=Py_ssize_t, n=Py_ssize_t, flags=int, result=Py_ssize_t, upstream=Py_ssize_t, lanes=Py_ssize_t, x=double, z=double, row=Py_ssize_t)
cdef void backward(Machine machine, double* m, Py_ssize_t start, Py_ssize_t end, Py_ssize_t width) noexcept nogil
@cython.locals(bad=Py_ssize_t, x=Py_ssize_t, z=Py_ssize_t, by_a=int, by_b=int, lane=Py_ssize_t, p=double, q=double, held=int)
cdef void compare(Machine machine, double* m, int kind, Py_ssize_t a, Py_ssize_t b, int outcome, Py_ssize_t width) noexcept nogil
@cython.locals(x=Py_ssize_t, varies=bint, copies=Py_ssize_t, e=Py_ssize_t, at=Py_ssize_t, lane=Py_ssize_t)
cdef Py_ssize_t side_by_side(Machine machine, double* m, Py_ssize_t slot, int steps, Py_ssize_t n, Py_ssize_t lanes, Py_ssize_t width, int which) noexcept nogil
@cython.locals(x=Py_ssize_t, z=Py_ssize_t, to=Py_ssize_t)
cdef void pull(Machine machine, double* m, int op, Py_ssize_t a, Py_ssize_t b, Py_ssize_t n, int flags, Py_ssize_t result, Py_ssize_t upstream, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(copies=Py_ssize_t, i=Py_ssize_t)
cdef Py_ssize_t side_by_side_gradients(Machine machine, double* m, Py_ssize_t slot, int steps, Py_ssize_t n, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(g=Py_ssize_t, e=Py_ssize_t, lane=Py_ssize_t)
cdef void add_gradients(Machine machine, double* m, Py_ssize_t slot, int steps, Py_ssize_t n, Py_ssize_t lanes, Py_ssize_t width, Py_ssize_t copies) noexcept nogil
@cython.locals(op=int, first=Py_ssize_t, n=Py_ssize_t, row=Py_ssize_t, starts=bint, lane=Py_ssize_t, y=double)
cdef void many(Machine machine, double* m, Py_ssize_t at, Py_ssize_t result, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(places="int[::1]", i=Py_ssize_t, half=Py_ssize_t, y=double)
cdef double gathered(Machine machine, double* m, int op, Py_ssize_t first, Py_ssize_t n) noexcept nogil
@cython.locals(places="int[::1]", i=Py_ssize_t, half=Py_ssize_t, other=Py_ssize_t, slot=Py_ssize_t)
cdef void pull_gathered(Machine machine, double* m, int op, Py_ssize_t first, Py_ssize_t n, double upstream) noexcept nogil
@cython.locals(row=Py_ssize_t, lane=Py_ssize_t, i=Py_ssize_t, slot=Py_ssize_t, to=Py_ssize_t)
cdef void pull_many(Machine machine, double* m, int op, Py_ssize_t start, Py_ssize_t n, Py_ssize_t result, Py_ssize_t upstream, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(index=Py_ssize_t, i=double)
cdef Py_ssize_t taken(Machine machine, double* m, Py_ssize_t start, Py_ssize_t n, Py_ssize_t lane, Py_ssize_t width) noexcept nogil
@cython.locals(bad=Py_ssize_t, lane=Py_ssize_t, slot=Py_ssize_t)
cdef void take(Machine machine, double* m, Py_ssize_t start, Py_ssize_t n, Py_ssize_t result, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(lane=Py_ssize_t, slot=Py_ssize_t)
cdef void pull_take(Machine machine, double* m, Py_ssize_t start, Py_ssize_t n, Py_ssize_t upstream, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(i=Py_ssize_t, slot=Py_ssize_t)
cdef void fetch(Machine machine, double* m, Py_ssize_t start, Py_ssize_t n, Py_ssize_t lane, Py_ssize_t row, Py_ssize_t width) noexcept nogil
@cython.locals(table="int[::1]", where=Py_ssize_t, a=Py_ssize_t, b=Py_ssize_t, n=Py_ssize_t, rows=Py_ssize_t, by_x=Py_ssize_t, by_y=Py_ssize_t, by_z=Py_ssize_t, x=Py_ssize_t, z=Py_ssize_t, row=Py_ssize_t, y=double, each_x=Py_ssize_t, each_z=Py_ssize_t, i=Py_ssize_t, j=Py_ssize_t, at_x=Py_ssize_t, at_z=Py_ssize_t)
cdef void dots(Machine machine, double* m, Py_ssize_t at, Py_ssize_t result, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(table="int[::1]", where=Py_ssize_t, a=Py_ssize_t, b=Py_ssize_t, n=Py_ssize_t, rows=Py_ssize_t, by_g=Py_ssize_t, by_x=Py_ssize_t, by_z=Py_ssize_t, x=Py_ssize_t, z=Py_ssize_t, to_x=Py_ssize_t, to_z=Py_ssize_t, row=Py_ssize_t, each_x=Py_ssize_t, each_z=Py_ssize_t, g=Py_ssize_t, j=Py_ssize_t, at_x=Py_ssize_t, at_z=Py_ssize_t, by_a=bint, by_b=bint)
cdef void pull_dots(Machine machine, double* m, Py_ssize_t at, Py_ssize_t upstream, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(step=Py_ssize_t, lane=Py_ssize_t, j=Py_ssize_t, row=Py_ssize_t)
cdef void pull_matrix(double* m, Py_ssize_t z, Py_ssize_t upstream, Py_ssize_t by_g, Py_ssize_t n, Py_ssize_t rows, Py_ssize_t lanes, Py_ssize_t to, Py_ssize_t by_to, Py_ssize_t copy) noexcept nogil
cdef void pull_rows(double* m, Py_ssize_t upstream, Py_ssize_t by_g, Py_ssize_t x, Py_ssize_t by_x, Py_ssize_t n, Py_ssize_t rows, Py_ssize_t to, Py_ssize_t by_to) noexcept nogil
@cython.locals(where=Py_ssize_t, slot=Py_ssize_t, x=Py_ssize_t, lane=Py_ssize_t)
cdef void start(Machine machine, double* m, Py_ssize_t at, Py_ssize_t row, Py_ssize_t result, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(table="int[::1]", where=Py_ssize_t, g=Py_ssize_t, step=Py_ssize_t, by_u=Py_ssize_t, by_g=Py_ssize_t, row=Py_ssize_t, lane=Py_ssize_t)
cdef void pull_starts(Machine machine, double* m, Py_ssize_t at, Py_ssize_t upstream, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(x=Py_ssize_t, total=double, j=Py_ssize_t, lane=Py_ssize_t)
cdef void add_up(Machine machine, double* m, Py_ssize_t a, Py_ssize_t n, Py_ssize_t result, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
@cython.locals(g=Py_ssize_t, j=Py_ssize_t, lane=Py_ssize_t)
cdef void pull_sum(Machine machine, double* m, Py_ssize_t a, Py_ssize_t n, Py_ssize_t upstream, Py_ssize_t lanes, Py_ssize_t width) noexcept nogil
