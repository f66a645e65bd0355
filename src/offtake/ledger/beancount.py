"""Write a journal in the input format of beancount, so that another program can check it.

Every entry of a day is one transaction; a party is a component of the account name; at the end stands a balance assertion for every
account, which beancount checks.  Format: beancount's language syntax, version 3 (https://beancount.github.io/docs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from offtake.ledger.accounts import BOOK_ACCOUNTS, Kind

if TYPE_CHECKING:
    from offtake.ledger.books import Books

__all__ = ["account_name", "export"]

_ROOTS = {
    Kind.ASSET: "Assets",
    Kind.LIABILITY: "Liabilities",
    Kind.EQUITY: "Equity",
    Kind.INCOME: "Income",
    Kind.EXPENSE: "Expenses",
}
_CHUNK = 100_000


def account_name(party: str, account: int) -> str:
    """Name an account of a party as beancount wants it.

    Examples
    --------
    >>> account_name("chip_vendor", 0)
    'Assets:Chip-vendor:Cash'
    """
    found = BOOK_ACCOUNTS[account]
    own = found.name.partition(".")[2] or found.name
    return f"{_ROOTS[found.kind]}:{_component(party)}:{_component(own)}"


def _component(name: str) -> str:
    """Turn a name into a component: letters, digits and dashes, the first one a capital or a digit."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "X"
    return words[0].upper() + words[1:]


def export(kept: Books, path: Path) -> int:
    """Write all postings of some books, and what every account must come to.

    Parameters
    ----------
    path : Path         is replaced

    Returns
    -------
    int                 transactions written
    """
    with path.open("w", encoding="utf-8") as out:
        out.write(f'option "title" "Offtake"\noption "operating_currency" "{kept.policies.currency}"\n')
        out.writelines(_accounts(kept))
        count = 0
        for lines, begun in _transactions(kept):
            out.write("".join(lines))
            count += begun
        out.writelines(_assertions(kept))
    return count


def _used(kept: Books) -> list[tuple[int, int, int]]:
    """Every account that is used: party, account, balance in cents."""
    journal, size = kept.journal, len(BOOK_ACCOUNTS)
    code = journal.party.astype(np.int64) * size + journal.account
    total = np.zeros(len(kept.parties) * size, dtype=np.int64)
    np.add.at(total, code, journal.cents)
    return [(*divmod(int(k), size), int(total[k])) for k in np.unique(code)]


def _accounts(kept: Books) -> Iterator[str]:
    eve = kept.opening.date - timedelta(days=1)
    for party, account, _ in _used(kept):
        yield f"{eve} open {account_name(kept.parties[party], account)} {kept.policies.currency}\n"


def _assertions(kept: Books) -> Iterator[str]:
    """Balances at the start of the day after the last posting."""
    last = int(kept.journal.day.max()) if len(kept.journal) else kept.opening.date.toordinal()
    day = date.fromordinal(last + 1)
    for party, account, cents in _used(kept):
        name = account_name(kept.parties[party], account)
        yield f"{day} balance {name}  {_amount(cents)} {kept.policies.currency}\n"


def _transactions(kept: Books) -> Iterator[tuple[list[str], int]]:
    """Blocks of lines, each with the number of transactions that begin in it."""
    journal = kept.journal
    order = np.lexsort((journal.entry, journal.day))
    names = [[account_name(p, a) for a in range(len(BOOK_ACCOUNTS))] for p in kept.parties]
    before = (-1, -1)
    for start in range(0, order.size, _CHUNK):
        rows = order[start : start + _CHUNK]
        columns = (
            journal.day[rows],
            journal.entry[rows],
            journal.party[rows],
            journal.account[rows],
            journal.cents[rows],
        )
        lines, begun = [], 0
        for day, entry, party, account, cents in zip(*(c.tolist() for c in columns), strict=True):
            if (day, entry) != before:
                before = (day, entry)
                begun += 1
                lines.append(f'{date.fromordinal(day)} * "{entry}"\n')
            lines.append(f"  {names[party][account]}  {_amount(cents)} {kept.policies.currency}\n")
        yield lines, begun


def _amount(cents: int) -> str:
    sign, size = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{size // 100}.{size % 100:02d}"
