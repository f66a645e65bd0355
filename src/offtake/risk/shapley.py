"""Split a difference between two worlds among what differs, exactly and without an order.

With causes C and v(S) = the figure where the causes in S are as in B and the others as in A, the part of a cause c is the mean of
v(S + c) - v(S) over all orders in which the causes may be changed one after the other (Shapley 1953, "A value for n-person games").
The parts add up to v(C) - v({}); a cause that changes nothing gets nothing; B against A gives the same parts with the other sign.
Figures are whole cents (or whole units of any other grain), so that all of this holds exactly and not to a tolerance.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from fractions import Fraction
from typing import TypeVar

__all__ = ["rounded", "shapley"]

K = TypeVar("K", bound=Hashable)
"""Name of a figure."""


def shapley(causes: Sequence[str], figures: Callable[[frozenset[str]], Mapping[K, int]]) -> dict[K, dict[str, int]]:
    """Return figure -> cause -> part, in whole grains that add up to the difference.

    Parameters
    ----------
    causes : sequence of str
        What differs, at most a handful: ``2 ** len(causes)`` worlds are asked for, each once.
    figures : callable
        The causes that are as in B -> the figures of that world; always the same names.

    Examples
    --------
    Price 2 -> 3 and volume 10 -> 14: 22 in all, of which the price alone makes 10 to 14 and the volume alone 8 to 12.

    >>> worlds = lambda s: {"revenue": (3 if "price" in s else 2) * (14 if "volume" in s else 10)}
    >>> shapley(("price", "volume"), worlds)
    {'revenue': {'price': 12, 'volume': 10}}
    """
    everything = frozenset(causes)
    worlds = {s: figures(s) for n in range(len(causes) + 1) for s in map(frozenset, itertools.combinations(causes, n))}
    found: dict[K, dict[str, int]] = {}
    for name, start in worlds[frozenset()].items():
        parts = {cause: Fraction(0) for cause in causes}
        for cause in causes:
            for before, world in worlds.items():
                if cause not in before:
                    weight = Fraction(1, len(causes) * math.comb(len(causes) - 1, len(before)))
                    parts[cause] += weight * (worlds[before | {cause}][name] - world[name])
        found[name] = rounded(parts, worlds[everything][name] - start)
    return found


def rounded(parts: Mapping[str, Fraction], total: int) -> dict[str, int]:
    """Round parts to whole numbers that add up to their total, by largest remainder; the opposite parts give the opposite numbers.

    Examples
    --------
    >>> rounded({"a": Fraction(1, 2), "b": Fraction(1, 2)}, 1), rounded({"a": Fraction(-1, 2), "b": Fraction(-1, 2)}, -1)
    ({'a': 1, 'b': 0}, {'a': -1, 'b': 0})
    """
    sign = next((1 if v > 0 else -1 for v in (Fraction(total), *parts.values()) if v), 1)
    whole = {name: math.floor(sign * part) for name, part in parts.items()}
    missing = sign * total - sum(whole.values())
    order = sorted(parts, key=lambda name: whole[name] - sign * parts[name])  # largest remainder first, then as given
    return {name: sign * (n + (order.index(name) < missing)) for name, n in whole.items()}
