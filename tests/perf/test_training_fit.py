"""The fit of the training model: the shipped file holds up, and fitting is the same twice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from offtake.catalog import chip
from offtake.catalog.chips import chip_of
from offtake.errors import OfftakeError
from offtake.perf import params, training_fit
from offtake.perf.cases import TrainingCase
from offtake.perf.tables_training import read_training
from offtake.perf.training_model import predict_training, spread


@pytest.fixture(scope="module")
def rows():
    from os import environ
    from pathlib import Path

    shared = Path(environ.get("OFFTAKE_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    table = shared / "data" / "perf" / "training_published.csv"
    if not table.is_file():
        pytest.skip("needs the published samples in shared/data beside the checkout, or OFFTAKE_SHARED")
    return [row for row in read_training(table) if row.case is not None and row.step_s]


def figures(found, *, experts):
    return training_fit.summary([one for one in found if one["moe"] == experts])


def test_the_shipped_parameters_meet_the_published_steps(rows):
    found = training_fit.predictions(rows, params.shipped()["training"])
    dense, experts = figures(found, experts=False), figures(found, experts=True)
    assert dense["mape"] < 0.07
    assert dense["coverage80"] > 0.75
    assert experts["mape"] < 0.17


def test_parameters_keep_within_what_a_chip_can_do(rows):
    section = params.shipped()["training"]
    shares = [section.value(name, (), 1.0) for name in ("gemm", "attention", "hbm", "scaleup", "scaleout", "moe")]
    assert all(0.2 < share < 1.0 for share in shares)


def test_a_fit_is_the_same_twice_and_better_than_none(rows):
    some = rows[::12]
    one, two = (training_fit.fit_training(some, rounds=2) for _ in range(2))
    assert one.document() == two.document()
    fitted = training_fit.summary(training_fit.predictions(some, one))
    bare = training_fit.summary(training_fit.predictions(some, params.Section(kind="training", effects={})))
    assert fitted["mape"] < bare["mape"]


def test_left_out_rows_are_predicted_without_their_chip(rows):
    some = [row for row in rows if row.chip in {"A100-80 SXM", "TPU v5p"}][::8]
    found = training_fit.cross_validate(some, by="chip", rounds=1)
    assert {one["held"] for one in found} == {"A100-80 SXM", "TPU v5p"}
    assert all(one["held"] == one["chip"] for one in found)
    assert len(found) == len(some)


def test_nothing_to_fit_is_refused():
    with pytest.raises(OfftakeError, match="no row can be fitted"):
        training_fit.fit_training([])
    with pytest.raises(OfftakeError, match="by chip or by source, not by 'year'"):
        training_fit.cross_validate([], by="year")


@dataclass
class Row:
    case: TrainingCase
    step_s: float
    basis: str = "step"
    key: str = ""
    source: str = "a/b file"


def test_rows_of_one_publisher_share_their_weight():
    case = TrainingCase(chip=chip_of(chip("H100 SXM")), model=chip_model(), chips=8, seq_tok=2048, batch_seqs=8)
    many = [Row(case, 1.0) for _ in range(16)] + [Row(case, 1.0, source="c/d")]
    weights = training_fit._weights(many)
    assert weights[-1] > 4.0 * weights[0]
    assert training_fit._weights([replace(many[0], basis="flops"), many[1]])[0] == pytest.approx(
        0.5 * weights_of(many[:2])[1]
    )


def weights_of(some):
    return np.asarray(training_fit._weights(some))


def chip_model():
    from offtake.catalog import model
    from offtake.catalog.models import transformer_of

    return transformer_of(model("Llama 3 8B"))


def test_what_was_never_fitted_is_less_sure():
    section = params.shipped()["training"]
    case = TrainingCase(
        chip=chip_of(chip("H100 SXM")), model=chip_model(), chips=8, seq_tok=8192, batch_seqs=128, tp=1, pp=1
    )
    widths = [
        spread(section, replace(case, chip=replace(case.chip, name=name, family=family, vendor=vendor)))
        for name, family, vendor in (
            ("H100 SXM", "hopper", "NVIDIA"),
            ("new", "hopper", "NVIDIA"),
            ("new", "new", "NVIDIA"),
            ("new", "new", "new"),
        )
    ]
    assert widths == sorted(widths)
    assert len(set(widths)) == 4
    found = predict_training(case)
    assert found.interval.low < found.step_s < found.interval.high
