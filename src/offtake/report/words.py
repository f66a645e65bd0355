"""Figures in sentences: two or three significant digits, the unit beside the number, nothing where there is nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from offtake.tables import scale_of, significant

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["compact", "joined", "percent", "plural", "power", "tokens", "usd"]


def usd(value: float | None) -> str:
    """Write money: `$12.3 bn`, `−$450 M`; an en dash for nothing.

    Examples
    --------
    >>> usd(12_340_000_000.0), usd(-4.5e8), usd(None)
    ('$12.3 bn', '−$450 M', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    factor, unit = scale_of(abs(value), "USD")
    words = significant(abs(value) / factor)
    if words == "1,000" and unit in {"k USD", "M USD", "bn USD"}:  # 999.6 M reads 1 bn
        return usd(math.copysign(1000 * factor, value))
    prefix = unit.removesuffix("USD").strip()
    return f"{chr(0x2212) if value < 0 else ''}${words}{' ' + prefix if prefix else ''}"


def compact(value: float | None) -> str:
    """Write a number in as few characters as a cell of a chart has.

    Examples
    --------
    >>> compact(1_234_000.0), compact(0.0), compact(87.0)
    ('1.2M', '0', '87')
    """
    if value is None or math.isnan(value):
        return ""
    for factor, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return significant(value / factor, 2) + letter
    return significant(value, 2)


def power(mw: float | None) -> str:
    """Write power: `1.42 GW` from a gigawatt on, `206 MW` below.

    Examples
    --------
    >>> power(1422.0), power(206.0), power(0.0)
    ('1.42 GW', '206 MW', '0 MW')
    """
    if mw is None or math.isnan(mw):
        return "–"
    return f"{significant(mw / 1000)} GW" if abs(mw) >= 999.5 else f"{significant(mw)} MW"


def percent(share: float | None) -> str:
    """Write a share: two digits, three from ten percent on only where they say something.

    Examples
    --------
    >>> percent(0.4231), percent(0.004), percent(1.0)
    ('42 %', '0.4 %', '100 %')
    """
    if share is None or math.isnan(share):
        return "–"
    return f"{significant(100 * share, 2 if abs(share) < 0.995 else 3)} %"


def tokens(value: float) -> str:
    """Write a count of tokens.

    Examples
    --------
    >>> tokens(4.1e16)
    '41,000 T tok'
    """
    factor, unit = scale_of(abs(value), "tok")
    return f"{significant(value / factor)} {unit}"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> plural(1, "year"), plural(3, "year"), plural(0, "case")
    ('1 year', '3 years', 'no cases')
    """
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def joined(parts: Sequence[str]) -> str:
    """Join words with commas and a last `and`.

    Examples
    --------
    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""
