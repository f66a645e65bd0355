"""Rows of an inference table: cases to predict, and what was measured, apart."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from offtake.errors import OfftakeError
from offtake.perf import names
from offtake.perf.cases import Load, Pool, ServingCase, Speculation
from offtake.perf.serving_layout import groups_that_hold
from offtake.perf.tables import Cells, chip_text, key_of, model_of, read, year_of
from offtake.perf.tables_layout import as_loaded, in_chips
from offtake.perf.tables_mlperf import as_submitted, is_submission
from offtake.perf.tables_software import tuned_by

if TYPE_CHECKING:
    from pathlib import Path

    from offtake.catalog.types import Chip, Precision, Transformer

__all__ = ["UNLOADED", "ServingRow", "read_serving"]

Basis = Literal["", "chip", "decode chip", "total"]
"""What a measured throughput counts: output tokens of all chips, of the decode pool's chips, or input and output tokens of all."""

UNLOADED = "no load printed: requests queued without bound"
"""What is assumed of a row that prints neither a number of requests nor a rate nor a scenario."""
_EXPECTS = ("model", "chip")
_POOLS = re.compile(  # aiconfigurator's sample
    r"prefill (?P<pw>\d*)x tp(?P<ptp>\d+) dp(?P<pdp>\d+) ep(?P<pep>\d+) bs(?P<pbs>\d*), decode (?P<dw>\d*) ?workers"
)
_POOLS_X = re.compile(  # InferenceX
    r"prefill tp(?P<ptp>\d+) ep(?P<pep>\d+) x(?P<pw>\d+) workers on (?P<pn>\d+) GPUs, "
    r"decode tp(?P<dtp>\d+) ep(?P<dep>\d+) x(?P<dw>\d+) on (?P<dn>\d+)"
)
_MEDIAN = frozenset({"median", "p50", "50th percentile"})
_NAMED_WEIGHTS = re.compile(
    r"(?:nv|mx)?fp[48]\b|\bint[48]\b|awq|gptq|w4a16|w4a8|w4afp8|w8a8|w8a16|wmxfp4|\b[48]-?bit\b|bf16|fp16",
    re.IGNORECASE,
)
_SPECULATION: dict[str, Speculation] = {
    "none": "none", "no": "none", "false": "none", "mtp": "mtp", "true": "mtp", "nextn": "mtp", "eagle": "draft", "eagle3": "draft",
    "medusa": "draft", "draft": "draft", "ngram": "draft", "off": "none", "disabled": "none", "n/a": "none", "na": "none", "nan": "none",
    "-": "none", "0": "none", "yes": "mtp", "on": "mtp", "hass": "draft", "lookahead": "draft", "suffix": "draft",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingRow:
    """One row of an inference table.

    Attributes
    ----------
    line, key, case, refusal, quality   as of a training row
    tpot_s, ttft_s : float or None [s]  measured, in the statistic that the source gives (mostly medians)
    throughput : float or None [tok/s]  measured, per chip
    basis : Basis                       what `throughput` counts
    median : bool                       the time to first token is a median; else it is taken as a mean
    """

    line: int
    key: str
    chip: str
    model: str
    source: str
    case: ServingCase | None
    refusal: str = ""
    assumed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    tpot_s: float | None = None
    ttft_s: float | None = None
    throughput: float | None = None
    basis: Basis = ""
    median: bool = False
    quality: str = ""


def read_serving(path: Path) -> list[ServingRow]:
    """Read an inference table.

    Raises
    ------
    OfftakeError
        The file is no such table; cells that are wrong only cost their row what they would have given.
    """
    return [row_of(cells) for cells in read(path, expects=_EXPECTS)]


def row_of(cells: Cells) -> ServingRow:
    """Return one row; a row that cannot be asked carries the reason."""
    assumed: list[str] = []
    case, refusal = None, ""
    try:
        case = _case(cells, assumed)
    except OfftakeError as error:
        refusal = str(error)
    throughput, basis = _throughput(cells, case) if case else (None, "")
    tpot, ttft = cells.number("tpot_ms"), cells.number("ttft_ms")
    return ServingRow(
        line=cells.line, key=key_of(cells), chip=case.chip.name if case else chip_text(cells),
        model=case.model.name if case else cells.text("model"), source=_source(cells), case=case, refusal=refusal,
        assumed=tuple(assumed), problems=tuple(cells.problems), tpot_s=tpot and tpot / 1e3, ttft_s=ttft and ttft / 1e3,
        throughput=throughput, basis=basis, median=cells.text("ttft_stat").lower() in _MEDIAN, quality=cells.text("quality"),
    )  # fmt: skip


def _source(cells: Cells) -> str:
    """Return the source without the name of a single record in it."""
    return re.sub(r"\s+id=\S+$", "", cells.text("source"))


def _case(cells: Cells, assumed: list[str]) -> ServingCase:
    """Build the case of a row from what it asks."""
    if not cells.text("chip"):
        raise OfftakeError("the chip is not given (chip)")
    named = names.chip_named(cells.text("chip"))
    model = model_of(cells, assumed)
    load = _load(cells)
    lengths = (cells.number("isl"), cells.number("osl") or (1.0 if load == "prefill" else None))
    if lengths[0] is None or lengths[1] is None:
        raise OfftakeError(
            f"the {'input' if lengths[0] is None else 'output'} length is not given ({'isl' if lengths[0] is None else 'osl'})"
        )
    if load == "offline" and not any(cells.text(n) for n in ("scenario", "concurrency", "batch", "request_rate_per_s")):
        assumed.append(UNLOADED)
    notes = cells.text("notes")
    apart = cells.text("disaggregated").lower() in {"true", "yes", "1"} or "disagg" in cells.text("scenario").lower()
    prefill, decode = _pools(notes) if apart else (None, None)
    sizes = {name: cells.count(name) for name in ("tp", "pp", "ep", "dp")}
    chips = cells.count("n_chips") or named.slice_chips
    if prefill is not None and decode is not None and _twice(prefill, decode):
        assumed.append(f"both pools print {decode.chips} chips and no workers: read as the chips of both together")
        chips, prefill, decode = decode.chips, None, None
        sizes = dict.fromkeys(sizes)
    if chips:
        sizes = in_chips(sizes, chips, named.chip, assumed, apart=apart)
    weights, only = _weights(cells)
    who = tuned_by(cells.text("source"), notes)
    if weights is None and who != "vendor" and not is_submission(cells):
        weights = as_loaded(named.chip, model, chips, assumed)
    assumed.extend(named.remarks)
    if chips and model.is_moe and sizes["dp"] is None and "derived from parallel sizes" in notes:
        # aiconfigurator's sample counts the chips of some runs from their attention shards alone, and does not print the groups beside them
        groups = groups_that_hold(named.chip, model, chips, weights)
        if groups > 1:
            assumed.append(f"the weights do not fit into {chips} chips: {groups} attention groups share the experts")
            chips, sizes["dp"] = chips * groups, groups
    case = ServingCase(
        chip=named.chip, model=model, input_tok=lengths[0],
        chips=chips or _spanned((named.chip, model, weights), sizes, (prefill, decode), assumed),
        output_tok=lengths[1], load=load, concurrency=cells.number("concurrency") or _alone(cells), batch=cells.number("batch"),
        rate_per_s=cells.number("request_rate_per_s"), dp_attention=_dp_attention(cells, notes, moe=model.is_moe),
        disaggregated=apart, prefill=prefill, decode=decode, cached_frac=min(cells.number("cached_frac") or 0.0, 0.99),
        weights=weights, cache=_precision(cells.text("precision_kv")), weights_only=only, speculation=_speculation(cells),
        engine=_engine(cells), year=year_of(cells), tuned_by=who, source=_source(cells),
        key=f"row {cells.line}", **sizes,
    )  # fmt: skip
    return as_submitted(case, assumed) if is_submission(cells) else case


def _spanned(
    held: tuple[Chip, Transformer, Precision | None],
    sizes: dict[str, int | None],
    pools: tuple[Pool | None, Pool | None],
    assumed: list[str],
) -> int:
    """Return the chips that the printed layout fills, where the row does not count them; without one, the fewest that hold the weights."""
    prefill, decode = pools
    own = (sizes["tp"] or 1) * (sizes["dp"] or 1) * (sizes["pp"] or 1)
    total = own * ((decode.workers if decode else None) or 1)
    if prefill is not None:
        total += (prefill.tp or 1) * (prefill.dp or 1) * (prefill.workers or 1)
    if any(sizes.values()) or prefill is not None or decode is not None:
        assumed.append(f"n_chips not printed: the {total} of the layout")
        return total
    chip, model, weights = held
    # a fifth of the memory is left to the cache
    total = groups_that_hold(replace(chip, hbm_bytes=0.8 * (chip.hbm_bytes or math.inf)), model, 1, weights)
    assumed.append(f"n_chips not printed: {total}, the fewest that hold the weights")
    return total


def _load(cells: Cells) -> Load:
    """Return how requests come."""
    scenario = cells.text("scenario").lower()
    if "first token" in scenario or "prefill" in scenario.split(",")[0].split():
        return "prefill"
    if "offline" in scenario:
        return "offline"
    if "static" in scenario or scenario in {"batch", "real time"}:
        return "static"
    if cells.number("request_rate_per_s") and not cells.number("concurrency"):
        return "open"
    if cells.number("concurrency") or _alone(cells):
        return "closed"
    return (
        "static"
        if cells.number("batch") and scenario not in {"agg", "disagg"}
        else "closed"
        if cells.number("batch")
        else "offline"
    )


def _alone(cells: Cells) -> float | None:
    """Return one request at a time where the scenario says so, as MLPerf's single stream does."""
    return 1.0 if re.search(r"single[\s_-]*stream", cells.text("scenario"), re.IGNORECASE) else None


def _pools(notes: str) -> tuple[Pool | None, Pool | None]:
    """Return the pools that the notes print: (prefill, decode)."""

    def size(text: str | None) -> int | None:
        return int(text) or None if text else None

    found = _POOLS.search(notes)
    if found:
        prefill = Pool(
            workers=size(found["pw"]),
            tp=size(found["ptp"]),
            dp=size(found["pdp"]),
            ep=size(found["pep"]),
            batch=size(found["pbs"]),
        )
        return prefill, Pool(workers=size(found["dw"])) if found["dw"] else None
    found = _POOLS_X.search(notes)
    if not found:
        return None, None
    spread = re.search(r"dp_attention prefill=(True|False) decode=(True|False)", notes)
    prefill = Pool(
        workers=size(found["pw"]), chips=size(found["pn"]), tp=size(found["ptp"]), ep=size(found["pep"]),
        dp_attention=spread[1] == "True" if spread else None,
    )  # fmt: skip
    decode = Pool(
        workers=size(found["dw"]), chips=size(found["dn"]), tp=size(found["dtp"]), ep=size(found["dep"]),
        dp_attention=spread[2] == "True" if spread else None,
    )  # fmt: skip
    return prefill, decode


def _twice(prefill: Pool, decode: Pool) -> bool:
    """Say whether a row prints the chips of both pools for each of them.

    InferenceX's first rows of pools on GB200 (December 2025) print no workers, and for each pool the chips of both: their rates per chip of
    input and output, over the lengths, compare as 4 to 32 (36 printed), 4 to 24 (28), 32 to 16 (48), 48 to 24 (72), as later rows run.
    """
    bare = prefill.workers is None and decode.workers is None
    return bare and decode.chips is not None and prefill.chips == decode.chips == prefill.tp == decode.tp


def _dp_attention(cells: Cells, notes: str, *, moe: bool) -> bool | None:
    """Return whether attention is split over sequences, None where nothing says so."""
    word = cells.text("dp_attention").lower()
    if word:
        return word in {"true", "yes", "1"}
    found = re.search(r"dp_attention=(True|False)", notes)
    if found:
        return found[1] == "True"
    return True if moe and "attention DP enabled" in notes else None


def _precision(text: str) -> Precision | None:
    """Return the precision of a printed name, None where it is none."""
    word = text.lower().replace("e4m3", "8").replace("e5m2", "8")
    if not word or word == "auto":
        return None
    if re.search(r"fp4|int4|u4|w4|q4|nf4|4-?bit|e2m1|awq|gptq|^4$|mxf4|f4\b", word):
        return "fp4"
    return "fp8" if re.search(r"fp8|int8|u8|w8|q8|8-?bit|float8|f8\b|^8", word) else "bf16"


def _weights(cells: Cells) -> tuple[Precision | None, bool]:
    """Return the precision of weights, by its column or the model's name, and whether only the weights are narrow."""
    word = cells.text("precision_weights").lower()
    if not word:
        about = f"{cells.text('model')} {cells.text('model_id')}"
        found = _NAMED_WEIGHTS.search(about)
        word = found[0].lower() if found else ""
    narrow = (
        word.startswith(("int", "awq", "gptq", "4bit", "4-bit", "bnb"))
        or re.search(r"a16|weight[\s_-]*only", word) is not None
    )
    return _precision(word), narrow


def _speculation(cells: Cells) -> Speculation | None:
    """Return the kind of speculative decoding, None where the row does not say."""
    word = cells.text("spec_decode").lower()
    if not word:
        return None
    found = _SPECULATION.get(word) or _SPECULATION.get(re.split(r"[\s(:,=_-]|(?<=[a-z])\d", word)[0])
    if found is None:
        cells.complain("spec_decode", f"not known: {word[:40]}")
    return found


def _engine(cells: Cells) -> str:
    """Return the serving software as printed, or as the source names it."""
    words = cells.text("engine") or cells.text("engine_version") or cells.text("framework")
    if words:
        return words[:80]
    found = re.search(r"vllm|sglang|tensorrt-llm|neuron|jetstream|tgi|lmdeploy", cells.text("source"), re.IGNORECASE)
    return found[0].lower() if found else ""


def _throughput(cells: Cells, case: ServingCase) -> tuple[float | None, Basis]:
    """Return the measured tokens/s of a chip: output where the row has it, else input and output.

    InferenceX divides the output of separate pools by the chips of the decode pool: its totals per chip agree with that only.
    """
    output = cells.number("output_tokens_per_s_chip")
    if output:
        return output, "decode chip" if case.disaggregated and "inferencex" in cells.text("source").lower() else "chip"
    output = cells.number("output_tokens_per_s_total")
    if output:
        return output / case.chips, "chip"
    both = cells.number("total_tokens_per_s_chip")
    return (both, "total") if both else (None, "")
