"""Make the figures of `docs/explanation/plausibility.md`, and those that other texts repeat, again: `python -m tools.figures`.

::

    variants.py     which scenarios are solved, as data
    runs.py         solves each once and keeps what the figures need in a work folder
    facts.py        what is kept of an answer, as plain JSON
    answer.py       reads it: by year, by period, by use
    values*.py      computes every figure by name, in the unit of its page
    passages.txt    the sentences that state them, with a slot for each figure
    words.py        words that hang on figures, for the author to read again
    pages.py        finds a passage in its page, compares, writes
"""
