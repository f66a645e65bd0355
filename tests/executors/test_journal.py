"""What the journal keeps, finds again, and refuses."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import errno
import logging
import math
import operator
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import executor_works as works
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.errors import OfftakeError
from offtake.executors import Journal, Processes, Serial
from offtake.executors import journal as module
from offtake.executors.digests import digest
from offtake.executors.plain import read_plain, write_plain

# Plain values -----------------------------------------------------------------------------------------------------

DTYPES = ["<f8", ">f8", "<f4", "<f2", "<i8", "<u2", "|b1", "|i1", "<c16", "<U3", "|S4", "<M8[D]", "<m8[ns]"]


@st.composite
def arrays(draw):
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    count = math.prod(shape)
    if dtype.kind == "U":
        flat = np.array(draw(st.lists(st.text("aé\U0001f600", max_size=3), min_size=count, max_size=count)), dtype)
    elif dtype.kind == "b":
        flat = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype)
    else:
        size = count * dtype.itemsize
        flat = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype, count=count).copy()
    found = flat.reshape(shape)
    return np.asfortranarray(found) if draw(st.booleans()) else found


SCALARS = st.sampled_from(
    [np.float64("nan"), np.float32(0.1), np.int8(-3), np.bool_(True), np.str_("é"), np.datetime64("2027-01-01")]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | SCALARS
    | arrays()
)
KEYS = st.text() | st.integers() | st.booleans() | st.none() | st.tuples(st.integers(), st.text())
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


def same(one, other):
    """Tell whether two values are the same in type and to the bit, NaN and -0.0 too."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        layout = (
            one.dtype == other.dtype and one.shape == other.shape and (one.strides == other.strides or one.size == 0)
        )
        return layout and one.tobytes() == other.tobytes() and other.flags.writeable
    if isinstance(one, np.generic):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    return pickle.dumps(one) == pickle.dumps(other)


@given(PLAIN)
def test_plain_values_come_back_the_same(value):
    fresh = pickle.loads(pickle.dumps(value))  # what an executor returns without a journal
    text = write_plain(fresh)
    assert text.isascii()
    assert "\n" not in text
    assert same(fresh, read_plain(text))


def test_bits_of_special_numbers_are_kept():
    odd = np.frombuffer(bytes.fromhex("010000000000f87f"), "<f8")
    back = read_plain(write_plain([odd, float(odd[0]), -0.0, 5e-324, float("-inf"), 2**80]))
    assert back[0].tobytes() == odd.tobytes()
    assert math.copysign(1, back[2]) == -1
    assert back[3:] == [5e-324, -math.inf, 2**80]


class Colour(enum.StrEnum):
    RED = "red"


@dataclasses.dataclass
class Held:
    value: object


class Named(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({1}, "holds a set$"),
        ([1, (2, Held(3))], r"holds a Held at \[1\]\[1\]"),
        ({"a": {"b": decimal.Decimal(1)}}, r"holds a Decimal at \['a'\]\['b'\]"),
        (Colour.RED, "holds a Colour"),
        (Named("x"), "holds a Named"),
        (np.array([object()]), "holds a object array"),
        (np.zeros(2, [("a", "f8")]), "array"),
        (np.ma.array([1.0]), "holds a"),
        ({"date": dt.date(2027, 1, 1)}, r"holds a date at \['date'\]"),
        (10**5000, "cannot keep this result"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_not_plain_is_refused_by_type_and_place(value, says):
    with pytest.raises(TypeError, match=says):
        write_plain(value)


def test_a_list_that_holds_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(TypeError, match="cannot keep"):
        write_plain(endless)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        "[Infinity]",
        '{"x":1}',
        "{}",
        '{"tuple":[],"list":[]}',
        '{"float":"00"}',
        '{"float":1}',
        '{"complex":"7ff0000000000000"}',
        '{"bytes":"*"}',
        '{"dict":[[1]]}',
        '{"dict":[[[1],2]]}',
        '{"array":["|O8",[1],"C","AAAAAAAAAAA="]}',
        '{"array":["<f8",[2],"C","AAAAAAAAAAA="]}',
        '{"array":["<f8",[-1],"C","AAAAAAAAAAA="]}',
        '{"array":["<f8",[-1,-1],"C","AAAAAAAAAAA="]}',
        '{"array":["<f8",[1.0],"C","AAAAAAAAAAA="]}',
        '{"array":["<f8",[0,99999999999999999999],"C",""]}',
        '{"array":["<f8",[1],"K","AAAAAAAAAAA="]}',
        '{"array":["V8",[1],"C","AAAAAAAAAAA="]}',
        '{"array":["f8,(2,)f8",[1],"C","AAAAAAAAAAA="]}',
        '{"array":["<U999999999",[0],"C",""]}',
        '{"array":["<f8"]}',
        '{"scalar":["<f8",""]}',
        "[" * 100_000,
        "1" * 5000,
    ],
)
def test_text_of_another_origin_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - of many kinds
        read_plain(text)


# Digests ----------------------------------------------------------------------------------------------------------

SEEDED = """
import sys; sys.path.insert(0, {here!r})
from test_journal import sample
from offtake.executors.digests import digest
print(digest(sample()).hex())
"""


def sample():
    """Make a value of many types whose pickle changes from process to process."""
    inner = Held({"b", "a", "c", "dd", "eee"})
    return {
        "held": [inner, inner],
        "frozen": frozenset(["x", "y", "zz", "www"]),
        "array": np.arange(6.0).reshape(2, 3).T,
        "rng": np.random.default_rng(3),
        "when": dt.date(2027, 1, 1),
        "money": decimal.Decimal("1.10"),
        "colour": Colour.RED,
        "path": Path("a/b"),
        "function": operator.mul,
        "type": Held,
        "numbers": (1, 1.0, True, 1j, None, b"x", float("nan")),
    }


def test_a_digest_is_the_same_in_every_process():
    text = SEEDED.format(here=str(Path(__file__).parent))
    found = {
        subprocess.run(
            [sys.executable, "-c", text],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(found) == 1


def test_a_digest_does_not_depend_on_which_equal_parts_are_one_object():
    one, other = "ab" * len(os.name), "ab" * len(os.name)
    shared, apart = [one, one], [one, other]
    assert pickle.dumps(shared) != pickle.dumps(apart), "the reason for a digest of our own"
    assert digest(shared) == digest(apart)


def test_a_digest_tells_apart_what_differs():
    base = np.arange(6.0)
    values = [
        None, 0, False, 0.0, -0.0, 0j, "", b"", [], (), {}, set(), frozenset([1]), "0", [0], (0,), [[0]], [0, 0],
        ["ab", "c"], ["a", "bc"], {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 2, "b": 1},
        base, base.reshape(2, 3), base.reshape(3, 2), base.astype("f4"), base.astype(">f8"), base[:5], -base, np.float64(0.0),
        base.astype(int), np.array(["a"]), np.array([b"a"]), np.zeros(2, [("a", "f8")]), np.zeros(2, [("b", "f8")]),
        Held(1), Held(1.0), Held(Held(1)), Colour.RED, "red", decimal.Decimal(1), decimal.Decimal("1.0"),
        dt.date(2027, 1, 1), dt.date(2027, 1, 2), Path("a"), operator.mul, operator.add, Held, Colour,
        np.random.default_rng(1), np.random.default_rng(2), np.array([1, "x"], dtype=object), np.array([2, "x"], dtype=object),
    ]  # fmt: skip
    digests = [digest(value) for value in values]
    alike = [(values[i], values[j]) for i in range(len(values)) for j in range(i) if digests[i] == digests[j]]
    assert alike == []


def test_a_digest_of_a_circle_ends():
    circle = [1]
    circle.append(circle)
    other = [1]
    other.append([other])
    assert digest(circle) != digest(other)


def test_a_digest_of_what_cannot_be_pickled_is_refused():
    with pytest.raises(TypeError):
        digest([threading.Lock()])


def test_the_digest_of_the_code_is_that_of_its_files(monkeypatch, tmp_path):
    """Another byte in any module, or another version of numpy, is other code."""
    from offtake.executors import digests

    (tmp_path / "executors").mkdir()
    (tmp_path / "one.py").write_text("1")
    monkeypatch.setattr(digests, "__file__", str(tmp_path / "executors" / "digests.py"))
    count = digests.code_digest.__wrapped__
    seen = {count()}
    for change in ("2", "1 ", "1"):
        (tmp_path / "one.py").write_text(change)
        seen.add(count())
    assert len(seen) == 3
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0")
    assert count() not in seen


# The journal ------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Work off a small job with a journal; return a function that works it off again and counts what was worked out."""
    monkeypatch.setattr(module, "code_digest", lambda: b"of this test")
    folder, marks = tmp_path / "journal", tmp_path / "marks"
    marks.mkdir()
    context = (str(marks), 0.0)

    def again(items=range(4), executor=None, seconds=0.0):
        before = works.marks(marks, "done")
        results = (executor or Serial()).map(
            works.counts, items, context=(context[0], seconds), journal=Journal(folder)
        )
        return results, works.marks(marks, "done") - before

    first, count = again()
    assert count == 4
    again.first, again.folder = first, folder
    again.files = sorted(folder.iterdir())
    assert len(again.files) == 4
    return again


def test_what_is_there_is_not_worked_out_again(kept):
    results, count = kept()
    assert count == 0
    assert same(results, kept.first)
    assert kept(range(2, 6))[1] == 2, "items that were there already, and two more"
    assert kept(seconds=0.001)[1] == 4, "another context"
    with Processes(2) as pool:
        assert kept(range(8), executor=pool)[1] == 2


def test_other_code_works_everything_out_again(kept, monkeypatch):
    monkeypatch.setattr(module, "code_digest", lambda: b"other")
    assert kept()[1] == 4


@pytest.mark.parametrize("cut", [0, 1, 60, -2, -1])
def test_a_file_cut_short_is_worked_out_again(kept, cut):
    whole = kept.files[1].read_bytes()
    kept.files[1].write_bytes(whole[:cut])
    results, count = kept()
    assert count == 1
    assert same(results, kept.first)
    assert kept.files[1].read_bytes() == whole


def test_any_damaged_byte_is_noticed(kept):
    whole = kept.files[0].read_bytes()
    journal = Journal(kept.folder)
    key = kept.files[0].stem
    assert journal.found([key]) != {}
    for place in range(len(whole)):
        kept.files[0].write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert journal.found([key]) == {}, f"byte {place}"


def test_a_file_under_another_name_is_not_trusted(kept):
    kept.files[0].write_bytes(kept.files[1].read_bytes())
    results, count = kept()
    assert count == 1
    assert same(results, kept.first)


@pytest.mark.skipif(os.name != "posix", reason="pipes and links of POSIX")
def test_pipes_and_links_in_the_place_of_files_are_not_followed(kept, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(kept.files[0].read_bytes())
    for path in kept.files[:2]:
        path.unlink()
    kept.files[0].symlink_to(elsewhere)
    os.mkfifo(kept.files[1])
    results, count = kept()
    assert count == 2
    assert same(results, kept.first)
    assert not kept.files[0].is_symlink()
    assert kept.files[1].is_file()


def test_a_folder_in_the_place_of_a_file_does_no_harm(kept, caplog):
    kept.files[2].unlink()
    kept.files[2].mkdir()
    results, count = kept()
    assert count == 1
    assert same(results, kept.first)
    assert len(caplog.records) == 1


def test_a_pickle_in_the_place_of_a_result_is_not_loaded(kept, tmp_path):
    class Hostile:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "owned",))

    kept.files[0].write_bytes(pickle.dumps(Hostile()))
    assert kept()[1] == 1
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_no_more_costs_one_warning_and_not_the_job(kept, monkeypatch, caplog, number):
    calls = []

    def full(handle):
        calls.append(handle)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with caplog.at_level(logging.WARNING, logger="offtake"):
        results, count = kept(range(10, 15))
    assert (count, len(calls)) == (5, 1)
    assert [result[0] for result in results] == list(range(10, 15))
    assert len(caplog.records) == 1
    assert os.strerror(number) in caplog.text
    assert sorted(kept.folder.iterdir()) == kept.files, "no part is left behind"


def test_a_folder_that_goes_away_costs_one_warning_and_not_the_job(tmp_path, caplog):
    journal = Journal(tmp_path / "journal")
    journal.directory.rmdir()
    assert Serial().map(operator.mul, [1, 2], context=2, journal=journal) == [2, 4]
    assert len(caplog.records) == 1


def test_a_journal_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "nul\0"):
        with pytest.raises(OfftakeError, match="no journal can be kept in"):
            Journal(folder)


def test_a_result_that_is_not_plain_is_refused_at_the_first_item(tmp_path):
    with pytest.raises(TypeError, match=r"holds a set at \['best'\]\[1\]"):
        Serial().map(works.not_plain, range(5), context=None, journal=Journal(tmp_path))
    assert Serial().map(works.not_plain, range(2), context=None)[1] == {"best": [1, {1}]}, "without one it may be"


def test_clearing_removes_results_and_nothing_else(kept):
    (kept.folder / "mine.txt").write_text("")
    Journal(kept.folder).clear()
    assert [path.name for path in kept.folder.iterdir()] == ["mine.txt"]
    (kept.folder / "mine.txt").unlink()
    Journal(kept.folder).clear()
    assert not kept.folder.exists()


def test_progress_counts_what_the_journal_had(kept):
    events = []
    context = (str(kept.folder.parent / "marks"), 0.0)
    Serial().map(works.counts, range(8), context=context, journal=Journal(kept.folder), progress=events.append)
    assert events[0].fraction == 0.5
