"""Worlds between two plans: the quantities of one at the prices or under the terms of the other, or some of each.

A payment outside the contract is a price times a quantity on each of its dates; the contract's payments are settled again.  A quantity is
split so that each part can come from either plan:

    q[item, t] = total of its kind * share of the item * profile of the item over time            (volume, mix, timing)
    q[item, t] = capacity that stood ready[t] * use of it[t]                                      (availability)

All arrays are float64[period] of the first path, in natural units; both plans have one grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from offtake.deal.quantities import KINDS, Measure
from offtake.deal.settle import SettleAlgebra
from offtake.plan.payments import payments

if TYPE_CHECKING:
    from offtake.deal.flows import Due
    from offtake.deal.settle import Exact
    from offtake.plan.problem import Float, Problem
    from offtake.plan.result import Plan

__all__ = ["Line", "Quantities", "World", "hybrid", "lines", "money_measures", "supply_differs", "world_of"]

Key = tuple[str, ...]
"""Kind of a quantity and its labels: a measure, or `phases_started[site]` and `accepted_chip[site, chip]` of a plan's decisions."""

Quantities = Mapping[Key, "Float"]

READY = frozenset(
    {
        "site_built_mw",
        "site_opened",
        "site_running_mw_y",
        "delivered_chip",
        "accepted_chip_y",
        "delivery_chip_h",
        "accepted_it_mw",
        "phases_started",
        "accepted_chip",
    }
)
"""Kinds of quantities that say what stood ready, used or not."""

MONEY = frozenset({"channel_revenue_usd", "channel_list_rent_usd", "resale_revenue_usd"})
"""Measures in money: made of quantities and prices, never taken over."""

_SUPPLY_OF_SITES = (
    "ids",
    "energised_mw",
    "interconnected_mw",
    "phase_mw",
    "max_phases",
    "starts_cap",
    "energised_weights",
)
_SUPPLY_OF_CHIPS = (
    "ids",
    "availability_frac",
    "supply_chip",
    "order_open",
    "in_service_weights",
    "delivery_weights",
    "it_w_per_chip",
)


@dataclass(frozen=True, eq=False)
class World:
    """One solved world, as far as its payments need it.

    Parameters
    ----------
    problem : Problem                    prices, terms, rates
    quantities : mapping                 kind and labels -> float64[period]
    rights : mapping                     dotted name -> float64[path, interval], what was exercised
    signed : tuple of bool               by path
    terminal_usd : mapping or None       party -> value at the horizon, as the plan has it; None: by the plan's rule
    """

    problem: Problem
    quantities: Quantities
    rights: Mapping[str, Float]
    signed: tuple[bool, ...]
    terminal_usd: Mapping[str, float] | None = None

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Its payments outside the contract as price times quantity."""
        return lines(self.problem, self.quantities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One due outside the contract: ``amount[k] = price[k] * quantity[period[k]]``.

    Parameters
    ----------
    due : Due                    its parties, dates, account and cause; the amount is that of one unit
    quantity : tuple or None     kind and labels of its quantity; None where the amount is fixed
    price : float64[date]        for one unit in the period, on each date
    period : int64[date]         period of each date
    """

    due: Due[Exact]
    quantity: Key | None
    price: Float
    period: Float

    @property
    def key(self) -> tuple[str, ...]:
        """What the line is, whatever its amount."""
        named = self.due.assets[0].name if self.due.assets else ""
        return (self.due.cause, self.due.account, self.due.payer, self.due.payee, named, *(self.quantity or ()))

    @property
    def of_loans(self) -> bool:
        """Whether it follows a loan's balance."""
        return self.quantity is not None and self.quantity[0] == "money_usd"


def world_of(plan: Plan) -> World:
    """Take from a plan what its payments need."""
    problem, decisions, solved = plan.problem, plan.decisions, plan.solved
    found: dict[Key, Float] = {(m.name, *m.labels): v[0] for m, v in plan.quantities.items()}
    for s, site in enumerate(problem.sites.ids):
        found["phases_started", site] = decisions.starts[0, :, s]
    for f, (s, c) in enumerate(zip(problem.fleets.site, problem.fleets.chip, strict=True)):
        found["accepted_chip", problem.sites.ids[s], problem.chips.ids[c]] = decisions.accepted_chip[0, :, f]
    rights = {name: np.round(expr.value(solved.x)) for name, expr in plan.built.written.rights.items()}
    at_end = {str(party): float(sum(items.values())) for party, items in plan.terminal_usd.items()}
    return World(problem, found, rights, tuple(bool(s) for s in decisions.signed), at_end)


def lines(problem: Problem, quantities: Quantities) -> tuple[Line, ...]:
    """Find the price and the quantity of every payment outside the contract.

    The payments are settled twice: with every quantity 1, which gives the prices, and with every quantity a number of its own, whose
    ratio to the first says which quantity it is.
    """
    measures = [Measure(*k) for k in quantities if k[0] in KINDS]
    periods = len(problem.grid)

    def settled(numbers: Sequence[int]) -> Sequence[Due[Exact]]:
        given = {m: ((n,) * periods,) for m, n in zip(measures, numbers, strict=True)}
        return payments(SettleAlgebra(grid=problem.grid, measures=given, paths=problem.paths[:1]), problem)

    ones, named = settled([1] * len(measures)), settled(range(2, len(measures) + 2))
    period = np.array([problem.grid.index_of(day) for day in problem.pay.starts])
    found = []
    for due, other in zip(ones, named, strict=True):
        ratios = {b / a for a, b in zip(due.amount.rows[0], other.amount.rows[0], strict=True) if a}
        number = int(ratios.pop()) - 2 if len(ratios) == 1 else -1
        measure = measures[number] if number >= 0 else None
        price = np.array([float(v) for v in due.amount.rows[0]])
        key = None if measure is None else (measure.name, *measure.labels)
        found.append(Line(due=due, quantity=key, price=price, period=period))
    return tuple(found)


def supply_differs(a: Problem, b: Problem) -> bool:
    """Whether power, dates of power, chips, their dates or their availability are given otherwise in two problems."""
    pairs = [(getattr(a.sites, n), getattr(b.sites, n)) for n in _SUPPLY_OF_SITES]
    pairs += [(getattr(a.chips, n), getattr(b.chips, n)) for n in _SUPPLY_OF_CHIPS]
    pairs.append((a.fleets.opening_chip, b.fleets.opening_chip))
    return not all(np.array_equal(x, y) for x, y in pairs)


def hybrid(a: World, b: World, from_b: frozenset[str], *, supply: bool) -> dict[Key, Float]:
    """Return quantities of which volume, mix, timing and availability come from A or, where named, from B.

    With `supply` what stood ready is a cause of its own; without, it is volume, mix and timing like the rest.
    """
    ready = b if "availability" in from_b else a
    left, right = (_at(a, ready), _at(b, ready)) if supply else (a.quantities, b.quantities)
    found: dict[Key, Float] = {}
    kinds: dict[tuple[str, str], dict[Key, None]] = {}
    classes = _classes(a.problem) | _classes(b.problem)
    for key in (*left, *right):
        kinds.setdefault((key[0], classes.get(key[:2], key[-1] if key[0] in _BY_CHIP else "")), {})[key] = None
    days = a.problem.grid.days
    for (kind, _), keys in kinds.items():
        state = kind in KINDS and KINDS[kind].sort == "state"
        if kind == "money_usd" or kind in MONEY:
            continue
        nothing = np.zeros(len(a.problem.grid))
        mine = {k: left.get(k, nothing) for k in keys}, {k: right.get(k, nothing) for k in keys}
        if state:
            found.update(mine["timing" in from_b])
        else:
            level = kind in KINDS and KINDS[kind].sort == "level"
            found.update(_mixed(mine, from_b, days if level else np.ones(len(days))))
    return found


_BY_CHIP = frozenset({"delivered_chip", "accepted_chip", "offtake_chip_h", "delivery_chip_h", "accepted_chip_y"})


def _classes(problem: Problem) -> dict[Key, str]:
    """Say which quantities are of one kind: tokens of one class of demand, hours of one chip rented."""
    demand, offers = problem.demand, problem.offers
    tokens = {("tokens_mtok", step): c for step, c in zip(demand.ids, demand.classes, strict=True)}
    chips = [problem.chips.ids[c] for c in offers.chip[offers.step_offer]] if len(offers.step_labels) else []
    return tokens | {("rented_chip_h", step): c for step, c in zip(offers.step_labels, chips, strict=True)}


def _mixed(sides: tuple[dict[Key, Float], dict[Key, Float]], from_b: frozenset[str], weight: Float) -> dict[Key, Float]:
    """Put the total, the shares and the profiles of a kind together; what one side does not say, the other does."""
    which = {cause: int(cause in from_b) for cause in ("volume", "mix", "timing")}
    if len(set(which.values())) == 1:
        return dict(sides[which["volume"]])
    sums = [{k: float(v @ weight) for k, v in side.items()} for side in sides]
    totals = [sum(s.values()) for s in sums]
    of_mix = which["mix"] if totals[which["mix"]] else 1 - which["mix"]
    found = {}
    for key in sides[0]:
        share = sums[of_mix][key] / totals[of_mix] if totals[of_mix] else 0.0
        of_time = which["timing"] if sums[which["timing"]][key] else 1 - which["timing"]
        profile = sides[of_time][key] / sums[of_time][key] if sums[of_time][key] else np.zeros(len(weight))
        found[key] = totals[which["volume"]] * share * profile
    return found


def _at(world: World, ready: World) -> Quantities:
    """Use what another world had ready at this world's rates of use."""
    if ready is world:
        return world.quantities
    found = {k: v for k, v in world.quantities.items() if k[0] not in READY}
    found |= {k: v for k, v in ready.quantities.items() if k[0] in READY}
    rented = _rented_mwh(world)
    whole = _over(_ready_mwh(ready) + rented, _ready_mwh(world) + rented)
    for key, value in found.items():
        if key[0] == "offtake_chip_h":
            chip = ("delivery_chip_h", *key[1:])
            found[key] = value * _over(_of(ready, chip), _of(world, chip))
        elif key[0] == "energy_mw_h":
            found[key] = value * _over(_standing_mw(ready, key[1]), _standing_mw(world, key[1]))
        elif key[0] in ("tokens_mtok", "channel_chip_h"):
            found[key] = value * whole
    return found


def _of(world: World, key: Key) -> Float:
    return world.quantities.get(key, np.zeros(len(world.problem.grid)))


def _over(part: Float, whole: Float) -> Float:
    """Ratio where there is one; 1 where there is nothing to compare with."""
    ratio: Float = np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 1.0)
    return ratio


def _ready_mwh(world: World) -> Float:
    chips = world.problem.chips
    parts = [_of(world, ("delivery_chip_h", c)) * w / 1e6 for c, w in zip(chips.ids, chips.it_w_per_chip, strict=True)]
    return np.sum(parts, axis=0) if parts else np.zeros(len(world.problem.grid))


def _rented_mwh(world: World) -> Float:
    offers, chips = world.problem.offers, world.problem.chips
    watts = chips.it_w_per_chip[offers.chip[offers.step_offer]] if len(offers.step_labels) else ()
    parts = [_of(world, ("rented_chip_h", step)) * w / 1e6 for step, w in zip(offers.step_labels, watts, strict=True)]
    return np.sum(parts, axis=0) if parts else np.zeros(len(world.problem.grid))


def _standing_mw(world: World, site: str) -> Float:
    watts = dict(zip(world.problem.chips.ids, world.problem.chips.it_w_per_chip, strict=True))
    mine = [v * watts[k[2]] / 1e6 for k, v in world.quantities.items() if k[0] == "accepted_chip" and k[1] == site]
    return np.sum(mine, axis=0) if mine else np.zeros(len(world.problem.grid))


def money_measures(priced: Problem, other: Problem, quantities: Quantities) -> dict[Key, Float]:
    """Price the measures in money anew: revenue of channels, list rent of their chip-hours, revenue of resale.

    An item that the priced problem does not have is priced by the other.
    """
    found: dict[Key, Float] = {}

    def add(key: Key, amount: Float) -> None:
        found[key] = found.get(key, np.zeros(len(amount))) + amount

    tokens, rents, resold = ({**_prices(other)[n], **_prices(priced)[n]} for n in range(3))
    channels = {k: c for p in (other, priced) for k, c in zip(p.demand.ids, p.demand.channels, strict=True)}
    for channel in dict.fromkeys((*priced.channels, *other.channels)):
        add(("channel_revenue_usd", channel), np.zeros(len(priced.grid)))
        add(("channel_list_rent_usd", channel), np.zeros(len(priced.grid)))
    add(("resale_revenue_usd",), np.zeros(len(priced.grid)))
    for key, value in quantities.items():
        if key[0] == "tokens_mtok":
            add(("channel_revenue_usd", channels[key[1]]), value * tokens[key[1]])
        elif key[0] == "channel_chip_h":
            add(("channel_list_rent_usd", key[1]), value * rents[key[2]])
        elif key[0] == "resold_chip_h":
            add(("resale_revenue_usd",), value * resold[key[1]])
    return found


def _prices(problem: Problem) -> tuple[dict[str, Float], dict[str, Float], dict[str, Float]]:
    """Prices of tokens by step, list rents by chip and prices of resale by step : float64[period]."""
    demand, chips, resale = problem.demand, problem.chips, problem.resale
    return (
        {step: demand.price_usd_per_mtok[0, :, k] for k, step in enumerate(demand.ids)},
        {chip: chips.list_rent_usd_per_chip_h[0, :, k] for k, chip in enumerate(chips.ids)},
        {step: resale.price_usd_per_chip_h[0, :, k] for k, step in enumerate(resale.step_labels)},
    )
