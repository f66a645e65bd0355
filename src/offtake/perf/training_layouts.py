"""Layouts of a training step: all that a case leaves open, with what is impossible left out and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from offtake.perf.cases import TrainingCase
    from offtake.perf.terms.real import Array

    Flags = np.ndarray[Any, np.dtype[np.bool_]]

__all__ = ["Candidates", "candidates", "impossible"]

_RECOMPUTE: Mapping[str, tuple[float, float, float]] = {
    # share of layers computed again, core computed again, kept on the host
    "none": (0.0, 0.0, 0.0),
    "selective": (0.0, 1.0, 0.0),
    "full": (1.0, 0.0, 0.0),
    "offload": (0.15, 0.0, 1.0),
}
_OPEN_RECOMPUTE = (
    (0.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (0.25, 0.0, 0.0),
    (0.5, 0.0, 0.0),
    (0.75, 0.0, 0.0),
    (1.0, 0.0, 0.0),
)
_FIELDS = ("tp", "pp", "cp", "ep", "vpp", "shards", "zero", "micro_seqs", "recompute", "selective", "offload")
_FSDP_ENGINES = ("automodel", "foundry", "halo", "kempnerforge", "levanter", "maxtext", "torch")
_MAX_TP, _MAX_VPP, _MAX_MICRO = 64, 24, 64
_MAX_EP = 64
"""Chips over which experts of a public training run lie at most (DeepSeek-V3, arXiv 2412.19437; tables of Megatron, NeMo, Marin)."""
_LONG_TOK = 32_768  # from which context parallelism is worth trying
_MOST_EMPTY = 1.07
"""Places of layers over layers that an uneven pipeline may have."""
_MOST_UNEVEN = 1.15
"""Micro-batches of the busiest replica over the mean, where no layout divides the batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Layouts to evaluate.

    Attributes
    ----------
    layout : mapping of field of `Setting` → float64[layout]
    pruned : mapping of reason → count of layouts left out before evaluation
    open : tuple of str        settings that the case leaves open
    """

    layout: Mapping[str, Array]
    pruned: Mapping[str, int]
    open: tuple[str, ...]


def impossible(case: TrainingCase) -> str:
    """Say why the layout that a case gives cannot be, and what would fit; "" where it can.

    Examples
    --------
    See `offtake.perf.training_model.predict_training`.
    """
    model, chips = case.model, case.chips
    tp, pp, cp = case.tp or 1, case.pp or 1, case.cp or 1
    if min(chips, case.batch_seqs, case.seq_tok) < 1:
        return f"chips, batch and sequence length must be at least 1, got {chips}, {case.batch_seqs} and {case.seq_tok}"
    if tp * pp * cp > chips:
        return f"tp {tp} x pp {pp} x cp {cp} = {tp * pp * cp} chips, but there are {chips}: make their product divide {chips}"
    if pp > model.layers > 0:
        return f"{pp} pipeline stages for {model.layers} layers: at most {model.layers} stages fit"
    if model.heads and case.tp and max(model.heads, tp) % min(model.heads, tp):
        fit = [str(t) for t in _divisors(model.heads) if t <= _MAX_TP]
        return f"tp {tp} does not divide the {model.heads} heads of {model.name}: {', '.join(fit)} do"
    return _impossible_experts(case)


def _impossible_experts(case: TrainingCase) -> str:
    """Say why experts cannot lie as a case says, and what would fit; "" where they can."""
    model = case.model
    if case.ep and case.ep > max(model.experts, 1):
        return f"ep {case.ep} for {model.experts} experts of {model.name}: " + (
            f"at most {model.experts}" if model.is_moe else "it has none, leave ep out"
        )
    width = model.ffn_expert
    if case.etp and width and (case.etp > case.chips or width % case.etp):  # of a model without experts it says nothing
        fit = [str(n) for n in _divisors(width) if n <= min(case.chips, _MAX_TP)]
        return f"etp {case.etp} does not divide the {width} columns of an expert of {model.name}: {', '.join(fit)} do"
    return ""


def candidates(case: TrainingCase, *, domain: int, torus: bool) -> Candidates:
    """Return every layout of the settings that a case leaves open; given settings are kept.

    Parameters
    ----------
    domain : int [chip]    scale-up domain: tensor parallelism stays within it
    torus : bool           chips joined as a torus run without a pipeline unless told
    """
    model = case.model
    chips = case.chips
    open_ = _open(case)
    tps = _given(case.tp, [t for t in _powers(min(domain, _MAX_TP, chips)) if not model.heads or model.heads % t == 0])
    long = case.seq_tok >= _LONG_TOK
    pipelined = not torus and case.engine not in ("maxtext", "foundry")
    layers = max(model.layers, 1)
    pps = _given(
        case.pp, [p for p in _divisors(chips) if p <= min(layers, 128)] if pipelined and _no_fsdp(case) else [1]
    )
    cps = _given(case.cp, _powers(min(16, chips)) if long else [1])
    eps = _given(
        case.ep,
        [e for e in _powers(min(model.experts, chips, _MAX_EP)) if model.experts % e == 0] if model.is_moe else [1],
    )
    micros = _given(_micro(case), [b for b in _divisors(case.batch_seqs) if b <= _MAX_MICRO])
    vpps = [case.vpp] if case.vpp else list(range(1, _MAX_VPP + 1))
    modes = [_RECOMPUTE[case.recompute]] if case.recompute else list(_OPEN_RECOMPUTE)
    if not case.recompute and case.engine == "maxtext":
        modes.append(_RECOMPUTE["offload"])  # its policies keep activations on the host
    sharded = [float(case.shards)] if case.shards else _shard_choices(case)

    if not open_ and len(sharded) == 1:
        return Candidates(layout=_given_layout(case, sharded[0], modes[0]), pruned={}, open=())
    grid = np.meshgrid(
        np.array(tps, float), np.array(pps, float), np.array(cps, float), np.array(eps, float), np.array(sharded),
        np.array(micros, float), indexing="ij",
    )  # fmt: skip
    tp, pp, cp, ep, shard, micro = (g.ravel() for g in grid)
    pruned: dict[str, int] = {}
    keep = np.ones(tp.shape, dtype=bool)

    def prune(reason: str, good: Flags) -> None:
        nonlocal keep
        left = int((keep & ~good).sum())
        if left:
            pruned[reason] = pruned.get(reason, 0) + left
        keep = keep & good

    dp = chips / (tp * pp * cp)
    prune("tp x pp x cp does not divide the chips", (dp >= 1.0) & (np.abs(dp - np.round(dp)) < 1e-9))
    if case.ep is None or case.pp is None or case.etp:
        over = ep * float(case.etp or 1)
        prune("experts spread over more chips than a stage has, or not evenly", (chips / pp) % over == 0.0)
    if case.micro_batch is None:
        share = case.batch_seqs / np.maximum(dp, 1.0) / micro
        whole = np.abs(share - np.round(share)) < 1e-9
        if not (keep & whole).any():  # a batch that goes into no layout evenly: some replicas run one micro-batch more
            whole = np.ceil(share) <= _MOST_UNEVEN * share
        prune("batch is not a whole number of micro-batches per replica", whole)
    tp, pp, cp, ep, shard, micro, dp = (v[keep] for v in (tp, pp, cp, ep, shard, micro, dp))
    layout = _multiplied(case, (tp, pp, cp, ep, shard, micro), modes, vpps, dp=dp)
    return Candidates(layout=layout, pruned=pruned, open=open_)


def _open(case: TrainingCase) -> tuple[str, ...]:
    """Return the settings that a case leaves open and that make a difference."""
    names = {
        "tp": case.tp,
        "pp": case.pp,
        "cp": case.cp,
        "ep": case.ep,
        "vpp": case.vpp,
        "micro_batch": case.micro_batch,
    }
    moot = {"ep": not case.model.is_moe, "vpp": case.pp == 1, "cp": case.seq_tok < _LONG_TOK}
    return tuple(
        [n for n, v in names.items() if v is None and not moot.get(n)]
        + (["recompute"] if case.recompute is None else [])
    )


def _multiplied(
    case: TrainingCase,
    base: tuple[Array, ...],
    modes: Sequence[tuple[float, float, float]],
    vpps: Sequence[int],
    *,
    dp: Array,
) -> dict[str, Array]:
    """Return layouts times chunks a stage times ways to recompute, by field of `Setting`; `base` is tp, pp, cp, ep, shards, micro-batch."""
    pp, micro = base[1], base[5]
    index, vpp = _interleave(
        pp,
        max(case.model.layers, 1),
        vpps,
        batches=case.batch_seqs / np.maximum(dp * micro, 1e-9),
        given=bool(case.vpp),
    )
    times = len(modes)
    tp, pp, cp, ep, shard, micro = (np.repeat(v[index], times) for v in base)
    vpp = np.repeat(vpp, times)
    mode = np.tile(np.array(modes), (len(vpp) // times, 1)) if len(vpp) else np.zeros((0, 3))
    rest = np.maximum(case.chips / (tp * pp), 1.0)
    shards = np.where(shard < 0.0, rest, np.minimum(shard, rest))
    zero = np.full(tp.shape, float(case.zero if case.zero is not None else 1))
    zero = np.where(shards > 1.0, 2.0 if case.zero == 2 else 3.0, zero)
    return dict(zip(_FIELDS, (tp, pp, cp, ep, vpp, shards, zero, micro, *mode.T), strict=True))


def _given_layout(case: TrainingCase, shard: float, mode: tuple[float, float, float]) -> dict[str, Array]:
    """Return the one layout of a case that leaves nothing open."""
    tp, pp = float(case.tp or 1), float(case.pp or 1)
    rest = max(case.chips / (tp * pp), 1.0)
    shards = rest if shard < 0.0 else min(shard, rest)
    zero = (2.0 if case.zero == 2 else 3.0) if shards > 1.0 else float(case.zero if case.zero is not None else 1)
    vpp = float(case.vpp or 1) if pp > 1.0 else 1.0
    values = (tp, pp, float(case.cp or 1), float(case.ep or 1), vpp, shards, zero, float(_micro(case) or 1), *mode)
    return {name: np.array([value]) for name, value in zip(_FIELDS, values, strict=True)}


def _micro(case: TrainingCase) -> int | None:
    """Return sequences of one micro-batch on one replica: MaxText prints them per chip, so that tp chips share tp times as many."""
    if case.micro_batch and case.engine == "maxtext" and case.tp and case.batch_seqs == case.micro_batch * case.chips:
        return case.micro_batch * case.tp
    return case.micro_batch


def _given(value: int | None, otherwise: Sequence[int]) -> Sequence[int]:
    """Return the given setting alone, or the choices."""
    return [value] if value is not None else (otherwise or [1])


def _no_fsdp(case: TrainingCase) -> bool:
    """Say whether a pipeline is worth trying: weights are not sharded by the case."""
    return not (case.shards and case.shards > 1) and case.zero != 3


def _shard_choices(case: TrainingCase) -> list[float]:
    """Return over how many chips weights may be split: -1 stands for all of data parallelism."""
    if case.zero is not None:
        return [-1.0] if case.zero >= 3 else [1.0]
    if case.engine in _FSDP_ENGINES:
        return [-1.0]
    if case.engine in ("megatron", "neuron"):
        return [1.0]
    return [1.0, -1.0]


def _interleave(
    pp: Array, layers: int, choices: Sequence[int], *, batches: Array, given: bool
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Array]:
    """Return (index into the layouts, chunks per stage): layers nearly fill the chunks, micro-batches divide into stages."""
    index, chunks = [], []
    for v in choices:
        if given or v == 1:
            good = np.ones(pp.shape, dtype=bool)
        else:
            whole = np.abs(batches / pp - np.round(batches / pp)) < 1e-9
            filled = np.ceil(layers / (pp * v)) * pp * v <= _MOST_EMPTY * layers  # the output matrix may take a place
            good = (pp > 1.0) & filled & whole & (pp * v <= layers + pp)
        found = np.flatnonzero(good)
        index.append(found)
        chunks.append(np.where(pp[found] > 1.0, float(v), 1.0))
    return np.concatenate(index), np.concatenate(chunks)


def _powers(most: int) -> list[int]:
    """Return powers of two up to a number."""
    return [2**i for i in range(max(most, 1).bit_length()) if 2**i <= max(most, 1)]


def _divisors(number: int) -> list[int]:
    """Return the divisors of a number, in order."""
    low = [d for d in range(1, int(number**0.5) + 1) if number % d == 0]
    return low + [number // d for d in reversed(low) if d * d != number]
