"""Units inside the problem: chosen so that the matrix stays near one, stated once.

A column in model units times its scale is the quantity in natural units.  Money is counted in millions of dollars: at the solver's
1e-7 feasibility that is ten cents.
"""

from __future__ import annotations

MW = 1.0
CHIP = 1e3
CHIP_H = 1e6
TOK = 1e12
FLOP = 1e24
USD = 1e6

OFF = 1.00001
"""Implied bounds stand this much off the limits that imply them.

A bound that fell on the same point as a limit could take the limit's price from it: supply would look free where it binds."""
