"""A run directory is whole or absent: after a kill at any step, Ctrl-C, a full disk, a second writer."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from offtake.errors import RunDirectoryError
from offtake.runs.directory import new_directory
from offtake.runs.manifest import owned_files
from offtake.runs.record import load, save, verify

from .test_record import names, record

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and locks of POSIX")

WRITER = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import test_record
from offtake.runs import directory, record, store

step = 0
def watched(real):
    def call(*args, **kwargs):
        global step
        step += 1
        if step == {at}:
            os.kill(os.getpid(), signal.{signal})
        return real(*args, **kwargs)
    return call

store._write = watched(store._write)
record.file_hash = watched(record.file_hash)
directory._sync_one = watched(directory._sync_one)
directory._swap = watched(directory._swap)
directory._remove = watched(directory._remove)
if {two_step}:
    directory._exchange = lambda *_: False
    directory.Path.rename = watched(directory.Path.rename)
record.save(test_record.record(2.0), {target!r})
print("steps", step)
"""


def write_in_child(
    target: Path, at: int, kill: str = "SIGKILL", two_step: bool = False
) -> subprocess.CompletedProcess[str]:
    code = WRITER.format(tests=str(Path(__file__).parent), at=at, signal=kill, target=str(target), two_step=two_step)
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )


def hidden(folder: Path) -> list[str]:
    return [n for n in names(folder) if n.startswith(".")]


@posix
@pytest.mark.parametrize("two_step", [False, True])
def test_killed_at_any_step_the_directory_is_the_old_run_or_the_new_one(tmp_path, two_step):
    steps = int(write_in_child(tmp_path / "first", at=-1).stdout.split()[1])
    assert steps > 10
    seen = set()
    # every fifth step, and every one of the last, where the swap is
    for at in sorted({*range(1, steps - 2, 5), *range(steps - 2, steps + 4)}):
        target = tmp_path / f"{at}" / "r"
        save(record(1.0), target)
        done = write_in_child(target, at, two_step=two_step)
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr
        if not target.exists():  # only between the two renames, and the next writer repairs it
            assert two_step
            with pytest.raises(RuntimeError), new_directory(target, owned_files):
                raise RuntimeError
        assert verify(target) == ()
        seen.add(load(target).document["objective_usd"])
        save(record(3.0), target)  # cleans up
        assert names(target.parent) == ["r"]
    assert seen == {1.0, 2.0}


@posix
def test_ctrl_c_leaves_the_old_run_and_nothing_else(tmp_path):
    target = tmp_path / "r"
    save(record(1.0), target)
    done = write_in_child(target, at=5, kill="SIGINT")
    assert "KeyboardInterrupt" in done.stderr
    assert load(target).document["objective_usd"] == 1.0
    assert names(tmp_path) == ["r"]


def test_an_interrupt_inside_the_writing_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_directory(tmp_path / "r", owned_files) as fresh:  # noqa: PT012
        (fresh / "half.txt").write_text("half")
        raise KeyboardInterrupt
    assert names(tmp_path) == []


@pytest.mark.parametrize("function", ["_sync_one", "_swap"])
def test_a_disk_that_fills_up_leaves_the_old_run(tmp_path, monkeypatch, function):
    target = tmp_path / "r"
    save(record(1.0), target)

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"offtake.runs.directory.{function}", full)
    with pytest.raises(RunDirectoryError, match="No space left on device; nothing was changed"):
        save(record(2.0), target)
    assert load(target).document["objective_usd"] == 1.0
    assert names(tmp_path) == ["r"]


@posix
@pytest.mark.parametrize("most", [0, 100, 300, 500])
def test_a_disk_that_takes_only_so_many_bytes_leaves_the_old_run(tmp_path, most):
    """A limit on file size makes real writes fail, also inside DuckDB."""
    target = tmp_path / "r"
    save(record(1.0), target)
    code = f"""
    import resource, sys
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    import test_record, duckdb
    from offtake.errors import RunDirectoryError
    from offtake.runs.record import save
    resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))
    try:
        save(test_record.record(2.0), {str(target)!r})
    except RunDirectoryError as error:
        print("refused", error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith("refused"), done.stderr
    assert load(target).document["objective_usd"] == 1.0
    assert names(tmp_path) == ["r"]


@posix
def test_a_living_writer_is_not_disturbed(tmp_path):
    target = tmp_path / "r"
    with new_directory(target, owned_files) as fresh:
        (fresh / "manifest.json").write_text('{"format": "offtake-run-1", "files": {}}')
        save(record(1.0), target)
        assert fresh.is_dir()
        assert load(target).document["objective_usd"] == 1.0
    assert (target / "manifest.json").read_text().endswith('"files": {}}')
    assert hidden(tmp_path) == []


@posix
def test_leftovers_of_other_runs_are_left_alone(tmp_path):
    for name in (".base2.new-1", ".other", ".base.news"):
        (tmp_path / name).mkdir()
    save(record(), tmp_path / "base")
    assert set(hidden(tmp_path)) == {".base2.new-1", ".other", ".base.news"}


def test_a_folder_that_cannot_be_written_is_an_error_in_words(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunDirectoryError, match="cannot write the run"):
        save(record(), tmp_path / "file" / "r")
