"""Apply sampled futures to a compiled problem: one path in, as many as there are futures out.

Each effect belongs to targets written as patterns of the scenario's own paths (``demand.*.volume``, ``sites.north.interconnected``).  A
factor multiplies the arrays that the target stands for; months move a date, and with it the weights of a stock, so that randomness sits
in a few coefficients.  Effects on one target multiply, months add up.

Nothing is compiled again: a thousand paths cost array arithmetic, not a thousand scenarios.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.dates import DAYS_PER_MONTH
from offtake.errors import OfftakeError
from offtake.plan.compile_supply import connected_mw, in_service_weights, lag_days, left_frac
from offtake.plan.problem import PARTIES, Chips, Demand, Fleets, Offers, Problem, Resale, Sites, Ties

if TYPE_CHECKING:
    from offtake.outlook.futures import Futures
    from offtake.plan.problem import Finance, Float, Int

LAST = -1
"""Period whose effect holds for all time where a target takes one number: of a path of which the past is known and the rest expected, what
is expected."""

SHORTEST_LIFE = 0.01
"""A life is cut to no less than this part of the planned one: a chip that never serves has no weights."""

Apply = Callable[["Draft", int, "Float"], None]
"""Apply one effect, float64[path, period], to one item of a draft."""


@dataclass(slots=True)
class Draft:
    """A problem under change: arrays of P paths that may be written, and the months by which things come later."""

    problem: Problem
    arrays: dict[str, Float]
    chip_months: Float  # [path, chip]
    life: Float  # [path, chip], a factor
    site_months: Float  # [path, site], of the connection
    lead_months: Float  # [path, site]
    rate: dict[str, Float]  # party -> [path], a factor
    costs: dict[str, Float]  # party -> [path, period], a factor


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that may be uncertain: its name in the scenario, and how an effect changes the problem."""

    name: str
    measure: str
    apply: Callable[[Draft, Float], None]


def targets(problem: Problem) -> list[Target]:
    """List everything that a future may change, in the order of the problem."""
    scenario = problem.scenario
    demand, offers = problem.demand, problem.offers
    found: list[Target] = []

    def factor(name: str, array: str, where: object) -> None:
        found.append(Target(name, "factor", lambda draft, effect: _scale(draft.arrays[array], effect, where)))

    for entry in dict.fromkeys(demand.entries):
        steps = np.array([e == entry for e in demand.entries])
        factor(f"demand.{entry}.volume", "volume_tok", steps)
        factor(f"demand.{entry}.price", "price_usd_per_mtok", steps)
    for k, name in enumerate(problem.classes):
        factor(f"classes.{name}.algorithmic_gain", "tok_per_chip_h", k)
    for c in range(len(scenario.chips)):
        found += _chip_targets(problem.chips.ids[c], c)
    for s, site in enumerate(problem.sites.ids):
        factor(f"sites.{site}.power_price", "power_usd_per_mwh", s)
        factor(f"sites.{site}.shell_cost", "shell_usd_per_mw", s)
        found.append(Target(f"sites.{site}.interconnected", "months", _adder("site_months", s)))
        found.append(Target(f"sites.{site}.lead_time", "months", _adder("lead_months", s)))
    for o, offer in enumerate(offers.ids):
        steps = offers.step_offer == o
        factor(f"outside_supply.{offer}.price", "offer_price", steps)
        factor(f"outside_supply.{offer}.cap", "offer_cap", steps)
    for c in dict.fromkeys(problem.resale.chip.tolist()):
        factor(f"resale.{problem.chips.ids[c]}.price", "resale_price", problem.resale.chip == c)
    for party in PARTIES:
        found.append(Target(f"parties.{party}.facility.rate", "factor", _rate(party)))
        found.append(Target(f"parties.{party}.other_costs", "factor", _money(party)))
    return found


def with_futures(problem: Problem, futures: Futures) -> Problem:
    """Return the problem on every path of the futures, none of their decisions tied.

    Parameters
    ----------
    problem : Problem    of one path
    futures : Futures    effects [path, quantity, period]

    Raises
    ------
    OfftakeError    a target that names nothing in the problem, or that is not of the effect's measure
    """
    draft = _draft(problem, len(futures))
    known = targets(problem)
    for q, patterns in enumerate(futures.targets):
        measure = futures.measures[q]
        hit = [t for t in known if any(fnmatchcase(t.name, p) for p in patterns)]
        for pattern in patterns:
            if not any(fnmatchcase(t.name, pattern) for t in known):
                raise OfftakeError(f"outlook {futures.quantities[q]!r}: {pattern!r} names nothing in this scenario")
        for target in hit:
            if target.measure != measure:
                raise OfftakeError(
                    f"outlook {futures.quantities[q]!r}: {target.name!r} is moved by {target.measure}, not by a {measure}"
                )
            target.apply(draft, futures.effect[:, q, :])
    return replace(_finished(draft), probability=futures.probability)


# -- one path of many ------------------------------------------------------------------------------------------------

BY_PATH: Mapping[type, tuple[str, ...]] = {
    Problem: ("tok_per_chip_h", "research_flop"),
    Sites: (
        "interconnected_mw", "energised_weights", "spend_weights",
        "shell_usd_per_mw", "running_usd_per_mw_y", "power_usd_per_mwh",
    ),
    Chips: (
        "cost_usd_per_chip", "supply_chip", "withheld_chip", "in_service_weights", "arrived_weights",
        "delivery_weights", "late_days", "lives_days", "left_usd_per_chip", "list_rent_usd_per_chip_h",
    ),
    Fleets: (),
    Offers: ("cap_chip", "price_usd_per_chip_h"),
    Resale: ("cap_chip", "price_usd_per_chip_h"),
    Demand: ("volume_tok", "price_usd_per_mtok"),
}  # fmt: skip
"""Arrays whose first axis is the path."""

BY_PATH_OF_MONEY = ("other_revenue_usd", "other_costs_usd", "limit_usd", "rate_frac_per_y")


def picked(problem: Problem, paths: Int) -> Problem:
    """Return the problem on some of its paths, in the order given, or on one path many times; none of their decisions tied.

    Probabilities are scaled to sum to one.
    """

    def cut(part: Any, names: tuple[str, ...]) -> dict[str, Any]:  # noqa: ANN401
        return {name: getattr(part, name)[paths] for name in names}

    changes: dict[str, Any] = cut(problem, BY_PATH[Problem])
    for field in fields(problem):
        part = getattr(problem, field.name)
        if is_dataclass(part) and type(part) in BY_PATH:
            changes[field.name] = replace(part, **cut(part, BY_PATH[type(part)]))  # type: ignore[type-var]
    chance = problem.probability[paths]
    return replace(
        problem,
        **changes,
        paths=tuple(_names(len(paths))) if len(paths) > 1 else ("base",),
        probability=chance / chance.sum(),
        ties=Ties.alone(len(paths), len(problem.grid)),
        finance={p: replace(m, **cut(m, BY_PATH_OF_MONEY)) for p, m in problem.finance.items()},
    )


def one_path(problem: Problem, path: int) -> Problem:
    """Return one path as a problem of its own."""
    return replace(picked(problem, np.array([path])), tails=((1.0, 0.0),))


def _names(paths: int) -> list[str]:
    width = len(str(paths))
    return [f"path-{k + 1:0{width}d}" for k in range(paths)]


# -- applying effects ------------------------------------------------------------------------------------------------


def _draft(problem: Problem, paths: int) -> Draft:
    whole = picked(problem, np.zeros(paths, dtype=np.int64))
    held = {
        "volume_tok": whole.demand.volume_tok,
        "price_usd_per_mtok": whole.demand.price_usd_per_mtok,
        "tok_per_chip_h": whole.tok_per_chip_h,
        "cost_usd_per_chip": whole.chips.cost_usd_per_chip,
        "left_usd_per_chip": whole.chips.left_usd_per_chip,
        "supply_chip": whole.chips.supply_chip,
        "power_usd_per_mwh": whole.sites.power_usd_per_mwh,
        "shell_usd_per_mw": whole.sites.shell_usd_per_mw,
        "offer_price": whole.offers.price_usd_per_chip_h,
        "offer_cap": whole.offers.cap_chip,
        "resale_price": whole.resale.price_usd_per_chip_h,
    }
    chips, sites = len(problem.chips.ids), len(problem.sites.ids)
    return Draft(
        problem=whole,
        arrays={name: array.copy() for name, array in held.items()},
        chip_months=np.zeros((paths, chips)),
        life=np.ones((paths, chips)),
        site_months=np.zeros((paths, sites)),
        lead_months=np.zeros((paths, sites)),
        rate={party: np.ones(paths) for party in PARTIES},
        costs={party: np.ones((paths, len(problem.grid))) for party in PARTIES},
    )


def _scale(array: Float, effect: Float, where: object) -> None:
    """Multiply [path, period, item, …] by [path, period] at some items."""
    part = array[:, :, where]  # type: ignore[index]
    array[:, :, where] = part * effect.reshape(*effect.shape, *[1] * (part.ndim - 2))  # type: ignore[index]


def _adder(name: str, item: int) -> Callable[[Draft, Float], None]:
    def add(draft: Draft, effect: Float) -> None:
        getattr(draft, name)[:, item] += effect[:, LAST]

    return add


def _rate(party: str) -> Callable[[Draft, Float], None]:
    def change(draft: Draft, effect: Float) -> None:
        draft.rate[party] *= np.average(effect, axis=1, weights=draft.problem.grid.days)

    return change


def _money(party: str) -> Callable[[Draft, Float], None]:
    def change(draft: Draft, effect: Float) -> None:
        draft.costs[party] *= effect

    return change


def _chip_targets(chip: str, c: int) -> list[Target]:
    def price(draft: Draft, effect: Float) -> None:
        _scale(draft.arrays["cost_usd_per_chip"], effect, c)
        # What is left at the horizon is worth what its replacement costs then.
        _scale(draft.arrays["left_usd_per_chip"], np.broadcast_to(effect[:, -1:], effect.shape), c)

    def supply(draft: Draft, effect: Float) -> None:
        _scale(draft.arrays["supply_chip"], effect, c)

    def life(draft: Draft, effect: Float) -> None:
        draft.life[:, c] *= np.maximum(effect[:, LAST], SHORTEST_LIFE)

    return [
        Target(f"chips.{chip}.price", "factor", price),
        Target(f"chips.{chip}.supply", "factor", supply),
        Target(f"chips.{chip}.delay", "months", _adder("chip_months", c)),
        Target(f"chips.{chip}.life", "factor", life),
    ]


def _finished(draft: Draft) -> Problem:
    """Put the changed arrays back, and the weights of what comes later."""
    problem, a = draft.problem, draft.arrays
    chips = replace(
        problem.chips, cost_usd_per_chip=a["cost_usd_per_chip"], left_usd_per_chip=a["left_usd_per_chip"],
        supply_chip=a["supply_chip"],
        # What the best future supplies may have been promised in all of them.
        withheld_chip=a["supply_chip"].max(axis=0) - a["supply_chip"],
    )  # fmt: skip
    finance: dict[Any, Finance] = {
        party: replace(
            money,
            rate_frac_per_y=money.rate_frac_per_y * draft.rate[party],
            other_costs_usd=money.other_costs_usd * draft.costs[party],
        )
        for party, money in problem.finance.items()
    }
    return replace(
        problem,
        sites=_sites_later(draft, replace(
            problem.sites, power_usd_per_mwh=a["power_usd_per_mwh"], shell_usd_per_mw=a["shell_usd_per_mw"])),
        chips=_chips_later(draft, chips),
        offers=replace(problem.offers, cap_chip=a["offer_cap"], price_usd_per_chip_h=a["offer_price"]),
        resale=replace(problem.resale, price_usd_per_chip_h=a["resale_price"]),
        demand=replace(problem.demand, volume_tok=a["volume_tok"], price_usd_per_mtok=a["price_usd_per_mtok"]),
        tok_per_chip_h=a["tok_per_chip_h"],
        finance=finance,
    )  # fmt: skip


def _sites_later(draft: Draft, sites: Sites) -> Sites:
    """Move connections and phases later: other means of the connection, other weights of the phases.

    What a phase costs is still paid over its planned lead time: the work is done, it waits.
    """
    grid, spec = draft.problem.grid, draft.problem.scenario.sites
    mw, weights = sites.interconnected_mw.copy(), sites.energised_weights.copy()

    @cache
    def connected(s: int, months: float) -> Float:
        moved = spec[s]
        if moved.interconnected_mw is not None:
            moved = moved.model_copy(update={"interconnected_mw": moved.interconnected_mw.later(months)})
        return connected_mw(moved, grid)

    @cache
    def standing(s: int, months: float) -> Float:
        return grid.stock_mean(lag_days(spec[s].lead_time_months, spec[s].delay_months + months))

    for p, s in zip(*np.nonzero(draft.site_months), strict=True):
        mw[p, :, s] = connected(int(s), float(draft.site_months[p, s]))  # to the day by the calendar, as for a scenario
    for p, s in zip(*np.nonzero(draft.lead_months), strict=True):
        weights[p, s] = standing(int(s), _to_the_day(draft.lead_months[p, s]))
    return replace(sites, interconnected_mw=mw, energised_weights=weights)


def _chips_later(draft: Draft, chips: Chips) -> Chips:
    """Move deliveries later, and change useful lives."""
    grid, spec = draft.problem.grid, draft.problem.scenario.chips
    moved = {
        name: getattr(chips, name).copy()
        for name in (
            "in_service_weights",
            "arrived_weights",
            "delivery_weights",
            "left_usd_per_chip",
        )
    }

    @cache
    def weights(c: int, months: float, life: float) -> tuple[Float, Float, Float]:
        lag = lag_days(spec[c].lead_time_months, spec[c].delay_months + months)
        return (
            in_service_weights(grid, lag, spec[c].life_y * life),
            grid.stock_mean(lag),
            grid.stock_at(grid.edges_days[1:] - lag) - grid.stock_at(grid.edges_days[:-1] - lag),
        )

    for p, c in zip(*np.nonzero((draft.chip_months != 0) | (draft.life != 1.0)), strict=True):
        months, life = _to_the_day(draft.chip_months[p, c]), float(draft.life[p, c])
        found = weights(int(c), months, life)
        for name, weight in zip(("in_service_weights", "arrived_weights", "delivery_weights"), found, strict=True):
            moved[name][p, c] = weight
        if life != 1.0:
            own = left_frac(grid.mids, grid.end, chips.life_days[c])
            other = left_frac(grid.mids, grid.end, chips.life_days[c] * life)
            moved["left_usd_per_chip"][p, :, c] *= np.divide(other, own, out=np.zeros_like(own), where=own > 0)
    late = np.vectorize(_to_the_day, otypes=[float])(draft.chip_months) * DAYS_PER_MONTH
    return replace(chips, **moved, late_days=late, lives_days=chips.lives_days * draft.life)


def _to_the_day(months: float) -> float:
    """Months in whole days, so that like delays are computed once."""
    return round(float(months) * DAYS_PER_MONTH) / DAYS_PER_MONTH
