"""A loan that may turn into a stake."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "convertible",
    "id": "convertible",
    "draws": [{"date": "2026-08-01", "amount": "1 bn USD"}],
    "maturity": "2029-06-30",
    "coupon": "added",
    "coupon_rate": "5 %/y",
    "trigger": {"accepted": "250 MW"},
    "worth": {"points": {"2026-07-01": "50 bn USD", "2029-07-01": "200 bn USD"}, "interpolation": "geometric"},
    "cap": "100 bn USD",
    "discount": "15 %",
}


def drawn(draw, contract):
    first = contract.start + timedelta(days=draw(st.integers(0, 300)))
    maturity = first + timedelta(days=draw(st.integers(300, 900)))
    found = {
        "kind": "convertible",
        "id": "convertible",
        "holder": draw(st.sampled_from(["provider", "fund"])),
        "draws": [
            {"date": str(first), "amount": f"{draw(st.integers(1, 20)) * 100} M USD"},
            {"date": str(first + timedelta(days=100)), "amount": "100 M USD"},
        ],
        "maturity": str(maturity),
        "interval": draw(st.sampled_from(["half_year", "year"])),
        "coupon": draw(st.sampled_from(["cash", "added"])),
        "coupon_rate": draw(st.sampled_from(["0 %/y", "6 %/y"])),
        "cap": f"{draw(st.integers(20, 100))} USD",
        "unconverted": draw(st.sampled_from(["repay", "extend", "convert"])),
    }
    if found["unconverted"] == "extend":
        found["extended_to"] = str(maturity + timedelta(days=draw(st.integers(1, 400))))
    if draw(st.booleans()):
        return found | {"trigger": {"cumulative_spend": f"{draw(st.integers(1, 20)) * 100} M USD"}, "worth": "50 USD"}
    day = first + timedelta(days=draw(st.integers(101, 1200)))
    return found | {"rounds": [{"date": str(day), "price": f"{draw(st.integers(10, 100))} USD"}]}
