"""How a replica lies on chips: what a case prints, read as sources mean it, and what it leaves out.

A source counts parallel sizes in its own way. Two readings are made and said: experts share the chips of tensor parallelism (so
"tp 8, ep 8" is 8 chips, whatever chip count is printed), and "attention split over sequences" turns tp shards into tp groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from offtake.catalog.types import precision_bytes
from offtake.perf.batching import MEMORY_SHARE, WORKSPACE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offtake.perf.cases import Pool, ServingCase
    from offtake.perf.types import Chip, Precision, Transformer

__all__ = ["Layout", "groups_that_hold", "layouts_of", "widths"]

_MOST_EXPERT_CHIPS, _MOST_SHARDS = 256, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One replica for decoding and, where prompts have their own chips, one for prefill.

    Attributes
    ----------
    tp, dp, pp, ep : int [chip]     attention shards, attention groups, stages; experts lie over ep of tp x dp
    replicas : int
    prefill : Layout or None        one worker of the prefill pool; its `replicas` are the workers
    """

    tp: int = 1
    dp: int = 1
    pp: int = 1
    ep: int = 1
    replicas: int = 1
    prefill: Layout | None = None

    @property
    def span(self) -> int:
        """Chips of one replica."""
        return self.tp * self.dp * self.pp

    @property
    def decode_chips(self) -> int:
        """Chips of all replicas that decode."""
        return self.span * self.replicas

    @property
    def chips(self) -> int:
        """Chips of both pools."""
        return self.decode_chips + (self.prefill.decode_chips if self.prefill else 0)

    def __str__(self) -> str:
        """Say it as people do."""
        own = f"tp {self.tp}" + "".join(
            f", {name} {size}"
            for name, size in (("attention groups", self.dp), ("pp", self.pp), ("ep", self.ep))
            if size > 1
        )
        many = f"{self.replicas} x ({own})" if self.replicas > 1 else own
        return f"decode {many}; prefill {self.prefill}" if self.prefill else many


def layouts_of(case: ServingCase) -> tuple[list[Layout], tuple[str, ...]]:
    """Return the layouts that a case may mean (one where it says all), and what was assumed."""
    if case.decode is not None and (_unsaid(case, case.decode) or _unsaid(case, case.prefill)):
        note = "workers of several chips that print tp 1 and ep 1: the best layout of a worker is taken"
        return _free_within(case, case.prefill, case.decode), (note,)
    if case.disaggregated:
        return _separate(case)
    if case.tp is None and case.dp is None and case.ep is None:
        found = _free(case)
        return found, ("no layout given: the best is taken",)
    return _printed(case)


def widths(case: ServingCase, most: int) -> Iterator[int]:
    """Yield attention shards to try: powers of two that divide the heads, within the scale-up domain.

    Where one domain does not hold the weights, also within the fewest that do: engines then run one tensor group over several servers
    (SGLang's and TensorRT-LLM's recipes of DeepSeek-R1 in 8 bits on 2 x 8 H100), and its messages cross the scale-out network.
    """
    domain = max(case.chip.scaleup_domain, 1)
    usable = MEMORY_SHARE * (case.chip.hbm_bytes or math.inf) - WORKSPACE_BYTES
    servers = groups_that_hold(replace(case.chip, hbm_bytes=max(usable, 1.0)), case.model, domain, case.weights)
    tp = 1
    while tp <= min(domain * servers, most, _MOST_SHARDS):
        if case.model.heads % tp == 0:
            yield tp
        tp *= 2


def groups_that_hold(chip: Chip, model: Transformer, chips: int, weights: Precision | None) -> int:
    """Return the fewest groups of `chips` chips, a power of two, whose memory holds the weights; 1 where nothing is known.

    Examples
    --------
    >>> from offtake.catalog.chips import chip, chip_of
    >>> from offtake.catalog.models import model, transformer_of
    >>> deepseek = transformer_of(model("DeepSeek-V3"))
    >>> groups_that_hold(chip_of(chip("H100")), deepseek, 8, "fp8"), groups_that_hold(chip_of(chip("H200")), deepseek, 8, "fp8")
    (2, 1)
    """
    need = (model.params or 0.0) * precision_bytes(weights or chip.serving_precision)
    groups, room = 1, chips * (chip.hbm_bytes or math.inf)
    while need > groups * room:
        groups *= 2
    return groups


def _free(case: ServingCase) -> list[Layout]:
    """Return layouts of all chips where none is given: tensor groups within the scale-up domain, as whoever prints no layout runs them."""
    found = []
    for tp in widths(case, min(case.chips, max(case.chip.scaleup_domain, 1))):
        spans = [tp]
        if case.model.is_moe:
            spans += [tp * 2**i for i in range(1, 9) if tp * 2**i <= min(case.chips, _MOST_EXPERT_CHIPS)]
        for span in spans:
            if case.chips % span == 0:
                ep = span if span > tp else 1
                found.append(
                    Layout(tp=tp, dp=span // tp, ep=min(ep, max(case.model.experts, 1)), replicas=case.chips // span)
                )
    if case.chips > max(case.chip.scaleup_domain, 1) and not case.model.is_moe:
        domain = max(case.chip.scaleup_domain, 1)
        found.append(Layout(tp=domain, pp=case.chips // domain))
    return found or [Layout(tp=max(case.chips, 1))]


def _printed(case: ServingCase) -> tuple[list[Layout], tuple[str, ...]]:
    """Read the layout that a case of shared chips prints."""
    notes: list[str] = []
    tp, dp, pp, ep = case.tp or 1, case.dp or 1, case.pp or 1, case.ep or 1
    domain = max(case.chip.scaleup_domain, 1)
    # with fewer chips than expert shards behind it the reading has no sense: the group does lie on several domains
    if ep > 1 and tp == case.chips > domain and tp % ep**2 == 0:
        notes.append(
            f"tp {tp} is beyond the scale-up domain: read as tp {tp // ep} whose chips the {ep} expert shards share"
        )
        tp //= ep
        case = replace(case, dp=None)
    if ep > 1 and dp > ep and dp % ep == 0 and tp * dp > domain:
        notes.append(f"dp {dp} read as dp {dp // ep} whose chips the {ep} expert shards share")
        dp //= ep
    if case.model.is_moe and case.model.heads % tp and not case.dp_attention:
        notes.append(f"tp {tp} does not divide {case.model.heads} heads: attention is taken as split over sequences")
        return [Layout(dp=tp, pp=pp, ep=tp)], tuple(notes)
    base = Layout(tp=tp, dp=dp, pp=pp, ep=ep)
    if case.dp_attention and dp == 1 and tp > 1:
        base = Layout(tp=1, dp=tp, pp=pp, ep=ep)
    elif ep > base.tp * base.dp and not case.dp:
        base = replace(base, dp=ep // tp)  # experts over more chips than attention: attention is repeated
    options = [base]
    if case.dp_attention and case.ep is None and case.model.is_moe and base.dp > 1:
        notes.append("experts over tensors or whole: the better is taken")
        options = [base, replace(base, ep=base.dp * base.tp)]
    if case.dp_attention is None and case.model.is_moe and dp == 1 and tp > 1 and case.load == "offline":
        notes.append("attention over heads or over sequences, experts over tensors or whole: the better is taken")
        options = [base, replace(base, ep=tp), Layout(tp=1, dp=tp, pp=pp, ep=tp), Layout(tp=1, dp=tp, pp=pp, ep=1)]
    chips = case.chips
    if ep > 1 and (case.dp or 1) == 1 and chips == base.span * ep:
        notes.append(
            f"{chips} chips are tp x ep, but experts share the chips of tp: one replica of {base.span} is taken"
        )
        chips = base.span
    if not chips or chips < base.span:
        chips = base.span
    elif chips % base.span:
        notes.append(
            f"{chips} chips are no multiple of a replica's {base.span}: {chips // base.span} replicas are taken"
        )
    return [replace(o, replicas=max(1, chips // o.span)) for o in options], tuple(notes)


def _separate(case: ServingCase) -> tuple[list[Layout], tuple[str, ...]]:
    """Read the layouts of two pools."""
    notes: list[str] = []
    decode, prefill = case.decode, case.prefill
    if decode is None:
        if case.tp is None:
            return _free_pools(case), ("pools not given: the best split of the chips is taken",)
        if case.model.heads % case.tp and case.tp < case.chips:
            note = f"tp {case.tp} does not divide {case.model.heads} heads: read as the chips that decode, in workers of the best layout"
            return _free_workers(case, case.tp), (note,)
        own = _pool(case, None, case.tp, case.ep, case.dp)
        rest = max(case.chips - own.span, own.span)
        notes.append("pools not given: one prefill worker of the decode layout, the rest decodes")
        workers = max(1, (rest // own.span) if case.chips else 1)
        return [replace(own, replicas=workers, prefill=replace(own, replicas=1))], tuple(notes)
    if case.model.is_moe and decode.tp and case.model.heads % decode.tp:
        pool = decode.chips or decode.tp * (decode.workers or 1)
        note = f"tp {decode.tp} does not divide {case.model.heads} heads: read as the chips that decode, in workers of the best layout"
        return _free_workers(case, pool), (note,)
    main = _pool(case, decode, case.tp, case.ep, case.dp)
    if prefill is None:
        left = max(case.chips - main.decode_chips, main.span)
        notes.append(f"prefill pool not given: {left} chips in the layout of decode")
        return [replace(main, prefill=replace(main, replicas=max(1, left // main.span)))], tuple(notes)
    first = _pool(case, prefill, main.tp, None, None)
    if prefill.workers is None and prefill.chips is None:
        left = max(case.chips - main.decode_chips, first.span)
        first = replace(first, replicas=max(1, left // first.span))
        notes.append("count of prefill workers not given: the chips that decoding leaves")
    return [replace(main, prefill=first)], tuple(notes)


def _pool(case: ServingCase, pool: Pool | None, tp: int | None, ep: int | None, dp: int | None) -> Layout:
    """Return one worker of a pool, and how many there are."""
    if pool is not None:
        tp, ep, dp = pool.tp or tp, pool.ep or ep, pool.dp or dp
    tp, ep, dp = tp or 1, ep or 1, dp or 1
    workers = (pool.workers if pool else None) or 1
    span = tp * dp
    if pool is not None and pool.chips and pool.chips % workers == 0:
        span = pool.chips // workers
    sequences = pool.dp_attention if pool is not None else case.dp_attention
    if sequences and dp == 1 and tp > 1 and span == tp:
        tp = 1
    if case.model.is_moe and case.model.heads % tp:
        tp = 1
    tp = min(tp, max(span, 1))
    while span % tp:
        tp -= 1
    groups = span // tp
    experts = max(ep, span if groups > 1 and case.model.is_moe and ep > 1 else ep)
    return Layout(tp=tp, dp=groups, ep=min(experts, max(span, 1)), replicas=workers)


def _unsaid(case: ServingCase, pool: Pool | None) -> bool:
    """Say whether a pool prints the chips and the count of its workers, and of their layout only ones."""
    if pool is None or not pool.chips or not pool.workers or not case.model.is_moe:
        return False
    return pool.tp == 1 and pool.ep == 1 and (pool.dp or 1) == 1 and pool.chips >= 2 * pool.workers


def _free_within(case: ServingCase, prefill: Pool | None, decode: Pool) -> list[Layout]:
    """Return layouts of workers where the chips of a worker are known, and not how it lies on them."""

    def options(pool: Pool) -> list[Layout]:
        workers = pool.workers or 1
        if not _unsaid(case, pool):
            return [_pool(case, pool, case.tp, case.ep, case.dp)]
        span = (pool.chips or workers) // workers
        ep = min(span, case.model.experts)
        shards = [tp for tp in widths(case, span) if span % tp == 0]
        return [Layout(tp=tp, dp=span // tp, ep=ep if tp < span else 1, replicas=workers) for tp in shards]

    if prefill is None:
        return [replace(d, prefill=d) for d in options(decode)]
    return [replace(d, prefill=f) for d in options(decode) for f in options(prefill)]


def _free_workers(case: ServingCase, decoding_chips: int) -> list[Layout]:
    """Return layouts of workers where only the sizes of the pools are known."""
    bare = replace(case, disaggregated=False, tp=None, dp=None, ep=None, prefill=None, decode=None)
    decoding = _free(replace(bare, chips=decoding_chips))
    filling = _free(replace(bare, chips=max(case.chips - decoding_chips, 1)))
    return [replace(d, prefill=f) for d in decoding for f in filling]


def _free_pools(case: ServingCase) -> list[Layout]:
    """Return splits of the chips between two pools of like workers."""
    found = []
    for layout in _free(replace(case, disaggregated=False)):
        total = layout.replicas
        for share in (0.125, 0.25, 0.375, 0.5, 0.625, 0.75):
            workers = round(total * share)
            if 0 < workers < total:
                found.append(replace(layout, replicas=total - workers, prefill=replace(layout, replicas=workers)))
    return found or [Layout(tp=max(1, case.chips // 2), prefill=Layout(tp=max(1, case.chips // 2)))]
