"""What a row of a training table says of its software: engine, release, pipeline, graphs, and how experts are routed and split."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offtake.perf.cases import TunedBy
    from offtake.perf.tables import Cells

__all__ = [
    "causal_halved",
    "engine_of",
    "expert_tp",
    "narrow_states",
    "partly_recorded",
    "released",
    "routed_evenly",
    "schedule_of",
    "told",
    "tuned_by",
]

_ENGINES = (
    ("neuron", r"neuron"), ("maxtext", r"maxtext|axlearn|\bpax(?:ml)?\b"),
    ("foundry", r"llm-foundry|mosaicml|composer"),
    ("megatron-deepspeed", r"megatron-deepspeed|gpt-neox|2201\.11990|mt-nlg"),
    ("automodel", r"nemo[ -]automodel|/automodel\b|\bautomodel\b(?!\.)"), ("kempnerforge", r"kempnerforge"),
    ("torch", r"torchtitan|torchtune|pytorch|axolotl|unsloth|(?<!stock-)\btrl\b|nanotron|lightning|olmo|internevo"),
    ("deepspeed", r"deepspeed|colossal"),
    ("megatron", r"megatron|nemo|mcore|primus|2205\.05198|2104\.04473"), ("levanter", r"levanter|\bmarin\b"), ("halo", r"\bhalo\b"),
    ("torch", r"\bfsdp2?\b"), ("maxtext", r"tpu-recipes|gpu-recipes"),
)  # fmt: skip
_SCHEDULES = (
    ("dualpipe", r"\bdual[- ]?pipe\b|\bhai-llm\b"),
    ("zero_bubble", r"(?<!non-)(?<!non )\bzero[- ]?bubble\b|\bzb-?(?:h?[12]p?|v)\b"),
)
"""Pipelines by the word that says so."""
_FORCED = r"\bforced?-balanced\b|\brouting\s+forced\s+even\b|\brandom\s+routing\b"
"""Words by which a row says that routing was not the model's own; a random one is even in the mean."""
_NARROW_STATES = (
    r"\b(?:pure[ -]bf16|all (?:weights|states) in bf16|bf16 (?:master )?(?:weights and )?(?:moments|optimi[sz]er))\b"
)
_WIDE_STATES = r"\bfp32 (?:master|optimi[sz]er|moments|states|copy|weights)"
_DENIED = r"(?:\bno|\bnot|\bnever|\bwithout|\bw/o|\brather than|\binstead of)[\s-]{1,3}(?:in )?(?:the )?(?:a )?"
_VENDORS = (
    r"\b(?:nvidia|amd|rocm|google|googlecloudplatform|ai-hypercomputer|aws|awslabs|amazon|intel|intellabs|habana|habanaai|mosaicml|databricks|"
    r"mlcommons|mlperf)\b"
)
"""Publishers that sell chips or training software, by name."""
_VENDORS_TOO = (
    r"/training_results_v|^yanring/megatron-moe-modelzoo|^[^/]+/tensorrt-llm\b|^(?:semianalysisai|vngcloud)/inferencex|^ai-dynamo/|"
    r"^arxiv(?:\.org/(?:abs|pdf)/|:? ?)(?:1909\.08053|2104\.04473|2201\.11990|2205\.05198)"
)
"""What entrants of MLPerf submit; work of NVIDIA under other names: papers on Megatron, its library of models with experts, copies of
TensorRT-LLM's pages; InferenceX, whose recipes vendors tune."""
_USERS = r"\busers?\b|\breddit\b|\bforums?\b|\bcommunity\b"
"""Words by which the name of a page that is in no repository tells that a user wrote it, whoever's chip it names first."""
_DUALPIPE_REPORT = r"^(?:arxiv )?2412\.19437(?!\d)|^deepseek-v3 (?:technical )?report|^deepseek-ai/deepseek-v3"
"""Sources of the one public run that had it."""
_RELEASE = re.compile(
    r"\b(2[2-9])\.(0[1-9]|1[0-2])(?:\.\d+)?(?:-py3)?\s+(?:\w+ )?(?:container|release|image)", re.IGNORECASE
)


_HALVED_SINCE = {"megatron": 2025.25, "maxtext": 2025.55}
"""Year from which an engine's log counts half of the square of causal attention [y]. MaxText: pull request 1988, merged in July 2025.
Megatron: its formula divides by two at 250b79415d (read in July 2025) and not in forks of early 2025 (swiss-ai/Megatron-LM @07f4662aef);
rows that print tokens beside operations, from Megatron-Bridge 25.07 on, agree with a half to within a tenth of attention."""


def causal_halved(engine: str, year: float, definition: str = "") -> bool:
    """Say whether printed operations count only the half of attention's square that a causal mask leaves.

    What the row's definition says counts; else what the engine's log did in that year (0: not known).

    Examples
    --------
    >>> causal_halved("megatron", 2026.5), causal_halved("megatron", 2021.0), causal_halved("foundry", 2026.0)
    (True, False, False)
    >>> causal_halved("megatron", 2026.5, "no causal discount"), causal_halved("", 0.0, "6 N + causal attention")
    (False, True)
    """
    if re.search(r"\bhalf (?:of )?(?:the|its) square\b", definition, re.IGNORECASE):
        return True
    said = re.search(r"(\b(?:no|non|not|without|before|ignor\w+)\b[^;]{0,200})?\bcausal", definition, re.IGNORECASE)
    return said[1] is None if said else year >= _HALVED_SINCE.get(engine, float("inf"))


def engine_of(about: str) -> str:
    """Return the family of training software that a text names, "" where it names none.

    Examples
    --------
    >>> engine_of("NVIDIA-NeMo/Megatron-Bridge docs"), engine_of("a blog")
    ('megatron', '')
    """
    said = re.sub(r"\bshape of\b[^;]*", "", about, flags=re.IGNORECASE)  # where the shape of a model is from
    return next((name for name, pattern in _ENGINES if re.search(pattern, said, re.IGNORECASE)), "")


def released(year: float, cells: Cells) -> float:
    """Return the year of the software, with its month where a text names the release as year and month (25.11).

    Examples
    --------
    >>> from offtake.perf.tables import Cells
    >>> released(2025.0, Cells(2, {"source": "a page [25.11 NeMo Container]"})), released(2024.0, Cells(2, {}))
    (2025.8333333333333, 2024.0)
    """
    if not year or year % 1.0:
        return year
    about = " ".join(cells.text(name) for name in ("engine_version", "framework", "source", "notes"))
    found = _RELEASE.search(about)
    if found and 2000 + int(found[1]) == int(year):
        return year + (int(found[2]) - 1) / 12.0
    return year


def schedule_of(about: str, source: str) -> str:
    """Return how the pipeline runs, "" where neither a word nor the source says it."""
    for name, said in _SCHEDULES:
        if re.search(said, about, re.IGNORECASE) and not re.search(f"{_DENIED}(?:{said})", about, re.IGNORECASE):
            return name
    return "dualpipe" if re.search(_DUALPIPE_REPORT, source, re.IGNORECASE) else ""


def partly_recorded(about: str) -> bool:
    """Say whether a text tells that only parts of a step are recorded as graphs.

    Examples
    --------
    >>> partly_recorded("median of 15 steps; partial CUDA graph"), partly_recorded("no partial CUDA graphs")
    (True, False)
    """
    return told(r"\bpartial\s+CUDA[\s-]graph", about) is not None


def narrow_states(notes: str) -> bool:
    """Say whether a remark tells that weights and the optimizer's moments are kept in 16 bits.

    Examples
    --------
    >>> narrow_states("all weights in bf16 trained by AdamW"), narrow_states("bf16 master weights and moments"), narrow_states("bf16")
    (True, True, False)
    """
    return told(_NARROW_STATES, notes) is not None and told(_WIDE_STATES, notes) is None


def expert_tp(cells: Cells) -> int | None:
    """Return over how many chips one expert is split, where a column or a remark says it ("ETP 4").

    Examples
    --------
    >>> from offtake.perf.tables import Cells
    >>> expert_tp(Cells(2, {"notes": "experts over 8 chips, each over 4 (ETP 4)"})), expert_tp(Cells(2, {"notes": "no ETP 4"}))
    (4, None)
    """
    said = told(r"\bETP(?: of|\s*=)?\s*([1-9]\d{0,2})\b", cells.text("notes"))
    return cells.count("etp") or (int(said[1]) if said else None)


def routed_evenly(about: str) -> bool:
    """Say whether a text tells that tokens were forced evenly over experts.

    Examples
    --------
    >>> routed_evenly("long context; routing forced even"), routed_evenly("dropless with natural routing")
    (True, False)
    """
    return told(_FORCED, about) is not None


def told(pattern: str, about: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Match[str] | None:
    """Return where a text has a phrase that it does not deny, by its first occurrence.

    Examples
    --------
    >>> told("ETP 4", "experts: etp 4") is not None, told("ETP 4", "no ETP 4")
    (True, None)
    """
    found = re.search(pattern, about, flags)
    return found if found and not re.search(f"{_DENIED}$", about[: found.start()], re.IGNORECASE) else None


def tuned_by(source: str, notes: str) -> TunedBy:
    """Return who tuned a run: nobody where a remark says so, who sells the chip or the software where they publish it, else its user.

    Examples
    --------
    >>> tuned_by("NVIDIA-NeMo/Megatron-Bridge docs", ""), tuned_by("a laboratory", ""), tuned_by("ROCm/rocm-blogs", "untuned, it says")
    ('vendor', 'user', 'nobody')
    """
    if told(r"\buntuned\b", notes):
        return "nobody"
    said = re.sub(r"^(?:docs: )?(?:https?://)?(?:www\.)?(?:github\.com/)?", "", source.strip().lower())
    owner = re.split(r"[/\s]", said, maxsplit=1)[0]
    if not re.match(r"\S+/", said) and told(_USERS, said):
        return "user"
    return "vendor" if re.search(_VENDORS, owner) or re.search(_VENDORS_TOO, said) else "user"
