"""Plans on futures that they were not made for: evaluators by hand and against each other, executors, intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from plan_toys import RELAXED, chip, demand, inputs, toy
from tree_toys import HALVES, forked, outlook, rented

from offtake.errors import OfftakeError
from offtake.executors import executor_of
from offtake.outlook.sampling import sample
from offtake.plan import evaluate as evaluation
from offtake.plan.evaluate import (
    Evaluated,
    GapEstimate,
    estimate_gap,
    evaluate,
    evaluator_of,
    interval,
    task_of,
    values_of,
)
from offtake.plan.hedge import floor_price, plan_under_uncertainty


def planned(scenario, settings=RELAXED):
    """Plan a scenario under its outlook."""
    world = inputs(scenario)
    return plan_under_uncertainty(world, world.base.outlook, settings)


@pytest.fixture(scope="module")
def hedged():
    """A plan in three stages whose contract has no yes/no facts."""
    return planned(forked(grid=HALVES, contract=rented(), outlook=outlook()))


@pytest.fixture(scope="module")
def one_stage():
    """A plan of which all is decided now."""
    return planned(forked(grid=HALVES, contract=rented(), outlook=outlook(stages=["now"])))


@pytest.fixture(scope="module")
def serial():
    with executor_of("serial") as executor:
        yield executor


def test_who_knows_the_path_does_at_least_as_well_as_who_replans(hedged, serial):
    recourse = evaluate(hedged, RELAXED, serial, evaluator="recourse")
    rolling = evaluate(hedged, RELAXED, serial, evaluator="rolling")
    assert len(recourse.values_usd) == len(rolling.values_usd) == 8
    assert (recourse.values_usd >= rolling.values_usd - 1e-6 * np.abs(rolling.values_usd)).all()
    assert (recourse.values_usd > rolling.values_usd + 1e3).any()
    assert recourse.failed == rolling.failed == 0


def test_rolling_with_one_stage_is_recourse(one_stage, serial):
    recourse = evaluate(one_stage, RELAXED, serial, evaluator="recourse")
    rolling = evaluate(one_stage, RELAXED, serial, evaluator="rolling")
    assert recourse.values_usd.tolist() == rolling.values_usd.tolist()


def test_the_evaluator_is_rolling_where_there_are_stages(hedged, one_stage, serial):
    assert evaluator_of(hedged) == "rolling"
    assert evaluator_of(one_stage) == "recourse"
    assert evaluate(one_stage, RELAXED, serial, paths=4).evaluator == "recourse"


@pytest.mark.parametrize("maximise", ["joint", "offtaker"])
def test_the_plan_s_own_futures_give_its_own_value(maximise):
    """With all decided now, nothing is left to know: a path evaluated is the path finished, whatever the objective."""
    goal = {"maximise": maximise, "discount_rate": "5 %/y"}
    if maximise == "offtaker":
        goal["others_at_least"] = "14 M USD"
    found = planned(forked(grid=HALVES, contract=rented(), objective=goal, outlook=outlook(stages=["now"])))
    told = values_of(task_of(found, RELAXED, "recourse"), found.futures)
    if maximise == "joint":
        assert told == pytest.approx(found.scores_usd, rel=1e-6)
    else:  # a binding floor leaves a path some room between the parties, in which a finished one favours the offtaker
        assert told == pytest.approx(found.scores_usd, rel=1e-3)
        assert (told <= found.scores_usd * (1 + 1e-6)).all()
        assert floor_price(found.tree_solved, "provider") > 0.01


def test_every_executor_gives_the_same_bytes(hedged, serial):
    bytes_of = []
    for name in ("serial", "processes:1", "processes:2"):
        with executor_of(name) as executor:
            found = evaluate(hedged, RELAXED, executor, paths=8, evaluator="rolling")
        bytes_of.append(found.values_usd.tobytes())
    assert bytes_of[0] == bytes_of[1] == bytes_of[2]


def test_each_fresh_path_stands_alone(hedged, serial):
    whole = evaluate(hedged, RELAXED, serial, paths=6, evaluator="recourse").values_usd
    question = hedged.question
    antithetic = question.outlook.model_copy(update={"method": "antithetic"})
    fresh = sample(antithetic, question.base.grid, paths=6, seed=question.outlook.seed, stream="evaluate")
    assert fresh.innovations[1::2] == pytest.approx(-fresh.innovations[::2])
    task = task_of(hedged, RELAXED, "recourse")
    alone = [float(values_of(task, fresh.only(np.array([k])))[0]) for k in (5, 0, 3)]
    assert alone == pytest.approx([whole[5], whole[0], whole[3]], rel=1e-9)
    plan = sample(antithetic, question.base.grid, paths=6, seed=question.outlook.seed)
    assert not np.allclose(plan.innovations, fresh.innovations)  # other futures than the plan was made for


def test_an_odd_number_of_paths_is_made_even(hedged, serial):
    assert len(evaluate(hedged, RELAXED, serial, paths=3, evaluator="recourse").values_usd) == 4


def test_two_paths_have_a_mean_and_no_interval(hedged, serial):
    found = evaluate(hedged, RELAXED, serial, paths=2, evaluator="recourse")
    assert found.mean_usd == pytest.approx(found.values_usd.mean())
    assert found.ci95_usd == (-math.inf, math.inf)


# -- intervals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "quantile"), [(2, 12.7062), (3, 4.3027), (10, 2.2622), (31, 2.0423)])
def test_an_interval_is_student_s(count, quantile):
    values = np.random.default_rng(count).standard_normal(count)
    low, high = interval(values)
    half = quantile * values.std(ddof=1) / math.sqrt(count)
    assert (low, high) == (
        pytest.approx(values.mean() - half, rel=1e-4, abs=1e-4),
        pytest.approx(values.mean() + half, rel=1e-4, abs=1e-4),
    )


def test_an_interval_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    held = [low <= 5.0 <= high for low, high in (interval(rng.normal(5.0, 2.0, 6)) for _ in range(2000))]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)
    wide = [low <= 5.0 <= high for low, high in (interval(rng.normal(5.0, 2.0, 6), level=0.5) for _ in range(2000))]
    assert np.mean(wide) == pytest.approx(0.5, abs=0.035)


def test_the_interval_of_antithetic_pairs_is_that_of_their_means():
    values = np.array([1.0, 9.0, 2.0, 9.0, 0.0, 9.0])
    found = Evaluated(evaluator="recourse", values_usd=values, risk_adjusted_usd=0.0)
    assert found.mean_usd == 5.0
    # Means of pairs 5, 5.5, 4.5: standard deviation 1/2, so 4.303 × 0.5 / √3
    assert found.ci95_usd == (pytest.approx(5 - 1.2421, abs=1e-3), pytest.approx(5 + 1.2421, abs=1e-3))


def test_antithetic_pairs_vary_less_than_paths(hedged, serial):
    values = evaluate(hedged, RELAXED, serial, paths=24, evaluator="recourse").values_usd
    pairs = values.reshape(-1, 2).mean(axis=1)
    assert pairs.var(ddof=1) < values.var(ddof=1) / 2


def test_the_measure_of_risk_counts_fresh_paths_too(serial):
    cautious = planned(
        forked(grid=HALVES, contract=rented(), outlook=outlook(risk={"kind": "worst_case", "weight": "100 %"}))
    )
    found = evaluate(cautious, RELAXED, serial, evaluator="recourse")
    assert found.risk_adjusted_usd == pytest.approx(found.values_usd.min())


def test_a_pair_of_which_one_path_has_no_plan_is_left_out(hedged, serial, monkeypatch):
    values = iter([1.0, 3.0, math.nan, 2.0, 5.0, 7.0, 4.0, 6.0])

    class Lost:
        def map(self, work, pieces, **_):
            return [np.array([next(values) for _ in range(len(piece))]) for piece in pieces]

    found = evaluate(hedged, RELAXED, Lost(), paths=8)
    assert found.values_usd.tolist() == [1.0, 3.0, 5.0, 7.0, 4.0, 6.0]
    assert found.failed == 2


def test_no_path_with_a_plan_is_said(hedged):
    class Lost:
        def map(self, work, pieces, **_):
            return [np.full(len(piece), math.nan) for piece in pieces]

    with pytest.raises(OfftakeError, match="of 8 fresh paths only 0 have a plan"):
        evaluate(hedged, RELAXED, Lost(), paths=8)


# -- by hand ---------------------------------------------------------------------------------------------------------


def jump(on, stages, **more):
    """Demand that keeps 1,000 chips busy, or from a day on 4,000 with one chance in four; a chip costs 6,000 USD, a year brings 8,760."""
    process = {"kind": "event", "probability": "25 %", "on": on, "factor": 4}
    quantity = {"id": "jump", "of": ["demand.d.volume"], "process": process, "assumption": "toy"}
    return toy(
        chips=[chip(price="6000 USD/chip")],
        demand=[demand(mtok_per_d=24_000.0)],
        outlook={"paths": 2, "drawn": 64, "stages": stages, "uncertain": [quantity], "evaluate": {"paths": 8}} | more,
    )


def by_path(found, evaluator):
    """Values on a fresh path without the event and one with it."""
    question = found.question
    drawn = sample(question.outlook, question.base.grid, paths=64, seed=9, stream="hand")
    high = int(np.argmax(drawn.effect[:, 0, -1]))
    low = int(np.argmin(drawn.effect[:, 0, -1]))
    assert drawn.effect[[low, high], 0, -1].tolist() == [1.0, 4.0]
    return values_of(task_of(found, RELAXED, evaluator), drawn.only(np.array([low, high]))) / 1e6


def test_what_is_seen_at_a_stage_is_used_by_both_evaluators():
    # 2,000 chips now: half of them on average in year 1, which 1,000 would do. If demand jumps, 2,000 more in year 2, when it is seen.
    found = planned(jump("2026-01-01", ["now", "1y"]))
    low, high = 8.76 * 3 - 12, 8.76 * (1 + 3 + 4) - 24
    for evaluator in ("recourse", "rolling"):
        assert by_path(found, evaluator) == pytest.approx([low, high], rel=1e-6)


def test_who_does_not_know_what_comes_orders_too_late():
    # The jump comes with year 3 and is known then, when a chip serves half a year and does not pay. Whoever knows the path orders in year
    # 2: 2,000 chips that serve all of year 3, for 8.76 - 6 each. Whoever replans expects no jump. (What a site pays for power, nothing, is
    # known in year 2 and tells paths apart.)
    noise = {
        "id": "noise",
        "of": ["sites.s.power_price"],
        "process": {"kind": "level", "spread": "10 %", "known": "2026-01-01"},
        "assumption": "toy",
    }
    scenario = jump("2027-01-01", ["now", "1y", "2y"], paths=6)
    scenario["outlook"]["uncertain"].append(noise)
    found = planned(scenario)
    low = 8.76 * 3 - 12
    assert by_path(found, "recourse") == pytest.approx([low, low + 8.76 + 2 * (8.76 - 6)], rel=1e-6)
    assert by_path(found, "rolling") == pytest.approx([low, low + 8.76], rel=1e-6)


def test_the_values_of_evaluation_are_labelled():
    assert set(evaluation.LABELS) == {"recourse", "rolling"}
    assert "upper" in evaluation.LABELS["recourse"]


@pytest.fixture
def steps(monkeypatch, hedged):
    """Problems and held decisions of one path as it is replanned, and what was decided then."""
    seen, done = [], []
    build, decide = evaluation._built, evaluation._planned

    def built(task, path, held):
        made = build(task, path, held)
        seen.append((made.problem, held))
        return made

    def planned_again(*args, **more):
        done.append(decide(*args, **more))
        return done[-1]

    monkeypatch.setattr(evaluation, "_built", built)
    monkeypatch.setattr(evaluation, "_planned", planned_again)
    question = hedged.question
    drawn = sample(question.outlook, question.base.grid, paths=64, seed=9, stream="hand")
    late = int(np.argmax(drawn.effect[:, 3, 0] * (drawn.effect[:, 0, 3] > 1.1)))
    values_of(task_of(hedged, RELAXED, "rolling"), drawn.only(np.array([late])))
    return seen, done


def test_rolling_keeps_what_it_decided_before(steps):
    seen, done = steps
    assert [held.orders_held.tolist() for _, held in seen] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, True],
    ]
    for again, (_, held) in zip(done, seen[1:], strict=True):
        kept = held.orders_held & ~seen[0][1].orders_held
        assert np.array_equal(held.orders[kept], again.orders[kept])
        assert np.array_equal(held.orders[0], seen[0][1].orders[0])


def test_rolling_plans_for_what_is_expected_then(steps, hedged):
    (first, _), (second, _), (last, _) = steps[0]
    base = hedged.question.base
    near = base.demand.entries.index("near")
    price = [p.demand.price_usd_per_mtok[0, :, near] for p in (base, first, second, last)]
    # The price is known from 2026 on, the third period, at whose start the plan is made for the second time.
    assert price[1][1:] == pytest.approx(price[0][1:])
    assert price[1][0] == price[3][0]
    assert price[2] == pytest.approx(price[3])
    assert not np.allclose(price[3], price[0])
    # Growth is learned over a year: what is expected of the last period goes on changing, what has been is what was.
    volume = [p.demand.volume_tok[0, :, near] for p in (first, second, last)]
    assert volume[0][0] == pytest.approx(volume[2][0])
    assert volume[1][:2] == pytest.approx(volume[2][:2])
    assert volume[0][3] < volume[1][3]


def test_rolling_does_not_know_a_delay_before_it_is_known():
    quantity = {
        "id": "late",
        "of": ["chips.c.delay"],
        "process": {
            "kind": "delay",
            "law": [{"by": "0 months", "probability": "60 %"}, {"by": "9 months", "probability": "40 %"}],
            "known": "2027-01-01",
        },
        "assumption": "toy",
    }
    shorter = {
        "id": "life",
        "of": ["chips.c.life"],
        "process": {"kind": "level", "law": "uniform", "low": 0.01, "high": 0.03, "known": "2027-01-01"},
        "assumption": "toy",
    }
    scenario = jump("2027-01-01", ["now", "1y", "2y"])
    scenario["outlook"]["uncertain"] = [quantity, shorter]
    found = planned(scenario)
    question, task = found.question, task_of(found, RELAXED, "rolling")
    drawn = sample(question.outlook, question.base.grid, paths=16, seed=9, stream="hand")
    path = drawn.only(np.array([int(np.argmax(drawn.effect[:, 0, 0]))]))
    seen = []
    build = evaluation._built
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "_built", lambda *args: seen.append(build(*args)) or seen[-1])
        values_of(task, path)
    late = [b.problem.chips.late_days[0, 0] for b in seen]
    lives = [b.problem.chips.lives_days[0, 0] / 365 for b in seen]
    assert late == [0.0, 274.0, 274.0]  # at the start of year 2, of year 3, and as it was
    assert lives[0] == pytest.approx(2.0)
    assert lives[1] == lives[2] == pytest.approx(100 * path.effect[0, 1, 0])
    assert lives[1] != pytest.approx(2.0)


# -- replications --------------------------------------------------------------------------------------------------------


def test_no_sample_s_own_plan_is_worse_than_this_plan_on_it(hedged, serial):
    with executor_of("processes:2") as executor:
        elsewhere = estimate_gap(hedged, RELAXED, executor, replications=3)
    found = estimate_gap(hedged, RELAXED, serial, replications=3)
    assert found.gaps_usd.tobytes() == elsewhere.gaps_usd.tobytes()
    size = abs(hedged.in_sample_usd)
    assert (found.gaps_usd >= -1e-9 * size).all()
    assert found.gaps_usd.max() > 1e3  # the other samples are other ones
    assert found.gaps_usd.max() < size
    assert found.limit95_usd > found.mean_usd == pytest.approx(found.gaps_usd.mean())


def test_a_plan_for_what_is_certain_has_no_gap(serial):
    # 4,000 chips' demand comes for sure: every sample has the same futures.
    found = planned(jump("2026-01-01", ["now", "1y"], uncertain=[], paths=1, drawn=1))
    gaps = estimate_gap(found, RELAXED, serial, replications=2).gaps_usd
    assert gaps == pytest.approx([0.0, 0.0], abs=1.0)


def test_one_replication_gives_no_interval(hedged, serial):
    with pytest.raises(ValueError, match="at least 2"):
        estimate_gap(hedged, RELAXED, serial, replications=1)


@pytest.mark.parametrize(("count", "quantile"), [(2, 6.3138), (5, 2.1318), (30, 1.6991)])
def test_the_limit_of_the_gap_is_student_s_on_one_side(count, quantile):
    gaps = np.random.default_rng(count).random(count)
    limit = gaps.mean() + quantile * gaps.std(ddof=1) / math.sqrt(count)
    assert GapEstimate(gaps_usd=gaps).limit95_usd == pytest.approx(limit, rel=1e-4)
