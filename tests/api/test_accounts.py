"""Policies of the books: stated in the scenario, or taken from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from offtake.api import load, plan
from offtake.api.accounts import policies
from offtake.api.backlog import obligations
from offtake.errors import ScenarioError
from offtake.ledger.profit import shares_of
from offtake.report.page import render

STATED = """
accounting:
  prepayment_rate: 7.5 %/y
  lease_rate: 6 %/y
  level_fees: true
  shortfall_cost: when_owed
  credit_loss: 1 %
  loss_limit: 80 %
  bonus_depreciation: 40 %
  provider_backlog: {total: 460 bn USD, source: "a filing of 2026-Q1"}
"""


@pytest.fixture(scope="module")
def answer(examples: Path, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("stated") / "first-site.yaml"
    path.write_text((examples / "first-site.yaml").read_text(encoding="utf-8") + STATED, encoding="utf-8")
    return plan(path, cases=False)


def test_what_the_scenario_states_is_how_the_books_are_kept(answer):
    kept = answer.story.figures.books.policies
    assert (kept.prepayment_rate_frac_per_y, kept.lease_rate_frac_per_y) == (0.075, 0.06)
    assert (kept.level_fees, kept.shortfall_cost, kept.credit_loss_frac) == (True, "when_owed", 0.01)
    assert {t.loss_limit_frac for t in kept.tax.values()} == {0.8}
    assert {t.bonus_frac for t in kept.tax.values()} == {0.4}
    shown = {r["rule"]: r["chosen"] for r in answer.tables["policies"].rows()}
    assert shown["Prepayments"] == "7.50% a year"
    assert shown["Credit losses"] == "1.00%"


def test_money_that_returns_is_told_by_the_last_day_of_each_year(answer):
    """The first of January would put what came back in one year into the next, in the sentence and under the chart."""
    years = answer.story.figures.books.periods
    told = answer.tables["circularity"].where(firmness="firm")["date"].tolist()
    assert [d.year for d in told] == [s.year for s in years.starts]
    assert all((d.month, d.day) == (12, 31) for d in told[:-1])


def test_the_split_of_compute_is_that_of_the_plan(answer):
    problem, hours = answer.plan.problem, answer.plan.decisions.hours_chip_h[0]
    use = policies(answer.plan).compute_use["offtaker"]
    kinds = [problem.work.uses[u].kind for u in problem.work.use]
    for row, kind in zip(use.chip_h, ("serve", "train", "research"), strict=True):
        assert sum(row) == pytest.approx(hours[:, [k == kind for k in kinds]].sum(), abs=len(row))
    shares = shares_of(use, answer.story.figures.books.periods)
    assert all(sum(column) == 1 for column in zip(*shares, strict=True))
    lines = {d.name: d.cents for d in answer.story.figures.books.lines("offtaker", "profit_and_loss")}
    compute = sum(lines.get(f"compute.{n}", 0) for n in ("inference", "training", "research"))
    told = sum(
        (
            d.cents
            for d in answer.story.figures.books.lines("offtaker", "profit_and_loss")
            if d.title.startswith("of the compute")
        ),
        np.zeros_like(compute),
    )
    assert np.array_equal(compute, told)


def test_the_contracts_share_of_the_providers_backlog_has_its_source(answer):
    found = obligations(answer.plan, answer.story.figures.books)
    assert found.backlog.firm_cents > 0
    assert found.share_frac == pytest.approx(found.backlog.remaining_cents[0] / 460e11)
    assert found.source == "a filing of 2026-Q1"
    first = answer.tables["backlog"].rows()[0]
    assert first["provider_share_frac"] == found.share_frac
    owed = sum(r["amount_usd"] for r in answer.tables["purchase_obligations"].rows())
    assert owed == pytest.approx(found.backlog.firm_cents / 100)


def test_the_backlog_of_a_minimum_falls_year_by_year_as_capacity_is_delivered(answer):
    # first-site: a take-or-pay over five years, which is no lump that is left until its last day.
    found = obligations(answer.plan, answer.story.figures.books)
    left = found.backlog.remaining_cents
    assert (left[1:] < left[:-1]).all()
    assert left[-1] == 0
    by_year = answer.tables["purchase_obligations"].rows()
    # The contract's last year: the days until the last bill is due are no service.
    assert max(r["year"] for r in by_year) == 2031
    for day, remaining in zip(found.backlog.on[1:-1], left[1:-1].tolist(), strict=True):
        due_later = sum(r["amount_usd"] for r in by_year if r["year"] >= day.year)
        assert remaining / 100 == pytest.approx(
            due_later
        )  # capacity is held ready day by day; taking more of it early meets none


def test_the_pages_of_accounting_are_in_the_report(answer):
    page = render(answer.report_data)
    for words in (
        "From the bill to revenue",
        "Remaining performance obligations",
        "not an accounting opinion",
        "ASC 606-10-45-3",
    ):
        assert words in page
    assert "provider’s whole backlog (a filing of 2026-Q1)" in page


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("credit_loss: 2", "%"),
        ("reseller_is_principal: [nobody]", "nobody"),
        ("shortfall_cost: never", "never"),
        ("levl_fees: true", "unknown key `levl_fees`"),
    ],
)
def test_a_mistake_in_the_section_is_located(examples, tmp_path, line, words):
    path = tmp_path / "first-site.yaml"
    path.write_text(
        (examples / "first-site.yaml").read_text(encoding="utf-8") + f"\naccounting:\n  {line}\n", encoding="utf-8"
    )
    with pytest.raises(ScenarioError) as error:
        load(path)
    assert words in str(error.value)
    assert error.value.diagnostics[0].line
