"""Money paid ahead: a pool with a top-up that expires, and a share of a tranche credited later."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

NEEDS = ("chip_price",)

EXAMPLE = {
    "kind": "prepayment",
    "id": "prepayment",
    "interval": "half_year",
    "payments": [
        {"id": "pool", "date": "2026-08-01", "amount": "300 M USD", "expires": "2027-12-31"},
        {
            "id": "tranche",
            "date": "2027-02-01",
            "share": "20 %",
            "of": "2 bn USD",
            "credit_from": "2027-10-20",
            "over": 3,
        },
    ],
}


def drawn(draw, contract):
    money = st.integers(0, 20).map(lambda n: f"{n * 100} M USD")
    first = contract.start + timedelta(days=draw(st.integers(0, 300)))
    later = first + timedelta(days=draw(st.integers(0, 500)))
    found = {
        "kind": "prepayment",
        "id": "prepayment",
        "interval": draw(st.sampled_from(["half_year", "year"])),
        "counts": {"chip_price": "100 %", "take_or_pay": draw(st.sampled_from(["0 %", "50 %", "100 %"]))},
        "payments": [{"date": str(first), "amount": draw(money)}, {"date": str(later), "amount": draw(money)}],
    }
    form = draw(st.sampled_from(["plain", "expires", "scheduled", "least", "refunded", "opening"]))
    if form == "expires":
        found["payments"][0]["expires"] = str(later + timedelta(days=draw(st.integers(1, 400))))
    if form == "scheduled":
        found["payments"][1] |= {"over": draw(st.integers(1, 4)), "credit_from": str(later + timedelta(days=200))}
    if form == "least":
        found["least_used"] = draw(money)
    if form == "refunded":
        found["unused"] = "refunded"
    if form == "opening":
        found["opening"] = draw(money)
    return found
