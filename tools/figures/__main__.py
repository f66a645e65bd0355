"""`python -m tools.figures [--check] [--work FOLDER]`: make the figures of the example in the docs again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.figures.pages import Found, PageError, Passage, find, moved, rows_of, written
from tools.figures.passages import passages
from tools.figures.runs import ROOT, facts_of_all
from tools.figures.values import values_of
from tools.figures.words import QUOTED, words_of

SOLVED_ON = "solved_on"
"""The date of the solve is written when another figure of its page is; alone it is no difference."""


def main(arguments: list[str]) -> int:
    """Return 0 where every figure stands as it is or has been written, 1 where `--check` finds another one, 2 for a lost passage."""
    parser = argparse.ArgumentParser(prog="python -m tools.figures", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a figure differs")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "runs" / "figures", help="keeps what is solved (%(default)s)"
    )
    options = parser.parse_args(arguments)
    stated = [*passages(), *(quoted for quoted, _ in QUOTED)]
    texts = {page: (ROOT / page).read_text("utf-8") for page in dict.fromkeys(p.page for p in stated)}
    found, wrong = _found(stated, texts)
    if not wrong:
        values = values_of(facts_of_all(options.work))
        unknown = sorted({figure.name for figure in found} - set(values))
        wrong = [f"passages.txt: nothing computes {name}" for name in unknown]
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 2
    rows = [(figure, now) for figure, now in rows_of(found, values) if figure.name != SOLVED_ON]
    if not options.check:
        for page in {figure.passage.page for figure, _ in rows}:
            here = [figure for figure in found if figure.passage.page == page]
            (ROOT / page).write_text(written(texts[page], here, values), "utf-8")
    _tell(found, rows)
    if rows:
        print("\nWords that hang on figures, and what they stand on now:", *words_of(values), sep="\n")
    return 1 if options.check and rows else 0


def _found(stated: Sequence[Passage], texts: Mapping[str, str]) -> tuple[list[Found], list[str]]:
    """Find all passages, and say which stand not once."""
    found: list[Found] = []
    wrong = []
    for passage in stated:
        try:
            found += find(passage, texts[passage.page])
        except PageError as error:
            wrong.append(str(error))
    return found, wrong


def _tell(found: list[Found], rows: list[tuple[Found, str]]) -> None:
    """Print what differs, and the passages whose words may no longer hold."""
    print(f"{len(found)} figures, {len(rows)} of them other than they stand.")
    table = [("page", "figure", "was", "is"), *((f.passage.page, f.name, f.was, now) for f, now in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    for row in table if rows else ():
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    again = dict.fromkeys(figure.passage for figure, now in rows if moved(figure.was, now))
    if again:
        print("\nMoved by more than 5 %: read the words around again.")
    for passage in again:
        print(f"- {passage.page}: {passage.text}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
