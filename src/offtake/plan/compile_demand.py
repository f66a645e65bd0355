"""Compile what chip-hours are for: classes, demand, training runs, research, and which pool may do what."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import DAYS_PER_MONTH, Grid
from offtake.errors import OfftakeError
from offtake.perf.capacity import LatencyError, serving_capacity
from offtake.perf.types import LatencyClass
from offtake.plan.compile_supply import chip_ids
from offtake.plan.inputs import Inputs, period_means, table
from offtake.plan.problem import Assignments, Demand, Fleets, Offers, Runs, Use

if TYPE_CHECKING:
    from offtake.plan.problem import Float
    from offtake.spec.demand import InferenceClass
    from offtake.spec.scenario import Scenario

SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 86_400.0


def serving_rates(inputs: Inputs) -> Float:
    """Output tokens a second of a fully loaded chip at the valuation date's software : float64[class, chip]; 0 = cannot serve."""
    base = inputs.base
    ids = chip_ids(base)
    rates = np.zeros((len(base.classes), len(ids)))
    measured = {c.id: c.overrides.tokens_tok_per_s_per_chip for c in base.chips if c.overrides}
    for k, kind in enumerate(base.classes):
        for c, chip in enumerate(ids):
            stated = measured.get(chip, {}).get(kind.id)
            rates[k, c] = _estimate(inputs, kind, chip) if stated is None else stated
    return rates


def latency_class(kind: InferenceClass) -> LatencyClass:
    """Say a class in the words of `perf`."""
    return LatencyClass(
        ttft_s=kind.ttft_s,
        tpot_s=kind.tpot_s_per_tok,
        input_tok=kind.input_tok,
        output_tok=kind.output_tok,
        cached_frac=kind.cached_frac,
    )


def _estimate(inputs: Inputs, kind: InferenceClass, chip: str) -> float:
    try:
        return serving_capacity(
            inputs.chips[chip], inputs.models[kind.model], latency_class(kind)
        ).output_tok_per_s_per_chip
    except LatencyError:
        return 0.0


def tokens_per_chip_h(inputs: Inputs, rates: Float) -> Float:
    """Output tokens of an hour of one chip, day average : float64[path, period, class, chip]."""
    grid = inputs.grid
    load = np.array([k.utilisation_frac for k in inputs.base.classes])
    gain = inputs.stack(lambda sc: table([period_means(k.algorithmic_gain, grid) for k in sc.classes], len(grid)))
    made: Float = gain[..., None] * (rates * load[:, None] * SECONDS_PER_HOUR)[None, None]
    return made


def compile_demand(inputs: Inputs) -> Demand:
    """Read every step of every demand entry."""
    base, grid = inputs.base, inputs.grid
    steps = [(d, k) for d, entry in enumerate(base.demand) for k in range(len(entry.steps))]

    def volumes(scenario: Scenario) -> Float:
        by_entry = [period_means(e.volume_tok_per_d, grid) * grid.days for e in scenario.demand]
        return table([by_entry[d] * scenario.demand[d].steps[k].share_frac for d, k in steps], len(grid))

    def prices(scenario: Scenario) -> Float:
        by_entry = [period_means(e.price_usd_per_mtok, grid) for e in scenario.demand]
        return table([by_entry[d] * scenario.demand[d].steps[k].price_factor for d, k in steps], len(grid))

    entries = [base.demand[d] for d, _ in steps]
    return Demand(
        ids=tuple(
            base.demand[d].id if len(base.demand[d].steps) == 1 else f"{base.demand[d].id}/{k + 1}" for d, k in steps
        ),
        entries=tuple(e.id for e in entries),
        classes=tuple(e.class_ for e in entries),
        regions=tuple(e.region for e in entries),
        channels=tuple(e.channel for e in entries),
        needs=tuple(e.needs or "" for e in entries),
        resident=np.array([e.resident for e in entries], dtype=bool),
        volume_tok=inputs.stack(volumes),
        price_usd_per_mtok=inputs.stack(prices),
    )


def compile_runs(inputs: Inputs) -> Runs:
    """Read the training runs."""
    base, grid = inputs.base, inputs.grid
    caps = [_rate_cap(r.flop, r.earliest, r.min_duration_months, grid) for r in base.training]
    latest = [_last_period(grid, r.latest) for r in base.training]
    ids = [r.id for r in base.training]
    return Runs(
        ids=tuple(ids),
        flop=np.array([r.flop for r in base.training]),
        rate_cap_flop=table(caps, len(grid)),
        penalty_usd=np.array([r.penalty_usd for r in base.training]),
        value_usd=np.array([r.value_usd for r in base.training]),
        latest_period=np.array(latest, dtype=np.int64),
        after=np.array([ids.index(r.needs) if r.needs else -1 for r in base.training], dtype=np.int64),
    )


def _rate_cap(flop: float, earliest: date, least_months: float, grid: Grid) -> Float:
    """Most flop of a run in each period: its share of the minimum duration, within its window."""
    days = np.array(
        [max(0, (end - max(start, earliest)).days) for start, end in zip(grid.starts, grid.ends, strict=True)],
        dtype=float,
    )
    least = least_months * DAYS_PER_MONTH
    cap: Float = flop * (np.minimum(days / least, 1.0) if least > 0 else (days > 0).astype(float))
    return cap


def _last_period(grid: Grid, latest: date | None) -> int:
    """Last period that ends by the latest date (the first, if none does)."""
    if latest is None:
        return len(grid) - 1
    return max(max((t for t, end in enumerate(grid.ends) if end <= latest), default=0), 0)


def research_flop(inputs: Inputs) -> Float:
    """Read the useful research compute wanted in each period : float64[path, period]."""
    grid = inputs.grid
    return inputs.stack(
        lambda sc: (
            period_means(sc.research.compute_flop_per_s, grid) * grid.days * SECONDS_PER_DAY
            if sc.research
            else np.zeros(len(grid))
        )
    )


def assign(
    inputs: Inputs, fleets: Fleets, offers: Offers, rates: Float, demand: Demand, *, allied: bool
) -> Assignments:
    """List the pools, the uses, and which pool may do what.

    Without a contract (`allied` false) the provider's chips can only be sold on.
    """
    base = inputs.base
    ids = chip_ids(base)
    fleet_pools = [
        (f"{base.sites[s].id}/{ids[c]}", c, base.sites[s].region, base.sites[s].group or base.sites[s].id)
        for s, c in zip(fleets.site, fleets.chip, strict=True)
    ]
    offer_pools = [(o.id, int(c), o.region, o.id) for o, c in zip(base.outside_supply, offers.chip, strict=True)]
    pools = [*fleet_pools, *offer_pools]
    uses = _uses(base, demand)
    sold = {s.chip for s in base.resale.steps} if base.resale else set()
    pairs = []
    for p, (_, c, _, group) in enumerate(pools):
        outside = p >= len(fleet_pools)
        for u, use in enumerate(uses):
            if use.kind == "resale":
                able = not outside and ids[c] in sold
            elif not outside and not allied:
                able = False
            else:
                able = _able(
                    base,
                    use,
                    ids[c],
                    group,
                    rates[:, c],
                    trains=not outside or bool(offers.trains[p - len(fleet_pools)]),
                )
            if able:
                pairs.append((p, u))
    return Assignments(
        pools=tuple(p[0] for p in pools),
        pool_chip=np.array([p[1] for p in pools], dtype=np.int64),
        pool_region=tuple(p[2] for p in pools),
        pool_group=tuple(p[3] for p in pools),
        fleets=len(fleet_pools),
        uses=tuple(uses),
        pool=np.array([p for p, _ in pairs], dtype=np.int64),
        use=np.array([u for _, u in pairs], dtype=np.int64),
    )


def _uses(base: Scenario, demand: Demand) -> list[Use]:
    served = sorted(set(zip(demand.classes, demand.channels, strict=True)), key=lambda pair: (pair[0], pair[1]))
    uses = [Use(kind="serve", label=f"{k}/{c}", class_id=k, channel=c) for k, c in served]
    uses += [Use(kind="train", label=f"train {r.id}", run=r.id) for r in base.training]
    if base.research:
        uses.append(Use(kind="research", label="research"))
    if base.resale:
        uses.append(Use(kind="resale", label="resale"))
    return uses


def _able(base: Scenario, use: Use, chip: str, group: str, rates: Float, *, trains: bool) -> bool:
    if use.kind == "serve":
        k = next(i for i, kind in enumerate(base.classes) if kind.id == use.class_id)
        return bool(rates[k] > 0)
    if use.kind == "research":
        allowed = base.research.chips if base.research else None
        return allowed is None or chip in allowed
    run = next(r for r in base.training if r.id == use.run)
    return trains and (run.chips is None or chip in run.chips) and (run.groups is None or group in run.groups)


def check_serves(inputs: Inputs, rates: Float) -> None:
    """Refuse a class that no chip can serve within its latency."""
    for k, kind in enumerate(inputs.base.classes):
        if rates.shape[1] and not rates[k].any():
            msg = (
                f"class {kind.id!r}: no chip of the scenario serves {kind.model!r} within {kind.ttft_s:g} s to the first token "
                f"and {kind.tpot_s_per_tok:g} s a token"
            )
            raise OfftakeError(msg)
