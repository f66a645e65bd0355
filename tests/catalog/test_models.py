"""Sizes counted from an architecture agree with the sizes that vendors print."""

from __future__ import annotations

import pytest

from offtake import catalog
from offtake.catalog.load import rows
from offtake.catalog.models import counted_params, transformer_of

PRINTED = [r["model"] for r in rows("models") if r["layers"] and r["params_b"]]


@pytest.mark.parametrize("name", PRINTED)
def test_counted_weights_agree_with_printed_ones(name):
    row = next(r for r in rows("models") if r["model"] == name)
    counted, routed, _ = counted_params(row)
    # printed sizes are rounded to whole billions; Gemma shares its embeddings, which are counted twice here
    close = 0.14 if name.startswith("Gemma") else 0.05
    assert counted == pytest.approx(float(row["params_b"]) * 1e9, rel=close)
    assert 0.0 <= routed < counted


def test_active_weights_of_mixtral_by_hand():
    # 8x7B: experts 32 x 8 x 3 x 4096 x 14336 = 45.10e9; a token uses 2 of 8: 46.7e9 - 45.10e9 x 6/8 = 12.88e9
    assert catalog.model("Mixtral 8x7B").number("active_params") == pytest.approx(
        46.7e9 - 45.097e9 * 0.75, rel=1e-3
    )  # the printed 46.7 is rounded


def test_cache_of_grouped_and_latent_attention_by_hand():
    assert transformer_of(catalog.model("Llama 3 70B")).kv_bytes_per_tok == 2 * 2 * 8 * 128 * 80  # 327,680
    assert transformer_of(catalog.model("DeepSeek-V3")).kv_bytes_per_tok == 2 * (512 + 64) * 61  # 70,272


def test_expert_layers_by_hand():
    assert transformer_of(catalog.model("Llama 4 Maverick")).moe_layers == 24  # every second of 48
    assert transformer_of(catalog.model("DeepSeek-V3")).moe_layers == 58  # 61 less 3 dense ones


def test_windows_and_linear_layers_keep_no_full_cache():
    gemma = transformer_of(catalog.model("Gemma 2 27B"))
    assert (gemma.full_layers, gemma.window_layers, gemma.window_tok) == (23, 23, 4096)
    qwen = transformer_of(catalog.model("Qwen3-Next-80B-A3B"))
    assert (qwen.full_layers, qwen.window_layers) == (12, 0)


def test_a_rounded_size_never_falls_below_its_experts():
    kimi = transformer_of(catalog.model("Kimi K2"))
    assert 0 < kimi.expert_params < kimi.params


def test_an_undisclosed_model_has_no_active_weights():
    assert catalog.model("GPT-4").number("active_params") is None


def test_a_proxy_is_scaled_in_proportion():
    base = transformer_of(catalog.model("DeepSeek-V3"))
    large = base.with_active(74e9)
    assert (large.params, large.expert_params) == (2 * base.params, 2 * base.expert_params)
    assert large.kv_bytes_per_tok == base.kv_bytes_per_tok


def test_counted_active_weights_agree_with_what_the_vendors_print():
    # in the models' own names or cards: 3B of 16B, 2.7B of 14.3B, 13B of 80B, 47B of 300B, 1B of 7B, 115B of 270B
    printed = {
        "Moonlight-16B-A3B": 3,
        "Qwen1.5-MoE-A2.7B": 2.7,
        "Hunyuan-A13B": 13,
        "ERNIE-4.5-300B-A47B": 47,
        "OLMoE-1B-7B": 1.3,
    }
    printed |= {"dots.llm1": 14, "ERNIE-4.5-21B-A3B": 3, "Grok-2": 115}
    for name, billions in printed.items():
        assert transformer_of(catalog.model(name)).active_params == pytest.approx(billions * 1e9, rel=0.12), (
            name
        )  # with or without the embedding
