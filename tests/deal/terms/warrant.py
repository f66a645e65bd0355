"""A right to shares, earned by volume and share price."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "warrant",
    "id": "warrant",
    "tranches": [
        {"id": "first", "shares": "40 M", "trigger": {"accepted": "100 MW"}},
        {"id": "second", "shares": "60 M", "trigger": {"chip": "a", "count": "80 k chip"}, "share_price": "30 USD"},
    ],
    "exercise_price": "5 USD",
    "granted": "2026-04-20",
    "expires": "2029-12-31",
    "share_price": {"points": {"2026-04-20": "10 USD", "2029-07-01": "60 USD"}, "interpolation": "linear"},
    "tested": "half_year",
    "exercise": "right",
}


def drawn(draw, contract):
    dollars = st.integers(1, 60)
    triggers = {
        "spend": {"cumulative_spend": f"{draw(st.integers(1, 20)) * 100} M USD"},
        "power": {"accepted": f"{draw(st.integers(1, 39)) * 10} MW"},
        "day": {"not_before": str(contract.start + timedelta(days=draw(st.integers(0, 900))))},
        "both": {"accepted": "150 MW", "not_before": "2027-03-01", "need": draw(st.sampled_from(["all", "any"]))},
    }
    chosen = draw(st.lists(st.sampled_from([*sorted(triggers), "none"]), min_size=1, max_size=2, unique=True))
    tranches = [
        {"id": name, "shares": f"{draw(st.integers(1, 40))} M", "share_price": f"{draw(st.integers(0, 70))} USD"}
        | ({} if name == "none" else {"trigger": triggers[name]})
        for name in chosen
    ]
    granted = contract.start + timedelta(days=draw(st.integers(-200, 200)))
    issuer, holder = draw(st.sampled_from([("provider", "offtaker"), ("offtaker", "provider"), ("provider", "backer")]))
    points = {str(granted + timedelta(days=400 * k)): f"{draw(dollars)} USD" for k in range(4)}
    return {
        "kind": "warrant",
        "id": "warrant",
        "issuer": issuer,
        "holder": holder,
        "tranches": tranches,
        "exercise_price": f"{draw(dollars)} USD",
        "grant_value": f"{draw(dollars)} USD",
        "granted": str(granted),
        "expires": str(granted + timedelta(days=draw(st.integers(300, 1500)))),
        "share_price": {"points": points, "interpolation": draw(st.sampled_from(["step", "linear"]))},
        "tested": draw(st.sampled_from(["half_year", "year"])),
        "value_at": draw(st.sampled_from(["grant", "vest"])),
        "exercise": draw(st.sampled_from(["automatic", "at_expiry", "right"])),
        "settled": draw(st.sampled_from(["cash", "net"])),
    }
