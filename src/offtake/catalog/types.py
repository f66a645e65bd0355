"""A chip and a transformer as plain numbers: what the catalogue resolves to and performance is computed from.

Float64 with the unit as suffix. "flop" counts a multiply and an add as two; peaks are dense; bytes are decimal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from offtake.errors import OfftakeError

__all__ = ["Chip", "Precision", "Topology", "Transformer", "need", "precision_bytes"]

Precision = Literal["bf16", "fp8", "fp4"]
Topology = Literal["", "switch", "mesh", "torus", "ring"]
"""How the scale-up fabric joins its chips: through switches at full rate to all, links to each other chip, neighbours on axes, one loop."""

_WIDTHS = (
    ("hidden", 64),
    ("ffn", 64),
    ("ffn_expert", 64),
    ("ffn_shared", 64),
    ("expert_hidden", 64),
    ("q_rank", 64),
    ("heads", 8),
)
"""Widths of a model, and of what they stay a multiple: so that it still divides over chips."""

_BYTES: dict[str, float] = {"bf16": 2.0, "fp8": 1.0, "fp4": 0.5}


def precision_bytes(precision: Precision) -> float:
    """Return the bytes of one stored value.

    Examples
    --------
    >>> precision_bytes("fp8")
    1.0
    """
    return _BYTES[precision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One accelerator as the sources print it: dense peaks, memory, links, power.

    A rate that no source gives is None; what needs it refuses with its name.

    Attributes
    ----------
    bf16_flop_per_s, fp8_flop_per_s, fp4_flop_per_s : float or None [flop/s]   dense
    hbm_bytes : float or None [bytes] ; hbm_bytes_per_s : float or None [bytes/s]
    scaleup_bytes_per_s : float or None [bytes/s]     per chip, one direction
    scaleup_domain : int [chip]                       chips joined by the scale-up fabric (1 = none)
    scaleout_bytes_per_s : float or None [bytes/s]    per chip, network card, one direction
    it_w_per_chip : float or None [W/chip]            all-in at the server or rack, facility overhead excluded
    tdp_w_per_chip : float or None [W/chip]           the chip package alone
    int8_flop_per_s : float or None [flop/s]          dense; what 8-bit weights use where a chip has no fp8 unit
    year : int                                        of first delivery; 0 where unknown
    family : str                                      generation that shares a core design: "hopper", "cdna3", "tpu6"; "" where unknown
    cores : int                                       cores with matrix units: SM, compute unit, TensorCore, NeuronCore; 0 unknown
    tile : int                                        side of the output square that one core makes at a time; 0 unknown
    topology : str                                    how the scale-up fabric joins its chips; "" unknown
    torus_axes : int                                  axes of a torus; 0 otherwise
    """

    name: str
    vendor: str = ""
    bf16_flop_per_s: float | None = None
    fp8_flop_per_s: float | None = None
    fp4_flop_per_s: float | None = None
    hbm_bytes: float | None = None
    hbm_bytes_per_s: float | None = None
    scaleup_bytes_per_s: float | None = None
    scaleup_domain: int = 1
    scaleout_bytes_per_s: float | None = None
    it_w_per_chip: float | None = None
    tdp_w_per_chip: float | None = None
    idle_frac: float = 0.35
    int8_flop_per_s: float | None = None
    year: int = 0
    family: str = ""
    cores: int = 0
    tile: int = 0
    topology: Topology = ""
    torus_axes: int = 0

    def flop_per_s(self, precision: Precision) -> float:
        """Return the dense peak at a precision [flop/s].

        Examples
        --------
        >>> Chip(name="toy", bf16_flop_per_s=1e15).flop_per_s("bf16")
        1000000000000000.0
        """
        rate = {"bf16": self.bf16_flop_per_s, "fp8": self.fp8_flop_per_s, "fp4": self.fp4_flop_per_s}[precision]
        return need(rate, self.name, f"{precision}_flop_per_s")

    @property
    def serving_precision(self) -> Precision:
        """The lowest common precision of weights in serving: fp8 where the chip has it, else bf16."""
        return "bf16" if self.fp8_flop_per_s is None else "fp8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformer:
    """One decoder-only transformer, dense or mixture of experts.

    Attributes
    ----------
    params, active_params : float or None              weights in all; weights used by one token
    expert_params : float                              weights that lie in routed experts (0 when dense)
    layers, hidden, heads, kv_heads, head_dim : int    0 where no source gives it; of latent attention, mean width of key and value
    kv_values_per_layer : float                        cached numbers per token and layer: 2·kv_heads·head_dim, or latent rank + position
    full_layers, window_layers : int                   attention layers that keep the whole context, or only the last `window_tok`
    latent_attention : bool                            multi-head latent attention: the cache cannot be split over heads
    experts, top_k : int                               routed experts per layer and how many a token uses
    moe_layers : int                                   layers with routed experts
    family : str                                       as the catalogue groups models; "" where unknown
    vocab : int                                        rows of the embedding; 0 where unknown
    ffn : int                                          width of a dense feed-forward layer
    ffn_expert : int                                   width of one routed expert
    shared_experts : int                               experts that every token uses
    ffn_shared : int                                   width of one shared expert; 0: as a routed one
    gated : bool                                       feed-forward of three matrices (gate, up, down), else of two
    mlp_layers : int                                   layers with a dense feed-forward
    q_rank, kv_rank, rope_dim, nope_dim, v_dim : int   latent attention: ranks, and head sizes of position, content and value; 0 otherwise
    linear_layers : int                                layers that keep a state of fixed size: linear attention, state space
    linear_params : float                              weights of one of these, its feed-forward apart
    linear_state : float                               numbers of one sequence's state in one of these
    tied : bool                                        embedding and output matrix are the same weights
    expert_hidden : int                                width that routed experts read, where tokens are projected down; 0: hidden
    expert_bias : bool                                 routed experts add a vector to what they put out
    sparse_tok : int                                   tokens of the context that attention reads at most, picked by an index; 0: all
    mtp_layers : int                                   passes of extra layers that predict further tokens, trained beside the model
    """

    name: str
    params: float | None = None
    active_params: float | None = None
    expert_params: float = 0.0
    layers: int = 0
    hidden: int = 0
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    kv_values_per_layer: float = 0.0
    full_layers: int = 0
    window_layers: int = 0
    window_tok: int = 0
    latent_attention: bool = False
    experts: int = 0
    top_k: int = 0
    moe_layers: int = 0
    family: str = ""
    vocab: int = 0
    ffn: int = 0
    ffn_expert: int = 0
    shared_experts: int = 0
    ffn_shared: int = 0
    gated: bool = True
    mlp_layers: int = 0
    q_rank: int = 0
    kv_rank: int = 0
    rope_dim: int = 0
    nope_dim: int = 0
    v_dim: int = 0
    linear_layers: int = 0
    linear_params: float = 0.0
    linear_state: float = 0.0
    tied: bool = False
    expert_hidden: int = 0
    expert_bias: bool = False
    sparse_tok: int = 0
    mtp_layers: int = 0

    @property
    def is_moe(self) -> bool:
        """Whether tokens are routed to experts."""
        return self.experts > 1

    @property
    def kv_bytes_per_tok(self) -> float:
        """Cache of one token of a short context, 2 bytes a number [bytes/tok].

        Examples
        --------
        >>> Transformer(name="t", layers=2, full_layers=2, kv_values_per_layer=1024.0).kv_bytes_per_tok
        4096.0
        """
        return 2.0 * self.kv_values_per_layer * (self.full_layers + self.window_layers)

    def with_active(self, active_params: float) -> Transformer:
        """Return a copy whose sizes are scaled so that one token uses `active_params` weights.

        Weights grow in proportion, all widths (hidden, feed-forward, query heads) by the root of it; layers, experts and cache stay: an
        assumption for proxies of undisclosed models.
        """
        if self.active_params is None or self.params is None:
            return replace(self, active_params=active_params, params=self.params or active_params)
        scale = active_params / self.active_params
        wider = {
            name: max(step, step * round(getattr(self, name) * math.sqrt(scale) / step))
            for name, step in _WIDTHS
            if getattr(self, name)
        }
        return replace(
            self, active_params=active_params, params=self.params * scale, expert_params=self.expert_params * scale,
            linear_params=self.linear_params * scale, **wider,
        )  # fmt: skip


def need(value: float | None, owner: str, field: str) -> float:
    """Return the value, or refuse with the name of what is missing."""
    if value is None or not value > 0.0:
        raise OfftakeError(
            f"{owner}: no performance estimate, because the catalogue has no {field} for it; "
            f"give it as an override in the scenario, or choose another entry"
        )
    return float(value)
