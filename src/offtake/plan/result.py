"""A plan: decisions, quantities and settled money of a solved problem, in natural units and domain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import discount_factors
from offtake.plan import scales
from offtake.plan.contracts import flows, settle
from offtake.plan.measures import values
from offtake.plan.objective import counts
from offtake.plan.problem import PARTIES, Party

if TYPE_CHECKING:
    from offtake.deal.flows import Due, Flow
    from offtake.deal.quantities import Measure
    from offtake.deal.settle import Exact
    from offtake.lp.affine import Affine
    from offtake.plan.build import Built
    from offtake.plan.problem import Float, Problem
    from offtake.plan.solve import Solved


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What the plan does, in natural units.  Axes as in `Problem`.

    Attributes
    ----------
    starts [path, period, site] phases ; energised_mw [path, period, site] facility MW, mean of the period
    orders, delivered_chip, in_service_chip, accepted_chip [path, period, fleet]
    hours_chip_h [path, period, assignment] ; available_chip_h, taken_chip_h [path, period, fleet]
    rented_chip_h [path, period, offer step] ; resold_chip_h [path, period, resale step]
    tokens [path, period, demand step]
    done [path, period, run] ; progress_flop [path, period, run] ; group [path, run, group]
    research_flop, research_short_flop [path, period]
    cash_usd, balance_usd, emergency_usd : party -> [path, period] at period ends
    signed : bool[path]
    """

    starts: Float
    energised_mw: Float
    orders_chip: Float
    delivered_chip: Float
    in_service_chip: Float
    accepted_chip: Float
    hours_chip_h: Float
    available_chip_h: Float
    taken_chip_h: Float
    rented_chip_h: Float
    resold_chip_h: Float
    tokens: Float
    done: Float
    progress_flop: Float
    group: Float
    research_flop: Float
    research_short_flop: Float
    cash_usd: Mapping[Party, Float]
    balance_usd: Mapping[Party, Float]
    emergency_usd: Mapping[Party, Float]
    signed: Float


@dataclass(frozen=True)
class Plan:
    """A solved problem with its settlement.

    Attributes
    ----------
    solved : Solved
    decisions : Decisions
    quantities : Measure -> float64[path, period]      what payments are functions of
    dues : list of Due[Exact]                          every payment, settled exactly
    """

    solved: Solved
    decisions: Decisions
    quantities: Mapping[Measure, Float]
    dues: Sequence[Due[Exact]]

    @property
    def built(self) -> Built:
        """The model that was solved."""
        return self.solved.built

    @property
    def problem(self) -> Problem:
        """The problem that was solved."""
        return self.solved.built.problem

    def told(self) -> Plan:
        """Return the same plan without its model: it tells the same numbers, and takes little memory beside other plans."""
        return replace(self, solved=replace(self.solved, built=self.built.at(self.solved.x)))

    @cached_property
    def flows(self) -> list[Flow]:
        """Settled payments in whole cents, by date."""
        return flows(self.dues)

    def npv_usd(self, party: str, *, rate: float | None = None, terminal: bool = True) -> float:
        """Net present value of a party's settled flows, and of what it has at the horizon [USD]."""
        problem = self.problem
        rate = problem.goal.rate_frac_per_y if rate is None else rate
        total = 0.0
        for due in self.dues:
            sign = (due.payee == party) - (due.payer == party)
            loan_rate = due.facts.get("rate_frac_per_y")
            part = counts(
                due.account,
                payer=due.payer,
                payee=due.payee,
                loan_rate=None if loan_rate is None else float(str(loan_rate)),
                rate=rate,
            )
            if sign and part:
                factors = discount_factors(due.when, rate_frac_per_y=rate, on=problem.grid.start)
                amounts = np.array([float(v) for v in due.amount.rows[0]])
                total += sign * part * float(amounts @ factors)
        if terminal and party in PARTIES:
            at_end = discount_factors([problem.grid.end], rate_frac_per_y=rate, on=problem.grid.start)[0]
            total += sum(self.terminal_usd[party].values()) * float(at_end)
        return total

    @cached_property
    def terminal_usd(self) -> Mapping[Party, Mapping[str, float]]:
        """What each party has at the horizon, itemised [USD at the horizon]."""
        x = self.solved.x
        return {
            party: {name: float(expr.value(x)[0]) * scales.USD for name, expr in self.built.terminal[party].items()}
            for party in PARTIES
        }

    @cached_property
    def penalties_usd(self) -> Mapping[str, float]:
        """Objective-only penalties, itemised [USD]."""
        return {name: float(expr.value(self.solved.x)[0]) * scales.USD for name, expr in self.built.penalties.items()}

    @cached_property
    def objective_usd(self) -> float:
        """Objective recomputed from the settled flows [USD]."""
        weights = self.problem.goal.told or self.problem.goal.weights
        return sum(weights[p] * self.npv_usd(p) for p in PARTIES if weights[p]) - sum(self.penalties_usd.values())

    @cached_property
    def money_difference_usd(self) -> tuple[float, str]:
        """Largest difference between the problem's money and the settled money, and where."""
        worst, where = 0.0, ""
        for row, exact in zip(self.built.dues, self.dues, strict=True):
            inside = row.amount.value(self.solved.x)[0] * scales.USD
            outside = np.array([float(v) for v in exact.amount.rows[0]])
            gap = float(np.abs(inside - outside).max(initial=0.0))
            if gap > worst:
                worst, where = gap, exact.cause
        return worst, where


def read(solved: Solved) -> Plan:
    """Read a plan off a solved problem and settle its payments."""
    built, x = solved.built, solved.x
    decisions = decisions_of(built, x)
    quantities = values(built.measures, x)
    rights = {name: np.round(expr.value(x)) for name, expr in built.written.rights.items()}
    dues = settle(built.problem, quantities, rights, [bool(s) for s in decisions.signed])
    return Plan(solved=solved, decisions=decisions, quantities=quantities, dues=dues)


def decisions_of(built: Built, x: Float) -> Decisions:
    """Evaluate every decision at a point, in natural units."""
    physics = built.physics

    def at(expr: Affine, scale: float = 1.0) -> Float:
        value = expr.value(x)
        return np.where(np.abs(value) < 1e-9, 0.0, value) * scale

    return Decisions(
        starts=at(physics.energising.starts),
        energised_mw=np.minimum(at(physics.energising.standing_mw), built.problem.sites.interconnected_mw),
        orders_chip=at(physics.fleet.orders, scales.CHIP),
        delivered_chip=at(physics.fleet.delivered, scales.CHIP),
        in_service_chip=at(physics.fleet.in_service, scales.CHIP),
        accepted_chip=at(physics.fleet.accepted, scales.CHIP),
        hours_chip_h=at(physics.work.hours, scales.CHIP_H),
        available_chip_h=at(physics.work.available, scales.CHIP_H),
        taken_chip_h=at(physics.work.taken, scales.CHIP_H),
        rented_chip_h=at(physics.work.rented, scales.CHIP_H),
        resold_chip_h=at(physics.work.resold, scales.CHIP_H),
        tokens=at(physics.serving.tokens, scales.TOK),
        done=np.round(at(physics.training.done), 9),
        progress_flop=at(physics.training.progress, scales.FLOP),
        group=np.round(at(physics.training.group), 9),
        research_flop=at(physics.training.research, scales.FLOP),
        research_short_flop=at(physics.training.research_short, scales.FLOP),
        cash_usd={p: at(built.cash[p], scales.USD) for p in PARTIES},
        balance_usd={p: at(physics.loans[p].balance, scales.USD) for p in PARTIES},
        emergency_usd={p: at(physics.loans[p].emergency_balance, scales.USD) for p in PARTIES},
        signed=np.round(at(physics.work.signed)),
    )
