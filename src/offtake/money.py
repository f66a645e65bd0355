"""Exact money: decimals in whole cents, and the one bridge from planning floats.

Planning arrays are float64; books are exact.  `exact` crosses over without rounding, `to_cents` rounds a row of exact amounts to
whole cents by largest remainder, so that the cents add up to the rounded total.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction

CENT = Decimal("0.01")
WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
"""Arithmetic context of settlement: wide enough that sums and products of plan quantities keep far more than a cent."""


def exact(value: float) -> Decimal:
    """Return the exact decimal value of a float.

    Examples
    --------
    >>> exact(0.5)
    Decimal('0.5')
    """
    return Decimal(value)


def ratio(share: Fraction) -> Decimal:
    """Return a fraction (of days, say) as a decimal of 60 digits."""
    with localcontext(WIDE):
        return Decimal(share.numerator) / Decimal(share.denominator)


def to_cents(amounts: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Round a row of amounts to cents so that their sum is the rounded sum (largest remainder).

    Examples
    --------
    >>> to_cents([Decimal("0.333"), Decimal("0.333"), Decimal("0.334")])
    (Decimal('0.33'), Decimal('0.33'), Decimal('0.34'))
    """
    with localcontext(WIDE):
        total = sum(amounts, Decimal(0)).quantize(CENT, rounding=ROUND_HALF_EVEN)
        floors = [a.quantize(CENT, rounding=ROUND_FLOOR) for a in amounts]
        missing = int((total - sum(floors, Decimal(0))) / CENT)
        order = sorted(range(len(amounts)), key=lambda k: (floors[k] - amounts[k], k))
        for k in order[:missing]:
            floors[k] += CENT
        return tuple(floors)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add amounts exactly."""
    with localcontext(WIDE):
        return sum(amounts, Decimal(0))
