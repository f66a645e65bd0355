"""Drawing futures: marginals, correlations, streams, and what must not change them."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bounds import GRID, LEAST_P, LIMIT, YEARS, p_continuous
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from offtake.outlook.correlation import matrix
from offtake.outlook.processes.delay import Delay
from offtake.outlook.processes.event import Event
from offtake.outlook.processes.jumps import Jumps
from offtake.outlook.processes.level import Level
from offtake.outlook.processes.mean_reversion import MeanReversion
from offtake.outlook.processes.regimes import Regimes
from offtake.outlook.processes.reverting_trend import RevertingTrend
from offtake.outlook.processes.s_curve import SCurve
from offtake.outlook.processes.spikes import Spikes
from offtake.outlook.processes.trend import Trend
from offtake.outlook.sampling import central, conditional, generator, mean_path, sample
from offtake.registry import components
from offtake.spec.outlook import Outlook

METHODS = ("sobol", "latin", "antithetic", "random")

KINDS = {
    "trend": Trend(level_frac=0.1, growth_frac_per_y=0.1, learned_y=2.0, volatility_frac=0.1),
    "trend-at-once": Trend(growth_frac_per_y=0.1, level_frac=0.1),
    "s_curve": SCurve(now_frac=0.1, midpoint_y=2.0, midpoint_spread_frac=0.2, ceiling_spread_frac=0.3, learned_y=3.0),
    "mean_reversion": MeanReversion(spread_frac=0.3, half_life_y=0.5),
    "reverting_trend": RevertingTrend(spread_frac=0.3, half_life_y=0.5, growth_frac_per_y=0.1, learned_y=1.0),
    "jumps": Jumps(every_y=2.0, size=1.3, size_spread_frac=0.1),
    "regimes": Regimes(factor=1.4, stays_y=3.0, lasts_y=1.0),
    "spikes": Spikes(spread_frac=0.2, half_life_y=0.3, every_y=0.1, height=5.0, lasts_days=0.5),
    "level": Level(spread_frac=0.2),
    "delay": Delay(median_months=4.0, spread_frac=0.5, known="2027-03-01"),
    "event": Event(probability_frac=0.3, from_="2027-01-01", until="2029-01-01", factor=0.5, lasts_months=9.0),
    "event-of-a-day": Event(probability_frac=0.3, on="2028-02-15", delay_months=12.0),
}
"""One process of each kind, and some in two forms."""

TARGET = {"factor": "demand.*.volume", "months": "chips.*.delay"}


def outlook(processes, correlations=(), **given):
    """Make an outlook of processes by id."""
    uncertain = [{"id": name, "of": [TARGET[p.measure]], "process": p} for name, p in processes.items()]
    pairs = [{"between": [a, b], "value": value} for a, b, value in correlations]
    return Outlook.model_validate({"uncertain": uncertain, "correlations": pairs, **given})


ALL = outlook(KINDS, [("level", "delay", 0.6), ("mean_reversion", "spikes", -0.5), ("jumps", "spikes", 0.3)])


def draw(of, paths=64, seed=1, stream="plan"):
    return sample(of, GRID, paths=paths, seed=seed, stream=stream)


def slots(of):
    return [(u.id, i.slot) for u in of.uncertain for i in u.process.innovations(GRID)]


# Every process ---------------------------------------------------------------------------------------------------


def test_every_kind_is_tried_here():
    assert {p.kind for p in KINDS.values()} == set(components("process"))


@pytest.mark.parametrize("name", KINDS)
def test_a_process_names_its_innovations_once_and_knows_each_after_now(name):
    found = KINDS[name].innovations(GRID)
    assert len({i.slot for i in found}) == len(found)
    assert all(i.known >= 1 for i in found)
    assert KINDS[name].dimensions(GRID).dtype == np.int64


@pytest.mark.parametrize("name", [n for n, p in KINDS.items() if p.measure == "factor"])
def test_nothing_is_seen_before_it_is_known(name):
    """What is not known at the start of period t + 1 does nothing in period t: paths that were alike looked alike."""
    process = KINDS[name]
    known = process.dimensions(GRID)
    z = np.random.default_rng(3).standard_normal((200, len(known)))
    whole = process.effect(z, GRID)
    for t in range(len(GRID)):
        later = np.where(known > t + 1, np.random.default_rng(4).standard_normal(z.shape), z)
        assert (process.effect(later, GRID)[:, : t + 1] == whole[:, : t + 1]).all()


@pytest.mark.parametrize("name", KINDS)
def test_the_effect_of_a_path_does_not_depend_on_its_neighbours(name):
    process = KINDS[name]
    z = np.random.default_rng(3).standard_normal((101, len(process.dimensions(GRID))))
    some = np.array([7, 100, 0, 33])
    assert process.effect(z, GRID)[some].tobytes() == process.effect(z[some], GRID).tobytes()
    assert process.effect(np.asfortranarray(z), GRID).tobytes() == process.effect(z, GRID).tobytes()


@pytest.mark.parametrize("name", [n for n in KINDS if n not in {"jumps", "spikes", "delay"}])
def test_the_central_path_is_the_scenario_as_written(name):
    found = central(outlook({name: KINDS[name]}), GRID)
    nothing = 1.0 if KINDS[name].measure == "factor" else 0.0
    assert (found.effect == nothing).all()


def test_the_central_path_where_the_law_does_not_allow_the_scenario_itself():
    """Compensated jumps fall between jumps; spikes are at their median number and height; a delay is at its median."""
    jumps = central(outlook({"jumps": KINDS["jumps"]}), GRID).effect[0, 0]
    falls = (1.3 * math.exp(0.005) - 1) / 2.0
    edges = GRID.edges_days / 365
    assert jumps[:8] == pytest.approx((np.exp(-falls * edges[:8]) + np.exp(-falls * edges[1:9])) / 2)
    spikes = central(outlook({"spikes": KINDS["spikes"]}), GRID).effect[0, 0]
    assert spikes == pytest.approx(np.ones(19), abs=0.05)
    assert (central(outlook({"delay": KINDS["delay"]}), GRID).effect == 4.0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(KINDS)))
def test_factors_are_above_zero_and_months_not_below(seed, name):
    process = KINDS[name]
    z = 3.0 * np.random.default_rng(seed).standard_normal((20, len(process.dimensions(GRID))))
    effect = process.effect(z, GRID)
    assert np.isfinite(effect).all()
    assert (effect > 0.0).all() if process.measure == "factor" else (effect >= 0.0).all()


@pytest.mark.parametrize(
    "process",
    [
        Trend(level_frac=5.0, growth_frac_per_y=10.0, volatility_frac=5.0),
        Jumps(every_y=0.001, size=1e16, size_spread_frac=5.0),
        Jumps(every_y=0.001, size=1e-9),
        MeanReversion(spread_frac=5.0, half_life_y=1000.0),
        MeanReversion(spread_frac=5.0, half_life_y=1e-9),
        SCurve(now_frac=1e-9, midpoint_y=1e-6, midpoint_spread_frac=5.0, ceiling_spread_frac=5.0),
        Spikes(spread_frac=5.0, half_life_y=1e-6, every_y=1e-4, height=1e6, lasts_days=1e3),
        Regimes(factor=1e6, stays_y=1e-9, lasts_y=1e3),
    ],
    ids=lambda p: p.kind,
)
def test_no_terms_give_what_is_no_number(process):
    z = 4.0 * np.random.default_rng(1).standard_normal((50, len(process.dimensions(GRID))))
    assert np.isfinite(process.effect(z, GRID)).all()


# Marginals and correlations --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_innovations_are_standard_normal(method):
    of = ALL.model_copy(update={"method": method})
    found = draw(of, 4000).innovations
    least = min(p_continuous(column, stats.norm()) for column in found.T)
    assert least > LEAST_P / 10  # the least of some hundred
    assert p_continuous(1.3 * found[:, 0], stats.norm()) < LEAST_P


@pytest.mark.parametrize("method", METHODS)
def test_innovations_are_correlated_as_stated_and_not_otherwise(method):
    paths = 8000
    found = np.corrcoef(draw(ALL.model_copy(update={"method": method}), paths).innovations.T)
    names = slots(ALL)
    wanted = {frozenset(c.between): c.value for c in ALL.correlations}
    stated = np.array(
        [[wanted.get(frozenset((a, b)), 0.0) if s == t else 0.0 for b, t in names] for a, s in names]
    ) + np.eye(len(names))
    errors = np.abs(found - stated) * math.sqrt(paths / (2 if method in {"antithetic", "latin"} else 1))
    assert errors.max() < LIMIT + 0.5, "some ten thousand pairs"
    assert np.count_nonzero(stated) > len(names) + 60, "the pairs stated are found"
    assert (np.abs(found - np.eye(len(names))) * math.sqrt(paths)).max() > 2 * LIMIT, "without them the bound is broken"


def test_effects_are_correlated_by_the_closed_form_of_lognormals():
    """Of exp(s Z1) and exp(t Z2): (exp(r s t) - 1) / sqrt((exp(s²) - 1) (exp(t²) - 1))."""
    s, t, r = 0.3, 0.5, -0.7
    both = outlook({"a": Level(spread_frac=s), "b": Level(spread_frac=t)}, [("a", "b", r)], method="random")
    effect = draw(both, 40_000).effect[:, :, 0]
    expected = (math.exp(r * s * t) - 1) / math.sqrt((math.exp(s * s) - 1) * (math.exp(t * t) - 1))
    found = np.corrcoef(effect.T)[0, 1]
    assert abs(found - expected) * math.sqrt(40_000) < LIMIT
    assert abs(found - r) * math.sqrt(40_000) > 2 * LIMIT, (
        "the correlation of the effects is not that of the innovations"
    )


def test_two_walks_are_correlated_in_every_period():
    both = outlook(
        {"a": MeanReversion(spread_frac=0.3, half_life_y=1), "b": MeanReversion(spread_frac=0.5, half_life_y=1)},
        [("a", "b", 0.8)],
        method="random",
    )
    logs = np.log(draw(both, 20_000).effect)
    for t in (0, 5, 18):
        assert abs(np.corrcoef(logs[:, 0, t], logs[:, 1, t])[0, 1] - 0.8) * math.sqrt(20_000) / 0.36 < LIMIT


def test_correlated_events_happen_together_as_a_gaussian_copula_says():
    names = ("a", "b")
    event = Event(probability_frac=0.2, on="2027-01-01", factor=0.5)
    both = outlook(dict.fromkeys(names, event), [("a", "b", 0.6)], method="random")
    struck = draw(both, 40_000).effect[:, :, -1] == 0.5
    limit = stats.norm.ppf(0.2)
    joint = float(stats.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]]).cdf([limit, limit]))
    found = struck.all(axis=1).mean()
    error = math.sqrt(joint * (1 - joint) / 40_000)
    assert abs(found - joint) < LIMIT * error
    assert abs(found - 0.04) > 2 * LIMIT * error, "independent events"


# Methods ---------------------------------------------------------------------------------------------------------


def errors_of_the_mean(method, paths=64, seeds=40):
    """Return the error of the mean effect of two independent quantities, multiplied, over many seeds."""
    two = outlook({"a": Level(spread_frac=0.3), "b": Trend(growth_frac_per_y=0.05)}, method=method)
    means = [draw(two, paths, seed).effect[:, :, 9].prod(axis=1).mean() for seed in range(seeds)]
    return float(np.std(means))


def test_sobol_and_antithetic_paths_err_less_than_random_ones():
    random = errors_of_the_mean("random")
    assert errors_of_the_mean("sobol") < random / 3
    assert errors_of_the_mean("antithetic") < random / 2


@pytest.mark.parametrize("paths", [1, 2, 7, 48, 64])
def test_sobol_points_of_one_quantity_are_one_to_a_stratum(paths):
    found = stats.norm.cdf(draw(outlook({"a": Level(spread_frac=0.3)}), paths).innovations[:, 0])
    strata = 2 ** max(paths - 1, 0).bit_length()
    assert len(set(np.floor(found * strata))) == paths


def test_antithetic_paths_are_mirror_images():
    found = draw(ALL.model_copy(update={"method": "antithetic"}), 9).innovations
    assert (found[0:8:2] == -found[1:8:2]).all()
    assert len(found) == 9


@pytest.mark.parametrize("paths", [2, 6, 40])
def test_latin_paths_are_mirror_images_and_one_to_a_stratum(paths):
    found = draw(ALL.model_copy(update={"method": "latin", "correlations": ()}), paths).innovations
    assert (found[0::2] == -found[1::2]).all()
    strata = np.sort(np.floor(stats.norm.cdf(found) * paths), axis=0)
    assert (strata == np.arange(paths)[:, None]).all()


@pytest.mark.parametrize("method", METHODS)
def test_streams_and_seeds_are_independent(method):
    of = ALL.model_copy(update={"method": method})
    plan = draw(of, 2000).innovations
    for other in (draw(of, 2000, stream="evaluate"), draw(of, 2000, seed=2)):
        for k in range(plan.shape[1]):
            assert abs(np.corrcoef(plan[:, k], other.innovations[:, k])[0, 1]) * math.sqrt(2000) < LIMIT + 0.5


def test_a_generator_is_named_by_seed_stream_and_name():
    names = [(1, "a", "b"), (2, "a", "b"), (1, "c", "b"), (1, "a", "c"), (1, "", "ab")]
    first = {generator(*name).integers(2**62).item() for name in names}
    assert len(first) == 5


# What must not change them ---------------------------------------------------------------------------------------


def blocks(futures, of):
    """Return the innovations and effects by quantity."""
    owner = np.array([k for k, u in enumerate(of.uncertain) for _ in u.process.innovations(GRID)])
    return {
        u.id: (futures.innovations[:, owner == k].tobytes(), futures.effect[:, k].tobytes())
        for k, u in enumerate(of.uncertain)
    }


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_quantities_and_of_correlations_changes_nothing(method):
    of = ALL.model_copy(update={"method": method})
    turned = of.model_copy(update={"uncertain": of.uncertain[::-1], "correlations": of.correlations[::-1]})
    assert blocks(draw(of), of) == blocks(draw(turned), turned)


@pytest.mark.parametrize("method", METHODS)
def test_a_quantity_that_nothing_depends_on_changes_no_other(method):
    of = ALL.model_copy(update={"method": method})
    fewer = of.model_copy(update={"uncertain": tuple(u for u in of.uncertain if u.id not in {"trend", "event"})})
    whole = blocks(draw(of), of)
    assert blocks(draw(fewer), fewer) == {name: b for name, b in whole.items() if name not in {"trend", "event"}}


def test_a_subset_of_paths_is_a_subset():
    whole = draw(ALL)
    some = np.array([5, 1, 40])
    kept = whole.only(some)
    assert kept.probability.tolist() == [1 / 3] * 3
    assert conditional(ALL, GRID, kept, 7).effect.tobytes() == conditional(ALL, GRID, whole, 7).effect[some].tobytes()


@pytest.mark.parametrize(
    "machine",
    [
        {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "3"},
        {"NPY_DISABLE_CPU_FEATURES": "AVX512_SPR AVX512_ICL X86_V4 X86_V3", "OPENBLAS_CORETYPE": "Nehalem"},
    ],
    ids=["another process", "an older processor"],
)
def test_the_same_seed_gives_the_same_bytes(machine):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import hashlib; from test_sampling import ALL, GRID, conditional, draw\n"
        "f = draw(ALL); g = conditional(ALL, GRID, f, 9)\n"
        "print(hashlib.sha256(f.effect.tobytes() + f.innovations.tobytes() + g.effect.tobytes()).hexdigest())"
    )
    whole = draw(ALL)
    here = whole.effect.tobytes() + whole.innovations.tobytes() + conditional(ALL, GRID, whole, 9).effect.tobytes()
    folder = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True, env=machine)
    assert done.stdout.strip() == hashlib.sha256(here).hexdigest()


PINNED = {
    "sobol": [-0.700497849006, 0.343533508889, 1.529774194513, -0.154063652311],
    "latin": [-0.434569686651, 0.434569686651, -0.736231565475, 0.736231565475],
    "antithetic": [-0.990464929455, 0.990464929455, -0.167041292499, 0.167041292499],
    "random": [-0.990464929455, -0.167041292499, 1.347677817386, -0.711538418851],
}


def test_the_numbers_of_a_seed_stay_what_they_are():
    """A change of these numbers changes every plan: it is made on purpose, and told in the change log."""
    one = {
        m: draw(outlook({"demand": Level(spread_frac=0.2)}, method=m), 4).innovations[:, 0].tolist() for m in METHODS
    }
    assert one == {m: pytest.approx(values, rel=1e-6) for m, values in PINNED.items()}


# Central, mean and conditional paths -----------------------------------------------------------------------------


def test_with_nothing_known_the_conditional_path_is_central_and_with_all_known_it_is_itself():
    whole = draw(ALL, 32)
    assert (conditional(ALL, GRID, whole, 0).effect == central(ALL, GRID).effect).all()
    last = conditional(ALL, GRID, whole, len(GRID))
    assert last.effect.tobytes() == whole.effect.tobytes()
    assert last.innovations.tobytes() == whole.innovations.tobytes()


def test_what_has_been_seen_stays_and_the_rest_takes_its_median():
    whole = draw(ALL, 32)
    factors = [k for k, m in enumerate(whole.measures) if m == "factor"]
    for period in (1, 5, 12):
        seen = conditional(ALL, GRID, whole, period)
        assert (seen.effect[:, factors, :period] == whole.effect[:, factors, :period]).all()
        assert (seen.innovations[:, whole.known <= period] == whole.innovations[:, whole.known <= period]).all()


def test_what_is_known_of_one_quantity_tells_of_another():
    """With correlation r the median of an unknown innovation, given a known z, is r z: as in many paths."""
    late = Level(spread_frac=0.2, known="2030-01-01")
    both = outlook({"early": Level(spread_frac=0.2), "late": late}, [("early", "late", 0.8)], method="random")
    whole = draw(both, 20_000)
    expected = conditional(both, GRID, whole, 4).innovations
    assert expected[:, 1] == pytest.approx(0.8 * whole.innovations[:, 0])
    misses = whole.innovations[:, 1] - expected[:, 1]
    assert abs(np.corrcoef(misses, expected[:, 1])[0, 1]) * math.sqrt(20_000) < LIMIT
    assert misses.std() == pytest.approx(0.6, rel=0.03)
    assert (conditional(both, GRID, whole, 14).innovations == whole.innovations).all()


def test_the_mean_path_is_the_weighted_mean_with_months_to_the_day():
    law = [{"by_months": 0, "probability_frac": 0.7}, {"by_months": 5, "probability_frac": 0.3}]
    of = outlook({"a": Level(spread_frac=0.3), "late": Delay(law=law)})
    uneven = draw(of, 3)
    uneven = uneven.only(np.array([0, 1, 2, 2]))
    mean = mean_path(uneven)
    assert len(mean) == 1
    assert mean.effect[0, 0] == pytest.approx(uneven.effect[:, 0].mean(axis=0))
    days = mean.effect[0, 1, 0] * 365.25 / 12
    assert days == pytest.approx(round(days), abs=1e-9)
    assert abs(mean.effect[0, 1, 0] - uneven.effect[:, 1, 0].mean()) <= 0.5 / (365.25 / 12)


def test_an_outlook_without_quantities_has_paths_that_are_alike():
    empty = draw(Outlook(), 3)
    assert empty.effect.shape == (3, 0, len(GRID))
    assert conditional(Outlook(), GRID, empty, 2).effect.shape == (3, 0, len(GRID))


def test_fewer_than_one_path_is_refused():
    with pytest.raises(ValueError, match="at least one path"):
        draw(ALL, 0)


def test_the_matrix_is_in_the_order_of_the_file():
    three = outlook({n: Level(spread_frac=0.1) for n in "abc"}, [("c", "a", 0.3)])
    assert matrix(three).tolist() == [[1.0, 0.0, 0.3], [0.0, 1.0, 0.0], [0.3, 0.0, 1.0]]
    assert len(YEARS) == len(GRID)
