"""All money that is not the contract's: written once over the algebra, read twice like a clause.

A quantity of a period is spread evenly by day over the quarters that it spans (`Problem.pay`): a period may be a year, and money that is
dated once a year would land in the wrong calendar year and be discounted by half a year.  Each quarter's money is dated at its middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from offtake.deal.algebra import ByPath
from offtake.deal.flows import Account, Asset, Due, Firmness, Layer
from offtake.deal.quantities import USD, Measure
from offtake.plan.problem import PARTIES, Finance, Party

if TYPE_CHECKING:
    from offtake.deal.algebra import Algebra, Numbers, Vector
    from offtake.plan.problem import Float, Problem

X = TypeVar("X", bound="Vector")


def payments(a: Algebra[X], problem: Problem) -> list[Due[X]]:
    """Return every due outside the contract, in a fixed order."""
    dues = [*_site_dues(a, problem), *_chip_dues(a, problem), *_market_dues(a, problem)]
    for party in PARTIES:
        dues += _party_dues(a, problem, party, problem.finance[party])
    return dues


def _due(
    problem: Problem,
    amount: X,
    *,
    payer: str,
    payee: str,
    account: Account,
    cause: str,
    layer: Layer = Layer.MARKET,
    assets: tuple[Asset, ...] | None = None,
    facts: Mapping[str, object] | None = None,
) -> Due[X]:
    return Due(
        payer=payer,
        payee=payee,
        amount=amount,
        on=problem.pay,
        when=problem.pay.mids,
        account=account,
        layer=layer,
        firmness=Firmness.CANCELLABLE,
        cause=cause,
        assets=assets,
        facts=facts or {},
    )


def _priced(a: Algebra[X], problem: Problem, measure: Measure, prices: Float) -> X:
    """Price a measure by dated prices [period] or [path, period], spread over the quarters."""
    return a.resample(a.scale(a.read(measure, on=problem.grid), _dated(prices), unit=USD), on=problem.pay)


def _one_or_all(rate: float | Float) -> float | tuple[float, ...]:
    """One rate where all paths have the same, else one for each path."""
    each = np.atleast_1d(rate)
    return float(each[0]) if (each == each[0]).all() else tuple(each.tolist())


def _dated(values: Float) -> Numbers | ByPath:
    """Numbers [period] or [path, period] in the algebra's words."""
    return values.tolist() if values.ndim == 1 else ByPath(tuple(map(tuple, values.tolist())))


def _site_dues(a: Algebra[X], problem: Problem) -> Sequence[Due[X]]:
    sites, dues = problem.sites, []
    for s, site in enumerate(sites.ids):
        cause = f"sites.{site}"
        built = _priced(a, problem, Measure("site_built_mw", site), sites.shell_usd_per_mw[:, :, s])
        opened = _priced(a, problem, Measure("site_opened", site), np.full(len(problem.grid), sites.open_cost_usd[s]))
        shells = tuple(
            Asset(kind="site", name=site, in_service=day, life_days=float(sites.shell_life_days[s]))
            for day in _mean_in_service(problem, s)
        )
        running = _priced(a, problem, Measure("site_running_mw_y", site), sites.running_usd_per_mw_y[:, :, s])
        energy = _priced(a, problem, Measure("energy_mw_h", site), sites.power_usd_per_mwh[:, :, s])
        capex = Account.CAPEX_SITE
        dues.append(
            _due(
                problem,
                built,
                payer="provider",
                payee="site_vendor",
                account=capex,
                cause=f"{cause}.shell_cost",
                assets=shells,
                layer=Layer.SITE,
            )
        )
        dues.append(
            _due(
                problem,
                opened,
                payer="provider",
                payee="site_vendor",
                account=capex,
                cause=f"{cause}.open_cost",
                assets=shells,
                layer=Layer.SITE,
            )
        )
        dues.append(
            _due(
                problem,
                running,
                payer="provider",
                payee="world",
                account=Account.SITE_RUNNING,
                cause=f"{cause}.running_cost",
                layer=Layer.SITE,
            )
        )
        dues.append(
            _due(
                problem,
                energy,
                payer="provider",
                payee="utility",
                account=Account.ENERGY,
                cause=f"{cause}.power_price",
                layer=Layer.SITE,
            )
        )
    return dues


def _mean_in_service(problem: Problem, site: int) -> list[date]:
    """When the phases that are paid for in a quarter come into service, on average: half of the lead time later."""
    lag = (problem.sites.in_service[site][0] - problem.grid.mids[0]).days
    return [mid + timedelta(days=lag // 2) for mid in problem.pay.mids]


def _chip_dues(a: Algebra[X], problem: Problem) -> Sequence[Due[X]]:
    chips, fleets, sites, dues = problem.chips, problem.fleets, problem.sites, []
    for s, c in zip(fleets.site, fleets.chip, strict=True):
        site, chip = sites.ids[s], chips.ids[c]
        cost = _priced(a, problem, Measure("delivered_chip", site, chip), chips.cost_usd_per_chip[:, :, c])
        assets = tuple(
            Asset(kind="chips", name=f"{site}/{chip}", in_service=day, life_days=float(chips.life_days[c]))
            for day in problem.pay.mids
        )
        dues.append(
            _due(
                problem,
                cost,
                payer="provider",
                payee="chip_vendor",
                account=Account.CAPEX_CHIPS,
                cause=f"chips.{chip}.price",
                assets=assets,
                layer=Layer.CHIP,
            )
        )
    for c, chip in enumerate(chips.ids):
        if chips.running_usd_per_chip_y[c]:
            cost = _priced(
                a,
                problem,
                Measure("accepted_chip_y", chip),
                np.full(len(problem.grid), chips.running_usd_per_chip_y[c]),
            )
            dues.append(
                _due(
                    problem,
                    cost,
                    payer="provider",
                    payee="world",
                    account=Account.CHIP_RUNNING,
                    cause=f"chips.{chip}.running_cost",
                )
            )
    return dues


def _market_dues(a: Algebra[X], problem: Problem) -> Sequence[Due[X]]:
    demand, offers, resale, dues = problem.demand, problem.offers, problem.resale, []
    for d, step in enumerate(demand.ids):
        sold = _priced(a, problem, Measure("tokens_mtok", step), demand.price_usd_per_mtok[:, :, d])
        dues.append(
            _due(
                problem,
                sold,
                payer="customers",
                payee="offtaker",
                account=Account.TOKEN_REVENUE,
                cause=f"demand.{demand.entries[d]}.price",
            )
        )
    for k, step in enumerate(offers.step_labels):
        rent = _priced(a, problem, Measure("rented_chip_h", step), offers.price_usd_per_chip_h[:, :, k])
        offer = offers.ids[offers.step_offer[k]]
        dues.append(
            _due(
                problem,
                rent,
                payer="offtaker",
                payee="outside_clouds",
                account=Account.OUTSIDE_RENT,
                cause=f"outside_supply.{offer}",
                layer=Layer.CLOUD,
            )
        )
    for k, step in enumerate(resale.step_labels):
        sold = _priced(a, problem, Measure("resold_chip_h", step), resale.price_usd_per_chip_h[:, :, k])
        dues.append(
            _due(
                problem,
                sold,
                payer="customers",
                payee="provider",
                account=Account.RESALE_REVENUE,
                cause=f"resale.{step}",
            )
        )
    return dues


def _party_dues(a: Algebra[X], problem: Problem, party: Party, money: Finance) -> list[Due[X]]:
    grid, dues = problem.grid, []
    if money.other_revenue_usd.any():
        other = a.resample(a.const(_dated(money.other_revenue_usd), on=grid, unit=USD), on=problem.pay)
        dues.append(
            _due(
                problem,
                other,
                payer="customers",
                payee=party,
                account=Account.OTHER_REVENUE,
                cause=f"parties.{party}.other_revenue",
            )
        )
    if money.other_costs_usd.any():
        other = a.resample(a.const(_dated(money.other_costs_usd), on=grid, unit=USD), on=problem.pay)
        dues.append(
            _due(
                problem,
                other,
                payer=party,
                payee="world",
                account=Account.OTHER_COST,
                cause=f"parties.{party}.other_costs",
            )
        )
    years = grid.years_long
    rows = (
        ("draw", Account.LOAN_DRAW, False, None),
        ("repay", Account.LOAN_REPAY, True, None),
        ("mean_balance", Account.INTEREST, True, money.rate_frac_per_y),
        ("undrawn", Account.LOAN_FEE, True, money.fee_frac_per_y),
        ("emergency_draw", Account.EMERGENCY_DRAW, False, None),
        ("emergency_repay", Account.EMERGENCY_REPAY, True, None),
        ("emergency_mean_balance", Account.INTEREST, True, money.emergency_frac_per_y),
    )
    for what, account, pays, rate in rows:
        amount = a.read(Measure("money_usd", party, what), on=grid)
        if rate is not None:
            amount = a.scale(amount, _dated(np.multiply.outer(rate, years)))
        amount = a.resample(amount, on=problem.pay)
        payer, payee = (party, "lender") if pays else ("lender", party)
        cause = f"parties.{party}." + ("emergency_rate" if "emergency" in what else "facility")
        facts = {} if rate is None else {"rate_frac_per_y": _one_or_all(rate)}
        dues.append(
            _due(problem, amount, payer=payer, payee=payee, account=account, cause=cause, layer=Layer.DEBT, facts=facts)
        )
    return dues
