"""Why two plans differ in value, cash and megawatts: the difference split by cause, so that the parts add up to it exactly.

The causes are read off the two answers, not solved for: A's quantities are settled at B's prices or under B's terms and the other way
round, and the parts are Shapley values over all orders of changing the causes (`offtake.risk.shapley`).

price         unit prices, dated fixed amounts, and the clauses that state prices per chip-hour
volume        how much of each kind over the horizon: tokens of a class, hours and numbers of a chip, megawatts, megawatt-hours
mix           which items of a kind: sites, demand steps, channels, offers
timing        when: the same total at other dates
availability  what stood ready, power and chips, and the use that goes with it; a cause of its own only where the two scenarios give
              power, chips, their dates or their availability otherwise.  Else a plan that builds otherwise has changed its volume
terms         every other clause, whether it is signed, and the rights used under it
valuation     the discount rate and the years of margin that count at the horizon
financing     loans of either party, which follow from all of the above

A plan answers a new price or term with other quantities: that answer stands under volume, mix and timing, not under price or terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from offtake.dates import Intervals, discount_factors
from offtake.deal.contract import owed
from offtake.deal.quantities import KINDS, Measure
from offtake.deal.settle import SettleAlgebra, flows_of
from offtake.deal.terms import PriceList
from offtake.errors import OfftakeError
from offtake.lp.affine import Affine
from offtake.money import CENT
from offtake.plan import scales
from offtake.plan.contracts import contract_of, facts_of
from offtake.plan.objective import counts
from offtake.plan.payments import payments
from offtake.plan.problem import PARTIES
from offtake.plan.terminal import terminal_items
from offtake.risk.hybrids import World, hybrid, money_measures, supply_differs
from offtake.risk.shapley import shapley

if TYPE_CHECKING:
    from offtake.deal.contract import Contract
    from offtake.deal.flows import Due
    from offtake.deal.settle import Exact
    from offtake.plan.problem import Float, Problem
    from offtake.risk.hybrids import Key

__all__ = ["CAUSES", "Pair", "Part", "attribute"]

CAUSES = ("price", "volume", "mix", "timing", "availability", "terms", "valuation", "financing")

Figure = tuple[str, str, int]
"""What, whose ("" for nobody's), calendar year (0: over the horizon)."""

_WATT = 1_000_000
"""Grains of a megawatt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One run, or one case of it: its world with the alliance and without."""

    alliance: World
    without: World


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One figure of two runs and the difference by cause.

    Parameters
    ----------
    figure : str     "gain" against no alliance, "value", "cash", "mean power", "peak power"
    party : str      offtaker or provider; "" for power
    year : int       calendar year; 0 for the whole horizon
    unit : str       "USD" or "MW"
    a, b : float     the figure of either run
    parts : mapping  cause -> part; they add up to b - a to the cent (power: to the watt)
    """

    figure: str
    party: str
    year: int
    unit: str
    a: float
    b: float
    parts: Mapping[str, float]


def attribute(a: Pair, b: Pair) -> tuple[Part, ...]:
    """Split what differs between two runs by cause.

    Raises
    ------
    OfftakeError    where they have not one grid of periods
    """
    grids = [w.problem.grid for w in (a.alliance, b.alliance)]
    if (grids[0].starts, grids[0].ends) != (grids[1].starts, grids[1].ends):
        raise OfftakeError(
            "the two runs have different periods; plan both on one grid to split the difference by cause"
        )
    start, end, with_ = _split(a.alliance, b.alliance)
    start_0, end_0, without = _split(a.without, b.without)
    found = []
    for party in PARTIES:
        key: Figure = ("value", party, 0)
        parts = {c: with_[key].get(c, 0) - without[key].get(c, 0) for c in CAUSES}
        found.append(_part(("gain", party, 0), start[key] - start_0[key], end[key] - end_0[key], parts))
    for key, parts in with_.items():
        found.append(_part(key, start[key], end[key], parts))
    return tuple(found)


def _part(figure: Figure, a: int, b: int, parts: Mapping[str, int]) -> Part:
    name, party, year = figure
    grain = _WATT if "power" in name else 100
    whole = {c: parts.get(c, 0) / grain for c in CAUSES}
    return Part(
        figure=name,
        party=party,
        year=year,
        unit="MW" if "power" in name else "USD",
        a=a / grain,
        b=b / grain,
        parts=whole,
    )


Grains = dict[Figure, int]


def _split(a: World, b: World) -> tuple[Grains, Grains, dict[Figure, dict[str, int]]]:
    """Return the figures of both worlds and the difference by cause, in grains."""
    supply = supply_differs(a.problem, b.problem)
    causes = _active(a, b, supply=supply)
    exact = {frozenset[str](): _exact(a), frozenset(causes): _exact(b)}
    if not causes:
        exact = {frozenset(): _exact(a)}
    loans = _loans(a), _loans(b)

    def figures(from_b: frozenset[str]) -> Grains:
        return exact[from_b] if from_b in exact else _between(a, b, from_b, supply=supply)

    parts = shapley(causes, figures)
    start, end = exact[frozenset()], exact[frozenset(causes)]
    revalued = _revalued_loans(a, b) if "valuation" in causes else {}
    for key in start:
        valuation = revalued.get(key, 0)
        parts[key]["financing"] = loans[1].get(key, 0) - loans[0].get(key, 0) - valuation
        if valuation:
            parts[key]["valuation"] += valuation
    both = [{k: v + loan.get(k, 0) for k, v in found.items()} for found, loan in zip((start, end), loans, strict=True)]
    return both[0], both[1], parts


def _active(a: World, b: World, *, supply: bool) -> tuple[str, ...]:
    """Name the causes in which two worlds differ at all."""
    active = {
        "price": _prices_differ(a, b),
        "terms": _terms_of(a) != _terms_of(b) or not _same(a.rights, b.rights),
        "valuation": _valuation(a.problem) != _valuation(b.problem),
    }
    for cause in ("volume", "mix", "timing", "availability"):
        moved = frozenset({cause})
        one, other = hybrid(a, b, moved, supply=supply), hybrid(b, a, moved, supply=supply)
        still = hybrid(a, b, frozenset(), supply=supply), hybrid(b, a, frozenset(), supply=supply)
        active[cause] = not (_same(one, still[0]) and _same(other, still[1]))
    active["availability"] = active["availability"] and supply
    return tuple(c for c in CAUSES if active.get(c))


def _same(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    """Whether two sets of arrays are equal but for the last digits; what is absent is zero."""
    for key in {**one, **other}:
        x, y = (np.asarray(side.get(key, 0.0), dtype=float) for side in (one, other))
        if x.shape != y.shape and x.size > 1 and y.size > 1:
            return False
        if not np.allclose(x, y, rtol=1e-11, atol=0.0):
            return False
    return True


def _valuation(problem: Problem) -> tuple[float, ...]:
    return (problem.goal.rate_frac_per_y, *(problem.finance[p].terminal_margin_years for p in PARTIES))


def _terms_of(world: World) -> tuple[Any, ...]:
    """Everything of a contract but its price clauses."""
    contract = contract_of(world.problem)
    if contract is None:
        return (None,)
    rest = replace(contract, clauses=tuple(c for c in contract.clauses if not isinstance(c, PriceList)))
    return (rest, sorted(_price_clauses(world)), world.signed)


def _prices_differ(a: World, b: World) -> bool:
    """Whether any price differs: of a line, of a clause, or of what is left at the horizon."""
    one, other = ({line.key: line.price for line in w.lines if not line.of_loans} for w in (a, b))
    ends = [
        {
            ("left",): p.chips.left_usd_per_chip,
            ("rent",): p.chips.list_rent_usd_per_chip_h,
            ("shell",): p.sites.shell_usd_per_mw,
            ("part",): np.array([p.goal.site_value_frac, p.goal.opening_sites_usd]),
            ("stock",): p.fleets.opening_left_usd,
        }
        for p in (a.problem, b.problem)
    ]
    mine, theirs = _price_clauses(a), _price_clauses(b)
    clauses = set(mine) == set(theirs) and mine != theirs  # else they are terms
    return clauses or not (_same(one, other) and _same(ends[0], ends[1]))


def _price_clauses(world: World) -> dict[str, Any]:
    contract = contract_of(world.problem)
    return {} if contract is None else {c.id: c for c in contract.clauses if isinstance(c, PriceList)}


def _contract(prices: World, terms: World) -> Contract | None:
    """Return the terms of one world with the price clauses of the other, where both have the same ones."""
    contract = contract_of(terms.problem)
    mine, theirs = _price_clauses(terms), _price_clauses(prices)
    if contract is None or set(mine) != set(theirs):
        return contract
    return replace(contract, clauses=tuple(cast("Any", theirs.get(c.id, c)) for c in contract.clauses))


def _outside(world: World) -> tuple[SettleAlgebra, list[tuple[Due[Exact], bool]]]:
    """Settle what is outside the contract; each due with whether it is of a loan."""
    problem = world.problem
    measures = {Measure(*k): [v.tolist()] for k, v in world.quantities.items() if k[0] in KINDS}
    algebra = SettleAlgebra(grid=problem.grid, measures=measures, paths=problem.paths[:1])
    found = payments(algebra, problem)
    return algebra, [(due, line.of_loans) for due, line in zip(found, world.lines, strict=True)]


def _exact(world: World) -> Grains:
    """Figures of a solved world from its exact settlement, loans left out."""
    problem = world.problem
    algebra, outside = _outside(world)
    dues = [due for due, of_loans in outside if not of_loans]
    dues += _owed(contract_of(problem), world, algebra)
    amounts = [np.array([float(v) for v in due.amount.rows[0]]) for due in dues]
    at_end = world.terminal_usd
    if at_end is None:
        at_end = _terminal(problem, world.quantities, dues, amounts)
    return _values(problem, dues, amounts, at_end) | _power(world, world.quantities) | _booked(problem, dues)


def _booked(problem: Problem, dues: Sequence[Due[Exact]]) -> Grains:
    """Net cash of each party by calendar year and in all [cents], payment by payment as the books hold it."""
    cash = dict.fromkeys(_cash_keys(problem), 0)
    for flow in flows_of(dues):
        for party, sign in ((flow.payer, -1), (flow.payee, 1)):
            if party in PARTIES and not flow.in_kind:
                cash["cash", party, _year(problem, flow.date.year)] += sign * int(flow.amount / CENT)
    return _with_totals(cash)


def _owed(contract: Contract | None, terms: World, algebra: SettleAlgebra) -> list[Due[Exact]]:
    if contract is None:
        return []
    rights = {name: value.tolist() for name, value in terms.rights.items()}
    return list(owed(contract, replace(algebra, rights=rights, signed=terms.signed[:1]), facts_of(terms.problem)).dues)


def _revalued_loans(a: World, b: World) -> Grains:
    """Return what the same loans are worth more at B's discount rate than at A's: the mean over the loans of either."""
    more = [
        (
            _loans(replace(world, problem=_valued(world.problem, b.problem))),
            _loans(replace(world, problem=_valued(world.problem, a.problem))),
        )
        for world in (a, b)
    ]
    return {key: sum(at_b[key] - at_a[key] for at_b, at_a in more) // 2 for key in more[0][0]}


def _loans(world: World) -> Grains:
    """Figures of the loans of a world alone."""
    lines = [line for line in world.lines if line.of_loans]
    amounts = [line.price * world.quantities[cast("Key", line.quantity)][line.period] for line in lines]
    booked = _booked(world.problem, [due for due, of_loans in _outside(world)[1] if of_loans])
    return _values(world.problem, [line.due for line in lines], amounts, {}) | booked


def _between(a: World, b: World, from_b: frozenset[str], *, supply: bool) -> Grains:
    """Figures of a world between two, loans left out."""

    def side(cause: str) -> tuple[World, World]:
        return (b, a) if cause in from_b else (a, b)

    (prices, other), (terms, _), (rated, _) = side("price"), side("terms"), side("valuation")
    quantities = hybrid(a, b, from_b, supply=supply)
    own = {line.key for line in prices.lines}
    lines = [ln for ln in (*prices.lines, *(ln for ln in other.lines if ln.key not in own)) if not ln.of_loans]
    nothing = np.zeros(len(a.problem.grid))
    dues = [line.due for line in lines]
    amounts = [
        line.price * (quantities.get(line.quantity, nothing)[line.period] if line.quantity else 1.0) for line in lines
    ]
    loans = side("volume")[0].quantities
    read = quantities | money_measures(prices.problem, other.problem, quantities)
    read |= {k: v for k, v in loans.items() if k[0] == "money_usd"}
    measures = {Measure(*k): [v.tolist()] for k, v in read.items() if k[0] in KINDS}
    problem = terms.problem
    algebra = SettleAlgebra(grid=problem.grid, measures=measures, paths=problem.paths[:1])
    contract = _owed(_contract(prices, terms), terms, algebra)
    dues += contract
    amounts += [np.array([float(v) for v in due.amount.rows[0]]) for due in contract]
    valued = _valued(prices.problem, rated.problem)
    ready = side("availability")[0] if supply else prices
    return (
        _values(valued, dues, amounts, _terminal(valued, quantities, dues, amounts))
        | _power(ready, quantities)
        | _cash(valued, dues, amounts)
    )


def _valued(prices: Problem, rated: Problem) -> Problem:
    """Return the problem of one world with the discount rate and the years of margin of the other."""
    goal = replace(prices.goal, rate_frac_per_y=rated.goal.rate_frac_per_y)
    finance = {
        p: replace(prices.finance[p], terminal_margin_years=rated.finance[p].terminal_margin_years) for p in PARTIES
    }
    return replace(prices, goal=goal, finance=finance)


def _values(
    problem: Problem, dues: Sequence[Due[Exact]], amounts: Sequence[Float], terminal: Mapping[str, float]
) -> Grains:
    """Value of each party as `Plan.npv_usd` has it [cents]."""
    rate = problem.goal.rate_frac_per_y
    at_end = discount_factors([problem.grid.end], rate_frac_per_y=rate, on=problem.grid.start)[0]
    total = {party: terminal.get(party, 0.0) * float(at_end) for party in PARTIES}
    for due, amount in zip(dues, amounts, strict=True):
        loan_rate = due.facts.get("rate_frac_per_y")
        part = counts(
            due.account,
            payer=due.payer,
            payee=due.payee,
            loan_rate=None if loan_rate is None else float(str(loan_rate)),
            rate=rate,
        )
        if not part or not amount.any():
            continue
        worth = part * float(amount @ discount_factors(due.when, rate_frac_per_y=rate, on=problem.grid.start))
        for party in PARTIES:
            total[party] += worth * ((due.payee == party) - (due.payer == party))
    return {("value", party, 0): round(100 * value) for party, value in total.items()}


def _terminal(
    problem: Problem, quantities: Mapping[Key, Float], dues: Sequence[Due[Exact]], amounts: Sequence[Float]
) -> dict[str, float]:
    """Value what each party has at the horizon, by the plan's own rule on constant quantities [USD]."""
    sites, fleets, chips = problem.sites, problem.fleets, problem.chips
    nothing = np.zeros(len(problem.grid))

    def stack(keys: Sequence[Key], scale: float = 1.0) -> Affine:
        columns = [quantities.get(k, nothing) / scale for k in keys]
        return Affine.constant(np.stack(columns, axis=-1)[None] if columns else np.zeros((1, len(nothing), 0)))

    at = [(sites.ids[s], chips.ids[c]) for s, c in zip(fleets.site, fleets.chip, strict=True)]
    years = problem.grid.years_long
    standing = np.stack(
        [
            quantities.get(("site_running_mw_y", s), nothing) * r / years
            for s, r in zip(sites.ids, sites.peak_ratio, strict=True)
        ]
        or [nothing],
        axis=-1,
    )[None, :, : len(sites.ids)]
    energising = SimpleNamespace(
        starts=stack([("phases_started", s) for s in sites.ids]), standing_mw=Affine.constant(standing)
    )
    fleet = SimpleNamespace(
        delivered=stack([("delivered_chip", *k) for k in at], scales.CHIP),
        accepted=stack([("accepted_chip", *k) for k in at], scales.CHIP),
    )
    rows = [
        replace(cast("Any", due), amount=Affine.constant(amount[None] / scales.USD))
        for due, amount in zip(dues, amounts, strict=True)
    ]
    items = terminal_items(problem, cast("Any", energising), cast("Any", fleet), rows)
    none = np.zeros(0)
    return {p: sum(float(item.value(none)[0]) for item in items[p].values()) * scales.USD for p in PARTIES}


def _cash_keys(problem: Problem) -> list[Figure]:
    years = Intervals.years(problem.grid.start, problem.grid.end)
    return [("cash", party, s.year) for party in PARTIES for s in years.starts]


def _year(problem: Problem, year: int) -> int:
    """Calendar year of the horizon that a year counts in: what falls due after the last day counts in the last."""
    last = Intervals.years(problem.grid.start, problem.grid.end).starts[-1].year
    return min(max(year, problem.grid.start.year), last)


def _cash(problem: Problem, dues: Sequence[Due[Exact]], amounts: Sequence[Float]) -> Grains:
    """Net cash of each party by calendar year and in all [cents]."""
    keys = _cash_keys(problem)
    first, last = keys[0][2], keys[-1][2]
    usd = {party: np.zeros(last - first + 1) for party in PARTIES}
    for due, amount in zip(dues, amounts, strict=True):
        if due.in_kind or not amount.any():
            continue
        slot = np.clip([day.year for day in due.when], first, last) - first
        for party in PARTIES:
            if sign := (due.payee == party) - (due.payer == party):
                usd[party] += sign * np.bincount(slot, weights=amount, minlength=last - first + 1)
    return _with_totals({key: round(100 * float(usd[cast("Any", key[1])][key[2] - first])) for key in keys})


def _with_totals(cash: Grains) -> Grains:
    return {("cash", p, 0): sum(v for k, v in cash.items() if k[1] == p) for p in PARTIES} | cash


def _power(ready: World, quantities: Mapping[Key, Float]) -> Grains:
    """Return accepted IT power: its peak, its mean over the horizon and by calendar year [W]."""
    problem = ready.problem
    watts = dict(zip(problem.chips.ids, problem.chips.it_w_per_chip, strict=True))
    mw = np.zeros(len(problem.grid))
    for key, chips in quantities.items():
        if key[0] == "accepted_chip" and key[2] in watts:
            mw = mw + chips * watts[key[2]] / 1e6
    years = Intervals.years(problem.grid.start, problem.grid.end)
    days = problem.grid.days
    by_year = years.overlap_days(problem.grid) @ mw / np.maximum(years.days, 1.0)
    found = {("mean power", "", 0): round(_WATT * float(mw @ days / days.sum()))}
    found["peak power", "", 0] = round(_WATT * float(mw.max(initial=0.0)))
    return found | {
        ("mean power", "", s.year): round(_WATT * float(v)) for s, v in zip(years.starts, by_year, strict=True)
    }
