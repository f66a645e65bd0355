"""Terms of a step: each a pure function of numbers or numpy arrays, in seconds, bytes or operations.

Every function broadcasts, so that one evaluation and a search over thousands of layouts are the same code. A rate passed in is
already the share that the chip reaches (see `offtake.perf.params`); a term only adds what shape, size and topology cost.
"""
