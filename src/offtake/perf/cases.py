"""One question to the models: what a row of a table, a command or the plan asks. Holds no measured figure.

A setting that is not given is None; the models then take the best and say so (`assumed` of their answer).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from offtake.catalog.types import Chip, Precision, Transformer

__all__ = ["Load", "Pool", "Recompute", "ServingCase", "Speculation", "TrainingCase", "TunedBy"]

Recompute = Literal["none", "selective", "full", "offload"]
"""What the backward pass computes again: nothing, the attention core (or a small part), whole blocks; or keeps on the host."""

Speculation = Literal["none", "mtp", "draft"]
"""Speculative decoding: none, by the model's own extra layers, by a smaller model."""

TunedBy = Literal["vendor", "user", "nobody"]
"""Who made the software run fast: who sells the chip or the software, those who use it, or nobody."""

Load = Literal["closed", "offline", "static", "prefill", "open"]
"""How requests come.

closed: a fixed number at once, each replaced when done; offline: all queued, as many at once as fit (or all of a given number); static:
one batch from first to last token; prefill: one request, first token only; open: at a rate.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCase:
    """One training step to be predicted.

    Attributes
    ----------
    chips : int [chip]
    seq_tok : int [tok]                 sequence length
    batch_seqs : int [sequence]         global batch
    precision : Precision               of the matrix products
    recipe : str                        scaling of narrow precision: "mx", "cs" (current scaling), "ds" (delayed), "block", "nv"; "" unknown
    micro_batch : int or None           sequences of one micro-batch on one replica
    tp, pp, dp, cp, ep : int or None    sizes of tensor, pipeline, data, context, expert parallelism, in chips; dp includes ep
    vpp : int or None                   model chunks on one pipeline stage (interleave)
    etp : int or None [chip]            over which one expert is split; None: as tensors where experts are not spread, else not
    shards : int or None                chips over which weights, gradients and states are split (FSDP, ZeRO-3); 1: not split
    zero : int or None                  0, 1 (states split over dp), 2 (and gradients), 3 (as `shards`)
    recompute : Recompute or None
    engine : str                        software family: "megatron", "megatron-deepspeed", "maxtext", "foundry", "neuron",
                                        "deepspeed", "torch", "automodel", "kempnerforge"; "" unknown
    year : float [y]                    of the software; 0 unknown
    balanced : bool                     tokens forced evenly over experts (as benchmark settings do)
    dropless : bool                     no token is dropped
    fused : bool                        False where element-wise kernels run one by one (PyTorch without its compiler)
    adapters : bool                     only small added matrices are trained (LoRA): no weight gradients, no optimizer states
    schedule : str                      of the pipeline: "zero_bubble", "dualpipe" (arXiv 2412.19437, section 3.2.1), or "" for one forward,
                                        one backward (interleaved where vpp > 1)
    tuned_by : TunedBy                  who tuned the run
    narrow_states : bool                weights and moments of the optimizer in 16 bits, without a wider copy
    partial_graph : bool                only parts of a step are recorded as graphs, where recipes of the engine record all of it
    source, key : str                   where the row is from, and its name in messages; never read by a model
    """

    chip: Chip
    model: Transformer
    chips: int
    seq_tok: int
    batch_seqs: int
    precision: Precision = "bf16"
    recipe: str = ""
    micro_batch: int | None = None
    tp: int | None = None
    pp: int | None = None
    dp: int | None = None
    cp: int | None = None
    ep: int | None = None
    vpp: int | None = None
    etp: int | None = None
    shards: int | None = None
    zero: int | None = None
    recompute: Recompute | None = None
    engine: str = ""
    year: float = 0.0
    balanced: bool = False
    dropless: bool = True
    fused: bool = True
    adapters: bool = False
    schedule: str = ""
    narrow_states: bool = False
    partial_graph: bool = False
    tuned_by: TunedBy = "vendor"
    source: str = ""
    key: str = ""

    @property
    def tok_per_step(self) -> int:
        """Tokens of one step [tok]."""
        return self.batch_seqs * self.seq_tok


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Workers of one phase, where prefill and decode are apart.

    Attributes
    ----------
    workers : int or None
    chips : int or None [chip]   of all workers
    tp, ep, dp : int or None     of one worker, in chips
    dp_attention : bool or None  attention split over sequences, not heads
    batch : int or None          sequences of one worker (of one attention group, where attention is split over sequences)
    """

    workers: int | None = None
    chips: int | None = None
    tp: int | None = None
    ep: int | None = None
    dp: int | None = None
    dp_attention: bool | None = None
    batch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingCase:
    """One served load to be predicted.

    Attributes
    ----------
    chips : int [chip]                     all of the deployment, both pools
    input_tok, output_tok : float [tok]    of one request
    load : Load
    concurrency : float or None            requests at once in the whole deployment; None: the most that fit (offline)
    batch : float or None                  requests at once in one replica, where a source gives this instead
    rate_per_s : float or None [1/s]       requests, where load is "open"
    tp, pp, ep, dp : int or None           of one replica, in chips
    dp_attention : bool or None            attention split over sequences, not heads
    prefill, decode : Pool or None         layouts of the two pools where `disaggregated`
    cached_frac : float                    share of the input found in a prefix cache
    weights, cache : Precision or None     precision of weights and of the key-value cache
    weights_only : bool                    weights are narrow, the matrix products are bf16 (int4 and int8 weight-only)
    speculation : Speculation or None
    engine : str                           "trtllm", "sglang", "vllm", "dynamo-trtllm", "neuronx"; "" unknown
    year : float [y]                       of the software; 0 unknown
    tuned_by : TunedBy                     who tuned it; tells only where users run experts on software of before 2026
    source, key : str                      where the row is from, and its name in messages; never read by a model
    """

    chip: Chip
    model: Transformer
    chips: int
    input_tok: float
    output_tok: float
    load: Load = "closed"
    concurrency: float | None = None
    batch: float | None = None
    rate_per_s: float | None = None
    tp: int | None = None
    pp: int | None = None
    ep: int | None = None
    dp: int | None = None
    dp_attention: bool | None = None
    disaggregated: bool = False
    prefill: Pool | None = None
    decode: Pool | None = None
    cached_frac: float = 0.0
    weights: Precision | None = None
    cache: Precision | None = None
    weights_only: bool = False
    speculation: Speculation | None = None
    engine: str = ""
    year: float = 0.0
    tuned_by: TunedBy = "vendor"
    source: str = ""
    key: str = ""
