# C types of layout.py, in its order.

cimport cython
from autograd_mini cimport ops, tape
from autograd_mini.lines cimport Lines

cdef int MANY
cdef long long NOWHERE
cdef int[::1] ARITY

cpdef assemble(Lines lines, is_value)
cdef int operands(Lines lines, int i) noexcept
cdef int operand(Lines lines, int i, int k) noexcept
cdef bint is_many(Lines lines, int i) noexcept
cdef bint write_code(list code, layout) except -1
@cython.locals(varies="signed char[::1]", carries="signed char[::1]", pulls="signed char[::1]", level="int[::1]", i=int, k=int, x=int, o=int)
cdef tuple properties(Lines lines, is_value)
@cython.locals(i=int, groups=dict)
cdef list schedule(Lines lines, signed char[::1] varies, int[::1] level)
@cython.locals(keys=list, before="long long", in_order=bint, key="long long", i=int)
cdef list by_operands(Lines lines, list group, int[::1] slot, signed char[::1] varies)
cdef long long rank(int i, int[::1] slot, signed char[::1] varies) except -1
@cython.locals(slot="int[::1]", used="int[::1]", i=int, second=bint, half=int, start=int, k=int, n=int, end=int, first=int)
cdef tuple place(Lines lines, list order, signed char[::1] varies, int[::1] level)
cdef bint take_slot(int i, int[::1] slot, int[::1] used, signed char[::1] varies) except -1
@cython.locals(kind=int, k=int)
cdef bint can_be_neighbours(Lines lines, int start, int n, int[::1] slot, signed char[::1] varies) except -1
cdef bint alike(Lines lines, int[::1] level, signed char[::1] varies, int i, int j) except -1
@cython.locals(i=int)
cdef write_leaves(Lines lines, int[::1] slot, layout)
@cython.locals(o=int, a=int, b=int, flags=int, half=int, first=int, second=int, start=int, at=int, k=int, by_a=int, by_b=int, carries_a=bint, carries_b=bint)
cdef list instruction_of(Lines lines, int i, int[::1] slot, int uniform, signed char[::1] carries, signed char[::1] pulls, gather)
@cython.locals(first=int, step=int, k=int)
cdef int stride(Lines lines, int start, int n, int[::1] slot, int uniform) except? -1
@cython.locals(k=int)
cdef bint carry(Lines lines, int start, int n, signed char[::1] carries) except -1
cdef list written(int op, int result, int a, int b, int length, int flags, int start)
@cython.locals(op=int, field=int)
cdef bint join(list before, list after, int uniform) except -1
cdef bint on_one_side(int slot, int other, int uniform) noexcept
@cython.locals(n=int, flags=int, steps=int, by_a=int, by_b=int)
cdef bint join_elements(list before, list after) except -1
@cython.locals(mine=list, other=list, steps=list, start=int, new_start=int, n=int)
cdef bint join_rows(list before, list after, int uniform) except -1
