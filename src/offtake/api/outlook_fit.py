"""Calibration as a command sees it: fit, the document, and the tables that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offtake.api.document import SCHEMA_VERSION
from offtake.outlook.fit.calibrate import Calibration, calibrate, checks_written
from offtake.outlook.fit.terms import written
from offtake.progress import Progress, ignore
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from pathlib import Path

    from offtake.outlook.fit.calibrate import Check
    from offtake.outlook.fit.terms import Fitted

__all__ = ["check_table", "document", "files", "fit", "term_table", "worst_table"]

_WIDEST = 24


def fit(traces: Path | None = None, *, progress: Progress = ignore) -> Calibration:
    """Fit processes to the catalogue's history and, where `traces` names their folder, to hourly power prices.

    Raises
    ------
    OfftakeError    the folder lacks the prices, or they are not of their form
    """
    return calibrate(traces, progress)


def files(found: Calibration, path: Path) -> dict[Path, str]:
    """Return what to write: the terms at `path`, the checks beside it."""
    beside = path.with_name(f"{path.name.removesuffix('.csv')}.held.csv")
    return {path: written(found.fitted), beside: checks_written(found.checks)}


def document(found: Calibration) -> dict[str, Any]:
    """Return the calibration as a JSON document."""
    return {
        "schema_version": SCHEMA_VERSION,
        "power_fitted": found.power_fitted,
        "fitted": [_fitted(one) for one in found.fitted],
        "growth_of_demand": {
            "mean_log_per_y": found.pool.mean, "low": found.pool.low, "high": found.pool.high, "between": found.pool.between,
            "between_low": found.pool.between_low, "between_high": found.pool.between_high, "companies": found.pool.members,
        },
        "held_back": [_check(one) for one in found.checks],
    }  # fmt: skip


def term_table(found: Calibration) -> Table:
    """Return one row a term: key, process, term, value, interval, data, grade."""
    rows = [
        (
            one.key,
            one.kind,
            name,
            _short(each.written),
            " to ".join(each.ends) if each.ends else "",
            one.points,
            one.grade,
        )
        for one in found.fitted
        for name, each in one.terms.items()
    ]
    columns = (
        Column("key", kind="text"), Column("process", kind="text"), Column("term", kind="text"), Column("value", kind="text"),
        Column("interval", title="80 % interval", kind="text"), Column("points", kind="int"), Column("grade", kind="text"),
    )  # fmt: skip
    return Table("terms", columns, rows, title="Fitted terms; name them with `like`")


def check_table(found: Calibration) -> Table:
    """Return one row a check on data held back."""
    rows = [
        (one.quantity, one.split, one.found.count, one.found.inside.value, one.found.below, one.found.above)
        for one in found.checks
    ]
    columns = (
        Column("quantity", kind="text"), Column("split", title="Fitted and held back", kind="text"), Column("predictions", kind="int"),
        Column("inside", "frac", title="Inside 80 %"), Column("below", kind="int"), Column("above", kind="int"),
    )  # fmt: skip
    return Table("checks", columns, rows, title="History held back: how often it fell inside the intervals")


def worst_table(found: Calibration) -> Table:
    """Return the members that did worst in each check."""
    rows = [(one.quantity, one.split, name, share) for one in found.checks for name, share in one.worst[:3]]
    columns = (
        Column("quantity", kind="text"), Column("split", title="Fitted and held back", kind="text"), Column("member", kind="text"),
        Column("inside", "frac", title="Inside 80 %"),
    )  # fmt: skip
    return Table("worst", columns, rows, title="Worst")


def _short(text: str) -> str:
    """Return a value that fits a column; a law stands in the file."""
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _fitted(one: Fitted) -> dict[str, Any]:
    terms = {
        name: {"value": each.value, "low": each.low, "high": each.high, "unit": each.unit}
        for name, each in one.terms.items()
    }
    return {
        "key": one.key, "kind": one.kind, "quantity": one.quantity, "grade": one.grade, "terms": terms, "data_from": one.data_from,
        "data_to": one.data_to, "points": one.points, "fit_error": one.fit_error, "source": one.source, "note": one.note,
    }  # fmt: skip


def _check(one: Check) -> dict[str, Any]:
    found = one.found
    return {
        "quantity": one.quantity, "split": one.split, "stated": 0.8, "inside": found.inside.value, "low": found.inside.low,
        "high": found.inside.high, "predictions": found.count, "members": found.members, "below": found.below, "above": found.above,
        "worst": dict(one.worst),
    }  # fmt: skip
