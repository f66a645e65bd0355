"""A guarantee of what leased assets are worth at the end."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "residual_value_guarantee",
    "id": "residual_value_guarantee",
    "ends": "2028-12-31",
    "guaranteed": "500 M USD",
    "cost": "1 bn USD",
    "residual": {"2026-07-01": "100 %", "2031-07-01": "10 %"},
    "cap": "200 M USD",
}


def drawn(draw, contract):
    guaranteed = draw(st.integers(0, 10))
    found = {
        "kind": "residual_value_guarantee",
        "id": "residual_value_guarantee",
        "ends": str(contract.start + timedelta(days=draw(st.integers(1, 1400)))),
        "guaranteed": f"{guaranteed * 100} M USD",
        "guarantor": draw(st.sampled_from(["offtaker", "chip_vendor"])),
        "due": f"{draw(st.integers(0, 60))} days",
    }
    if draw(st.booleans()):
        found["cap"] = f"{draw(st.integers(0, guaranteed)) * 100} M USD"
    if draw(st.booleans()):
        return found | {"cost": "1 bn USD", "residual": draw(st.sampled_from(["0 %", "35 %", "100 %"]))}
    return found | {"residual_value": f"{draw(st.integers(0, 10)) * 100} M USD"}
