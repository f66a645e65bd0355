"""Reading a table of published measurements: bounded, tolerant cell by cell, every complaint with its row.

The format is CSV with a header (columns: see `tables_training`, `tables_serving`); columns may miss, come in any order, or be unknown.
What asks and what measures are kept apart from the first step: a case is built from `QUESTION` columns only.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from offtake.catalog.types import Transformer
from offtake.errors import OfftakeError
from offtake.perf import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["MEASURED", "Cells", "chip_text", "key_of", "model_of", "publisher_of", "read", "year_of"]

MOST_BYTES = 64 * 1024 * 1024
MOST_ROWS = 100_000

MEASURED = frozenset({
    "reported_tflops_per_chip", "reported_mfu_pct", "mfu_definition", "reported_tokens_per_s_total", "reported_tokens_per_s_chip",
    "reported_step_time_s", "total_chip_hours", "output_tokens_per_s_total", "output_tokens_per_s_chip", "input_tokens_per_s_chip",
    "total_tokens_per_s_chip", "ttft_ms", "ttft_stat", "tpot_ms", "tpot_stat", "ttft_p99_ms", "tpot_p99_ms", "value_kind", "quality",
})  # fmt: skip
"""Columns that no prediction may read."""

_SITES_OF_ALL = frozenset({"gist.github.com", "gitlab.com", "huggingface.co", "medium.com"})
"""Sites whose pages are their owners', not the site's."""

_DIGITS = r"\d{1,3}(?:[,_' ]\d{3})+(?:\.\d*)?|\d[\d_]*(?:[.,]\d*)?|\.\d+"
_NUMBER = re.compile(
    rf"^[~≈<>=≤≥\s]*([-+]?(?:{_DIGITS})(?:[eE][-+]?\d+)?)(?:\s*(?:-|–|to)\s*((?:{_DIGITS})))?\s*(%|[A-Za-zµ][A-Za-zµ/ ]*)?$"
)
_PLAIN_UNITS = re.compile(
    r"(?:tok|token|seq|sequence|sample|gpu|chip|tpu|device|layer|head|expert|user|request|req|x|%)s?(?:/s(?:ec)?)?(?:/(?:gpu|chip|tpu|device))?"
    r"|t?flops?(?:/s)?(?:/(?:gpu|chip))?",
    re.IGNORECASE,
)
_LENGTHS = frozenset({"seq_len", "isl", "osl"})
_BLANK = frozenset(
    {"", "-", "–", "—", "--", "n/a", "na", "none", "null", "nan", "?", "unknown", "tbd", "not reported", "#n/a"}
)
_PROXY = re.compile(r"[\s_-]+proxy\b.*$", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATES = (  # year and month in the orders that tables print; a quarter counts from its first month
    re.compile(r"\b(?P<y>20\d\d)(?:[-/.](?P<m>\d\d?))(?!\d)"),
    re.compile(
        rf"\b(?P<n>{'|'.join(_MONTHS)})[a-z]*\.?(?: \d{{1,2}}(?:st|nd|rd|th)?)?,?[ -]*(?P<y>20\d\d)\b", re.IGNORECASE
    ),
    re.compile(rf"\b(?P<y>20\d\d)[ -]*(?P<n>{'|'.join(_MONTHS)})", re.IGNORECASE),
    re.compile(r"(?<![\d/])(?P<m>\d\d?)/(?P<y>20\d\d)\b"),
    re.compile(r"\b(?P<y>20\d\d)[ -]?q(?P<q>[1-4])\b|\bq(?P<q2>[1-4])[ -]?(?P<y2>20\d\d)\b", re.IGNORECASE),
    re.compile(r"\b(?P<y>20\d\d)(?P<m>0[1-9]|1[0-2])(?:[0-3]\d)?\b"),
    re.compile(r"(?P<y>20\d\d)"),
)


@dataclass(frozen=True, slots=True)
class Cells:
    """One row: its line in the file, its cells as text, and what was wrong with them.

    Examples
    --------
    >>> cells = Cells(2, {"tp": "8", "ttft_ms": "45.5-50", "pp": "many"})
    >>> cells.count("tp"), cells.number("ttft_ms"), cells.count("pp"), cells.problems
    (8, 47.75, None, ['row 2, pp: not a number above nought: many'])
    """

    line: int
    text_of: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Return a cell's text, "" where it is missing or says that nothing is known."""
        value = " ".join((self.text_of.get(name) or "").split())
        return "" if value.lower() in _BLANK and name != "spec_decode" else value

    def number(self, name: str) -> float | None:
        """Return a cell as a number above nought (the middle of a range, in the column's unit), None where it is none."""
        value = self.text(name)
        if not value:
            return None
        found = _NUMBER.match(value[:64])
        factor = _factor(name, (found[3] or "").strip()) if found else None
        number = math.nan
        if found and factor:
            low = _plain(found[1])
            number = factor * (0.5 * (low + _plain(found[2])) if found[2] else low)
        if math.isfinite(number) and 0.0 < number < 1e30:
            return number
        if number != 0.0:  # a nought says "not used" in many tables
            self.complain(name, f"not a number above nought: {value[:40]}")
        return None

    def count(self, name: str) -> int | None:
        """Return a cell as a whole number above nought, None where it is none."""
        number = self.number(name)
        if number is None:
            return None
        if number != int(number) or number > 1e12:
            self.complain(name, f"not a whole number: {self.text(name)[:40]}")
            return None
        return int(number)

    def complain(self, name: str, what: str) -> None:
        """Note what is wrong with a cell."""
        self.problems.append(f"row {self.line}, {name}: {what}")


def _plain(digits: str) -> float:
    """Return a printed number: a comma before three digits parts thousands, another one is the decimal point.

    Examples
    --------
    >>> _plain("1,024"), _plain("12,5"), _plain("8 192"), _plain("1_000.5")
    (1024.0, 12.5, 8192.0, 1000.5)
    """
    digits = re.sub(r"[,_' ](?=\d{3}(?!\d))", "", digits)
    return float(digits.replace("_", "").replace(",", "."))


def _factor(name: str, unit: str) -> float | None:
    """Return what a number with a printed unit is multiplied by to be in its column's unit, None where the unit does not fit.

    Thousands of a length of context are 1024, as models are built; thousands of tokens of a batch are 1000.

    Examples
    --------
    >>> _factor("tpot_ms", "ms"), _factor("ttft_ms", "s"), _factor("seq_len", "K"), _factor("params_b", "M"), _factor("tp", "ms")
    (1.0, 1000.0, 1024.0, 0.001, None)
    """
    if not unit or _PLAIN_UNITS.fullmatch(unit.replace(" ", "")):
        return 1.0
    word, _, rest = unit.partition(" ")
    if rest and not _PLAIN_UNITS.fullmatch(rest.replace(" ", "")):
        return None
    if name.endswith(("_ms", "_time_s")):
        seconds = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "seconds": 1.0}.get(word.lower())
        return None if seconds is None else seconds * (1e3 if name.endswith("_ms") else 1.0)
    if name.endswith("params_b"):
        return {"m": 1e-3, "b": 1.0, "bn": 1.0, "billion": 1.0, "t": 1e3}.get(word.lower())
    scale = {"k": 1e3, "m": 1e6, "b": 1e9}.get(word.lower())
    if scale and name in _LENGTHS:
        return {"k": 1024.0, "m": 1024.0**2}.get(word.lower())
    return scale if scale and ("tok" in name or "batch" in name or name == "vocab") else None


def read(path: Path, *, expects: Iterable[str]) -> Iterator[Cells]:
    """Yield the rows of a table.

    Parameters
    ----------
    expects : columns without which the file is no such table

    Raises
    ------
    OfftakeError
        The file is missing, too large, not CSV, or has none of the columns (named).
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise OfftakeError(f"{path}: {size / 1e6:.0f} MB; a table may have {MOST_BYTES / 1e6:.0f} MB")
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise OfftakeError(f"{path}: cannot be read: {error.strerror or error}") from error
    text = text.replace("\x00", "").lstrip("\r\n")
    while text.startswith("#"):  # remarks above the header
        text = text.partition("\n")[2]
    reader = csv.DictReader(io.StringIO(text), restval="", delimiter=_delimiter(text[:10_000].partition("\n")[0]))
    header = tuple((name or "").strip().lower() for name in (reader.fieldnames or ()))
    missing = [name for name in expects if name not in header]
    if missing:
        raise OfftakeError(f"{path}, row 1: no column {' or '.join(missing)}; the table needs {', '.join(expects)}")
    reader.fieldnames = list(header)
    count = 0
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise OfftakeError(f"{path}, row {reader.line_num}: not CSV: {error}") from error
        if row is None:
            return
        count += 1
        if count > MOST_ROWS:
            raise OfftakeError(f"{path}, row {reader.line_num}: more than {MOST_ROWS:,} rows")
        if any((value or "").strip() for name, value in row.items() if name and isinstance(value, str)):
            yield Cells(reader.line_num, {k: v for k, v in row.items() if k and isinstance(v, str)})


def _delimiter(header: str) -> str:
    r"""Return what parts the columns of a header: the comma unless it has none and another of the usual ones.

    Examples
    --------
    >>> _delimiter("model,chip"), _delimiter("model;chip;notes"), _delimiter("model\tchip")
    (',', ';', '\t')
    """
    return "," if "," in header else max(",;\t|", key=header.count)


def key_of(cells: Cells) -> str:
    """Return the name of a row by what it asks: the same row in another file or order has the same key.

    Examples
    --------
    >>> key_of(Cells(2, {"chip": "H100", "tp": "8", "tpot_ms": "9"})) == key_of(Cells(7, {"tp": "8 ", "chip": "H100"}))
    True
    """
    asked = sorted(
        (n, " ".join(v.split())) for n, v in cells.text_of.items() if n not in MEASURED and n != "notes" and v.strip()
    )
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:10]


def publisher_of(source: str) -> str:
    """Return who published a row, whatever the file, release or page: rows of one publisher share habits.

    A repository or paper; of a page its site, and on sites where anybody publishes the owner too.

    Examples
    --------
    >>> publisher_of("docs: github.com/NVIDIA-NeMo/Megatron-Bridge docs/summary.md [26.08]"), publisher_of("arXiv 2205.05198 Table 5")
    ('NVIDIA-NeMo/Megatron-Bridge', 'arXiv 2205.05198')
    >>> publisher_of("docs.nvidia.com/nim/benchmarking/llm/1.0.0 (2024)"), publisher_of("https://gist.github.com/someone/0a1b2c")
    ('docs.nvidia.com', 'gist.github.com/someone')
    """
    words = source.removeprefix("docs: ").split()
    if not words:
        return ""
    if words[0].lower() == "arxiv":
        return " ".join(words[:2])
    path = re.sub(
        r"^(?:https?://)?(?:www\.)?(?:(?:raw\.githubusercontent|github)\.com/)?|[@#].*$|[,;:]+$",
        "",
        words[0],
        flags=re.IGNORECASE,
    ).split("/")
    named = 1 if "." in path[0] and path[0].lower() not in _SITES_OF_ALL else 2
    return "/".join(path[:named])


def year_of(cells: Cells) -> float:
    """Return the year of a row with its months as a fraction, 0 where none is printed.

    Examples
    --------
    >>> year_of(Cells(2, {"date": "2025-07-01"})), year_of(Cells(2, {"year": "2023"})), year_of(Cells(2, {"date": "Jul 2025"}))
    (2025.5, 2023.0, 2025.5)
    """
    for name in ("date", "year"):
        text = cells.text(name)[:60]
        for pattern in _DATES:
            found = pattern.search(text)
            if found:
                return _year(found.groupdict())
    return 0.0


def _year(parts: Mapping[str, str | None]) -> float:
    """Return the year of a date's parts, with the month as a fraction where there is one."""
    year = float(parts.get("y") or parts.get("y2") or 0)
    word, quarter = (parts.get("n") or "").lower()[:3], parts.get("q") or parts.get("q2")
    month = int(parts.get("m") or 0) or (_MONTHS.index(word) + 1 if word else 0)
    month = 3 * int(quarter) - 2 if quarter else month
    return year + (max(min(month, 12), 1) - 1) / 12.0 if month else year


def chip_text(cells: Cells) -> str:
    """Return the catalogue's name of the row's chip, or the text where it is not known."""
    try:
        return names.chip_named(cells.text("chip")).chip.name
    except OfftakeError:
        return cells.text("chip") or "not given"


def model_of(cells: Cells, assumed: list[str]) -> Transformer:
    """Return the model of a row: the catalogue's, with the row's own shape where it prints another.

    Raises
    ------
    OfftakeError
        The catalogue does not know the name, and the row has no shape (layers, hidden).
    """
    given = [cells.text("model"), cells.text("model_id")]
    layers, hidden = cells.count("layers"), cells.count("hidden")
    if layers is not None:
        given = [_PROXY.sub("", text).strip() for text in given]
    try:
        named = names.model_named(*given) if any(given) else None
    except OfftakeError as error:
        if layers is None or hidden is None:
            raise OfftakeError(f"{error}; or give its shape (layers, hidden, heads, ffn, vocab)") from error
        named = None
    if named is None and (layers is None or hidden is None):
        raise OfftakeError("the model is not given (model, or layers and hidden)")
    if named is not None and named.layers and (hidden or named.hidden) == named.hidden:
        if layers and layers < named.layers:
            assumed.append(f"{named.name} cut to {layers} of {named.layers} layers")
            return _cut(named, layers)
        if (layers or named.layers) == named.layers:
            return _with_heads(named, cells.count("heads"), assumed)
    if layers is None or hidden is None:
        raise OfftakeError(f"{(named.name if named else given[0]) or 'the model'}: no shape is known (layers, hidden)")
    return _from_shape(cells, layers, hidden, assumed)


def _with_heads(named: Transformer, heads: int | None, assumed: list[str]) -> Transformer:
    """Return a model with the number of heads that a row prints, where its heads may be cut otherwise."""
    own = named.kv_heads == named.heads and not named.latent_attention
    if heads and heads != named.heads and own and named.hidden % heads == 0:
        assumed.append(f"{heads} heads as printed, not {named.heads}")
        return replace(named, heads=heads, kv_heads=heads, head_dim=named.hidden // heads)
    return named


def _cut(named: Transformer, layers: int) -> Transformer:
    """Return a model with fewer of its layers: a proxy, as sources print for sizes that a server cannot hold.

    Dense layers that stand first are kept first; other kinds of layers go in proportion. Embeddings stay whole.

    Examples
    --------
    >>> cut = _cut(names.model_named("DeepSeek-V3"), 4)
    >>> cut.layers, cut.mlp_layers, cut.moe_layers, round(cut.params / 1e9)
    (4, 3, 1, 14)
    """
    share = layers / named.layers
    first = 0 < named.mlp_layers < named.moe_layers and named.mlp_layers < layers
    mlp = named.mlp_layers if first else round(named.mlp_layers * share)
    moe = (
        layers - mlp
        if named.moe_layers and named.mlp_layers + named.moe_layers == named.layers
        else round(named.moe_layers * share)
    )
    window, linear = round(named.window_layers * share), round(named.linear_layers * share)
    gone_experts = named.expert_params * (1.0 - moe / named.moe_layers) if named.moe_layers else 0.0
    tables = (1.0 if named.tied else 2.0) * named.vocab * named.hidden
    rest = ((named.params or 0.0) - named.expert_params - tables) * share + tables
    kept = named.expert_params - gone_experts
    used = kept * named.top_k / named.experts if named.experts else 0.0
    blocks = mlp + moe if named.mlp_layers + named.moe_layers < named.layers else 0
    return replace(
        named, name=f"{named.name}, {layers} layers", layers=layers, mlp_layers=mlp, moe_layers=moe, window_layers=window,
        linear_layers=linear, full_layers=max(0, layers - window - linear - blocks), expert_params=kept,
        params=rest + kept, active_params=rest + used,
    )  # fmt: skip


def _from_shape(cells: Cells, layers: int, hidden: int, assumed: list[str]) -> Transformer:
    """Build a model from what a row prints of its shape."""
    heads = cells.count("heads") or max(1, hidden // 128)
    kv = cells.count("kv_heads") or heads
    experts, top_k = cells.count("experts") or 0, cells.count("topk") or 0
    ffn = cells.count("ffn") or 4 * hidden
    vocab = cells.count("vocab") or 50_304
    head_dim = hidden // heads or 1
    taken = {"heads": heads, "ffn": ffn, "vocab": vocab}
    assumed.extend(f"{name} not printed: {value}" for name, value in taken.items() if cells.count(name) is None)
    printed = (cells.number("params_b") or 0.0) * 1e9
    attention = layers * 2.0 * hidden * head_dim * (heads + kv)

    def total(matrices: float) -> float:
        return attention + matrices * hidden * ffn * layers * max(experts, 1) + hidden * vocab

    gated = abs(total(3.0) - printed) < abs(total(2.0) - printed) if printed else ffn != 4 * hidden
    routed = total(3.0 if gated else 2.0) - attention - hidden * vocab if experts else 0.0
    params = printed or total(3.0 if gated else 2.0)
    active = (cells.number("active_params_b") or 0.0) * 1e9
    active = active or (params - routed * (1.0 - top_k / experts) if experts else params)
    return Transformer(
        name=cells.text("model") or "model of the row", params=params, active_params=active, expert_params=routed, layers=layers,
        hidden=hidden, heads=heads, kv_heads=kv, head_dim=head_dim, kv_values_per_layer=2.0 * kv * head_dim, full_layers=layers,
        experts=experts, top_k=top_k, moe_layers=layers if experts else 0, vocab=vocab, ffn=ffn, ffn_expert=ffn if experts else 0,
        gated=gated, mlp_layers=0 if experts else layers, tied=not gated,
    )  # fmt: skip
