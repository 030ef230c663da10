"""The history of an execution: a file of JSON lines, one an event, as GetExecutionHistory has them.

The interpreter writes it while it runs, so a killed server keeps what had happened, and memory
does not grow with it. The first event that ends an execution is the last that is taken.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager

OUTCOMES = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}
DATA = ("input", "output", "parameters")
Event = dict[str, Any]


class Place(Protocol):
    """Where in the history a part of an execution stands (moto's EventHistoryContext)."""

    source_event_id: int
    last_published_event_id: int


class History(EventManager):  # type: ignore[misc]
    """Takes the interpreter's events; `listeners` see each one that was taken, in order."""

    def __init__(
        self,
        path: Path,
        now: Callable[[], float],
        largest: int,
        listeners: tuple[Callable[[Event], None], ...],
    ) -> None:
        super().__init__()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._now = now
        self._listeners = listeners
        self._largest = largest
        self._last = 0
        self._adding = threading.RLock()
        self.ended = threading.Event()

    def add_event(
        self,
        context: Place,
        event_type: str,
        event_details: Mapping[str, Any] | None = None,
        timestamp: Any = None,
        update_source_event_id: bool = True,
    ) -> int:
        """Append one event; what comes after the end of the execution is dropped."""
        with self._adding:
            if self.ended.is_set():
                return context.last_published_event_id
            kind = getattr(event_type, "value", event_type)  # moto's is an enumeration
            event = self._event(context.source_event_id, kind, event_details)
            identifier: int = event["id"]
            context.last_published_event_id = identifier
            if update_source_event_id:
                context.source_event_id = identifier
            self._write(event)
            return identifier

    def get_event_history(self) -> list[Event]:
        return read(Path(self._file.name))

    def end(self, event_type: str, details: Mapping[str, Any]) -> None:
        """End the execution from outside, unless it has ended."""
        name = event_type[0].lower() + event_type[1:] + "EventDetails"
        self.add_event(Outside(), event_type, {name: dict(details)})

    def _event(self, previous: int, kind: str, details: Mapping[str, Any] | None) -> Event:
        self._last += 1
        if self._last >= self._largest and kind not in OUTCOMES:
            cause = f"The execution reached the maximum number of history events ({self._largest})."
            kind = "ExecutionFailed"
            told = {"error": "States.Runtime", "cause": cause}
            details = {"executionFailedEventDetails": told}
        now = round(self._now(), 3)
        start = {"id": self._last, "previousEventId": previous, "type": kind, "timestamp": now}
        return start | dict(details or {})

    def _write(self, event: Event) -> None:
        self._file.write(json.dumps(event, default=str, ensure_ascii=False) + "\n")
        self._file.flush()
        if event["type"] in OUTCOMES:
            self._file.close()
            self.ended.set()
        for listener in self._listeners:
            listener(event)


class Outside:
    """The place of events that come from no state."""

    source_event_id = 0
    last_published_event_id = 0


def details_of(event: Event) -> Mapping[str, Any]:
    """The one …EventDetails of an event; empty when it has none."""
    return next((value for key, value in event.items() if key.endswith("EventDetails")), {})


def read(path: Path) -> list[Event]:
    """All events; a last line that a killed server cut short is left out."""
    return [json.loads(line) for line in lines(path)]


def lines(path: Path) -> list[str]:
    """The events, each still JSON."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    whole, _, _ = text.rpartition("\n")
    return whole.split("\n") if whole else []


def without_data(event: Event) -> Event:
    """The event without inputs and outputs, as `includeExecutionData: false` asks."""
    return {
        key: {name: part for name, part in value.items() if name not in DATA}
        if isinstance(value, dict)
        else value
        for key, value in event.items()
    }


def append_failure(path: Path, error: str, cause: str, now: float) -> None:
    """End the history of an execution that nobody runs any more."""
    kept = read(path)
    event = {
        "id": len(kept) + 1,
        "previousEventId": 0,
        "type": "ExecutionFailed",
        "executionFailedEventDetails": {"error": error, "cause": cause},
        "timestamp": round(now, 3),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [*kept, event])
    path.write_text(text, encoding="utf-8")


def first(path: Path) -> Event | None:
    """The event that says how an execution started."""
    try:
        with path.open(encoding="utf-8") as opened:
            line = opened.readline()
    except FileNotFoundError:
        return None
    return json.loads(line) if line.endswith("\n") else None
