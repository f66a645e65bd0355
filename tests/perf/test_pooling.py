"""Partial pooling and the parameter file: what is known is found, what is not known falls back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from offtake.catalog.types import Chip
from offtake.errors import OfftakeError
from offtake.perf import params, pooling
from offtake.perf.params import Section
from offtake.perf.pooling import Prior

ROWS = [{"family": "f", "chip": name} for name in "AAAAAABBBBBBC"]
# log time = -log rate; A runs at 1.0, B at 2.0, C (one row) at 4.0
TIMES = np.array([0.0] * 6 + [-np.log(2.0)] * 6 + [-np.log(4.0)])
PRIOR = Prior(name="rate", value=1.5, sd=1.0, levels=("family", "chip"), level_sd=0.3)


def fitted(rows=ROWS, times=TIMES, **kw):
    layout = pooling.design([PRIOR], rows, sources=["s"] * len(rows))
    return pooling.fit(lambda p: -p[0], times, layout, weights=np.ones(len(rows)), **kw)


def rate(found, *levels):
    return np.exp(sum(found.effects[("rate", level)] for level in levels))


def test_a_chip_with_many_rows_is_found_and_one_with_a_single_row_is_drawn_to_the_rest():
    found = fitted()
    assert rate(found, "global", "family:f", "chip:A") == pytest.approx(1.0, rel=0.05)
    assert rate(found, "global", "family:f", "chip:B") == pytest.approx(2.0, rel=0.05)
    assert 2.0 < rate(found, "global", "family:f", "chip:C") < 4.0


def test_without_rows_the_prior_stands():
    layout = pooling.design([PRIOR, Prior(name="unused", value=7.0, sd=0.5)], ROWS, sources=["s"] * len(ROWS))
    found = pooling.fit(lambda p: -p[0], TIMES, layout, weights=np.ones(len(ROWS)))
    assert np.exp(found.effects[("unused", "global")]) == pytest.approx(7.0)


def test_a_gross_error_moves_the_answer_little():
    wrong = TIMES.copy()
    wrong[0] += 5.0
    assert rate(fitted(times=wrong), "global", "family:f", "chip:A") == pytest.approx(1.0, rel=0.15)


def test_all_copies_at_once_are_the_same_as_one_by_one():
    assert fitted(batched=True).effects == pytest.approx(fitted().effects, rel=1e-6, abs=1e-9)


def test_equal_fits_are_equal_to_the_last_bit():
    assert fitted().effects == fitted().effects


def test_a_model_that_breaks_is_refused():
    layout = pooling.design([PRIOR], ROWS, sources=["s"] * len(ROWS))
    with pytest.raises(ValueError, match="not finite"):
        pooling.fit(lambda p: p[0] * np.nan, TIMES, layout, weights=np.ones(len(ROWS)))


def test_the_own_solver_agrees_with_another():
    draw = np.random.default_rng(3).normal(size=(12, 12))
    matrix, right = draw @ draw.T + np.eye(12), np.arange(12.0)
    assert pooling._solve(matrix, right) == pytest.approx(np.linalg.solve(matrix, right))
    assert pooling._solve(matrix, np.eye(12)) == pytest.approx(np.linalg.inv(matrix))


def test_a_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "found.json"
    one = Section(
        kind="training", effects={"gemm": {"global": -0.1, "chip:A": 0.2}}, spread={"residual": 0.1}, rows={"count": 3}
    )
    path.write_text(
        params.text_of({"training": one, "serving": Section(kind="serving", effects={"hbm": {"global": -0.2}})})
    )
    read = params.load(path)
    assert set(read) == {"training", "serving"}
    assert read["training"].value("gemm", ("chip:A",), 1.0) == pytest.approx(np.exp(0.1))
    assert read["training"].value("gemm", ("chip:B",), 1.0) == pytest.approx(np.exp(-0.1)), (
        "an unknown chip has no effect of its own"
    )
    assert read["training"].value("other", (), 0.7) == 0.7
    assert read["training"].knows("chip:A")
    assert not read["training"].knows("chip:B")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read as a parameter file"),
        ("[]", "one JSON object"),
        (json.dumps({"schema_version": 99}), "version 99; this program reads 1"),
    ],
)
def test_another_file_is_refused(tmp_path, text, says):
    path = tmp_path / "found.json"
    path.write_text(text, "utf-8")
    with pytest.raises(OfftakeError, match=says):
        params.load(path)


def test_levels_name_what_a_row_belongs_to():
    chip = Chip(name="H100 SXM", vendor="NVIDIA", family="hopper")
    assert params.levels_of(chip, engine="megatron", year=2024.5) == {
        "vendor": "NVIDIA", "family": "hopper", "chip": "H100 SXM", "engine": "megatron", "release": "megatron 2024",
    }  # fmt: skip
