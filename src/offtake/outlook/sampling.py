"""Draw futures: from a seed to effects on every path, the same on every machine and whoever draws them.

Each quantity has a random stream of its own, named by seed, stream and id.  Its numbers depend neither on its place in the file nor on
the other quantities, but for those that it is correlated with (see `offtake.outlook.correlation`).

Four methods. `random`: independent normal numbers. `antithetic`: half of the paths, and their mirror images. `latin`: the same, each
number from a stratum of its own, which serves few paths best (a symmetric Latin hypercube: Ye, Li and Sudjianto, Journal of Statistical
Planning and Inference 90 (2000), 145-159). `sobol`: for each
quantity a scrambled Sobol sequence over its own innovations, whose points are dealt to the paths in a random order.  Within a quantity
the paths are thus evenly spread; across quantities they are paired at random, as in Latin hypercube sampling. One sequence over all
innovations would spread pairs of quantities evenly too, but any quantity added or taken out would change all others.

References
----------
Owen, "Scrambled net variance for integrals of smooth functions", Annals of Statistics 25 (1997) 1541-1562. Joe and Kuo, "Constructing
Sobol sequences with better two-dimensional projections", SIAM Journal on Scientific Computing 30 (2008) 2635-2654. McKay, Beckman and
Conover, "A Comparison of Three Methods for Selecting Values of Input Variables", Technometrics 21 (1979) 239-245.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import DAYS_PER_MONTH
from offtake.outlook.correlation import between, correlated, filled_in
from offtake.outlook.futures import Futures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Outlook

    Float = NDArray[np.float64]
    Int = NDArray[np.int64]

__all__ = ["central", "conditional", "generator", "mean_path", "sample"]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which innovations belong to which quantity."""

    owner: Int
    slots: tuple[str, ...]
    known: Int

    @classmethod
    def of(cls, outlook: Outlook, grid: Grid) -> _Layout:
        rows = [(k, i) for k, u in enumerate(outlook.uncertain) for i in u.process.innovations(grid)]
        return cls(
            np.array([k for k, _ in rows], dtype=np.int64),
            tuple(i.slot for _, i in rows),
            np.array([min(i.known, len(grid)) for _, i in rows], dtype=np.int64),
        )


def generator(seed: int, stream: str, name: str) -> np.random.Generator:
    """Return the random numbers of a name in a stream.

    Examples
    --------
    >>> generator(1, "plan", "demand").integers(100, size=3).tolist() == generator(1, "plan", "demand").integers(100, size=3).tolist()
    True
    """
    digest = sha256(f"{stream}\0{name}".encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


def sample(outlook: Outlook, grid: Grid, *, paths: int, seed: int, stream: str = "plan") -> Futures:
    """Draw equally likely futures.

    Parameters
    ----------
    outlook : Outlook
    grid : Grid
    paths : int      how many
    seed : int
    stream : str     of random numbers: those of different streams are independent

    Raises
    ------
    ValueError       fewer than one path
    """
    if paths < 1:
        msg = f"at least one path must be drawn, not {paths}"
        raise ValueError(msg)
    layout = _Layout.of(outlook, grid)
    drawn = np.zeros((paths, len(layout.owner)))
    for k, u in enumerate(outlook.uncertain):
        mine = np.flatnonzero(layout.owner == k)
        drawn[:, mine] = _drawn(outlook.method, generator(seed, stream, u.id), paths, len(mine))
    joint = _single(correlated(drawn, between(outlook, layout.owner, layout.slots)))
    return _futures(outlook, grid, layout, joint, np.full(paths, 1.0 / paths))


def central(outlook: Outlook, grid: Grid) -> Futures:
    """Return the one path on which every innovation is its median."""
    layout = _Layout.of(outlook, grid)
    return _futures(outlook, grid, layout, np.zeros((1, len(layout.owner))), np.ones(1))


def mean_path(futures: Futures) -> Futures:
    """Return the mean of the effects over the paths, as one path; months are rounded to the day.

    Its innovations are the means of theirs: they tell where the path lies, and no process would make these effects of them.
    """
    chance = futures.probability
    effect = np.einsum("p,pqt->qt", chance, futures.effect)[None]
    months = np.array([m == "months" for m in futures.measures], dtype=np.bool_)
    effect[:, months] = np.round(effect[:, months] * DAYS_PER_MONTH) / DAYS_PER_MONTH
    mean = np.einsum("p,pd->d", chance, futures.innovations)[None]
    return replace(futures, effect=effect, probability=np.ones(1), innovations=mean)


def conditional(outlook: Outlook, grid: Grid, futures: Futures, period: int) -> Futures:
    """Return what is expected of each path at the start of a period: what is not known by then takes its median, given what is known.

    Parameters
    ----------
    outlook : Outlook
    grid : Grid
    futures : Futures    of this outlook and grid
    period : int         0: the central path, as often as there are paths; the number of periods: the paths themselves
    """
    layout = _Layout.of(outlook, grid)
    groups = between(outlook, layout.owner, layout.slots)
    expected = filled_in(futures.innovations, layout.known <= period, groups)
    return _futures(outlook, grid, layout, expected, futures.probability)


def _futures(outlook: Outlook, grid: Grid, layout: _Layout, innovations: Float, probability: Float) -> Futures:
    effect = np.ones((len(innovations), len(outlook.uncertain), len(grid)))
    for k, u in enumerate(outlook.uncertain):
        effect[:, k] = u.process.effect(innovations[:, layout.owner == k], grid)
    factors = np.array([u.process.measure == "factor" for u in outlook.uncertain], dtype=np.bool_)
    effect[:, factors] = _single(effect[:, factors])
    return Futures(
        quantities=tuple(u.id for u in outlook.uncertain),
        targets=tuple(u.of for u in outlook.uncertain),
        measures=tuple(u.process.measure for u in outlook.uncertain),
        effect=effect,
        probability=probability,
        innovations=innovations,
        known=layout.known,
    )


def _single(numbers: Float) -> Float:
    """Round to the precision of single floats, 6e-8: what processors differ by in exp and in matrix factors, 1e-15, is then rounded off."""
    rounded: Float = numbers.astype(np.float32).astype(np.float64)
    return rounded


def _drawn(method: str, rng: np.random.Generator, paths: int, dimensions: int) -> Float:
    """Return independent standard normal numbers, spread by the method : float64[path, dimension]."""
    if method == "random":
        return rng.standard_normal((paths, dimensions))
    if method == "antithetic":
        half = rng.standard_normal(((paths + 1) // 2, dimensions))
        return np.stack((half, -half), axis=1).reshape(-1, dimensions)[:paths]
    if method == "latin":
        return _latin(rng, paths, dimensions)
    return _sobol(rng, paths, dimensions)


def _latin(rng: np.random.Generator, paths: int, dimensions: int) -> Float:
    """Draw one number from each of as many strata as there are paths, in mirrored pairs, in random order."""
    from scipy.special import ndtri

    half = (paths + 1) // 2
    strata = np.argsort(rng.random((half, dimensions)), axis=0)
    lower = ndtri((strata + rng.random((half, dimensions))) / (2 * half))
    one = np.where(rng.random((half, dimensions)) < 0.5, lower, -lower)
    numbers: Float = np.stack((one, -one), axis=1).reshape(-1, dimensions)[:paths]
    return numbers


def _sobol(rng: np.random.Generator, paths: int, dimensions: int) -> Float:
    from scipy.special import ndtri
    from scipy.stats.qmc import Sobol

    if not dimensions:
        return np.zeros((paths, 0))
    engine = Sobol(dimensions, scramble=True, rng=rng)
    points = engine.random_base2(max(paths - 1, 0).bit_length())[:paths]
    points = points[rng.permutation(paths)]
    # The sequence has 30 bits: the middle of the cell keeps 0 and 1 out.
    numbers: Float = ndtri(points + 2.0**-31)
    return numbers
