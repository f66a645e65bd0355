"""Remedies for capacity that comes late."""

from __future__ import annotations

from hypothesis import strategies as st

NEEDS = ("take_or_pay",)

EXAMPLE = {
    "kind": "delivery_delay",
    "id": "delivery_delay",
    "of": "take_or_pay",
    "interval": "half_year",
    "remedy": {
        "grace": "30 days",
        "cure": "90 days",
        "credit": "30 %",
        "cap": "400 M USD",
        "ends": "tranche",
        "window": "360 days",
    },
    "each": {"power": {"grace": "45 days", "per_day": "200 k USD"}},
}


def drawn(draw, contract):
    remedy = {
        "grace": f"{draw(st.integers(0, 90))} days",
        "cure": f"{draw(st.integers(0, 120))} days",
        "credit": draw(st.sampled_from(["1 %", "25 %", "100 %"])),
        "per_day": draw(st.sampled_from(["0 USD", "150 k USD"])),
        "discount": draw(st.sampled_from(["0 %", "0 %", "10 %"])),
    }
    if draw(st.booleans()):
        remedy["ends"] = draw(st.sampled_from(["tranche", "tranche", "contract"]))
        if draw(st.booleans()):
            remedy["window"] = f"{draw(st.integers(0, 400))} days"
    if draw(st.booleans()):
        remedy["cap"] = f"{draw(st.integers(0, 10)) * 50} M USD"
    return {
        "kind": "delivery_delay",
        "id": "delivery_delay",
        "of": "take_or_pay",
        "interval": draw(st.sampled_from(["half_year", "year"])),
        "remedy": remedy,
        "each": {"two": {"credit": "50 %"}} if draw(st.booleans()) else {},
        "relief": draw(st.sampled_from(["on", "off"])),
        "extends": "off" if remedy["credit"] == "100 %" else draw(st.sampled_from(["on", "off"])),
    }
