"""Scaling activities: what was done to a target, why, and what became of it."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.errors import ApiError
from local.listing import cut_page

KEPT = 500  # AWS keeps them for six weeks
PAGE = 50
PENDING, UNDER_WAY, SUCCESSFUL = "Pending", "InProgress", "Successful"
FAILED, UNFULFILLED, OVERRIDDEN = "Failed", "Unfulfilled", "Overridden"


@dataclass
class Activity:
    """One activity; `capacity` is the number of instances that it asks for."""

    names: Mapping[str, str]
    description: str
    cause: str
    started: float
    capacity: int = 0
    status: str = PENDING
    message: str = ""
    ended: float | None = None
    not_scaled: list[dict[str, Any]] = field(default_factory=list)
    activity_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def go_on(self, status: str, message: str) -> None:
        self.status, self.message = status, message

    def end(self, status: str, message: str, now: float) -> None:
        self.go_on(status, message)
        self.ended = now

    def describe(self) -> dict[str, Any]:
        described = {
            "ActivityId": self.activity_id,
            **self.names,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": self.started,
            "StatusCode": self.status,
        }
        more = {
            "EndTime": self.ended,
            "StatusMessage": self.message,
            "NotScaledReasons": self.not_scaled,
        }
        return described | {key: value for key, value in more.items() if value}


class Activities:
    """The latest activities of all targets."""

    def __init__(self) -> None:
        self._kept: deque[Activity] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, activity: Activity) -> Activity:
        with self._lock:
            self._kept.append(activity)
        return activity

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeScalingActivities: the newest first."""
        with self._lock:
            kept = list(self._kept)
        included = request.get("IncludeNotScaledActivities", False)
        chosen = [
            activity.describe()
            for activity in reversed(kept)
            if request.get("ResourceId") in (None, activity.names["ResourceId"])
            and (included or not activity.not_scaled)
        ]
        return page("ScalingActivities", chosen, request)


def page(name: str, items: list[Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a Describe… answer."""
    try:
        cut, token = cut_page(items, {"MaxResults": PAGE, **request})
    except ApiError as error:
        raise ApiError("InvalidNextTokenException", error.message) from error
    return {name: cut, **({"NextToken": token} if token else {})}
