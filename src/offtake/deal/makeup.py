"""Make-up: what is paid for and not taken is kept as a balance of lots and drawn later, the oldest first.

With u the volume paid for and not taken, v what is taken above the minimum, and lots l of earlier intervals at the prices p paid,

    drawn = min(v, sum of lots),   credit = sum over lots of p × what is drawn of the lot,   a lot lapses after its last interval
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Generic

from offtake.dates import Intervals
from offtake.deal.algebra import X
from offtake.deal.quantities import USD

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra

__all__ = ["Balance", "Kept", "make_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance(Generic[X]):
    """Make-up of one tranche by interval: volumes in its unit, and money at the prices that were paid for them [USD]."""

    added: X
    drawn: X
    held: X
    added_usd: X
    drawn_usd: X
    lapsed_usd: X
    held_usd: X


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Generic[X]):
    """What the make-up balance of a tranche is made of.

    Parameters
    ----------
    untaken, above : X
        Paid for and not taken, and taken above the minimum, by interval; at most one of them is positive.
    prices : tuple of Fraction
        Paid for each interval's untaken volume [USD per unit].
    caps : list of Fraction, optional
        Most held after each interval.
    lasts : int, optional
        Intervals in which a volume can be drawn.
    """

    untaken: X
    above: X
    prices: Sequence[Fraction]
    caps: Sequence[Fraction] | None
    lasts: int | None


def make_up(a: Algebra[X], kept: Kept[X], name: str, *, at_end: bool) -> Balance[X]:
    """Draw later volumes from what was paid for before, the oldest first, each at the price that was paid for it.

    Parameters
    ----------
    at_end : bool
        Whether the last interval ends the term: what is then held lapses.
    """
    on = kept.untaken.on
    lots: list[tuple[int, Fraction, X]] = []  # age, price paid, volume left
    rows: dict[str, list[X]] = {
        k: [] for k in ("added", "drawn", "held", "added_usd", "drawn_usd", "lapsed_usd", "held_usd")
    }
    for k in range(len(on)):
        here = Intervals((on.starts[k],), (on.ends[k],))
        where = f"{name}.make-up.{on.labels[k]}"
        need = a.pick(kept.above, k)
        unit, none = need.unit, a.zero(on=here, unit=USD)
        start, drawn_usd, lapsed_usd = need, none, none
        left: list[tuple[int, Fraction, X]] = []
        for n, (age, paid, earlier) in enumerate(lots):
            lot = a.join([earlier], on=here)
            rest = a.pos(need - lot, f"{where}.lot-{n + 1}")
            drawn_usd = drawn_usd + a.scale(need - rest, paid, unit=USD)
            lot, need = lot - (need - rest), rest
            if kept.lasts is None or age + 1 < kept.lasts:
                left.append((age + 1, paid, lot))
            else:
                lapsed_usd = lapsed_usd + a.scale(lot, paid, unit=USD)
        new = a.pick(kept.untaken, k)
        if kept.caps is not None:
            room = a.const(kept.caps[k], on=here, unit=unit)
            for _, _, lot in left:
                room = room - lot
            new = a.minimum(new, a.pos(room, f"{where}.room"), f"{where}.cap")
        added_usd = a.scale(new, kept.prices[k], unit=USD)
        lots = _joined([*left, (0, kept.prices[k], new)], merge=kept.lasts is None)
        if at_end and k == len(on) - 1:
            for _, paid, lot in lots:
                lapsed_usd = lapsed_usd + a.scale(lot, paid, unit=USD)
            lots = []
        held, held_usd = a.zero(on=here, unit=unit), none
        for _, paid, lot in lots:
            held, held_usd = held + lot, held_usd + a.scale(lot, paid, unit=USD)
        now = (new, start - need, held, added_usd, drawn_usd, lapsed_usd, held_usd)
        for row, value in zip(rows.values(), now, strict=True):
            row.append(value)
    return Balance(**{what: a.join(parts, on=on) for what, parts in rows.items()})


def _joined(lots: list[tuple[int, Fraction, X]], *, merge: bool) -> list[tuple[int, Fraction, X]]:
    """Treat lots of one price that never lapse as one."""
    if merge and len(lots) > 1 and lots[-1][1] == lots[-2][1]:
        (_, paid, older), (age, _, newer) = lots[-2:]
        return [*lots[:-2], (age, paid, older + newer)]
    return lots
