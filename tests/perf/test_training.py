"""Training rates against published runs."""

from __future__ import annotations

import pytest

from offtake import catalog
from offtake.catalog.chips import chip_of
from offtake.catalog.models import transformer_of
from offtake.errors import OfftakeError
from offtake.perf import training
from offtake.perf.types import Chip, Transformer


def chip(name):
    return chip_of(catalog.chip(name))


def model(name):
    return transformer_of(catalog.model(name))


def test_llama_405b_took_31_million_chip_hours():
    # 6 x 405e9 x 15.6e12 flop; 30.84 M H100-hours by its model card, losses included
    found = training.estimate(chip("H100"), model("Llama 3.1 405B"), chips=16_384, precision="bf16")
    hours = training.flop_of_run(405e9, 15.6e12) / found.flop_per_s_per_chip / 3600
    assert hours == pytest.approx(30.84e6, rel=0.15)


def test_deepseek_v3_took_2_7_million_chip_hours():
    # 14.8 T tokens on 2,048 H800: 2.664 M hours of pre-training; our share of the peak is the median of all rows with experts
    found = training.estimate(chip("H100"), model("DeepSeek-V3"), chips=2048, precision="fp8")
    hours = training.flop_of_run(37e9, 14.8e12) / found.flop_per_s_per_chip / 3600
    assert found.low < 2.664e6 / hours * 1.0 < found.high
    assert hours == pytest.approx(2.664e6, rel=0.35)


def test_llama_2_70b_took_1_7_million_chip_hours():
    found = training.estimate(chip("A100-80GB"), model("Llama 2 70B"), chips=2048)
    assert found.precision == "bf16"  # the chip has no fp8
    hours = training.flop_of_run(70e9, 2e12) / found.flop_per_s_per_chip / 3600
    assert hours == pytest.approx(1.72e6, rel=0.2)


def test_the_rate_is_the_share_times_the_peak_and_falls_slowly_with_scale():
    toy, dense = (
        Chip(name="t", bf16_flop_per_s=1e15, hbm_bytes=1e12, it_w_per_chip=1.0),
        Transformer(name="m", params=1e9, active_params=1e9),
    )
    small = training.estimate(toy, dense, chips=1024)
    large = training.estimate(toy, dense, chips=4096)
    assert small.flop_per_s_per_chip == pytest.approx(0.40e15)
    assert large.mfu == pytest.approx(0.40 * 0.97**2)
    assert small.tok_per_s_per_chip == pytest.approx(0.40e15 / 6e9)


def test_too_few_chips_for_the_states_is_an_error_that_says_how_many():
    # 18 bytes x 671e9 = 12.08 TB over half of 80 GB: 302 chips
    with pytest.raises(OfftakeError, match="at least 302 chips"):
        training.estimate(chip("H100"), model("DeepSeek-V3"), chips=256)


def test_the_faster_precision_is_chosen_where_none_is_asked():
    assert training.estimate(chip("H100"), model("Llama 3.1 405B")).precision == "fp8"
    # Trainium2: 0.17 x 667 (bf16) against 0.14 x 1299 (fp8)
    assert training.estimate(chip("Trainium2"), model("DeepSeek-V3")).precision == "fp8"


def test_chips_without_a_published_run_are_less_sure():
    sure, unsure = (training.estimate(chip(n), model("Llama 3.1 70B")) for n in ("H100", "Trainium3"))
    assert unsure.high / unsure.low > sure.high / sure.low


def test_what_is_missing_is_named():
    with pytest.raises(OfftakeError, match=r"Grok-2.*active_params"):
        training.estimate(chip("H100"), model("Grok-2"))
    with pytest.raises(OfftakeError, match=r"TPU 8t.*bf16_flop_per_s or fp8_flop_per_s"):
        training.estimate(chip("TPU 8t"), model("Llama 3.1 70B"))
