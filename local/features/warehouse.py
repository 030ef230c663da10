"""DuckDB as the warehouse behind the offline store: rows to Parquet, and queries over Parquet.

Boundary: files in, files or rows out. A query reads the files that it is given and nothing else of
this machine: file access, extensions and settings are locked before it runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.features.group import Group

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SQL_TYPES = {"String": "VARCHAR", "Integral": "BIGINT", "Fractional": "DOUBLE"}
OWN = {  # what the feature store adds to each row
    "api_invocation_time": "TIMESTAMP",
    "write_time": "TIMESTAMP",
    "is_deleted": "BOOLEAN",
}
PARTITIONS = ("year", "month", "day", "hour")
OPTIONS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "1GB",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
FETCHED = 1_000  # rows at a time


class QueryFailed(Exception):
    """A query cannot be run; the message says why, as the engine says it."""


@dataclass(frozen=True)
class File:
    """A Parquet file and the partition that its key names, such as {"year": "2026"}."""

    path: Path
    partition: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A table as a query sees it."""

    name: str
    columns: Mapping[str, str]
    files: Sequence[File]


def columns_of(group: Group) -> dict[str, str]:
    """The columns of a group's rows with their types."""
    features = {
        feature.name: SQL_TYPES[feature.type] + ("[]" if feature.is_list else "")
        for feature in group.features.values()
    }
    return {**features, **OWN}


def write_parquet(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], path: Path
) -> None:
    """Write rows, whose values are JSON's; one that lacks a column has null there."""
    with _connect() as connection:
        # From one JSON text: row by row it takes a hundred times as long.
        connection.execute(
            f"copy (select {', '.join(map(quoted, columns))} "  # noqa: S608
            "from (select unnest(from_json(?::json, ?), max_depth := 2))) "
            f"to '{_escaped(path)}' (format parquet)",
            [json.dumps(rows), json.dumps([dict(columns)])],
        )


def quoted(name: str) -> str:
    """A name as SQL takes any name."""
    return '"' + name.replace('"', '""') + '"'


class Query:
    """One query in an engine of its own; `stop` ends it from another thread."""

    def __init__(self, catalog: str, database: str, tables: Iterable[Table]) -> None:
        self._connection = _connect()
        run = self._connection.execute
        schema = f"{quoted(catalog)}.{quoted(database)}"
        run(f"attach ':memory:' as {quoted(catalog)}; create schema {schema}; use {schema};")
        known = list(tables)
        paths = [f"'{_escaped(file.path)}'" for table in known for file in table.files]
        run(f"set allowed_paths = [{', '.join(paths)}]; set enable_external_access = false;")
        for table in known:
            run(_view(table))
        run("set lock_configuration = true")

    def run(self, sql: str) -> tuple[list[tuple[str, str]], Iterator[list[str | None]]]:
        """(name, type) of each column, and the rows as Athena writes values.

        Raises QueryFailed, also while the rows are read.
        """
        import duckdb

        try:
            statements = self._connection.extract_statements(sql)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise QueryFailed("Only one SELECT statement is run here.")
            answer = self._connection.execute(statements[0])
        except duckdb.Error as error:
            raise QueryFailed(_words(error)) from error
        columns = [(name, _athena_type(str(kind))) for name, kind, *_ in answer.description]
        return columns, _rows(answer)

    def stop(self) -> None:
        """Interrupt what runs."""
        self._connection.interrupt()

    def close(self) -> None:
        """Free the engine."""
        self._connection.close()


def _connect() -> DuckDBPyConnection:
    import duckdb  # takes 0.1 s, and a server without feature groups does without

    return duckdb.connect(":memory:", config=OPTIONS)


def _view(table: Table) -> str:
    """The table's files as one view with all its columns, also those that no file has yet."""
    types = {**table.columns, **dict.fromkeys(PARTITIONS, "VARCHAR")}
    empty = ", ".join(f"null::{kind} as {quoted(name)}" for name, kind in types.items())
    body = f"select {empty} where false"  # noqa: S608
    if table.files:
        paths = ", ".join(f"'{_escaped(file.path)}'" for file in table.files)
        places = ", ".join(
            "(" + ", ".join(f"'{text}'" for text in _place(file)) + ")" for file in table.files
        )
        names = ", ".join(PARTITIONS)
        body += (
            f" union all by name select data.* exclude (filename), {names} "  # noqa: S608
            f"from read_parquet([{paths}], union_by_name = true, filename = true) as data "
            f"join (values {places}) as place (path, {names}) on data.filename = place.path"
        )
    return f"create view {quoted(table.name)} as {body}"


def _place(file: File) -> list[str]:
    return [_escaped(file.path), *(file.partition.get(name, "") for name in PARTITIONS)]


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")


def _rows(answer: DuckDBPyConnection) -> Iterator[list[str | None]]:
    import duckdb

    try:
        while found := answer.fetchmany(FETCHED):
            for row in found:
                yield [_text(value) for value in row]
    except duckdb.Error as error:
        raise QueryFailed(_words(error)) from error


def _text(value: Any) -> str | None:
    """A value as Athena's results have it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_text(item) or 'null' for item in value)}]"
    return str(value)


def _athena_type(kind: str) -> str:
    """Athena's name of DuckDB's type; sums of bigint are bigint there."""
    if kind.endswith("[]"):
        return "array"
    return {"HUGEINT": "bigint", "FLOAT": "float"}.get(kind, kind.partition("(")[0].lower())


def _words(error: Exception) -> str:
    """The engine's reason, in one line."""
    return " ".join(str(error).split())[:1_000]
