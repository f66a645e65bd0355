"""A training step as plain arrays: chip, model and layout, one number or one array each.

One estimate holds numbers; a search holds arrays over layouts, a fit arrays over rows. The topology is one for a whole setting.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.catalog.types import need

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from offtake.catalog.types import Chip, Precision, Transformer
    from offtake.perf.terms.real import Real

__all__ = ["LAYOUT", "Setting", "chip_part", "model_part", "stack"]

LAYOUT = ("chips", "micro_seqs", "tp", "pp", "vpp", "cp", "ep", "shards", "zero", "recompute", "selective")
"""The fields that a search varies."""

# Where no source gives a chip's network card: 200 Gb/s, the least of the chips that the catalogue has one for since 2020.
_SCALEOUT_UNKNOWN = 25e9
# Energy of one bf16 operation with its data movement, from what large products reach over what A100 reaches of its peak (0.88):
# H100 about 750 TFLOP/s at 700 W, MI300X 708 at 750 W and MI325X 843 at 1,000 W (the vendor's measured maxima), B200 about 1,600 at
# 1,000 W, TPU v6e about 0.75 of its peak at 380 W where v5e and v5p with three times the power per operation reach 0.9.
# Other families: no cap is charged, their peak is taken as what power allows.
_JOULES_PER_FLOP: Mapping[str, float] = MappingProxyType(
    {
        "ampere": 0.9e-12,
        "hopper": 0.665e-12,
        "cdna3": 0.8e-12,
        "cdna4": 0.62e-12,
        "blackwell": 0.45e-12,
        "tpu6": 0.40e-12,
        "tpu7": 0.40e-12,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a step is computed from.

    Attributes
    ----------
    peak, peak_low [flop/s]                    bf16, and that of `low` products
    power [1]                                  share of the peaks that the package's power allows in large products
    hbm_bytes [bytes], hbm_rate [bytes/s]
    cores, tile                                places that work on a tile, and its side
    up_rate, out_rate [bytes/s], domain [chip] links: scale-up, scale-out, one direction
    torus_axes, mesh, axis_chips               topology of the scale-up links
    it_w, idle_frac                            all-in power of a chip at work; share of it when idle
    layers, full_layers, window_layers, linear_layers, window_tok, hidden, heads, kv_heads, qk_dim, v_dim
    q_rank, kv_rank, rope_dim, nope_dim        latent attention; 0 otherwise
    ffn, gated, mlp_layers, moe_layers, experts, top_k, ffn_expert, ffn_shared (of all shared experts), vocab
    linear_params, mtp, params, expert_params
    expert_hidden                              width that routed experts read
    expert_bias                                1 where they add a vector to what they put out
    sparse_tok                                 tokens that attention reads at most; 0: all
    seq_tok, batch_seqs, chips, micro_seqs, tp, pp, vpp, cp, ep
    shards [chip]                              over which weights and gradients are split too (FSDP); 1: not
    zero                                       0: states whole, 1: split over data parallelism; 2, 3: and gradients, weights (`shards`)
    recompute [1]                              share of layers recomputed whole
    selective [1]                              1: the attention core is recomputed
    offload [1]                                1: kept activations go to the host
    low                                        1 where products run narrower than bf16; `fp4` 1 where in four bits
    flash                                      1 where attention is one fused kernel
    sequence_parallel                          1 where norms are split over tp
    zero_bubble                                1 where weight gradients fill the bubble
    two_way                                    1 where micro-batches enter at both ends and experts' messages of one pass behind another's
                                               compute; a chip then holds two stages (DualPipe)
    skew                                       excess load of the busiest chip by uneven routing
    adapters                                   1 where only small added matrices are trained
    age [y]                                    of the software before 2026 (2026 - year, at most 6)
    static                                     1 where experts have a fixed capacity and tokens beyond it are dropped
    redo [1]                                   share of a layer's forward that recomputing it costs
    young [y]                                  years that the software lacks to three years on the chip
    early_core                                 1 where the attention kernels were made for an earlier chip
    eager                                      1 where a host starts kernels one by one; 0 where a compiler makes one program of the step
    moe_age [y]                                of the software before 2026, within what expert layers were measured for (-0.6 to 0.5)
    captured                                   1 where engines record layers as graphs: racks whose hosts start kernels slowly
    gradient_bytes [bytes]                     of one gradient that is kept and summed
    optimizer_bytes [bytes]                    of the optimizer's states of one weight, its master copy included
    unfused                                    1 where element-wise kernels run one by one, though a compiler could join them
    one_graph                                  1 where a graph holds the whole step, and one kernel the products of a chip's experts
    etp [chip]                                 over which one expert is split; 0: as tensors where experts are not spread, else not
    dedupe                                     1 where a token crosses the network once per domain, not once per expert
    """

    peak: Real
    peak_low: Real
    power: Real
    hbm_bytes: Real
    hbm_rate: Real
    cores: Real
    tile: Real
    up_rate: Real
    out_rate: Real
    domain: Real
    torus_axes: int
    mesh: bool
    axis_chips: Real
    it_w: Real
    idle_frac: Real
    layers: Real
    full_layers: Real
    window_layers: Real
    linear_layers: Real
    window_tok: Real
    hidden: Real
    heads: Real
    kv_heads: Real
    qk_dim: Real
    v_dim: Real
    q_rank: Real
    kv_rank: Real
    rope_dim: Real
    nope_dim: Real
    ffn: Real
    gated: Real
    mlp_layers: Real
    moe_layers: Real
    experts: Real
    top_k: Real
    ffn_expert: Real
    ffn_shared: Real
    vocab: Real
    linear_params: Real
    mtp: Real
    params: Real
    expert_params: Real
    expert_hidden: Real
    expert_bias: Real
    sparse_tok: Real
    seq_tok: Real
    batch_seqs: Real
    chips: Real
    low: Real
    fp4: Real
    flash: Real
    sequence_parallel: Real
    zero_bubble: Real = 0.0
    two_way: Real = 0.0
    skew: Real = 0.0
    adapters: Real = 0.0
    age: Real = 0.0
    young: Real = 0.0
    early_core: Real = 0.0
    eager: Real = 1.0
    moe_age: Real = 0.0
    gradient_bytes: Real = 4.0
    optimizer_bytes: Real = 12.0
    captured: Real = 0.0
    redo: Real = 1.0
    static: Real = 0.0
    unfused: Real = 0.0
    one_graph: Real = 0.0
    dedupe: Real = 1.0
    etp: Real = 0.0
    offload: Real = 0.0
    micro_seqs: Real = 1.0
    tp: Real = 1.0
    pp: Real = 1.0
    vpp: Real = 1.0
    cp: Real = 1.0
    ep: Real = 1.0
    shards: Real = 1.0
    zero: Real = 1.0
    recompute: Real = 0.0
    selective: Real = 0.0

    def with_layout(self, **layout: Any) -> Setting:  # noqa: ANN401  (numbers or arrays, by field)
        """Return a copy with other layout fields."""
        return Setting(**{**{name: getattr(self, name) for name in _NAMES}, **layout})


_NAMES = tuple(f.name for f in fields(Setting))


def chip_part(chip: Chip, precision: Precision) -> dict[str, Any]:
    """Return the chip's fields of a setting.

    Raises
    ------
    OfftakeError
        A figure without which no step can be computed is missing (named).
    """
    peak = need(chip.bf16_flop_per_s or chip.fp8_flop_per_s, chip.name, "bf16_flop_per_s")
    eight = chip.fp8_flop_per_s or chip.int8_flop_per_s or peak
    low = {"bf16": peak, "fp8": eight, "fp4": chip.fp4_flop_per_s or eight}[precision]
    joules = _JOULES_PER_FLOP.get(chip.family)
    power = 1.0
    if joules is not None and chip.tdp_w_per_chip:
        power = min(1.0, 0.8 * chip.tdp_w_per_chip / (peak * joules))
    domain = max(1, chip.scaleup_domain)
    out_rate = chip.scaleout_bytes_per_s or _SCALEOUT_UNKNOWN
    return {
        "peak": peak,
        "peak_low": low,
        "power": power,
        "hbm_bytes": need(chip.hbm_bytes, chip.name, "hbm_bytes"),
        "hbm_rate": need(chip.hbm_bytes_per_s, chip.name, "hbm_bytes_per_s"),
        "cores": float(chip.cores or 128),
        "tile": float(chip.tile or 128),
        "up_rate": chip.scaleup_bytes_per_s or out_rate,
        "out_rate": out_rate,
        "domain": float(domain if chip.scaleup_bytes_per_s else 1),
        "torus_axes": chip.torus_axes,
        "mesh": chip.topology == "mesh",
        "it_w": chip.it_w_per_chip or 1.65 * (chip.tdp_w_per_chip or 0.0),
        "idle_frac": chip.idle_frac,
    }


def model_part(model: Transformer) -> dict[str, Any]:
    """Return the model's fields of a setting.

    Raises
    ------
    OfftakeError
        Layers or hidden size are missing (named).
    """
    layers = need(float(model.layers), model.name, "layers")
    hidden = need(float(model.hidden), model.name, "hidden")
    head_dim = float(model.head_dim or (model.hidden // model.heads if model.heads else 128))
    heads = float(model.heads or hidden // head_dim)
    latent = model.kv_rank > 0
    moe = float(model.moe_layers if model.is_moe else 0)
    mlp = float(model.mlp_layers or (layers - moe))
    ffn = float(model.ffn or (hidden * 4 if not model.is_moe else 0))
    return {
        "layers": layers,
        "full_layers": float(model.full_layers or layers - model.window_layers - model.linear_layers),
        "window_layers": float(model.window_layers),
        "linear_layers": float(model.linear_layers),
        "window_tok": float(model.window_tok),
        "hidden": hidden,
        "heads": heads,
        "kv_heads": float(model.kv_heads or heads),
        "qk_dim": float(model.nope_dim + model.rope_dim) if latent else head_dim,
        "v_dim": float(model.v_dim) if latent and model.v_dim else head_dim,
        "q_rank": float(model.q_rank),
        "kv_rank": float(model.kv_rank),
        "rope_dim": float(model.rope_dim),
        "nope_dim": float(model.nope_dim),
        "ffn": ffn,
        "gated": float(model.gated),
        "mlp_layers": mlp,
        "moe_layers": moe,
        "experts": float(max(model.experts, 1)),
        "top_k": float(max(model.top_k, 1)),
        "ffn_expert": float(model.ffn_expert),
        "ffn_shared": float(model.shared_experts * (model.ffn_shared or model.ffn_expert)),
        "vocab": float(model.vocab or 50_000),
        "linear_params": model.linear_params,
        "mtp": float(model.mtp_layers),
        "params": need(model.params, model.name, "params"),
        "expert_params": model.expert_params,
        "expert_hidden": float(model.expert_hidden or model.hidden),
        "expert_bias": float(model.expert_bias),
        "sparse_tok": float(model.sparse_tok),
    }


def stack(settings: Sequence[Setting]) -> Setting:
    """Join settings of one topology into one of arrays.

    Raises
    ------
    ValueError
        Topologies differ, or there is nothing to join.
    """
    if not settings:
        raise ValueError("no settings to join")
    kinds = {(s.torus_axes, s.mesh) for s in settings}
    if len(kinds) > 1:
        raise ValueError("settings of different topologies cannot be joined")
    joined = {
        f.name: np.array([float(getattr(s, f.name)) for s in settings])
        for f in fields(Setting)
        if f.name not in {"torus_axes", "mesh"}
    }
    return Setting(torus_axes=settings[0].torus_axes, mesh=settings[0].mesh, **joined)
