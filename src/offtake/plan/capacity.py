"""Chip-hours: every hour of every chip goes to exactly one use, or stands idle or unavailable.

A pool is one chip at one site, or one outside offer; `hours` is over the allowed pairs of a pool and a use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import HOURS_PER_DAY
from offtake.lp.affine import Affine
from offtake.plan import scales
from offtake.plan.ceiling import limit_ceiling
from offtake.plan.ties import own, shared

if TYPE_CHECKING:
    from offtake.dates import Intervals
    from offtake.lp.model import Model
    from offtake.plan.chips import Fleet
    from offtake.plan.problem import Float, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Expressions in million chip-hours.

    Attributes
    ----------
    hours : [path, period, assignment]
    available : [path, period, fleet]             accepted times availability
    rented : [path, period, offer step]           outside supply
    resold : [path, period, resale step]
    taken : [path, period, fleet]                 by the offtaker
    handed : [path, period, fleet]                accepted and available, less resold, within the term
    delivery : [path, period, fleet]              made available to the offtaker: as `handed`, but for every chip in service that has not
                                                  been retired, so that a plan cannot owe less by leaving chips unaccepted
    unsold : [path, period, fleet]                ready, available, neither taken nor resold; also outside the contract's term
    most : float64[path, period, fleet]           largest value of `available`
    signed : [path]                               1 when the contract is signed
    """

    hours: Affine
    available: Affine
    rented: Affine
    resold: Affine
    taken: Affine
    handed: Affine
    delivery: Affine
    unsold: Affine
    most: Float
    signed: Affine


def add_work(model: Model, problem: Problem, fleet: Fleet) -> Work:
    """Add the split of chip-hours over uses, outside rent and resale."""
    work, grid = problem.work, problem.grid
    axes = (("path", problem.paths), ("period", grid.labels), ("assignment", work.labels))
    period_h = grid.days * HOURS_PER_DAY * scales.CHIP / scales.CHIP_H
    offered_chip = _by_offer(problem, problem.offers.cap_chip) * (scales.OFF / scales.CHIP)
    availability = problem.chips.availability_frac[..., problem.fleets.chip]
    most = np.concatenate([fleet.most * availability, offered_chip], axis=2) * period_h[None, :, None]
    ready_most = most[:, :, : work.fleets]
    upper = most[:, :, work.pool]
    hours = model.columns(
        "hours", axes=axes, upper=upper, unit="M chip-h", describe="chip-hours of a pool given to a use", mask=upper > 0
    )
    available = fleet.accepted * (availability * period_h[:, None])
    model.rows(
        "chip_hours",
        hours.apply(_incidence(work.pool, work.fleets), 2) - available,
        upper=0.0,
        axes=(("path", problem.paths), ("period", grid.labels), ("fleet", work.pools[: work.fleets])),
        unit="M chip-h",
        describe="hours used are at most accepted chips times availability",
        mask=most[:, :, : work.fleets] > 0,
    )
    rented = _rent(model, problem, hours, period_h)
    resold = _resell(model, problem, hours, period_h)
    resale = work.by_kind("resale")
    by_fleet = _incidence(work.pool, work.fleets)
    taken = hours.apply(by_fleet * ~resale, 2)
    signed = _sign(model, problem, hours, upper)
    _keep_to_term(model, problem, taken, available)
    sold = hours.apply(by_fleet * resale, 2)
    handed = (available - sold) * problem.contract_share[:, None]
    spare = fleet.ready * (availability * period_h[:, None]) - sold
    limit_ceiling(model, problem, fleet, sold)
    return Work(
        hours=hours,
        available=available,
        rented=rented,
        resold=resold,
        taken=taken,
        handed=handed,
        delivery=spare * problem.contract_share[:, None],
        unsold=spare - taken,
        most=ready_most,
        signed=signed,
    )


def _incidence(index: np.ndarray[tuple[int], np.dtype[np.int64]], count: int) -> Float:
    """0/1 matrix [count, len(index)] that adds positions by their index."""
    matrix: Float = (index[None, :] == np.arange(count)[:, None]).astype(float)
    return matrix


def _by_offer(problem: Problem, steps: Float) -> Float:
    total: Float = steps @ _incidence(problem.offers.step_offer, len(problem.offers.ids)).T
    return total


def _rent(model: Model, problem: Problem, hours: Affine, period_h: Float) -> Affine:
    offers, work, grid = problem.offers, problem.work, problem.grid
    axes = (("path", problem.paths), ("period", grid.labels), ("offer_step", offers.step_labels))
    cap = offers.cap_chip / scales.CHIP * period_h[None, :, None]
    rented = model.columns(
        "rented",
        axes=axes,
        upper=cap,
        unit="M chip-h",
        describe="chip-hours rented from other clouds at a price step",
        mask=cap > 0,
    )
    steps = _incidence(offers.step_offer, len(offers.ids))
    model.rows(
        "outside_supply",
        hours.apply(_incidence(work.pool - work.fleets, len(offers.ids)), 2) - rented.apply(steps, 2),
        lower=0.0,
        upper=0.0,
        axes=(("path", problem.paths), ("period", grid.labels), ("offer", offers.ids)),
        unit="M chip-h",
        describe="outside hours used are rented at one of the steps",
    )
    return rented


def _resell(model: Model, problem: Problem, hours: Affine, period_h: Float) -> Affine:
    resale, work, grid = problem.resale, problem.work, problem.grid
    axes = (("path", problem.paths), ("period", grid.labels), ("resale_step", resale.step_labels))
    cap = resale.cap_chip / scales.CHIP * period_h[None, :, None]
    resold = model.columns(
        "resold",
        axes=axes,
        upper=cap,
        unit="M chip-h",
        describe="spare chip-hours sold outside at a price step",
        mask=cap > 0,
    )
    chips = range(len(problem.chips.ids))
    sold = work.by_kind("resale")
    by_chip = np.array([sold & (work.pool_chip[work.pool] == c) for c in chips], dtype=float).reshape(
        len(chips), len(work.pool)
    )
    steps = _incidence(resale.chip, len(problem.chips.ids))
    model.rows(
        "resale",
        hours.apply(by_chip, 2) - resold.apply(steps, 2),
        lower=0.0,
        upper=0.0,
        axes=(("path", problem.paths), ("period", grid.labels), ("chip", problem.chips.ids)),
        unit="M chip-h",
        describe="spare hours sold are sold at one of the steps",
    )
    return resold


def _sign(model: Model, problem: Problem, hours: Affine, upper: Float) -> Affine:
    """Say whether the contract is signed; without it the offtaker uses none of the provider's chips."""
    work = problem.work
    mask = np.full(len(problem.paths), problem.signed is None)
    fixed = np.full(len(problem.paths), float(problem.signed is True))
    signed = model.columns(
        "sign",
        axes=(("path", problem.paths),),
        upper=1.0,
        integer=True,
        unit="yes",
        describe="the contract is signed",
        mask=mask & own(problem.ties.signing),
    )
    signed = shared(signed, problem.ties.signing)
    signed = Affine.total([signed, Affine.constant(fixed * ~mask)])
    offtaker = work.of_provider & ~work.by_kind("resale")
    allowed = (upper * offtaker).sum(axis=2)
    model.rows(
        "contract_use",
        (hours * offtaker.astype(float)).sum(axis=2) - signed.expand_dims(1).broadcast_to(allowed.shape) * allowed,
        upper=0.0,
        axes=(("path", problem.paths), ("period", problem.grid.labels)),
        unit="M chip-h",
        describe="the offtaker uses the provider's chips only under a signed contract",
        mask=np.broadcast_to(mask[:, None], allowed.shape),
    )
    return signed


def _keep_to_term(model: Model, problem: Problem, taken: Affine, available: Affine) -> None:
    """In a period that the contract covers in part, the offtaker takes at most that part; outside the term, nothing."""
    part = np.broadcast_to(problem.contract_share[None, :, None] < 1.0, taken.shape)
    if problem.signed is False or not part.any():
        return
    model.rows(
        "contract_term",
        taken - available * problem.contract_share[:, None],
        upper=0.0,
        axes=(
            ("path", problem.paths),
            ("period", problem.grid.labels),
            ("fleet", problem.work.pools[: problem.work.fleets]),
        ),
        unit="M chip-h",
        describe="chips are taken only within the term of the contract",
        mask=part,
    )


def follow_force(model: Model, problem: Problem, work: Work, state: Affine, segments: Intervals) -> None:
    """Let the offtaker take nothing after the contract has ended, and only in the time that an option has added if it is exercised.

    A period is cut where the state can change.  As the state never rises again, with W the part of the period's days in the term
    before a segment and s its state,

        taken <= W x available + (share of the period in the term - W) x most x s

    Parameters
    ----------
    state : [path, segment]     1 while the contract is in force
    """
    grid = problem.grid
    shared = np.maximum(grid.overlap_days(segments), 0.0) / grid.days[:, None]
    before = np.cumsum(shared, axis=1) - shared
    left = shared.sum(axis=1, keepdims=True) - before
    for n, label in enumerate(segments.labels):
        periods = np.flatnonzero(shared[:, n] > 0)
        fleets, paths = len(problem.fleets.site), len(problem.paths)
        here = state[:, n].reshape((paths, 1, 1)).broadcast_to((paths, len(periods), fleets))
        room = work.most[:, periods, :] * left[periods, n][None, :, None]
        model.rows(
            f"in_force[{label}]",
            work.taken[:, periods, :] - work.available[:, periods, :] * before[periods, n][None, :, None] - here * room,
            upper=0.0,
            axes=(
                ("path", problem.paths),
                ("period", tuple(grid.labels[p] for p in periods)),
                ("fleet", problem.work.pools[: problem.work.fleets]),
            ),
            unit="M chip-h",
            describe="chips are taken only while the contract is in force",
            mask=room > 0,
        )
