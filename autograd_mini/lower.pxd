# C types of lower.py, in its order.

cimport cython
from autograd_mini cimport ops, tape
from autograd_mini.value cimport Value

cdef int MADE, MANY
cdef long long NOWHERE
cdef int[::1] ARITY, HARMLESS

cdef class Lines:
    cdef public int count, used
    cdef public int[::1] op, a, b, args
    cdef public double[::1] data
    cdef public list outputs, captured
    cdef public dict labels, constants

@cython.locals(count=int, args=int, many=int, i=int)
cpdef flatten(recording, inputs, outputs)
@cython.locals(node=Value)
cdef int counted(Value node) except -2
cdef bint forget(Value node) except -1
@cython.locals(i=int)
cdef int add(Lines lines, int op, int a, int b, double data) except -1
@cython.locals(node=Value, a=int, b=int, i=int, start=int, k=int, arity=int)
cdef write(Lines lines, entry, dict known, list owners)
@cython.locals(start=int, n=int, k=int)
cdef int write_many(Lines lines, int op, operands, Value node, dict known, list owners) except -1
@cython.locals(node=Value, i=int, found=int)
cdef int line_of(Lines lines, x, dict known, list owners) except -1
@cython.locals(i=int)
cdef int constant(Lines lines, double x) except -1

@cython.locals(found="signed char[::1]", i=int, k=int, o=int)
cdef list are_values(Lines lines, is_value)
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", data="double[::1]", to="int[::1]", i=int, k=int, o=int, x=int, z=int, known=bint)
cpdef fold(Lines lines)
@cython.locals(to="int[::1]", i=int)
cdef unchanged(Lines lines)
cdef double neutral(int op)
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", to="int[::1]", first="int[::1]", size="long long", place="long long", i=int, k=int, o=int, x=int, z=int, j=int)
cpdef share(Lines lines)
cdef bint is_same(Lines lines, int i, int op, int a, int b)
cdef bint commutes(int op)
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", uses="int[::1]", i=int, k=int)
cpdef count_uses(Lines lines)
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", uses="int[::1]", i=int, k=int, x=int, total=int, start=int, used=int, before=int, in_order=bint)
cpdef fuse(Lines lines)
@cython.locals(x=int, other=int, n=int, k=int)
cdef bint add_to_dot(Lines lines, int i, list terms, int[::1] args, int used, int[::1] uses) except -1
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", needed="signed char[::1]", i=int, k=int, o=int)
cpdef drop(Lines lines)
@cython.locals(op="int[::1]", a="int[::1]", b="int[::1]", args="int[::1]", data="double[::1]", to="int[::1]", i=int, k=int, o=int, count=int)
cpdef compact(Lines lines)

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
@cython.locals(rows=list, new=list, steps=list, start=int, new_start=int, n=int)
cdef bint join_rows(list before, list after, int uniform) except -1
