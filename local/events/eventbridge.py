"""EventBridge put together: the buses, moto's doors to them, the schedules and their clock."""

from __future__ import annotations

from local.backend import Backend
from local.clock import Clock
from local.events.moto_doors import lead_moto
from local.events.scheduled import listed
from local.events.schedules import Schedules


class EventBridge:
    """EventBridge of one server process."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        self._events = backend.events
        self.schedules = Schedules(
            listed(backend.events, backend.account),
            clock,
            backend.folder / "events" / "schedules.json",
        )
        lead_moto(backend.events, self.schedules.changed)

    def start(self) -> None:
        """Fire schedules, and go on with deliveries that a killed server left half done."""
        self.schedules.start()
        self._events.recover()
