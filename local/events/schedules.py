"""Schedules: rules with a ScheduleExpression and EventBridge Scheduler's schedules, fired on time.

A schedule that fell due several times while nobody could fire it (the computer slept, the clock
was put forward) fires once. What fell due while the server was stopped is left out. Rates count
from when the schedule was made, also after a restart: that time is kept in one small file.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from local.clock import Clock
from local.events.expressions import InvalidExpression, Schedule, parse

logger = logging.getLogger(__name__)
LONGEST_REST = 1.0  # seconds between two looks: the wall clock jumps when a computer wakes


@dataclass(frozen=True)
class Scheduled:
    """One enabled schedule as it now is, and what to do when it falls due."""

    arn: str
    expression: str
    fire: Callable[[float], None]  # with the time at which it fell due
    zone: str = "UTC"
    start: float | None = None
    end: float | None = None

    @property
    def identity(self) -> str:
        """What must stay the same for a rate to go on counting."""
        return f"{self.expression} {self.zone} {self.start}"


class Schedules:
    """Fires what `listed` gives; looks about once a second and whenever the clock is advanced."""

    def __init__(
        self, listed: Callable[[], Iterable[Scheduled]], clock: Clock, anchors: Path
    ) -> None:
        self._listed = listed
        self._clock = clock
        self._file = anchors
        self._anchors: dict[str, tuple[str, float]] = _read(anchors)
        self._due: dict[str, tuple[str, float | None]] = {}
        self._lock = threading.Lock()
        self._running = False
        clock.on_advance(self.look)

    def start(self) -> None:
        """Look from now on, in a thread that ends with the process."""
        self._running = True
        self.look()
        threading.Thread(target=self._keep_looking, name="schedules", daemon=True).start()

    def _keep_looking(self) -> None:
        rest = threading.Event()
        while not rest.wait(LONGEST_REST):
            try:
                self.look()
            except Exception:  # the thread must outlive any fault of one schedule
                logger.exception("schedules could not be looked at")

    def changed(self) -> None:
        """A schedule was put or enabled: its rate counts from now."""
        if self._running:
            self.look()

    def look(self) -> None:
        """Fire what is due."""
        with self._lock:
            now = self._clock.now()
            current = {scheduled.arn: scheduled for scheduled in self._listed()}
            for arn in self._due.keys() - current.keys():
                del self._due[arn]
            for scheduled in current.values():
                self._look_at(scheduled, now)
            self._keep_anchors(set(current))

    def _look_at(self, scheduled: Scheduled, now: float) -> None:
        try:
            schedule = parse(scheduled.expression, scheduled.zone)
        except InvalidExpression:
            return  # refused when it is put; an older journal may still hold one
        anchor = self._anchor(scheduled, now)
        identity, due = self._due.get(scheduled.arn, ("", None))
        if identity != scheduled.identity:
            due = _first(schedule, scheduled, now, anchor)
        elif due is not None and due <= now:
            due = self._fire(schedule, scheduled, due, now, anchor)
        self._due[scheduled.arn] = (scheduled.identity, due)

    def _fire(
        self, schedule: Schedule, scheduled: Scheduled, due: float, now: float, anchor: float
    ) -> float | None:
        if scheduled.end is None or due <= scheduled.end:
            try:
                scheduled.fire(due)
            except Exception:  # one schedule's fault must not keep the others from firing
                logger.exception("the schedule %s could not fire", scheduled.arn)
        return schedule.after(now, anchor)

    def _anchor(self, scheduled: Scheduled, now: float) -> float:
        identity, anchor = self._anchors.get(scheduled.arn, ("", 0.0))
        ahead = scheduled.start is None and anchor > now  # of a clock that was put forward
        if identity != scheduled.identity or ahead:
            anchor = scheduled.start if scheduled.start is not None else now
            self._anchors[scheduled.arn] = (scheduled.identity, anchor)
            self._write()
        return anchor

    def _keep_anchors(self, arns: set[str]) -> None:
        """Forget the schedules that are gone; a disabled one starts anew when it is enabled."""
        gone = self._anchors.keys() - arns
        for arn in gone:
            del self._anchors[arn]
        if gone:
            self._write()

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(self._anchors), encoding="utf-8")
        part.replace(self._file)


def _first(schedule: Schedule, scheduled: Scheduled, now: float, anchor: float) -> float | None:
    """The first time that counts: a rate with a start fires at its start, too."""
    if scheduled.start is not None and scheduled.start > now:
        if scheduled.expression.startswith("rate"):
            return scheduled.start
        return schedule.after(scheduled.start - 1, anchor)
    return schedule.after(now, anchor)


def _read(path: Path) -> dict[str, tuple[str, float]]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {arn: (str(identity), float(anchor)) for arn, (identity, anchor) in read.items()}
