"""Shares given to the customer."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "customer_equity",
    "id": "customer_equity",
    "date": "2026-08-01",
    "shares": "8.75 M",
    "share_price": {"2026-08-01": "40 USD", "2029-07-01": "70 USD"},
}


def drawn(draw, contract):
    found = {
        "kind": "customer_equity",
        "id": "customer_equity",
        "date": str(contract.start + timedelta(days=draw(st.integers(0, 900)))),
        "amount": f"{draw(st.integers(0, 50)) * 10} M USD",
        "growth": draw(st.sampled_from(["0 %/y", "10 %/y"])),
        "held_as": draw(st.sampled_from(["fair_value", "cost"])),
    }
    if draw(st.booleans()):
        found |= {"issuer": "chip_vendor", "holder": draw(st.sampled_from(["offtaker", "provider"]))}
    return found
