"""Schedules that have fired for the last time, and are deleted.

They are deleted by a request, so that the journal forgets them, too; and in a thread of its own,
because a schedule may fire within a request that the journal keeps, and that request's turn comes
before any other's.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)
Waiting = tuple[str, str, Any, str]  # region, group, moto's schedule, its expression


class Completed:
    """Deletes schedules one after the other; `delete` never waits."""

    def __init__(self, client: Callable[[str, str], Any]) -> None:
        """`client` gives the boto3 client of a service in a region."""
        self._client = client
        self._waiting: queue.SimpleQueue[Waiting] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def delete(self, region: str, group: str, schedule: Any) -> None:
        """Delete moto's schedule, unless it is changed before its turn comes."""
        self._waiting.put((region, group, schedule, schedule.schedule_expression))
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="completed", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            region, group, schedule, expression = self._waiting.get()
            if schedule.schedule_expression != expression:
                continue  # it was put off, and is to fire again
            try:
                client = self._client("scheduler", region)
                client.delete_schedule(Name=schedule.name, GroupName=group)
            except (BotoCoreError, ClientError) as error:
                # Somebody else deleted it, or the server ends; it does not fire again.
                logger.info("the schedule %s could not be deleted: %s", schedule.arn, error)
