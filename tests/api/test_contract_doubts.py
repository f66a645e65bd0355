"""Contracts that cannot be meant, each with a located message before anything is solved."""

from __future__ import annotations

from pathlib import Path

import pytest

import offtake

FIRST = Path(__file__).parents[2] / "examples" / "first-site.yaml"
ANCHOR = "    - kind: take_or_pay\n"
RENT = "trainium2: 2 USD/chip-h"


def all_found_in(folder, clauses="", amendments="", changes=()):
    """Return what is wrong with the tutorial's contract with clauses before its minimum, and amendments after."""
    text = FIRST.read_text("utf-8")
    assert text.count(ANCHOR) == 1
    text = text.replace(ANCHOR, clauses + ANCHOR)
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    if amendments:
        text = text.replace("contract:\n  id: first\n", f"contract:\n  id: first\n  amendments:\n{amendments}")
    file = folder / "contract.yaml"
    file.write_text(text, "utf-8")
    return offtake.check(file), text


def found_in(folder, clauses="", amendments="", changes=()):
    """Return the mistakes alone."""
    found, text = all_found_in(folder, clauses, amendments, changes)
    return [d for d in found if d.severity == "error"], text


def line_of(text, words):
    return text[: text.index(words)].count("\n") + 1


WARRANT = "granted: 2026-07-01, expires: 2031-01-01, exercise_price: 1 USD, share_price: {2026-07-01: 10 USD, 2030-01-01: 40 USD}"
BIG = (
    "    - {kind: take_or_pay, id: big, tranches: [{id: a, it_power: 80 MW, rate: 9 M USD/MW-year, end: 2029-01-01}, "
    "{id: b, it_power: 80 MW, rate: 9 M USD/MW-year, start: START}]}\n"
)
CASES = {
    "a floor above all capacity": (
        "    - {kind: spend_commitment, id: spend, floors: [1 M USD, 99 bn USD]}\n",
        "E506",
        "contract.clauses.spend.floors[1]",
        "99 bn USD are to be spent from 2027-07-01 to 2028-07-01",
    ),
    "a total above all capacity": (
        "    - {kind: spend_commitment, id: spend, total: 300 bn USD}\n",
        "E506",
        "contract.clauses.spend.total",
        "300 bn USD are left to be spent",
    ),
    "a minimum above the ceiling": (
        "    - {kind: take_or_pay, id: big, minimum: 101 MW, rate: 9 M USD/MW-year}\n",
        "E506",
        "contract.clauses.big.minimum",
        "above the contract's ceiling of 100 MW",
    ),
    "two exit rights of one party": (
        (
            "    - {kind: exit_right, id: one, notice: 90 days}\n"
            "    - {kind: exit_right, id: two, party: offtaker, notice: 30 days}\n"
        ),
        "E507",
        "contract.clauses.two",
        "`one` already lets the offtaker end the contract",
    ),
    "two options on the same time": (
        (
            "    - {kind: extension_option, id: one, first: 2030-01-01, last: 2031-01-01, length: 12 months}\n"
            "    - {kind: extension_option, id: two, first: 2030-06-01, last: 2031-02-01, length: 6 months}\n"
        ),
        "E507",
        "contract.clauses.two",
        "`one` already adds the time from 2031-07-01 to 2032-07-01",
    ),
    "two price lists of one chip": (
        f"    - {{kind: chip_price, id: again, start: 2028-01-01, prices: {{{RENT}}}}}\n",
        "E507",
        "contract.clauses.again.prices.trainium2",
        "from 2028-01-01 to 2031-07-01: they would be paid twice",
    ),
    "a cap below the floor": (
        "    - {kind: revenue_share, id: share, rates: {direct: 5 %}, cap: 10 M USD, floor: 20 M USD/y}\n",
        "E504",
        "contract.clauses.share.cap",
        "at least 20 M USD a year are owed, but never more than 10 M USD",
    ),
    "less may count than must": (
        "    - {kind: spend_commitment, id: spend, floors: [20 M USD], counts: {rent: 100 %}, counts_at_most: {rent: 5 M USD}}\n",
        "E504",
        "contract.clauses.spend.counts_at_most",
        "at most 5 M USD of an interval's spend counts, but 20 M USD must",
    ),
    "a trigger above the ceiling": (
        "    - {kind: equity_tranche, id: stake, amount: 1 M USD, trigger: {accepted: 120 MW}}\n",
        "E508",
        "contract.clauses.stake.trigger.accepted",
        "there can be at most 100 MW",
    ),
    "a trigger on more spend than there can be": (
        "    - {kind: equity_tranche, id: stake, amount: 1 M USD, trigger: {cumulative_spend: 50 bn USD}}\n",
        "E508",
        "contract.clauses.stake.trigger.cumulative_spend",
        "50 bn USD are to be spent by 2031-07-01",
    ),
    "a trigger on more chips than there is power for": (
        "    - {kind: equity_tranche, id: stake, amount: 1 M USD, trigger: {chip: trainium2, count: 900 k chip}}\n",
        "E508",
        "contract.clauses.stake.trigger.count",
        "there is power for",
    ),
    "a trigger that lapses before the start": (
        "    - {kind: equity_tranche, id: stake, amount: 1 M USD, latest: 2026-06-30, trigger: {accepted: 10 MW}}\n",
        "E508",
        "contract.clauses.stake.latest",
        "lies before the contract's start",
    ),
    "a training run that does not exist": (
        "    - {kind: equity_tranche, id: stake, amount: 1 M USD, trigger: {training: nothing}}\n",
        "E401",
        "contract.clauses.stake.trigger.training",
        "there is no training run `nothing`",
    ),
    "an exit with a notice longer than the term": (
        "    - {kind: exit_right, id: leave, notice: 3000 days}\n",
        "E508",
        "contract.clauses.leave.notice",
        "before notice given today has run out",
    ),
    "two tranches above the ceiling together": (
        BIG.replace("START", "2028-01-01"),
        "E506",
        "contract.clauses.big.tranches.b",
        "the tranches `a`, `b` come to 160 MW from 2028-01-01, above the contract's ceiling of 100 MW",
    ),
    "a minimum in chips above the ceiling": (
        "    - {kind: take_or_pay, id: big, tranches: [{id: a, chip: trainium2, count: 500 k chip, price: 1 USD/chip-h}]}\n",
        "E506",
        "contract.clauses.big.tranches.a.count",
        "500,000 chips, which take 436.5 MW lies above the contract's ceiling",
    ),
    "a reservation above the ceiling": (
        "    - {kind: reservation, id: big, tranches: [{id: a, chip: trainium2, count: 5000 k chip, price: 1 USD/chip-h}]}\n",
        "E506",
        "contract.clauses.big.tranches.a.count",
        "5,000,000 chips, which take 4365 MW",
    ),
    "a warrant's milestone above the ceiling": (
        "    - {kind: warrant, id: w, WARRANT, tranches: [{id: one, shares: 1 M, trigger: {accepted: 120 MW}}]}\n",
        "E508",
        "contract.clauses.w.tranches.one.trigger.accepted",
        "there can be at most 100 MW",
    ),
    "an option whose window has passed": (
        "    - {kind: extension_option, id: more, first: 2025-01-01, last: 2026-01-01, length: 12 months}\n",
        "E508",
        "contract.clauses.more.last",
        "could be exercised until 2026-01-01, before the valuation date 2026-07-01",
    ),
    "a guarantee of nothing known": (
        "    - {kind: guarantee, id: g, of: [minimum, zz], cap: 100 M USD}\n",
        "E401",
        "contract.clauses.g.of[1]",
        "there is no clause, and no kind of clause, `zz`",
    ),
    "spend on a clause that is not there": (
        "    - {kind: spend_commitment, id: spend, total: 1 M USD, counts: {zzz: 100 %}}\n",
        "E401",
        "contract.clauses.spend.counts.zzz",
        "there is no clause, and no kind of clause, `zzz`",
    ),
    "spend that counts itself": (
        "    - {kind: spend_commitment, id: spend, total: 1 M USD, counts: {rent: 100 %, spend: 100 %}}\n",
        "E403",
        "contract.clauses.spend.counts.spend",
        "`spend` waits for itself",
    ),
    "a prepayment of bills that are not there": (
        "    - {kind: prepayment, id: pool, payments: [{date: 2026-08-01, amount: 1 M USD}], counts: {rnt: 100 %}}\n",
        "E401",
        "contract.clauses.pool.counts.rnt",
        "`rnt`",
    ),
    "an option on clauses that are not there": (
        "    - {kind: extension_option, id: more, first: 2030-01-01, last: 2031-01-01, length: 12 months, clauses: [rnt]}\n",
        "E401",
        "contract.clauses.more.clauses[0]",
        "`rnt`",
    ),
    "a cap below the floors of all years": (
        "    - {kind: revenue_share, id: share, rates: {direct: 5 %}, cap: 200 M USD, floor: 100 M USD/y}\n",
        "E504",
        "contract.clauses.share.cap",
        "at least 100 M USD a year are owed, 500 M USD until 2031-07-01, but never more than 200 M USD",
    ),
    "more than all revenue": (
        (
            "    - {kind: revenue_share, id: one, rates: {direct: 70 %}}\n"
            "    - {kind: revenue_share, id: two, payer: provider, payee: offtaker, rates: {direct: 5 %}, back: {rates: {direct: 40 %}}}\n"
        ),
        "E504",
        "contract.clauses.two.back.rates.direct",
        "the offtaker owes 110 % of the revenue of channel `direct` from 2026-07-01 under `one`, `two`",
    ),
    "an option that begins before it can be exercised": (
        "    - {kind: extension_option, id: more, first: 2031-01-01, last: 2031-09-01, length: 12 months}\n",
        "E504",
        "contract.clauses.more",
        "can be exercised until 2031-09-01",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_contradiction_is_found_at_its_place(tmp_path, name):
    clauses, code, path, words = CASES[name]
    clauses = clauses.replace("WARRANT", WARRANT)
    found, text = found_in(tmp_path, clauses)
    assert [(d.code, d.path) for d in found] == [(code, path)], found
    assert words in found[0].message
    assert found[0].line == line_of(text, clauses.splitlines()[-1].strip())


IDLE = {
    "credits after the end": (
        "    - {kind: prepayment, id: pool, payments: [{date: 2026-08-01, amount: 1 M USD, credit_from: 2032-01-01}]}\n",
        "E502",
        "contract.clauses.pool.payments[0].credit_from",
        "credits begin 2032-01-01, not before the end on 2031-07-01",
    ),
    "a payment after the end": (
        "    - {kind: prepayment, id: pool, payments: [{date: 2031-08-01, amount: 1 M USD}]}\n",
        "E502",
        "contract.clauses.pool.payments[0].date",
        "the payment of 2031-08-01 does not lie before the end",
    ),
    "shares after the end": (
        "    - {kind: customer_equity, id: gift, date: 2033-01-01, amount: 1 M USD}\n",
        "E502",
        "contract.clauses.gift.date",
        "the shares are given on 2033-01-01, outside the contract",
    ),
    "an option on time that costs nothing": (
        "    - {kind: extension_option, id: more, first: 2030-01-01, last: 2031-01-01, length: 12 months, price_change: -100 %}\n",
        "E504",
        "contract.clauses.more.price_change",
        "every price of the added time is zero",
    ),
    "a share price that is never reached": (
        "    - {kind: warrant, id: w, WARRANT, tranches: [{id: one, shares: 1 M, share_price: 41 USD}]}\n",
        "E508",
        "contract.clauses.w.tranches.one.share_price",
        "a share must reach 41.00 USD, but costs at most 40.00 USD until 2031-01-01",
    ),
    "a test after the end": (
        "    - {kind: equity_tranche, id: stake, amount: 1 M USD, latest: 2035-01-01, trigger: {accepted: 10 MW}}\n",
        "E502",
        "contract.clauses.stake.latest",
        "comes after the last test on 2031-07-01",
    ),
}


@pytest.mark.parametrize("name", IDLE)
def test_a_term_without_effect_is_a_warning(tmp_path, name):
    clauses, code, path, words = IDLE[name]
    clauses = clauses.replace("WARRANT", WARRANT)
    found, text = all_found_in(tmp_path, clauses)
    assert [(d.severity, d.code, d.path) for d in found] == [("warning", code, path)], found
    assert words in found[0].message
    assert found[0].line == line_of(text, clauses.strip())


MEANT = {
    "tranches one after the other": BIG.replace("START", "2029-01-01"),
    "tranches above the ceiling with relief": BIG.replace("START", "2028-01-01")
    + "    - {kind: delivery_delay, id: late, of: big}\n",
    "a share price that is reached": "    - {kind: warrant, id: w, WARRANT, tranches: [{id: one, shares: 1 M, share_price: 40 USD}]}\n",
    "an option that was exercised": (
        "    - {kind: extension_option, id: more, first: 2025-01-01, last: 2026-01-01, length: 12 months, exercised: true}\n"
    ),
    "spend of a kind": "    - {kind: spend_commitment, id: spend, total: 1 M USD, counts: {chip_price: 100 %}}\n",
    "a cap above the floors of all years": (
        "    - {kind: revenue_share, id: share, rates: {direct: 5 %}, cap: 501 M USD, floor: 100 M USD/y}\n"
    ),
    "shares that cross": (
        "    - {kind: revenue_share, id: one, rates: {direct: 70 %}}\n"
        "    - {kind: revenue_share, id: two, payer: provider, payee: offtaker, rates: {direct: 60 %}}\n"
    ),
    "shares of all revenue, one after the other": (
        "    - {kind: revenue_share, id: one, end: 2028-01-01, rates: {direct: 100 %}}\n"
        "    - {kind: revenue_share, id: two, start: 2028-01-01, rates: {direct: 100 %}}\n"
    ),
}


@pytest.mark.parametrize("name", MEANT)
def test_what_can_be_meant_passes(tmp_path, name):
    assert all_found_in(tmp_path, MEANT[name].replace("WARRANT", WARRANT))[0] == ()


def test_any_condition_within_reach_lets_a_trigger_stand(tmp_path):
    clause = "    - {kind: equity_tranche, id: stake, amount: 1 M USD, trigger: {accepted: 120 MW, not_before: 2027-01-01, need: any}}\n"
    assert found_in(tmp_path, clause)[0] == []


def test_a_circle_is_told_whole_and_at_every_clause(tmp_path):
    clauses = (
        "    - {kind: spend_commitment, id: one, total: 1 M USD, counts: {two: 100 %}}\n"
        "    - {kind: spend_commitment, id: two, total: 1 M USD, counts: {three: 100 %}}\n"
        "    - {kind: spend_commitment, id: three, total: 1 M USD, counts: {one: 100 %}}\n"
    )
    found, text = found_in(tmp_path, clauses)
    assert {d.code for d in found} == {"E403"}
    assert all("one → two → three → one" in d.message for d in found)
    assert [d.line for d in found] == [line_of(text, f"id: {name}, total") for name in ("one", "two", "three")]


AMENDMENTS = {
    "an unknown clause": ("    - {from: 2028-01-01, changes: {rentt: {escalator: 1 %/y}}}\n", "E401", "rentt"),
    "a wrong unit": ("    - {from: 2028-01-01, changes: {rent: {escalator: 3 MW}}}\n", "E303", "3 MW"),
    "an unknown key": ("    - {from: 2028-01-01, changes: {rent: {escalater: 3 %/y}}}\n", "E201", "escalater"),
    "another kind": ("    - {from: 2028-01-01, changes: {rent: {kind: term_loan}}}\n", "E503", "keeps its `kind`"),
    "a date before the one before": (
        "    - {from: 2028-01-01, term_end: 2032-07-01}\n    - {from: 2027-06-01, end: [minimum]}\n",
        "E504",
        "must lie after 2028-01-01",
    ),
    "an unknown clause to end": ("    - {from: 2028-01-01, end: [nothing]}\n", "E401", "nothing"),
    "an id that is taken": (
        f"    - {{from: 2028-01-01, add: [{{kind: chip_price, id: rent, prices: {{{RENT}}}}}]}}\n",
        "E504",
        "there is a clause 'rent' already",
    ),
    "nothing that changes": ("    - {from: 2028-01-01, why: for a talk}\n", "E508", "the amendment changes nothing"),
    "no term below a clause that changes": (
        "    - {from: 2028-01-01, changes: {rent: {}}, add: []}\n",
        "E508",
        "changes nothing",
    ),
    "a fee that nobody pays": ("    - {from: 2028-01-01, fee: 5 M USD}\n", "E503", "a fee needs a `payer`"),
    "a term that ends before it holds": (
        "    - {from: 2028-01-01, term_end: 2027-12-01}\n",
        "E504",
        "`term_end` 2027-12-01 does not lie after it",
    ),
    "a term that ends before the contract's start": (
        "    - {from: 2028-01-01, term_end: 2025-07-01}\n",
        "E504",
        "`term_end` 2025-07-01 does not lie after it",
    ),
    "a date after the contract's end": (
        "    - {from: 2031-07-01, changes: {rent: {escalator: 1 %/y}}}\n",
        "E504",
        "the contract ends 2031-07-01, so it would never take effect",
    ),
    "a cap below the floor in the new version": (
        "    - {from: 2028-01-01, add: [{kind: revenue_share, id: s, rates: {direct: 5 %}, cap: 1 M USD, floor: 2 M USD/y}]}\n",
        "E504",
        "at least 2 M USD a year",
    ),
}


@pytest.mark.parametrize("name", AMENDMENTS)
def test_a_mistake_in_an_amendment_is_found_at_its_place(tmp_path, name):
    amendments, code, words = AMENDMENTS[name]
    found, text = found_in(tmp_path, amendments=amendments)
    assert [d.code for d in found] == [code], found
    assert words in found[0].message
    assert found[0].line == line_of(text, amendments.splitlines()[-1].strip())


def test_an_amendment_is_planned_and_every_value_knows_its_line(tmp_path):
    amendments = "    - from: 2028-01-01\n      why: more volume\n      changes:\n        rent: {prices: {trainium2: 0.9 USD/chip-h}}\n"
    found, text = found_in(tmp_path, amendments=amendments)
    assert not found
    loaded = offtake.load(tmp_path / "contract.yaml")
    price = loaded.provenance["contract.amendments.0.changes.rent.prices.trainium2"]
    assert (price.origin, price.line) == ("file", line_of(text, "0.9 USD/chip-h"))
    assert loaded.scenario.contract.amendments[0].changes["rent"].prices_usd_per_chip_h["trainium2"].values == (0.9,)
