"""Minimums by tranche."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "take_or_pay",
    "id": "take_or_pay",
    "interval": "half_year",
    "make_up": {"lasts": 1},
    "tranches": [
        {
            "id": "one",
            "chip": "a",
            "count": {"2026-07-01": "40 k chip", "2027-10-01": "90 k chip"},
            "minimum": "80 %",
            "price": "1 USD/chip-h",
        },
        {"id": "power", "it_power": "90 MW", "rate": "9 M USD/MW-y", "start": "2027-03-01"},
    ],
}


def drawn(draw, contract):
    share = st.sampled_from(["0 %", "25 %", "80 %", "100 %"])
    begin = contract.start + timedelta(days=draw(st.integers(0, 900)))
    found = {
        "kind": "take_or_pay",
        "id": "take_or_pay",
        "interval": draw(st.sampled_from(["half_year", "year"])),
        "tranches": [
            {
                "id": "one",
                "chip": "a",
                "count": f"{draw(st.integers(0, 150))} k chip",
                "minimum": draw(share),
                "price": "0.9 USD/chip-h",
            },
            {
                "id": "two",
                "chip": draw(st.sampled_from(["a", "b"])),
                "count": f"{draw(st.integers(0, 80))} k chip",
                "start": str(begin),
                "price": f"{draw(st.integers(50, 300)) / 100} USD/chip-h",
            },
        ],
    }
    stacked = found["tranches"][0]["minimum"] == "100 %" and found["tranches"][1]["chip"] == "a"
    if draw(st.booleans()) and not stacked:
        caps = draw(st.sampled_from([{}, {"cap": "10 %"}, {"cap": "0 %"}]))
        found["make_up"] = caps | draw(st.sampled_from([{}, {"lasts": 1}, {"lasts": 2}]))
    return found
