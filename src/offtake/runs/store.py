"""Tables as Parquet files, by DuckDB: the only module that imports it.

Each call opens an in-memory DuckDB that installs and loads no extension, holds at most `MEMORY_LIMIT`, spills nowhere and
may touch the paths it was given and no other. One thread and a fixed row order make the bytes a function of the table alone. Units
and titles travel in the file's key-value metadata.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.errors import RunDirectoryError
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

__all__ = ["MEMORY_LIMIT", "read_columns", "read_tables", "write_tables"]

MEMORY_LIMIT = "256MB"
_METADATA_KEY = "offtake_table"
_SQL_TYPES = {"float": "DOUBLE", "int": "BIGINT", "bool": "BOOLEAN", "date": "DATE", "text": "VARCHAR"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def write_tables(tables: Mapping[Path, Table]) -> None:
    """Write tables to Parquet files; the same table gives the same bytes.

    Parameters
    ----------
    tables : mapping of Path to Table    paths end in `.parquet`; an old file there is overwritten.  Column names must be identifiers;
                                         NaN and NaT become NULL

    Raises
    ------
    RunDirectoryError    where a file cannot be written or a name is not an identifier
    """
    for table in tables.values():
        for name in table.arrays():
            if not _NAME.fullmatch(name):
                msg = f"table {table.name}: {name!r} cannot name a column; wanted letters, digits and _"
                raise RunDirectoryError(msg)
    with _open(*tables) as connection:
        for path, table in tables.items():
            _write(connection, path.absolute(), table)


def _write(connection: DuckDBPyConnection, path: Path, table: Table) -> None:
    facts = {
        "name": table.name,
        "title": table.title,
        "note": table.note,
        "columns": [[c.name, c.unit, c.title, c.kind] for c in table.columns],
    }
    fields = ", ".join(f'"{c.name}"::{_SQL_TYPES[c.kind]} AS "{c.name}"' for c in table.columns)
    metadata = f"{{{_METADATA_KEY}: {_quoted(json.dumps(facts, ensure_ascii=True))}}}"
    connection.register("source", {n: _for_duckdb(a) for n, a in table.arrays().items()})
    _execute(
        connection,
        f"COPY (SELECT {fields} FROM source) TO {_quoted(str(path))} "  # noqa: S608  # identifiers are checked before
        f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {metadata})",
        path,
    )


def read_tables(paths: Sequence[Path]) -> tuple[Table, ...]:
    """Read tables that `write_tables` wrote.

    Raises
    ------
    RunDirectoryError    where there is no such file, or it is no table of a run
    """
    for path in paths:
        if not path.is_file():
            msg = f"{path.absolute()}: no such table"
            raise RunDirectoryError(msg)
    with _open(*paths) as connection:
        return tuple(_read(connection, path.absolute()) for path in paths)


def _read(connection: DuckDBPyConnection, path: Path) -> Table:
    found = _execute(
        connection,
        f"SELECT value FROM parquet_kv_metadata({_quoted(str(path))}) WHERE key = '{_METADATA_KEY}'",  # noqa: S608
        path,
    ).fetchone()
    if found is None:
        msg = f"{path}: a Parquet file, but no table of a run"
        raise RunDirectoryError(msg)
    rows = _execute(connection, f"SELECT * FROM read_parquet({_quoted(str(path))})", path)  # noqa: S608
    try:
        return _table(json.loads(found[0]), rows.fetchnumpy())
    except Exception as error:
        msg = f"{path}: no table of a run, or too large: {str(error).partition(chr(10))[0]}"
        raise RunDirectoryError(msg) from error


def read_columns(path: Path, fields: str, *, where: str = "true", order: str = "") -> dict[str, NDArray[Any]]:
    """Read columns of a Parquet file that others wrote.

    Parameters
    ----------
    path : Path
    fields : str     what to read, in SQL of the caller's own (never text of a user): `distinct zone`, `epoch(utc) AS utc_s, price`
    where : str      which rows
    order : str      columns to sort by; the file's order if empty

    Raises
    ------
    RunDirectoryError    where there is no such file, or it lacks a column
    """
    path = path.absolute()
    if not path.is_file():
        msg = f"{path}: no such file"
        raise RunDirectoryError(msg)
    sql = f"SELECT {fields} FROM read_parquet({_quoted(str(path))}) WHERE {where}"  # noqa: S608  # the caller's own words
    with _open(path) as connection:
        found = _execute(connection, f"{sql} ORDER BY {order}" if order else sql, path).fetchnumpy()
    return {
        name: np.ma.filled(column, np.nan) if column.dtype.kind == "f" else column for name, column in found.items()
    }


def _table(facts: Any, data: Any) -> Table:  # noqa: ANN401  (what a file holds is anything)
    columns = tuple(Column(*c) for c in facts["columns"])
    return Table(
        facts["name"], columns, {c.name: _from_duckdb(c, data[c.name]) for c in columns}, facts["title"], facts["note"]
    )


def _open(*paths: Path) -> DuckDBPyConnection:
    """Open a DuckDB that can reach some paths and nothing else; opening one takes as long as writing ten small tables."""
    import duckdb

    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "memory_limit": MEMORY_LIMIT,
            "threads": 1,
            "python_enable_replacements": False,
        },
    )
    connection.execute("SET temp_directory = ''")
    connection.execute(f"SET allowed_paths = [{', '.join(_quoted(str(path.absolute())) for path in paths)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _execute(connection: DuckDBPyConnection, sql: str, path: Path) -> DuckDBPyConnection:
    """Run one statement; a failure names the file."""
    import duckdb

    try:
        return connection.execute(sql)
    except duckdb.Error as error:
        msg = f"{path}: {str(error).splitlines()[0]}"
        raise RunDirectoryError(msg) from error


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _for_duckdb(array: NDArray[Any]) -> NDArray[Any]:
    """Give dates the one resolution that DuckDB reads."""
    return array.astype("datetime64[s]") if array.dtype.kind == "M" else array


def _from_duckdb(column: Column, array: NDArray[Any]) -> Any:  # noqa: ANN401
    """Undo NULL: NaN, NaT or empty text."""
    filled = np.ma.filled(array, np.nan) if column.kind == "float" else np.ma.filled(array)
    return list(filled) if column.kind == "text" else filled
