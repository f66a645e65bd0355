"""Training: time of a step, tokens/s, MFU, memory, power and an interval, for a given layout or the best of what is left open."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import OfftakeError
from offtake.perf import params, training_params
from offtake.perf.answers import Interval, Refusal
from offtake.perf.own import as_run, like_of, told, told_in_words
from offtake.perf.terms import attention, energy
from offtake.perf.training_counts import micro_batches, plain
from offtake.perf.training_layouts import candidates, impossible
from offtake.perf.training_memory import footprint, usable_bytes
from offtake.perf.training_setting import Setting, chip_part, model_part
from offtake.perf.training_step import TERMS, step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.perf.cases import TrainingCase
    from offtake.perf.params import Section
    from offtake.perf.terms.real import Array
    from offtake.perf.training_layouts import Candidates
    from offtake.perf.training_params import Efficiency

__all__ = ["TrainingPrediction", "base_setting", "levels", "model_flop", "open_settings", "predict_training"]

_CURRENT = 2026.0
"""Year of software that a case does not date: that from which the trends are counted."""
# Attention as one fused kernel is in training engines since late 2022 (arXiv 2205.14135; Megatron-LM 23.02, MaxText 2023).
_FUSED_SINCE = 2023.0
# Sequence parallelism came with arXiv 2205.05198 (May 2022; its rows say 2022). The fork with DeepSpeed asked for it in June 2023 and
# had it with its next rebase (deepspeedai/Megatron-DeepSpeed issue 148).
_SEQUENCE_PARALLEL_SINCE, _SEQUENCE_PARALLEL_IN_FORK_SINCE = 2022.0, 2023.5
# Attention kernels that use Hopper's asynchronous products: cuDNN 9 and FlashAttention-3 (arXiv 2407.08608), mid 2024.
# PyTorch's own attention took FlashAttention-2 on Hopper until its releases of 2026.
# Ampere and Ada have no such products: FlashAttention-2 is made for them, and A800 and L40S of 2022 and 2023 run it whole.
_ASYNCHRONOUS, _OWN_CORE_SINCE = frozenset({"hopper", "blackwell"}), (2024.4, 2026.0)
_OWN_CORES = ("kempnerforge", "torch")
# Megatron's performance recipes keep and sum gradients in bf16 (grad_reduce_in_fp32 off).
_NARROW_GRADIENTS_SINCE = 2025.0
# NeMo AutoModel trains weights, gradients and both moments in bf16, without a master copy (examples/benchmark/configs: torch.optim.Adam).
_NARROW_STATES = ("automodel",)
# Megatron-Bridge's recipes for narrow products on Blackwell since 26.06 (scripts/performance/configs): cuda_graph_impl full_iteration,
# cutedsl_fused_grouped_mlp (gated experts in one kernel) and moe_a2a_overlap.
_ONE_GRAPH_SINCE = 2026.4
_COMPILED = ("maxtext", "levanter", "neuron")
"""Engines whose step is one compiled program: fused from the first, and no host waits in it."""
_ONLY_COMPILED = ("Google", "AWS")
"""Vendors whose training chips run nothing but compiled programs, whatever the engine."""
_TUNED: Mapping[str, str] = MappingProxyType(
    {
        "vendor": "software as well tuned as in vendors' published runs",
        "user": "software as well tuned as in users' published runs",
        "nobody": "software that nobody tuned",
    }
)
_CAPTURED_DOMAIN = 32
"""Scale-up domain from which an NVIDIA rack has Arm hosts; recipes of Megatron for them record layers as CUDA graphs."""
_REAL_SKEW = 0.15
"""Excess load of the busiest chip where routing is not forced even: DeepSeek-V3 and Mixtral traces show 1.1-1.4 with one expert a chip."""
_COMPILED_REDO = 0.75
"""A compiler leaves out what no gradient needs: of a recomputed layer the last product, about a quarter of its forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPrediction:
    """One predicted step.

    Attributes
    ----------
    step_s : float [s]                      and `interval`, the middle 80 %
    tok_per_s, tok_per_s_per_chip : float [tok/s]
    mfu : float [1]                         model operations (causal attention counted once, nothing recomputed) over chips × dense peak
                                            of the precision used
    model_flop_per_s_per_chip : float [flop/s]
    breakdown_s : mapping term → [s]        sums to `step_s`
    hidden_s : float [s]                    messages behind compute, not in the sum
    memory_bytes : mapping part → [bytes]   fullest chip
    memory_frac : float [1]                 of the chip's memory that training may use
    it_w_per_chip : float [W/chip], joules_per_tok : float [J/tok]
    layout : mapping setting → number       as predicted
    assumed : tuple of str                  what the case left open and how it was filled
    """

    step_s: float
    interval: Interval
    tok_per_s: float
    tok_per_s_per_chip: float
    mfu: float
    model_flop_per_s_per_chip: float
    breakdown_s: Mapping[str, float]
    hidden_s: float
    memory_bytes: Mapping[str, float]
    memory_frac: float
    it_w_per_chip: float
    joules_per_tok: float
    layout: Mapping[str, float]
    assumed: tuple[str, ...]

    @property
    def tok_per_s_per_chip_interval(self) -> Interval:
        """Tokens/s of one chip, the middle 80 % [tok/s]."""
        scale = self.tok_per_s_per_chip * self.step_s
        return Interval(low=scale / self.interval.high, high=scale / self.interval.low)


def levels(case: TrainingCase) -> tuple[str, ...]:
    """Return the levels of a case's parameters, as the file names them."""
    found = training_params.levels(case.chip, engine=case.engine, year=case.year, tuned_by=case.tuned_by)
    return tuple(f"{kind}:{name}" for kind, name in found.items() if name)


def base_setting(case: TrainingCase) -> Setting:
    """Return a case as a setting, its open settings at their least.

    Raises
    ------
    OfftakeError
        A figure of the chip or model is missing (named).
    """
    chip = chip_part(case.chip, case.precision)
    known_year = case.year or _CURRENT
    narrow = case.narrow_states or case.engine in _NARROW_STATES
    if chip["torus_axes"]:
        # replicas of a sharded slice lie on other slices, joined by the network
        inner = (case.tp or 1) * (case.shards or 0)
        if inner and inner < case.chips and case.cp in (None, 1) and case.pp in (None, 1):
            chip["domain"] = min(chip["domain"], float(inner))
        chip["axis_chips"] = max(2.0, min(chip["domain"], float(case.chips)) ** (1.0 / chip["torus_axes"]))
    else:
        chip["axis_chips"] = 1.0
    return Setting(
        **chip,
        **model_part(case.model),
        seq_tok=float(case.seq_tok),
        batch_seqs=float(case.batch_seqs),
        chips=float(case.chips),
        low=float(case.precision != "bf16"),
        fp4=float(case.precision == "fp4" and case.chip.fp4_flop_per_s is not None),
        flash=float(known_year >= _FUSED_SINCE),
        sequence_parallel=float(
            known_year
            >= (_SEQUENCE_PARALLEL_IN_FORK_SINCE if case.engine == "megatron-deepspeed" else _SEQUENCE_PARALLEL_SINCE)
        ),
        zero_bubble=float(case.schedule == "zero_bubble"),
        two_way=float(case.schedule == "dualpipe"),
        adapters=float(case.adapters),
        static=float(not case.dropless),
        redo=_COMPILED_REDO if case.engine in ("maxtext", "levanter") else 1.0,
        young=min(max(3.0 - (known_year - case.chip.year), 0.0), 3.0) if case.chip.year else 0.0,
        age=min(max(2026.0 - known_year, 0.0), 6.0),
        skew=0.0 if case.balanced else _REAL_SKEW,
        early_core=float(
            case.chip.family in _ASYNCHRONOUS
            and known_year < _OWN_CORE_SINCE[case.engine in _OWN_CORES]
            and case.schedule != "dualpipe"  # whoever has it writes kernels for the chip
        ),
        unfused=float(not case.fused),
        one_graph=float(
            case.engine == "megatron"
            and case.chip.family == "blackwell"
            and case.precision != "bf16"
            and case.model.gated
            and not case.partial_graph
            and known_year >= _ONE_GRAPH_SINCE
        ),
        moe_age=min(max(2026.0 - known_year, -0.6), 0.5),
        captured=float(case.chip.vendor == "NVIDIA" and case.chip.scaleup_domain >= _CAPTURED_DOMAIN),
        etp=float(case.etp or 0),
        gradient_bytes=2.0 if narrow or (case.engine == "megatron" and known_year >= _NARROW_GRADIENTS_SINCE) else 4.0,
        optimizer_bytes=4.0 if narrow else 12.0,
        eager=float(case.engine not in _COMPILED and case.chip.vendor not in _ONLY_COMPILED),
        dedupe=float(known_year >= 2024.0),
    )


def open_settings(case: TrainingCase, base: Setting) -> tuple[Setting, Candidates]:
    """Return the settings that a case leaves open as arrays over layouts.

    Raises
    ------
    OfftakeError
        No layout is possible; says why the tried ones are not.
    """
    tried = candidates(case, domain=int(np.asarray(base.domain)), torus=bool(base.torus_axes))
    if not len(tried.layout["tp"]):
        reasons = "; ".join(f"{reason} ({count})" for reason, count in tried.pruned.items())
        raise OfftakeError(
            f"{case.model.name} on {case.chips} {case.chip.name}: no layout is possible with batch {case.batch_seqs} "
            f"and the given settings: {reasons or 'none of the settings goes together'}"
        )
    return base.with_layout(**tried.layout), tried


def predict_training(
    case: TrainingCase, fitted: Section | None = None, *, must_fit: bool = True
) -> TrainingPrediction | Refusal:
    """Predict a training step, or say what is missing.

    Settings that the case leaves open are taken as the fastest that fit in memory, and named in `assumed`.

    Parameters
    ----------
    fitted : Section or None   parameters; the shipped file's where None
    must_fit : bool            refuse what needs more than twice the memory; a measured step is predicted all the same, since it ran

    Examples
    --------
    >>> from offtake.catalog.types import Chip, Transformer
    >>> from offtake.perf.cases import TrainingCase
    >>> case = TrainingCase(chip=Chip(name="toy"), model=Transformer(name="m", layers=2, hidden=8), chips=1, seq_tok=1, batch_seqs=1)
    >>> predict_training(case).reason.partition(",")[0]
    'toy: no performance estimate'
    """
    section = fitted if fitted is not None else params.shipped().get("training")
    case = as_run(section.own if section else None, case)
    if case.tuned_by not in _TUNED:
        return Refusal(reason=f"tuned_by is one of {', '.join(_TUNED)}, not {case.tuned_by!r}")
    refused = impossible(case)
    if refused:
        return Refusal(reason=refused)
    try:
        base = base_setting(case)
        settings, tried = open_settings(case, base)
    except OfftakeError as error:
        return Refusal(reason=str(error))
    found = efficiency_of(case, fitted)
    index, _ = choose(settings, found) if len(tried.layout["tp"]) > 1 else (0, True)
    chosen = base.with_layout(**{name: float(v[index]) for name, v in tried.layout.items()})
    return _prediction(case, chosen, found, section, open_=tried.open, must_fit=must_fit)


def efficiency_of(case: TrainingCase, fitted: Section | None) -> Efficiency:
    """Return the parameters of a case, with what the user's own measurements tell of it; the shipped file's where None."""
    at = levels(case)
    if fitted is None:
        return training_params.shipped(at)
    found = training_params.efficiency(fitted, at)
    return replace(found, time=found.time * told(fitted.own, like_of(case)).factor) if fitted.own else found


def choose(settings: Setting, found: Efficiency) -> tuple[int, bool]:
    """Return (index of the fastest layout that fits, whether any fits); where none does, of those near the least memory."""
    size = np.asarray(settings.tp).size
    if size == 1:
        return 0, True  # nothing to choose; whether it fits is said with the answer
    share = np.broadcast_to(footprint(settings).total_bytes / usable_bytes(settings), (size,))
    any_fits = bool((share <= 1.0).any())
    # where none fits by this estimate, states are narrower or lie elsewhere than assumed: the fastest of those that need little more
    fits = share <= (1.0 if any_fits else 1.15 * float(share.min()))
    where = np.flatnonzero(fits)
    narrowed = settings.with_layout(
        **{n: np.asarray(getattr(settings, n))[where] for n in _layout_fields(settings, size)}
    )
    times = np.broadcast_to(step(narrowed, found).total_s, where.shape)
    return int(where[int(np.argmin(times))]), any_fits


def _layout_fields(settings: Setting, size: int) -> list[str]:
    """Return the fields that are arrays over layouts."""
    return [f.name for f in fields(Setting) if np.shape(getattr(settings, f.name)) == (size,)]


def model_flop(s: Setting) -> Array:
    """Return the operations of a step that the model needs: forward and backward, causal attention once, nothing twice [flop].

    6 per weight of a product and token (embedding look-up apart, output matrix in, experts that a token does not use apart), and
    12 · keys seen · heads · size of head per attention layer. Passes that predict further tokens count, with an output matrix each, where
    they are trained. Megatron's and MaxText's logs count the same (see tests).

    Examples
    --------
    See tests: for GPT it is 72 B s L h² (1 + s/12h + V/12Lh) with causal attention, 1 + s/6h without.
    """
    tokens = s.batch_seqs * s.seq_tok
    queries = s.heads * s.qk_dim
    latent = np.asarray(s.kv_rank) > 0.0
    full = s.hidden * (queries + 2.0 * s.kv_heads * s.qk_dim)
    from_rank = np.where(np.asarray(s.q_rank) > 0.0, s.q_rank, s.hidden)
    ranks = (
        s.hidden * (s.q_rank + s.kv_rank + s.rope_dim)
        + from_rank * queries
        + s.kv_rank * s.heads * (s.nope_dim + s.v_dim)
    )
    projections = np.where(latent, ranks, full) + s.hidden * s.heads * s.v_dim
    attention_layers = s.full_layers + s.window_layers + s.mtp
    mlp_layers = s.mlp_layers + s.mtp * (np.asarray(s.moe_layers) == 0.0)
    moe_layers = s.moe_layers + s.mtp * (np.asarray(s.moe_layers) > 0.0)
    per_token = attention_layers * projections
    per_token = per_token + mlp_layers * (2.0 + s.gated) * s.hidden * s.ffn + s.linear_layers * s.linear_params
    one_expert = (2.0 + s.gated) * s.expert_hidden * s.ffn_expert
    down = 2.0 * s.hidden * s.expert_hidden * (np.asarray(s.expert_hidden) < s.hidden)
    shared = (2.0 + s.gated) * s.hidden * s.ffn_shared
    per_token = per_token + moe_layers * (s.top_k * one_expert + shared + down + s.hidden * s.experts)
    per_token = per_token + (1.0 + s.mtp) * s.vocab * s.hidden
    seen = (s.full_layers + s.mtp) * attention.mean_context(s.seq_tok)
    seen = seen + s.window_layers * attention.mean_context(s.seq_tok, window_tok=s.window_tok)
    core = 2.0 * s.heads * (s.qk_dim + s.v_dim) * seen
    return np.asarray(tokens * (6.0 * per_token + 3.0 * core))


def spread(section: Section | None, case: TrainingCase) -> float:
    """Return the standard deviation of log time that the interval is made of.

    Wider where the chip, its family or its vendor is in no row fitted, for experts, and where settings were left open; at most what the
    user's own measurements leave.
    """

    def of(name: str) -> float:
        return training_params.spread_of(section, name) ** 2

    def knows(level: str) -> bool:
        return section is not None and section.knows(level)

    variance = of("residual") + of("source")
    variance += of("chip") * (not knows(f"chip:{case.chip.name}"))
    variance += of("family") * (not knows(f"family:{case.chip.family}"))
    variance += of("vendor") * (not knows(f"vendor:{case.chip.vendor}"))
    variance += of("experts") * case.model.is_moe
    variance += of("user") * (case.tuned_by == "user") + of("untuned") * (case.tuned_by == "nobody")
    left = (case.tp, case.pp if case.engine != "foundry" else 1, case.micro_batch, case.recompute)
    variance += of("open") * sum(v is None for v in left)
    return min(math.sqrt(variance), told(section.own if section else None, like_of(case)).sd)


def _prediction(
    case: TrainingCase,
    s: Setting,
    found: Efficiency,
    section: Section | None,
    *,
    open_: tuple[str, ...],
    must_fit: bool,
) -> TrainingPrediction | Refusal:
    """Put an evaluated layout into an answer."""
    memory = footprint(s)
    usable = float(np.asarray(usable_bytes(s)))
    used = float(np.asarray(memory.total_bytes).ravel()[0])
    fits = used <= usable
    if must_fit and used > 2.0 * usable:
        need_chips = math.ceil(case.chips * used / usable)
        return Refusal(
            reason=f"{case.model.name} on {case.chips} {case.chip.name} needs {used / 1e9:.3g} GB a chip of {usable / 1e9:.3g} GB "
            f"even in the layout of least memory: use about {need_chips} chips, a smaller micro-batch, more recomputation or more sharding"
        )
    done = step(s, found)
    all_s = done.total_s
    total = _one(all_s)
    rate = case.tok_per_step / total
    flop = _one(model_flop(s))
    peak = _one(s.peak_low if case.precision != "bf16" else s.peak)
    busy = energy.busy_share(done.compute_s, done.memory_s, all_s)
    watts = _one(energy.mean_w(s.it_w, s.idle_frac, busy))
    width = 1.2815515655446004 * spread(section, case)  # normal quantile that leaves a tenth above
    centre = math.log(total)
    names = ("tp", "pp", "cp", "ep", "vpp", "shards", "zero", "micro_seqs", "recompute", "selective", "offload")
    layout = {name: _one(getattr(s, name)) for name in names}
    layout["dp"] = case.chips / (layout["tp"] * layout["pp"] * layout["cp"])
    layout["micro_batches"] = _one(micro_batches(s))
    return TrainingPrediction(
        step_s=total,
        interval=Interval(low=math.exp(centre - width), high=math.exp(centre + width)),
        tok_per_s=rate,
        tok_per_s_per_chip=rate / case.chips,
        mfu=flop / total / case.chips / peak,
        model_flop_per_s_per_chip=flop / total / case.chips,
        breakdown_s={name: _one(getattr(done, name)) for name in TERMS},
        hidden_s=_one(done.hidden_s),
        memory_bytes={f.name: _one(getattr(memory, f.name)) for f in fields(memory)},
        memory_frac=used / usable,
        it_w_per_chip=watts,
        joules_per_tok=watts / (rate / case.chips),
        layout=layout,
        assumed=(
            *_assumed(case, layout, open_, used=used, usable=usable, fits=fits),
            *told_in_words(section.own if section else None, case),
        ),
    )


def _assumed(
    case: TrainingCase, layout: Mapping[str, float], open_: tuple[str, ...], *, used: float, usable: float, fits: bool
) -> tuple[str, ...]:
    """Say what was left open and how it was filled."""
    notes = []
    if open_:
        shown = {"micro_batch": "micro_seqs"}
        kinds = [n for n in open_ if n != "recompute"]
        chosen = ", ".join(f"{n} {layout[shown.get(n, n)]:g}" for n in kinds)
        if "recompute" in open_:
            again = "selective" if layout["selective"] else f"{layout['recompute']:.0%} of layers"
            chosen = ", ".join(part for part in (chosen, f"recompute {again}") if part)
        notes.append(f"fastest that fits: {chosen}" if fits else f"fastest of those that need least memory: {chosen}")
    if not case.year:
        notes.append("software release not given: taken as current")
    notes.append(_TUNED[case.tuned_by])
    if not fits:
        notes.append(f"by this estimate {used / 1e9:.3g} GB a chip, more than the {usable / 1e9:.3g} GB usable")
    if case.model.is_moe and not case.balanced:
        notes.append(f"busiest expert chip: up to {_REAL_SKEW:.0%} above the mean by uneven routing")
    return tuple(notes)


def _one(value: Array | float) -> float:
    """Return the only number of an array."""
    return float(value) if plain(value) else float(np.ravel(value)[0])
