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
