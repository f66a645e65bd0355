"""Capacity held against a fee, which may be given back early."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "reservation",
    "id": "reservation",
    "interval": "half_year",
    "cancel": {"charge": "40 %", "from": "2027-01-15"},
    "tranches": [
        {
            "id": "one",
            "chip": "a",
            "count": {"2026-07-01": "30 k chip", "2027-06-01": "60 k chip"},
            "price": "0.4 USD/chip-h",
        },
        {"id": "power", "it_power": "60 MW", "rate": "2 M USD/MW-y", "start": "2027-03-01"},
    ],
}


def drawn(draw, contract):
    begin = contract.start + timedelta(days=draw(st.integers(0, 900)))
    found = {
        "kind": "reservation",
        "id": "reservation",
        "interval": draw(st.sampled_from(["half_year", "year"])),
        "charged": draw(st.sampled_from(["held", "held", "unused", "written"])),
        "tranches": [
            {"id": "one", "chip": "a", "count": f"{draw(st.integers(0, 120))} k chip", "price": "0.3 USD/chip-h"},
            {
                "id": "two",
                "chip": draw(st.sampled_from(["a", "b"])),
                "count": f"{draw(st.integers(0, 80))} k chip",
                "start": str(begin),
                "price": f"{draw(st.integers(10, 90)) / 100} USD/chip-h",
                "use": draw(st.sampled_from(["service", "operating_lease"])),
            },
        ],
    }
    form = draw(st.sampled_from(["plain", "up_front", "cancel"]))
    if found["charged"] == "written":
        return found
    if form == "up_front" and found["charged"] == "held":
        return {**found, "paid": "up_front"}
    if form == "cancel":
        late = draw(st.sampled_from(["if_late", "never"]))
        return {**found, "cancel": {"charge": draw(st.sampled_from(["0 %", "50 %"])), "waived": late}}
    return found
