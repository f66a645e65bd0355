"""Ctrl-C while planning: the first keeps what there is, the second ends at once and leaves nothing half-written."""

from __future__ import annotations

import json
import os
import signal

import pytest

from .conftest import run

# The signal is sent from within, at a known step, so that the test does not depend on how fast the machine is.
SENT = """
import os, signal
from offtake.cli import terminal
signal.signal(signal.SIGINT, signal.default_int_handler)
sent = []
def told(self, event):
    if event.stage == {stage!r} and not sent:
        sent.append(event)
        for _ in range({times}):
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000): pass
terminal.ProgressDisplay.__call__ = told
from offtake.cli.app import main
main(["plan", "first-site.yaml", "--json"])
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends SIGINT as a shell does")


def test_the_best_plan_so_far_is_saved_and_marked(planned):
    folder, _ = planned
    done = run(folder=folder, code=SENT.format(stage="relief values", times=1))
    assert done.returncode == 3, done.stderr
    assert "Ctrl-C again ends at once" in done.stderr
    assert "best plan found so far" in done.stderr
    answer = json.loads(done.stdout)
    assert answer["parties"]["provider"]["npv_usd"] is not None
    assert json.loads((folder / "runs/first-site/result.json").read_text("utf-8"))["run_id"] == answer["run_id"]


def test_it_is_heard_before_the_first_plan_too(offtake):
    offtake("init")
    done = offtake(code=SENT.format(stage="no alliance", times=1))
    assert done.returncode == 3, "a small problem may be solved before the solver looks, but never in full"
    assert json.loads(done.stdout)["status"] in ("optimal", "interrupted", "unsolved")
    assert "Traceback" not in done.stderr


def test_a_second_one_ends_at_once(offtake, tmp_path):
    offtake("init")
    done = offtake(code=SENT.format(stage="base case", times=2))
    assert done.returncode == 130
    assert "nothing was saved" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_an_ignored_signal_stays_ignored():
    from offtake.cli.interrupt import first_stops

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with first_stops() as event:
            os.kill(os.getpid(), signal.SIGINT)
            assert not event.is_set()
    finally:
        signal.signal(signal.SIGINT, before)
