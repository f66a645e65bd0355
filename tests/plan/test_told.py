"""A plan whose model was let go tells the same, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from plan_toys import inputs
from test_money import CLAUSES, QUICK, aimed, deal

from offtake.api.accounts import keep_books
from offtake.plan.contracts import concessions_of
from offtake.plan.findings import findings
from offtake.plan.run import plan_inputs


@pytest.fixture(scope="module", params=["equity_tranche", "take_or_pay"])
def outcome(request):
    return plan_inputs(inputs(aimed(deal(CLAUSES[request.param]), "provider")), QUICK)


def test_it_tells_the_same(outcome):
    told = outcome.told()
    assert told.value_against_no_alliance_usd == outcome.value_against_no_alliance_usd
    for one, other in ((outcome.alliance, told.alliance), (outcome.without, told.without)):
        assert other.objective_usd == one.objective_usd
        assert other.money_difference_usd == one.money_difference_usd
        assert other.terminal_usd == one.terminal_usd
        assert other.penalties_usd == one.penalties_usd
        assert other.flows == one.flows
        assert findings(other) == findings(one)
        assert concessions_of(other) == concessions_of(one)
        assert keep_books(other).table() == keep_books(one).table()
        assert set(other.built.written.rights) == set(one.built.written.rights)
        for name, expr in one.built.written.rights.items():
            assert np.array_equal(other.built.written.rights[name].value(other.solved.x), expr.value(one.solved.x))


def test_there_is_no_model_left(outcome):
    told = outcome.told().alliance
    assert outcome.alliance.built.model.row_blocks.count > 0
    assert told.built.model.row_blocks.count == told.built.model.column_blocks.count == 0
    assert not any(expr.nonzeros for expr in (*told.built.values.values(), told.built.score, told.built.objective))
    assert not any(due.amount.nonzeros for due in told.built.dues)
