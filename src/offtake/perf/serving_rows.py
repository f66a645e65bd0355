"""From a case and a layout to the numbers of a setting; and the names by which effects are pooled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.perf.serving_releases import released
from offtake.perf.speculation import DRAFT_SHARE, DRAFTED

if TYPE_CHECKING:
    from offtake.perf.cases import ServingCase
    from offtake.perf.serving_layout import Layout
    from offtake.perf.types import Chip, Precision, Transformer

__all__ = ["ENGINES", "Numbers", "engine_family", "names_of", "numbers_of", "row_of"]

_TENSORRT = re.compile(r"tensor[\s_-]*rt|\btrt(?:[\s_-]*llm)?\b")
ENGINES = ("trtllm", "sglang", "vllm", "neuronx", "jax")
# One weight of a scaled format: 4 bits and one 8-bit scale for 16 (NVFP4); 8 bits and one scale a block of 128 x 128.
_BYTES = {"bf16": 2.0, "fp8": 1.0, "fp4": 0.5625}
_CACHE_BYTES = {"bf16": 2.0, "fp8": 1.0, "fp4": 0.5625}
# Programs compiled for fixed shapes read a cache to the end of its buffer, not to the token reached: AWS's table prints equal times
# per token for 128 + 8,064 and 4,096 + 4,096 tokens.
_WHOLE_CACHE = frozenset({"neuronx"})
# Intel's recipes for eight bits quantise the cache with the weights (optimum-habana, examples/text-generation, maxabs_quant.json).
_NARROW_CACHE = frozenset({"Intel"})
_LEAST_DENSE = 0.005  # of all weights, outside routed experts and embeddings
# Users who run experts with software of 2024 and 2025 take half as long again as vendors; with that of 2026 they do not (published rows).
_SETTLED = 2026
# Cards without links of their own sum in a ring of 2(q - 1) hops over the host: up to PCIe 5.0 x16 [bytes/s]; 4 us a hop (assumed).
_BUS, _HOP_S = 64e9, 4e-6
_NO_FABRIC = 25e9  # bytes/s one way between chips without a scale-up fabric: PCIe 4.0 x16, about 80 % of 32 GB/s


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What does not depend on the layout: values of the chip, the model, precisions and load, in the order of `Setting`."""

    before: tuple[float, ...]
    after: tuple[float, ...]
    assumed: tuple[str, ...]


def engine_family(engine: str) -> str:
    """Return the family of an engine; "other" where it is not known.

    Examples
    --------
    >>> engine_family("dynamo-trtllm"), engine_family("vllm 0.19.0"), engine_family("TensorRT 10.8, CUDA 12.8"), engine_family("")
    ('trtllm', 'vllm', 'trtllm', 'other')
    """
    word = _TENSORRT.sub("trtllm", engine.lower())
    if "trtllm" in word:
        return "trtllm"
    if "neuron" in word:
        return "neuronx"
    if any(name in word for name in ("jetstream", "maxtext", "jax")):
        return "jax"
    return next((name for name in ENGINES if name in word), "other")


def names_of(case: ServingCase) -> dict[str, str]:
    """Return the name of a case at each level of pooling."""
    engine = engine_family(case.engine)
    year = int(case.year or released(engine, case.engine))
    return {
        "vendor": case.chip.vendor,
        "family": case.chip.family or case.chip.name,
        "chip": case.chip.name,
        "engine": engine,
        "release": f"{engine} {year or ''}".strip(),
        "model": case.model.name,
        "users": _users(case, year),
    }


def _users(case: ServingCase, year: int) -> str:
    """Return what users' software is told apart by: the kind of model, and whether the software is from before `_SETTLED`."""
    if case.tuned_by == "vendor":
        return ""
    return f"{'early ' if 0 < year < _SETTLED else ''}{'experts' if case.model.is_moe else 'dense'}"


def numbers_of(case: ServingCase) -> Numbers:
    """Return the numbers of a case that no layout changes.

    Raises
    ------
    OfftakeError
        An input is missing; the message names it.
    """
    chip, model = case.chip, case.model
    assumed: list[str] = []
    weights, cache = _precisions(case, assumed)
    peaks = _peaks(chip, weights, weights_only=case.weights_only, assumed=assumed)
    before = (*_chip_numbers(chip, peaks, assumed), *_model_numbers(model))
    quantised_parts = model.is_moe and weights == "fp4"  # 4-bit checkpoints of mixtures keep attention in bf16
    bytes_dense = 2.0 if quantised_parts else _BYTES[weights]
    narrow = 0.0 if weights == "bf16" or case.weights_only else 1.0
    before += (bytes_dense, _BYTES[weights], _CACHE_BYTES[cache], 0.0 if quantised_parts else narrow, narrow)
    kind = case.speculation or "none"
    if case.speculation is None and model.mtp_layers:
        assumed.append("no tokens drafted, though the model could")
    if kind != "none":
        assumed.append(f"{DRAFTED[kind]:.0f} tokens drafted a step")
    cached = case.input_tok * case.cached_frac
    grown = 1.0 if engine_family(case.engine) in _WHOLE_CACHE else 0.5
    after = (case.input_tok, cached, max(case.output_tok, 1.0), DRAFTED[kind], DRAFT_SHARE[kind], grown)
    return Numbers(before=before, after=after, assumed=tuple(assumed))


def row_of(numbers: Numbers, layout: Layout, factors: tuple[float, ...], pace: float = 1.0) -> tuple[float, ...]:
    """Return one row for `stack`: factors of the channels, and one on all times."""
    own = layout.prefill or layout
    place = (
        layout.tp, layout.dp, layout.pp, layout.ep, layout.replicas, layout.chips, 0.0 if layout.prefill else 1.0,
        own.replicas if layout.prefill else 1.0, own.tp, own.dp, own.pp, own.ep,
    )  # fmt: skip
    return (*numbers.before, *place, *numbers.after, *factors, pace)


def _precisions(case: ServingCase, assumed: list[str]) -> tuple[Precision, Precision]:
    """Return the precision of weights and cache, said where assumed."""
    weights = case.weights
    if weights is None:
        weights = case.chip.serving_precision
        assumed.append(f"weights {weights}")
    cache = case.cache
    if cache is None:
        recent = (
            case.chip.fp4_flop_per_s is not None
            or case.chip.vendor in _NARROW_CACHE
            or engine_family(case.engine) == "trtllm"
        )
        narrow = weights != "bf16" and not case.weights_only and recent
        cache = "fp8" if narrow else "bf16"
        assumed.append(f"cache {cache}")
    return weights, cache


def _peaks(chip: Chip, weights: Precision, *, weights_only: bool, assumed: list[str]) -> tuple[float, float, float]:
    """Return the peaks of dense, expert and attention products [flop/s]."""
    wide = chip.bf16_flop_per_s
    if wide is None:
        narrow = chip.fp8_flop_per_s or (chip.fp4_flop_per_s and chip.fp4_flop_per_s / 2.0)
        if not narrow:
            raise OfftakeError(f"{chip.name}: no serving estimate, because no peak rate is known (bf16_flop_per_s)")
        wide = narrow / 2.0
        assumed.append("bf16 at half the fp8 rate")
    if weights_only or weights == "bf16":
        return wide, wide, wide
    if weights == "fp8":
        rate = chip.fp8_flop_per_s or chip.int8_flop_per_s or wide
        return rate, rate, wide
    if chip.fp4_flop_per_s is None:  # 4-bit weights are widened on the way to the matrix unit
        return wide, wide, wide
    return chip.fp4_flop_per_s, chip.fp4_flop_per_s, wide


def _chip_numbers(chip: Chip, peaks: tuple[float, float, float], assumed: list[str]) -> tuple[float, ...]:
    """Return the numbers of a chip."""
    missing = [name for name in ("hbm_bytes", "hbm_bytes_per_s") if not getattr(chip, name)]
    if missing:
        raise OfftakeError(f"{chip.name}: no serving estimate, because {' and '.join(missing)} is not known")
    up = chip.scaleup_bytes_per_s
    if not up:
        up = _NO_FABRIC
        assumed.append("no scale-up rate known: 25 GB/s between chips")
    out = chip.scaleout_bytes_per_s
    if not out:
        out = _NO_FABRIC
    return (
        *peaks,
        float(chip.hbm_bytes or 0),
        float(chip.hbm_bytes_per_s or 0),
        up,
        out,
        float(max(chip.scaleup_domain, 1)),
        _HOP_S if 0.0 < (chip.scaleup_bytes_per_s or 0.0) <= _BUS else 0.0,
    )


def _model_numbers(model: Transformer) -> tuple[float, ...]:
    """Return the numbers of a model; refuse by the name of what is missing."""
    if not model.params or not model.layers or not model.hidden or not model.heads:
        missing = [n for n in ("params", "layers", "hidden", "heads") if not getattr(model, n)]
        raise OfftakeError(f"{model.name}: no serving estimate, because {', '.join(missing)} is not known")
    embedding = float(model.vocab * model.hidden)
    expert = model.expert_params if model.is_moe else 0.0
    if model.is_moe and not expert:
        expert = max(0.0, (model.params - (model.active_params or model.params)) / (1.0 - model.top_k / model.experts))
    idle = 0.0 if model.tied else embedding
    # printed totals are rounded; what is left outside the experts is 0.9 % of the weights in gpt-oss-120b and Kimi K2.5, 2 % in others
    dense = max(model.params - expert - embedding - idle, _LEAST_DENSE * model.params)
    kv_rank = model.kv_rank or model.kv_values_per_layer * 512.0 / 576.0
    latent = float(model.latent_attention)
    width = 0.5 * (model.kv_values_per_layer + kv_rank) if model.latent_attention else float(model.head_dim)
    moe_layers = float(model.moe_layers if model.is_moe else 0)
    return (
        dense, embedding, expert, idle, float(model.layers), moe_layers, float(model.layers) - moe_layers,
        float(model.linear_layers), float(model.full_layers), float(model.window_layers), float(max(model.window_tok, 1)),
        float(model.hidden), float(model.heads), float(max(model.kv_heads, 1)), float(max(model.experts, 1)),
        float(max(model.top_k, 1)), latent, width, float(model.head_dim), model.kv_values_per_layer,
        model.linear_layers * model.linear_state,
    )  # fmt: skip
