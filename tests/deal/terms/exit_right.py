"""Ending the contract on short notice."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "exit_right",
    "id": "exit_right",
    "party": "offtaker",
    "notice": "90 days",
    "not_before": "2027-06-01",
    "interval": "half_year",
    "payment": {"2026-07-01": "400 M USD", "2028-07-01": "150 M USD"},
}


def drawn(draw, contract):
    party = draw(st.sampled_from(["offtaker", "provider", "either"]))
    found = {
        "kind": "exit_right",
        "id": "exit_right",
        "party": party,
        "notice": f"{draw(st.integers(0, 400))} days",
        "interval": draw(st.sampled_from(["half_year", "year"])),
    }
    if draw(st.booleans()):
        found["not_before"] = str(contract.start + timedelta(days=draw(st.integers(0, 900))))
    if party != "either" and draw(st.booleans()):
        found["payment"] = f"{draw(st.integers(0, 5)) * 100} M USD"
    return found
