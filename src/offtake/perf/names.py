"""Chips and models as sources print them: vendor words, memory sizes, slices, hub ids and precisions around a catalogue name.

Words that name no other product are taken off one kind at a time, until the catalogue knows what is left. Nothing is guessed: what is
still unknown is refused by name, with what looks like it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from offtake.catalog import chips, models
from offtake.catalog.load import close, find
from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offtake.catalog.load import Kind
    from offtake.catalog.types import Chip, Transformer

__all__ = ["NamedChip", "chip_named", "model_named", "unknown"]

_LONGEST = 200  # characters of a name: a hostile cell must not cost time
_SLICE = re.compile(
    r"^(?:cloud\s*)?(?:tpu)?[\s_-]*(v2|v3|v4|v5p|v5e|v5litepod|v6e|v7x|7x|v7)[\s_-]+(\d{1,6})$", re.IGNORECASE
)
_TWO_CORES = frozenset({"v2", "v3", "v4", "v5p", "v7x", "7x", "v7"})
"""TPU generations whose slice names count TensorCores, two a chip (Google's tables of slice shapes)."""

_VENDOR = re.compile(
    r"\b(?:nvidia|amd|google|aws|amazon|intel|instinct|tesla|cloud|tensor[\s-]*core|gpus?|accelerators?|chips?)\b",
    re.IGNORECASE,
)
_COUNT = re.compile(r"^\s*\d+\s*[x×]\s*|\s*[x×]\s*\d+\s*$", re.IGNORECASE)
_FORM = re.compile(r"[\s_-]*\b(?:hbm\d?e?|oam|server|node|\d+[\s-]*gpus?|airgap|air|liquid|lc|ac)\b", re.IGNORECASE)
_SIZE = re.compile(r"[\s_-]*\b\d{2,3}[\s-]*gi?b\b", re.IGNORECASE)

_PARENTHESES = re.compile(r"[(\[][^)\]]*[)\]]")
_TRAINING_WORDS = re.compile(
    r"[\s_-]+(?:w/o|w/|with|without)[\s_-]+mtp\b|[\s_-]+(?:token[\s_-]*drop|dropless|pre-?training|pretrain|finetun\w*|sft|lora|proxy)\b.*$",
    re.IGNORECASE,
)
_PRECISION = re.compile(
    r"[\s_-]+(?:nv|mx|ms)?(?:fp|bf|int|f)(?:4|8|16|32)(?:[\s_-]*(?:block|dynamic|static|pertensor|kv))*\b"
    r"|[\s_-]+w\d+a\d+\w*|[\s_-]+(?:awq|gptq|gguf|quantized|turbo|mxfp4|nvfp4|q4|4bit|8bit)\b",
    re.IGNORECASE,
)
_TUNED = re.compile(
    r"[\s_-]+(?:instruct|chat|base|hf|it|thinking|preview|model|maxtext|dense|moe|pt|tp\d+|v0\.\d|v1\.0|(?:20)?\d{2}[01]\d|(?:0[1-9]|1[0-2])[0-3]\d|99(?:\.9)?|latest)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedChip:
    """A chip of the catalogue, and how many a slice's name counts (None where it names one chip)."""

    chip: Chip
    slice_chips: int | None = None


@lru_cache(maxsize=1024)
def chip_named(text: str) -> NamedChip:
    """Return the chip that a source means.

    Raises
    ------
    OfftakeError
        No such chip; says which are close.

    Examples
    --------
    >>> chip_named("NVIDIA H100 SXM5 80GB").chip.name, chip_named("A100-80GB").chip.name
    ('H100 SXM', 'A100-80 SXM')
    >>> found = chip_named("TPU v5p-128")
    >>> found.chip.name, found.slice_chips
    ('TPU v5p', 64)
    """
    spelled = " ".join(text.split())[:_LONGEST]
    slice_ = _SLICE.match(spelled)
    if slice_ and not find("chips", spelled):
        generation, count = slice_[1].lower(), int(slice_[2])
        name = find("chips", f"TPU {'v7' if generation in {'v7x', '7x'} else generation}")
        if name and count > 0:
            counted = count // 2 if generation in _TWO_CORES and count > 1 else count
            return NamedChip(chip=chips.chip_of(chips.chip(name)), slice_chips=counted)
    for trial in _chip_trials(spelled):
        name = find("chips", trial)
        if name:
            return NamedChip(chip=chips.chip_of(chips.chip(name)))
    raise unknown("chips", spelled)


def _chip_trials(text: str) -> Iterator[str]:
    """Yield spellings with less and less around the name."""
    yield text
    for pattern in (_COUNT, _PARENTHESES, _VENDOR, _FORM, _SIZE):
        text = pattern.sub(" ", text).strip(" -_,/")
        yield text


@lru_cache(maxsize=1024)
def model_named(*texts: str) -> Transformer:
    """Return the model that a source means, by the first of its names that the catalogue knows.

    Raises
    ------
    OfftakeError
        No such model; says which are close to the first name.

    Examples
    --------
    >>> model_named("nvidia/Llama-3.1-70B-Instruct-FP8").name, model_named("Qwen3_30B_a3B (tokendrop)").name
    ('Llama 3.1 70B', 'Qwen3-30B-A3B')
    """
    given = [" ".join(text.split())[:_LONGEST] for text in texts if text.strip()]
    for text in given:
        for trial in _model_trials(text):
            name = find("models", trial)
            if name:
                return models.transformer_of(models.model(name))
    raise unknown("models", given[0] if given else "")


def _model_trials(text: str) -> Iterator[str]:
    """Yield spellings with less and less around the name: owner, remarks, precision, tuning."""
    yield text
    owner, _, rest = text.rpartition("/")
    text = rest if owner and " " not in owner and "(" not in owner else text  # "w/ MTP" has no owner
    yield text
    text = _TRAINING_WORDS.sub("", _PARENTHESES.sub("", text)).strip()
    yield text
    text = _PRECISION.sub("", text).strip()
    yield text
    for _ in range(4):
        shorter = _TUNED.sub("", text).strip()
        yield shorter
        if shorter == text:
            break
        text = shorter
    for vendor in ("meta-", "meta ", "nvidia-", "nvidia ", "google-", "microsoft-"):
        if text.lower().startswith(vendor):
            yield text[len(vendor) :]


def unknown(kind: Kind, name: str) -> OfftakeError:
    """Return the refusal of a name that the catalogue does not have."""
    near = close(kind, name)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; see `offtake catalog {kind}`"
    return OfftakeError(f"the catalogue has no {kind.rstrip('s')} {name!r}{hint}")
