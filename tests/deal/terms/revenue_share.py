"""A part of what a channel sells."""

from __future__ import annotations

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "revenue_share",
    "id": "revenue_share",
    "base": "gross_profit",
    "rates": {"cloud": {"2026-07-01": "50 %", "2028-01-01": "30 %"}},
    "cap": "1.5 bn USD",
    "floor": "40 M USD/y",
}


def drawn(draw, contract):
    found = {
        "kind": "revenue_share",
        "id": "revenue_share",
        "base": draw(st.sampled_from(["revenue", "gross_profit"])),
        "rates": {"cloud": draw(st.sampled_from(["0 %", "25 %", "50 %"]))},
        "cap": f"{draw(st.integers(0, 30)) * 100} M USD",
        "floor": draw(st.sampled_from(["0 USD/y", "50 M USD/y"])),
    }
    if draw(st.booleans()):
        back = {"base": draw(st.sampled_from(["revenue", "gross_profit"])), "rates": {"direct": "20 %"}}
        if draw(st.booleans()):
            back["cap"] = f"{draw(st.integers(0, 10)) * 100} M USD"
        found |= {"back": back, "cap_of": draw(st.sampled_from(["gross", "net"]))}
    return found
