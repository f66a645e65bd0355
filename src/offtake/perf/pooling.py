"""Partial pooling: efficiency factors fitted as global + vendor + family + chip + software effects, shrunk towards nothing.

Every parameter of a model is exp(sum of effects), one for each level that a row belongs to (`global`, `vendor:AMD`, `family:hopper`,
`chip:H100 SXM`, `engine:megatron`, …). An effect has a normal prior of mean 0; the global one is centred on a physical prior. So a chip
without data gets its family's value, a family without data the vendor's or the global one: never an extrapolation. The scale of each
kind of effect is estimated from the data (empirical Bayes), within bounds. Residuals are weighted down beyond about two sigma
(Student-t weights), and rows of one source share a random intercept that is estimated and then left out.

Fitting is Gauss-Newton with damping on log time; derivatives are one-sided differences of the vectorised model by parameter, carried to
the effects by the design matrix. Deterministic: no random numbers, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

__all__ = ["Design", "Fit", "Prior", "design", "fit"]

Floats = npt.NDArray[np.float64]

_STEP = 1e-4  # of a log-parameter, for derivatives
_STUDENT = 4.0  # degrees of freedom of the residuals
_FLOOR = 0.02  # least spread of residuals: no source prints better than 2 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed of one parameter before data.

    Attributes
    ----------
    name : str
    value : float          centre of the global value, in the parameter's unit
    sd : float             standard deviation of its logarithm
    levels : tuple         kinds of effect it may have besides the global one, e.g. ("vendor", "family", "chip")
    level_sd : float       prior scale of an effect (log); re-estimated between a third and three times of it
    """

    name: str
    value: float
    sd: float
    levels: tuple[str, ...] = ()
    level_sd: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Which effects act on which row.

    Attributes
    ----------
    names : tuple of (parameter, level)                   one for each effect, e.g. ("gemm", "family:hopper")
    member : float64[effect, row]                         1 where the effect acts
    parameter : int[effect]                               index of the parameter it acts on; -1 for intercepts of sources
    kind : tuple of str                                   group whose scale is estimated together, e.g. "gemm/family"
    mean, sd : float64[effect]                            prior
    priors : tuple of Prior
    """

    names: tuple[tuple[str, str], ...]
    member: Floats
    parameter: npt.NDArray[np.int64]
    kind: tuple[str, ...]
    mean: Floats
    sd: Floats
    priors: tuple[Prior, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Fitted effects.

    Attributes
    ----------
    effects : mapping (parameter, level) → log effect (the global one: log value); intercepts of sources under ("source", name)
    scale : float                     spread of residuals (log), rows of one source
    residuals : float64[row]          log measured - log predicted, intercepts left out of the prediction
    kinds : mapping kind → scale      estimated scale of each kind of effect (log)
    """

    effects: Mapping[tuple[str, str], float]
    scale: float
    residuals: Floats
    kinds: Mapping[str, float]


def design(
    priors: Sequence[Prior],
    rows: Sequence[Mapping[str, str]],
    *,
    sources: Sequence[str],
    source_sd: float = 0.05,
    wider_sd: Mapping[str, float] = MappingProxyType({}),
) -> Design:
    """Lay out the effects for rows.

    Parameters
    ----------
    rows : per row, kind of level → its name ({"vendor": "AMD", "chip": "MI300X"}); an empty name has no effect
    sources : per row, the source that shares an intercept
    source_sd, wider_sd : float, mapping source → float   scale of intercepts (log); of some sources

    Examples
    --------
    >>> d = design([Prior(name="gemm", value=0.7, sd=0.2, levels=("chip",))], [{"chip": "A"}, {"chip": "B"}], sources=["x", "x"])
    >>> d.names
    (('gemm', 'global'), ('gemm', 'chip:A'), ('gemm', 'chip:B'), ('source', 'x'))
    """
    names: list[tuple[str, str]] = []
    member: list[Floats] = []
    parameter: list[int] = []
    kind: list[str] = []
    mean: list[float] = []
    sd: list[float] = []

    def add(name: tuple[str, str], acts: Floats, at: int, of: str, centre: float, scale: float) -> None:  # noqa: PLR0917
        names.append(name)
        member.append(acts)
        parameter.append(at)
        kind.append(of)
        mean.append(centre)
        sd.append(scale)

    for at, prior in enumerate(priors):
        add((prior.name, "global"), np.ones(len(rows)), at, f"{prior.name}/global", np.log(prior.value), prior.sd)
        for level in prior.levels:
            for value in sorted({row.get(level, "") for row in rows} - {""}):
                acts = np.array([row.get(level, "") == value for row in rows], dtype=np.float64)
                add((prior.name, f"{level}:{value}"), acts, at, f"{prior.name}/{level}", 0.0, prior.level_sd)
    for source in sorted(set(sources)):
        acts = np.array([s == source for s in sources], dtype=np.float64)
        add(("source", source), acts, -1, "source", 0.0, wider_sd.get(source, source_sd))
    return Design(
        names=tuple(names), member=np.array(member), parameter=np.array(parameter, dtype=np.int64), kind=tuple(kind),
        mean=np.array(mean), sd=np.array(sd), priors=tuple(priors),
    )  # fmt: skip


def fit(
    model: Callable[[Floats], Floats],
    measured_log: Floats,
    layout: Design,
    *,
    weights: Floats,
    rounds: int = 12,
    start: Floats | None = None,
    batched: bool = False,
) -> Fit:
    """Fit effects to the logarithm of measured times.

    Parameters
    ----------
    model : float64[parameter, row] of log-parameters → float64[row] of log times
    measured_log : float64[row]
    weights : float64[row]    relative weight of a row (1: as much as one independent measurement)
    batched : bool            the model also takes float64[parameter, copy, row] and returns float64[copy, row]
    rounds : int              Gauss-Newton steps; scales of effects and residuals are re-estimated after every third

    Raises
    ------
    ValueError
        The model returns a value that is not finite.

    Examples
    --------
    >>> rows = [{"chip": c} for c in "AABB"]
    >>> d = design([Prior(name="rate", value=1.0, sd=1.0, levels=("chip",), level_sd=0.5)], rows, sources=["s"] * 4)
    >>> found = fit(lambda p: -p[0], np.log([1.0, 1.0, 2.0, 2.0]), d, weights=np.ones(4))
    >>> found.effects[("rate", "chip:A")] > found.effects[("rate", "chip:B")]
    True
    """
    theta = layout.mean.copy() if start is None else start.copy()
    sd = layout.sd.copy()
    scale = 0.15
    damping = 1e-3
    for turn in range(rounds):
        log_time, slope = _derivatives(model, layout, theta, batched=batched)
        residual = measured_log - log_time
        robust = (_STUDENT + 1.0) / (_STUDENT + (residual / scale) ** 2)
        row_weight = weights * robust / scale**2
        jacobian = _jacobian(layout, slope)
        precision = (jacobian * row_weight) @ jacobian.T + np.diag(1.0 / sd**2)
        gradient = jacobian @ (row_weight * residual) - (theta - layout.mean) / sd**2
        step = _solve(precision + damping * np.diag(np.diag(precision)), gradient)
        best = _objective(residual, theta, layout, sd=sd, weights=weights, scale=scale)
        for _ in range(6):
            tried = theta + step
            moved = measured_log - _predict(model, layout, tried)
            if _objective(moved, tried, layout, sd=sd, weights=weights, scale=scale) <= best:
                theta, residual = tried, moved
                break
            step *= 0.4
        if turn % 3 == 2:
            robust = (_STUDENT + 1.0) / (_STUDENT + (residual / scale) ** 2)
            scale = max(_FLOOR, float(np.sqrt((weights * robust * residual**2).sum() / weights.sum())))
            sd = _scales(layout, theta, _solve(precision, np.eye(len(precision))))
    intercepts = (layout.member.T * (layout.parameter < 0)) @ theta
    kinds = {kind: float(sd[layout.kind.index(kind)]) for kind in sorted(set(layout.kind))}
    effects = {name: float(value) for name, value in zip(layout.names, theta, strict=True)}
    return Fit(effects=effects, scale=scale, residuals=residual + intercepts, kinds=kinds)


def _solve(matrix: Floats, right: Floats) -> Floats:
    """Solve a symmetric positive definite system by Cholesky, column by column.

    Written out because a threaded library answers in another order on another machine, and waits long for busy cores.
    """
    count = len(matrix)
    lower = np.zeros_like(matrix)
    for j in range(count):
        column = matrix[j:, j] - lower[j:, :j] @ lower[j, :j]
        lower[j:, j] = column / np.sqrt(max(column[0], 1e-300))
    out = np.array(right, dtype=np.float64)
    for j in range(count):
        out[j] = (out[j] - lower[j, :j] @ out[:j]) / lower[j, j]
    for j in range(count - 1, -1, -1):
        out[j] = (out[j] - lower[j + 1 :, j] @ out[j + 1 :]) / lower[j, j]
    return out


def _parameters(layout: Design, theta: Floats) -> Floats:
    """Return log-parameters of each row, float64[parameter, row]."""
    out = np.zeros((len(layout.priors), layout.member.shape[1]))
    np.add.at(out, layout.parameter[layout.parameter >= 0], (layout.member * theta[:, None])[layout.parameter >= 0])
    return out


def _predict(model: Callable[[Floats], Floats], layout: Design, theta: Floats) -> Floats:
    """Return log times with the sources' intercepts."""
    log_time = model(_parameters(layout, theta))
    if not np.isfinite(log_time).all():
        raise ValueError("the model returned a time that is not finite")
    return np.asarray(log_time + (layout.member.T * (layout.parameter < 0)) @ theta)


def _derivatives(
    model: Callable[[Floats], Floats], layout: Design, theta: Floats, *, batched: bool
) -> tuple[Floats, Floats]:
    """Return log times and their derivatives by log-parameter, float64[parameter, row]."""
    base = _predict(model, layout, theta)
    intercepts = (layout.member.T * (layout.parameter < 0)) @ theta
    parameters = _parameters(layout, theta)
    count = len(parameters)
    if batched:
        copies = parameters[:, None, :] + _STEP * np.eye(count)[:, :, None]
        return base, np.asarray((model(copies) + intercepts - base) / _STEP)
    slope = np.empty_like(parameters)
    for at in range(count):
        moved = parameters.copy()
        moved[at] += _STEP
        slope[at] = (model(moved) + intercepts - base) / _STEP
    return base, slope


def _jacobian(layout: Design, slope: Floats) -> Floats:
    """Return derivatives by effect, float64[effect, row]."""
    by_row = np.where((layout.parameter >= 0)[:, None], slope[np.maximum(layout.parameter, 0)], 1.0)
    return np.asarray(layout.member * by_row)


def _objective(residual: Floats, theta: Floats, layout: Design, *, sd: Floats, weights: Floats, scale: float) -> float:
    """Return minus the log posterior, up to a constant."""
    likelihood = 0.5 * (_STUDENT + 1.0) * np.log1p((residual / scale) ** 2 / _STUDENT)
    return float((weights * likelihood).sum() + 0.5 * (((theta - layout.mean) / sd) ** 2).sum())


def _scales(layout: Design, theta: Floats, covariance: Floats) -> Floats:
    """Re-estimate the scale of each kind of effect: mean of effect² + its variance, pulled to the prior by two effects' worth."""
    sd = layout.sd.copy()
    for kind in sorted(set(layout.kind)):
        if (
            kind.endswith("/global") or kind == "source"
        ):  # an intercept that grows would take what parameters should explain
            continue
        at = np.array([k == kind for k in layout.kind])
        prior = float(layout.sd[at][0])
        found = (theta[at] ** 2 + np.diag(covariance)[at]).sum()
        pooled = np.sqrt((found + 2.0 * prior**2) / (at.sum() + 2.0))
        sd[at] = np.clip(pooled, prior / 3.0, prior * 3.0)
    return sd
