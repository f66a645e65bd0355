"""Money for a stake on a trigger."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "equity_tranche",
    "id": "equity_tranche",
    "amount": "1 bn USD",
    "trigger": {"accepted": "250 MW", "training": "next", "cumulative_spend": "2 bn USD", "need": "any"},
    "latest": "2029-03-31",
    "tested": "half_year",
    "draw": "optional",
}


def drawn(draw, contract):
    money = st.integers(1, 30).map(lambda n: f"{n * 100} M USD")
    found = {
        "kind": "equity_tranche",
        "id": "equity_tranche",
        "amount": draw(money),
        "notice": f"{draw(st.integers(0, 60))} days",
    }
    if draw(st.booleans()):
        return {**found, "date": str(contract.start + timedelta(days=draw(st.integers(100, 900))))}
    conditions = {
        "cumulative_spend": draw(money),
        "accepted": f"{draw(st.integers(1, 39)) * 10} MW",
        "training": "next",
    }
    kept = draw(st.lists(st.sampled_from(sorted(conditions)), min_size=1, unique=True))
    return {
        **found,
        "tested": "year",
        "trigger": {k: conditions[k] for k in kept} | {"need": draw(st.sampled_from(["all", "any"]))},
        "latest": str(contract.start + timedelta(days=draw(st.integers(100, 900)))),
        "draw": draw(st.sampled_from(["automatic", "optional"])),
    }
