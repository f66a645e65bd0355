"""A third party stands in for minimum payments."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

NEEDS = ("take_or_pay",)

EXAMPLE = {
    "kind": "guarantee",
    "id": "guarantee",
    "interval": "half_year",
    "of": ["take_or_pay"],
    "cap": "300 M USD",
    "fee": "2 %/y",
    "called_from": "2027-03-01",
}


def drawn(draw, contract):
    found = {
        "kind": "guarantee",
        "id": "guarantee",
        "interval": draw(st.sampled_from(["half_year", "year"])),
        "of": draw(st.sampled_from([["take_or_pay"], ["take_or_pay", "spend_commitment"], ["chip_price"]])),
        "cap": f"{draw(st.integers(0, 30)) * 50} M USD",
        "share": draw(st.sampled_from(["0 %", "50 %", "100 %"])),
        "fee": draw(st.sampled_from(["0 %/y", "3 %/y"])),
        "fee_payer": draw(st.sampled_from(["provider", "offtaker"])),
    }
    if draw(st.booleans()):
        found["called_from"] = str(contract.start + timedelta(days=draw(st.integers(-100, 1000))))
    return found
