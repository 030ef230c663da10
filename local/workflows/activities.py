"""Activities: tasks that workers fetch with GetActivityTask and answer with a token."""

from __future__ import annotations

import threading
import time
from typing import Any

from moto.stepfunctions.parser.backend.activity import Activity, ActivityTask

from local.backend import Action, Backend
from local.store import Document
from local.workflows.callbacks import Callbacks
from local.workflows.errors import no_activity
from local.workflows.names import check_name
from local.workflows.paging import page_of

KIND = "Activity"
LONG_POLL = 60.0  # seconds; AWS answers with nothing after it


class WaitingActivity(Activity):  # type: ignore[misc]
    """moto's queue of an activity, which a worker can wait at."""

    def __init__(self, arn: str, name: str) -> None:
        super().__init__(arn, name)
        self._changed = threading.Condition()

    def add_task(self, task: ActivityTask) -> None:
        with self._changed:
            super().add_task(task)
            self._changed.notify()

    def take(self, seconds: float) -> ActivityTask | None:
        """The oldest task, or None when none comes in time."""
        ends = time.monotonic() + seconds
        with self._changed:
            while not self._tasks:
                if not self._changed.wait(max(0.0, ends - time.monotonic())):
                    return None
            return self.get_task()


class Activities:
    """The activities of one server; `queues` is what the interpreter puts tasks into."""

    def __init__(self, backend: Backend, callbacks: Callbacks, queues: dict[str, Any]) -> None:
        self._backend = backend
        self._store = backend.store
        self._callbacks = callbacks
        self._queues = queues
        self.actions: dict[str, Action] = {
            "CreateActivity": self._create,
            "DescribeActivity": self._describe,
            "DeleteActivity": self._delete,
            "ListActivities": self._list,
            "GetActivityTask": self._take,
        }

    def recover(self) -> None:
        """Open the queues of the activities that are kept."""
        for document in self._store.list(KIND):
            arn = document["activityArn"]
            self._queues[arn] = WaitingActivity(arn, document["name"])

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["name"]
        check_name(name)
        arn = f"arn:aws:states:{self._backend.region}:{self._backend.account}:activity:{name}"
        if self._store.find(KIND, arn) is None:
            made = {"activityArn": arn, "name": name, "creationDate": self._backend.now()}
            self._store.create(KIND, arn, made)
            self._queues[arn] = WaitingActivity(arn, name)
            tags = [{"Key": t["key"], "Value": t["value"]} for t in request.get("tags", [])]
            self._backend.tags.attach(arn, tags)
        found = self._get(arn)
        return {key: found[key] for key in ("activityArn", "creationDate")}

    def _get(self, arn: str) -> Document:
        document = self._store.find(KIND, arn)
        if document is None:
            raise no_activity(arn)
        return document

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._get(request["activityArn"])

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["activityArn"]
        if self._store.find(KIND, arn):
            self._store.delete(KIND, arn)
            self._queues.pop(arn, None)
            self._backend.tags.remove_all(arn)
        return {}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        page, token = page_of(self._store.list(KIND), request)
        return {"activities": page, **token}

    def _take(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["activityArn"]
        self._get(arn)
        task = self._queues[arn].take(LONG_POLL)
        if task is None:
            return {"taskToken": None, "input": None}
        endpoint = self._callbacks.find(task.task_token)
        endpoint.notify_activity_task_start(worker_name=request.get("workerName"))
        return {"taskToken": task.task_token, "input": task.task_input}
