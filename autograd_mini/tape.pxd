# The numbers of tape.py as C constants: tests/test_compile.py compares the two.

cdef enum:
    TAKE = 61
    DEAD = 62
    CONSTANT = 63
    INPUT = 64
    CAPTURED = 65
    GUARD = 66
    FIELDS = 7
    A_CARRIES = 1
    B_CARRIES = 2
    A_STEPS = 4
    B_STEPS = 8
    GATHERED = 16
    PULLS = 32
    DEVIATED = 1
    NOT_FINITE = 2
