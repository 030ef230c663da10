"""The log of an instance: each line on its console and in CloudWatch Logs."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

EVERY = 1.0  # seconds between two deliveries
MOST = 500  # events of one delivery
LONGEST = 1_500  # characters of a line: a delivery stays below CloudWatch's 1 MiB


class InstanceLog:
    """One log stream. The work goes on when CloudWatch does not take it; the console has it all."""

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        self._logs, self._place = logs, {"logGroupName": group, "logStreamName": stream}
        self._waiting: list[dict[str, Any]] = []
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._failed = not self._opened()
        self._thread = threading.Thread(target=self._deliver, name="log", daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """All lines so far."""
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines)

    def say(self, line: str) -> None:
        """One line, from any thread."""
        print(line, flush=True)
        event = {"timestamp": int(time.time() * 1000), "message": line[:LONGEST] or " "}
        with self._lock:
            self._lines.append(line)
            self._waiting.append(event)

    def close(self) -> None:
        """Deliver the rest."""
        self._over.set()
        self._thread.join()

    def _deliver(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._over.wait(EVERY)
            while events := self._take():
                self._put(events)

    def _take(self) -> list[dict[str, Any]]:
        with self._lock:
            events, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        return events

    def _put(self, events: list[dict[str, Any]]) -> None:
        if self._failed:
            return
        try:
            self._logs.put_log_events(**self._place, logEvents=events)
        except (BotoCoreError, ClientError) as error:
            self._fail(error)

    def _opened(self) -> bool:
        try:
            self._logs.create_log_stream(**self._place)
        except self._logs.exceptions.ResourceAlreadyExistsException:
            return True
        except (BotoCoreError, ClientError) as error:
            self._fail(error)
            return False
        return True

    def _fail(self, error: Exception) -> None:
        self._failed = True
        print(f"WARNING nothing more goes to CloudWatch Logs: {error}", file=sys.stderr, flush=True)
