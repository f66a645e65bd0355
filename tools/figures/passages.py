"""Read `passages.txt`: the pages and their passages with a slot for each figure.

It is text and not code, so that a passage is copied from its page as it stands there.
"""

from __future__ import annotations

from pathlib import Path

from tools.figures.pages import Passage

__all__ = ["passages", "passages_in"]


def passages() -> list[Passage]:
    """Read all passages."""
    return passages_in(Path(__file__).with_name("passages.txt").read_text("utf-8"))


def passages_in(text: str) -> list[Passage]:
    r"""Read passages; what stands before the first page is about the file itself.

    Examples
    --------
    >>> passages_in("About.\n\n== a.md\n\n-- its first part\n\nso {gain} bn\nof {all}\n")
    [Passage(page='a.md', text='so {gain} bn of {all}')]
    """
    page, found = "", []
    for part in text.split("\n\n"):
        block = " ".join(part.split())
        if block.startswith("== "):
            page = block.removeprefix("== ")
        elif page and block and not block.startswith("-- "):
            found.append(Passage(page, block))
    return found
