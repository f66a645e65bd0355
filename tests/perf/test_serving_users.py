"""Users' serving: one factor where early software runs experts, wider intervals, and no say in the terms."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from offtake import catalog
from offtake.catalog.chips import chip_of
from offtake.catalog.models import transformer_of
from offtake.errors import OfftakeError
from offtake.perf import fit as fitting
from offtake.perf import params, serving_params
from offtake.perf.cases import ServingCase
from offtake.perf.serving_cv import fit_table
from offtake.perf.serving_doubt import doubtful
from offtake.perf.serving_fit import residuals
from offtake.perf.serving_model import predict_serving
from offtake.perf.serving_points import ServingPoint, choose, points_of
from offtake.perf.serving_rows import names_of
from offtake.perf.serving_users import with_users
from offtake.perf.tables import Cells
from offtake.perf.tables_serving import row_of

PUBLISHED = files("offtake.perf") / "data" / "published"
SLOWER = 1.5


@pytest.fixture(scope="module")
def shipped():
    section = params.shipped()["serving"]
    effects = {name: levels for name, levels in section.effects.items() if name != "users"}
    spread = {name: value for name, value in section.spread.items() if "/users/" not in name}
    return replace(section, effects=effects, spread=spread)


def _case(**asked):
    known = {
        "chip": chip_of(catalog.chip("H200")), "model": transformer_of(catalog.model("DeepSeek-R1")), "chips": 8, "tp": 8,
        "input_tok": 1024.0, "output_tok": 1024.0, "concurrency": 32.0, "weights": "fp8", "engine": "sglang 0.4.3", "year": 2025.0,
        "tuned_by": "user",
    }  # fmt: skip
    return ServingCase(**{**known, **asked})


def _tests(section, slower=SLOWER, publishers=12):
    """Rows of users who take `slower` times as long as the section says of vendors, by publishers that differ a little."""
    points = []
    for who in range(publishers):
        habit = slower * math.exp(0.05 * math.cos(who))
        for concurrency in (1.0, 4.0, 16.0, 64.0):
            case = _case(concurrency=concurrency, input_tok=1024.0 + 8.0 * who)
            found = predict_serving(replace(case, tuned_by="vendor"), section)
            points.append(
                ServingPoint(
                    case=case, tpot_s=found.tpot_s * habit, tok_per_s_per_chip=found.output_tok_per_s_per_chip / habit,
                    source=f"laboratory {who}", key=f"{who} {concurrency}", good=False, test=True,
                )
            )  # fmt: skip
    return points


@pytest.mark.parametrize("slower", [1.0, SLOWER, 0.8])
def test_the_factor_of_users_is_found_again(shipped, slower):
    found = with_users(shipped, _tests(shipped, slower))
    # twelve publishers: 5 % of it stay with the belief that there is none
    assert math.exp(found.effects["users"]["early experts"]) == pytest.approx(slower, rel=0.05)
    assert found.rows["users"]["count"] == 48
    assert {n: v for n, v in found.effects.items() if n != "users"} == shipped.effects


def test_what_vendors_measured_on_the_side_changes_nothing(shipped):
    tests = [replace(p, case=replace(p.case, tuned_by="vendor")) for p in _tests(shipped)]
    assert with_users(shipped, tests) is shipped
    assert with_users(shipped, []) is shipped


def test_one_publisher_moves_the_factor_less_than_many(shipped):
    one, many = (with_users(shipped, _tests(shipped, 2.0, n)).effects["users"]["early experts"] for n in (1, 12))
    assert 0.3 * many < one < 0.8 * many


def test_a_publisher_counts_once_whatever_its_rows(shipped):
    few = [p for p in _tests(shipped, 1.0, 6) if p.case.concurrency == 16.0]
    many = [
        replace(p, source="much measured", key=f"much {p.key}", case=replace(p.case, output_tok=1020.0))
        for p in _tests(shipped, 2.0, 8)
    ]
    found = with_users(shipped, few + many).effects["users"]["early experts"]
    assert found == pytest.approx(math.log(2.0) / 7.0, abs=0.05)


@pytest.mark.parametrize(
    ("asked", "group"),
    [
        ({}, "early experts"),
        ({"tuned_by": "nobody"}, "early experts"),
        ({"tuned_by": "vendor"}, ""),
        ({"year": 2026.25}, "experts"),
        ({"year": 0.0, "engine": "sglang"}, "experts"),
        ({"year": 0.0}, "early experts"),
        ({"model": transformer_of(catalog.model("Llama 3.1 70B"))}, "early dense"),
    ],
)
def test_users_are_told_apart_by_model_and_software(asked, group):
    assert names_of(_case(**asked))["users"] == group


def test_users_take_longer_in_every_term_but_waiting(shipped):
    made = replace(shipped, effects={**shipped.effects, "users": {"early experts": math.log(SLOWER)}})
    ours, theirs = (serving_params.factors(made, names_of(_case(tuned_by=who))) for who in ("vendor", "user"))
    ratio = dict(zip(serving_params.CHANNELS, np.divide(theirs, ours), strict=True))
    late = {"stream", "overhead", "prompt"}
    assert ratio == pytest.approx({c: SLOWER if c in late else 1.0 for c in serving_params.CHANNELS})
    # a plan and a search ask as vendors tune, so nothing of it reaches them
    assert serving_params.factors(shipped, names_of(_case(tuned_by="vendor"))) == ours


def test_intervals_hold_users_that_differ(shipped):
    tests = [
        replace(p, tpot_s=p.tpot_s * far, tok_per_s_per_chip=p.tok_per_s_per_chip / far)
        for p in _tests(shipped)
        for far in [math.exp(0.6 * (-1) ** int(p.source[-1]))]
    ]
    found = with_users(shipped, tests)
    assert found.spread["tpot/users/early experts"] > 0.2
    inside = 0
    for p in tests:
        interval = predict_serving(p.case, found).intervals["tpot_s"]
        inside += interval.low <= p.tpot_s <= interval.high
    assert inside >= 0.75 * len(tests)


def test_test_rows_teach_no_term():
    asked = {
        "source": "NVIDIA/TensorRT-LLM docs", "engine_version": "TensorRT-LLM 1.0", "date": "2025-09", "chip": "H200", "n_chips": "1",
        "tp": "1", "model": "Llama 3.1 8B", "precision_weights": "fp8", "isl": "1024", "osl": "1024",
    }  # fmt: skip
    rows = [
        row_of(Cells(2 + i, {**asked, "concurrency": str(2**i), "tpot_ms": str(5.0 + i), "quality": "ok"}))
        for i in range(6)
    ]
    slow = [replace(row, quality="test", tpot_s=3.0 * row.tpot_s, key=f"{row.key} slow") for row in rows]
    alone, beside = fit_table(rows), fit_table([*rows, *slow])
    assert beside.effects == alone.effects
    doubtful_row = replace(slow[0], quality="check: a profiler ran", key="doubtful")
    # where there is nothing else, but for doubtful rows, they are fitted like any, and tell no factor beside
    only = fit_table([*slow, doubtful_row])
    assert "doubtful" not in only.rows["keys"]
    assert only.effects != alone.effects
    assert "users" not in only.effects
    assert "users_left_out" not in only.errors


def test_the_shipped_parameters_are_of_the_rows_that_the_documented_command_reads(shared_data):
    tables = fitting.read_tables(shared_data / "perf", PUBLISHED)
    points = points_of(tables.serving)
    own, tests = [p for p in points if not p.test], [p for p in points if p.test]
    leave = doubtful(own)
    section = params.shipped()["serving"]
    assert sorted(p.key for p in choose(own) if p.key not in leave) == section.rows["keys"]
    again = with_users(section, tests)
    assert again.effects["users"]["early experts"] == pytest.approx(section.effects["users"]["early experts"], abs=1e-4)
    # of publishers that the factor has not seen, early experts are missed by less than without it
    early = [p for p in choose([replace(p, good=True) for p in tests]) if names_of(p.case)["users"] == "early experts"]
    bare = replace(section, effects={k: v for k, v in section.effects.items() if k != "users"})
    off = [abs(math.exp(-e) - 1.0) for _, metric, e in residuals(early, bare) if metric == "throughput"]
    assert len(off) > 50
    assert section.errors["users_left_out"]["throughput"]["mape"] < 0.4 < np.mean(off)


def test_rows_without_a_measurement_fit_nothing():
    asked = {"chip": "H200", "n_chips": "1", "model": "Llama 3.1 8B", "isl": "128", "osl": "128", "concurrency": "1"}
    with pytest.raises(OfftakeError, match="nothing to fit"):
        fit_table([row_of(Cells(2, {**asked, "quality": "ok"}))])


def test_a_wrong_unit_moves_the_factor_by_no_more_than_ten(shipped):
    tests = [replace(p, tpot_s=1e9 * p.tpot_s, tok_per_s_per_chip=None) for p in _tests(shipped)]
    assert with_users(shipped, tests).effects["users"]["early experts"] < 6 * math.log(10.0)
