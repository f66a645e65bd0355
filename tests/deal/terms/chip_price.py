"""Prices per chip-hour."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

VALUED = date(2026, 7, 1)

EXAMPLE = {
    "kind": "chip_price",
    "id": "chip_price",
    "prices": {"a": "1.05 USD/chip-h", "b": {"2026-07-01": "2 USD/chip-h", "2028-01-01": "1.5 USD/chip-h"}},
    "escalator": "2 %/y",
    "tiers": [{"above": "400 M chip-h", "discount": "10 %"}],
    "interval": "half_year",
}


def drawn(draw, contract):
    steps = draw(st.lists(st.integers(1, 20), unique=True, max_size=2).map(sorted))
    cents = st.integers(50, 300)
    found = {
        "kind": "chip_price",
        "id": "chip_price",
        "prices": {chip: f"{draw(cents) / 100} USD/chip-h" for chip in ("a", "b")},
        "interval": draw(st.sampled_from(["half_year", "year"])),
        "escalator": draw(st.sampled_from(["0 %/y", "3 %/y"])),
        "tiers": [
            {"above": f"{n * 100} M chip-h", "discount": f"{(k + 1) * draw(st.sampled_from([0, 15]))} %"}
            for k, n in enumerate(steps)
        ],
    }
    off = [t["discount"] for t in found["tiers"]]
    if steps and off == sorted(off, key=lambda d: int(d.split()[0])) and draw(st.booleans()):
        found["how"] = "all_units"
    if steps and contract.start < VALUED and (contract.start.month, contract.start.day) != (VALUED.month, VALUED.day):
        found["taken_before"] = {"a": f"{draw(st.integers(0, 15)) * 100} M chip-h"}
    return found
