"""A plan under uncertainty made by hand: three worlds of the tutorial scenario, planned one by one, weighted and tied by a tree.

Nothing hedges here, so that what is told of several paths can be tested against the paths themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from offtake import api
from offtake.api.headline import headline
from offtake.api.mixing import expected, mixed_findings
from offtake.api.one_path import certificate_of
from offtake.api.prepare import prepare, world_of
from offtake.api.story import CaseResult, Hedge, Story
from offtake.outlook import measures
from offtake.outlook.futures import Futures
from offtake.outlook.processes.level import Level
from offtake.outlook.tree import Tree
from offtake.plan.bottlenecks import bottlenecks
from offtake.plan.findings import findings
from offtake.plan.problem import Ties
from offtake.plan.run import plan_inputs
from offtake.plan.settings import Settings
from offtake.spec.outlook import Outlook, Uncertain
from offtake.spec.vary import vary

SCENARIO = Path(__file__).resolve().parents[2] / "examples" / "first-site.yaml"
FACTORS = (0.6, 1.0, 1.4)
PROBABILITY = (0.25, 0.45, 0.3)
RISK = ((0.7, 0.0), (0.3, 0.9))


@dataclass(frozen=True)
class FakeWorth:
    evpi_usd: float
    vss_usd: float
    waiting_usd: dict[str, float]
    wait_and_see_usd: float | None = 9.5e8
    tree_usd: float = 7.0e8
    mean_plan_usd: float | None = 5.8e8


WORTH: Any = FakeWorth(2.5e8, 1.2e8, {"2y": 0.4e8})


@dataclass(frozen=True)
class FakeHedged:
    problem: Any
    futures: Futures
    tree: Tree
    risk: tuple[tuple[float, float], ...]
    probability: Any
    stressed: Any
    paths: tuple[Any, ...]
    bottlenecks: tuple[Any, ...]
    in_sample_usd: float
    gap: float
    worth: Any = WORTH


@dataclass(frozen=True)
class FakeEvaluated:
    evaluator: str
    values_usd: Any
    mean_usd: float
    ci95_usd: tuple[float, float]
    risk_adjusted_usd: float
    failed: int = 0


@dataclass(frozen=True)
class OverPaths:
    """A limit over paths, by the names of the plan's."""

    limit: str
    kind: str
    block: str
    item: str
    period: str
    index: int
    price: float | None
    unit: str
    binding: bool
    worth_usd: float
    share: float
    by_path: tuple[float | None, ...]


OUTLOOK = Outlook(
    seed=7,
    paths=3,
    uncertain=(Uncertain(id="demand-growth", of=("demand.*.volume",), process=Level(spread_frac=1.0)),),
)
"""Of which `exp(z)` is the factor: the innovations below are its logarithms."""


@cache
def worlds() -> tuple[Any, tuple[Any, ...]]:
    """The scenario, and its outcome with all demand at each factor."""
    loaded = api.load(SCENARIO)
    outcomes = []
    for factor in FACTORS:
        scenario = loaded.scenario
        for entry in scenario.demand:
            scenario = vary(scenario, f"demand.{entry.id}.volume", factor)
        outcomes.append(plan_inputs(world_of(scenario), Settings(relax=True)))
    return loaded, tuple(outcomes)


def limits(outcomes, probability):
    """Put the limits of all paths together."""
    found: dict[tuple[str, int], list[Any]] = {}
    for p, outcome in enumerate(outcomes):
        for b in bottlenecks(outcome.alliance.solved):
            found.setdefault((b.limit, b.index), [None] * len(outcomes))[p] = b
    told = []
    for row in found.values():
        first = next(b for b in row if b is not None)
        prices = tuple(0.0 if b is None else b.price for b in row)
        share = float(sum(w for b, w in zip(row, probability, strict=True) if b is not None and b.binding))
        known = [(v, w) for v, w in zip(prices, probability, strict=True) if v is not None]
        price = expected(*map(list, zip(*known, strict=True))) if known else None
        own = {f.name: getattr(first, f.name) for f in fields(first) if f.name in OverPaths.__dataclass_fields__}
        told.append(OverPaths(**{**own, "price": price, "binding": share > 0, "share": share, "by_path": prices}))
    return tuple(told)


def one_path(world, outcome) -> Story:
    """Tell one path as a world of its own."""
    figures = headline(outcome)
    base = CaseResult(
        id="base", title="Base case", status="optimal", method=outcome.method, outcome=outcome, figures=figures
    )
    return Story(
        world=world, base=outcome, figures=figures, bottlenecks=(), reliefs=(), cases=(base,), swings=(),
        findings=findings(outcome.alliance), certificate=certificate_of(outcome), status="optimal", seconds={},
    )  # fmt: skip


def story(order=(0, 1, 2), probability=PROBABILITY, *, fresh=True, phases="stages") -> Story:
    """A story over the worlds, in an order and with probabilities."""
    loaded, every = worlds()
    world = prepare(loaded)
    outcomes = tuple(every[k] for k in order)
    chance = np.array(probability, dtype=float)
    periods = len(outcomes[0].alliance.problem.grid)
    factors = np.array([FACTORS[k] for k in order])
    futures = Futures(
        quantities=("demand-growth",), targets=(("demand.*.volume",),), measures=("factor",),
        effect=np.repeat(factors[:, None, None], periods, axis=2), probability=chance,
        innovations=np.log(factors)[:, None], known=np.array([1]),
    )  # fmt: skip
    central = replace(futures, effect=np.ones((1, 1, periods)), probability=np.ones(1), innovations=np.zeros((1, 1)))
    last = np.array([order.index(k) if order.count(k) else 0 for k in order])
    tree = Tree(stages=("now", "2y"), starts=(0, 2), node=np.stack([np.zeros(len(order), dtype=int), last], axis=1))
    stages = tree.representative("stages", periods)
    now = np.zeros(len(order), dtype=np.int64)
    ties = Ties(signing=now, sites=now, rights=stages, phases=tree.representative(phases, periods), orders=stages)
    values = np.array([o.alliance.objective_usd for o in outcomes])
    hedged = FakeHedged(
        problem=replace(outcomes[0].alliance.problem, ties=ties), futures=futures, tree=tree, risk=RISK, probability=chance,
        stressed=measures.stressed(RISK, values, chance), paths=outcomes, bottlenecks=limits(outcomes, chance),
        in_sample_usd=float(chance @ values), gap=0.0,
    )  # fmt: skip
    evaluated = FakeEvaluated("rolling", np.resize(values, 4) * 0.97, 2.3e9, (2.1e9, 2.5e9), 2.2e9)
    stories = tuple(one_path(world, o) for o in outcomes)
    hedge = Hedge(
        hedged=hedged,
        evaluated=evaluated if fresh else None,
        outlook=OUTLOOK,
        central=central,
        paths=stories,
    )
    first = stories[0]
    return replace(
        first, bottlenecks=hedged.bottlenecks, findings=mixed_findings([s.findings for s in stories], chance),
        hedge=hedge, seconds={"plan under uncertainty": 1.0},
    )  # fmt: skip
