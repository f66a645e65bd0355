"""Linear and mixed-integer programs in named blocks: expressions, model, live solver, certificate, prices.

The layer knows nothing about compute alliances: it offers vector-valued affine expressions with numpy's shapes,
blocks of columns and rows that can be named back in the caller's words, and one live HiGHS object.
"""
