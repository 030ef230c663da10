"""An update in motion: the next generation starts, takes over step by step, or is sent back.

While traffic shifts the guards are watched: an alarm that rings, a time limit that passes or a
fleet that dies leads every request back to the generation before, which was serving all along.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local.endpoints.deployment import Deployment
from local.endpoints.fleet import Stopped
from local.endpoints.invocation import StartFailed
from local.endpoints.traffic import Generation, Traffic

LOOK = 0.25  # seconds between two looks at the guards
Ringing = Callable[[Sequence[str]], Sequence[str]]  # which of the named alarms are in ALARM


class RolledBack(Exception):
    """The update was undone; the message is the reason, in one sentence."""


@dataclass
class Guard:
    """What ends an update: its alarms, its time limit, the server's end."""

    alarms: Sequence[str]
    ringing: Ringing
    deadline: float  # on the monotonic clock
    stopped: Stopped

    def watch(self, seconds: float) -> None:
        """Look until so many seconds have passed; raises RolledBack."""
        until = time.monotonic() + seconds
        while True:
            self.look()
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LOOK))

    def look(self) -> None:
        """Raises RolledBack for what is wrong now."""
        if self.stopped():
            raise RolledBack("The embedded AWS stopped during the update.")
        if rang := self.ringing(self.alarms):
            names = ", ".join(rang)
            raise RolledBack(f"The alarms of the update's rollback configuration rang: {names}.")
        if time.monotonic() > self.deadline:
            raise RolledBack("The update took longer than MaximumExecutionTimeoutInSeconds.")


def roll_out(traffic: Traffic, following: Generation, deployment: Deployment, guard: Guard) -> None:
    """Let `following` take over; raises RolledBack, and then all is as it was before."""
    try:
        _start(following, deployment, guard)
        for step in deployment.steps:
            _widen(following, deployment, step.share, guard)
            traffic.shift(following, step.share)
            _narrow(traffic.serving, following, deployment, step.share)
            guard.watch(step.seconds)
    except RolledBack:
        _go_back(traffic, following)
        raise
    traffic.settle(following).stop()


def _start(following: Generation, deployment: Deployment, guard: Guard) -> None:
    """All instances, or of a rolling update the first batch."""
    guard.look()

    def late() -> bool:
        return guard.stopped() or time.monotonic() > guard.deadline

    try:
        for variant in following.variants:
            count = min(deployment.batch or variant.count, variant.count)
            following.fleets[variant.name].start(count, late)
    except StartFailed as error:
        raise RolledBack(str(error)) from error


def _widen(following: Generation, deployment: Deployment, share: float, guard: Guard) -> None:
    """Of a rolling update, start the instances that the next share needs."""
    if deployment.batch:
        try:
            for variant in following.variants:
                wanted = round(share * variant.count)
                following.fleets[variant.name].resize(wanted, guard.stopped)
        except StartFailed as error:
            raise RolledBack(str(error)) from error


def _narrow(
    before: Generation, following: Generation, deployment: Deployment, share: float
) -> None:
    """Of a rolling update, end as many old instances as new ones have begun."""
    if deployment.batch:
        for variant in following.variants:
            left = variant.count - round(share * variant.count)
            before.fleets[variant.name].resize(left, lambda: False)


def _go_back(traffic: Traffic, following: Generation) -> None:
    """Everything to the generation before, at its full size again."""
    for variant in traffic.serving.variants:
        fleet = traffic.serving.fleets[variant.name]
        if fleet.size < variant.count:
            fleet.resize(variant.count, lambda: False)
    traffic.return_all()
    following.stop()
