"""What a tape is written in: the kinds of its lines beside operations, and the fields and flags of an instruction.

tape.pxd repeats the numbers for the C compiler.
"""

from __future__ import annotations

from array import array

from autograd_mini import ops

# What a line is if not an operation of ops.py.
TAKE = len(ops.TABLE)  # the operand, of those after the first, that the first is the place of
DEAD = TAKE + 1  # not needed
CONSTANT = DEAD + 1  # a number that is the same in all calls
INPUT = DEAD + 2  # an argument
CAPTURED = DEAD + 3  # a Value from outside the function, such as a parameter
GUARD = DEAD + 4  # a comparison: this number and those after it are for COMPARED in order
COMPARED = ("<", "<=", ">", ">=", "==", "!=")
ARITY = array("i", [*[row.arity for row in ops.TABLE], ops.MANY])  # of operations and of take()

# The fields of an instruction: the operation, the slots of the result and of the operands a and b, how many elements or
# factors there are, flags, and where `rows` says what a sum of many does.
RESULT, A, B, LENGTH, FLAGS, ROWS_AT, FIELDS = range(1, 8)
# There: the slot of what it starts from, -1 for 0; and of a DOT, how many rows there are, the steps from row to row of
# result, a, b and start, and the strides of a and b from factor to factor.
START, COUNT, RESULT_STEP, A_STEP, B_STEP, START_STEP, A_STRIDE, B_STRIDE, ROW_FIELDS = range(9)
ONE_ROW = (-1, 1, 0, 0, 0, 0, 1, 1)  # of most instructions, and of those that are no sums
A_CARRIES, B_CARRIES = 1, 2  # the operand has a gradient
A_STEPS, B_STEPS = 4, 8  # each element of a run has an operand of its own; else all share one
GATHERED = 16  # operands are where `gather` says, from a on
PULLS = 32  # the result has a gradient that goes on to the operands
START_CARRIES = 64  # what the sum starts from has a gradient

# How a call ends for which a tape does not hold.
DEVIATED = 1  # a guard came out otherwise
NOT_FINITE = 2  # a number is inf or nan
