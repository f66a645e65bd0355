"""Fit of the training parameters, and cross-validation by whole chip and whole source.

Settings that a row leaves open are chosen with the current parameters, then parameters are fitted with settings held, in turns.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from offtake.errors import OfftakeError
from offtake.perf import params, pooling, training_params
from offtake.perf.answers import Refusal
from offtake.perf.params import Section
from offtake.perf.tables import publisher_of
from offtake.perf.training_layouts import impossible
from offtake.perf.training_model import base_setting, choose, levels, open_settings, predict_training
from offtake.perf.training_setting import stack
from offtake.perf.training_step import step

if TYPE_CHECKING:
    from offtake.perf.cases import TrainingCase
    from offtake.perf.pooling import Floats
    from offtake.perf.training_setting import Setting

__all__ = ["MeasuredStep", "cross_validate", "fit_training"]

_TURNS = 2  # of choosing open settings and fitting
_MOST_WEIGHT = 2.0
"""Of one row, however few its publisher has: a small source must not settle a parameter alone."""
_EXPERTS_SD = 0.07
"""By how much publishers differ in models with experts (log time), beside what is fitted."""
_UNTUNED_SD = 0.25
"""By how much publishers differ in runs that nobody tuned (log time)."""
_FIRST_ROUNDS = 6  # of the fit with settings chosen by the priors


class MeasuredStep(Protocol):
    """A row of a training table: a case and what was measured."""

    @property
    def case(self) -> TrainingCase | None:
        """What the row asks; None where it cannot be asked."""

    @property
    def step_s(self) -> float | None:
        """Measured step time [s]."""

    @property
    def basis(self) -> str:
        """What the time is from: step, tokens or flops."""

    @property
    def key(self) -> str:
        """Name of the row."""

    @property
    def source(self) -> str:
        """Where the row is from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A row that can be fitted, with every layout that its open settings allow."""

    row: MeasuredStep
    case: TrainingCase
    step_s: float
    settings: Setting
    layout: Mapping[str, Floats]
    first: int  # the layout that is best by the priors


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    """Rows that can be fitted, with open settings chosen."""

    cases: tuple[TrainingCase, ...]
    settings: tuple[Setting, ...]
    log_s: Floats
    weights: Floats
    keys: tuple[str, ...]


def fit_training(rows: Sequence[MeasuredStep], *, rounds: int = 12) -> Section:
    """Fit the training parameters to measured steps.

    Raises
    ------
    OfftakeError
        No row can be fitted.
    """
    opened = _opened(rows)
    if not opened:
        raise OfftakeError("no row can be fitted: each lacks an input or a measured step time")
    return _fit_opened(opened, rounds)


def _fit_opened(opened: Sequence[_Opened], rounds: int) -> Section:
    """Fit, choosing open settings first by the priors, then by the parameters found.

    A publisher's only row is a test and no data: what it measured cannot be told from its habits. So are rows named trials: layouts that
    were tried out, most of them to be dropped, on a cluster that was still being set up.
    """
    many = Counter(publisher_of(one.row.source) for one in opened)
    sure = [
        one for one in opened if many[publisher_of(one.row.source)] > 1 and "trial" not in one.case.model.name.split()
    ]
    opened = sure or opened
    section, found = _fit(_data(opened, None), _FIRST_ROUNDS, None)
    for _ in range(_TURNS - 1):
        section, found = _fit(_data(opened, section), rounds, found)
    return section


def _opened(rows: Sequence[MeasuredStep]) -> list[_Opened]:
    """Return the rows with a possible case and a measured time, their open settings laid out."""
    out = []
    for row in rows:
        case = row.case
        if case is None or not row.step_s or impossible(case):
            continue
        try:
            settings, tried = open_settings(case, base_setting(case))
        except OfftakeError:
            continue
        first, _ = choose(settings, training_params.efficiency(None, ()))
        out.append(_Opened(row=row, case=case, step_s=row.step_s, settings=settings, layout=tried.layout, first=first))
    return out


def _data(opened: Sequence[_Opened], section: Section | None) -> _Data:
    """Choose open settings with the current parameters."""
    settings = []
    for one in opened:
        index = one.first
        if section is not None:
            index, _ = choose(one.settings, training_params.efficiency(section, levels(one.case)))
        settings.append(one.settings.with_layout(**{n: float(np.asarray(v)[index]) for n, v in one.layout.items()}))
    return _Data(
        cases=tuple(one.case for one in opened),
        settings=tuple(settings),
        log_s=np.array([math.log(one.step_s) for one in opened]),
        weights=_weights([one.row for one in opened]),
        keys=tuple(one.row.key for one in opened),
    )


def _weights(rows: Sequence[MeasuredStep]) -> Floats:
    """Weigh rows: those of one publisher, chip and size of model share the root of their number; times from printed TFLOP/s count half."""
    cells = [
        (publisher_of(r.source), r.case.chip.name, round(math.log2(max(r.case.model.active_params or 1.0, 1.0))))
        if r.case
        else ("", "", 0)
        for r in rows
    ]
    count = Counter(cells)
    by_source = Counter(c[0] for c in cells)
    return np.array([
        (0.5 if row.basis == "flops" else 1.0) * min(count[cell] ** -0.5 * (len(rows) / by_source[cell[0]]) ** 0.25, _MOST_WEIGHT)
        for row, cell in zip(rows, cells, strict=True)
    ])  # fmt: skip


def _fit(data: _Data, rounds: int, start: pooling.Fit | None) -> tuple[Section, pooling.Fit]:
    """Fit effects with settings held."""
    names = [training_params.levels(c.chip, engine=c.engine, year=c.year, tuned_by=c.tuned_by) for c in data.cases]
    sources = [
        publisher_of(c.source) + (" untuned" if c.tuned_by == "nobody" else " experts" if c.model.is_moe else "")
        for c in data.cases
    ]
    wider = {"untuned": _UNTUNED_SD, "experts": _EXPERTS_SD}
    layout = pooling.design(
        training_params.PRIORS,
        names,
        sources=sources,
        wider_sd={s: wider[last] for s in sources if (last := s.rpartition(" ")[2]) in wider},
    )
    theta = None if start is None else np.array([start.effects[name] for name in layout.names])
    found = pooling.fit(
        _model(data.settings), data.log_s, layout, weights=data.weights, rounds=rounds, start=theta, batched=True
    )
    effects: dict[str, dict[str, float]] = {}
    for (name, level), value in found.effects.items():
        if name != "source" and (level == "global" or abs(value) > 1e-6):
            effects.setdefault(name, {})[level] = value
    # a chip that was fitted is known even where its effect is nought
    for case in data.cases:
        for level in levels(case):
            effects["gemm"].setdefault(level, 0.0)
    spread = {**training_params.SPREAD, "residual": max(found.scale, 0.04)}
    section = Section(
        kind="training",
        effects=effects,
        spread=spread,
        rows={"count": len(data.keys), "hash": params.digest(data.keys), "keys": sorted(data.keys)},
    )
    return section, found


def _model(settings: Sequence[Setting]) -> Callable[[Floats], Floats]:
    """Return log step times as a function of log-parameters, all rows at once by topology."""
    groups: dict[tuple[int, bool], list[int]] = {}
    for at, s in enumerate(settings):
        groups.setdefault((s.torus_axes, s.mesh), []).append(at)
    stacked = [(np.array(rows), stack([settings[i] for i in rows])) for rows in groups.values()]
    names = [prior.name for prior in training_params.PRIORS]

    def model(logs: Floats) -> Floats:
        out = np.empty(logs.shape[1:])
        for rows, joined in stacked:
            found = training_params.of_logs({name: logs[i][..., rows] for i, name in enumerate(names)})
            out[..., rows] = np.log(step(joined, found).total_s)
        return out

    return model


def cross_validate(rows: Sequence[MeasuredStep], *, by: str, rounds: int = 6) -> list[dict[str, Any]]:
    """Predict every row with its whole chip, or its whole source, left out of the fit.

    Parameters
    ----------
    by : "chip" or "source"

    Returns
    -------
    list of {key, chip, source, model, moe, held, measured_s, predicted_s, low_s, high_s}
    """
    if by not in {"chip", "source"}:
        raise OfftakeError(f"cross-validation is by chip or by source, not by {by!r}")
    opened = _opened(rows)
    groups = [one.case.chip.name if by == "chip" else publisher_of(one.row.source) for one in opened]
    out: list[dict[str, Any]] = []
    for held in sorted(set(groups)):
        inside = [one for one, group in zip(opened, groups, strict=True) if group != held]
        if not inside:
            continue
        section = _fit_opened(inside, rounds)
        out += predictions(
            [one.row for one, group in zip(opened, groups, strict=True) if group == held], section, held=held
        )
    return out


def predictions(rows: Sequence[MeasuredStep], section: Section, *, held: str = "") -> list[dict[str, Any]]:
    """Return prediction beside measurement for rows."""
    out = []
    for row in rows:
        if row.case is None or not row.step_s:
            continue
        found = predict_training(row.case, section, must_fit=False)
        if isinstance(found, Refusal):
            continue
        out.append({
            "key": row.key, "chip": row.case.chip.name, "source": publisher_of(row.source), "model": row.case.model.name,
            "moe": row.case.model.is_moe, "held": held, "measured_s": row.step_s, "predicted_s": found.step_s,
            "low_s": found.interval.low, "high_s": found.interval.high,
        })  # fmt: skip
    return out


def summary(found: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return count, MAPE, median absolute error and share inside the 80 % interval, as fractions."""
    if not found:
        return {"count": 0.0}
    errors = np.array([abs(r["predicted_s"] / r["measured_s"] - 1.0) for r in found])
    inside = np.array([r["low_s"] <= r["measured_s"] <= r["high_s"] for r in found])
    return {
        "count": float(len(found)), "mape": float(errors.mean()), "median_ape": float(np.median(errors)),
        "coverage80": float(inside.mean()),
    }  # fmt: skip
