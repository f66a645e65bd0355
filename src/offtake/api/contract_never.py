"""What can never happen under a contract: triggers that cannot fire, rights that no day is left for, dates without effect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from offtake.api.contract_bounds import Doubt, Steps, World, usd
from offtake.dates import Intervals
from offtake.deal.algebra import exactly
from offtake.deal.clauses.customer_equity import CustomerEquity
from offtake.deal.clauses.equity_tranche import EquityTranche
from offtake.deal.clauses.exit_right import ExitRight
from offtake.deal.clauses.extension_option import ExtensionOption
from offtake.deal.clauses.prepayment import Prepayment
from offtake.deal.clauses.spend_commitment import SpendCommitment
from offtake.deal.clauses.warrant import Warrant
from offtake.deal.stakes import sampled
from offtake.deal.triggers import SPEND, Trigger

if TYPE_CHECKING:
    from offtake.deal.contract import Contract
    from offtake.deal.terms import Terms

__all__ = ["idle", "never"]


def never(world: World) -> Iterator[Doubt]:
    """Triggers that no plan can meet in time, and rights that no day is left for."""
    contract = world.contract
    for clause in contract.clauses:
        latest = getattr(clause, "latest", None)
        if isinstance(latest, date) and latest < contract.start:
            said = f"`latest` {latest} lies before the contract's start {contract.start}: it has lapsed before it can be tested"
            yield Doubt("E508", clause.id, ("latest",), said, "move the date")
            continue
        for keys, trigger, last in _triggers(clause, contract):
            out = list(_out_of_reach(world, trigger, last, _room(world, clause, last)))
            if out and (trigger.need == "all" or len(out) == trigger.conditions):
                key, said = out[0]
                said = f"the trigger can never fire: {said}"
                yield Doubt("E508", clause.id, (*keys, key), said, "change it, or leave it out")
        if isinstance(clause, ExtensionOption) and not clause.exercised and _past(world, clause.last):
            said = f"the option could be exercised until {clause.last}, before the valuation date {world.today}: it has lapsed"
            hint = "move the window, write `exercised: true` if it was used, or leave the option out"
            yield Doubt("E508", clause.id, ("last",), said, hint)
        if isinstance(clause, ExitRight):
            today, last = max(world.base.valuation_date, contract.start), contract.last_day()
            first = min(clause.exits(contract, today).values())
            if first >= last:
                said = f"the contract ends {last}, before notice given today has run out on {first}"
                yield Doubt("E508", clause.id, ("notice",), said, "shorten the notice, or leave the right out")


def _past(world: World, day: date) -> bool:
    """Whether a day lies before the valuation date, under a version of the contract that still holds then."""
    return day < world.today and (world.until is None or world.until > world.today)


def _room(world: World, clause: Terms, last: date) -> float:
    """Return the IT power that a trigger of a clause can wait for [MW].

    A warrant has milestones that the sites of a case need not reach: it contradicts itself only above the contract's ceiling.
    """
    return world.ceiling if isinstance(clause, Warrant) and world.ceiling is not None else world.it_mw(last)


def _triggers(clause: Terms, contract: Contract) -> Iterator[tuple[Steps, Trigger, date]]:
    """Yield the triggers of a clause: keys, trigger and the last day on which it is tested."""
    last, latest = contract.last_day(clause), getattr(clause, "latest", None)
    trigger = getattr(clause, "trigger", None)
    if isinstance(trigger, Trigger):
        yield ("trigger",), trigger, min(latest, last) if isinstance(latest, date) else last
    if isinstance(clause, Warrant):
        for k, tranche in enumerate(clause.tranches):
            if tranche.trigger is not None:
                yield ("tranches", k, "trigger"), tranche.trigger, min(clause.expires, last)


def _out_of_reach(world: World, trigger: Trigger, last: date, mw: float) -> Iterator[tuple[str, str]]:
    """Conditions that cannot be met by a day: key and reason."""
    start = max(world.base.valuation_date, world.contract.start)
    if trigger.accepted_mw is not None and trigger.accepted_mw > mw * (1 + 1e-9):
        yield (
            "accepted",
            f"{trigger.accepted_mw:g} MW are to be accepted by {last}, but there can be at most {mw:.6g} MW of IT power",
        )
    if trigger.cumulative_spend_usd is not None and last > start:
        wanted = exactly(trigger.cumulative_spend_usd) - exactly(trigger.spent_before_usd)
        most = _most_spent(world, Intervals((start,), (last,)))
        if most is not None and wanted > most:
            yield "cumulative_spend", f"{usd(wanted)} are to be spent by {last}, but it can be at most {usd(most)}"
    watts = world.it_w.get(str(trigger.chip), 0.0)
    if trigger.count_chip is not None and watts and trigger.count_chip > mw * 1e6 / watts * (1 + 1e-9):
        yield (
            "count",
            f"{trigger.count_chip:g} chips are to be there by {last}, but there is power for {mw * 1e6 / watts:.6g}",
        )
    if trigger.not_before is not None and trigger.not_before > last:
        yield "not_before", f"{trigger.not_before} comes after the last test on {last}"
    if trigger.event is not None and (trigger.event.date is None or trigger.event.date > last):
        yield (
            "event",
            "it has no date"
            if trigger.event.date is None
            else f"{trigger.event.date} comes after the last test on {last}",
        )


def _most_spent(world: World, on: Intervals) -> float | None:
    """Most that all clauses that count as spend can bring, true-ups included."""
    paid = world.spend(on, [(kind, 1.0) for kind in SPEND if kind != "spend_commitment"])
    if paid is None:
        return None
    committed = Fraction(0)
    for clause in world.contract.clauses:
        if isinstance(clause, SpendCommitment):
            _, floors = clause.committed(world.contract)
            committed += max(exactly(clause.total_usd or 0.0), sum(floors, Fraction(0)))
    return paid[0] + float(committed)


def idle(world: World) -> Iterator[Doubt]:
    """Warn of terms that can be meant and have no effect: dates outside the contract, prices that are never reached."""
    contract = world.contract
    for clause in contract.clauses:
        last = contract.last_day(clause)
        if isinstance(clause, Warrant):
            yield from _hurdles(clause, min(clause.expires, last))
        elif isinstance(clause, Prepayment):
            yield from _unused(clause, min(clause.end or last, last))
        elif isinstance(clause, CustomerEquity) and not contract.start <= clause.date < last:
            said = f"the shares are given on {clause.date}, outside the contract from {contract.start} to {last}"
            yield _warned("E502", clause, ("date",), said, "check the date")
        elif isinstance(clause, EquityTranche) and clause.latest is not None and clause.latest > last:
            said = f"`latest` {clause.latest} comes after the last test on {last}, with which the contract ends"
            yield _warned("E502", clause, ("latest",), said, "the trigger is tested no later than that")
        elif (
            isinstance(clause, ExtensionOption) and clause.price_change_frac <= -1 and not clause.prices_usd_per_chip_h
        ):
            said = "every price of the added time is zero"
            yield _warned(
                "E504", clause, ("price_change",), said, "write the change of the price: -10 % is a tenth less"
            )


def _hurdles(clause: Warrant, last: date) -> Iterator[Doubt]:
    """Find hurdles above the share price on every day from the grant on."""
    if clause.granted > last:
        return
    highest = max(sampled(clause.share_price_usd, clause.granted, last).values())
    for k, tranche in enumerate(clause.tranches):
        if tranche.share_price_usd > highest:
            said = (
                f"tranche `{tranche.id}` never vests: a share must reach {tranche.share_price_usd:,.2f} USD, "
                f"but costs at most {highest:,.2f} USD until {last}"
            )
            yield _warned(
                "E508", clause, ("tranches", k, "share_price"), said, "lower it, or change the path of the share price"
            )


def _unused(clause: Prepayment, last: date) -> Iterator[Doubt]:
    """Find payments, and credits, after the last bill."""
    for k, payment in enumerate(clause.payments):
        since = payment.credit_from
        if payment.date >= last:
            said = f"the payment of {payment.date} does not lie before the end on {last}: no bill can use it"
            yield _warned("E502", clause, ("payments", k, "date"), said, "move the date")
        elif since is not None and since >= last:
            said = f"credits begin {since}, not before the end on {last}: no bill can use the payment"
            yield _warned("E502", clause, ("payments", k, "credit_from"), said, "move the date")


def _warned(code: str, clause: Terms, keys: Steps, said: str, hint: str) -> Doubt:
    return Doubt(code, clause.id, keys, said, hint, "warning")
