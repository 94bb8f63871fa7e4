# The numbers of tape.py as C constants: tests/test_compile.py compares the two.

cdef enum:
    TAKE = 61
    DEAD = 62
    CONSTANT = 63
    INPUT = 64
    CAPTURED = 65
    GUARD = 66
    RESULT = 1
    A = 2
    B = 3
    LENGTH = 4
    FLAGS = 5
    START = 6
    ROWS = 7
    RESULT_STEP = 8
    A_STEP = 9
    B_STEP = 10
    START_STEP = 11
    A_STRIDE = 12
    B_STRIDE = 13
    FIELDS = 14
    A_CARRIES = 1
    B_CARRIES = 2
    A_STEPS = 4
    B_STEPS = 8
    GATHERED = 16
    PULLS = 32
    START_CARRIES = 64
    DEVIATED = 1
    NOT_FINITE = 2
