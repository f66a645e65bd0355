"""Reference deals, each held against a second source where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offtake.catalog.load import rows

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["agreement", "second_rows"]


def second_rows(deal_id: str) -> tuple[Mapping[str, str], ...]:
    """Return the second source's rows of a deal.

    Examples
    --------
    >>> [r["gw"] for r in second_rows("goog-avgo-anth-2026-04")]
    ['5.0', '3.5']
    """
    wanted = {r["second_id"] for r in rows("deals_match") if r["deal_id"] == deal_id}
    return tuple(r for r in rows("deals_second") if r["id"] in wanted)


def agreement(row: Mapping[str, str]) -> str:
    """Say where the second source agrees with a deal, and where it differs.

    Power, money and date are compared where both print them; the second source's equity row is held against the firm equity.

    Examples
    --------
    >>> agreement(next(r for r in rows("deals") if r["deal_id"] == "amzn-anth-2026-04"))
    'agrees: GW 5, bn USD 100, date 2026-04-20, equity bn USD 5'
    >>> agreement(next(r for r in rows("deals") if r["deal_id"] == "amzn-anth-2023"))
    'no second source'
    """
    second = second_rows(row["deal_id"])
    if not second:
        return "no second source"
    same: list[str] = []
    other: list[str] = []
    for found in second:
        money = "equity_firm_usd_bn" if found["id"].endswith("-equity") else "spend_usd_bn"
        label = "equity bn USD" if money == "equity_firm_usd_bn" else "bn USD"
        for name, ours, theirs in (
            ("GW", row["gw"], found["gw"]),
            (label, row[money], found["usd_bn"]),
            ("date", row["date"], found["date"]),
        ):
            if not ours or not theirs:
                continue
            equal = _same(ours, theirs)
            text = f"{name} {ours}" if equal else f"{name} {ours} against {theirs}"
            listed = same if equal else other
            if text not in listed:
                listed.append(text)
    parts = ([f"differs: {', '.join(other)}"] if other else []) + ([f"agrees: {', '.join(same)}"] if same else [])
    return "; ".join(parts) or "the second source prints no figure to compare"


def _same(ours: str, theirs: str) -> bool:
    """Compare two cells: numbers by value, dates as far as both are written."""
    try:
        return float(ours) == float(theirs)
    except ValueError:
        return ours.startswith(theirs) or theirs.startswith(ours)
