"""The `--json` document of a plan under uncertainty: means over its paths, and what only several paths have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.api.document import Reasons, case_row, document
from offtake.api.happenings import happenings
from offtake.api.mixing import Mixed, mixed_document, worst_certificate
from offtake.api.story import foresight_of
from offtake.outlook import measures
from offtake.outlook.sampling import conditional
from offtake.plan.problem import PARTIES

if TYPE_CHECKING:
    from offtake.api.happenings import Happenings
    from offtake.api.story import Hedge, Story
    from offtake.plan.bottlenecks import Bottleneck
    from offtake.plan.problem import Party

__all__ = ["by_path", "several_document", "what_happens"]

_APART = frozenset(
    (
        "status",
        "foresight",
        "gap",
        "bottlenecks",
        "reliefs",
        "sensitivity",
        "findings",
        "certificate",
        "seed",
        "reasons",
        "timings",
    )
)
"""What is not the mean of the paths' documents."""


def several_document(story: Story) -> dict[str, Any]:
    """Write everything that a plan under uncertainty has found.

    Raises
    ------
    ValueError    a story of one path
    """
    hedge = story.hedge
    if hedge is None:
        msg = "a story of one path has a document of its own"
        raise ValueError(msg)
    own = [document(one) for one in hedge.paths]
    mixed = mixed_document(own, hedge.probability, leave=_APART)
    _date_of_the_largest(mixed, own)
    first = document(story)
    first["foresight"] = foresight_of(story)
    found = {key: mixed.document.get(key, value) for key, value in first.items()}
    reasons = Reasons()
    common = set.intersection(*(set(d["reasons"]) for d in own))
    reasons.found.update({path: why for path, why in own[0]["reasons"].items() if path in common and path != "gap"})
    found["gap"] = reasons.value("gap", float(hedge.hedged.gap), "a linear program has no gap")
    base = {**mixed.document["cases"][0], "status": story.status, "foresight": foresight_of(story)}
    named = [{**case_row(c, k, reasons), "foresight": "perfect"} for k, c in enumerate(story.cases[1:], start=1)]
    found["cases"] = [base, *named]
    relief = {r.limit: r.relief_usd for r in story.reliefs}
    found["bottlenecks"] = [_bottleneck(b, relief.get(b.limit)) for b in story.bottlenecks]
    found["certificate"] = worst_certificate([d["certificate"] for d in own])
    found["seed"] = hedge.outlook.seed
    found["reasons"] = reasons.found
    return {**found, **_of_paths(hedge, reasons), "partly_defined": mixed.partly}


def what_happens(hedge: Hedge, *, upto: int | None = None) -> Happenings:
    """Measure how far each path is from central, over the horizon or until a period."""
    grid, futures = hedge.hedged.problem.grid, hedge.hedged.futures
    if upto is not None:  # what is in force but not known yet, a life or a delay, has not been seen
        futures = conditional(hedge.outlook, grid, futures, upto)
    return happenings(futures, hedge.central, grid.years_long, upto=upto)


def _date_of_the_largest(mixed: Mixed, own: Sequence[dict[str, Any]]) -> None:
    """Tell the day of the largest funding need of any path, which is the one that is told."""
    needs = [d["parties"]["offtaker"]["peak_funding_need_usd"] for d in own]
    mixed.document["parties"]["offtaker"]["peak_funding_date"] = own[int(np.argmax(needs))]["parties"]["offtaker"][
        "peak_funding_date"
    ]
    mixed.partly.pop("parties.offtaker.peak_funding_date", None)


def _bottleneck(b: Bottleneck, relief_usd: float | None) -> dict[str, Any]:
    return {
        "limit": b.limit,
        "kind": b.kind,
        "period": b.period,
        "price": b.price,
        "unit": b.unit,
        "binding": b.binding,
        "relief_usd": relief_usd,
        "binding_share_frac": b.share,
    }


def _of_paths(hedge: Hedge, reasons: Reasons) -> dict[str, Any]:
    """Write what only a plan for several paths has."""
    hedged = hedge.hedged
    return {
        "paths": len(hedge.paths),
        "stages": list(hedged.tree.stages),
        "value": _value(hedge, reasons),
        **_worth(hedge, reasons),
        "risk": _risk(hedge),
        "by_path": by_path(hedge, reasons),
        "tree": _tree(hedge),
    }


def _worth(hedge: Hedge, reasons: Reasons) -> dict[str, Any]:
    """Write what information, hedging and waiting are worth, and the values that these are differences of."""
    worth, why = hedge.hedged.worth, "the program that it compares with has no plan, or was stopped before it had one"
    found = {"evpi_usd": worth.evpi_usd, "vss_usd": worth.vss_usd}
    waits = {stage: reasons.value(f"waiting_value_usd.{stage}", v, why) for stage, v in worth.waiting_usd.items()}
    made_of = {
        "wait_and_see_usd": worth.wait_and_see_usd,
        "tree_usd": worth.tree_usd,
        "mean_plan_usd": worth.mean_plan_usd,
    }
    return {
        **{key: reasons.value(key, v, why) for key, v in found.items()},
        "waiting_value_usd": waits,
        "worth": {key: reasons.value(f"worth.{key}", v, why) for key, v in made_of.items()},
    }


def _value(hedge: Hedge, reasons: Reasons) -> dict[str, Any]:
    """Write what the plan is worth on the paths that it was made for, and on fresh ones."""
    why = "the plan was stopped before it was valued on fresh paths"
    fresh = hedge.evaluated
    low, high = (None, None) if fresh is None else fresh.ci95_usd
    lone = (
        why
        if fresh is None
        else "one pair of fresh paths gives no interval: ask for 4 or more in outlook.evaluate.paths"
    )
    gap, no_gap = hedge.gap, "it is estimated by replications, which --full asks for"
    return {
        "in_sample_usd": hedge.hedged.in_sample_usd,
        "out_of_sample_mean_usd": reasons.value(
            "value.out_of_sample_mean_usd", None if fresh is None else fresh.mean_usd, why
        ),
        "out_of_sample_ci95_usd": None
        if reasons.value("value.out_of_sample_ci95_usd", low, lone) is None
        else [low, high],
        "out_of_sample_risk_adjusted_usd": reasons.value(
            "value.out_of_sample_risk_adjusted_usd", None if fresh is None else fresh.risk_adjusted_usd, why
        ),
        "out_of_sample_cvar_usd": reasons.value("value.out_of_sample_cvar_usd", _fresh_tail(hedge), why),
        "out_of_sample_failed": 0 if fresh is None else fresh.failed,
        "out_of_sample_paths": 0 if fresh is None else len(fresh.values_usd),
        "evaluator": reasons.value("value.evaluator", None if fresh is None else fresh.evaluator, why),  # type: ignore[arg-type]
        "gap_estimate_usd": reasons.value("value.gap_estimate_usd", None if gap is None else gap.mean_usd, no_gap),
        "gap_limit95_usd": reasons.value("value.gap_limit95_usd", None if gap is None else gap.limit95_usd, no_gap),
    }


def _fresh_tail(hedge: Hedge) -> float | None:
    """Mean of the fresh paths' own worst, at the level at which tails are told [USD]; None without fresh paths."""
    if hedge.evaluated is None:
        return None
    values = hedge.evaluated.values_usd
    return measures.value(((1.0, _tail_level(hedge)),), values, np.full(len(values), 1.0 / len(values)))


def _tail_level(hedge: Hedge) -> float:
    return next((level for _, level in hedge.hedged.risk if level > 0.0), _TAIL)


def _risk(hedge: Hedge) -> dict[str, Any]:
    """Write the risk measure, what it makes of the probabilities, and each party's own mean and tail."""
    parts, chance = hedge.hedged.risk, hedge.probability
    tails = [(weight, level) for weight, level in parts if level > 0.0]
    level = _tail_level(hedge)
    objective = hedge.per_path(lambda one: one.base.alliance.objective_usd)
    return {
        "measure": _named(tuple(tails)),
        "level_frac": tails[0][1] if len(tails) == 1 else None,
        "weight_frac": tails[0][0] if len(tails) == 1 else None,
        "parts": [{"weight_frac": weight, "level_frac": level} for weight, level in parts],
        "risk_adjusted_usd": measures.value(parts, objective, chance),
        "stressed_probabilities": [float(p) for p in hedge.hedged.stressed],
        "tail_level_frac": level,
        "objective": {
            "mean_usd": float(chance @ objective),
            "cvar_usd": measures.value(((1.0, level),), objective, chance),
        },
        "parties": {party: _party_risk(hedge, party, level) for party in PARTIES},
    }


_TAIL = 0.9
"""Level at which tails are told where the risk measure has none."""


def _named(tails: tuple[tuple[float, float], ...]) -> str:
    if not tails:
        return "expectation"
    if len(tails) > 1:
        return "mix"
    return "worst_case" if tails[0][1] >= 1.0 else "cvar"


def _party_risk(hedge: Hedge, party: str, level: float) -> dict[str, float]:
    own = hedge.per_path(lambda one: one.base.alliance.npv_usd(party))
    gain = own - hedge.per_path(lambda one: one.base.without.npv_usd(party))
    chance, tail = hedge.probability, ((1.0, level),)
    return {
        "mean_usd": float(chance @ own),
        "cvar_usd": measures.value(tail, own, chance),
        "against_no_alliance_mean_usd": float(chance @ gain),
        "against_no_alliance_cvar_usd": measures.value(tail, gain, chance),
    }


def by_path(hedge: Hedge, reasons: Reasons) -> list[dict[str, Any]]:
    """List each path: how probable it is, what happens on it, what it is worth, what it takes."""
    told = what_happens(hedge)
    return [
        {
            "path": p,
            "probability_frac": float(hedge.probability[p]),
            "stressed_frac": float(hedge.hedged.stressed[p]),
            "what": told.of(np.array([p])),
            "objective_usd": one.base.alliance.objective_usd,
            "value_against_no_alliance_usd": one.base.value_against_no_alliance_usd,
            **{f"{party}_npv_usd": one.base.alliance.npv_usd(party) for party in PARTIES},
            **{
                f"{q}_against_no_alliance_usd": one.base.alliance.npv_usd(q) - one.base.without.npv_usd(q)
                for q in PARTIES
            },
            "peak_facility_power_mw": float(one.figures.accepted_facility_mw.max(initial=0.0)),
            "peak_contract_facility_power_mw": float(one.figures.contract_facility_mw.max(initial=0.0)),
            **{f"{q}_emergency_loan_usd": _emergency_usd(one, q) for q in PARTIES},
            "offtaker_funding_need_usd": one.figures.offtaker.funding.peak_need_usd,
            "offtaker_planned_spend_usd": one.figures.planned_spend_usd,
            "offtaker_irr": reasons.figure(f"by_path.{p}.offtaker_irr", one.figures.offtaker_irr),
            "provider_infrastructure_irr": reasons.figure(
                f"by_path.{p}.provider_infrastructure_irr", one.figures.infrastructure.irr
            ),
        }
        for p, one in enumerate(hedge.paths)
    ]


def _emergency_usd(one: Story, party: Party) -> float:
    """Largest balance of a party's emergency loan on one path."""
    return float(one.base.alliance.decisions.emergency_usd[party][0].max(initial=0.0))


def _tree(hedge: Hedge) -> list[dict[str, Any]]:
    tree, grid = hedge.hedged.tree, hedge.hedged.problem.grid
    return [
        {
            "stage": stage,
            "from": grid.starts[start].isoformat(),
            "nodes": [
                {
                    "node": int(paths[0]),
                    "probability_frac": float(hedge.probability[paths].sum()),
                    "paths": [int(p) for p in paths],
                }
                for paths in tree.groups(stage)
            ],
        }
        for stage, start in zip(tree.stages, tree.starts, strict=True)
    ]
