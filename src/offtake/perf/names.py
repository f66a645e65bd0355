"""Chips and models as sources print them: vendor words, memory sizes, slices, instances, hub ids and precisions around a catalogue name.

Words that name no other product are taken off one kind at a time, until the catalogue knows what is left. Nothing is guessed: what is
still unknown is refused by name, with what it could be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

from offtake.catalog import chips, models
from offtake.catalog.load import close, find, starting
from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offtake.catalog.load import Kind
    from offtake.catalog.types import Chip, Transformer

__all__ = ["NamedChip", "chip_named", "model_named", "unknown"]

_LONGEST = 200  # characters of a name: a hostile cell must not cost time
_SLICE = re.compile(
    r"^(?:(\d{1,4})\s*[x×]\s*)?(?:google\s*)?(?:cloud\s*)?(?:tpu)?[\s_-]*"
    r"(v2|v3|v4|v5p|v5e|v5litepod|v5lite|v6e|v7x|7x|v7|trillium|ironwood)(?:[\s_-]*(?:pod)?[\s_-]*slice)?"
    r"[\s_-]+(\d{1,6}(?:[x×]\d{1,3}){0,2})(\s*chips?)?$",
    re.IGNORECASE,
)
_TWO_CORES = frozenset({"v2", "v3", "v4", "v5p", "v7x", "7x", "v7", "ironwood"})
"""TPU generations whose slice names count TensorCores, two a chip (Google's tables of slice shapes); shapes as 4x4x8 count chips."""

_INSTANCES = (  # a cloud's machine → the family that the catalogue's aliases know
    re.compile(r"^(?:ml\.)?([a-z]+\d[a-z0-9]*(?:-[a-z]+\d+)?)[.-](?:\d{1,3})?xl(?:arge)?$", re.IGNORECASE),  # AWS
    re.compile(r"^([a-z]+\d+[a-z]*-[a-z]+)-\d{1,3}[gt](?:-[a-z]+)?$", re.IGNORECASE),  # Google
    re.compile(r"^(?:standard[\s_]+)?(nd\w{0,8}[\s_]+[a-z]+\d+[a-z]*)[\s_]+v\d$", re.IGNORECASE),  # Azure
)
_COUNT = re.compile(
    r"^\s*(\d{1,6})\s*(?:[x×*]\s*|\s(?=[a-z]))|(?:(?<=\d)|\s)[x×*]\s*(\d{1,6})\s*$|[\s-]*\b(\d{1,6})[\s-]*gpus?\s*$",
    re.IGNORECASE,
)
_NODES = re.compile(
    r"\b(?:nodes?|servers?|instances?|racks?|pods?|hosts?)\b", re.IGNORECASE
)  # a count of these is no count of chips
_PARENTHESES = re.compile(r"[(\[]([^)\]]*)[)\]]")
_FORM = re.compile(
    r"[\s_-]*\b(?:\d+[\s-]*gpus?|hbm\d?e?|gddr\d\w?|oam|server|system|node|platform|instances?|rack|cluster|superpod|airgap|air|liquid|lc|ac|cts|hgx|dgx|mgx|nps\d|[sct]px|vf|nvlink|"
    r"nvswitch|(?:pod)?[\s-]?slice|pod|device|\d{2,4}\s*w)\b",
    re.IGNORECASE,
)
_VENDOR = re.compile(
    r"\b(?:nvidia|amd|google|aws|amazon|ec2|intel|habana(?:labs)?|instinct|tesla|geforce|cloud|tensor[\s-]*core|gpus?|ai|accelerators?|"
    r"processors?|chips?|superchip)\b|[™®©]",
    re.IGNORECASE,
)
_CORE = re.compile(
    r"[\s_-]*\b(?:grace[\s-]*(?:hopper|blackwell(?:[\s-]*ultra)?)|hopper|blackwell(?:[\s-]*ultra)?|sxm\d?)\b",
    re.IGNORECASE,
)
_SIZE = re.compile(r"[\s_-]*\b(\d{2,3})GB\b")
_GIGABYTES = re.compile(r"\b(\d{2,3})[\s-]*g(?:i?b)?\b", re.IGNORECASE)
_PLURAL = re.compile(r"(?<=\d)s$|(?<=\d[Xx])s$")  # V100s are several; V100S is another card
_DOMAIN = re.compile(r"[\s_-]*\bnvl[\s-]*(\d{1,3})(?:x(\d))?\b", re.IGNORECASE)
_TWO = re.compile(r"\s*(?:/|,|\+|&|\band\b|\bor\b|\bvs\.?)\s*", re.IGNORECASE)

_TRAINING_WORDS = re.compile(
    r"[\s_-]+(?:w/o|w/|with|without)[\s_-]+mtp\b|[\s_-]+(?:token[\s_-]*drop|dropless|pre-?training|pretrain|finetun\w*|sft|q?lora)\b.*$",
    re.IGNORECASE,
)
_PRECISION = re.compile(
    r"[\s_-]+w(?:mx|nv)?fp\d[\w-]*$|[\s_-]+(?:nv|mx|ms)?(?:fp|bf|int|f)(?:4|8|16|32)(?:[\s_-]*(?:block|dynamic|static|pertensor|kv))*\b"
    r"|[\s_-]+(?:quantized\.)?w\d+a(?:fp|int)?\d+\w*|[\s_-]+(?:awq|gptq|gguf|bnb|quantized|turbo|q4(?:_\w+)?|4-?bit|8-?bit)\b",
    re.IGNORECASE,
)
_TUNED_WORDS = (
    r"instruct|chat|base|hf|it|thinking|reasoning|preview|model|maxtext|dense|moe|pt|tp\d+|dpo|beta|interactive|datacenter|edge|server|"
    r"offline|qat|v0\.\d|v1\.0|(?:20)?\d{2}[01]\d|(?:0[1-9]|1[0-2])[0-3]\d|(?:0\d|1[0-2])-20\d\d|99(?:\.9)?|latest"
)
_TUNED_LAST = re.compile(rf"[\s_-]+(?:{_TUNED_WORDS}|v\d{{1,2}}(?:\.\d{{1,2}})?|\d{{1,3}}k|1m)$", re.IGNORECASE)
_TUNED = re.compile(rf"[\s_-]+(?:{_TUNED_WORDS})(?![\w.])", re.IGNORECASE)
_OWNERS = (
    "meta-",
    "meta ",
    "nvidia-",
    "nvidia ",
    "google-",
    "google ",
    "microsoft-",
    "microsoft ",
    "databricks ",
    "tencent-",
    "ibm ",
    "openai ",
    "amd-",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedChip:
    """A chip of the catalogue, how many the text counts (None where it names one chip), and what the text changes of it."""

    chip: Chip
    slice_chips: int | None = None
    remarks: tuple[str, ...] = ()


@lru_cache(maxsize=1024)
def chip_named(text: str) -> NamedChip:
    """Return the chip that a source means.

    Raises
    ------
    OfftakeError
        No such chip, or two of them; says which.

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
        found = _sliced(slice_)
        if found:
            return found
    for trial in _chip_trials(spelled):
        name = find("chips", trial) if trial else None
        if name:
            return _as_printed(spelled, trial, chips.chip_of(chips.chip(name)))
    raise _two_named(spelled) or unknown("chips", spelled)


def _sliced(found: re.Match[str]) -> NamedChip | None:
    """Return the chip and the count of a TPU slice's name."""
    generation, shape = found[2].lower(), re.split("[x×]", found[3])
    name = find("chips", f"TPU {'v7' if generation in {'v7x', '7x'} else generation}")
    count = prod(int(side) for side in shape)
    if name is None or count <= 0:
        return None
    cores = 2 if generation in _TWO_CORES and len(shape) == 1 and not found[4] and count > 1 else 1
    return NamedChip(chip=chips.chip_of(chips.chip(name)), slice_chips=count // cores * int(found[1] or 1) or None)


def _chip_trials(text: str) -> Iterator[str]:
    """Yield spellings with less and less around the name."""
    yield text
    inside = _PARENTHESES.search(text)
    for instance in _INSTANCES:
        machine = instance.match(_PARENTHESES.sub("", text).strip())
        if machine:
            yield machine[1]
    text = _normal(text)
    yield text
    for pattern in 2 * (_COUNT, _VENDOR, _PARENTHESES, _FORM, _SIZE, _PLURAL, _CORE):
        shorter = " ".join(pattern.sub(" ", text).split()).strip(" -_,/")
        if shorter != text:
            text = shorter
            yield text
    yield _DOMAIN.sub("", text).strip(" -_")
    if inside:
        yield _SIZE.sub("", _VENDOR.sub("", _COUNT.sub("", inside[1]))).strip(" -_,/")


def _normal(text: str) -> str:
    """Return a chip's text with spaces for underscores and memory in GB."""
    return _GIGABYTES.sub(r"\1GB", re.sub("servers$", "server", text.replace("_", " "), flags=re.IGNORECASE))


def _as_printed(text: str, trial: str, chip: Chip) -> NamedChip:
    """Return the chip with the count, memory and scale-up domain that the text prints around the name that was found."""
    remarks: list[str] = []
    text = _normal(text)
    count = None if find("chips", text) or _NODES.search(text) else _COUNT.search(_DOMAIN.sub("", text))
    size = _SIZE.search(text)
    if size and chip.hbm_bytes and not _SIZE.search(trial):
        # a little less is the same chip in other units; more is the memory of a server, or of the host
        share = float(size[1]) * 1e9 / chip.hbm_bytes
        if 0.2 < share < 0.9:
            chip = replace(chip, hbm_bytes=float(size[1]) * 1e9)
            remarks.append(f"memory of {size[1]} GB as printed")
    joined = _DOMAIN.search(text)
    if joined and not _DOMAIN.search(trial):
        domain = int(joined[1]) * int(joined[2] or 1)
        chip = replace(chip, scaleup_domain=max(domain, 1))
        remarks.append(f"{domain} chips joined as printed")
    return NamedChip(
        chip=chip, slice_chips=int(count[1] or count[2] or count[3]) or None if count else None, remarks=tuple(remarks)
    )


def _two_named(text: str) -> OfftakeError | None:
    """Return the refusal of a text that names two chips, None where it does not."""
    parts = [part for part in _TWO.split(text) if part]
    if len(parts) < 2:
        return None
    found: dict[str, None] = {}
    for part in parts[:4]:
        for trial in _chip_trials(part):
            name = find("chips", trial) if trial else None
            if name:
                found[name] = None
                break
    if len(found) < 2:
        return None
    return OfftakeError(f"{text!r} names two chips, {' and '.join(found)}: a row is of one")


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
            name = find("models", trial) if trial else None
            if name:
                return models.transformer_of(models.model(name))
    raise unknown("models", given[0] if given else "")


def _model_trials(text: str) -> Iterator[str]:
    """Yield spellings with less and less around the name: owner, remarks, precision, tuning."""
    yield text
    owner, _, rest = text.rpartition("/")
    text = rest if owner and " " not in owner and "(" not in owner else text  # "w/ MTP" has no owner
    yield text
    for pattern in (_PARENTHESES, _TRAINING_WORDS):
        text = pattern.sub("", text).strip()
        yield text
    for owner in ("", *(o for o in _OWNERS if text.lower().startswith(o))):
        yield from _untuned(text[len(owner) :])


def _untuned(text: str) -> Iterator[str]:
    """Yield a model's name with fewer and fewer words of precision and tuning: from the end first, then anywhere."""
    for _ in range(8):
        yield text
        shorter = _PRECISION.sub("", text).strip()
        if shorter == text:
            shorter = _TUNED_LAST.sub("", text).strip()
        if shorter == text:
            break
        text = shorter
    for _ in range(4):
        shorter = _TUNED.sub("", text).strip()
        if shorter == text:
            break
        text = shorter
        yield text


def unknown(kind: Kind, name: str) -> OfftakeError:
    """Return the refusal of a name that the catalogue does not have, with what it could be."""
    one = kind.rstrip("s")
    could = starting(kind, name)
    if len(could) > 1:
        some = f"{', '.join(could[:4])} or another" if len(could) > 4 else " or ".join(could)
        return OfftakeError(f"the catalogue has no {one} {name!r}: it could be {some}")
    near = could or close(kind, name)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; see `offtake catalog {kind}`"
    return OfftakeError(f"the catalogue has no {one} {name!r}{hint}")
