"""What a training row says of its machine and software beside the columns, and what of it is fitted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offtake.catalog import chip
from offtake.catalog.chips import chip_of
from offtake.perf import training_fit
from offtake.perf.names import chip_named
from offtake.perf.tables import Cells
from offtake.perf.tables_training import row_of
from offtake.perf.training_model import base_setting, predict_training
from offtake.perf.training_params import levels

ROW = {
    "model": "Llama 3 8B", "chip": "H100", "n_chips": "64", "seq_len": "8192", "global_batch_seqs": "128", "micro_batch": "1",
    "tp": "1", "pp": "1", "dp": "64", "cp": "1", "fsdp": "FULL_SHARD", "recompute": "none", "year": "2025", "source": "pytorch/torchtitan",
    "reported_step_time_s": "9.5",
}  # fmt: skip


def case(**cells):
    found = row_of(Cells(2, {**ROW, **cells})).case
    assert found is not None
    return found


def seconds(**cells):
    return predict_training(case(**cells)).step_s


def test_a_remark_states_the_machine():
    noted = case(notes="H100 with 96 GB HBM2e at 2.4 TB/s and a 500 W limit; 4 x 100 Gb RoCE a server of 8").chip
    assert noted == replace(
        chip_of(chip("H100 SXM")), tdp_w_per_chip=500.0, hbm_bytes_per_s=2.4e12, scaleout_bytes_per_s=6.25e9
    )


@pytest.mark.parametrize(
    "remark",
    [
        "a 900 W limit",
        "a 5 W limit",
        "HBM at 99 TB/s",
        "1 Gb a GPU",
        "500 W",
        "9999 x 9999 Gb RoCE a server of 0",
        "limits of 500 Watts",
    ],
)
def test_a_remark_that_cannot_be_or_says_something_else_changes_nothing(remark):
    assert case(notes=remark).chip == chip_of(chip("H100 SXM"))


def test_less_power_memory_or_network_never_makes_a_step_faster():
    plain = seconds()
    for remark in ("a 500 W limit", "HBM3 at 2.4 TB/s", "4 x 100 Gb RoCE a server of 8"):
        assert seconds(notes=remark) > plain


def test_pytorch_without_its_compiler_is_slower():
    assert case(notes="torch.compile").fused
    assert not case(notes="FSDP, no torch.compile").fused
    assert seconds(notes="FSDP, no torch.compile") > seconds(notes="FSDP, torch.compile")


@pytest.mark.parametrize(
    ("name", "source", "layers"),
    [
        ("DeepSeekV3", "NVIDIA-NeMo/Megatron-Bridge", 1),
        ("DeepSeekV3 (w/o MTP)", "NVIDIA-NeMo/Megatron-Bridge", 0),
        ("DeepSeekV3", "AI-Hypercomputer/maxtext", 0),
        ("DeepSeekV3 (w/ MTP)", "AI-Hypercomputer/maxtext", 1),
    ],
)
def test_layers_for_further_tokens_are_trained_where_the_recipe_has_them(name, source, layers):
    assert case(model=name, source=source, tp="", pp="", dp="").model.mtp_layers == layers


def test_megatron_in_deepspeed_shares_the_kernels_of_megatron():
    asked = case(source="bigscience-workshop/bigscience", notes="Megatron-DeepSpeed", year="2022")
    assert asked.engine == "megatron-deepspeed"
    assert levels(asked.chip, engine=asked.engine, year=2022.0)["stack"] == "megatron"


def test_a_lone_row_and_trials_are_no_data():
    many = [row_of(Cells(i, {**ROW, "n_chips": str(8 * i), "dp": str(8 * i)})) for i in (1, 2, 4)]
    lone = row_of(Cells(9, {**ROW, "source": "one/user", "reported_step_time_s": "95"}))
    tried = {**ROW, "source": "some/lab", "layers": "32", "hidden": "4096", "reported_step_time_s": "95"}
    trials = [row_of(Cells(i, {**tried, "model": f"trial {i}"})) for i in (1, 2)]
    assert all(row.case for row in [*many, lone, *trials])
    alone = training_fit.fit_training(many, rounds=1)
    assert training_fit.fit_training([*many, lone, *trials], rounds=1) == alone
    assert alone.rows["keys"] == sorted(row.key for row in many)
    # where there is nothing else, they are taken
    assert training_fit.fit_training([lone], rounds=1).rows["count"] == 1


def test_a_publisher_is_named_by_its_repository():
    assert (
        training_fit.source_of("docs: github.com/foundation-model-stack/fms-fsdp README.md, later")
        == "foundation-model-stack/fms-fsdp"
    )


def test_a_chip_that_runs_compiled_programs_has_no_host_in_its_step_whatever_the_engine():
    asked = case()
    for name, eager in (("TPU v7", 0.0), ("Trainium2", 0.0), ("H100 SXM", 1.0)):
        assert base_setting(replace(asked, chip=chip_named(name).chip, engine="")).eager == eager
