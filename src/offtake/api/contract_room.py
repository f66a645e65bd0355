"""Promises above what there is room for: volumes above the ceiling, floors above all spend, caps below floors, shares above the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from offtake.api.contract_bounds import Doubt, Steps, World, usd
from offtake.deal.algebra import exactly
from offtake.deal.clauses.delivery_delay import DeliveryDelay
from offtake.deal.clauses.extension_option import ExtensionOption
from offtake.deal.clauses.reservation import Reservation
from offtake.deal.clauses.revenue_share import RevenueShare, Share
from offtake.deal.clauses.spend_commitment import SpendCommitment
from offtake.deal.clauses.take_or_pay import TakeOrPay

if TYPE_CHECKING:
    from offtake.deal.tranches import Tranche
    from offtake.spec.series import Series

__all__ = ["capped", "promised", "shared"]

DAYS_PER_YEAR = 365
"""Days that a floor per year is spread over."""

_CLOSE = 1e-9  # sums of shares and of powers are exact but for rounding


def promised(world: World) -> Iterator[Doubt]:
    """Find commitments that no use of the capacity could ever meet."""
    contract = world.contract
    relieved = any(isinstance(c, DeliveryDelay) for c in contract.clauses)
    can_go = any(isinstance(c, ExtensionOption) for c in contract.clauses)
    for clause in contract.clauses:
        if isinstance(clause, TakeOrPay | Reservation) and world.ceiling is not None:
            yield from _above_ceiling(clause, world, world.ceiling, relieved=relieved)
        if isinstance(clause, SpendCommitment) and not relieved and not can_go:
            yield from _above_spend(clause, world)


def _above_ceiling(
    clause: TakeOrPay | Reservation, world: World, ceiling_mw: float, *, relieved: bool
) -> Iterator[Doubt]:
    """Find volumes above the ceiling: those of single tranches, and their sums by day unless there is relief.

    Megawatts are over all chips, so that they are not added to the volumes in chips.
    """
    hint = "raise `capacity_ceiling`, or lower the " + ("minimum" if isinstance(clause, TakeOrPay) else "volume")
    alone = False
    for k, tranche in enumerate(clause.slices):
        most = max(tranche.series.values) * _mw_each(tranche, world)
        if most > ceiling_mw * (1 + _CLOSE) and (tranche.chip is None or not relieved):
            alone = True
            key = "it_power" if tranche.chip is None else "count"
            keys: Steps = (
                ("minimum",) if isinstance(clause, TakeOrPay) and not clause.tranches else ("tranches", k, key)
            )
            what = "a minimum of" if isinstance(clause, TakeOrPay) else "a reservation of"
            if tranche.chip is not None:
                what += f" {max(tranche.series.values):,.0f} chips, which take"
            said = f"{what} {most:.6g} MW lies above the contract's ceiling of {ceiling_mw:g} MW: it can never be made available"
            yield Doubt("E506", clause.id, keys, said, hint)
    if not alone and not relieved:
        for in_chips in (False, True):
            yield from _sum_above(clause, world, ceiling_mw, hint, in_chips=in_chips)


def _sum_above(
    clause: TakeOrPay | Reservation, world: World, ceiling_mw: float, hint: str, *, in_chips: bool
) -> Iterator[Doubt]:
    """Find the first day on which tranches of one clause come to more than the ceiling."""
    first, last = clause.start or world.contract.start, clause.end or world.contract.end
    those = [(k, t) for k, t in enumerate(clause.slices) if (t.chip is not None) == in_chips]
    days = {d for _, t in those for d in (t.start or first, *t.series.days)}
    for day in sorted(days):
        held = [(k, t) for k, t in those if (t.start or first) <= day < (t.end or last)]
        mw = sum(t.series.at(day) * _mw_each(t, world) for _, t in held)
        if mw > ceiling_mw * (1 + _CLOSE):
            names = ", ".join(f"`{t.id}`" for _, t in held)
            said = f"the tranches {names} come to {mw:.6g} MW from {day}, above the contract's ceiling of {ceiling_mw:g} MW"
            yield Doubt("E506", clause.id, ("tranches", held[-1][0]), f"{said}: it can never be made available", hint)
            return


def _mw_each(tranche: Tranche, world: World) -> float:
    """Return the IT power of one unit of a tranche's volume [MW]."""
    return 1.0 if tranche.chip is None else world.it_w.get(tranche.chip, 0.0) / 1e6


def _above_spend(clause: SpendCommitment, world: World) -> Iterator[Doubt]:
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
                f"{usd(floor)} are to be spent from {on.starts[k]} to {on.ends[k]}, but all the capacity that there can be then "
                f"costs at most {usd(most[k])} at the contract's prices"
            )
            keys = ("floors", k) if clause.floors_usd else ("floor",)
            yield Doubt("E506", clause.id, keys, said, "lower the floor, or give relief with a `delivery_delay` clause")
            return
    left = [m for m, end in zip(most, on.ends, strict=True) if end > today]
    total = exactly(clause.total_usd or 0.0) - exactly(clause.counted_usd)
    if total > sum(left):
        said = f"{usd(total)} are left to be spent, but all the capacity until {on.end} costs at most {usd(sum(left))}"
        yield Doubt(
            "E506", clause.id, ("total",), said, "lower the total, or give relief with a `delivery_delay` clause"
        )


def capped(world: World) -> Iterator[Doubt]:
    """Find caps below what is to be paid at least."""
    contract = world.contract
    for clause in contract.clauses:
        if isinstance(clause, RevenueShare):
            for share, keys in _ways(clause):
                left = None if share.cap_usd is None else share.cap_usd - share.paid_before_usd
                if left is None:
                    continue
                hint, never = "raise `cap`, or lower `floor`", f"but never more than {usd(max(left, 0.0))} in all"
                first, last = _time(clause, world)
                owed = share.floor_usd_per_y * max(0, (last - max(first, world.today)).days) / DAYS_PER_YEAR
                if share.floor_usd_per_y > left:
                    said = f"at least {usd(share.floor_usd_per_y)} a year are owed, {never}"
                    yield Doubt("E504", clause.id, (*keys, "cap"), said, hint)
                elif owed > left * (1 + _CLOSE):
                    said = f"at least {usd(share.floor_usd_per_y)} a year are owed, {usd(owed)} until {last}, {never}"
                    yield Doubt("E504", clause.id, (*keys, "cap"), said, hint)
        if isinstance(clause, SpendCommitment) and set(clause.counts_at_most_usd) >= set(clause.counts_frac):
            most = sum(clause.counts_at_most_usd.values())
            _, floors = clause.committed(contract)
            if floors and max(floors) > most and clause.carry_forward is None:
                said = f"at most {usd(most)} of an interval's spend counts, but {usd(max(floors))} must"
                yield Doubt(
                    "E504", clause.id, ("counts_at_most",), said, "raise what counts at most, or lower the floor"
                )


def shared(world: World) -> Iterator[Doubt]:
    """Find channels of which one party is owed more than all revenue."""
    rates: dict[tuple[str, str], list[tuple[RevenueShare, Steps, Series]]] = {}
    for clause in world.contract.clauses:
        if isinstance(clause, RevenueShare):
            for share, keys in _ways(clause):
                payer: str = clause.payee if keys else clause.payer
                for channel, rate in share.rates_frac.items() if share.base == "revenue" else ():
                    rates.setdefault((channel, payer), []).append((clause, (*keys, "rates", channel), rate))
    for (channel, payer), those in rates.items():
        days = {d for clause, _, rate in those for d in (_time(clause, world)[0], *rate.days)}
        for day in sorted(days):
            held = [(c, keys, r.at(day)) for c, keys, r in those if _time(c, world)[0] <= day < _time(c, world)[1]]
            whole = sum(rate for _, _, rate in held)
            if whole > 1 + _CLOSE:
                names = ", ".join(f"`{c.id}`" for c, _, _ in held)
                said = f"the {payer} owes {100 * whole:.6g} % of the revenue of channel `{channel}` from {day} under {names}"
                yield Doubt(
                    "E504",
                    held[-1][0].id,
                    held[-1][1],
                    said,
                    "lower the rates to 100 % in all, or give the clauses dates",
                )
                break


def _ways(clause: RevenueShare) -> list[tuple[Share, Steps]]:
    """Return the share of each direction and its keys."""
    back: list[tuple[Share, Steps]] = [(clause.back, ("back",))] if clause.back else []
    return [(clause, ()), *back]


def _time(clause: RevenueShare, world: World) -> tuple[date, date]:
    """Return the first day of a clause under this version of the contract, and the day after its last."""
    contract = world.contract
    first, last = clause.start or contract.start, clause.end or contract.end
    return max(first, world.since or first), min(last, world.until or last)
