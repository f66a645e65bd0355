"""Files that a user named: whole, or as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from offtake.errors import OfftakeError
from offtake.files import writable, write_whole


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "answer.json"
    path.write_text("old")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OfftakeError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["answer.json"]


def test_a_stop_while_writing_leaves_nothing_beside_it(tmp_path, monkeypatch):

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "chmod", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "answer.json", "new")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="links and modes of POSIX")
def test_a_link_stays_one_and_a_mode_stays_as_it_was(tmp_path):
    path, link = tmp_path / "answer.json", tmp_path / "link.json"
    path.write_text("old")
    path.chmod(0o600)
    link.symlink_to(path)
    write_whole(link, "new\n")
    assert link.is_symlink()
    assert path.read_bytes() == b"new\n"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name == "nt", reason="devices of POSIX")
def test_what_is_no_file_is_written_to_and_stays(tmp_path):
    write_whole(Path(os.devnull), "gone")
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("name", ["", ".", "folder", "missing/answer.json", "a\0b"])
def test_a_name_that_can_be_no_file_is_refused_in_words(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OfftakeError, match="cannot be written"):
        write_whole(Path(name), "x")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_what_is_read_is_not_written_over(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("rows")
    with pytest.raises(OfftakeError, match="what is read"):
        writable(table, beside=[tmp_path / "other.csv", table])
