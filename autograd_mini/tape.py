"""What a tape is written in: the kinds of its lines beside operations, and the fields and flags of an instruction.

tape.pxd repeats the numbers for the C compiler.
"""

from __future__ import annotations

from autograd_mini.ops import TABLE

# What a line is if not an operation of ops.py.
TAKE = len(TABLE)  # the operand, of those after the first, that the first is the place of
DEAD = TAKE + 1  # not needed
CONSTANT = DEAD + 1  # a number that is the same in all calls
INPUT = DEAD + 2  # an argument
CAPTURED = DEAD + 3  # a Value from outside the function, such as a parameter
GUARD = DEAD + 4  # a comparison: this number and those after it are for COMPARED in order
COMPARED = ("<", "<=", ">", ">=", "==", "!=")

FIELDS = 7  # of an instruction: operation, slots of the result and of operands a and b, length, rows, flags
A_CARRIES, B_CARRIES = 1, 2  # the operand has a gradient
A_STEPS, B_STEPS = 4, 8  # each element of a run has an operand of its own; else all share one
GATHERED = 16  # operands are where `gather` says, from a on
PULLS = 32  # the result has a gradient that goes on to the operands

# How a call ends for which a tape does not hold.
DEVIATED = 1  # a guard came out otherwise
NOT_FINITE = 2  # a number is inf or nan
