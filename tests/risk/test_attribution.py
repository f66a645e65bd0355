"""The difference of two plans by cause: parts that add up, and each change under its own name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offtake import api
from offtake.api.causes import causes_table, pair_of
from offtake.api.prepare import load, prepare
from offtake.cli.options import changes
from offtake.errors import OfftakeError
from offtake.plan.compile import compile_problem
from offtake.report.difference import by_cause
from offtake.risk.attribution import CAUSES, Pair, attribute
from offtake.risk.hybrids import READY, world_of

PRICE = "demand.chat-us.price={times: 0.9}"


@pytest.fixture(scope="module")
def example(root):
    return root / "examples" / "first-site.yaml"


@pytest.fixture(scope="module")
def answer(example):
    return api.plan(example, cases=False, relax=True)


@pytest.fixture(scope="module")
def pair(answer):
    return Pair(alliance=world_of(answer.plan), without=world_of(answer.story.base.without))


@pytest.fixture(scope="module")
def otherwise(example):
    """Compile the example under another assumption."""

    def compiled(*assignments: str) -> Pair:
        inputs = prepare(load(example, overlays=changes(assignments))).inputs
        return [compile_problem(inputs, alliance=yes) for yes in (True, False)]

    return compiled


def given_problems(pair, problems):
    """The quantities as they are, everything else of other problems."""
    with_, without = problems
    return Pair(
        alliance=replace(pair.alliance, problem=with_, terminal_usd=None),
        without=replace(pair.without, problem=without, terminal_usd=None),
    )


def with_quantities(pair, change):
    return replace(
        pair, alliance=replace(pair.alliance, quantities={k: change(k, v) for k, v in pair.alliance.quantities.items()})
    )


def active(parts):
    return {cause for part in parts for cause, amount in part.parts.items() if amount}


def adds_up(parts):
    for part in parts:
        grain = 1e-6 if part.unit == "MW" else 0.01
        units = round((part.b - part.a) / grain), sum(round(v / grain) for v in part.parts.values())
        assert units[0] == units[1], part
    return True


def figure(parts, name, party=""):
    return next(p for p in parts if (p.figure, p.party, p.year) == (name, party, 0))


def test_a_run_against_itself_differs_in_nothing(pair):
    parts = attribute(pair, pair)
    assert not active(parts)
    assert all(p.a == p.b for p in parts)


def test_the_figures_are_those_of_the_answer(pair, answer):
    parts, document = attribute(pair, pair), answer.document
    for party in ("offtaker", "provider"):
        assert figure(parts, "value", party).a == pytest.approx(document["parties"][party]["npv_usd"], abs=0.01)
        assert figure(parts, "gain", party).a == pytest.approx(
            document["parties"][party]["against_no_alliance_usd"], abs=0.02
        )
        table = answer.tables["cash_by_year"].where(party=party)
        moved = table["before_funding_usd"].sum() + table["funding_usd"].sum()
        assert figure(parts, "cash", party).a == pytest.approx(moved, abs=0.005)
    assert figure(parts, "peak power").a == pytest.approx(document["peak_it_power_mw"], abs=1e-5)


@pytest.mark.parametrize(
    ("assignment", "cause"),
    [
        (PRICE, "price"),
        ("sites.indiana.power_price={times: 1.5}", "price"),
        ("contract.clauses.rent.prices.trainium2=1.2 USD/chip-h", "price"),
        ("contract.signed=no", "terms"),
        ("objective.discount_rate=12 %/y", "valuation"),
    ],
)
def test_one_change_at_fixed_quantities_is_one_cause(pair, otherwise, assignment, cause):
    parts = attribute(pair, given_problems(pair, otherwise(assignment)))
    assert adds_up(parts)
    assert active(parts) == {cause}
    assert (
        figure(parts, "gain", "offtaker").parts[cause] != 0.0 or figure(parts, "value", "provider").parts[cause] != 0.0
    )


def test_more_of_everything_is_volume_alone(pair):
    parts = attribute(pair, with_quantities(pair, lambda k, v: v if k[0] == "money_usd" else 1.25 * v))
    assert adds_up(parts)
    assert active(parts) == {"volume"}
    assert figure(parts, "mean power").parts["volume"] == pytest.approx(0.25 * figure(parts, "mean power").a, abs=1e-5)


def test_the_same_total_at_other_dates_is_timing_alone(pair):
    weight = pair.alliance.problem.grid.days

    def backwards(key, value):
        if key[0] == "accepted_it_mw":  # a mean: the same sum over days
            return (value * weight)[::-1] / weight
        return value if key[0] in ("money_usd", "training_done") else value[::-1]

    parts = attribute(pair, with_quantities(pair, backwards))
    assert adds_up(parts)
    assert active(parts) == {"timing"}


def test_another_step_of_one_class_is_mix_alone(pair):
    steps = [k for k in pair.alliance.quantities if k[0] == "tokens_mtok" and k[1].startswith("chat-us")]
    values = pair.alliance.quantities
    total, sums = sum(values[k].sum() for k in steps), {k: values[k].sum() for k in steps}
    assert len(steps) > 1

    def moved(key, value):
        if key not in sums:
            return value
        share = (sums[key] / total) ** 2 / sum((s / total) ** 2 for s in sums.values())
        return value * share * total / sums[key]

    parts = attribute(pair, with_quantities(pair, moved))
    assert adds_up(parts)
    assert active(parts) == {"mix"}


def test_what_stood_ready_is_a_cause_only_where_the_supply_is_given_otherwise(pair, otherwise):
    def halved(key, value):
        return 0.5 * value if key[0] in READY or key[0] in ("offtake_chip_h", "energy_mw_h") else value

    same_inputs = attribute(pair, with_quantities(pair, halved))
    assert "availability" not in active(same_inputs)
    late = given_problems(with_quantities(pair, halved), otherwise("sites.indiana.interconnected={times: 0.5}"))
    parts = attribute(pair, late)
    assert adds_up(parts)
    power = figure(parts, "mean power")
    assert power.parts["availability"] == pytest.approx(-0.5 * power.a, abs=1e-5)
    provider = figure(parts, "value", "provider")
    assert abs(provider.parts["availability"]) > 100 * abs(provider.parts["volume"])


def test_the_other_way_round_is_the_opposite(pair, otherwise):
    other = given_problems(
        with_quantities(pair, lambda k, v: v * (1.3 if k[0] == "tokens_mtok" else 0.9)), otherwise(PRICE)
    )
    there, back = attribute(pair, other), attribute(other, pair)
    assert adds_up(there)
    assert len(active(there)) >= 2
    for one, two in zip(there, back, strict=True):
        assert {c: -v for c, v in one.parts.items()} == two.parts


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["", PRICE, "contract.clauses.minimum.rate=11 M USD/MW-y", "contract.signed=no"]),
)
def test_parts_of_any_two_runs_add_up(pair, otherwise, seed, assignment):
    rng = np.random.default_rng(seed)

    def shaken(key, value):
        return value if key[0] == "training_done" else value * rng.uniform(0.0, 2.0, len(value)).round(3)

    other = with_quantities(pair, shaken)
    if assignment:
        other = given_problems(other, otherwise(assignment))
    assert adds_up(attribute(pair, other))


def test_runs_on_different_periods_are_not_split(pair, otherwise):
    other = given_problems(pair, otherwise("grid={quarters: 4, years: 3}"))
    with pytest.raises(OfftakeError, match="different periods"):
        attribute(pair, other)


def test_a_run_directory_holds_what_it_takes(answer, pair, example, tmp_path):
    dearer = api.plan(example, overlays=changes((PRICE,)), cases=False, relax=True)
    api.save(answer, tmp_path / "a", with_report=False)
    api.save(dearer, tmp_path / "b", with_report=False)
    found = api.compare(tmp_path / "a", tmp_path / "b")
    straight = causes_table(pair, Pair(alliance=world_of(dearer.plan), without=world_of(dearer.story.base.without)))
    assert found.causes is not None
    assert found.causes.rows() == straight.rows()
    gap = dearer.document["value_against_no_alliance_usd"] - answer.document["value_against_no_alliance_usd"]
    gains = [r for r in straight.rows() if r["figure"] == "gain" and r["role"] == "part"]
    assert sum(r["amount"] for r in gains) == pytest.approx(gap, abs=0.05)
    assert "price" in set(by_cause(found.causes)["cause"])
    assert set(CAUSES) >= {r["cause"] for r in gains}


def test_a_run_without_its_quantities_says_so(answer):
    record = replace(answer.record, tables={}, extra={})
    with pytest.raises(OfftakeError, match="plan it again"):
        pair_of(record)
    with pytest.raises(OfftakeError, match="no plan of a case 'nowhere'; it has base"):
        pair_of(answer.record, "nowhere")
