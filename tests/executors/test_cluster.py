"""Ray for real where it is installed; addresses that do not answer where it is not, too."""

from __future__ import annotations

import importlib.util
import operator
import os
import re
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import executor_works as works
import pytest
from test_executors import POSIX, _gone, _pids, _until

from offtake.errors import OfftakeError
from offtake.executors import Journal, Serial, executor_of
from offtake.executors.plain import write_plain

HERE = Path(__file__).parent
RAY = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason='Ray is not installed: pip install "offtake[ray]"'
)

# One script for all that a local Ray does: it takes seconds to start.
SCRIPT = """
    import json, operator, os, sys, threading, time
    from pathlib import Path
    sys.path.insert(0, {here!r})
    import executor_works as works
    from offtake.errors import InfeasibleError, OfftakeError, UnitError
    from offtake.executors import Journal, Stopped, executor_of, journal
    from offtake.executors.plain import write_plain

    journal.code_digest = lambda: b"of this test"
    folder, said, events = Path({folder!r}), dict(), []
    def place(name):
        (folder / name).mkdir()
        return str(folder / name)

    with executor_of("ray") as ray:
        said["solves"] = write_plain(ray.map(works.solves, range(5), context=works.job(), progress=events.append))
        said["shares"] = [event.fraction for event in events]
        found = ray.map(works.where, range(8), context=None)
        said["where"] = sorted(set((one["threads"], one["default"], one["pid"] != os.getpid()) for one in found))
        ray.map(works.unpacks, range(30), context=works.Noted(place("unpacked")))
        said["unpacked"] = works.marks(folder / "unpacked", "unpacked")
        said["workers"] = ray.workers
        said["dies once"] = ray.map(works.dies_once, range(8), context=place("once"))
        said["tried"] = [works.marks(folder / "once", f"tried{{n}}") for n in (0, 3, 6)]
        for name, work, items in (("dies", works.dies_on_two, 4), ("fails", works.fails, 20), ("infeasible", works.says_infeasible, 4)):
            began = time.monotonic()
            try:
                ray.map(work, range(items), context=place(name), stage="paths")
            except Exception as error:
                said[name] = [type(error).__name__, str(error), getattr(error, "__notes__", []), getattr(error, "conflict", None)]
            said[f"seconds {{name}}"] = time.monotonic() - began
        event = threading.Event()
        try:
            told = lambda news: news.fraction and event.set()
            ray.map(works.counts, range(100), context=(place("stopped"), 0.3), progress=told, interrupt=event)
        except Stopped as error:
            said["stopped"] = len(error.results)
        said["journal"] = write_plain(ray.map(works.counts, range(6), context=(place("done"), 0.0), journal=Journal(folder / "journal")))
        said["after"] = ray.map(operator.mul, range(6), context=3)
    with executor_of("ray") as ray:
        said["again"] = ray.map(operator.mul, range(6), context=3)
    (folder / "said.json").write_text(json.dumps(said))
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """Run the script in a folder, a home and a place for temporary files of its own."""
    import json

    folder = tmp_path_factory.mktemp("ray")
    places = {name: folder / name for name in ("here", "home", "t")}
    for place in places.values():
        place.mkdir()
    before = _rays()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(SCRIPT).format(here=str(HERE), folder=str(folder))],
        cwd=places["here"],
        env={**os.environ, "HOME": str(places["home"])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads((folder / "said.json").read_text())
    return said, done, folder, before


def _rays():
    """Numbers of the processes of Ray that run."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"raylet" in (text := path.read_bytes()) or b"gcs_server" in text:
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


@RAY
def test_ray_gives_the_same_bytes(local):
    expected = Serial().map(works.solves, range(5), context=works.job())
    assert local[0]["solves"] == write_plain(expected)
    assert local[0]["after"] == local[0]["again"] == [0, 3, 6, 9, 12, 15]
    shares = local[0]["shares"]
    assert (shares[0], shares[-1], shares) == (0.0, 1.0, sorted(shares))


@RAY
def test_rays_workers_have_one_thread_and_unpack_a_context_once(local):
    assert local[0]["where"] == [[1, "serial", True]]
    assert 1 <= local[0]["unpacked"] <= local[0]["workers"]


@RAY
def test_a_worker_of_ray_that_dies_costs_a_retry(local):
    said = local[0]
    assert (said["dies once"], said["tried"]) == ([n * n for n in range(8)], [2, 2, 2])
    kind, words, _, _ = said["dies"]
    assert kind == "OfftakeError"
    assert re.search(r"item 3 of 4 paths \(2\) ended its worker 3 times", words)
    assert said["stopped"] >= 1


@RAY
def test_errors_come_back_from_ray_with_what_they_keep(local):
    said = local[0]
    assert said["fails"][:3] == ["UnitError", "unit 1 (none)", ["while working on item 2 of 20 paths (1)"]]
    assert said["seconds fails"] < 30
    assert said["infeasible"][3] == ["power", "chips"]


@RAY
def test_a_journal_of_rays_is_read_by_the_others(local, monkeypatch):
    monkeypatch.setattr("offtake.executors.journal.code_digest", lambda: b"of this test")
    said, _, folder, _ = local
    before = works.marks(folder / "done", "done")
    found = Serial().map(
        works.counts, range(6), context=(str(folder / "done"), 0.0), journal=Journal(folder / "journal")
    )
    assert works.marks(folder / "done", "done") == before == 6
    assert write_plain(found) == said["journal"]


@RAY
def test_ray_is_quiet_and_leaves_nothing_behind(local):
    _, done, folder, before = local
    assert (done.stdout, done.stderr) == ("", "")
    assert list((folder / "here").iterdir()) == []
    assert list((folder / "home").iterdir()) == []
    _until(lambda: not _rays() - before, 10)


@RAY
@POSIX
def test_ctrl_c_ends_ray_within_seconds(tmp_path):
    import signal

    text = textwrap.dedent("""
        import sys
        sys.path.insert(0, {here!r})
        import executor_works as works
        from offtake.executors import executor_of
        with executor_of("ray") as executor:
            executor.map(works.sleeps, range(20), context=({folder!r}, 60))
    """).format(here=str(HERE), folder=str(tmp_path))
    job = subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.PIPE, text=True, start_new_session=True)
    with job:
        _until(lambda: len(_pids(tmp_path)) >= 1 or job.poll() is not None, 60)
        began = time.monotonic()
        os.killpg(job.pid, signal.SIGINT)
        error = job.communicate(timeout=30)[1]
    assert time.monotonic() - began < 8
    assert "Stopped: stopped with 0 items finished" in error
    assert all(_gone(pid, 10) for pid in _pids(tmp_path))


@pytest.fixture
def head(tmp_path):
    """Start a cluster of one machine as an administrator would; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        options = ["--head", "--block", "--num-cpus=2", "--include-dashboard=false", "--node-ip-address=127.0.0.1"]
        places = [f"--port={address.rpartition(':')[2]}", f"--temp-dir={folder}"]
        program = [Path(sys.executable).with_name("ray"), "start", *options, *places]
        quiet = {**os.environ, "HOME": str(tmp_path), "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(HERE)}
        with subprocess.Popen(
            program, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as cluster:
            try:
                said = next((line for line in cluster.stdout if "Ray runtime started" in line), "")
                assert said, "the cluster did not start"
                yield address
            finally:
                cluster.terminate()
                cluster.communicate(timeout=30)


@RAY
@POSIX
def test_a_cluster_by_its_address_gives_the_same_bytes(head):
    text = textwrap.dedent("""
        import sys
        sys.path.insert(0, {here!r})
        import executor_works as works
        from offtake.executors import executor_of, cluster
        from offtake.executors.plain import write_plain
        cluster.code_digest = lambda: b""  # whoever edits Offtake meanwhile would make it other code
        with executor_of("ray:{head}") as executor:
            print(executor.name, executor.workers)
            print(write_plain(executor.map(works.solves, range(5), context=works.job())))
    """).format(here=str(HERE), head=head)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, check=False, timeout=120
    )
    expected = write_plain(Serial().map(works.solves, range(5), context=works.job()))
    assert (done.stdout.splitlines(), done.stderr) == ([f"ray:{head} 2", expected], "")


@RAY
def test_a_worker_with_other_code_is_refused():
    from offtake.executors import cluster

    with pytest.raises(OfftakeError, match=r"is of another version than here; install the same on every machine"):
        cluster._held.__wrapped__(None, b"other code")


# Addresses --------------------------------------------------------------------------------------------------------


@RAY
def test_an_address_where_nobody_listens_is_told_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(OfftakeError, match=rf"127\.0\.0\.1:{port} does not answer.*--executor processes"):
        executor_of(f"ray:127.0.0.1:{port}")
    assert time.monotonic() - began < 5


@RAY
def test_an_address_that_is_silent_is_told_within_ten_seconds():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(OfftakeError, match=rf"127\.0\.0\.1:{port} does not answer.*--executor processes"):
            executor_of(f"ray:127.0.0.1:{port}")
    assert time.monotonic() - began < 10


@RAY
@pytest.mark.parametrize(
    "address",
    [
        "foo",
        "10.0.0.7",
        ":6379",
        "host:port",
        "host:1; ls",
        "http://host:1",
        "//host:1",
        "ray://host:1",
        "-x:1 -y",
        "a" * 300,
    ],
)
def test_what_is_no_address_is_told_how_one_is_written(address):
    with pytest.raises(OfftakeError, match=r"an address is written HOST:PORT.*--executor processes") as caught:
        executor_of(f"ray:{address}")
    assert len(str(caught.value)) < 300


def test_without_ray_the_message_says_how_to_install_it(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else real(name, *more))
    for text in ("ray", "ray:10.0.0.7:6379"):
        with pytest.raises(OfftakeError, match=r'pip install "offtake\[ray\]".*--executor processes'):
            executor_of(text)


@RAY
def test_one_item_starts_no_ray():
    with executor_of("ray") as executor:
        assert executor.map(operator.mul, [4], context=2) == [8]
        assert executor._ours is None
