"""Layouts that the serving model tries or reads: tensor groups over several servers where one does not hold the weights."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offtake.perf.best_serving import best_serving
from offtake.perf.cases import ServingCase
from offtake.perf.names import chip_named, model_named
from offtake.perf.serving_layout import Layout, layouts_of, widths
from offtake.perf.serving_model import predict_serving


def _case(chip: str, model: str, chips: int, **asked: object) -> ServingCase:
    known: dict[str, object] = {"input_tok": 1024.0, "output_tok": 1024.0, "concurrency": 4.0, "weights": "fp8"}
    return ServingCase(chip=chip_named(chip).chip, model=model_named(model), chips=chips, **{**known, **asked})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chip", "model", "weights", "most"),
    [
        ("H100", "DeepSeek-V3", "fp8", 16),  # 671 GB on 8 x 80 GB
        ("H200", "DeepSeek-V3", "fp8", 8),  # on 8 x 141 GB
        ("H200", "DeepSeek-V3", "bf16", 16),
        ("H100", "Llama 3.1 70B", "fp8", 8),
        ("H100", "Llama 3.1 405B", "bf16", 16),
    ],
)
def test_tensor_groups_cross_servers_only_where_one_does_not_hold_the_weights(chip, model, weights, most):
    assert max(widths(_case(chip, model, 64, weights=weights), 64)) == most


def test_a_tensor_group_over_servers_is_read_as_printed():
    """As SGLang runs DeepSeek-R1 on two servers (--tp 16); not as attention groups, and not as the squares of aiconfigurator."""
    (found,), _ = layouts_of(_case("H100", "DeepSeek-R1", 16, tp=16, ep=16))
    assert found == Layout(tp=16, ep=16)
    (found,), _ = layouts_of(_case("H100", "DeepSeek-R1", 16, tp=16))
    assert found == Layout(tp=16)
    (found,), notes = layouts_of(_case("B200", "DeepSeek-R1", 64, tp=64, ep=8))
    assert found == Layout(tp=8, ep=8)
    assert "whose chips the 8 expert shards share" in notes[0]


def test_messages_of_a_group_over_servers_cross_the_network():
    """By hand: of an all-reduce over two servers each chip brings an eighth across, and the network's latency comes on top."""
    case = _case("H100", "DeepSeek-R1", 16, tp=16)
    apart = predict_serving(case)
    together = predict_serving(replace(case, chip=replace(case.chip, scaleup_domain=16)))
    assert apart.terms_s["tensor messages"] > 2.0 * together.terms_s["tensor messages"]
    slower = predict_serving(replace(case, chip=replace(case.chip, scaleout_bytes_per_s=5e9)))
    assert slower.terms_s["tensor messages"] > apart.terms_s["tensor messages"]


def test_two_servers_serve_what_one_does_not_hold():
    """InferenceX measures 13.9 ms a token for DeepSeek-R1 in tensor groups of 16 H100: a plan for 20 ms is there."""
    case = _case("H100", "DeepSeek-V3", 16, load="open", concurrency=None, engine="trtllm")
    plan = best_serving(case, ttft_s=1.0, tpot_s=0.020)
    assert plan.best.layout.tp == 16
    assert plan.best.tpot_s <= 0.020
