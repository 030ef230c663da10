"""CloudWatch Logs of jobs: each line goes to moto's Logs and to a file that outlives the server."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.models import logs_backends

from local.iam.calls import Calls

LONGEST_EVENT = 256 * 1024  # bytes; CloudWatch Logs cuts at the same length


class LogStream:
    """One open log stream; `write` is safe from several threads. One without a backend keeps
    nothing: the role that writes it may not."""

    def __init__(self, backend: Any, group: str, stream: str, path: Path) -> None:
        self._backend = backend
        self._group, self._stream = group, stream
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def write(self, message: str) -> None:
        """Append one event, stamped now (milliseconds)."""
        if self._backend is None:
            return
        event = {"timestamp": int(time.time() * 1000), "message": message[:LONGEST_EVENT]}
        with self._lock:
            self._file.write(json.dumps(event) + "\n")
            self._file.flush()
            with contextlib.suppress(ResourceNotFoundException):  # deleted while it was written
                self._backend.put_log_events(self._group, self._stream, [event])

    def close(self) -> None:
        """Close the file; the stream stays readable in CloudWatch Logs."""
        with self._lock:
            self._file.close()


class Logs:
    """Log groups and streams under one folder, one JSON Lines file a stream."""

    def __init__(self, folder: Path, account: str, region: str, calls: Calls | None = None) -> None:
        self._folder = folder
        self._calls = calls
        self._backend = logs_backends[account][region]
        self._restore()
        self._follow_deletions()

    def open(self, group: str, stream: str) -> LogStream:
        """Create the group and the stream as needed and open it for appending.

        In a role's name that takes its permissions; the lines are noted as one call of the role.
        """
        if not self._may_write(group, stream):
            return LogStream(None, group, stream, Path(os.devnull))
        self._ensure(group, stream)
        return LogStream(self._backend, group, stream, self._path(group, stream))

    def _may_write(self, group: str, stream: str) -> bool:
        if self._calls is None:
            return True
        named = {"logGroupName": group, "logStreamName": stream}
        operations = ["CreateLogStream", "PutLogEvents"]
        if group not in self._backend.groups:
            operations.insert(0, "CreateLogGroup")
        return all(self._calls.permits_acting("logs", each, named) for each in operations)

    def _ensure(self, group: str, stream: str) -> None:
        if group not in self._backend.groups:
            self._backend.create_log_group(group, {})
        self._backend.ensure_log_stream(group, stream)

    def _follow_deletions(self) -> None:
        """Let the files go with what is deleted in moto, or a restart would bring it back.

        And the tags, which moto keeps: a group made anew would be taken for the old one.
        """
        delete_group, delete_stream = (
            self._backend.delete_log_group,
            self._backend.delete_log_stream,
        )

        def whole_group(log_group_name: str) -> None:
            group = self._backend.groups.get(log_group_name)
            delete_group(log_group_name)
            self._backend.tagger.delete_all_tags_for_resource(group.arn)
            shutil.rmtree(self._folder / quote(log_group_name, safe=""), ignore_errors=True)

        def one_stream(log_group_name: str, log_stream_name: str) -> None:
            delete_stream(log_group_name, log_stream_name)
            self._path(log_group_name, log_stream_name).unlink(missing_ok=True)

        self._backend.delete_log_group = whole_group
        self._backend.delete_log_stream = one_stream

    def _path(self, group: str, stream: str) -> Path:
        return self._folder / quote(group, safe="") / f"{quote(stream, safe='')}.jsonl"

    def _restore(self) -> None:
        for path in sorted(self._folder.glob("*/*.jsonl")):
            group, stream = unquote(path.parent.name), unquote(path.stem)
            self._ensure(group, stream)
            events = list(_read_events(path))
            if events:
                # Past Logs' own age check on purpose: these events were accepted once already.
                self._backend.groups[group].put_log_events(stream, events)


def _read_events(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                return  # the last line was cut when the server was killed
