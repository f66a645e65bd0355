"""Score: predictions beside measurements, row by row, and their errors for all rows and by group.

Error of a number: |predicted - measured| / measured. Training: step time where the row prints it, else from its tokens/s, else from its
TFLOP/s by the definition of the source. Serving: time per output token, output tokens/s of a chip (from input and output together where
the row has only those), time to first token. Fractions, not percent. A prediction never sees a measured column: its case has none.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.perf import params
from offtake.perf.answers import Refusal
from offtake.perf.serving_saturation import predict_measured
from offtake.perf.training_model import predict_training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from offtake.perf.answers import Interval
    from offtake.perf.params import Section
    from offtake.perf.serving_model import ServingPrediction
    from offtake.perf.tables_serving import ServingRow
    from offtake.perf.tables_training import TrainingRow
    from offtake.progress import Progress

__all__ = ["Compared", "Report", "ScoredRow", "document", "metrics", "score_serving", "score_training"]

UNITS = {"step_time": "s", "tpot": "s", "throughput": "tok/s per chip", "ttft": "s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One figure: predicted with its 80 % interval, and measured (None where the row does not print it)."""

    predicted: float
    low: float
    high: float
    measured: float | None

    @property
    def error(self) -> float | None:
        """Signed error over the measured value."""
        return None if self.measured is None else self.predicted / self.measured - 1.0

    @property
    def covered(self) -> bool:
        """Whether the measured value lies inside the interval."""
        return self.measured is not None and self.low <= self.measured <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRow:
    """One row of a table with what was predicted of it.

    Attributes
    ----------
    figures : mapping of metric → Compared   empty where refused
    refusal : str                            why nothing was predicted
    fitted : bool                            the parameters were fitted on this row too
    aside : bool                             the table itself marks its measurement as doubtful: shown, not counted
    basis : str                              what the measured figure is from
    """

    line: int
    chip: str
    model: str
    source: str
    kind: str
    figures: Mapping[str, Compared]
    refusal: str
    fitted: bool
    aside: bool
    basis: str
    assumed: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def scored(self) -> bool:
        """Whether it counts: predicted, measured, and not marked as doubtful."""
        return not self.aside and any(f.measured is not None for f in self.figures.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All rows of a table, scored.

    Attributes
    ----------
    names : tuple of str   metrics, in order
    """

    kind: str
    names: tuple[str, ...]
    rows: tuple[ScoredRow, ...]

    def by(self, group: Callable[[ScoredRow], str]) -> dict[str, list[ScoredRow]]:
        """Return the rows by group, the largest first."""
        found: dict[str, list[ScoredRow]] = defaultdict(list)
        for row in self.rows:
            found[group(row)].append(row)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def score_training(
    rows: Sequence[TrainingRow], fitted: Section | None = None, progress: Progress | None = None
) -> Report:
    """Predict and compare each row of a training table."""
    fitted_on, scored = _keys(fitted, "training"), []
    for at, row in enumerate(rows):
        _say(progress, at, len(rows))
        found = Refusal(reason=row.refusal) if row.case is None else predict_training(row.case, fitted, must_fit=False)
        if isinstance(found, Refusal):
            scored.append(_row(row, {}, fitted_on, refusal=found.reason))
            continue
        figures = {"step_time": _compared(found.step_s, found.interval, row.step_s)}
        scored.append(_row(row, figures, fitted_on, assumed=found.assumed))
    return Report(kind="training", names=("step_time",), rows=tuple(scored))


def score_serving(
    rows: Sequence[ServingRow], fitted: Section | None = None, progress: Progress | None = None
) -> Report:
    """Predict and compare each row of an inference table."""
    known, scored = _keys(fitted, "serving"), []
    for at, row in enumerate(rows):
        _say(progress, at, len(rows))
        found = Refusal(reason=row.refusal) if row.case is None else predict_measured(row.case, fitted)
        if isinstance(found, Refusal):
            scored.append(_row(row, {}, known, refusal=found.reason))
            continue
        scored.append(_row(row, _serving_figures(row, found), known, assumed=found.assumed))
    return Report(kind="inference", names=("tpot", "throughput", "ttft"), rows=tuple(scored))


def _serving_figures(row: ServingRow, found: ServingPrediction) -> dict[str, Compared]:
    """Put the figures of a prediction beside what a row measures.

    Throughput is predicted as output of a chip, whichever column measures: a measured rate of input and output together, or of the chips
    of the decode pool alone, is turned into that by the lengths and the layout. So no measured column decides what is predicted.
    """
    case, scale = row.case, 1.0
    rate, within = found.output_tok_per_s_per_chip, found.intervals["output_tok_per_s_per_chip"]
    if row.basis == "decode chip":
        scale = rate / found.output_tok_per_s_per_decode_chip
    elif row.basis == "total" and case is not None:
        scale = 1.0 / (1.0 + case.input_tok / max(case.output_tok, 1.0))
    first = "ttft_median_s" if row.median else "ttft_s"
    figures = {
        "tpot": _compared(found.tpot_s, found.intervals["tpot_s"], row.tpot_s),
        "throughput": _compared(rate, within, row.throughput and row.throughput * scale),
        "ttft": _compared(getattr(found, first), found.intervals[first], row.ttft_s),
    }
    if case is not None and case.load == "prefill":
        return {"ttft": figures["ttft"]}
    return figures


def _compared(predicted: float, within: Interval, measured: float | None) -> Compared:
    return Compared(predicted=predicted, low=within.low, high=within.high, measured=measured)


def _row(
    row: TrainingRow | ServingRow,
    figures: dict[str, Compared],
    known: frozenset[str],
    *,
    refusal: str = "",
    assumed: tuple[str, ...] = (),
) -> ScoredRow:
    """Join a row of a table with its figures."""
    return ScoredRow(
        line=row.line, chip=row.chip, model=row.model, source=row.source, kind=_class(row), figures=figures, refusal=refusal,
        fitted=row.key in known, aside=row.quality.lower().startswith("check"), basis=row.basis,
        assumed=(*row.assumed, *assumed), problems=row.problems,
    )  # fmt: skip


def _class(row: TrainingRow | ServingRow) -> str:
    """Return the class of a row's model: dense, experts, or hybrid where some layers keep a fixed state."""
    if row.case is None:
        return "unknown"
    return "hybrid" if row.case.model.linear_layers else "experts" if row.case.model.is_moe else "dense"


def _keys(fitted: Section | None, kind: str) -> frozenset[str]:
    """Return the keys of the rows that parameters have seen, users' factor and a user's own included: those given, else those that ship."""
    section = params.shipped().get(kind) if fitted is None else fitted
    if section is None:
        return frozenset()
    own = section.own.rows if section.own is not None else ()
    told = (section.rows.get("keys", ()), section.rows.get("users", {}).get("keys", ()), (row.key for row in own))
    return frozenset(key for keys in told for key in keys)


def _say(progress: Progress | None, at: int, count: int) -> None:
    """Report progress once in a hundred rows."""
    if progress is not None and at % 100 == 0:
        from offtake.progress import ProgressEvent

        progress(ProgressEvent(stage="score", fraction=at / max(count, 1)))


def metrics(rows: Iterable[ScoredRow], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return mape, median_ape and coverage80 of each metric that any row measures, as fractions.

    Examples
    --------
    >>> row = ScoredRow(line=2, chip="", model="", source="", kind="", refusal="", fitted=False, aside=False, basis="", assumed=(),
    ...                 problems=(), figures={"tpot": Compared(predicted=1.1, low=0.9, high=1.3, measured=1.0)})
    >>> round(metrics([row], ["tpot"])["tpot"]["mape"], 3)
    0.1
    """
    found: dict[str, dict[str, float]] = {}
    counted = [row for row in rows if row.scored]
    for name in names:
        figures = [
            row.figures[name] for row in counted if name in row.figures and row.figures[name].measured is not None
        ]
        errors = np.array([abs(f.error) for f in figures if f.error is not None])
        if errors.size:
            found[name] = {
                "mape": float(errors.mean()), "median_ape": float(np.median(errors)),
                "coverage80": sum(f.covered for f in figures) / len(figures),
            }  # fmt: skip
    return found


def document(report: Report) -> dict[str, Any]:
    """Return a report as one JSON document; errors and coverage are fractions."""
    scored = [row for row in report.rows if row.scored]
    return {
        "kind": report.kind,
        "rows_scored": len(scored),
        "rows_refused": sum(bool(row.refusal) for row in report.rows),
        "rows_set_aside": sum(row.aside and not row.refusal for row in report.rows),
        "rows_without_measurement": sum(not row.refusal and not row.aside and not row.scored for row in report.rows),
        "rows_in_fit": sum(row.fitted for row in scored),
        "metrics": metrics(report.rows, report.names),
        "metrics_not_in_fit": metrics([row for row in report.rows if not row.fitted], report.names),
        "by_chip": {name: _group(rows, report.names) for name, rows in report.by(lambda r: r.chip).items()},
        "by_source": {name: _group(rows, report.names) for name, rows in report.by(lambda r: r.source).items()},
        "by_class": {
            name or "unknown": _group(rows, report.names) for name, rows in report.by(lambda r: r.kind).items()
        },
        "refusals": dict(Counter(row.refusal for row in report.rows if row.refusal).most_common()),
        "definition": "mape: mean of |predicted - measured| / measured; coverage80: share of measured values inside the 80 % interval",
        "units": {name: UNITS[name] for name in report.names},
        "rows": [_as_json(row) for row in report.rows],
    }


def _group(rows: Sequence[ScoredRow], names: Sequence[str]) -> dict[str, Any]:
    return {
        "rows_scored": sum(row.scored for row in rows),
        "rows_refused": sum(bool(row.refusal) for row in rows),
        "metrics": metrics(rows, names),
    }


def _as_json(row: ScoredRow) -> dict[str, Any]:
    return {
        "row": row.line, "chip": row.chip, "model": row.model, "source": row.source, "class": row.kind, "refused": row.refusal,
        "in_fit": row.fitted, "set_aside": row.aside, "measured_from": row.basis, "assumed": list(row.assumed),
        "problems": list(row.problems),
        "figures": {
            name: {"predicted": f.predicted, "low": f.low, "high": f.high, "measured": f.measured, "error": _finite(f.error)}
            for name, f in row.figures.items()
        },
    }  # fmt: skip


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
