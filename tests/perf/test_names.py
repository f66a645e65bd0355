"""Chips and models are found as sources print them; what is not known is refused by name."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.catalog.load import names, references
from offtake.errors import OfftakeError
from offtake.perf.names import chip_named, model_named

CHIPS = {
    "NVIDIA H100 80GB HBM3": "H100 SXM",
    "H100 SXM5 80GB": "H100 SXM",
    "8x H100": "H100 SXM",
    "h100_pcie": "H100 PCIe",
    "A100-80GB": "A100-80 SXM",
    "A100-SXM4-40GB": "A100-40 SXM",
    "A100 40GB PCIe": "A100-40 PCIe",
    "H200 141GB": "H200 SXM",
    "H800": "H800 SXM",
    "GB200 NVL72": "GB200 (per GPU, NVL72)",
    "NVIDIA GB300 NVL72": "GB300 (per GPU, NVL72)",
    "AMD Instinct MI300X": "MI300X",
    "MI355X-288GB": "MI355X",
    "Google TPU v4": "TPU v4",
    "Trillium": "TPU v6e (Trillium)",
    "tpu7x": "TPU7x (v7 Ironwood)",
    "trn2.48xlarge": "Trainium2",
    "Inf2": "Inferentia2",
    "NVIDIA_H100_80GB_HBM3": "H100 SXM",
    "8x NVIDIA HGX H100 GPU": "H100 SXM",
    "H100s": "H100 SXM",
    "AMD MI250X (one GCD)": "MI250X die",
    "Blackwell Ultra B300": "B300",
    "Trn2 UltraServers": "Trainium2 UltraServer (per chip)",
    "gpu_8x_h100_sxm5": "H100 SXM",
    "Standard_ND96isr_H100_v5": "H100 SXM",
    "p5.48xlarge (8x H100 80GB)": "H100 SXM",
    "a3-megagpu-8g": "H100 SXM",
    "NVIDIA H200-SXM-141GB-CTS": "H200 SXM",
    "H200 NVL": "H200 NVL",
    "p5en.48xlarge": "H200 SXM",
    "H20-3e 141GB": "H20-3e",
    "NVIDIA GH200 480GB": "GH200-96",
    "NVIDIA GH200 Grace Hopper Superchip 144GB": "GH200",
    "Blackwell B200": "B200",
    "DGX GB200": "GB200 (per GPU, NVL72)",
    "GB200 Grace Blackwell Superchip": "GB200 (per GPU, NVL72)",
    "HGX B300 NVL16": "B300",
    "A100 40G": "A100-40 SXM",
    "DGX A100 320GB": "A100-40 SXM",
    "p4de.24xlarge": "A100-80 SXM",
    "A800-SXM4-80GB": "A800 SXM",
    "NVIDIA GeForce RTX 4090": "RTX 4090",
    "V100-SXM3-32GB": "V100 SXM2",
    "AMD Instinct MI300X-NPS1-SPX-192GB-750W": "MI300X",
    "AMD Instinct MI325X-256GB-1000W": "MI325X",
    "MI355X-288GB-1400W": "MI355X",
    "MI250X GCD": "MI250X die",
    "tpu-v5-lite-podslice": "TPU v5e",
    "google Trillium TPU v6e": "TPU v6e (Trillium)",
    "Google Ironwood TPU": "TPU7x (v7 Ironwood)",
    "ml.trn1n.32xlarge": "Trainium1",
    "trn2-48xl": "Trainium2",
    "Trn2 UltraServer (64 Trainium2 chips)": "Trainium2 UltraServer (per chip)",
    "Amazon EC2 Trn2": "Trainium2",
    "inf2.8xlarge": "Inferentia2",
    "Intel-HabanaLabs Gaudi2": "Gaudi2",
}
MODELS = {
    "Llama-3.1-70B-Instruct-FP8": "Llama 3.1 70B",
    "meta-llama/Meta-Llama-3.1-8B-Instruct": "Llama 3.1 8B",
    "nvidia/DeepSeek-R1-0528-FP4": "DeepSeek-R1",
    "DeepSeekV3 (w/ MTP)": "DeepSeek-V3",
    "DeepSeek-V3-0324": "DeepSeek-V3",
    "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8": "Qwen3-235B-A22B",
    "Qwen3_30B_a3B (tokendrop)": "Qwen3-30B-A3B",
    "LLAMA3.1_405B": "Llama 3.1 405B",
    "mistralai/Mixtral-8x7B-Instruct-v0.1": "Mixtral 8x7B",
    "llama2-70b-99.9": "Llama 2 70B",
    "GPT 530B": "Megatron-Turing NLG 530B",
    "gpt3": "GPT-3 175B",
    "OPT-1.3B": "OPT-1.3B",
    "opt-13b": "OPT-13B",
    "Command R+": "Command R+ 104B",
    "Llama-v2-7B": "Llama 2 7B",
    "llama-v3p1-405b-instruct": "Llama 3.1 405B",
    "Llama-v3-70B": "Llama 3 70B",
    "c4ai-command-r-08-2024": "Command R 08-2024 32B",
    "llama2-70b-interactive-99.9": "Llama 2 70B",
    "llama3.1-8b-datacenter": "Llama 3.1 8B",
    "LLAMA3_405B": "Llama 3.1 405B",
    "RedHatAI/Meta-Llama-3.1-405B-Instruct-quantized.w8a8": "Llama 3.1 405B",
    "amd/Llama-3.3-70B-Instruct-WMXFP4-AMXFP4-KVFP8-Scale-UINT8-SQ": "Llama 3.3 70B",
    "unsloth/Meta-Llama-3.1-8B-bnb-4bit": "Llama 3.1 8B",
    "Llama4-E128": "Llama 4 Maverick 17B-128E",
    "nvidia/DeepSeek-R1-0528-NVFP4-v2": "DeepSeek-R1",
    "deepseek-v3-16b": "DeepSeek-V2-Lite",
    "Qwen2.5-14B-Instruct-1M": "Qwen2.5-14B",
    "Qwen3-Coder-Next": "Qwen3-Next-80B-A3B",
    "Kimi-K2-1T": "Kimi K2",
    "microsoft/Phi-3-mini-4k-instruct": "Phi-3-mini",
    "Phi-3.5-MoE-instruct": "Phi-3.5-MoE",
    "lmsys/vicuna-7b-v1.5": "Llama 2 7B",
    "MiniMaxAI/MiniMax-M1-80k": "MiniMax-Text-01",
    "gptj-99.9": "GPT-J 6B",
    "Megatron-Turing 530B": "Megatron-Turing NLG 530B",
    "bloom-560m": "BLOOM-560M",
    "GPT3-126M": "GPT3 126M",
    "GPT-2 124M": "GPT-2 117M",
}


@pytest.mark.parametrize(("printed", "name"), CHIPS.items())
def test_a_chip_is_found_as_printed(printed, name):
    assert chip_named(printed).chip.name == name


@pytest.mark.parametrize(("printed", "name"), MODELS.items())
def test_a_model_is_found_as_printed(printed, name):
    assert model_named(printed).name == name


@pytest.mark.parametrize(
    ("printed", "chips"), [("TPU v5p-128", 64), ("v4-384", 192), ("TPU v6e-256", 256), ("v5litepod-256", 256)]
)
def test_a_slice_counts_chips(printed, chips):
    assert chip_named(printed).slice_chips == chips  # v4 and v5p names count two TensorCores a chip


@pytest.mark.parametrize(
    ("printed", "chips"),
    [("8xH100", 8), ("64 x H100", 64), ("H100 x8", 8), ("HGX H100 8-GPU", 8), ("2x v5e-256", 512), ("tpu7x-4x4x4", 64),
     ("v5p-4x4x8", 128), ("Trillium-256", 256), ("H100", None), ("RTX 4090", None), ("1 node (8xH100)", None), ("8 * H20", 8)],
)  # fmt: skip
def test_a_printed_count_is_kept(printed, chips):
    assert chip_named(printed).slice_chips == chips


def test_a_printed_memory_and_domain_belong_to_the_chip():
    small = chip_named("Tesla V100-SXM2-16GB")
    assert (small.chip.hbm_bytes, small.chip.hbm_bytes_per_s) == (16e9, chip_named("V100").chip.hbm_bytes_per_s)
    assert small.remarks == ("memory of 16 GB as printed",)
    assert chip_named("DGX A100 640GB").chip.hbm_bytes == 80e9  # of the server
    assert chip_named("B200 192GB").chip == chip_named("B200").chip  # the same chip in other units
    assert [chip_named(n).chip.scaleup_domain for n in ("GB200 NVL4", "GB200 NVL36x2", "GB200 NVL72")] == [4, 72, 72]


@pytest.mark.parametrize(
    ("find", "printed", "could"),
    [(chip_named, "H100/H200", ("H100 SXM", "H200 SXM")), (chip_named, "A100 and TPU v4", ("A100-80 SXM", "TPU v4")),
     (chip_named, "MI300", ("MI300X", "MI300A")), (model_named, "gpt-oss", ("gpt-oss-20b", "gpt-oss-120b")),
     (model_named, "Mixtral", ("Mixtral 8x7B", "Mixtral 8x22B")), (model_named, "Phi-3", ("Phi-3-mini", "Phi-3-medium")),
     (model_named, "GPT-2", ("GPT-2 117M", "GPT-2 XL 1.5B"))],
)  # fmt: skip
def test_a_name_of_two_things_is_refused_with_both(find, printed, could):
    with pytest.raises(OfftakeError) as refused:
        find(printed)
    assert all(name in str(refused.value) for name in (printed, *could))


@pytest.mark.parametrize("other", ["V100S", "A100X", "MI308X", "Gaudi", "H100 maybe", "TPU v4i"])
def test_a_sibling_that_is_not_in_the_catalogue_is_not_taken_for_one_that_is(other):
    with pytest.raises(OfftakeError, match="the catalogue has no chip"):
        chip_named(other)


@pytest.mark.parametrize(
    "other", ["Mixtral_8x22B_proxy", "GPT-3 66B", "DeepSeek-V4-Pro", "Llama-2-34B", "Mistral-Large-3"]
)
def test_a_model_that_is_not_in_the_catalogue_is_not_taken_for_one_that_is(other):
    with pytest.raises(OfftakeError, match="the catalogue has no model"):
        model_named(other)


def test_every_name_and_alias_of_the_catalogue_is_found():
    for kind, find in (("chips", lambda n: chip_named(n).chip.name), ("models", lambda n: model_named(n).name)):
        for spelled in references(kind):
            assert find(spelled) in names(kind)


@pytest.mark.parametrize("unknown", ["Z80", "Llama 3.2 90B", "H100 maybe", ""])
def test_the_unknown_is_refused_by_name(unknown):
    for find in (chip_named, model_named):
        with pytest.raises(OfftakeError, match="the catalogue has no") as refused:
            find(unknown)
        assert repr(unknown) in str(refused.value)


def test_a_refusal_says_what_looks_like_it():
    with pytest.raises(OfftakeError, match="did you mean H100 SXM"):
        chip_named("H100 SMX")


def test_llama_3_is_never_taken_for_another_llama():
    assert model_named("Llama-3-70B").name == "Llama 3 70B"
    assert model_named("Llama-3.3-70B").name == "Llama 3.3 70B"
    assert model_named("Llama-2-70b-chat-hf").name == "Llama 2 70B"


@given(st.text(max_size=300))
def test_any_text_is_found_or_refused(text):
    for find in (chip_named, model_named):
        with contextlib.suppress(OfftakeError):
            find(text)
