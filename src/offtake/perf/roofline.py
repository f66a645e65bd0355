"""Roofline terms: operations, bytes and messages of one step, and the time each would take alone.

A step takes max(compute, memory, overlapped messages) + what cannot hide. Every efficiency is a field of
`Efficiency` with its source. "Fitted": least squares of log time per output token on 400 public H100 and H200 points
(time per token 14 % off in the median on all 1,477; chips outside the fit: see tests/perf/test_accuracy.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from offtake.perf.types import Chip, Precision, Transformer, need, precision_bytes

__all__ = [
    "DEFAULT",
    "Efficiency",
    "all_reduce_s",
    "all_to_all_s",
    "attention_flop_per_tok",
    "expert_share_touched",
    "flop_per_tok",
    "link",
    "software_share",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """Stated shares of the peaks, and fixed times.

    Attributes
    ----------
    hbm : share of memory bandwidth that a decode step gets. 0.83 fitted; aiconfigurator's h200_sxm.yaml has 0.8.
    prefill_dense : share of the peak in dense prefill, before messages. 0.70 fitted.
    prefill_experts : the same where experts lie over many attention groups. 0.24 (0.19 after `prefill_load`) reproduces DeepSeek's
        fleet: 73.7k input tokens/s, 56 % of them cached, on a prefill node of 8 H800 as a mean over the day.
    prefill_moe_tensor : the same where one group holds all experts. 0.10 fitted.
    decode_flop : share of the peak in decode's small matrix products. 0.3 to 0.5 fit alike.
    scaleup, scaleout : share of link bandwidth. 0.65 and 0.9: calculon's system files.
    scaleup_latency_s, scaleout_latency_s : per collective. 16 µs fitted within a server; 20 µs: calculon's system files.
    step_s : fixed time of a decode step (sampling, launches). 3.1 ms fitted; 0.5-3 ms is the usual range.
    memory : share of the memory that may be filled.
    workspace_bytes : memory not for weights or cache. 3.5 GB: aiconfigurator's system files ("other memory").
    expert_imbalance : load of the busiest chip over the mean under expert parallelism.
    prefill_load : load of the prefill pool at which the time to first token is promised.
    prefill_servers : groups that share one prefill queue.
    """

    hbm: float = 0.83
    prefill_dense: float = 0.70
    prefill_experts: float = 0.24
    prefill_moe_tensor: float = 0.10
    decode_flop: float = 0.5
    scaleup: float = 0.65
    scaleout: float = 0.9
    scaleup_latency_s: float = 16e-6
    scaleout_latency_s: float = 20e-6
    step_s: float = 3.1e-3
    memory: float = 0.9
    workspace_bytes: float = 3.5e9
    expert_imbalance: float = 1.25
    prefill_load: float = 0.8
    prefill_servers: int = 8


DEFAULT = Efficiency()

_SOFTWARE: Mapping[str, float] = MappingProxyType({"NVIDIA": 1.0, "AMD": 0.54, "AWS": 0.6, "Google": 0.8})
_OTHER_SOFTWARE = 0.6


def software_share(chip: Chip) -> float:
    """Return how much of the NVIDIA-fitted speed a vendor's software reached in public measurements.

    AMD 0.54: 186 MI300X and MI325X points. AWS 0.6: 28 Trainium1 serving points give 0.56, training gives 28 % of the peak where
    A100 reaches 45-50 %; nothing is published of Trainium2 to 4. Google 0.8: between the training share of TPU v5p (above 1) and
    v6e; no serving point. Others: as the custom chips. A toy chip without vendor counts as fitted.

    Examples
    --------
    >>> software_share(Chip(name="t", vendor="AWS"))
    0.6
    """
    return 1.0 if not chip.vendor else _SOFTWARE.get(chip.vendor, _OTHER_SOFTWARE)


def attention_flop_per_tok(model: Transformer, context_tok: float, *, decode: bool = False) -> float:
    """Return the forward operations of attention for one token over a context [flop/tok].

    Scores and weighted sum: 4 · heads · head_dim · context per layer (perf notes, training step 1). Latent attention decodes in its
    absorbed form, on the latent itself: 2 · heads · context · (rank + position + rank) ≈ 4 · heads · values · context.

    Examples
    --------
    >>> m = Transformer(name="t", layers=2, full_layers=2, heads=4, head_dim=8)
    >>> attention_flop_per_tok(m, 100.0)       # 4 x 4 x 8 x 100 x 2
    25600.0
    """
    width = model.kv_values_per_layer if decode and model.latent_attention else float(model.head_dim)
    seen = model.full_layers * context_tok + model.window_layers * min(context_tok, float(model.window_tok))
    return 4.0 * model.heads * width * seen


def flop_per_tok(model: Transformer, context_tok: float, *, decode: bool = False) -> float:
    """Return the forward operations of one token: 2 per active weight, plus attention [flop/tok].

    Examples
    --------
    >>> flop_per_tok(Transformer(name="t", params=7e9, active_params=7e9), 0.0)
    14000000000.0
    """
    weights = 2.0 * need(model.active_params, model.name, "active_params")
    return weights + attention_flop_per_tok(model, context_tok, decode=decode)


def expert_share_touched(model: Transformer, tokens: float) -> float:
    """Return the expected share of routed experts used by at least one of `tokens` tokens: 1 - (1 - k/E)^tokens.

    Examples
    --------
    >>> expert_share_touched(Transformer(name="t", experts=8, top_k=2), 1.0)
    0.25
    """
    if not model.is_moe:
        return 0.0
    return float(1.0 - (1.0 - model.top_k / model.experts) ** tokens)


def link(chip: Chip, chips: int, efficiency: Efficiency) -> tuple[float, float]:
    """Return bandwidth [bytes/s, one direction, per chip] and latency [s] of the fabric that joins `chips` chips."""
    if chips <= chip.scaleup_domain:
        rate = need(chip.scaleup_bytes_per_s, chip.name, "scaleup_bytes_per_s")
        return rate * efficiency.scaleup, efficiency.scaleup_latency_s
    rate = need(chip.scaleout_bytes_per_s, chip.name, "scaleout_bytes_per_s")
    return rate * efficiency.scaleout, efficiency.scaleout_latency_s


def all_reduce_s(size_bytes: float, chips: int, bytes_per_s: float, latency_s: float) -> float:
    """Return the time of one ring all-reduce: latency + size · 2(q-1)/q ÷ bandwidth [s].

    Examples
    --------
    >>> all_reduce_s(1e9, 2, 1e9, 0.0)
    1.0
    """
    if chips <= 1:
        return 0.0
    return latency_s + size_bytes * 2.0 * (chips - 1) / chips / bytes_per_s


def all_to_all_s(size_bytes: float, chips: int, bytes_per_s: float, latency_s: float) -> float:
    """Return the time of one all-to-all of `size_bytes` sent by each chip: latency + size · (q-1)/q ÷ bandwidth [s].

    Examples
    --------
    >>> all_to_all_s(1e9, 2, 1e9, 0.0)
    0.5
    """
    if chips <= 1:
        return 0.0
    return latency_s + size_bytes * (chips - 1) / chips / bytes_per_s


def peak(chip: Chip, precision: Precision) -> float:
    """Return the dense peak used for weights of a precision; bf16 where the chip has no faster unit [flop/s]."""
    if precision == "fp4" and chip.fp4_flop_per_s is None and chip.fp8_flop_per_s is not None:
        return chip.fp8_flop_per_s
    if precision != "bf16" and chip.fp8_flop_per_s is None:
        return chip.flop_per_s("bf16")
    return chip.flop_per_s(precision)


def dense_params(model: Transformer) -> float:
    """Return the weights outside routed experts: attention, embeddings, shared and dense layers."""
    return need(model.params, model.name, "params") - model.expert_params


def weight_bytes(model: Transformer, precision: Precision) -> float:
    """Return the bytes of all weights [bytes].

    Examples
    --------
    >>> weight_bytes(Transformer(name="t", params=7e9), "bf16")
    14000000000.0
    """
    return need(model.params, model.name, "params") * precision_bytes(precision)
