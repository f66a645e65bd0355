"""Settings of serving as plain arrays: what the terms of a step are computed from, one row per configuration.

A row joins a chip, a model, a layout, precisions and a load. Every field is float64[row, 1], so that the terms broadcast against a
trailing axis of batches; one estimate has one row, a search has thousands.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Setting", "stack"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One configuration (floats), or many (float64[row, 1]).

    Attributes
    ----------
    peak_dense, peak_expert, peak_attention [flop/s]   dense peak at which each kind of matrix product runs
    hbm_bytes [bytes] ; hbm_rate [bytes/s] ; up_rate, out_rate [bytes/s, one direction] ; domain [chip]
    hop_s [s]                                          of a ring through the host, cards on a bus; else 0
    dense_params, head_params, expert_params           weights read in a step: outside routed experts, output matrix, routed experts
    idle_params                                        weights held, not read (input embedding)
    layers, moe_layers, mlp_layers, linear_layers, full_layers, window_layers, window_tok, hidden, heads, kv_heads
    experts, top_k                                     1 and 1 where dense
    latent                                             1 where attention is latent
    width_decode, width_prefill                        flop of scores and sum per head, token and token of context, over 4
    kv_values                                          cached numbers per layer and token
    state_values                                       numbers of a sequence's fixed state, all layers
    bytes_dense, bytes_expert, bytes_kv [bytes]        of one value
    quant_dense, quant_expert                          1 where the product runs narrower than bf16
    tp, dp, pp, ep [chip]                              attention shards, attention groups, stages; experts lie over `ep` of tp x dp
    replicas                                           copies of the replica
    chips [chip]                                       that the throughput is divided by
    mixed                                              1 where prompts and decoding share the chips
    prefill_workers                                    replicas of the prefill pool; 1 where mixed
    prefill_tp, prefill_dp, prefill_pp, prefill_ep     layout of one of them
    input_tok, cached_tok, output_tok [tok]
    draft_tok                                          tokens drafted a step
    draft_share                                        time of one drafted token over a decode step
    grown                                              share of the output that is in the cache a step reads, on average
    stream, overhead, prompt, draft, wait, spread      factors on time, see `serving_params`
    pace                                               factor on all times of a step and of a prompt, what they pass included
    """

    peak_dense: Floats
    peak_expert: Floats
    peak_attention: Floats
    hbm_bytes: Floats
    hbm_rate: Floats
    up_rate: Floats
    out_rate: Floats
    domain: Floats
    hop_s: Floats
    dense_params: Floats
    head_params: Floats
    expert_params: Floats
    idle_params: Floats
    layers: Floats
    moe_layers: Floats
    mlp_layers: Floats
    linear_layers: Floats
    full_layers: Floats
    window_layers: Floats
    window_tok: Floats
    hidden: Floats
    heads: Floats
    kv_heads: Floats
    experts: Floats
    top_k: Floats
    latent: Floats
    width_decode: Floats
    width_prefill: Floats
    kv_values: Floats
    state_values: Floats
    bytes_dense: Floats
    bytes_expert: Floats
    bytes_kv: Floats
    quant_dense: Floats
    quant_expert: Floats
    tp: Floats
    dp: Floats
    pp: Floats
    ep: Floats
    replicas: Floats
    chips: Floats
    mixed: Floats
    prefill_workers: Floats
    prefill_tp: Floats
    prefill_dp: Floats
    prefill_pp: Floats
    prefill_ep: Floats
    input_tok: Floats
    cached_tok: Floats
    output_tok: Floats
    draft_tok: Floats
    draft_share: Floats
    grown: Floats
    stream: Floats
    overhead: Floats
    prompt: Floats
    draft: Floats
    wait: Floats
    spread: Floats
    pace: Floats

    @property
    def context_tok(self) -> Floats:
        """Mean context while decoding [tok]."""
        return self.input_tok + self.grown * self.output_tok

    @property
    def fresh_tok(self) -> Floats:
        """Input that must be computed [tok]."""
        return self.input_tok - self.cached_tok


NAMES: tuple[str, ...] = tuple(f.name for f in fields(Setting))


def stack(rows: Sequence[Sequence[float]]) -> Setting:
    """Join rows of values, in the order of the fields, into one setting of columns.

    Examples
    --------
    >>> stack([[1.0] * len(NAMES)] * 3).tp.shape
    (3, 1)
    """
    table = np.asarray(rows, dtype=np.float64).T[:, :, None]
    return Setting(**dict(zip(NAMES, table, strict=True)))
