"""Small plans under uncertainty: futures and trees written by hand, over scenarios of `plan_toys`."""

from __future__ import annotations

from typing import Any

import numpy as np
from plan_toys import RELAXED, YEARS, chip, contract, demand, offer, problem, site, stand, toy

from offtake.outlook.futures import Futures
from offtake.outlook.tree import Tree
from offtake.plan.build import build
from offtake.plan.question import Question
from offtake.plan.tree_solve import SolvedTree, solve_tree
from offtake.spec.outlook import Decide, Outlook

NEUTRAL = ((1.0, 0.0),)

HALVES = {"dates": ["2025-01-01", "2025-07-01", "2026-01-01", "2026-07-01", "2028-01-01"]}
"""Four periods, the last of which is long."""


def forked(**fields: Any) -> dict[str, Any]:
    """Return two sites and two chips over three years in which power, chips and demand bind; money is discounted."""
    fast = {"tokens": {"chat": f"{2.3e6 / 3600!r} tok/s/chip"}, "train": f"{2e18 / 3600!r} FLOP/s/chip"}
    base = toy(
        objective={"maximise": "joint", "discount_rate": "5 %/y"},
        sites=[
            site(
                "a",
                interconnected={YEARS[0]: "3.5 MW", YEARS[1]: "5 MW"},
                energised="3 MW",
                phase="2 MW",
                lead_time="4 months",
                pue=1.2,
                peak_ratio=1.1,
                shell_cost="2 M USD/MW",
                running_cost="0.1 M USD/MW-year",
                power_price="60 USD/MWh",
                chips=["c", "n"],
            ),
            site(
                "b",
                interconnected="2.2 MW",
                energised="1 MW",
                phase="0.5 MW",
                lead_time="7 months",
                ramp="0.25 MW/month",
                shell_cost="3 M USD/MW",
                power_price="45 USD/MWh",
                chips=["n"],
            ),
        ],
        chips=[
            chip(
                "c",
                price="5000 USD/chip",
                lead_time="3 months",
                supply="1700 chip/y",
                life="2 years",
                price_terminal="2000 USD/chip",
                opening=stand(1500.0, "a"),
            ),
            chip(
                "n",
                price="9000 USD/chip",
                it_power="1500 W/chip",
                lead_time="5 months",
                supply="1100 chip/y",
                life="4 years",
                price_terminal="5000 USD/chip",
                overrides=fast,
            ),
        ],
        demand=[
            demand("near", price=1.4, volume={YEARS[0]: "0.05 T tok/d", YEARS[2]: "0.16 T tok/d"}),
            demand("far", mtok_per_d=60_000.0, price=0.6),
        ],
        outside_supply=[offer(chips=400.0, price=0.9)],
        resale={"steps": [{"chip": "c", "price": "0.2 USD/chip-h", "cap": "500 chip"}]},
        terminal={"site_value": "50 %", "chip_value": "80 %"},
    )
    return {**base, **fields}


def rented() -> dict[str, Any]:
    """Return a contract of two clauses that are linear in what is taken, so that settled money is the plan's."""
    rent = {"kind": "chip_price", "id": "rent", "prices": {"c": "0.3 USD/chip-h", "n": "0.7 USD/chip-h"}}
    share = {"kind": "revenue_share", "id": "share", "base": "revenue", "rates": {"direct": "10 %"}}
    return contract(rent, share)


def outlook(**fields: Any) -> dict[str, Any]:
    """Return an outlook of four quantities over `HALVES`, with three stages."""
    base = {
        "paths": 5,
        "drawn": 32,
        "seed": 3,
        "stages": ["now", "6 months", "1y"],
        "uncertain": [
            {
                "id": "volume",
                "of": ["demand.*.volume"],
                "process": {"kind": "trend", "growth": "40 %/y", "learned": "1 y"},
                "assumption": "toy",
            },
            {
                "id": "price",
                "of": ["demand.near.price"],
                "process": {"kind": "level", "spread": "15 %", "known": "2026-01-01"},
                "assumption": "toy",
            },
            {
                "id": "supply",
                "of": ["chips.n.supply"],
                "process": {"kind": "event", "probability": "40 %", "on": "2025-06-01", "factor": 0.4},
                "assumption": "toy",
            },
            {
                "id": "grid",
                "of": ["sites.a.interconnected"],
                "process": {
                    "kind": "delay",
                    "law": [
                        {"by": "0 months", "probability": "60 %"},
                        {"by": "5 months", "probability": "40 %"},
                    ],
                },
                "assumption": "toy",
            },
        ],
        "evaluate": {"paths": 8},
    }
    return {**base, **fields}


def futures(
    moves: dict[str, tuple[str, Any]], probability: Any = None, *, periods: int = 3, ids: tuple[str, ...] = ()
) -> Futures:
    """Write futures by hand: target -> (measure, effect by path, or by path and period)."""
    effects = [np.asarray(values, dtype=float) for _, values in moves.values()]
    effects = [e[:, None] * np.ones(periods) if e.ndim == 1 else e for e in effects]
    paths = len(effects[0]) if effects else 1
    chance = np.full(paths, 1.0 / paths) if probability is None else np.asarray(probability, dtype=float)
    return Futures(
        quantities=ids or tuple(f"q{k}" for k in range(len(moves))),
        targets=tuple((target,) for target in moves),
        measures=tuple(measure for measure, _ in moves.values()),
        effect=np.stack(effects, axis=1) if effects else np.ones((paths, 0, periods)),
        probability=chance,
        innovations=np.arange(paths, dtype=float)[:, None],
        known=np.ones(1, dtype=np.int64),
    )


def drawn(paths: int, seed: int, *, periods: int = 3) -> Futures:
    """Draw futures that move a little of everything, with unequal probabilities."""
    rng = np.random.default_rng(seed)

    def factor(spread: float) -> tuple[str, Any]:
        return "factor", np.exp(spread * rng.standard_normal((paths, 1)) + 0.1 * rng.standard_normal((paths, periods)))

    moves = {
        "demand.*.volume": factor(0.5),
        "demand.near.price": factor(0.2),
        "chips.n.supply": factor(0.4),
        "chips.*.delay": ("months", rng.choice([0.0, 2.0, 7.0], size=paths)),
        "sites.a.interconnected": ("months", rng.choice([0.0, 6.0], size=paths)),
        "chips.c.price": factor(0.2),
    }
    return futures(moves, rng.dirichlet(np.full(paths, 3.0)), periods=periods)


def tree_of(*nodes: list[int], starts: tuple[int, ...] | None = None) -> Tree:
    """Return a tree by the node of each path at each stage after now."""
    paths = len(nodes[0])
    node = np.array([[0] * paths, *nodes], dtype=np.int64).T
    names = ("now", *(f"{k}y" for k in range(1, node.shape[1])))
    return Tree(stages=names, starts=starts or tuple(range(node.shape[1])), node=node)


def asked(
    scenario: dict[str, Any],
    world: Futures,
    tree: Tree,
    *,
    risk: tuple[tuple[float, float], ...] = NEUTRAL,
    **decide: str,
) -> Question:
    """Put a question by hand."""
    outlook = Outlook(decide=Decide(**decide))
    return Question(base=problem(scenario), outlook=outlook, futures=world, tree=tree, risk=risk)


def answered(question: Question) -> SolvedTree:
    """Solve the relaxed tree of a question."""
    return solve_tree(build(question.problem()), RELAXED)


def optimum(question: Question) -> float:
    """Return the optimum of the relaxed tree of a question [M USD]."""
    return answered(question).relaxed.objective
