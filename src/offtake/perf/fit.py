"""Fit both models from the published tables; errors with whole chips and whole sources left out; the file that ships.

One folder holds the tables (`training_published.csv`, `inference_published.csv`, `inference_silicon.csv`); any of them may be missing. The
file is written for equal tables with equal bytes: sorted, rounded, without a date.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.errors import OfftakeError
from offtake.files import write_whole
from offtake.perf import params, serving_cv, training_fit
from offtake.perf.tables_serving import ServingRow, read_serving
from offtake.perf.tables_training import TrainingRow, read_training
from offtake.progress import Progress, ProgressEvent, ignore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from offtake.perf.params import Section

__all__ = ["Held", "Tables", "cross_validated", "fitted", "read_tables", "write"]

TRAINING = ("training_published.csv",)
SERVING = ("inference_published.csv", "inference_silicon.csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Rows of the tables of one folder."""

    training: tuple[TrainingRow, ...]
    serving: tuple[ServingRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One number predicted with its whole chip or source left out of the fit.

    Attributes
    ----------
    metric : str             "step_time", "tpot", "throughput", "ttft"
    group : str              the chip or source left out
    kind : str               "dense", "experts" or "hybrid"
    predicted, measured : float   in the metric's unit
    covered : bool           measured inside the 80 % interval that was stated
    key : str                the row
    """

    metric: str
    group: str
    kind: str
    predicted: float
    measured: float
    covered: bool
    key: str
    words: str = ""


def read_tables(*folders: Path) -> Tables:
    """Read the tables of folders, one after the other.

    Raises
    ------
    OfftakeError
        A folder has none of them.
    """
    training: list[TrainingRow] = []
    serving: list[ServingRow] = []
    for folder in folders:
        found = [name for name in (*TRAINING, *SERVING) if (folder / name).is_file()]
        if not found:
            raise OfftakeError(f"{folder}: no table to fit; it needs one or more of {', '.join((*TRAINING, *SERVING))}")
        for name in found:
            if name in TRAINING:
                training += read_training(folder / name)
            else:
                serving += read_serving(folder / name)
    return Tables(training=tuple(training), serving=tuple(serving))


def fitted(tables: Tables, progress: Progress = ignore) -> dict[str, Section]:
    """Fit every model that has rows."""
    found: dict[str, Section] = {}
    if tables.training:
        progress(ProgressEvent(stage="fit", message=f"training: {len(tables.training)} rows"))
        found["training"] = training_fit.fit_training(sound(tables.training))
    if tables.serving:
        progress(
            ProgressEvent(
                stage="fit",
                message=f"serving: {len(tables.serving)} rows, and chips and sources left out for its intervals",
            )
        )
        found["serving"] = serving_cv.fit_table(tables.serving)
    return found


def sound(rows: Iterable[TrainingRow]) -> list[TrainingRow]:
    """Return the rows that their table marks neither as doubtful nor as a test; where all others are tests, those."""
    counted = [row for row in rows if not row.quality.lower().startswith("check")]
    return [row for row in counted if not row.quality.lower().startswith("test")] or counted


def cross_validated(tables: Tables, by: str, progress: Progress = ignore) -> list[Held]:
    """Predict every training row with its whole chip (`by="chip"`) or source (`by="source"`) left out of the fit.

    Serving is fitted with groups left out anyway, because its intervals need it: its section carries those errors.
    """
    progress(ProgressEvent(stage="leave out", message=f"training, by {by}"))
    kinds = {row.key: kind_of(row) for row in tables.training}
    return [
        Held(
            metric="step_time", group=found["held"], kind=kinds.get(found["key"], ""), predicted=found["predicted_s"],
            measured=found["measured_s"], covered=found["low_s"] <= found["measured_s"] <= found["high_s"], key=found["key"],
            words=f"{found['model']} on {found['chip']}",
        )
        for found in training_fit.cross_validate(sound(tables.training), by=by)
    ]  # fmt: skip


def kind_of(row: TrainingRow | ServingRow) -> str:
    """Return the class of a row's model."""
    if row.case is None:
        return "unknown"
    return "hybrid" if row.case.model.linear_layers else "experts" if row.case.model.is_moe else "dense"


def summary(held: Sequence[Held]) -> dict[str, dict[str, Any]]:
    """Return mape, median_ape, coverage80 and count of each metric, in all and by class and group; fractions."""
    found: dict[str, dict[str, Any]] = {}
    by_metric: dict[str, list[Held]] = defaultdict(list)
    for one in held:
        by_metric[one.metric].append(one)
    for metric, ones in by_metric.items():
        kinds = {kind: [h for h in ones if h.kind == kind] for kind in sorted({h.kind for h in ones})}
        groups = {group: [h for h in ones if h.group == group] for group in sorted({h.group for h in ones})}
        found[metric] = {
            **_figures(ones),
            "by_class": {kind: _figures(some) for kind, some in kinds.items()},
            "by_group": {group: _figures(some) for group, some in groups.items()},
        }
    return found


def _figures(held: Sequence[Held]) -> dict[str, float]:
    errors = np.array([abs(h.predicted / h.measured - 1.0) for h in held])
    return {
        "count": len(held), "mape": round(float(errors.mean()), 4), "median_ape": round(float(np.median(errors)), 4),
        "coverage80": round(sum(h.covered for h in held) / len(held), 4),
    }  # fmt: skip


def write(path: Path, sections: dict[str, Section], errors: dict[str, Any] | None = None) -> None:
    """Write a parameter file anew, with the errors measured, or leave it as it was; equal fits give equal bytes.

    Raises
    ------
    OfftakeError
        The file cannot be written.
    """
    told = {k: replace(s, errors={**s.errors, **(errors or {}).get(k, {})}) for k, s in sections.items()}
    write_whole(path, params.text_of(told))
