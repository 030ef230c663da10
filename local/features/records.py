"""The records of all feature groups in one SQLite file: the newest of each, and rows to write.

A put changes both in one transaction. Rows wait here until they are in S3 for certain, so that a
killed server loses none.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.features.group import Value

SCHEMA = """
create table if not exists record (
    feature_group text not null, id text not null, event_time real not null, body text not null,
    deleted integer not null, expires real, primary key (feature_group, id)
) without rowid;
create table if not exists row (
    position integer primary key autoincrement, feature_group text not null,
    event_time real not null, body text not null, key text, written real
);
"""
ALIVE = "deleted = 0 and (expires is null or expires > ?)"


@dataclass(frozen=True)
class Record:
    """One record, or the mark that it was deleted; times in seconds since 1970."""

    id: str
    event_time: float
    values: Mapping[str, Value]
    deleted: bool = False
    expires: float | None = None


@dataclass(frozen=True)
class Row:
    """One row that is not in the offline store for certain; `key` is where it was written to."""

    position: int
    event_time: float
    body: Mapping[str, Any]
    key: str | None


class Records:
    """Safe for threads of one process."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript("pragma journal_mode = wal; pragma synchronous = normal;")
        self._database.executescript(SCHEMA)

    def put(
        self, group: str, record: Record, row: Mapping[str, Any] | None, online: bool, now: float
    ) -> None:
        """Keep the record where it is newer than the one that is there, and the row in any case."""
        with self._lock, self._database:
            self._database.execute("begin")
            if online and self._is_newer(group, record, now):
                values = (group, record.id, record.event_time, json.dumps(record.values))
                self._database.execute(
                    "insert or replace into record values (?, ?, ?, ?, ?, ?)",
                    (*values, record.deleted, record.expires),
                )
            if row is not None:
                self._database.execute(
                    "insert into row (feature_group, event_time, body) values (?, ?, ?)",
                    (group, record.event_time, json.dumps(row)),
                )

    def _is_newer(self, group: str, record: Record, now: float) -> bool:
        known = self.find(group, record.id)
        gone = known is None or (known.expires is not None and known.expires <= now)
        return gone or (known is not None and record.event_time > known.event_time)

    def find(self, group: str, identifier: str) -> Record | None:
        """The record as it is kept, deleted and expired ones included."""
        with self._lock:
            found = self._database.execute(
                "select id, event_time, body, deleted, expires from record "
                "where feature_group = ? and id = ?",
                (group, identifier),
            ).fetchone()
        if found is None:
            return None
        return Record(found[0], found[1], json.loads(found[2]), bool(found[3]), found[4])

    def remove(self, group: str, identifier: str) -> None:
        """Forget a record entirely."""
        with self._lock:
            self._database.execute(
                "delete from record where feature_group = ? and id = ?", (group, identifier)
            )

    def identifiers(
        self, group: str, after: str, most: int, now: float, with_deleted: bool
    ) -> list[str]:
        """Identifiers in order, those that follow `after`."""
        alive = "(expires is null or expires > ?)" if with_deleted else ALIVE
        with self._lock:
            found = self._database.execute(
                f"select id from record where feature_group = ? and id > ? and {alive} "  # noqa: S608
                "order by id limit ?",
                (group, after, now, most),
            ).fetchall()
        return [identifier for (identifier,) in found]

    def forget(self, group: str) -> None:
        """Drop the records of a group; its rows are in the offline store."""
        with self._lock, self._database:
            self._database.execute("begin")
            self._database.execute("delete from record where feature_group = ?", (group,))
            self._database.execute("delete from row where feature_group = ?", (group,))

    def groups_waiting(self) -> list[str]:
        """Groups with rows that were not written yet."""
        with self._lock:
            found = self._database.execute(
                "select distinct feature_group from row where key is null"
            )
            return [group for (group,) in found.fetchall()]

    def waiting(self, group: str, most: int) -> list[Row]:
        """The oldest rows of a group that were not written yet."""
        where = "feature_group = ? and key is null"
        return self._rows(where, (group,), most)

    def written(self) -> list[Row]:
        """Rows that were written to a key and not dropped yet."""
        return self._rows("key is not null", (), -1)

    def _rows(self, where: str, values: tuple[Any, ...], most: int) -> list[Row]:
        columns = "position, event_time, body, key"
        with self._lock:
            found = self._database.execute(
                f"select {columns} from row where {where} order by position limit ?",  # noqa: S608
                (*values, most),
            ).fetchall()
        return [Row(position, time, json.loads(body), key) for position, time, body, key in found]

    def mark(self, rows: Iterable[Row], key: str | None, now: float) -> None:
        """Say where rows are written to, or with None that they have to be written."""
        with self._lock, self._database:
            self._database.execute("begin")
            self._database.executemany(
                "update row set key = ?, written = ? where position = ?",
                [(key, now, row.position) for row in rows],
            )

    def drop(self, before: float) -> None:
        """Drop rows that were written before a time."""
        with self._lock:
            self._database.execute(
                "delete from row where key is not null and written < ?", (before,)
            )

    def close(self) -> None:
        """Flush and close the file."""
        with self._lock:
            self._database.close()
