"""The journal in another program's words: every line read back and added up."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from decimal import Decimal

from offtake.ledger.beancount import account_name, export
from offtake.ledger.books import books
from offtake.ledger.opening import Opening


def test_an_export_reads_back_to_the_same_balances(flow, tmp_path):
    rows = [
        flow("2027-05-01", "offtaker", "provider", "10.01", "rent", interval=("2027-01-01", "2027-04-01")),
        flow("2027-02-01", "provider", "chip_vendor", "730.00", "capex_chips", asset=("2027-07-01", 730)),
    ]
    kept = books(rows, opening=Opening(date=date(2027, 1, 1), cash={"offtaker": Decimal("100.00")}))
    path = tmp_path / "journal.beancount"
    count = export(kept, path)
    text = path.read_text(encoding="utf-8")
    assert len(re.findall(r"^\d{4}-\d\d-\d\d \* ", text, flags=re.MULTILINE)) == count
    balance, asserted, opened = defaultdict(Decimal), {}, set()
    for entry in re.split(r"^(?=\d{4}-)", text, flags=re.MULTILINE)[1:]:
        head, *lines = entry.splitlines()
        if " open " in head:
            opened.add(head.split()[2])
        elif " balance " in head:
            asserted[head.split()[2]] = Decimal(head.split()[3])
        else:
            amounts = [(line.split()[0], Decimal(line.split()[1])) for line in lines]
            assert sum(a for _, a in amounts) == 0
            for name, amount in amounts:
                balance[name] += amount
    assert balance == asserted
    assert set(balance) == opened
    assert balance["Assets:Provider:Cash"] == Decimal("10.01") - 730
    assert all(
        re.fullmatch(r"(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*){2}", n) for n in opened
    )


def test_names_of_parties_are_made_fit():
    assert account_name("großer_kunde 7", 0) == "Assets:Gro-er-kunde-7:Cash"
