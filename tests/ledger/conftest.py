"""Flows in one line each."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

import pytest

from offtake.deal.flows import Account, Asset, Firmness, Flow, Layer


class MakeFlow(Protocol):
    """Make a flow; the interval is the payment day unless given."""

    def __call__(
        self,
        day: str,
        payer: str,
        payee: str,
        amount: str,
        account: str,
        *,
        interval: tuple[str, str] | None = None,
        asset: tuple[str, int] | None = None,
        firmness: str = "firm",
        currency: str = "USD",
    ) -> Flow: ...


@pytest.fixture
def flow() -> MakeFlow:
    def make(day, payer, payee, amount, account, *, interval=None, asset=None, firmness="firm", currency="USD"):
        paid = date.fromisoformat(day)
        span = tuple(map(date.fromisoformat, interval)) if interval else (paid, paid + timedelta(days=1))
        bought = asset and Asset(kind="any", name="any", in_service=date.fromisoformat(asset[0]), life_days=asset[1])
        return Flow(
            date=paid,
            payer=payer,
            payee=payee,
            amount=Decimal(amount),
            currency=currency,
            account=Account(account),
            layer=Layer.CLOUD,
            firmness=Firmness(firmness),
            cause="test",
            interval=span,
            asset=bought,
        )

    return make
