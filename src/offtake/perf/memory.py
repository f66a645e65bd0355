"""Memory: weights and cache of serving, states of training."""

from __future__ import annotations

from offtake.perf.types import Chip, Precision, Transformer, need, precision_bytes

__all__ = ["kv_bytes", "serving_bytes_per_chip", "training_state_bytes", "usable_bytes"]

# bf16 weights and gradients, fp32 master weights and two Adam moments: 2 + 4 + 4 + 4 + 4 bytes
# (Megatron-LM README, distributed optimizer: 18 bytes a parameter, sharded over all chips).
TRAINING_BYTES_PER_PARAM = 18.0


def kv_bytes(model: Transformer, context_tok: float, precision: Precision = "bf16") -> float:
    """Return the cache of one sequence: values per layer × layers × tokens kept × bytes [bytes].

    Full layers keep the context, window layers its last `window_tok` tokens. Cache in 2 bytes unless told (what public engines
    do by default, and what DeepSeek reports of itself).

    Examples
    --------
    >>> m = Transformer(name="t", layers=2, full_layers=1, window_layers=1, window_tok=10, kv_values_per_layer=100.0)
    >>> kv_bytes(m, 1000.0)                    # 100 x (1000 + 10) x 2
    202000.0
    """
    kept = model.full_layers * context_tok + model.window_layers * min(context_tok, float(model.window_tok))
    return model.kv_values_per_layer * kept * precision_bytes(precision)


def usable_bytes(chip: Chip, share: float, workspace_bytes: float) -> float:
    """Return the memory of a chip for weights and cache: HBM × share - workspace [bytes]."""
    return need(chip.hbm_bytes, chip.name, "hbm_bytes") * share - workspace_bytes


def serving_bytes_per_chip(weights_per_chip: float, sequences_per_chip: float, kv_bytes_per_sequence: float) -> float:
    """Return weights + cache on one chip [bytes].

    Examples
    --------
    >>> serving_bytes_per_chip(10e9, 4.0, 1e9)
    14000000000.0
    """
    return weights_per_chip + sequences_per_chip * kv_bytes_per_sequence


def training_state_bytes(model: Transformer) -> float:
    """Return weights, gradients and optimizer states of a whole model: 18 bytes a parameter [bytes].

    Examples
    --------
    >>> training_state_bytes(Transformer(name="t", params=1e9))
    18000000000.0
    """
    return TRAINING_BYTES_PER_PARAM * need(model.params, model.name, "params")
