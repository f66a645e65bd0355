"""A run of several paths: its numbers are means of the paths' own runs, its peaks the largest, and nothing depends on their order."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from offtake import api
from offtake.api.answer import Answer
from offtake.api.document import document
from offtake.api.schema import result_schema
from offtake.api.views import report_tables
from offtake.outlook import measures
from offtake.runs import record
from offtake.runs.compare import flatten

from .hedged import FACTORS, PROBABILITY, RISK, story


@pytest.fixture(scope="module")
def told():
    return story()


@pytest.fixture(scope="module")
def answer(told):
    return Answer(told, {"relax": True})


@pytest.fixture(scope="module")
def own(told):
    return [document(one) for one in told.hedge.paths]


def without(found, *names):
    """Leave keys out, and with `by_path` why a number of a path is null."""
    kept = {k: v for k, v in found.items() if k not in names}
    if "by_path" in names:
        kept["reasons"] = {k: v for k, v in found["reasons"].items() if not k.startswith("by_path.")}
    return kept


def same(one, other, tolerance=1e-9):
    """Compare documents: words alike, numbers within a relative tolerance."""
    a, b = flatten(one), flatten(other)
    assert a.keys() == b.keys()
    for path, value in a.items():
        if isinstance(value, float) and isinstance(b[path], float | int):
            assert value == pytest.approx(b[path], rel=tolerance, abs=1e-6), path
        else:
            assert value == b[path], path


def test_one_path_told_as_several_is_the_plan_of_one_path():
    alone = story(order=(1,), probability=(1.0,))
    found, today = Answer(alone, {}).document, document(alone.hedge.paths[0])
    apart = ("foresight", "seed", "certificate", "timings", "bottlenecks", "cases", "gap", "reasons")
    same(without({k: found[k] for k in today}, *apart), without(today, *apart))
    assert {k: found["cases"][0][k] for k in today["cases"][0]} == today["cases"][0]
    tables, before = Answer(alone, {}).tables, report_tables(alone.hedge.paths[0])
    for name in set(before) - {"bottlenecks", "limits", "phases"}:
        assert tables[name].rows() == before[name].rows(), name
    blocks = [{k: r[k] for k in r if k != "phase"} for r in tables["phases"].rows()]
    assert blocks == [{k: r[k] for k in r if k != "phase"} for r in before["phases"].rows()]


def test_numbers_are_means_by_hand_and_peaks_are_the_largest(answer, own):
    found = answer.document
    for path in (
        "objective_usd",
        "value_against_no_alliance_usd",
        "parties.provider.npv_usd",
        "energised_mw.indiana.2028-Q1",
    ):
        by_hand = sum(w * flatten(d)[path] for w, d in zip(PROBABILITY, own, strict=True))
        assert flatten(found)[path] == pytest.approx(by_hand, rel=1e-12), path
    for path in (
        "peak_it_power_mw",
        "peak_facility_power_mw",
        "peak_contract_it_power_mw",
        "peak_contract_facility_power_mw",
    ):
        assert found[path] == max(d[path] for d in own)
    needs = [d["parties"]["offtaker"]["peak_funding_need_usd"] for d in own]
    assert found["parties"]["offtaker"]["peak_funding_need_usd"] == max(needs)
    assert found["discount_rate_frac_per_y"] == own[0]["discount_rate_frac_per_y"]


def test_the_emergency_loan_and_the_need_of_funds_are_told_as_means_and_of_the_worst_path(told):
    """Balances are put in by hand, on paths that the means would hide."""
    balances = {"offtaker": (0.0, 7.0e9, 2.0e9), "provider": (1.0e9, 0.0, 0.0)}
    paths = []
    for k, one in enumerate(told.hedge.paths):
        plan = one.base.alliance
        owed = {q: np.zeros_like(plan.decisions.emergency_usd[q]) for q in balances}
        for party, largest in balances.items():
            owed[party][0, [1, 3]] = 0.5 * largest[k], largest[k]
        mine = replace(plan, decisions=replace(plan.decisions, emergency_usd=owed))
        paths.append(replace(one, base=replace(one.base, alliance=mine)))
    found = Answer(replace(told, hedge=replace(told.hedge, paths=tuple(paths))), {"relax": True})
    for party, largest in balances.items():
        shown = found.document["parties"][party]
        assert [row[f"{party}_emergency_loan_usd"] for row in found.document["by_path"]] == list(largest)
        assert shown["peak_emergency_loan_usd"] == max(largest)
        assert shown["emergency_loan_usd"] == pytest.approx(np.array(PROBABILITY) @ np.array(largest))
    said = str(api.explain(found, "parties.offtaker.peak_emergency_loan_usd"))
    assert "largest over 3 paths" in said
    assert "on path 1 (45 %): 7000000000.0" in said
    null = str(api.explain(found, "by_path[0].offtaker_irr"))
    assert f"why it is null: {found.document['reasons']['by_path.0.offtaker_irr']}" in null
    needs = [row["offtaker_funding_need_usd"] for row in found.document["by_path"]]
    own = [document(one)["parties"]["offtaker"]["peak_funding_need_usd"] for one in told.hedge.paths]
    assert needs == own
    assert found.document["parties"]["offtaker"]["peak_funding_need_usd"] == max(own)
    assert found.document["parties"]["offtaker"]["funding_need_usd"] == pytest.approx(
        np.array(PROBABILITY) @ np.array(own)
    )


def test_planned_spend_is_what_is_paid_under_the_contract_and_firm_is_of_the_terms(answer, told):
    accounts = {"rent", "take_or_pay", "reservation", "true_up"}
    paid = [sum(float(f.amount) for f in one.base.alliance.flows if f.account in accounts) for one in told.hedge.paths]
    assert [row["offtaker_planned_spend_usd"] for row in answer.document["by_path"]] == pytest.approx(paid)
    mine = answer.document["parties"]["offtaker"]
    assert mine["planned_spend_usd"] == pytest.approx(np.array(PROBABILITY) @ np.array(paid))
    own = answer.tables["headline_against_firm"].where(own=True, payer="offtaker").rows()
    assert mine["firm_commitment_usd"] == own[0]["firm_usd"]


def test_what_adds_up_on_each_path_adds_up_in_the_mean(answer):
    found, tables = answer.document, answer.tables
    gains = [found["parties"][p]["against_no_alliance_usd"] for p in ("offtaker", "provider")]
    assert sum(gains) == pytest.approx(found["value_against_no_alliance_usd"])
    sheets = tables["statements"].where(statement="balance_sheet")
    for party in ("offtaker", "provider"):
        totals = sheets.where(party=party, level=0).rows()
        by_year = {}
        for row in totals:
            by_year.setdefault(row["year"], []).append(row["amount_usd"])
        assert by_year
        assert all(values[0] == pytest.approx(values[-1], abs=1.0) for values in by_year.values())
    power = tables["power_flows"]
    for node in set(power["source"]) & set(power["target"]):
        into, out = (power.where(**{side: node})["it_mw_y"].sum() for side in ("target", "source"))
        assert into == pytest.approx(out, rel=1e-9)


def test_the_order_of_the_paths_changes_no_bit(answer):
    other = Answer(story(order=(2, 0, 1), probability=(0.3, 0.25, 0.45)), {"relax": True})
    apart = ("by_path", "tree", "risk", "certificate", "timings", "findings", "run_id", "value")
    assert without(flatten(without(answer.document, *apart))) == without(flatten(without(other.document, *apart)))
    assert other.document["risk"]["risk_adjusted_usd"] == pytest.approx(
        answer.document["risk"]["risk_adjusted_usd"], rel=1e-12
    )


def test_a_path_told_twice_with_half_its_probability_changes_nothing(answer):
    twice = Answer(story(order=(0, 1, 1, 2), probability=(0.25, 0.2, 0.25, 0.3)), {"relax": True})
    apart = ("by_path", "tree", "risk", "certificate", "timings", "findings", "run_id", "value", "paths", "bottlenecks")
    same(without(answer.document, *apart), without(twice.document, *apart))


def test_risk_is_told_by_parts_and_the_stressed_mean_is_the_risk_adjusted_value(answer):
    found = answer.document
    values = np.array([row["objective_usd"] for row in found["by_path"]])
    assert found["risk"]["risk_adjusted_usd"] == pytest.approx(
        float(np.array(found["risk"]["stressed_probabilities"]) @ values)
    )
    assert (found["risk"]["measure"], found["risk"]["level_frac"], found["risk"]["weight_frac"]) == ("cvar", 0.9, 0.3)
    for party in ("offtaker", "provider"):
        own = np.array([row[f"{party}_npv_usd"] for row in found["by_path"]])
        assert found["risk"]["parties"][party]["mean_usd"] == pytest.approx(found["parties"][party]["npv_usd"])
        assert found["risk"]["parties"][party]["cvar_usd"] == pytest.approx(own.min()), (
            "the worst tenth lies within one path of a quarter"
        )
    assert measures.value(RISK, values, np.array(PROBABILITY)) == found["risk"]["risk_adjusted_usd"]


def test_each_limit_says_in_which_share_of_the_paths_it_binds(answer, told):
    by_name = {(b["limit"], b["period"]): b for b in answer.document["bottlenecks"]}
    for b in told.hedge.hedged.bottlenecks:
        share = sum(w for w, price in zip(PROBABILITY, b.by_path, strict=True) if price is not None and price > 0)
        if None not in b.by_path:
            assert by_name[b.limit, b.period]["binding_share_frac"] == pytest.approx(share)
    table = answer.tables["binding"]
    assert ((table["share_frac"] >= 0) & (table["share_frac"] <= 1 + 1e-12)).all()
    assert set(np.round(table["share_frac"], 9)) & {0.25, 0.45, 0.3, 0.7, 0.75, 0.55}, (
        "some limits bind on some paths only"
    )


def test_paths_are_told_in_words(answer):
    what = [row["what"] for row in answer.document["by_path"]]
    assert what == ["demand growth 40 % lower", "near the central path", "demand growth 40 % higher"]
    decided = answer.tables["stage_decisions"].rows()
    assert [(r["stage"], r["node"]) for r in decided] == [("now", 0), ("2y", 0), ("2y", 1), ("2y", 2)]
    assert sum(r["probability_frac"] for r in decided[1:]) == pytest.approx(1.0)
    assert "sign the contract" in decided[0]["what"]
    assert FACTORS[1] == 1.0


def test_decisions_of_all_stages_are_all_decisions(answer, told):
    whole = sum(
        w * float((one.base.alliance.decisions.starts[0] * one.base.alliance.problem.sites.phase_mw).sum())
        for w, one in zip(PROBABILITY, told.hedge.paths, strict=True)
    )
    rows = answer.tables["stage_decisions"].rows()
    assert sum(r["probability_frac"] * r["begun_mw"] for r in rows) == pytest.approx(whole)


@pytest.mark.parametrize(("timing", "stages"), [("now", {"now"}), ("stages", {"now", "2y"}), ("path", {"2y", "path"})])
def test_power_stands_at_the_stage_at_which_it_is_decided(timing, stages):
    rows = Answer(story(phases=timing), {}).tables["stage_decisions"].rows()
    assert {r["stage"] for r in rows if r["begun_mw"] > 0} == stages


def test_the_document_has_numbers_only_and_keeps_to_its_schema(answer, mistakes):
    text = json.dumps(answer.document, allow_nan=False, default=str)
    assert list(mistakes(json.loads(text), result_schema())) == []
    wrong = {**json.loads(text), "evpi_usd": "much"}
    assert list(mistakes(wrong, result_schema())) == ["$.evpi_usd: 'much' is not ['number', 'null']"]


def test_fresh_tails_are_of_the_fresh_paths(answer, told):
    value, fresh = answer.document["value"], np.sort(told.hedge.evaluated.values_usd)
    worst = 0.1 * len(fresh)  # paths within the worst tenth
    whole = int(worst)
    by_hand = (fresh[:whole].sum() + (worst - whole) * fresh[whole]) / worst
    assert value["out_of_sample_cvar_usd"] == pytest.approx(by_hand)
    said = str(api.explain(answer, "value.out_of_sample_risk_adjusted_usd"))
    assert "measure: 70 % of the mean and 30 % of the mean of the worst 10 % of the probability" in said
    assert "cvar" in said


def test_worth_that_could_not_be_found_is_null_with_a_reason(told):
    unknown = replace(told.hedge.hedged.worth, evpi_usd=None, wait_and_see_usd=None)
    found = Answer(
        replace(told, hedge=replace(told.hedge, hedged=replace(told.hedge.hedged, worth=unknown))), {}
    ).document
    assert found["evpi_usd"] is None
    assert found["worth"]["wait_and_see_usd"] is None
    assert {"evpi_usd", "worth.wait_and_see_usd"} <= set(found["reasons"])


def test_least_cash_and_dots_are_of_single_paths(answer, own):
    for party in ("offtaker", "provider"):
        least = [d["parties"][party]["min_cash_usd"] for d in own]
        assert answer.document["parties"][party]["min_cash_usd"] == min(least)
        marks = answer.tables["dots"].where(what=party)["value_usd"].tolist()
        assert marks == sorted(row[f"{party}_against_no_alliance_usd"] for row in answer.document["by_path"]), (
            "fewer paths than dots: one mark each"
        )


def test_labels_by_number_are_no_means(answer, own):
    assert set(answer.tables["power_flows"]["stage"].tolist()) == {0, 1, 2}
    middle = answer.tables["power_flows"]
    assert set(middle.where(stage=0)["target"]) == set(middle.where(stage=1)["source"])


def test_a_stop_before_fresh_paths_is_told_as_such():
    found = Answer(story(fresh=False), {}).document
    assert found["value"]["out_of_sample_mean_usd"] is None
    assert "stopped" in found["reasons"]["value.out_of_sample_mean_usd"]
    assert found["value"]["out_of_sample_cvar_usd"] is None
    assert math.isfinite(found["value"]["in_sample_usd"])


def test_a_saved_run_explains_its_numbers_and_keeps_its_tables(answer, tmp_path):
    where = api.save(answer, tmp_path / "run", with_report=False)
    back = record.load(where)
    assert without(dict(back.document), "timings") == without(answer.document, "timings")
    assert set(back.tables) == set(answer.tables)
    for path in (
        "paths", "stages[0]", "evpi_usd", "vss_usd", "waiting_value_usd.2y", "worth.wait_and_see_usd", "value.in_sample_usd",
        "value.out_of_sample_mean_usd", "value.out_of_sample_cvar_usd", "value.out_of_sample_ci95_usd[0]",
        "value.gap_estimate_usd", "risk.parties.offtaker.cvar_usd", "risk.stressed_probabilities[1]",
        "by_path[0].objective_usd", next(p for p in flatten(answer.document) if p.endswith("g_share_frac")),
        "tree[1].nodes[0].probability_frac",
    ):  # fmt: skip
        found = api.explain(answer, path)
        assert any(line.startswith("formula: ") for line in found.lines), path
    mean = str(api.explain(answer, "parties.provider.npv_usd"))
    assert "mean over 3 paths" in mean
    assert str(answer.document["by_path"][0]["provider_npv_usd"]) not in mean or "path 0" in mean


def test_a_difference_of_means_is_not_split_by_cause(answer, tmp_path):
    one = api.save(answer, tmp_path / "one", with_report=False)
    found = api.compare(one, one)
    assert found.causes is None
    assert "--paths 1" in found.why


def test_findings_say_on_how_many_paths_they_stand(told):
    assert any("of 3 paths" in f.message for f in told.findings)
    assert all(f.code for f in told.findings)
    assert replace(told.findings[0]) == told.findings[0]
