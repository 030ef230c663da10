"""How long the machines wait, and how often they look.

A state machine's history may hold 25,000 events. So every loop has its most looks: the first half
of them as far apart as the settings say, the rest as far as it takes to fill the loop's time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from settings import Settings

LOCK_LOOKS = 200  # each is 25 events
SETTLE_LOOKS = 200  # 11
ENDPOINT_LOOKS = 500  # 11, on the way there and on the way back
FUNCTION_LOOKS = 100  # 13, for the function and for its warm environments
FUNCTION_SECONDS = 600  # for Lambda to take over a configuration, or to warm its environments
SLACK_SECONDS = 1_800  # for the calls between the loops, with their retries


@dataclass(frozen=True)
class Looks:
    """Look `quick` times `seconds` apart, then `slow` seconds apart until it was `times` times."""

    seconds: int
    quick: int
    slow: int
    times: int

    @property
    def patience(self) -> int:
        """All waits together, in seconds."""
        return self.seconds * self.quick + self.slow * (self.times - self.quick)


def looks(patience: int, interval: int, most: int) -> Looks:
    """At most `most` looks over `patience` seconds, the first ones `interval` apart."""
    quick = max(1, min(most // 2, patience // interval))
    left = max(0, patience - quick * interval)
    slow = max(interval, math.ceil(left / (most - quick)))
    return Looks(interval, quick, slow, quick + math.ceil(left / slow))


@dataclass(frozen=True)
class Patience:
    """The loops of a deployment, and the time limits that follow from them."""

    settings: Settings

    @property
    def endpoint(self) -> Looks:
        """Until an endpoint serves: the update, and its rollback by SageMaker.

        The machine's own limit is longer: a machine that runs out of time goes no road back.
        """
        rollout, startup = self.settings.rollout, self.settings.endpoint.startup_seconds
        return self._looks(2 * rollout.max_seconds + 2 * startup + 600, ENDPOINT_LOOKS)

    @property
    def settling(self) -> Looks:
        """Until an endpoint that somebody else changes is at rest."""
        return self._looks(self.endpoint.patience, SETTLE_LOOKS)

    @property
    def function(self) -> Looks:
        """Until Lambda is ready."""
        interval = min(self.settings.rollout.poll_seconds, 5)
        return looks(FUNCTION_SECONDS, interval, FUNCTION_LOOKS)

    @property
    def lock(self) -> Looks:
        """Until another deployment has ended, whatever its end."""
        return self._looks(self.work_seconds, LOCK_LOOKS)

    @property
    def smoke_seconds(self) -> int:
        """For the smoke tests: their own limit, and Lambda's start."""
        return self.settings.smoke.timeout_seconds + 30

    @property
    def work_seconds(self) -> int:
        """The longest that a deployment takes from the lock to its end."""
        loops = self.settling.patience + 2 * self.endpoint.patience + 2 * self.function.patience
        return loops + 2 * self.smoke_seconds + SLACK_SECONDS

    @property
    def machine_seconds(self) -> int:
        """The longest that an execution takes, waiting for the lock included."""
        return self.lock.patience + self.work_seconds

    def _looks(self, patience: int, most: int) -> Looks:
        return looks(patience, self.settings.rollout.poll_seconds, most)
