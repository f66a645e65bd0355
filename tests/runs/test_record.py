"""A run directory: what it holds, that it is reproducible, and what is never replaced."""

from __future__ import annotations

import json

import pytest

from offtake.errors import RunDirectoryError
from offtake.runs.compare import compare, flatten
from offtake.runs.manifest import Manifest, run_id, versions
from offtake.runs.record import RunRecord, load, save, verify
from offtake.tables import Column, Table


def record(objective_usd: float = 10.0, seconds: float = 1.0) -> RunRecord:
    return RunRecord(
        manifest=Manifest(
            scenario="first-site",
            run_id="00ff",
            foresight="perfect",
            seed=7,
            inputs={"a.yaml": "ab"},
            versions={"x": "1"},
        ),
        document={
            "objective_usd": objective_usd,
            "parties": {"provider": {"npv_usd": None}},
            "bottlenecks": [{"limit": "power", "period": "2027-Q1", "price": objective_usd / 2}],
            "timings": {"solve_s": seconds},
        },
        scenario={"grid": {"quarters": 8}, "demand": [{"id": "chat", "price": objective_usd}]},
        certificate={"gap": 0.0},
        tables={"sites": Table("sites", (Column("site"), Column("power_mw", "MW")), [("a", objective_usd)])},
        report="<!doctype html>",
        extra={"solver.log": "fine"},
    )


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def everything(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_run_comes_back(tmp_path):
    save(record(), tmp_path / "runs" / "base")
    back = load(tmp_path / "runs" / "base")
    assert back.document == record().document
    assert back.scenario == record().scenario
    assert back.tables["sites"] == record().tables["sites"]
    assert (back.report, dict(back.extra)) == ("<!doctype html>", {"solver.log": "fine"})
    assert verify(tmp_path / "runs" / "base") == ()


def test_only_timings_differ_between_equal_runs(tmp_path):
    save(record(seconds=1.0), tmp_path / "a")
    save(record(seconds=2.0), tmp_path / "b")
    a, b = everything(tmp_path / "a"), everything(tmp_path / "b")
    assert {n for n in a if a[n] != b[n]} == {"timings.json"}
    assert json.loads(a["manifest.json"])["files"]["timings.json"] is None
    assert "timings" not in json.loads(a["result.json"])


def test_a_run_replaces_a_run_and_leaves_nothing_beside_it(tmp_path):
    save(record(1.0), tmp_path / "r")
    save(record(2.0), tmp_path / "r")
    assert load(tmp_path / "r").document["objective_usd"] == 2.0
    assert names(tmp_path) == ["r"]


def test_without_an_exchange_of_names_the_swap_still_works(tmp_path, monkeypatch):
    monkeypatch.setattr("offtake.runs.directory._exchange", lambda *_: False)
    save(record(1.0), tmp_path / "r")
    save(record(2.0), tmp_path / "r")
    assert load(tmp_path / "r").document["objective_usd"] == 2.0
    assert names(tmp_path) == ["r"]


def test_an_empty_folder_may_be_used(tmp_path):
    (tmp_path / "r").mkdir()
    save(record(), tmp_path / "r")
    assert load(tmp_path / "r").manifest.seed == 7


@pytest.mark.parametrize(
    "obstacle", ["foreign folder", "link", "dangling link", "file", "own run with a note", "nested folder"]
)
def test_what_no_run_wrote_is_never_replaced(tmp_path, obstacle):
    target = tmp_path / "r"
    if obstacle == "foreign folder":
        target.mkdir()
        (target / "thesis.txt").write_text("years of work")
    elif obstacle == "nested folder":
        (target / "empty").mkdir(parents=True)
    elif obstacle == "file":
        target.write_text("a file")
    elif obstacle == "own run with a note":
        save(record(), target)
        (target / "notes.txt").write_text("mine")
    else:
        real = tmp_path / "real"
        if obstacle == "link":
            save(record(), real)
        target.symlink_to(real)
    before = everything(tmp_path)
    with pytest.raises(RunDirectoryError):
        save(record(3.0), target)
    assert everything(tmp_path) == before
    assert not [n for n in names(tmp_path) if n.startswith(".")]


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_run_needs_a_name(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name == ".":
        (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunDirectoryError):
        save(record(), name)


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"format": "other"}', "\0", '{"format": "offtake-run-1"}'])
def test_a_false_marker_is_no_marker(tmp_path, manifest):
    target = tmp_path / "r"
    target.mkdir()
    (target / "manifest.json").write_text(manifest)
    with pytest.raises(RunDirectoryError):
        save(record(), target)
    with pytest.raises(RunDirectoryError):
        load(target)


def test_a_changed_file_is_noticed(tmp_path):
    save(record(), tmp_path / "r")
    (tmp_path / "r" / "result.json").write_text("{}")
    assert verify(tmp_path / "r") == ("result.json",)


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "manifest.json", ""])
def test_a_file_cannot_leave_the_directory(tmp_path, name):
    from dataclasses import replace

    with pytest.raises(RunDirectoryError, match="cannot name a file"):
        save(replace(record(), extra={name: "x"}), tmp_path / "r")
    assert names(tmp_path) == []


def test_nan_in_the_document_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        save(record(float("nan")), tmp_path / "r")
    assert names(tmp_path) == []


def test_the_run_id_follows_what_determines_the_answer():
    base = {"inputs": {"a": "00"}, "seed": 1, "options": {"relax": False}, "used": versions()}

    def of(**change):
        given = {**base, **change}
        return run_id(given["inputs"], seed=given["seed"], options=given["options"], used=given["used"])

    assert of() == of()
    others = {of(inputs={"a": "01"}), of(seed=2), of(options={"relax": True}), of(used={"offtake": "9"})}
    assert len(others | {of()}) == 5


def test_compare_names_what_differs():
    found = compare(record(10.0), record(12.0))
    assert found.inputs.rows() == [{"path": "demand[chat].price", "a": "10.0", "b": "12.0"}]
    by_path = {r["path"]: r for r in found.results.rows()}
    assert by_path["objective_usd"]["difference"] == 2.0
    assert by_path["objective_usd"]["relative"] == pytest.approx(0.2)
    assert by_path["bottlenecks[power, 2027-Q1].price"]["b"] == 6.0
    assert not any("timings" in p for p in by_path)


def test_a_list_with_one_more_element_does_not_shift_the_rest():
    one = flatten([{"id": "b", "x": 1}])
    two = flatten([{"id": "a", "x": 9}, {"id": "b", "x": 1}])
    assert one.items() <= two.items()


def written(folder, change):
    """Save a run and spoil it: `change` is given the directory."""
    target = save(record(), folder / "run")
    change(target)
    return target


def spoil_manifest(key, value):
    def change(target):
        facts = json.loads((target / "manifest.json").read_text("utf-8"))
        facts[key] = value(facts[key]) if callable(value) else value
        (target / "manifest.json").write_text(json.dumps(facts), "utf-8")

    return change


def replace_by_link(target):
    (target / "report.html").unlink()
    (target / "report.html").symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: (t / "result.json").write_text('{"objective_usd": 11.0}'), "result.json changed"),
        (lambda t: (t / "tables" / "sites.parquet").unlink(), "sites.parquet changed or went missing"),
        (replace_by_link, "report.html changed"),
        (spoil_manifest("files", [1]), "not of format"),
        (spoil_manifest("files", lambda f: {**f, "../../secret": None}), "not of format"),
        (spoil_manifest("files", lambda f: {**f, "/etc/hostname": None}), "not of format"),
        (spoil_manifest("versions", 5), "not of format"),
        (lambda t: (t / "manifest.json").write_text("[" * 100_000), "cannot be read"),
        (lambda t: (t / "timings.json").write_text("[1]"), "timings.json is not JSON of a run"),
        (lambda t: (t / "timings.json").write_text('{"a": NaN}'), "NaN is no number"),
    ],
)
def test_a_spoilt_run_is_refused_with_what_is_wrong(tmp_path, change, words):
    target = written(tmp_path, change)
    with pytest.raises(RunDirectoryError, match=words):
        load(target)


def test_a_foreign_parquet_file_is_no_table(tmp_path):
    import duckdb

    from offtake.runs.store import read_tables

    path = tmp_path / "x.parquet"
    for facts in ("[1]", "nothing", '{"columns": [[1]]}'):
        duckdb.execute(f"COPY (SELECT 1 AS a) TO '{path}' (FORMAT parquet, KV_METADATA {{offtake_table: '{facts}'}})")
        with pytest.raises(RunDirectoryError, match="no table of a run"):
            read_tables([path])
