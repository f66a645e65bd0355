"""Rows of a training table: cases to predict, and what was measured, apart."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from offtake.errors import OfftakeError
from offtake.perf import names
from offtake.perf.cases import Recompute, TrainingCase
from offtake.perf.tables import Cells, chip_text, key_of, model_of, read, year_of
from offtake.perf.tables_machine import as_noted, chips_that_train, computed_at, in_chips
from offtake.perf.tables_software import (
    causal_halved,
    engine_of,
    expert_tp,
    narrow_states,
    partly_recorded,
    released,
    routed_evenly,
    schedule_of,
    tuned_by,
)
from offtake.perf.training_model import base_setting, model_flop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from offtake.catalog.types import Precision, Transformer

__all__ = ["TrainingRow", "precision_of", "read_training"]

_EXPECTS = ("model", "chip")
_RECOMPUTE: dict[str, Recompute] = {
    "none": "none", "no": "none", "false": "none", "0": "none", "selective": "selective", "minimal": "selective", "core_attn": "selective",
    "attn": "selective", "partial": "selective", "full": "full", "true": "full", "yes": "full", "block": "full",
    "off": "none", "on": "full", "uniform": "full", "all": "full", "layers": "full",
    "attention": "selective", "moe": "selective", "mlp": "selective",
    "qkv_proj_offloaded": "offload", "offload": "offload", "minimal_offloaded": "offload",
}  # fmt: skip
_RECIPES = {
    "mx": "mx", "cs": "cs", "ds": "ds", "block": "block", "int8": "int8", "current": "cs", "delayed": "ds", "subchannel": "block",
    "tensorwise": "cs",
}  # fmt: skip
"""How fp8 is scaled, by the word that says so."""
_MESHES = ("maxtext", "levanter")
"""Engines whose sizes are axes of one mesh."""
_PRINTS_INTERLEAVE = "Megatron-Bridge docs/performance-summary"
"""Tables with a column of chunks a stage in every row: "n/a" there, a blank here, says that stages are not cut into chunks."""

_UNCOUNTED = re.compile(
    r"\b(?:no|not|without|w/o|excluding|excludes|ignoring|except)\b[^,;.(]{0,30}\brecomput|\brecomput\w*[^,;.(]{0,12}\b(?:not|excluded|ignored)\b",
    re.IGNORECASE,
)
"""Words by which a definition leaves recomputation out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRow:
    """One row of a training table.

    Attributes
    ----------
    line : int                     in the file
    key : str                      name of the row by what it asks
    case : TrainingCase or None    None where an input is missing: `refusal` names it
    step_s : float or None [s]     measured
    basis : str                    what the measured time is from: "step", "tokens", "flops" (by the source's definition), "" without one
    quality : str                  as the table marks it; "" and "ok" are sound
    """

    line: int
    key: str
    chip: str
    model: str
    source: str
    case: TrainingCase | None
    refusal: str = ""
    assumed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    step_s: float | None = None
    basis: str = ""
    quality: str = ""


def read_training(path: Path) -> list[TrainingRow]:
    """Read a training table.

    Raises
    ------
    OfftakeError
        The file is no such table; cells that are wrong only cost their row what they would have given.
    """
    return [row_of(cells) for cells in read(path, expects=_EXPECTS)]


def row_of(cells: Cells) -> TrainingRow:
    """Return one row; a row that cannot be asked carries the reason."""
    assumed: list[str] = []
    case, refusal = None, ""
    try:
        case = _case(cells, assumed)
    except OfftakeError as error:
        refusal = str(error)
    step, basis = _measured(cells, case) if case else (None, "")
    key = key_of(cells)
    if case and case.tuned_by == "nobody":
        key += " untuned"  # only a remark says it, and remarks are no part of the key
    return TrainingRow(
        line=cells.line, key=key, chip=case.chip.name if case else chip_text(cells),
        model=case.model.name if case else cells.text("model"), source=cells.text("source"), case=case, refusal=refusal,
        assumed=tuple(assumed), problems=tuple(cells.problems), step_s=step, basis=basis, quality=cells.text("quality"),
    )  # fmt: skip


def _case(cells: Cells, assumed: list[str]) -> TrainingCase:
    """Build the case of a row from what it asks."""
    if not cells.text("chip"):
        raise OfftakeError("the chip is not given (chip)")
    named = names.chip_named(cells.text("chip"))
    model = model_of(cells, assumed)
    seq = cells.count("seq_len") or _per_sequence(cells)
    if seq is None:
        raise OfftakeError("the sequence length is not given (seq_len)")
    sizes = {name: cells.count(name) for name in ("tp", "pp", "dp", "cp", "ep", "vpp")}
    chips = cells.count("n_chips") or named.slice_chips
    product = (sizes["tp"] or 1) * (sizes["pp"] or 1) * (sizes["cp"] or 1) * (sizes["dp"] or 0)
    if chips is None:
        chips = product or None
    if chips is None:
        chips = chips_that_train(
            named.chip, model, product=(sizes["tp"] or 1) * (sizes["pp"] or 1) * (sizes["cp"] or 1)
        )
        assumed.append(f"n_chips not printed: {chips}, in which weights and states fit")
    assumed.extend(named.remarks)
    if named.chip.vendor == "AWS":
        in_chips(sizes, chips, product, assumed)
    replicas = max(1, chips // max(1, (sizes["tp"] or 1) * (sizes["pp"] or 1) * (sizes["cp"] or 1)))
    precision, recipe = precision_of(cells.text("precision"), assumed)
    precision = computed_at(named.chip, precision, recipe, assumed)
    shards, zero = _sharding(cells, replicas)
    micro = cells.count("micro_batch")
    about = " ".join(
        (
            cells.text("engine"),
            cells.text("engine_version"),
            cells.text("framework"),
            cells.text("source"),
            cells.text("notes"),
        )
    )
    engine = engine_of(about)
    shards = _with_experts(shards, sizes, chips, engine, assumed)
    if sizes["vpp"] is None and (sizes["pp"] or 1) > 1 and _PRINTS_INTERLEAVE in cells.text("source"):
        sizes["vpp"] = 1
        assumed.append("chunks a stage printed as n/a: one")
    return TrainingCase(
        chip=as_noted(named.chip, cells.text("notes"), assumed), model=_trained(cells, model, engine), chips=chips, seq_tok=seq,
        batch_seqs=_batch(cells, seq, micro, replicas, assumed),
        precision=precision, recipe=recipe, micro_batch=micro, shards=shards, zero=zero, recompute=_recompute(cells),
        engine=engine, year=released(year_of(cells), cells), balanced=routed_evenly(about),
        dropless="tokendrop" not in cells.text("model").replace(" ", "").lower(),
        fused=re.search(r"\b(?:no|without|not) torch\.compile|\beager\b", about) is None,
        schedule=schedule_of(about, cells.text("source")), partial_graph=partly_recorded(about),
        narrow_states=narrow_states(cells.text("notes")),
        tuned_by=tuned_by(cells.text("source"), cells.text("notes")),
        adapters=re.search(r"\b(?:q?lora|adapters?)\b", f"{cells.text('model')} {cells.text('notes')}", re.IGNORECASE) is not None,
        source=cells.text("source"), key=f"row {cells.line}", tp=sizes["tp"], pp=sizes["pp"],
        dp=sizes["dp"], cp=sizes["cp"], ep=sizes["ep"], vpp=sizes["vpp"], etp=expert_tp(cells),
    )  # fmt: skip


def _per_sequence(cells: Cells) -> int | None:
    """Return the sequence length that the two sizes of a batch imply."""
    sequences, tokens = _printed_batch(cells)
    return round(tokens / sequences) or None if tokens and sequences else None


def _trained(cells: Cells, model: Transformer, engine: str) -> Transformer:
    """Return the model as trained: extra prediction layers in Megatron's recipes unless the row says no, elsewhere only where it says so.

    Operations that Megatron-Bridge prints for DeepSeek-V3 hold those layers in all rows but the ones marked "w/o MTP".
    """
    told = re.search(
        r"\b(w/o|without|no|w/|with) ?(?:the layers? of )?(?:mtp|multi-token prediction)\b",
        f"{cells.text('model')} {cells.text('notes')}",
        re.IGNORECASE,
    )
    trained = told[1].lower() in {"w/", "with"} if told else engine == "megatron"
    return model if trained else replace(model, mtp_layers=0)


def _batch(cells: Cells, seq: int, micro: int | None, replicas: int, assumed: list[str]) -> int:
    """Return the global batch in sequences."""
    printed, tokens = _printed_batch(cells)
    if printed:
        return printed
    if tokens:
        return _sequences(tokens, seq, replicas, assumed)
    if micro is None:
        raise OfftakeError("the batch is not given (global_batch_seqs, global_batch_tokens or micro_batch)")
    assumed.append(f"one micro-batch of {micro} on each of {replicas} replicas a step")
    return micro * replicas


def _printed_batch(cells: Cells) -> tuple[int | None, float | None]:
    """Return the global batch in sequences and in tokens, as printed; a cell of sequences that says "2 M tokens" holds tokens."""
    if re.search(r"tok", cells.text("global_batch_seqs"), re.IGNORECASE):
        return None, cells.number("global_batch_tokens") or cells.number("global_batch_seqs")
    return cells.count("global_batch_seqs"), cells.number("global_batch_tokens")


def _sequences(tokens: float, seq: int, replicas: int, assumed: list[str]) -> int:
    """Return the sequences of a batch that is printed in tokens: sources round these ("4M"), so a near number that goes in evenly is meant.

    Examples
    --------
    >>> [_sequences(tokens, 2048, replicas, []) for tokens, replicas in ((4e6, 128), (2e6, 992), (4194304.0, 128), (3.2e6, 48))]
    [2048, 992, 2048, 1584]
    """
    exact = tokens / seq
    if abs(exact - round(exact)) < 1e-6:
        return max(1, round(exact))
    thousands = 1000.0 ** int(math.log10(tokens) // 3)
    binary = tokens / thousands * 1024.0 ** int(math.log10(tokens) // 3) / seq
    near = [binary] if tokens % thousands == 0.0 and abs(binary - round(binary)) < 1e-6 else []
    multiple = replicas * max(1, round(exact / replicas))
    near += [multiple] if abs(multiple / exact - 1.0) <= 0.06 else []
    even = [one for one in near if round(one) % replicas == 0] or near or [max(1.0, exact)]
    assumed.append(f"{tokens:.6g} tokens a step are {exact:.1f} sequences: {round(even[0])} taken")
    return round(even[0])


def precision_of(text: str, assumed: list[str]) -> tuple[Precision, str]:
    """Return the precision of a printed name, and its recipe.

    Examples
    --------
    >>> precision_of("MXFP8", []), precision_of("FP8-CS", []), precision_of("amp_bf16", [])
    (('fp8', 'mx'), ('fp8', 'cs'), ('bf16', ''))
    """
    word = text.lower()
    if not word:
        assumed.append("precision not printed: bf16")
        return "bf16", ""
    if " or " in word:
        assumed.append(f"{text}: the narrower is taken")
    if re.search(r"fp4|e2m1|4-?bit", word):
        return "fp4", "nv" if "nv" in word else "mx" if "mx" in word else ""
    if re.search(r"fp8|int8|e4m3|e5m2|w8a8|8-?bit|\bf8", word):
        return "fp8", next((recipe for said, recipe in _RECIPES.items() if said in word), "")
    if not re.search(r"16|half|amp|mixed", word):
        assumed.append(f"{text[:40]}: bf16 is taken, since nothing is fitted at this precision")
    return "bf16", ""


def _recompute(cells: Cells) -> Recompute | None:
    """Return what is computed again, None where the row does not say."""
    word = " ".join((cells.text_of.get("recompute") or "").lower().split())
    if not word:
        return None
    found = _RECOMPUTE.get(word) or _RECOMPUTE.get(re.split(r"[\s,;:(/]", word)[0])
    if found is None and word not in {"n/a", "na", "-", "unknown", "?"}:
        cells.complain("recompute", f"not known: {word[:40]}")
    return found


def _sharding(cells: Cells, replicas: int) -> tuple[int | None, int | None]:
    """Return (chips that share weights, ZeRO stage) of the fsdp column."""
    word = " ".join((cells.text_of.get("fsdp") or "").lower().split())
    if not word:
        return None, None
    if word in {"0", "1", "no", "false", "none", "off", "ddp", "zero0", "zero-0", "n/a", "na", "-"}:
        return 1, None
    if word in {
        "full_shard",
        "yes",
        "true",
        "on",
        "zero3",
        "zero-3",
        "hybrid_shard",
        "fsdp",
        "fsdp1",
        "fsdp2",
        "hsdp",
        "fully_shard",
    }:
        return replicas, 3
    if word in {"shard_grad_op", "zero2", "zero-2"}:
        return 1, 2
    if word in {"zero1", "zero-1"}:
        return 1, 1
    size = cells.count("fsdp")
    return (size, 3) if size else (None, None)


def _with_experts(
    shards: int | None, sizes: Mapping[str, int | None], chips: int, engine: str, assumed: list[str]
) -> int | None:
    """Return the chips that share weights, those that share experts included.

    PyTorch counts fsdp over all chips, XLA's meshes beside ep: there the product of all sizes is the machine, and every chip of it has a
    part of the weights that replicas (dp) do not repeat.
    """
    ep = sizes["ep"] or 1
    inner = (sizes["tp"] or 1) * (sizes["pp"] or 1) * (sizes["cp"] or 1) * ep
    whole = {chips, chips // max(sizes["dp"] or 1, 1)}
    if engine not in _MESHES or shards is None or shards == 1 or ep == 1 or shards * inner not in whole:
        return shards
    assumed.append(f"fsdp beside ep: weights over {shards * ep} chips")
    return shards * ep


def _measured(cells: Cells, case: TrainingCase) -> tuple[float | None, str]:
    """Return the measured step time [s] and what it is from."""
    step = cells.number("reported_step_time_s")
    if step:
        return step, "step"
    per_chip = cells.number("reported_tokens_per_s_chip")
    rate = per_chip * case.chips if per_chip else cells.number("reported_tokens_per_s_total")
    if rate:
        return case.tok_per_step / rate, "tokens"
    rate = cells.number("reported_tflops_per_chip")
    if rate and case.model.active_params:
        return _flop_counted(cells, case) / (rate * 1e12 * case.chips), "flops"
    return None, ""


def _flop_counted(cells: Cells, case: TrainingCase) -> float:
    """Return the operations of a step as a source counts them.

    6 N + 12 L a d s a token, the square of attention in full, as llm-foundry, torchtitan and most count; a third more with recomputation.
    Where the engine's log or the row's definition counts what the causal mask leaves, the model operations, which its formula then gives:
    rows of Megatron-Bridge and MaxText that print tokens beside operations agree to within 0.5 %.
    """
    m = case.model
    about = cells.text("mfu_definition")
    counted = re.search(r"\brecomput|\bHFU\b", about) and not _UNCOUNTED.search(about) and case.recompute != "none"
    again = 4.0 / 3.0 if counted else 1.0
    if causal_halved(case.engine, case.year, cells.text("mfu_definition")):
        try:
            return again * float(model_flop(base_setting(case)))
        except OfftakeError:  # a shape that no prediction can be made of either
            pass
    weights = 6.0 * cast("float", m.active_params)
    attention = 12.0 * (m.full_layers + m.window_layers) * m.heads * m.head_dim * case.seq_tok
    return again * (weights + attention) * case.tok_per_step
