"""What training learns from measurements: one number per cause, named after it, and how chips and software differ in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from offtake.perf import params
from offtake.perf.pooling import Prior

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.catalog.types import Chip
    from offtake.perf.cases import TunedBy
    from offtake.perf.params import Section
    from offtake.perf.terms.real import Real

__all__ = ["PRIORS", "Efficiency", "efficiency"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """Parameters of a training step; numbers, or arrays over rows.

    Attributes
    ----------
    gemm [1]                  share of the (power-limited) bf16 peak that a large product reaches
    low [1]                   the same of fp8 products, over `gemm`
    fp4 [1]                   the same of fp4 products, over `low`
    attention [1]             share of the (power-limited) bf16 peak in the fused attention core, heads of 128
    early_core [1]            rate of attention kernels made for an earlier chip over what `attention` is of the whole peak
    hbm [1]                   share of memory bandwidth
    elementwise [1]           traffic of element-wise kernels over the fused minimum
    unfused [1]               traffic of element-wise kernels that run one by one, over `elementwise`
    scan [1]                  numbers that scanning a state moves forward, over the columns of the layer's matrices
    quantise [1]              traffic of scaling and rounding to narrow products over the minimum
    moe [1]                   rate of grouped expert products over `gemm`, shape apart
    batched [1]               share of the loss of grouped products that is left where all experts take equally many tokens, as one product
    routing [1]               traffic and launches of routing over the minimum
    scaleup, scaleout [1]     share of link bandwidth
    scaleup_latency_s, scaleout_latency_s [s]
    open_tp, open_ep, open_dp, open_pp [1]   share of each kind of message that compute does not hide, although it lasts long enough
    behind_ep [1]             of `open_ep`, what is left where another micro-batch is computed meanwhile
    layer_s [s]               fixed time of a layer and micro-batch, forward and backward
    moe_layer_s [s]           time of the host to start the kernels of an expert layer, forward and backward; compute runs meanwhile
    moe_pace [1/y]            by how much older software takes longer in expert layers, per year (log), from mid 2025 to mid 2026
    captured [1]              share of `moe_layer_s` that is left where layers are recorded as graphs
    static [1]                share of `moe_layer_s` that is left where experts have a fixed capacity
    step_s [s]                fixed time of a step
    fusion [1/y]              by how much older software moves more in element-wise kernels, per year before 2026 (log)
    pace [1/y]                by how much older software takes longer for the fixed times of layers, per year before 2026 (log)
    young [1/y]               by how much large products are slower per year that the software lacks to three years on the chip (log)
    scale [1]                 further time per doubling of chips above 8: stragglers, jitter
    time [1]                  factor on the whole, by engine, release and who tuned it
    """

    gemm: Real
    low: Real
    fp4: Real
    attention: Real
    early_core: Real
    hbm: Real
    elementwise: Real
    unfused: Real
    scan: Real
    quantise: Real
    moe: Real
    batched: Real
    routing: Real
    scaleup: Real
    scaleout: Real
    scaleup_latency_s: Real
    scaleout_latency_s: Real
    open_tp: Real
    open_ep: Real
    behind_ep: Real
    open_dp: Real
    open_pp: Real
    layer_s: Real
    moe_layer_s: Real
    moe_pace: Real
    captured: Real
    static: Real
    step_s: Real
    fusion: Real
    pace: Real
    young: Real
    scale: Real
    time: Real


_CHIP = ("vendor", "family", "chip")

PRIORS: tuple[Prior, ...] = (
    # large products: cuBLAS on A100 reaches 0.85-0.9 of the peak; H100 and MI300X the same of what power allows
    Prior(name="gemm", value=0.82, sd=0.06, levels=_CHIP, level_sd=0.07),
    # one operation in fp8 takes about half the energy of one in bf16: the same share of twice the peak
    Prior(name="low", value=1.0, sd=0.05, levels=("family",), level_sd=0.05),
    Prior(name="fp4", value=0.75, sd=0.20),
    # FlashAttention-2 on A100 forward and backward 0.55-0.6 of the peak (arXiv 2307.08691), -3 on H100 0.6 (arXiv 2407.08608)
    Prior(name="attention", value=0.48, sd=0.2, levels=("family", "stack"), level_sd=0.08),
    # FlashAttention-2 reaches 0.35 of H100's peak (arXiv 2407.08608) and 0.6 of A100's
    Prior(name="early_core", value=0.55, sd=0.15),
    Prior(name="hbm", value=0.82, sd=0.08),
    Prior(name="elementwise", value=1.5, sd=0.2, levels=("stack",), level_sd=0.08),
    # norm, position encoding and gate in PyTorch without its compiler: each a handful of kernels, some in fp32
    Prior(name="unfused", value=2.0, sd=0.2),
    # Mamba-2's kernels (arXiv 2405.21060, section 6) pass inputs and states about six times; in Triton, far from the bandwidth
    Prior(name="scan", value=6.0, sd=0.5),
    Prior(name="quantise", value=1.0, sd=0.4),
    # DeepGEMM's grouped products on H800 reach 0.8-0.9 of its large ones; engines start one per expert, pad and copy
    Prior(name="moe", value=0.5, sd=0.15, levels=("stack", "engine"), level_sd=0.3),
    Prior(name="batched", value=0.4, sd=0.4),
    Prior(name="routing", value=3.0, sd=0.2, levels=("stack",), level_sd=0.3),
    # 0.65 and 0.9 in calculon's system files; NCCL reaches 0.75-0.85 of NVLink in large all-gathers
    Prior(name="scaleup", value=0.75, sd=0.15, levels=("vendor",), level_sd=0.15),
    Prior(name="scaleout", value=0.75, sd=0.2, levels=("vendor",), level_sd=0.15),
    Prior(name="scaleup_latency_s", value=12e-6, sd=0.3),
    Prior(name="scaleout_latency_s", value=25e-6, sd=0.3),
    Prior(name="open_tp", value=0.7, sd=0.3),
    Prior(name="open_ep", value=0.7, sd=0.3),
    Prior(name="behind_ep", value=0.25, sd=0.4),
    Prior(name="open_dp", value=0.15, sd=0.5),
    Prior(name="open_pp", value=0.4, sd=0.4),
    Prior(name="layer_s", value=200e-6, sd=0.35, levels=("stack",), level_sd=0.2),
    # 400 to 600 kernels of about 10 us of host time each, where counts of tokens come back to the host
    Prior(name="moe_layer_s", value=6e-3, sd=0.2, levels=("stack",), level_sd=0.3),
    Prior(name="captured", value=0.5, sd=0.3),
    Prior(name="moe_pace", value=0.4, sd=0.4),
    Prior(name="static", value=0.4, sd=0.4),
    Prior(name="step_s", value=10e-3, sd=0.7),
    Prior(name="fusion", value=0.15, sd=0.3),
    Prior(name="pace", value=0.15, sd=0.5),
    Prior(name="young", value=0.04, sd=0.5),
    Prior(name="scale", value=0.008, sd=0.6),
    Prior(name="time", value=1.0, sd=0.02, levels=("stack", "engine", "release", "tuned_by"), level_sd=0.08),
)
"""Centres and spreads before any data; sources beside each. Effects by level are re-estimated in the fit."""


SPREAD: Mapping[str, float] = MappingProxyType(
    {
        "residual": 0.08, "source": 0.08, "chip": 0.04, "family": 0.09, "vendor": 0.30, "experts": 0.25, "user": 0.15, "untuned": 0.25,
        "open": 0.03,
    }
)  # fmt: skip
"""Standard deviations of log time that intervals are made of, added as variances: of rows of one source; of sources; and where they apply
of a chip, its family or its vendor that was not fitted, of experts (software moves them 1.4 to 2.9 times between releases), of runs that
their user or nobody tuned, of each setting left open.
From what 80 % of the published rows stay within when whole chips and whole sources are left out; `residual` comes with each fit."""

_STACKS: Mapping[str, str] = MappingProxyType(
    {
        "foundry": "pytorch",
        "torch": "pytorch",
        "automodel": "pytorch",
        "deepspeed": "pytorch",
        "megatron": "megatron",
        "megatron-deepspeed": "megatron",
        "maxtext": "xla",
        "levanter": "xla",
        "neuron": "neuron",
    }
)
"""Software that shares compiler and kernels: what is learned of one engine holds for the others of its stack."""


_OTHER_KERNELS = ("NVIDIA", "AMD")
"""Vendors for whose chips XLA has other kernels than for those it was made for: what an engine learns there is of no use here."""


def levels(chip: Chip, *, engine: str, year: float, tuned_by: TunedBy = "vendor") -> dict[str, str]:
    """Return the levels of training: those of every model, the stack of the engine, and who tuned it.

    Examples
    --------
    >>> from offtake.catalog.types import Chip
    >>> levels(Chip(name="c"), engine="torch", year=2024.0, tuned_by="user")["stack"]
    'pytorch'
    """
    stack = _STACKS.get(engine, "")
    if stack == "xla" and chip.vendor in _OTHER_KERNELS:
        stack, engine = "xla on GPU", f"{engine} on GPU"
    return params.levels_of(chip, engine=engine, year=year) | {"stack": stack, "tuned_by": tuned_by}


def of_logs(logs: Mapping[str, Real]) -> Efficiency:
    """Return the parameters of their logarithms (numbers or arrays)."""
    import numpy as np

    return Efficiency(**{f.name: np.exp(logs[f.name]) for f in fields(Efficiency)})


@lru_cache(maxsize=256)
def _pooled(levels: tuple[str, ...]) -> Efficiency:
    section = params.shipped().get("training")
    return efficiency(section, levels)


def efficiency(section: Section | None, levels: tuple[str, ...]) -> Efficiency:
    """Return the parameters of a chip and software; the priors where nothing was fitted.

    Examples
    --------
    >>> efficiency(None, ("vendor:NVIDIA",)).gemm
    0.82
    """
    if section is None:
        return Efficiency(**{prior.name: prior.value for prior in PRIORS})
    return Efficiency(**{prior.name: section.value(prior.name, levels, prior.value) for prior in PRIORS})


def shipped(levels: tuple[str, ...]) -> Efficiency:
    """Return the parameters of the shipped file for a chip and software (kept once read)."""
    return _pooled(levels)


def spread_of(section: Section | None, name: str) -> float:
    """Return a figure of the intervals: of the fit, else of `SPREAD`.

    Examples
    --------
    >>> spread_of(None, "vendor")
    0.3
    """
    value = SPREAD[name] if section is None else float(section.spread.get(name, SPREAD[name]))
    return value if math.isfinite(value) else SPREAD[name]
