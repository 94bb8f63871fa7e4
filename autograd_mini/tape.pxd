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
    ROWS_AT = 6
    FIELDS = 7
    START = 0
    COUNT = 1
    RESULT_STEP = 2
    A_STEP = 3
    B_STEP = 4
    START_STEP = 5
    A_STRIDE = 6
    B_STRIDE = 7
    ROW_FIELDS = 8
    A_CARRIES = 1
    B_CARRIES = 2
    A_STEPS = 4
    B_STEPS = 8
    GATHERED = 16
    PULLS = 32
    START_CARRIES = 64
    DEVIATED = 1
    NOT_FINITE = 2
