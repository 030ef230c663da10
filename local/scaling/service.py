"""Application Auto Scaling of one server: its requests, its calendar, a round each second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.backend import Action, Backend
from local.clock import Clock
from local.errors import ApiError, validation_error
from local.events.schedules import Schedules
from local.sagemaker import Call
from local.scaling.activities import Activities
from local.scaling.moto_doors import lead_moto
from local.scaling.pace import Pace
from local.scaling.policies import Policies
from local.scaling.readings import Readings
from local.scaling.records import DIMENSION, Target
from local.scaling.scaler import Scaler
from local.scaling.scheduled import ScheduledActions
from local.scaling.silence import tell_silence
from local.scaling.targets import Targets
from local.scaling.variants import IN_SERVICE, Variants, variant_of
from local.shapes import Shapes

logger = logging.getLogger(__name__)
ROUND = 1.0  # seconds between two rounds
CALENDAR = ("PutScheduledAction", "DeleteScheduledAction", "DeregisterScalableTarget")
Client = Callable[[], Any]


class Scaling:
    """What is registered about SageMaker's variants, and what it does.

    Made before the journal is replayed, opened (or started) after it. `call` performs an action
    of SageMaker. `client` gives a client of this server: what scaling changes of the targets
    itself goes through it, so that the journal keeps it.
    """

    def __init__(
        self,
        backend: Backend,
        call: Call,
        clock: Clock,
        pace: Pace = Pace(),  # noqa: B008 - frozen
        client: Client | None = None,
    ) -> None:
        self._backend = backend
        self._pace = pace
        self._client = client or _client_of(backend)
        self._variants = Variants(call)
        self._readings = Readings()
        self._targets = Targets(backend, self._variants)
        self._activities = Activities()
        self._scaler = Scaler(self._variants, self._activities, self._readings, pace)
        self._to_keep: list[Callable[[], None]] = []
        self._since = backend.now()
        scheduled = ScheduledActions(self._targets, self._activities, self._keep_limits)
        anchors = backend.folder / "scaling" / "schedules.json"
        self._schedules = Schedules(lambda: list(scheduled.listed()), clock, anchors)
        self._shapes = Shapes("application-autoscaling")
        self._actions = self._table(Policies(self._targets, pace), scheduled)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        lead_moto(self.answer, self._targets.all)

    def _table(self, policies: Policies, scheduled: ScheduledActions) -> dict[str, Action]:
        return {
            "RegisterScalableTarget": self._targets.register,
            "DeregisterScalableTarget": self._targets.deregister,
            "DescribeScalableTargets": self._targets.describe,
            "PutScalingPolicy": policies.put,
            "DeleteScalingPolicy": policies.delete,
            "DescribeScalingPolicies": policies.describe,
            "PutScheduledAction": scheduled.put,
            "DeleteScheduledAction": scheduled.delete,
            "DescribeScheduledActions": scheduled.describe,
            "DescribeScalingActivities": self._activities.describe,
        }

    def open(self) -> None:
        """From now on requests are checked against endpoints: the journal was replayed."""
        self._targets.checked = True
        self._since = self._backend.now()

    def start(self) -> None:
        """Open, fire the calendar, and scale in a thread until `close`."""
        self.open()
        self._schedules.start()
        self._thread = threading.Thread(target=self._run, name="scaling", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def answer(self, action: str, request: dict[str, Any], region: str) -> dict[str, Any]:
        """One request of the API; raises ApiError."""
        self._shapes.check(action, request)
        if region != self._backend.region:
            raise validation_error(
                f"The embedded AWS serves endpoints in {self._backend.region}, not in {region}."
            )
        if request.get("ScalableDimension", DIMENSION) != DIMENSION:
            raise validation_error(
                f"The embedded AWS scales {DIMENSION}, not {request['ScalableDimension']}."
            )
        answer = self._actions[action](request)
        if action in CALENDAR:
            self._schedules.changed()
        return answer

    def _run(self) -> None:
        while not self._stop.wait(ROUND):
            try:
                self.evaluate(self._backend.now())
            except Exception:  # one bad target must not end the scaling of all
                logger.exception("a round of scaling failed")

    def evaluate(self, now: float) -> None:
        """One round at the time `now` (seconds since the epoch)."""
        with self._targets.lock:
            targets = self._targets.all()
            if targets:
                self._readings.refresh(self._targets.cloudwatch, now)
            for target in targets:
                try:
                    self._look_after(target, now)
                except ApiError as error:
                    logger.warning("%s could not be scaled: %s", target.resource, error.message)
            to_keep, self._to_keep = self._to_keep, []
        # Without the lock: the requests come back to this very service.
        for keep in to_keep:
            try:
                keep()
            except (BotoCoreError, ClientError) as error:
                logger.warning("a change of scaling could not be kept: %s", error)

    def _look_after(self, target: Target, now: float) -> None:
        endpoint = self._variants.endpoint(target.endpoint)
        if endpoint is None:  # as on AWS, a deleted endpoint takes its targets with it
            self._to_keep.append(lambda: self._client().deregister_scalable_target(**target.names))
            return
        variant = variant_of(endpoint, target.variant)
        if variant is None:
            return
        if variant.status == IN_SERVICE and now - 2 * self._pace.period >= self._since:
            tell_silence(target, self._readings, self._backend.metrics, self._pace, now)
        self._scaler.look_after(target, variant, self._targets.cloudwatch, now)

    def _keep_limits(self, target: Target) -> None:
        limits = {"MinCapacity": target.minimum, "MaxCapacity": target.maximum}
        self._to_keep.append(
            lambda: self._client().register_scalable_target(**target.names, **limits)
        )


def _client_of(backend: Backend) -> Client:
    return lambda: backend.events.client("application-autoscaling", backend.region)
