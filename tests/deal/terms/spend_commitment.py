"""Floors and a total, with and without an excess carried forward."""

from __future__ import annotations

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "spend_commitment",
    "id": "spend_commitment",
    "total": "4 bn USD",
    "floors": ["500 M USD", "900 M USD", "1200 M USD"],
    "counts": {"chip_price": "90 %", "take_or_pay": "100 %"},
    "counts_at_most": {"chip_price": "1.4 bn USD"},
    "carry_forward": {"cap": "300 M USD", "lasts": 2},
    "counted": "100 M USD",
}


def drawn(draw, contract):
    money = st.integers(1, 30).map(lambda n: f"{n * 100} M USD")
    years = max(1, -(-(contract.end - contract.start).days // 366))
    carry = draw(
        st.one_of(
            st.none(),
            st.fixed_dictionaries({}, optional={"cap": money, "lasts": st.integers(1, 2), "opening": money}),
        )
    )
    found = {
        "kind": "spend_commitment",
        "id": "spend_commitment",
        "floors": draw(st.lists(money, min_size=1, max_size=min(3, years))),
        "total": draw(money),
        "counts": {"chip_price": "100 %", "take_or_pay": draw(st.sampled_from(["0 %", "50 %", "100 %"]))},
    }
    return found if carry is None else {**found, "carry_forward": carry}
