"""More time, at the same prices or others."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "extension_option",
    "id": "extension_option",
    "party": "offtaker",
    "first": "2027-11-01",
    "last": "2028-06-30",
    "length": "12 months",
    "price_change": "-20 %",
    "fee": "50 M USD",
    "interval": "half_year",
}


def drawn(draw, contract):
    days = (contract.end - contract.start).days
    first = draw(st.integers(0, days))
    rule = draw(
        st.sampled_from([{}, {"price_change": "-30 %"}, {"price_change": "15 %"}, {"prices": {"a": "0.6 USD/chip-h"}}])
    )
    return {
        "kind": "extension_option",
        "id": "extension_option",
        "party": draw(st.sampled_from(["offtaker", "provider"])),
        "first": str(contract.start + timedelta(days=first)),
        "last": str(contract.start + timedelta(days=draw(st.integers(first, days)))),
        "length": f"{draw(st.sampled_from([1, 7, 12, 24]))} months",
        "fee": draw(st.sampled_from(["0 USD", "30 M USD"])),
        "interval": "year",
        **rule,
    }
