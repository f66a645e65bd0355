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
from offtake.perf.training_params import efficiency, levels
from offtake.perf.training_step import step

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


@pytest.mark.parametrize(
    ("about", "engine", "stack"),
    [
        ("NVIDIA-NeMo/Automodel; PyTorch FSDP2", "automodel", "pytorch"),
        ("KempnerInstitute/KempnerForge", "kempnerforge", ""),
        ("AutoModelForCausalLM under Megatron-LM", "megatron", "megatron"),
        ("AutoModel.from_pretrained, Megatron-LM", "megatron", "megatron"),
        ("Megatron-Core with FSDP", "megatron", "megatron"),
        ("a blog on FSDP2", "torch", "pytorch"),
    ],
)
def test_an_engine_is_named_by_what_a_row_says_first_of_all(about, engine, stack):
    asked = case(source=about)
    assert asked.engine == engine
    assert levels(asked.chip, engine=engine, year=2025.0)["stack"] == stack


@pytest.mark.parametrize(
    ("told", "schedule"),
    [
        ({"source": "DeepSeek-V3 technical report, arXiv 2412.19437"}, "dualpipe"),
        ({"source": "arXiv 2412.19437, table 1"}, "dualpipe"),
        ({"source": "a blog beside the DeepSeek-V3 report"}, ""),
        ({"notes": "with DualPipe"}, "dualpipe"),
        ({"notes": "without DualPipe"}, ""),
        ({"notes": "Shanghai-LLM; non-zero bubble"}, ""),
        ({"notes": "ZB1P"}, "zero_bubble"),
        ({"notes": "zero-bubble schedule (ZB-H1)"}, "zero_bubble"),
        ({"source": "deepseek-ai/DeepSeek-V3 README.md"}, "dualpipe"),
        (
            {
                "model": "DeepSeek-V3",
                "source": "NVIDIA-NeMo/Megatron-Bridge",
                "notes": "weights of deepseek-ai/DeepSeek-V3",
            },
            "",
        ),
    ],
)
def test_a_schedule_is_read_where_a_row_names_it(told, schedule):
    assert case(**told, tp="", pp="", dp="", fsdp="").schedule == schedule


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


def test_the_fork_with_deepspeed_had_no_sequence_parallelism_before_it_took_it_over():
    def split(source, year):
        return base_setting(case(source=source, year=year)).sequence_parallel

    fork = "bigscience-workshop/bigscience Megatron-DeepSpeed"
    assert [split(fork, year) for year in ("2022-02", "2023-05", "2024")] == [0.0, 0.0, 1.0]
    assert [split("NVIDIA Megatron-LM", year) for year in ("2021", "2022", "2024")] == [0.0, 1.0, 1.0]


def test_a_blank_where_a_table_prints_chunks_a_stage_in_every_row_is_one_chunk():
    asked = {
        "tp": "1",
        "pp": "4",
        "dp": "16",
        "fsdp": "",
        "source": "NVIDIA-NeMo/Megatron-Bridge docs/performance-summary.md",
    }
    assert case(**asked).vpp == 1
    assert case(**asked, vpp="2").vpp == 2
    assert case(**{**asked, "source": "NVIDIA/Megatron-LM README.md"}).vpp is None
    assert case(**{**asked, "pp": "1", "dp": "64"}).vpp is None


def test_one_graph_holds_narrow_steps_on_blackwell_since_mid_2026():
    asked = {
        "model": "Qwen3-30B-A3B", "chip": "GB200", "n_chips": "8", "dp": "8", "ep": "8", "fsdp": "", "precision": "mxfp8",
        "seq_len": "4096", "source": "NVIDIA-NeMo/Megatron-Bridge", "year": "2026", "engine_version": "26.06 NeMo Container",
    }  # fmt: skip
    found = base_setting(case(**asked))
    assert found.one_graph == 1.0
    for other in ({"precision": "bf16"}, {"chip": "H100"}, {"engine_version": "26.04 NeMo Container"}):
        assert base_setting(case(**{**asked, **other})).one_graph == 0.0
    # no host in it, batched products, messages behind another micro-batch: never slower
    whole, apart = (
        step(replace(found, micro_seqs=4.0, ep=8.0, one_graph=flag), efficiency(None, ())) for flag in (1.0, 0.0)
    )
    assert whole.total_s < apart.total_s
    assert whole.expert < apart.expert
    assert whole.experts < apart.experts


@pytest.mark.parametrize(
    ("cells", "seqs"),
    [
        ({"global_batch_seqs": "2 M tokens"}, 256),  # 244 sequences of 8192: 4 on each of 64 replicas are meant
        ({"global_batch_seqs": "1,048,576 tok"}, 128),
        ({"global_batch_seqs": "4 M tokens", "global_batch_tokens": "1048576"}, 128),
        ({"global_batch_seqs": "2 M tokens", "seq_len": ""}, None),
        ({"global_batch_seqs": "128 sequences"}, 128),
        ({"global_batch_seqs": "2 k"}, 2000),
    ],
)
def test_a_cell_of_sequences_that_says_tokens_is_read_as_tokens(cells, seqs):
    found = row_of(Cells(2, {**ROW, **cells}))
    assert (found.case and found.case.batch_seqs) == seqs
    assert not found.problems
