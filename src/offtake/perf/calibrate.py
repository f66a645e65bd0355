"""From a table of a user's own measurements to a parameter file that knows them: what `offtake perf calibrate` does.

The terms stay as they were fitted; only what the rows tell of this user's runs is added (`offtake.perf.own`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from offtake.errors import OfftakeError
from offtake.perf.cases import ServingCase
from offtake.perf.own import MOST_RATIO, MOST_ROWS, OwnRow, like_of, one_left_out, own_of
from offtake.perf.tables_serving import UNLOADED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from offtake.perf.own import Like, Own
    from offtake.perf.params import Section
    from offtake.perf.score import Report, ScoredRow
    from offtake.perf.tables_serving import ServingRow
    from offtake.perf.tables_training import TrainingRow

__all__ = ["Calibrated", "Missed", "calibrate"]

_Row = TypeVar("_Row", "TrainingRow", "ServingRow")

_MOST_APART = 3.0
"""Of the times that a row's rate and its time per token tell: beyond, one of them is of something else."""
_SIGNS: Mapping[str, float] = {"step_time": 1.0, "tpot": 1.0, "throughput": -1.0}
"""Metrics that tell how long work takes, and whether more of one is more time. A first token is mostly a queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """One row that tells: by how much it is missed, before and by what the other rows tell.

    Attributes
    ----------
    software : str        as the row prints it
    ratio : float         measured over predicted time
    told : float          the same, as the other rows tell it
    """

    line: int
    like: Like
    software: str
    ratio: float
    told: float

    @property
    def before(self) -> float:
        """Error of the prediction, |predicted - measured| / measured."""
        return abs(1.0 / self.ratio - 1.0)

    @property
    def after(self) -> float:
        """Error with what the other rows tell."""
        return abs(self.told / self.ratio - 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A section that knows a user's rows, and what they were.

    Attributes
    ----------
    rows : tuple of Missed
    left_out : tuple of str   rows that tell nothing, each with the reason
    """

    section: Section
    rows: tuple[Missed, ...]
    left_out: tuple[str, ...]

    @property
    def before(self) -> float:
        """Mean error of the rows, predicted without them."""
        return float(np.mean([row.before for row in self.rows]))

    @property
    def after(self) -> float:
        """Mean error of the rows, each told by the others."""
        return float(np.mean([row.after for row in self.rows]))


def calibrate(rows: Sequence[_Row], base: Section, score: Callable[[Sequence[_Row], Section], Report]) -> Calibrated:
    """Return the section with what rows of a table tell of their publisher.

    Parameters
    ----------
    score : `score_training` or `score_serving`, as the rows are

    Raises
    ------
    OfftakeError
        No row tells anything (the reasons are named), or there are too many.
    """
    own, asked = _asked(rows)
    return _told(own, asked, score(asked, replace(base, own=None)), base)


def _asked(rows: Sequence[_Row]) -> tuple[Own, list[_Row]]:
    """Return who tunes most rows, and the rows as if all were tuned so."""
    if len(rows) > MOST_ROWS:
        raise OfftakeError(
            f"the table has {len(rows)} rows, at most {MOST_ROWS} can be told; one as large as that is one to fit"
        )
    cases = [row.case for row in rows if row.case is not None]
    if not cases:
        reasons = "; ".join(sorted({row.refusal for row in rows if row.refusal})[:3])
        raise OfftakeError(
            f"no row can be predicted, so none tells anything: {reasons or 'the table has no rows'} (is --kind right?)"
        )
    own = own_of(cases)
    return own, [
        row if row.case is None else replace(row, case=replace(row.case, tuned_by=own.tuned_by)) for row in rows
    ]


def _told(own: Own, asked: Sequence[TrainingRow | ServingRow], report: Report, base: Section) -> Calibrated:
    """Join what each row tells; what was measured again counts once, in the mean of its logarithms."""
    found: dict[str, tuple[int, TrainingRow | ServingRow, list[float]]] = {}
    left_out = []
    for row, scored in zip(asked, report.rows, strict=True):
        ratio = _ratio(scored)
        reason = _silent(row, scored, ratio)
        if reason or ratio is None:
            left_out.append(f"row {row.line}: {reason}")
            continue
        found.setdefault(row.key, (row.line, row, []))[2].append(math.log(ratio))
    if not found:
        raise OfftakeError(f"no row tells anything: {'; '.join(left_out[:3])}")
    told = tuple(_own_row(row, logs) for _, row, logs in found.values())
    full = replace(own, rows=told)
    missed = tuple(
        Missed(line=line, like=row.like, software=row.software, ratio=math.exp(row.log_ratio), told=math.exp(others))
        for (line, _, _), row, others in zip(found.values(), told, one_left_out(full), strict=True)
    )
    return Calibrated(section=replace(base, own=full), rows=missed, left_out=tuple(left_out))


def _own_row(row: TrainingRow | ServingRow, logs: Sequence[float]) -> OwnRow:
    """Return what a row tells, measured once or more."""
    case = row.case
    if case is None:
        raise OfftakeError(f"row {row.line}: {row.refusal}")
    return OwnRow(
        like=like_of(case), log_ratio=sum(logs) / len(logs), software=case.engine, year=case.year, key=row.key
    )


def _ratio(row: ScoredRow) -> float | None:
    """Return measured over predicted time, the mean of the logarithms of what the row measures; None where it measures none of them."""
    logs = list(_logs(row))
    return math.exp(sum(logs) / len(logs)) if logs else None


def _logs(row: ScoredRow) -> Iterable[float]:
    for name, sign in _SIGNS.items():
        figure = row.figures.get(name)
        if figure is not None and figure.measured and figure.predicted:
            yield sign * math.log(figure.measured / figure.predicted)


def _silent(row: TrainingRow | ServingRow, scored: ScoredRow, ratio: float | None) -> str:
    """Say why a row tells nothing, "" where it does."""
    case = row.case
    unloaded = UNLOADED in row.assumed or (
        isinstance(case, ServingCase) and case.load in {"closed", "static"} and not (case.concurrency or case.batch)
    )
    logs = list(_logs(scored))
    apart = max(logs, default=0.0) - min(logs, default=0.0)
    off = ratio is not None and not 1.0 / MOST_RATIO <= ratio <= MOST_RATIO
    reasons = {
        scored.refusal: bool(scored.refusal),
        "; ".join(problem.partition(", ")[2] for problem in row.problems): bool(row.problems),
        "its quality says that it is to be checked": scored.aside,
        "its load is not given (concurrency, batch or request_rate_per_s)": unloaded,
        "it measures neither a step, nor a time per token, nor a rate": ratio is None,
        f"its rate and its times tell times that are {math.exp(apart):.3g} times apart": apart > math.log(_MOST_APART),
        f"measured at {ratio or 0.0:.3g} times the predicted time: is its unit right?": off,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
