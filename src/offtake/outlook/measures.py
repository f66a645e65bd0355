"""Risk measures as re-weightings of paths: a value is the mean under probabilities that lean to the bad paths.

A measure is a mix of conditional values at risk of the lower tail: CVaR at level a is the mean of the worst 1 - a of the probability,

    CVaR_a(V) = max over e of  e - E[max(0, e - V)] / (1 - a)        (level 0: the expectation; 1: the worst path)

so ``value = sum over parts of weight × CVaR_level``. The weights that attain it are the stressed probabilities. Values are better when
larger. Discrete probabilities are exact: the path at the edge of the tail counts in part, paths of equal value share alike.

References
----------
Rockafellar and Uryasev, "Conditional value-at-risk for general loss distributions", Journal of Banking & Finance 26 (2002)
1443-1471 (the split of an atom). Acerbi, "Spectral measures of risk", ibid. 1505-1518 (mixes of levels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from pydantic import model_validator

from offtake.errors import OfftakeError
from offtake.spec.fields import Frac, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float = NDArray[np.float64]

__all__ = [
    "CVaR",
    "Expectation",
    "Mix",
    "MixPart",
    "Parts",
    "RiskMeasure",
    "WorstCase",
    "read_risk",
    "stressed",
    "value",
]

Parts = tuple[tuple[float, float], ...]
"""(weight, level) of conditional values at risk of the lower tail; the weights sum to 1."""

_SUM_TOLERANCE = 1e-9


@runtime_checkable
class RiskMeasure(Protocol):
    """What the plan asks of a risk measure; the terms of `outlook.risk` in the file. Extension point ``risk.KIND``."""

    def parts(self) -> Parts:
        """Return the measure as (weight, level) of CVaRs of the lower tail."""
        ...


class _Risk(Model):
    """Base of the terms of every risk measure of this package."""

    kind: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _drop_kind(cls, raw: Any) -> Any:  # noqa: ANN401  (pydantic's protocol)
        """Accept the key that chose this class."""
        if isinstance(raw, Mapping) and raw.get("kind") == getattr(cls, "kind", None):
            return {k: v for k, v in raw.items() if k != "kind"}
        return raw


class Expectation(_Risk):
    """The mean over paths: no aversion to risk."""

    kind: ClassVar[str] = "expectation"

    def parts(self) -> Parts:
        """Return the mean alone."""
        return ((1.0, 0.0),)


class CVaR(_Risk):
    """The mean over all paths, and a share of the mean over the worst of them."""

    kind: ClassVar[str] = "cvar"

    level_frac: Frac
    """Where the tail begins: at 90 %, the worst tenth of the probability counts once more."""
    weight_frac: Frac
    """Weight of the tail; the rest is on the expectation."""

    def parts(self) -> Parts:
        """Return expectation and tail.

        Examples
        --------
        >>> CVaR(level="90 %", weight="30 %").parts()
        ((0.7, 0.0), (0.3, 0.9))
        """
        return _two(self.weight_frac, self.level_frac)


class WorstCase(_Risk):
    """The mean over all paths, and a share of the worst path."""

    kind: ClassVar[str] = "worst_case"

    weight_frac: Frac = 1.0
    """Weight of the worst path; the rest is on the expectation."""

    def parts(self) -> Parts:
        """Return expectation and worst path."""
        return _two(self.weight_frac, 1.0)


class MixPart(Model):
    """One tail of a mix."""

    weight_frac: Frac
    """Its weight; those of a mix sum to 100 %."""
    level_frac: Frac
    """Where the tail begins: 0 % is the expectation, 100 % the worst path."""


class Mix(_Risk):
    """Several tails at once, each with its weight."""

    kind: ClassVar[str] = "mix"

    of: tuple[MixPart, ...]
    """The tails; their weights sum to 100 %."""

    @model_validator(mode="after")
    def _whole(self) -> Mix:
        total = sum(part.weight_frac for part in self.of)
        if abs(total - 1.0) > _SUM_TOLERANCE:
            raise ValueError(f"the weights of a mix sum to 100 %, these to {100 * total:g} %")
        return self

    def parts(self) -> Parts:
        """Return the tails that have a weight."""
        return tuple((part.weight_frac, part.level_frac) for part in self.of if part.weight_frac > 0.0)


def value(parts: Parts, values: Float, probability: Float) -> float:
    """Return the risk-adjusted value of what the paths give.

    Parameters
    ----------
    parts : (weight, level) of CVaRs of the lower tail
    values : float64[path]         better when larger
    probability : float64[path]    sums to 1

    Raises
    ------
    ValueError    weights or probabilities that do not sum to 1, a level outside 0..1, arrays of different length

    Examples
    --------
    Of 100, 40 and 10 with probabilities 0.5, 0.3 and 0.2 the worst 40 % is all of 10 and two thirds of 40:
    (0.2 × 10 + 0.2 × 40) / 0.4 = 25.

    >>> import numpy as np
    >>> paths, chance = np.array([100.0, 40.0, 10.0]), np.array([0.5, 0.3, 0.2])
    >>> round(value(((1.0, 0.6),), paths, chance), 9)
    25.0
    >>> round(value(((0.5, 0.0), (0.5, 1.0)), paths, chance), 9)     # half of the mean 64, half of the worst 10
    37.0
    """
    return float(stressed(parts, values, probability) @ values)


def stressed(parts: Parts, values: Float, probability: Float) -> Float:
    """Return the probabilities that the measure implies : float64[path]; the value is the mean under them.

    Parameters and errors as of `value`.

    Examples
    --------
    >>> import numpy as np
    >>> stressed(((1.0, 0.6),), np.array([100.0, 40.0, 10.0]), np.array([0.5, 0.3, 0.2])).round(3).tolist()
    [0.0, 0.5, 0.5]
    """
    _check(parts, values, probability)
    # Paths of equal value are one atom: they share its weight in proportion to their probability.
    levels, atom = np.unique(values, return_inverse=True)
    mass: Float = np.bincount(atom, weights=probability, minlength=len(levels)).astype(np.float64)
    before = np.cumsum(mass) - mass
    density = np.zeros(len(levels))
    for weight, level in parts:
        density += weight * _tail(mass, before, 1.0 - level)
    weights: Float = density[atom] * probability
    return weights


def _tail(mass: Float, before: Float, tail: float) -> Float:
    """Return the density, over the probability, of the mean of the lowest `tail` of the mass : float64[atom]."""
    taken = np.clip(tail - before, 0.0, mass)
    if taken.sum() <= 0.0:  # the worst case: the lowest atom that can happen
        taken[np.flatnonzero(mass > 0.0)[0]] = 1.0
    share = taken / taken.sum()
    density: Float = np.divide(share, mass, out=np.zeros_like(mass), where=mass > 0.0)
    return density


def _check(parts: Parts, values: Float, probability: Float) -> None:
    if values.shape != probability.shape or values.ndim != 1 or not len(values):
        msg = f"values of shape {values.shape} and probabilities of shape {probability.shape}"
        raise ValueError(msg)
    if (probability < 0.0).any() or abs(probability.sum() - 1.0) > _SUM_TOLERANCE:
        msg = f"probabilities are not negative and sum to 1; these sum to {probability.sum():.12g}"
        raise ValueError(msg)
    if not np.isfinite(values).all():
        msg = "a value is not finite"
        raise ValueError(msg)
    _checked(parts)


def _checked(parts: Parts) -> Parts:
    weights, levels = [weight for weight, _ in parts], [level for _, level in parts]
    if min(weights, default=-1.0) < 0.0 or abs(sum(weights) - 1.0) > _SUM_TOLERANCE:
        msg = f"weights of a risk measure are not negative and sum to 1: {parts}"
        raise ValueError(msg)
    if not all(0.0 <= level <= 1.0 for level in levels):
        msg = f"levels lie between 0 and 1: {parts}"
        raise ValueError(msg)
    return parts


def _two(weight: float, level: float) -> Parts:
    """Return the expectation and one tail, without what has no weight."""
    both = ((round(1.0 - weight, 12), 0.0), (weight, level))
    return tuple(part for part in both if part[0] > 0.0)


def read_risk(text: str) -> RiskMeasure:
    """Read a risk measure as written on a command line: ``expectation``, ``worst_case:0.2``, ``cvar:0.9:0.3``.

    Raises
    ------
    OfftakeError    there is no such measure, or a number is missing or no share

    Examples
    --------
    >>> read_risk("cvar:0.9:0.3").parts()
    ((0.7, 0.0), (0.3, 0.9))
    """
    kind, *numbers = text.strip().split(":")
    how = "write expectation, worst_case:WEIGHT or cvar:LEVEL:WEIGHT, each between 0 and 1"
    try:
        shares = [float(number) for number in numbers]
    except ValueError:
        raise OfftakeError(f"{text!r} is no risk measure; {how}") from None
    if not all(0.0 <= share <= 1.0 for share in shares):
        raise OfftakeError(f"{text!r} has a share outside 0 to 1; {how}")
    return _named(text, kind, [f"{share!r}" for share in shares], how)


def _named(text: str, kind: str, shares: Sequence[str], how: str) -> RiskMeasure:
    if kind == "expectation" and not shares:
        return Expectation()
    if kind == "worst_case" and len(shares) <= 1:
        return WorstCase(weight_frac=shares[0]) if shares else WorstCase()  # type: ignore[arg-type]
    if kind == "cvar" and len(shares) == 2:
        return CVaR(level_frac=shares[0], weight_frac=shares[1])  # type: ignore[arg-type]
    raise OfftakeError(f"{text!r} is no risk measure; {how}")
