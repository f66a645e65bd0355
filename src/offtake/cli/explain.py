"""`offtake explain`: where a number came from, or what a code or a word means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from offtake.cli.options import Json
from offtake.errors import OfftakeError

__all__ = ["explain"]

_CODE = re.compile(r"[A-Za-z]\d{3}")


def explain(
    what: str,
    path: str = "",
    /,
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    json: Json = False,
) -> int:
    """Say where a number of a run came from, or what an error code or a word means.

    Parameters
    ----------
    what : str
        A run directory, a code such as E301, a word such as take_or_pay, or a key of the answer such as funding_need_usd.
    path : str
        With a run: the dotted path of a figure in its answer, such as parties.provider.npv_usd, or of an entry of its scenario.
    all_ : bool
        Every path, every input and the tables that the figure is drawn from.
    """
    if not path and _CODE.fullmatch(what):
        return _code(what.upper(), json=json)
    if not path and not _exists(what):
        return _word(what, json=json)
    if not path:
        msg = f"name a figure too: offtake explain {what} parties.provider.npv_usd"
        raise OfftakeError(msg)
    return _figure(what, path, everything=all_, json=json)


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # longer than a name can be, or with a NUL
        return False


def _figure(run: str, path: str, *, everything: bool, json: bool) -> int:
    from offtake import api
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.cli.terminal import print_lines, print_table
    from offtake.report.words import joined, plural

    found = api.explain(run, path)
    if json:
        tables = {t.name: t.rows() for t in found.tables}
        print_json(
            {"schema_version": SCHEMA_VERSION, "run": run, "path": path, "lines": list(found.lines), "tables": tables}
        )
        return 0
    if everything:
        print_lines(*found.lines)
        for table in found.tables:
            print_table(table)
        return 0
    print_lines(*found.brief)
    named = joined([f"{t.name} ({plural(len(t), 'row')})" for t in found.tables])
    drawn = f"Drawn from {named}. " if named else ""
    if drawn or found.brief != found.lines:
        print_lines(f"{drawn}Every path, input and row: offtake explain {run} {_quoted(path)} --all")
    return 0


def _quoted(path: str) -> str:
    """Write a path as a shell takes it."""
    import shlex

    return shlex.quote(path)


def _code(code: str, *, json: bool) -> int:
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.cli.terminal import print_lines
    from offtake.diagnostics import did_you_mean
    from offtake.errors import CODES

    if code not in CODES:
        msg = f"there is no code {code}: {did_you_mean(code, sorted(CODES))}"
        raise OfftakeError(msg)
    entry = CODES[code]
    if json:
        print_json(
            {"schema_version": SCHEMA_VERSION, "code": code, "title": entry.title, "explanation": entry.explanation}
        )
    else:
        print_lines(f"{code} {entry.title}", "", *_wrapped(entry.explanation))
    return 0


def _word(word: str, *, json: bool) -> int:
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.cli.terminal import print_lines
    from offtake.diagnostics import did_you_mean
    from offtake.glossary import GLOSSARY

    name = word.strip().lower().replace("-", "_").replace(" ", "_")
    terms = {bad: term for term in GLOSSARY for bad in term.instead_of} | {term.name: term for term in GLOSSARY}
    if name not in terms and _key(word.strip(), json=json):
        return 0
    if name not in terms:
        hint = did_you_mean(name, list(terms))
        msg = f"{word[:60]!r} is neither a run, nor a code, nor a word of the glossary, nor a key of the answer" + (
            f": {hint}" if hint.startswith("did") else ""
        )
        raise OfftakeError(msg)
    term = terms[name]
    if json:
        print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "word": term.name,
                "meaning": term.meaning,
                "instead_of": list(term.instead_of),
            }
        )
        return 0
    said = [f"Offtake says `{term.name}`, not `{name}`."] if name != term.name else []
    print_lines(term.name, "", *said, *_wrapped(term.meaning))
    if term.instead_of:
        print_lines(f"Used instead of: {', '.join(w.replace('_', ' ') for w in term.instead_of)}.")
    return 0


def _key(key: str, *, json: bool) -> bool:
    """Explain a key of the answer without a run; say whether there is one."""
    from offtake.api.explanation import explain_key
    from offtake.cli.failure import SCHEMA_VERSION
    from offtake.cli.output import print_json
    from offtake.cli.terminal import print_lines

    found = explain_key(key)
    if found is None:
        return False
    if json:
        print_json({"schema_version": SCHEMA_VERSION, "key": key, "lines": list(found.lines)})
    else:
        print_lines(*(line for told in found.lines for line in _wrapped(told)))
        print_lines("", f"With a run, its value too: offtake explain RUN {found.lines[0]}")
    return True


def _wrapped(text: str) -> list[str]:
    import shutil
    import textwrap

    return textwrap.wrap(
        text, min(100, shutil.get_terminal_size().columns), break_on_hyphens=False
    )  # --full is one word
