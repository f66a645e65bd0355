"""A loan with a fixed schedule."""

from __future__ import annotations

from hypothesis import strategies as st

EXAMPLE = {
    "kind": "term_loan",
    "id": "term_loan",
    "lender": "bank",
    "borrower": "provider",
    "draws": [{"date": "2026-07-01", "amount": "2 bn USD"}, {"date": "2027-01-15", "amount": "1 bn USD"}],
    "maturity": "2031-01-15",
    "rate": "7.5 %/y",
    "amortisation": "annuity",
    "fee": "1 %",
    "interval": "half_year",
}


def drawn(draw, contract):
    found = {
        "kind": "term_loan",
        "id": "term_loan",
        "lender": draw(st.sampled_from(["bank", "offtaker"])),
        "maturity": str(contract.end),
        "rate": f"{draw(st.integers(0, 12))} %/y",
        "interval": draw(st.sampled_from(["half_year", "year"])),
    }
    if draw(st.booleans()):
        # Level cash always carries its own interest, whatever the rate.
        cover = {"dscr": draw(st.sampled_from(["1", "1.3", "2"])), "cash": f"{draw(st.integers(1, 9)) * 100} M USD/y"}
        return found | {"sized_by": cover, "draw_shares": [{"date": str(contract.start)}]}
    return found | {
        "draws": [{"date": str(contract.start), "amount": f"{draw(st.integers(1, 30)) * 100} M USD"}],
        "amortisation": draw(st.sampled_from(["bullet", "annuity", "straight"])),
    }
