"""Post generated flows, check every book and draw every statement; beside it a plain poster in Python decimals, and beancount.

Promise (of the accounting in full): a million flows in under 10 s and 1 GB on 2 cores, the flows themselves included.  The plain
poster books a tenth of them by the plain rules, one flow at a time; both must end with the same balances.  beancount, installed into a
throw-away environment, checks a journal that is exported to its format with what every account must come to; where it cannot be had,
that part says why and is left out.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from offtake.deal.flows import Account, Asset, Firmness, Flow, Layer
from offtake.ledger.accounts import BOOK_ACCOUNTS, CAPITAL, PROFIT_PAIRS, RULES, Kind
from offtake.ledger.beancount import export
from offtake.ledger.books import Books, books
from offtake.ledger.opening import Opening
from offtake.ledger.statements import Statement

FLOWS = 1_000_000
START, DAYS = date(2027, 1, 1), 3652
PARTIES = ("offtaker", "provider", "lender", "chip_vendor", "site_vendor", "utility", "customers", "world")
CENT = Decimal("0.01")
SMALL = 20_000
"""Flows of the journal that beancount checks: it takes minutes for a million."""
BEYOND = frozenset(
    {
        *("prepaid_interest", "contract_liability_interest", "deferred_customer_equity", "deferred_supplier_equity"),
        *(name for pair in PROFIT_PAIRS for name in pair),
    }
)
"""Accounts of rules that the plain poster does not know: interest on prepayments, equity spread over service."""
T = TypeVar("T")


def generate(count: int) -> list[Flow]:
    """Draw flows over ten years: every account, paid in the middle of their service or some days after it."""
    draw = random.Random(20261122)  # noqa: S311  (a fixed sample, not a secret)
    calendar = [START + timedelta(days=k) for k in range(DAYS)]
    accounts, out = tuple(Account), []
    while len(out) < count:
        payer, payee = draw.sample(PARTIES, 2)
        begin = draw.randrange(DAYS - 400)
        end = begin + draw.choice((30, 91, 182, 365))
        account = draw.choice(accounts)
        asset = None
        if account in CAPITAL:
            asset = Asset(kind="any", name="any", in_service=calendar[begin + 30], life_days=1826)
        out.append(
            Flow(
                date=calendar[draw.choice(((begin + end) // 2, end + 20))],
                payer=payer,
                payee=payee,
                amount=Decimal(draw.randrange(10**10)).scaleb(-2),
                currency="USD",
                account=account,
                layer=Layer.CLOUD,
                firmness=Firmness.FIRM,
                cause="generated",
                interval=(calendar[begin], calendar[end]),
                asset=asset,
                in_kind=account is Account.CUSTOMER_EQUITY,
            )
        )
        if account is Account.CUSTOMER_EQUITY:  # the shares themselves, against the value given
            out.append(replace(out[-1], payer=payee, payee=payer, account=Account.EQUITY))
    return out


def by_day(amount: Decimal, start: date, end: date, edges: list[date]) -> list[tuple[date, date, Decimal]]:
    """Spread an amount evenly by day and cut it at the edges."""
    cuts = [start, *(e for e in edges if start < e < end), end]
    life, so_far, out = (end - start).days, Decimal(0), []
    for first, stop in pairwise(cuts):
        reached = (amount * (stop - start).days / life).quantize(CENT, rounding=ROUND_HALF_UP)
        out.append((first, stop - timedelta(days=1), reached - so_far))
        so_far = reached
    return out


def post_plainly(flows: list[Flow], edges: list[date]) -> dict[tuple[str, str], Decimal]:
    """Book flows one by one in decimals; balances by party and account."""
    balance: dict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def entry(day: date, party: str, debit: str, credit: str, amount: Decimal) -> None:
        if day < edges[-1]:
            balance[party, debit] += amount
            balance[party, credit] -= amount

    for flow in flows:
        rule, paid, cash = RULES[flow.account], flow.date, "in_kind" if flow.in_kind else "cash"
        chunks = [(paid, paid, flow.amount)]
        if rule.accrues:
            chunks = by_day(flow.amount, *flow.interval, edges)
        for first, last, amount in chunks:
            if first <= paid <= last:
                entry(paid, flow.payer, rule.payer, cash, amount)
                entry(paid, flow.payee, cash, rule.payee, amount)
            else:
                owed, due = ("payable", "receivable") if last < paid else ("prepaid", "contract_liability")
                entry(last, flow.payer, rule.payer, owed, amount)
                entry(paid, flow.payer, owed, cash, amount)
                entry(last, flow.payee, due, rule.payee, amount)
                entry(paid, flow.payee, cash, due, amount)
        if flow.asset is not None:
            stem = CAPITAL[flow.account]
            start = max(paid, flow.asset.in_service)
            entry(start, flow.payer, f"{stem}_in_service", f"{stem}_under_construction", flow.amount)
            for _, last, amount in by_day(flow.amount, start, flow.asset.in_service + timedelta(days=1826), edges):
                entry(last, flow.payer, f"expense.depreciation_{stem}", f"{stem}_depreciation", amount)
    return balance


def post_and_draw(flows: list[Flow]) -> Books:
    """Post, check and draw everything."""
    kept = books(flows, opening=Opening(date=START), parties=PARTIES)
    for kind in Statement:
        for party in kept.parties:
            kept.statement(party, kind)
        if kind is not Statement.TAX:
            kept.combined(kind)
    return kept


def processor_time(work: Callable[[], T]) -> tuple[T, float]:
    """Do some work three times; give its result and the least processor time [s]."""
    times = []
    for _ in range(3):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return result, min(times)


def main() -> None:
    """Print times, memory and the ratio to the plain poster."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else FLOWS
    flows = generate(count)
    start, begun = time.perf_counter(), time.process_time()
    kept = post_and_draw(flows)
    taken, worked = time.perf_counter() - start, time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count:,} flows, {len(kept.journal):,} postings: {taken:.1f} s of 10 s ({worked:.1f} s of processor), "
        f"peak {peak:,.0f} MB of 1,000 MB"
    )

    part = flows[: count // 10]
    few, vectorised = processor_time(lambda: post_and_draw(part))
    edges = [*few.periods.starts, few.periods.end]
    plain, plainly = processor_time(lambda: post_plainly(part, edges))
    for party in PARTIES:
        cube = few.cube(party)
        for account in BOOK_ACCOUNTS:
            if account.name in BEYOND:
                continue
            ours, theirs = int(cube.balance(account.name)[-1]), plain.get((party, account.name), Decimal(0))
            if Decimal(ours).scaleb(-2) != theirs:
                sys.exit(f"{party} {account.name}: {ours / 100} against {theirs}")
    kinds = ", ".join(sorted({a.kind for a in BOOK_ACCOUNTS} - {Kind.EQUITY}))
    print(
        f"{len(part):,} flows: {vectorised:.2f} s with checks and statements, {plainly:.2f} s plainly without: "
        f"{plainly / vectorised:.1f} times as fast, every balance equal ({kinds}, equity)"
    )
    check_with_beancount(flows[:SMALL], taken / count)


def check_with_beancount(flows: list[Flow], ours_per_flow: float) -> None:
    """Export a journal, let beancount check it with its balances, and print both times a flow."""
    with tempfile.TemporaryDirectory() as folder:
        home, path = Path(folder) / "venv", Path(folder) / "journal.beancount"
        venv.create(home, with_pip=True)
        tool = home / "bin" / "bean-check"
        wanted = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "beancount>=3,<4"]
        got = subprocess.run(wanted, check=False, capture_output=True, text=True)
        if got.returncode or not tool.exists():
            why = (got.stderr.strip().splitlines() or ["bean-check is not in it"])[-1]
            print(f"beancount is left out: it cannot be installed here ({why})")
            return
        kept = post_and_draw(flows)
        count = export(kept, path)
        start = time.perf_counter()
        checked = subprocess.run([str(tool), "--no-cache", str(path)], check=False, capture_output=True, text=True)
        taken = time.perf_counter() - start
        if checked.returncode:
            sys.exit(f"beancount finds fault with the journal:\n{checked.stderr[:2000]}")
    print(
        f"{len(flows):,} flows: beancount checks {count:,} transactions and every balance in {taken:.1f} s, "
        f"{1e6 * taken / len(flows):,.0f} µs a flow against our {1e6 * ours_per_flow:,.1f} µs with posting and statements: "
        f"{taken / len(flows) / ours_per_flow:,.0f} times; it agrees with every balance"
    )


if __name__ == "__main__":
    main()
