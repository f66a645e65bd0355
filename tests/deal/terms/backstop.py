"""Unsold capacity that another party must buy."""

from __future__ import annotations

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "backstop",
    "id": "backstop",
    "payer": "chip_vendor",
    "interval": "half_year",
    "prices": {"a": "0.6 USD/chip-h", "b": {"2026-07-01": "1 USD/chip-h", "2028-07-01": "0.5 USD/chip-h"}},
    "it_power": "80 MW",
    "cap": "250 M USD",
    "total": "600 M USD",
}


def drawn(draw, contract):
    found = {
        "kind": "backstop",
        "id": "backstop",
        "payer": draw(st.sampled_from(["chip_vendor", "offtaker", "insurer"])),
        "interval": draw(st.sampled_from(["half_year", "year"])),
        "prices": {"a": "0.6 USD/chip-h", "b": f"{draw(st.integers(0, 150)) / 100} USD/chip-h"},
    }
    caps = {
        "it_power": f"{draw(st.integers(0, 200))} MW",
        "cap": f"{draw(st.integers(0, 40)) * 10} M USD",
        "total": f"{draw(st.integers(0, 90)) * 10} M USD",
    }
    return found | {k: v for k, v in caps.items() if draw(st.booleans())}
