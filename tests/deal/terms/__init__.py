"""Terms of every kind of clause for the tests of rules 1 and 2: one module per kind, named after it.

A module has

* ``EXAMPLE``: terms as in a scenario file, with `kind` and an `id` that is the kind;
* ``drawn(draw, contract)``: random valid terms in the same form; `draw` is hypothesis's, `contract` has `start` and `end`;
* ``NEEDS`` (optional): kinds whose example must stand beside this one, ``("chip_price",)`` for a price by reference.

The tests (tests/deal/test_every_clause.py) put each clause alone, each pair, and random contracts through the plan's reader and
settlement.  The world they stand in: chips ``a`` and ``b``; channels ``cloud`` (sold by the provider) and ``direct`` (by the offtaker);
training run ``next``; a contract from 2026-04-20 to 2028-10-20; a plan from 2026-07-01 to 2029-07-01; up to 4 million chip-hours of a
chip and 3 million dollars of a channel a day, and 400 MW.  Keep amounts in proportion (hundreds of millions of dollars a year, ten
thousands of chips), intervals at a half-year or a year, and lists short: the tests of all pairs have a minute.
"""
