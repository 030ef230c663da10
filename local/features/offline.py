"""The offline store: rows that wait are written to S3 as Parquet, by event time.

    s3://…/offline-store/<group>-<creation>/data/year=…/month=…/day=…/hour=…/<time>_<id>.parquet

A thread writes a moment after each put, as AWS does within minutes; a query writes before it reads.
A row leaves the database only when the index of its object has been on disk for certain.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path
from typing import Any

from local.backend import Backend
from local.features.group import Group
from local.features.records import Records, Row
from local.features.warehouse import File, Table, columns_of, write_parquet
from local.iam.caller import SAGEMAKER, acting, caller
from local.objects import StoredObject, split_uri

logger = logging.getLogger(__name__)
DELAY = 1.0  # seconds between a put and its file, so that a file has more than one row
MOST = 20_000  # rows of one file
SETTLED = 30  # seconds after which the index of objects is on disk


class OfflineStore:
    """Writes and lists the files of all groups; one writer at a time."""

    def __init__(
        self, backend: Backend, records: Records, groups: Callable[[], list[Group]]
    ) -> None:
        self._backend = backend
        self._records = records
        self._groups = groups
        self._writing = threading.Lock()
        self._waiting, self._closed = threading.Event(), threading.Event()
        self._writer = threading.Thread(target=self._write_soon, name="offline-store", daemon=True)

    def start(self) -> None:
        """Find out what a killed server left unwritten, and write from now on."""
        lost = [row for row in self._records.written() if not self._is_there(row)]
        self._records.mark(lost, None, 0)
        if self._records.groups_waiting():
            self._waiting.set()
        self._writer.start()

    def notice(self) -> None:
        """Rows wait: write them soon."""
        self._waiting.set()

    def flush(self) -> None:
        """Write every row that waits."""
        with self._writing:
            self._records.drop(self._backend.now() - SETTLED)
            known = {group.name: group for group in self._groups()}
            for name in self._records.groups_waiting():
                if name in known:
                    self._write(known[name])

    def tables(self, named_in: str) -> Iterator[Table]:
        """The tables of the groups whose names appear in a query."""
        for group in self._groups():
            if group.table and group.table.lower() in named_in.lower():
                files = self._backend.objects.list(*split_uri(group.offline_uri + "/"))
                yield Table(group.table, columns_of(group), [_file(found) for found in files])

    def close(self) -> None:
        """Write what waits, and its index, before the server ends."""
        self._closed.set()
        self._waiting.set()
        if self._writer.is_alive():
            self._writer.join()
        self.flush()
        self._backend.objects.save()

    def _is_there(self, row: Row) -> bool:
        return self._backend.objects.find(*split_uri(str(row.key))) is not None

    def _write_soon(self) -> None:
        while self._waiting.wait() and not self._closed.wait(DELAY):
            self._waiting.clear()
            try:
                self.flush()
            except Exception:
                # The rows are kept: the next put, query or start tries again.
                logger.exception("the offline store could not be written")

    def _write(self, group: Group) -> None:
        """What waits now: rows that come meanwhile are for the next file, not for one each."""
        full = True
        while full:
            rows = self._records.waiting(group.name, MOST)
            full = len(rows) == MOST
            rows.sort(key=lambda row: row.event_time)
            for place, several in groupby(rows, key=lambda row: _partition(row.event_time)):
                self._write_file(group, place, list(several))

    def _write_file(self, group: Group, place: str, rows: list[Row]) -> None:
        now = self._backend.now()
        first = f"{_utc(rows[0].event_time):%Y%m%dT%H%M%SZ}"
        uri = f"{group.offline_uri}/{place}/{first}_{secrets.token_hex(8)}.parquet"
        bodies = [{**row.body, "write_time": stamp(now)} for row in rows]
        with tempfile.TemporaryDirectory(prefix="offline-store-") as scratch:
            path = Path(scratch) / "rows.parquet"
            write_parquet(bodies, columns_of(group), path)
            self._records.mark(rows, uri, now)
            self._put(group, uri, path)

    def _put(self, group: Group, uri: str, path: Path) -> None:
        """In the name of the group's role, which looks at the bucket's list of who may and leaves
        the file to its owner."""
        bucket, key = split_uri(uri)
        with acting(caller(group.role, f"feature-group-{group.name}", SAGEMAKER)):
            self._backend.calls.note_acting("s3", "GetBucketAcl", {"Bucket": bucket})
            self._backend.objects.write(bucket, key, path)
            self._backend.calls.note_acting("s3", "PutObjectAcl", {"Bucket": bucket, "Key": key})


def offline_row(values: dict[str, Any], deleted: bool, now: float) -> dict[str, Any]:
    """A row as it waits; what `values` lacks is null."""
    return {**values, "is_deleted": deleted, "api_invocation_time": stamp(now)}


def stamp(moment: float) -> str:
    """A time as SQL reads it, in UTC."""
    return _utc(moment).strftime("%Y-%m-%d %H:%M:%S.%f")


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, tz=timezone.utc)


def _partition(moment: float) -> str:
    return f"{_utc(moment):year=%Y/month=%m/day=%d/hour=%H}"


def _file(found: StoredObject) -> File:
    parts: Iterable[str] = found.key.split("/")
    return File(found.path, dict(part.split("=", 1) for part in parts if part.count("=") == 1))
