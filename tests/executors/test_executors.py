"""The same answer whoever works, lost workers, errors, Ctrl-C."""

from __future__ import annotations

import operator
import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import executor_works as works
import pytest

from offtake.errors import InfeasibleError, OfftakeError, UnitError
from offtake.executors import MOST_TRIES, Journal, Processes, Serial, Stopped, cores, executor_of
from offtake.executors.plain import write_plain

HERE = Path(__file__).parent
NAMES = ("serial", "processes:1", "processes:2", "processes:3")
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(scope="module")
def pools():
    """Keep one executor of each name for all tests of this file."""
    with executor_of("serial") as one, executor_of("processes:2") as two:
        yield {"serial": one, "processes": two}


@pytest.fixture
def pool(pools):
    return pools["processes"]


def _gone(pid, seconds=5.0):
    """Wait until a process has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def _pids(folder):
    return [int(path.name.split("-")[1]) for path in folder.glob("pid*-*")]


def _until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


# The same bytes ---------------------------------------------------------------------------------------------------


def _answers(executor):
    return write_plain(executor.map(works.solves, range(5), context=works.job()))


@pytest.fixture(scope="module")
def reference():
    return _answers(Serial())


def test_the_work_of_these_tests_would_tell_memory_layouts_apart():
    weights = works.job()["weights"]
    assert float(weights.sum()) != float(pickle.loads(pickle.dumps(weights)).sum())


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_the_same_to_the_byte_whoever_works(name, reference):
    with executor_of(name) as executor:
        assert _answers(executor) == reference
        assert _answers(executor) == reference  # warm, too


def test_answers_do_not_depend_on_threads_of_linear_algebra_around_them(reference):
    from threadpoolctl import threadpool_info, threadpool_limits

    environment = dict(os.environ)
    with threadpool_limits(limits=4, user_api="blas"):
        assert _answers(Serial()) == reference
        assert max(info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas") == 4
    assert dict(os.environ) == environment


def test_results_stand_in_order_of_the_items_however_long_each_takes(pool):
    assert pool.map(works.late_first, range(5), context=0.05) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["serial", "processes"])
@pytest.mark.parametrize("items", [[], [7], [7, 8, 9]])
def test_few_items_and_none(pools, name, items):
    assert pools[name].map(operator.mul, items, context=3) == [3 * item for item in items]


def test_one_item_starts_no_worker():
    with Processes(2) as fresh:
        (found,) = fresh.map(works.where, [0], context=None)
        assert found["pid"] == os.getpid()
        assert fresh._crew == []


def test_what_the_work_changes_in_its_context_stays_with_the_worker():
    """Nothing that an item does to its context reaches the caller's object."""
    context = [3]
    Serial().map(operator.iadd, [[1], [2]], context=context)
    assert context == [3]


# Workers ----------------------------------------------------------------------------------------------------------


def test_workers_have_one_thread_ignore_ctrl_c_and_start_no_workers(pool):
    found = pool.map(works.where, range(4), context=None)
    assert os.getpid() not in {one["pid"] for one in found}
    assert {(one["threads"], one["asked"], one["default"], one["ctrl_c_ignored"]) for one in found} == {
        (1, "1", "serial", True)
    }


def test_the_context_goes_to_each_worker_once(tmp_path):
    with Processes(2) as pool:
        pool.map(works.unpacks, range(20), context=works.Noted(str(tmp_path)))
        assert 1 <= works.marks(tmp_path, "unpacked") <= 2
        pool.map(works.unpacks, range(20), context=works.Noted(str(tmp_path)))
        assert works.marks(tmp_path, "unpacked") <= 2, "the same context is not sent again"
        assert len(list(tmp_path.iterdir())) <= 2


def test_workers_stay_for_the_next_job_and_end_with_the_executor():
    with Processes(2) as pool:
        first = {one["pid"] for one in pool.map(works.where, range(6), context=1)}
        second = {one["pid"] for one in pool.map(works.where, range(6), context=2)}
        crew = {worker.pid for worker in pool._crew}
        assert first | second <= crew
        assert len(crew) == 2
    assert all(_gone(pid) for pid in crew)
    pool.close()  # twice does no harm


def test_workers_may_be_warmed_before_there_is_work():
    with Processes(2) as pool, Serial() as one:
        one.warm("colorsys")
        pool.warm("colorsys", "no.such.module", items=1)
        assert len(pool._crew) == 1
        pool.warm("colorsys")
        crew = {worker.pid for worker in pool._crew}
        assert pool.map(works.knows, range(6), context="colorsys") == [True] * 6
        assert pool.map(works.knows, range(6), context="chunk") == [False] * 6
        assert {worker.pid for worker in pool._crew} == crew
        os.kill(pool._crew[0].pid, signal.SIGKILL)
        pool.warm("colorsys")
        assert pool.map(operator.mul, range(4), context=2) == [0, 2, 4, 6]


def test_what_the_work_prints_does_not_stand_between_replies(capfd):
    with Processes(2) as pool:
        assert pool.map(works.prints, range(3), context=None) == [0, 1, 2]
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("printed by the work") == err.count("written by the work") == 3


def test_several_threads_may_share_an_executor(pool):
    found = {}

    def ask(factor):
        found[factor] = pool.map(operator.mul, range(6), context=factor)

    threads = [threading.Thread(target=ask, args=(factor,)) for factor in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {factor: [factor * item for item in range(6)] for factor in range(4)}


@POSIX
@pytest.mark.parametrize("given", ["file", "pipe"])
def test_a_script_without_a_guard_may_use_processes(tmp_path, given):
    """Also with a file in the current folder that is called like a module."""
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    text = "import operator\nfrom offtake.executors import executor_of\n"
    text += "with executor_of('processes:2') as e: print(e.map(operator.mul, range(4), context=2))\n"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "script.py").write_text(text)
    arguments = ["elsewhere/script.py"] if given == "file" else ["-P", "-"]
    done = subprocess.run(
        [sys.executable, *arguments], input=text, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[0, 2, 4, 6]\n", "")


# Lost workers -----------------------------------------------------------------------------------------------------


@POSIX
def test_a_worker_that_dies_costs_a_retry(pool, tmp_path):
    assert pool.map(works.dies_once, range(8), context=str(tmp_path)) == [n * n for n in range(8)]
    assert [works.marks(tmp_path, f"tried{n}") for n in (0, 3, 6)] == [2, 2, 2]


@POSIX
def test_an_item_that_ends_every_worker_is_named(pool, tmp_path):
    with pytest.raises(OfftakeError, match=r"item 3 of 6 fresh paths \(2\) ended its worker 3 times.*SIGKILL"):
        pool.map(works.dies_on_two, range(6), context=str(tmp_path), stage="fresh paths")
    assert works.marks(tmp_path, "tried") == MOST_TRIES == 3
    assert pool.map(operator.add, range(4), context=1) == [1, 2, 3, 4], "the executor goes on"


# Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["serial", "processes"])
def test_the_first_item_that_fails_is_the_error_and_the_rest_is_cancelled(pools, name, tmp_path):
    began = time.monotonic()
    with pytest.raises(UnitError, match="unit 1") as caught:
        pools[name].map(works.fails, range(20), context=str(tmp_path), stage="paths")
    assert time.monotonic() - began < 30
    assert caught.value.__notes__ == ["while working on item 2 of 20 paths (1)"]
    assert (caught.value.code, caught.value.hint) == ("E302", "none")
    assert works.marks(tmp_path, "begun") <= 1
    assert pools[name].map(operator.add, range(4), context=1) == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["serial", "processes"])
def test_an_error_travels_with_what_it_keeps_and_where_it_was_raised(pools, name):
    with pytest.raises(InfeasibleError, match="item 0 cannot be") as caught:
        pools[name].map(works.says_infeasible, range(4), context=None)
    assert (caught.value.message, caught.value.conflict) == ("item 0 cannot be", ("power", "chips"))
    assert "says_infeasible" in str(caught.value.__cause__)


@pytest.mark.parametrize("name", ["serial", "processes"])
def test_an_error_that_cannot_travel_is_told_in_words(pools, name):
    with pytest.raises(RuntimeError, match=r"LocalError: odd 0"):
        pools[name].map(works.raises_oddly, range(4), context=None)


@pytest.mark.parametrize("name", ["serial", "processes"])
def test_what_cannot_be_sent_is_refused_by_every_executor(pools, name):
    executor = pools[name]
    with pytest.raises(TypeError, match="must be a function of an importable module"):
        executor.map(lambda _, item: item, [1, 2], context=None)
    with pytest.raises(TypeError, match="the context cannot be pickled"):
        executor.map(operator.mul, [1, 2], context=threading.Lock())
    with pytest.raises(TypeError, match="an item cannot be pickled"):
        executor.map(operator.mul, [1, threading.Lock()], context=2)
    with pytest.raises(TypeError, match="the result cannot be pickled"):
        executor.map(works.unpicklable, [1, 2], context=2)


@pytest.mark.parametrize("name", ["serial", "processes"])
def test_progress_tells_the_share_that_is_done(pools, name):
    events = []
    pools[name].map(works.late_first, range(5), context=0.15, progress=events.append, stage="fresh paths")
    shares = [event.fraction for event in events]
    assert {event.stage for event in events} == {"fresh paths"}
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert any(0 < share < 1 for share in shares)
    assert [event.done for event in events] == [False] * (len(events) - 1) + [True]
    assert events[-1].message == "5 of 5"


def test_an_error_in_the_callers_progress_stops_the_job(pool):
    def told(event):
        if event.fraction:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pool.map(works.late_first, range(5), context=0.2, progress=told)
    assert pool.map(operator.add, range(4), context=1) == [1, 2, 3, 4]


# Stopping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["serial", "processes"])
def test_an_interrupt_stops_the_job_with_what_is_done(pools, name, tmp_path):
    event = threading.Event()

    def told(news):
        if news.fraction:
            event.set()

    began = time.monotonic()
    with pytest.raises(Stopped) as caught:
        pools[name].map(works.counts, range(100), context=(str(tmp_path), 0.3), progress=told, interrupt=event)
    assert time.monotonic() - began < 10
    assert 1 <= len(caught.value.results) < 10
    assert all(result[0] == number for number, result in caught.value.results.items())
    assert isinstance(caught.value, KeyboardInterrupt)


JOB = """
    import sys
    sys.path.insert(0, {here!r})
    import executor_works as works
    from offtake.executors import Journal, executor_of, journal
    journal.code_digest = lambda: b"of this test"  # whoever edits Offtake meanwhile would start the job afresh
    with executor_of({executor!r}) as executor:
        executor.map(works.{work}, range({items}), context={context!r}, journal=Journal({journal!r}))
"""


def _started(tmp_path, **given):
    given = {"executor": "processes:2", "items": 40, "journal": str(tmp_path / "journal"), **given}
    text = textwrap.dedent(JOB).format(here=str(HERE), **given)
    return subprocess.Popen(
        [sys.executable, "-c", text], stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=tmp_path
    )


@POSIX
def test_ctrl_c_ends_the_job_within_seconds_and_leaves_no_orphan(tmp_path):
    with _started(tmp_path, work="sleeps", context=(str(tmp_path), 60)) as job:
        _until(lambda: len(_pids(tmp_path)) == 2)
        began = time.monotonic()
        os.killpg(job.pid, signal.SIGINT)  # what a terminal does
        error = job.communicate(timeout=20)[1]
    assert time.monotonic() - began < 5
    assert "Stopped: stopped with 0 items finished" in error
    assert "executor_works" not in error.replace("import executor_works", ""), "no worker says anything"
    assert all(_gone(pid) for pid in _pids(tmp_path))


@POSIX
@pytest.mark.parametrize("executor", ["serial", "processes:2"])
def test_a_job_killed_in_the_middle_goes_on_where_it_was(tmp_path, executor, monkeypatch):
    monkeypatch.setattr("offtake.executors.journal.code_digest", lambda: b"of this test")
    context, journal = (str(tmp_path), 0.05), tmp_path / "journal"
    with _started(tmp_path, work="counts", context=context, executor=executor) as job:
        _until(lambda: len(list(journal.glob("*.json"))) >= 5)
        job.kill()
        job.communicate()
    kept = len(list(journal.glob("*.json")))
    assert all(_gone(int(path.name.split("-")[1])) for path in tmp_path.glob("done-*")), "workers end with their parent"
    before = works.marks(tmp_path, "done")
    assert 5 <= kept <= before < 40
    resumed = Serial().map(works.counts, range(40), context=context, journal=Journal(journal))
    assert works.marks(tmp_path, "done") == before + 40 - kept
    again = Serial().map(works.counts, range(40), context=context, journal=Journal(journal))
    assert works.marks(tmp_path, "done") == before + 40 - kept, "nothing is left to do"
    fresh = Serial().map(works.counts, range(40), context=context)
    assert write_plain(resumed) == write_plain(fresh) == write_plain(again)
    assert pickle.dumps(resumed[0]) == pickle.dumps(fresh[0])


# Names ------------------------------------------------------------------------------------------------------------


def test_none_means_a_worker_for_each_core():
    executor = executor_of(None)
    assert (executor.name, executor.workers) == ("processes", cores())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("foo", "there is no executor 'foo': there are serial, processes, ray"),
        ("proces", "did you mean `processes`?"),
        ("Serial", "did you mean `serial`?"),
        ("", "there are serial, processes, ray"),
        ("serial:2", "write serial, processes, processes:N, ray or ray:ADDRESS"),
        ("ray:", "write serial, processes, processes:N, ray or ray:ADDRESS"),
        ("processes:", "a whole number from 1 to 1024, as in processes:4"),
        ("processes:0", "a whole number from 1 to 1024"),
        ("processes:-1", "a whole number"),
        ("processes:two", "a whole number"),
        ("processes:9999999999999", "a whole number"),
        ("processes:²", "a whole number"),
    ],
)
def test_a_word_that_names_no_executor_is_refused_with_a_hint(text, says):
    with pytest.raises(OfftakeError, match=re.escape(says)):
        executor_of(text)


def test_cores_respect_affinity_and_quota(monkeypatch, tmp_path):
    from offtake.executors import processes

    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(processes, "_QUOTA", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    assert cores() == 16
    for text, count in (("max 100000", 16), ("150000 100000", 2), ("50000 100000", 1), ("nonsense", 16)):
        quota.write_text(text)
        assert cores() == count
