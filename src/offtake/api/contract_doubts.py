"""Contracts that cannot be meant: promises above what there is room for, rights that overlap, triggers that can never fire, circles.

What is compared are bounds that no plan can pass: the power of the contract's ceiling, or of all interconnections by then, and the money
that so much power can cost at the contract's highest prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING

from offtake.dates import HOURS_PER_DAY, Intervals
from offtake.deal.algebra import exactly
from offtake.deal.clauses.chip_price import ChipPrice
from offtake.deal.clauses.delivery_delay import DeliveryDelay
from offtake.deal.clauses.exit_right import ExitRight
from offtake.deal.clauses.extension_option import ExtensionOption
from offtake.deal.clauses.revenue_share import RevenueShare, Share
from offtake.deal.clauses.spend_commitment import SpendCommitment
from offtake.deal.clauses.take_or_pay import TakeOrPay
from offtake.deal.terms import HOURS_PER_YEAR, Terms, matches, means
from offtake.deal.triggers import SPEND, Trigger
from offtake.spec.locate import at_node
from offtake.spec.tree import child, id_of, items_of

if TYPE_CHECKING:
    from offtake.deal.contract import Contract
    from offtake.diagnostics import Diagnostic
    from offtake.spec.scenario import Scenario
    from offtake.spec.tree import Mapping

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """One contradiction: which clause, which of its keys, and what is wrong."""

    code: str
    clause: str
    keys: tuple[str | int, ...]
    message: str
    hint: str = ""


def contract_mistakes(base: Scenario, contract: Contract, tree: Mapping) -> Iterator[Diagnostic]:
    """Report contradictions of every version of a contract that can be read, each at its place in the file."""
    said: set[tuple[str, str]] = set()
    for number, version in enumerate(contract.versions, start=1):
        world = _World(base, version)
        for doubt in (*_overlaps(version), *_floors(world), *_caps(version), *_never(world)):
            if (doubt.clause, doubt.message) not in said:
                said.add((doubt.clause, doubt.message))
                steps = where(tree, doubt.clause, number)
                yield at_node(tree, (*steps, *doubt.keys), doubt.code, doubt.message, doubt.hint)


def where(tree: Mapping, clause: str, version: int) -> Steps:
    """Return the steps to the place in the file that wrote a clause as it stands in a version of the contract."""
    for k in range(version - 2, -1, -1):
        if child(tree, "contract", "amendments", k, "changes", clause) is not None:
            return ("contract", "amendments", k, "changes", clause)
        for n, node in items_of(child(tree, "contract", "amendments", k, "add")):
            if id_of(node) == clause:
                return ("contract", "amendments", k, "add", n)
    for k, node in items_of(child(tree, "contract", "clauses")):
        if id_of(node) == clause:
            return ("contract", "clauses", k)
    return ("contract",)


# -- rights and prices over the same time --------------------------------------------------------------------------------


def _overlaps(contract: Contract) -> Iterator[Doubt]:
    """Two clauses that give the same right, or two prices of the same hours."""
    for a, b in combinations(contract.clauses, 2):
        if isinstance(a, ExitRight) and isinstance(b, ExitRight):
            both = {a.party, b.party}
            if len(both) == 1 or "either" in both:
                who = b.party if b.party != "either" else a.party
                yield Doubt(
                    "E507", b.id, (), f"`{a.id}` already lets the {who} end the contract", "keep one of the two"
                )
        elif isinstance(a, ExtensionOption) and isinstance(b, ExtensionOption):
            (one,), (two,) = a.stretches(contract), b.stretches(contract)
            if one.start < two.end and two.start < one.end:
                hint = f"write `follows: {a.id}` for more time after that, or leave one out"
                yield Doubt("E507", b.id, (), f"`{a.id}` already adds the time from {one.start} to {one.end}", hint)
        elif isinstance(a, ChipPrice) and isinstance(b, ChipPrice):
            yield from _priced_twice(a, b, contract)


def _priced_twice(a: ChipPrice, b: ChipPrice, contract: Contract) -> Iterator[Doubt]:
    start = max(a.start or contract.start, b.start or contract.start)
    end = min(a.end or contract.end, b.end or contract.end)
    if start >= end:
        return
    for chip in b.prices_usd_per_chip_h:
        if chip in a.prices_usd_per_chip_h:
            said = f"`{a.id}` already prices hours of `{chip}` from {start} to {end}: they would be paid twice"
            yield Doubt(
                "E507", b.id, ("prices", chip), said, "leave the chip out of one clause, or give the clauses dates"
            )


# -- what there is room for ------------------------------------------------------------------------------------------------


class _World:
    """Bounds on power, chips and money under one version of a contract."""

    def __init__(self, base: Scenario, contract: Contract) -> None:
        self.base, self.contract = base, contract
        self.it_w = {c.id: float(c.it_power_w_per_chip or 0.0) for c in base.chips}
        self.ceiling = base.contract.capacity_ceiling_mw if base.contract is not None else None

    def it_mw(self, by: date) -> float:
        """Most IT power that the offtaker can use until a day."""
        sites = 0.0
        for site in self.base.sites:
            series = site.interconnected_mw
            known = (
                [site.energised_mw]
                if series is None
                else [series.at(by), *(v for d, v in zip(series.days, series.values, strict=True) if d < by)]
            )
            sites += max(known) / (site.peak_ratio or 1.0)
        return sites if self.ceiling is None else min(sites, self.ceiling)

    def spend(self, on: Intervals, counts: Sequence[tuple[str, float]]) -> list[float] | None:
        """Most that can be paid in each interval under clauses with a share that counts; None where that is not known."""
        total = [0.0] * len(on)
        for clause in self.contract.clauses:
            share = max((s for which, s in counts if matches(clause, (which,))), default=0.0)
            if not share:
                continue
            rate = self._usd_per_mwh(clause, on)
            if rate is None:
                return None
            for k, end in enumerate(on.ends):
                total[k] += share * rate[k] * self.it_mw(end) * HOURS_PER_DAY * float(on.days[k])
        return total

    def _usd_per_mwh(self, clause: Terms, on: Intervals) -> list[float] | None:
        """Highest price of a MWh of IT power under a clause, by interval."""
        prices: list[list[float]] = []
        if isinstance(clause, ChipPrice):
            for chip in clause.prices_usd_per_chip_h:
                listed = clause.base_price(chip, on, self.contract.start)
                prices.append([float(p) * 1e6 / self.it_w[chip] for p in listed] if self.it_w.get(chip) else [])
        elif isinstance(clause, TakeOrPay):
            for tranche in clause.slices:
                if tranche.rate_usd_per_mw_y is not None:
                    prices.append([float(p) / HOURS_PER_YEAR for p in means(tranche.rate_usd_per_mw_y, on)])
                elif tranche.price_usd_per_chip_h is not None and self.it_w.get(str(tranche.chip)):
                    per = 1e6 / self.it_w[str(tranche.chip)]
                    prices.append([float(p) * per for p in means(tranche.price_usd_per_chip_h, on)])
                else:
                    return None
        else:
            return None
        if not all(prices):
            return None
        return [max(p[k] for p in prices) for k in range(len(on))] if prices else [0.0] * len(on)


def _floors(world: _World) -> Iterator[Doubt]:
    """Find commitments that no use of the capacity could ever meet."""
    contract = world.contract
    relieved = any(isinstance(c, DeliveryDelay) for c in contract.clauses)
    can_go = any(isinstance(c, ExtensionOption) for c in contract.clauses)
    for clause in contract.clauses:
        if isinstance(clause, TakeOrPay) and world.ceiling is not None:
            yield from _above_ceiling(clause, world.ceiling)
        if isinstance(clause, SpendCommitment) and not relieved and not can_go:
            yield from _above_spend(clause, world)


def _above_ceiling(clause: TakeOrPay, ceiling_mw: float) -> Iterator[Doubt]:
    for k, tranche in enumerate(clause.slices):
        most = max(tranche.it_power_mw.values) if tranche.it_power_mw is not None else 0.0
        if most > ceiling_mw:
            keys: tuple[str | int, ...] = ("tranches", k, "it_power") if clause.tranches else ("minimum",)
            said = f"a minimum of {most:g} MW lies above the contract's ceiling of {ceiling_mw:g} MW: it can never be made available"
            yield Doubt("E506", clause.id, keys, said, "raise `capacity_ceiling`, or lower the minimum")


def _above_spend(clause: SpendCommitment, world: _World) -> Iterator[Doubt]:
    on, floors = clause.committed(world.contract)
    counts = list(clause.counts_frac.items())
    most = world.spend(on, counts)
    if most is None:
        return
    today = world.base.valuation_date
    held = float(clause.counted_this_interval_usd) + (clause.carry_forward.opening_usd if clause.carry_forward else 0.0)
    for k, floor in enumerate(floors):
        if on.starts[k] >= today and floor > most[k] + held and clause.carry_forward is None:
            said = (
                f"{_usd(floor)} are to be spent from {on.starts[k]} to {on.ends[k]}, but all the capacity that there can be then "
                f"costs at most {_usd(most[k])} at the contract's prices"
            )
            keys = ("floors", k) if clause.floors_usd else ("floor",)
            yield Doubt("E506", clause.id, keys, said, "lower the floor, or give relief with a `delivery_delay` clause")
            return
    left = [m for m, end in zip(most, on.ends, strict=True) if end > today]
    total = exactly(clause.total_usd or 0.0) - exactly(clause.counted_usd)
    if total > sum(left):
        said = (
            f"{_usd(total)} are left to be spent, but all the capacity until {on.end} costs at most {_usd(sum(left))}"
        )
        yield Doubt(
            "E506", clause.id, ("total",), said, "lower the total, or give relief with a `delivery_delay` clause"
        )


def _caps(contract: Contract) -> Iterator[Doubt]:
    """Caps below what is to be paid at least."""
    for clause in contract.clauses:
        if isinstance(clause, RevenueShare):
            ways: list[tuple[Share, tuple[str, ...]]] = [(clause, ())] + (
                [(clause.back, ("back",))] if clause.back else []
            )
            for share, keys in ways:
                left = None if share.cap_usd is None else share.cap_usd - share.paid_before_usd
                if left is not None and share.floor_usd_per_y > left:
                    said = f"at least {_usd(share.floor_usd_per_y)} a year are owed, but never more than {_usd(max(left, 0.0))} in all"
                    yield Doubt("E504", clause.id, (*keys, "cap"), said, "raise `cap`, or lower `floor`")
        if isinstance(clause, SpendCommitment) and set(clause.counts_at_most_usd) >= set(clause.counts_frac):
            most = sum(clause.counts_at_most_usd.values())
            _, floors = clause.committed(contract)
            if floors and max(floors) > most and clause.carry_forward is None:
                said = f"at most {_usd(most)} of an interval's spend counts, but {_usd(max(floors))} must"
                yield Doubt(
                    "E504", clause.id, ("counts_at_most",), said, "raise what counts at most, or lower the floor"
                )


# -- triggers ----------------------------------------------------------------------------------------------------------------


def _never(world: _World) -> Iterator[Doubt]:
    """Triggers that no plan can meet in time, and rights that no day is left for."""
    contract = world.contract
    for clause in contract.clauses:
        trigger, latest = getattr(clause, "trigger", None), getattr(clause, "latest", None)
        if isinstance(latest, date) and latest < contract.start:
            said = f"`latest` {latest} lies before the contract's start {contract.start}: it has lapsed before it can be tested"
            yield Doubt("E508", clause.id, ("latest",), said, "move the date")
        elif isinstance(trigger, Trigger):
            last = min(latest, contract.last_day(clause)) if isinstance(latest, date) else contract.last_day(clause)
            out = list(_out_of_reach(world, trigger, last))
            if out and (trigger.need == "all" or len(out) == trigger.conditions):
                key, said = out[0]
                yield Doubt(
                    "E508",
                    clause.id,
                    ("trigger", key),
                    f"the trigger can never fire: {said}",
                    "change it, or leave it out",
                )
        if isinstance(clause, ExitRight):
            today, last = max(world.base.valuation_date, contract.start), contract.last_day()
            first = min(clause.exits(contract, today).values())
            if first >= last:
                said = f"the contract ends {last}, before notice given today has run out on {first}"
                yield Doubt("E508", clause.id, ("notice",), said, "shorten the notice, or leave the right out")


def _out_of_reach(world: _World, trigger: Trigger, last: date) -> Iterator[tuple[str, str]]:
    """Conditions that cannot be met by a day: key and reason."""
    start = max(world.base.valuation_date, world.contract.start)
    mw = world.it_mw(last)
    if trigger.accepted_mw is not None and trigger.accepted_mw > mw * (1 + 1e-9):
        yield (
            "accepted",
            f"{trigger.accepted_mw:g} MW are to be accepted by {last}, but there can be at most {mw:.6g} MW of IT power",
        )
    if trigger.cumulative_spend_usd is not None and last > start:
        wanted = exactly(trigger.cumulative_spend_usd) - exactly(trigger.spent_before_usd)
        most = _most_spent(world, Intervals((start,), (last,)))
        if most is not None and wanted > most:
            yield "cumulative_spend", f"{_usd(wanted)} are to be spent by {last}, but it can be at most {_usd(most)}"
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


def _most_spent(world: _World, on: Intervals) -> float | None:
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


def _usd(value: float | Fraction) -> str:
    """Money with three digits.

    Examples
    --------
    >>> _usd(1_234_000_000), _usd(50e6), _usd(12.5)
    ('1.23 bn USD', '50 M USD', '12.5 USD')
    """
    size = float(value)
    for scale, name in ((1e9, "bn "), (1e6, "M "), (1e3, "k ")):
        if abs(size) >= scale:
            return f"{size / scale:.3g} {name}USD"
    return f"{size:.3g} USD"
