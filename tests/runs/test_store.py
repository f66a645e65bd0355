"""Tables survive Parquet exactly, and the same table gives the same bytes."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.errors import RunDirectoryError
from offtake.runs.store import read_tables, write_tables
from offtake.tables import Column, Table


def sample() -> Table:
    return Table(
        "power",
        (
            Column("site", "", "Site"),
            Column("year", "", "", "int"),
            Column("energised_facility_mw", "MW", "Energised"),
            Column("binding"),
            Column("from_date"),
        ),
        [
            ("new-carlisle", 2027, 910.25, True, dt.date(2027, 1, 1)),
            ("a 'quoted' \N{SNOWMAN} name", 2028, None, False, None),
            (None, 2029, math.inf, True, dt.date(1999, 12, 31)),
        ],
        title="A \"title\"; with 'quotes'",
        note="a note",
    )


def test_a_table_comes_back_as_it_was(tmp_path):
    write_tables({tmp_path / "t.parquet": sample()})
    back = read_tables([tmp_path / "t.parquet"])[0]
    assert back == sample()
    assert (back.title, back.note) == (sample().title, sample().note)
    assert back.columns == sample().columns


def test_an_empty_table_keeps_its_columns(tmp_path):
    empty = sample().take(np.array([], dtype=np.intp))
    write_tables({tmp_path / "t.parquet": empty})
    assert read_tables([tmp_path / "t.parquet"])[0] == empty


def test_same_table_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_tables({tmp_path / f"{name}.parquet": sample()})
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_large_table_is_deterministic_and_ordered(tmp_path):
    values = np.random.default_rng(1).normal(size=300_000)
    table = Table("big", (Column("x"), Column("i")), {"x": values, "i": np.arange(values.size)})
    for name in ("a", "b"):
        write_tables({tmp_path / f"{name}.parquet": table})
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert np.array_equal(read_tables([tmp_path / "a.parquet"])[0]["x"], values)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False),
            st.integers(-(2**63), 2**63 - 1),
            st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))),
        ),
    )
)
def test_any_values_come_back(tmp_path_factory, rows):
    table = Table("t", (Column("x", "", "", "float"), Column("i", "", "", "int"), Column("s", "", "", "text")), rows)
    path = tmp_path_factory.mktemp("any") / "t.parquet"
    write_tables({path: table})
    assert read_tables([path])[0] == table


def test_a_column_name_must_be_an_identifier(tmp_path):
    bad = Table("t", (Column('x"; DROP TABLE t; --'),), [(1.0,)])
    with pytest.raises(RunDirectoryError, match="cannot name a column"):
        write_tables({tmp_path / "t.parquet": bad})


def test_a_foreign_parquet_file_is_refused(tmp_path):
    import duckdb

    path = tmp_path / "foreign.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 1 AS x) TO '{path}' (FORMAT parquet)")
    with pytest.raises(RunDirectoryError, match="no table of a run"):
        read_tables([path])
    with pytest.raises(RunDirectoryError, match="no such table"):
        read_tables([tmp_path / "absent.parquet"])
    (tmp_path / "broken.parquet").write_text("not parquet")
    with pytest.raises(RunDirectoryError, match="broken"):
        read_tables([tmp_path / "broken.parquet"])


def test_a_path_with_quotes_and_spaces_works(tmp_path, monkeypatch):
    folder = tmp_path / "it's here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    from pathlib import Path

    write_tables({Path("t.parquet"): sample()})
    assert read_tables([Path("t.parquet")])[0] == sample()


def test_duckdb_reaches_nothing_but_the_named_path(tmp_path):
    import duckdb

    from offtake.runs.store import _open

    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with _open(tmp_path / "t.parquet") as connection:
        for sql in (
            f"SELECT * FROM read_csv('{secret}')",
            f"COPY (SELECT 1) TO '{tmp_path / 'other.parquet'}' (FORMAT parquet)",
            "INSTALL httpfs",
            "SET enable_external_access = true",
            "SET autoload_known_extensions = true",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
        limit = connection.execute("SELECT current_setting('memory_limit')").fetchone()[0]
    assert limit == "244.1 MiB"  # 256 MB
