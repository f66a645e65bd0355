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
from offtake.perf.training_layers import layers_of
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


def test_a_remark_states_a_slow_network_and_one_that_the_catalogue_does_not_know():
    slow = case(chip="V100", notes="8 p3.16xlarge of 8 V100; 25 Gb/s a server of 8").chip
    assert slow.scaleout_bytes_per_s == pytest.approx(25e9 / 8.0 / 8.0)
    bare = "MI300A"
    assert chip_of(chip(bare)).scaleout_bytes_per_s is None
    assert case(chip=bare, notes="100 Gb/s a server of 4").chip.scaleout_bytes_per_s == pytest.approx(100e9 / 8.0 / 4.0)


def test_a_definition_tells_whether_recomputation_is_counted():
    def measured(**cells):
        bare = {n: v for n, v in ROW.items() if not n.startswith("reported")}
        given = {**bare, "recompute": "full", "reported_tflops_per_chip": "150", **cells}
        return row_of(Cells(2, given)).step_s

    plain = measured(mfu_definition="model operations")
    for counted in ("operations with recomputation", "HFU", "counts full activation recompute"):
        assert measured(mfu_definition=counted) == pytest.approx(plain * 4.0 / 3.0)
    for left in (
        "excluding recomputation",
        "recomputation not counted",
        "6ND, ignoring recomputation",
        "no activation recomputation",
    ):
        assert measured(mfu_definition=left) == plain
    none = measured(mfu_definition="recomputation counted where there is one", recompute="none")
    assert none == measured(mfu_definition="model operations", recompute="none")


@pytest.mark.parametrize(
    ("notes", "narrow"),
    [
        ("all weights in bf16 trained by AdamW", True),
        ("bf16 master weights and moments", True),
        ("pure bf16", True),
        ("not in  pure bf16", False),
        ("rather than pure bf16", False),
        ("pure bf16 compute, fp32 optimizer", False),
        ("8-bit Adam", False),
        ("bf16", False),
        ("moments in fp32", False),
    ],
)
def test_a_remark_tells_that_states_are_narrow(notes, narrow):
    assert case(notes=notes).narrow_states is narrow


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
        "no 25 Gb/s a server of 8",
        "80 Gb memory a GPU",
        "NVLink 600 Gb/s a GPU",
        "1.25 Gb/s a server of 8",
    ],
)
def test_a_remark_that_cannot_be_or_says_something_else_changes_nothing(remark):
    assert case(notes=remark).chip == chip_of(chip("H100 SXM"))


@pytest.mark.parametrize(
    ("chip_name", "notes", "domain", "topology"),
    [
        ("H200", "4 GPUs a server; median of a run", 4, "mesh"),
        ("H100 SXM", "2 chips a node", 2, "mesh"),
        ("H200", "8 GPUs a server", 8, "switch"),
        ("H200", "14 GPUs a server", 8, "switch"),
        ("H200", "4 GPUs per node", 4, "mesh"),
        ("H200", "no 4 GPUs a server", 8, "switch"),
        ("H200", "uses 4 GPUs a node of 8", 8, "switch"),
        ("H200", "1.4 GPUs a node", 8, "switch"),
        ("GB200", "4 GPUs a server", 72, "switch"),  # the rack is one domain
        ("MI300X", "4 GPUs a server", 8, "mesh"),  # as ever: all of a server's are joined in pairs
    ],
)
def test_a_server_of_four_is_read_from_a_remark(chip_name, notes, domain, topology):
    found = case(chip=chip_name, notes=notes, tp="", pp="", dp="").chip
    assert (found.scaleup_domain, found.topology) == (domain, topology)


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
        ("Nemotron_3_Super", "NVIDIA-NeMo/Megatron-Bridge", 2),
        ("Nemotron_3_5_Lightning", "NVIDIA-NeMo/Megatron-Bridge", 2),
        ("Nemotron_3_Nano", "NVIDIA-NeMo/Megatron-Bridge", 0),
    ],
)
def test_layers_for_further_tokens_are_trained_where_the_recipe_has_them(name, source, layers):
    assert case(model=name, source=source, tp="", pp="", dp="").model.mtp_layers == layers


def test_a_remark_takes_the_layer_for_further_tokens_away():
    asked = {"model": "DeepSeek-V3", "source": "NVIDIA-NeMo/Megatron-Bridge", "tp": "", "pp": "", "dp": ""}
    assert case(**asked, notes="without the layer of multi-token prediction").model.mtp_layers == 0
    assert case(**asked, notes="with two sets of weights").model.mtp_layers == 1


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
    assert training_fit.fit_training([*many, lone, *trials], rounds=1).document() == alone.document()
    assert alone.rows["keys"] == sorted(row.key for row in many)
    # where there is nothing else, they are taken
    assert training_fit.fit_training([lone], rounds=1).rows["count"] == 1


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


EXPERTS = {
    "model": "DeepSeek-V3",
    "global_batch_seqs": "256",
    "dp": "",
    "tp": "",
    "pp": "",
    "ep": "8",
    "micro_batch": "4",
}


def test_weights_are_sharded_over_experts_too_where_all_sizes_make_the_machine():
    mesh = EXPERTS | {"source": "ROCm MaxText"}
    beside = row_of(Cells(2, {**ROW, **mesh, "fsdp": "8"}))  # 8 x 8 of 64 chips
    assert beside.case.shards == 64
    assert any("fsdp beside ep" in said for said in beside.assumed)
    assert case(**mesh | {"n_chips": "128", "dp": "2"}, fsdp="8").shards == 64  # two replicas of it
    assert case(**mesh, fsdp="64").shards == 64
    assert case(**mesh, fsdp="16").shards == 16  # as printed, where sizes do not make the machine
    assert case(**EXPERTS, fsdp="8").shards == 8  # PyTorch counts over all chips: eight replicas


@pytest.mark.parametrize(
    ("notes", "split"),
    [
        ("experts over 8, ETP 4", 4),
        ("ETP=1", 1),
        ("etp 4", 4),
        ("", None),
        ("setp 4", None),
        ("ETP 4000", None),
        ("ETP 0", None),
        ("no ETP 4", None),
    ],
)
def test_a_remark_splits_one_expert_over_chips(notes, split):
    assert case(notes=notes).etp == split


def test_an_expert_that_is_split_leaves_a_chip_its_part_of_the_weights_and_of_the_work():
    grok = {
        "model": "Grok-1",
        "chip": "GB200",
        "n_chips": "256",
        "global_batch_seqs": "512",
        "tp": "4",
        "dp": "64",
        "ep": "8",
        "fsdp": "",
        "source": "Megatron",
    }
    whole, split = (predict_training(case(**grok, notes=notes)) for notes in ("ETP 1", "ETP 4"))
    # 8 experts over 8 groups of chips: one each, or a quarter on each of four
    assert split.memory_bytes["weights"] < 0.35 * whole.memory_bytes["weights"]
    assert split.breakdown_s["experts"] == pytest.approx(whole.breakdown_s["experts"], rel=0.2)
    assert split.breakdown_s["tensor"] > whole.breakdown_s["tensor"]


@pytest.mark.parametrize(
    ("source", "notes", "engine"),
    [
        ("whitecircle/halo docs", "Axolotl 0.19.0, FSDP2; shape of MaxText src/maxtext/configs/models/x.yml", "torch"),
        ("whitecircle/halo docs", "Halo; shape of MaxText src/maxtext/configs/models/x.yml", "halo"),
        ("whitecircle/halo halo-vs-stock-trl.md", "packed", "halo"),
        ("whitecircle/halo halo-vs-stock-trl.md", "TRL, FSDP2", "torch"),
        ("marin-community/marin issue", "FSDP inside the rack", "levanter"),
        ("a page", "packed sequences of 4,096", ""),
        ("a page", "pax on TPU v4", "maxtext"),
        ("a page", "shape of X from a card; Megatron-LM", "megatron"),
        ("a page", "Shape of MaxText configs; Megatron-LM", "megatron"),
        ("a page", "Pallas Mosaic kernels in Levanter", "levanter"),
    ],
)
def test_the_engine_is_the_one_that_ran_not_the_one_a_shape_is_from(source, notes, engine):
    assert case(source=source, notes=notes).engine == engine


def test_programs_of_one_compiler_differ_by_the_chips_they_are_for():
    stacks = [
        levels(chip_of(chip(name)), engine="maxtext", year=2026.0)["stack"]
        for name in ("TPU v5p", "MI355X", "H100 SXM")
    ]
    assert stacks == ["xla", "xla on GPU", "xla on GPU"]
    assert levels(chip_of(chip("H100 SXM")), engine="levanter", year=2026.0)["stack"] == "xla on GPU"


RACK = {"model": "DeepSeek-V3", "chip": "GB200", "n_chips": "256", "ep": "64", "fsdp": "", "source": "NVIDIA Megatron"}


def test_a_part_of_a_step_in_a_graph_is_not_all_of_it():
    newest = RACK | {"year": "2026-07", "precision": "MXFP8"}
    assert base_setting(case(**newest)).one_graph == 1.0
    for notes in ("partial CUDA graph; median", "partial\nCUDA graphs"):
        assert base_setting(case(**newest, notes=notes)).one_graph == 0.0
    assert base_setting(case(**newest, notes="no partial CUDA graphs")).one_graph == 1.0


def expert_products(model, ep, year="2026-07", engine="NVIDIA Megatron"):
    setting = base_setting(case(model=model, dp="64", fsdp="", source=engine, year=year, ep=ep))
    return float(step(setting.with_layout(ep=float(ep), micro_seqs=1.0), efficiency(None, ())).experts)


def test_one_expert_on_a_chip_is_as_fast_in_old_software():
    alone = expert_products("Mixtral 8x7B", "8", "2025-07") / expert_products("Mixtral 8x7B", "8")
    four = expert_products("Mixtral 8x7B", "2", "2025-07") / expert_products("Mixtral 8x7B", "2")
    assert 1.0 < alone < four  # only routing is older in the first


def test_two_wide_experts_on_a_chip_are_nearly_plain_products_and_narrow_ones_are_not():
    wide = expert_products("Mixtral 8x7B", "4") / expert_products("Mixtral 8x7B", "8")
    narrow = expert_products("Qwen3-30B-A3B", "64") / expert_products("Qwen3-30B-A3B", "128")
    assert 1.0 < wide < 1.35
    assert narrow > wide


def test_vectors_that_experts_add_read_and_write_their_outputs_once_more():
    found = case(
        model="gpt-oss-120b",
        n_chips="64",
        dp="64",
        ep="64",
        fsdp="",
        source="NVIDIA-NeMo/Megatron-Bridge",
        year="2026",
        global_batch_seqs="1280",
    )
    plain = replace(found, model=replace(found.model, expert_bias=False))
    eff = efficiency(None, ())
    extra = {}
    for name, one in (("with", found), ("without", plain)):
        layers = layers_of(base_setting(one), eff, 8192.0)
        extra[name] = float(layers.experts_f), float(layers.experts_b)
    # tokens x top-k copies x (2 x 2880 + 2880) numbers of 2 bytes, read and written, in 36 layers; a half more backward
    moved_s = 8192 * 4 * 2 * 3 * 2880 * 2 / (found.chip.hbm_bytes_per_s * eff.hbm) * eff.routing * 36
    busiest = extra["with"][0] - extra["without"][0]
    assert busiest == pytest.approx(moved_s, rel=0.02)  # chance alone loads one chip a little more
    assert extra["with"][1] - extra["without"][1] == pytest.approx(1.5 * busiest)


@pytest.mark.parametrize(
    ("source", "notes", "who"),
    [
        ("NVIDIA-NeMo/Megatron-Bridge docs/performance-summary.md @067f987df [26.08]", "", "vendor"),
        ("docs: NVIDIA/NeMo docs.nvidia.com/nemo-framework/user-guide performance summary", "", "vendor"),
        ("docs.nvidia.com/nemo-framework", "", "vendor"),
        ("ROCm/rocm-blogs", "", "vendor"),
        ("ROCm/rocm-blogs", "the page calls it untuned", "nobody"),
        ("mlcommons/training_results_v5.1 MangoBoost/results", "", "vendor"),
        ("someone/training_results_v6.0", "", "vendor"),
        ("arXiv 2205.05198 Table 5", "", "vendor"),
        ("arXiv 2407.21783 Table 4, on NVIDIA H100", "", "user"),
        ("a-laboratory/nvidia-benchmarks", "tuned for a week", "user"),
        ("github.com/ROCm/rocm-blogs", "", "vendor"),
        ("swiss-ai/Megatron-LM", "", "user"),
        ("KempnerInstitute/KempnerForge", "", "user"),
        ("https://github.com/NVIDIA/Megatron-LM", "", "vendor"),
        ("docs: https://docs.nvidia.com/x", "", "vendor"),
        ("https://arxiv.org/abs/2205.05198", "", "vendor"),
        ("www.github.com/AMD-AGI/Primus", "", "vendor"),
        ("HabanaAI/Model-References", "", "vendor"),
        ("https://example.org/nvidia", "", "user"),
        ("someone/TensorRT-LLM docs/source/performance @1234567", "", "vendor"),
        ("vngcloud/InferenceX-app", "", "vendor"),
        ("someone/inferencex-runs", "", "user"),
        ("dstackai/benchmarks Deepseek-R1/raw_data", "", "user"),
        ("", "", "user"),
    ],
)
def test_who_tuned_a_run_is_read_from_its_publisher_and_remarks(source, notes, who):
    assert case(source=source, notes=notes).tuned_by == who


def test_a_run_is_predicted_as_those_who_tuned_it_alike():
    # the same steps by a vendor, users and nobody, who take 1, 1.2 and 1.6 times as long
    takes = {"NVIDIA/a": 1.0, "one/user": 1.2, "another/user": 1.2, "third/stock": 1.6}
    rows = [
        row_of(
            Cells(
                2,
                {
                    **ROW,
                    "source": source,
                    "notes": "untuned" * source.startswith("third"),
                    "global_batch_seqs": str(64 * size),
                    "reported_step_time_s": str(times * size * 4.0),
                },
            )
        )
        for source, times in takes.items()
        for size in range(2, 10)
    ]
    fitted = training_fit.fit_training(rows)
    assert len(fitted.rows["keys"]) == len(rows)
    by = {who: predict_training(replace(rows[0].case, tuned_by=who), fitted) for who in ("vendor", "user", "nobody")}
    assert 1.05 < by["user"].step_s / by["vendor"].step_s < 1.2
    assert 1.1 < by["nobody"].step_s / by["vendor"].step_s < 1.6
    wide = [found.interval.high / found.interval.low for found in by.values()]
    assert wide == sorted(wide)


SPLIT = RACK | {"dp": "256", "recompute": "full", "seq_len": "4096", "global_batch_seqs": "1024"}


def test_an_expert_that_cannot_be_split_so_is_refused_with_what_can():
    for etp in ("3", "999"):
        refused = predict_training(case(**RACK, etp=etp)).reason
        assert "does not divide the 2048 columns" in refused
        assert "1, 2, 4" in refused
    assert predict_training(case(**SPLIT, etp="4")).step_s > 0.0
    assert seconds(etp="999") == seconds()  # a dense model has none to split


def test_splitting_experts_that_are_spread_costs_messages_without_tensor_parallelism():
    alone, split = (predict_training(case(**SPLIT, etp=etp)) for etp in ("1", "4"))
    assert alone.breakdown_s["tensor"] == 0.0
    assert split.breakdown_s["tensor"] > 0.0


def test_tokens_are_even_where_a_row_says_that_routing_was_forced():
    assert case(notes="routing forced even; DeepEP").balanced
    assert case(notes="force-balanced").balanced
    assert case(notes="routing\nforced even").balanced
    assert case(notes="random routing").balanced
    assert not case(notes="dropless with natural routing").balanced
    assert not case(notes="not force-balanced").balanced
