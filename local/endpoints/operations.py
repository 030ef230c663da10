"""What happens to endpoints in the background: they come up, change, and go.

Each operation has a thread. It begins when the endpoint's status says so (Creating, Updating,
Deleting), and its end is the next status; whatever fails inside it becomes the FailureReason.
"""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from local.alarms.states import ringing
from local.backend import Backend
from local.endpoints.answering import Answering, Served
from local.endpoints.container import resolve_container
from local.endpoints.deployment import Deployment
from local.endpoints.documents import (
    CREATING,
    DELETING,
    EVENT,
    FAILED,
    IN_SERVICE,
    KIND,
    UPDATING,
    adopting,
    wanted,
    with_wanted,
)
from local.endpoints.fleet import Fleet, Serving
from local.endpoints.instance import Instance, Plan
from local.endpoints.invocation import StartFailed
from local.endpoints.roles import model_caller
from local.endpoints.rollout import Guard, RolledBack, roll_out
from local.endpoints.serverless import Serverless
from local.endpoints.traffic import Generation, Traffic
from local.endpoints.utilisation import Utilisation
from local.endpoints.variants import Variant, read_variants
from local.errors import ApiError
from local.jobs.lifecycle import event_times
from local.store import Document, NoSuchDocument, public

logger = logging.getLogger(__name__)
Call = Callable[[str, dict[str, Any]], dict[str, Any]]
PATIENCE = 5.0  # seconds for an operation to end with the server


class Operations:
    """Brings endpoints to what their documents say, and says in them what came of it."""

    def __init__(
        self, backend: Backend, call: Call, answering: Answering, utilisation: Utilisation
    ) -> None:
        self._backend = backend
        self._store = backend.store
        self._call = call
        self._answering = answering
        self._utilisation = utilisation
        self._folder: Path = backend.folder / "endpoints" / "instances"
        self._stopped = threading.Event()
        self._running: list[threading.Thread] = []

    def stop(self) -> None:
        """The server ends: what is under way goes no further, and is found so by the next one."""
        self._stopped.set()
        for thread in self._running:
            thread.join(PATIENCE)

    def begin(self, name: str, operation: Callable[[], object]) -> None:
        """Run an operation on an endpoint in a thread of its own."""
        thread = threading.Thread(
            target=self._run, args=(name, operation), name=f"endpoint-{name}", daemon=True
        )
        self._running = [one for one in self._running if one.is_alive()] + [thread]
        thread.start()

    def create(self, name: str) -> None:
        """Start what the document asks for; the endpoint then answers, or is Failed."""
        if self.come_back(name):
            self.conclude(name, IN_SERVICE)

    def come_back(self, name: str) -> bool:
        """Start what the document asks for, without a word when it answers as before."""
        document = self._store.get(KIND, name)
        config = document["_config"]
        variants = with_wanted(read_variants(config), document["_wanted"])
        try:
            generation = self._generation(name, config, variants)
            generation.start(self._stopped.is_set)
        except (StartFailed, ApiError) as error:
            self.conclude(name, FAILED, FailureReason=str(error))
            return False
        self._serve(name, Traffic(generation), config)
        return True

    def update(
        self,
        name: str,
        config: Document,
        variants: Sequence[Variant],
        deployment: Deployment,
    ) -> None:
        """Blue/green to another configuration; InService with the old one when it fails."""
        served = self._answering.find(name)
        if served is None:  # it never came up: there is nothing to keep serving
            self._store.update(KIND, name, adopting(config, variants))
            self.create(name)
            return
        guard = Guard(
            deployment.alarms,
            lambda names: ringing(self._backend.account, self._backend.region, names),
            time.monotonic() + deployment.seconds,
            self._stopped.is_set,
        )
        try:
            self._note_guards(name, deployment.alarms)
            roll_out(served.traffic, self._generation(name, config, variants), deployment, guard)
        except (RolledBack, ApiError) as error:
            self.conclude(name, IN_SERVICE, FailureReason=str(error))
            return
        self._store.update(KIND, name, adopting(config, variants))
        self._serve(name, served.traffic, config)
        self.conclude(name, IN_SERVICE)

    def _note_guards(self, name: str, alarms: Sequence[str]) -> None:
        """The guards of an update are looked at with the model's role, too."""
        if alarms:
            asked = {"AlarmNames": list(alarms)}
            who = model_caller(self._backend, name)
            self._backend.calls.note(who, "cloudwatch", "DescribeAlarms", asked)

    def resize(self, name: str, variants: Sequence[Variant]) -> None:
        """Other instance counts and weights for what serves."""
        served = self._answering.find(name)
        reason = {}
        if served is not None:
            generation = served.traffic.serving
            try:
                for variant in variants:
                    if not variant.is_serverless:
                        fleet = generation.fleets[variant.name]
                        fleet.resize(variant.count, self._stopped.is_set)
                generation.variants = tuple(variants)
            except StartFailed as error:
                reason = {"FailureReason": str(error)}
                self._store.set(KIND, name, _wanted=wanted(generation.variants))
        self.conclude(name, IN_SERVICE, **reason)

    def delete(self, name: str) -> None:
        """End every process; then the endpoint is gone."""
        if served := self._answering.close(name):
            served.traffic.serving.stop()
        document = self._store.get(KIND, name)
        self._store.delete(KIND, name)
        self._backend.tags.remove_all(document["EndpointArn"])

    def conclude(self, name: str, status: str, **fields: Any) -> None:
        """The status that an operation ends with; `fields` are set, an older reason is not kept."""
        if self._stopped.is_set():  # what failed now failed only for that
            return

        def change(document: Document) -> None:
            document.pop("FailureReason", None)
            document.pop("_pending", None)
            document.update(EndpointStatus=status, LastModifiedTime=self._backend.now(), **fields)

        self.announce(self._store.update(KIND, name, change))
        self._answering.look_again()

    def announce(self, document: Document) -> None:
        """Tell EventBridge of an endpoint's state."""
        arn = document["EndpointArn"]
        # In events, and only there, SageMaker writes the status so: IN_SERVICE.
        status = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", document["EndpointStatus"]).upper()
        told = {"EndpointStatus": status, "Tags": self._backend.tags.of(arn)}
        self._backend.events.emit(EVENT, event_times(public(document)) | told, [arn])

    def recover(self) -> None:
        """After a start: bring back what served, undo what was under way."""
        shutil.rmtree(self._folder, ignore_errors=True)  # what a killed server left
        for document in self._store.list(KIND):
            name, status = document["EndpointName"], document["EndpointStatus"]
            if status == DELETING:
                self.delete(name)
            elif status == CREATING:
                self.begin(name, partial(self.create, name))
            elif status in (IN_SERVICE, UPDATING):
                if status == UPDATING:
                    reason = "The embedded AWS stopped during the update."
                    self.conclude(name, IN_SERVICE, FailureReason=reason)
                self.begin(name, partial(self.come_back, name))

    def _serve(self, name: str, traffic: Traffic, config: Document) -> None:
        capture, asynchronous = config.get("DataCaptureConfig"), config.get("AsyncInferenceConfig")
        self._answering.open(name, Served(traffic, capture, asynchronous))

    def _generation(self, name: str, config: Document, variants: Sequence[Variant]) -> Generation:
        """The fleets of a configuration, not started. Raises ApiError for a model that is gone."""
        fleets = {variant.name: self._fleet(name, variant) for variant in variants}
        return Generation(config["EndpointConfigName"], tuple(variants), fleets)

    def _fleet(self, endpoint: str, variant: Variant) -> Serving:
        container = resolve_container(variant.model, self._call)
        cores = self._backend.capacity.cores_per_host(variant.instance_type, max(1, variant.count))
        plan = Plan(
            endpoint=endpoint,
            variant=variant.name,
            container=container,
            instance_type=variant.instance_type,
            cores=cores,
            startup_seconds=variant.startup_seconds,
            download_seconds=variant.download_seconds,
        )

        launcher = self._utilisation.launcher(endpoint, variant.name)

        def launch() -> Instance:
            folder = self._folder / secrets.token_hex(8)
            return Instance(self._backend, plan, folder, launcher)

        label = f"{endpoint}/{variant.name}"
        if variant.is_serverless:
            return Serverless(launch, label, variant.max_concurrency)
        return Fleet(launch, label, variant.routing)

    def _run(self, name: str, operation: Callable[[], object]) -> None:
        try:
            operation()
        except NoSuchDocument:
            logger.exception("the endpoint %s went away", name)
        except Exception as error:  # the edge of a thread: the endpoint must not stay in motion
            logger.exception("an operation on the endpoint %s failed", name)
            reason = f"The embedded AWS failed: {type(error).__name__}: {error}"
            status = IN_SERVICE if self._answering.find(name) else FAILED
            self.conclude(name, status, FailureReason=reason)
