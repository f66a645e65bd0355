"""Risk measures: closed forms, the linear program that defines them, and what every coherent measure keeps to."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from offtake.errors import OfftakeError
from offtake.lp.highs import Solver
from offtake.lp.model import Model
from offtake.outlook.measures import CVaR, Expectation, Mix, RiskMeasure, WorstCase, read_risk, stressed, value
from offtake.registry import components

MEAN, WORST = ((1.0, 0.0),), ((1.0, 1.0),)

AMOUNT = st.floats(-1e3, 1e3).map(lambda v: round(v, 3))
SHARE = st.integers(0, 100).map(lambda k: k / 100)


@st.composite
def outcomes(draw, *, least=1, most=9):
    """Values with ties, and probabilities of which some may be zero."""
    count = draw(st.integers(least, most))
    values = np.array(draw(st.lists(AMOUNT, min_size=count, max_size=count)))
    if count > 1 and draw(st.booleans()):
        values[-1] = values[0]
    chance = np.array(draw(st.lists(st.integers(0, 20), min_size=count, max_size=count)), dtype=float)
    chance[draw(st.integers(0, count - 1))] += 1.0
    return values, chance / chance.sum()


@st.composite
def mixes(draw):
    weights = np.array(draw(st.lists(st.integers(0, 10), min_size=1, max_size=4)), dtype=float)
    weights[0] += 1.0
    return tuple((float(weight), draw(SHARE)) for weight in weights / weights.sum())


def program(parts, values, chance):
    """Rockafellar and Uryasev's maximum, one quantile for each part; the worst case as the largest floor below every path."""
    model = Model()
    total = 0.0
    for k, (weight, level) in enumerate(parts):
        able = [p for p in range(len(values)) if chance[p] > 0]
        axes = (("path", [str(p) for p in able]),)
        edge = model.columns(f"edge{k}", lower=-1e5, upper=1e5)
        short = model.columns(f"short{k}", axes=axes, upper=np.inf if level < 1.0 else 0.0)
        model.rows(f"tail{k}", short - edge, axes=axes, lower=-values[able])
        total = total + edge * weight
        if level < 1.0:
            total = total - (short * (chance[able] * weight / (1.0 - level))).sum()
    model.set_objective(total)
    return Solver(model.build()).solve().objective


# Closed forms --------------------------------------------------------------------------------------------------------


def test_the_path_at_the_edge_of_the_tail_counts_in_part():
    values, chance = np.array([10.0, 20.0, 30.0, 40.0]), np.array([0.05, 0.15, 0.3, 0.5])
    # The worst tenth: all of the first (0.05 of 10), and 0.05 of the 0.15 at 20.
    assert value(((1.0, 0.9),), values, chance) == pytest.approx((0.05 * 10 + 0.05 * 20) / 0.1, rel=1e-12)
    assert stressed(((1.0, 0.9),), values, chance) == pytest.approx([0.5, 0.5, 0.0, 0.0], abs=1e-12)
    assert stressed(((0.5, 0.0), (0.5, 0.9)), values, chance) == pytest.approx([0.275, 0.325, 0.15, 0.25], abs=1e-12)


def test_a_uniform_sample_has_the_tail_mean_of_the_uniform_law():
    # 1,000 midpoints of (0, 1): the mean of the lowest tenth is 0.05 exactly, of the lowest half 0.25.
    values = (np.arange(1000) + 0.5) / 1000
    chance = np.full(1000, 1e-3)
    assert value(((1.0, 0.9),), values, chance) == pytest.approx(0.05, rel=1e-9)
    assert value(((1.0, 0.5),), values, chance) == pytest.approx(0.25, rel=1e-9)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_a_normal_law_has_its_closed_tail_mean(level):
    """CVaR of the standard normal is -phi(z) / (1 - a) at the quantile z of 1 - a."""
    normal, count = NormalDist(), 100_001
    values = np.array([normal.inv_cdf((k + 0.5) / count) for k in range(count)])
    exact = -normal.pdf(normal.inv_cdf(1 - level)) / (1 - level)
    assert value(((1.0, level),), values, np.full(count, 1 / count)) == pytest.approx(exact, rel=2e-4)


def test_level_zero_is_the_mean_and_level_one_the_worst_path_that_can_happen():
    values, chance = np.array([-5.0, 1.0, 1.0, 7.0]), np.array([0.0, 0.25, 0.5, 0.25])
    assert stressed(MEAN, values, chance) == pytest.approx(chance, abs=1e-15)
    assert value(WORST, values, chance) == 1.0
    # Two paths tie for the worst and share in proportion to their probability; the one at -5 cannot happen.
    assert stressed(WORST, values, chance) == pytest.approx([0.0, 1 / 3, 2 / 3, 0.0], abs=1e-15)


# Against the linear program ------------------------------------------------------------------------------------------


@given(outcomes(), mixes())
def test_the_value_is_that_of_the_linear_program(sample, parts):
    assert value(parts, *sample) == pytest.approx(program(parts, *sample), rel=1e-7, abs=1e-6)


# What every coherent measure keeps to ---------------------------------------------------------------------------------


@given(outcomes(), mixes())
def test_stressed_probabilities_are_probabilities_and_give_the_value(sample, parts):
    values, chance = sample
    weights = stressed(parts, values, chance)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (weights[chance == 0] == 0).all()
    assert value(parts, values, chance) == pytest.approx(weights @ values, rel=1e-12)


@given(outcomes(), mixes(), AMOUNT, st.floats(0.01, 50))
def test_a_sure_amount_adds_itself_and_a_multiple_multiplies(sample, parts, sure, times):
    values, chance = sample
    base = value(parts, values, chance)
    assert value(parts, values + sure, chance) == pytest.approx(base + sure, rel=1e-9, abs=1e-8)
    assert value(parts, values * times, chance) == pytest.approx(base * times, rel=1e-9, abs=1e-8)


@given(outcomes(least=2), mixes(), st.data())
def test_two_sums_are_worth_no_less_together_and_more_is_no_worse(sample, parts, data):
    values, chance = sample
    other = np.array(data.draw(st.lists(AMOUNT, min_size=len(values), max_size=len(values))))
    together = value(parts, values + other, chance)
    assert together >= value(parts, values, chance) + value(parts, other, chance) - 1e-8
    assert value(parts, values + np.abs(other), chance) >= value(parts, values, chance) - 1e-9


@given(outcomes(), SHARE, SHARE, SHARE, SHARE)
def test_more_weight_on_the_tail_or_a_further_tail_is_worth_no_more(sample, a, b, c, d):
    light, heavy = sorted((a, b))
    near, far = sorted((c, d))
    values, chance = sample
    assert (
        value(((1 - heavy, 0.0), (heavy, near)), values, chance)
        <= value(((1 - light, 0.0), (light, near)), values, chance) + 1e-9
    )
    assert value(((1.0, far),), values, chance) <= value(((1.0, near),), values, chance) + 1e-9
    low, mean = values[chance > 0].min(), chance @ values
    assert low - 1e-9 <= value(((1.0, far),), values, chance) <= mean + 1e-9


@given(outcomes(), mixes(), st.randoms(use_true_random=False))
def test_neither_order_nor_a_path_written_twice_changes_anything(sample, parts, random):
    values, chance = sample
    order = list(range(len(values)))
    random.shuffle(order)
    weights = stressed(parts, values, chance)
    assert stressed(parts, values[order], chance[order]) == pytest.approx(weights[order], abs=1e-12)
    doubled = stressed(
        parts,
        np.append(values, values[0]),
        np.append(chance, chance[0] / 2) - np.eye(len(values) + 1)[0] * chance[0] / 2,
    )
    assert doubled[0] == pytest.approx(doubled[-1], abs=1e-12)
    assert doubled[0] + doubled[-1] == pytest.approx(weights[0], abs=1e-12)


# Terms -----------------------------------------------------------------------------------------------------------------


def test_the_measures_are_found_by_kind():
    found = components("risk")
    assert {"cvar": CVaR, "expectation": Expectation, "mix": Mix, "worst_case": WorstCase}.items() <= found.items()
    terms = {"level": "90 %", "weight": "30 %"}
    assert isinstance(found["cvar"].model_validate({"kind": "cvar", **terms}), RiskMeasure)
    assert found["cvar"].model_validate(terms).parts() == ((0.7, 0.0), (0.3, 0.9))
    assert Expectation().parts() == MEAN
    assert WorstCase().parts() == WORST
    assert CVaR(level="90 %", weight="0 %").parts() == MEAN


def test_a_mix_has_weights_that_sum_to_one():
    half = {"weight": "50 %", "level": "0 %"}
    assert Mix.model_validate({"of": [half, {"weight": "50 %", "level": "95 %"}]}).parts() == ((0.5, 0.0), (0.5, 0.95))
    with pytest.raises(ValidationError, match=r"sum to 100 %, these to 50 %"):
        Mix.model_validate({"of": [half]})


def test_a_measure_is_read_from_a_command_line():
    assert read_risk("cvar:0.9:0.3") == CVaR(level="90 %", weight="30 %")
    assert read_risk("worst_case:0.2").parts() == ((0.8, 0.0), (0.2, 1.0))
    assert read_risk("worst_case") == WorstCase()
    assert read_risk("expectation") == Expectation()


@pytest.mark.parametrize(
    "text",
    ["", "cvar", "cvar:0.9", "cvar:90:30", "cvar:0.9:0.3:1", "cvar:a:b", "cvar:nan:0.1", "sure"],
)
def test_a_measure_that_cannot_be_read_is_refused_with_how_to_write_one(text):
    with pytest.raises(OfftakeError, match="cvar:LEVEL:WEIGHT"):
        read_risk(text)


@pytest.mark.parametrize(
    ("parts", "values", "chance", "words"),
    [
        (MEAN, [1.0, 2.0], [0.5, 0.4], "sum to 0.9"),
        (MEAN, [1.0, 2.0], [1.5, -0.5], "not negative"),
        (MEAN, [1.0], [0.5, 0.5], "shape"),
        (MEAN, [], [], "shape"),
        (MEAN, [np.nan, 1.0], [0.5, 0.5], "not finite"),
        (((0.5, 0.0),), [1.0], [1.0], "sum to 1"),
        (((1.0, 1.5),), [1.0], [1.0], "between 0 and 1"),
        ((), [1.0], [1.0], "sum to 1"),
    ],
)  # fmt: skip
def test_what_is_no_distribution_or_no_measure_is_refused(parts, values, chance, words):
    with pytest.raises(ValueError, match=words):
        value(parts, np.array(values), np.array(chance))
