"""One instance of an endpoint: a model server's process, and what is asked of it."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.backend import Backend
from local.endpoints.connection import Pool, Response
from local.endpoints.container import Container
from local.endpoints.invocation import (
    InstanceGone,
    Invocation,
    ModelTimedOut,
    Reply,
    StartFailed,
)
from local.endpoints.model_folder import ModelFolders
from local.endpoints.server_process import ServerProcess, announced, server_command
from local.errors import ApiError
from local.iam.actor import Actor, note_start
from local.iam.caller import acting
from local.jobs.failure import JobFailure
from local.jobs.launcher import Launcher
from local.jobs.launchers import shared_launcher
from local.jobs.layout import HostFolder

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
PING = 2.0  # seconds in which a ping must be answered, as on AWS
FIRST_LOOK, LONGEST_LOOK = 0.005, 0.2  # seconds between two looks at a server that starts
METRICS = "/aws/sagemaker/Endpoints"  # the namespace of what machines do
GRACE = 5.0  # seconds from SIGTERM to SIGKILL, once nothing is being answered


@dataclass(frozen=True)
class Plan:
    """What an instance runs."""

    endpoint: str
    variant: str
    container: Container
    instance_type: str
    cores: int
    startup_seconds: float = 600.0
    download_seconds: float = 3600.0

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/Endpoints/{self.endpoint}"

    @property
    def actor(self) -> Actor:
        """The model's role, which each instance works under."""
        session = f"endpoint-{self.endpoint}-{self.variant}"
        return Actor(self.container.role, session, self.container.image)


class Instance:
    """One model server. Safe for several threads; started once and stopped once."""

    def __init__(
        self, backend: Backend, plan: Plan, folder: Path, launcher: Launcher | None = None
    ) -> None:
        """`folder` becomes the instance's own: it is removed with it."""
        self.id = f"i-{secrets.token_hex(9)[:17]}"
        self.plan = plan
        self._backend = backend
        self._host = HostFolder(folder, self.id)
        self._launcher = launcher
        self._process: ServerProcess | None = None
        self._pools: list[Pool] = []
        self._changed = threading.Condition()
        self._ended = False
        self._stopping = False
        self._healthy = False
        self._on_end: Callable[[Instance], None] | None = None

    @property
    def log_stream(self) -> str:
        return f"{self.plan.variant}/{self.id}"

    @property
    def in_flight(self) -> int:
        """Invocations that wait for their answers."""
        return sum(pool.in_use for pool in self._pools)

    def start(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Lay out the model, start its server, wait until it is healthy. Raises StartFailed."""
        try:
            with acting(self.plan.actor.caller):
                self._lay_model()
                self._launch()
            self._wait_until_healthy(stopped)
        except BaseException:
            self.stop(patience=0)
            raise

    def invoke(self, invocation: Invocation, seconds: float = 60.0) -> Reply:
        """The container's answer; raises InstanceGone, or ModelTimedOut after `seconds`."""
        begun = time.monotonic()
        with self._turn() as pool:
            response = self._exchange(pool, invocation, begun + seconds)
        return Reply(
            status=response.status,
            body=response.body,
            content_type=response.headers.get("content-type", ""),
            custom_attributes=response.headers.get(CUSTOM_ATTRIBUTES.lower(), ""),
            seconds=time.monotonic() - begun,
        )

    def ping(self) -> bool:
        """Whether the model is loaded and its server answers."""
        ends = time.monotonic() + PING
        try:
            return bool(self._pools) and all(
                pool.exchange("GET /ping", {}, b"", ends).status == 200 for pool in self._pools
            )
        except OSError:
            return False

    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and not self._ended

    def on_end(self, callback: Callable[[Instance], None]) -> None:
        """Call once when the process of a started instance ends by itself; at once if it has."""
        with self._changed:
            self._on_end = callback
            late = self._ended and self._healthy and not self._stopping
        if late:
            callback(self)

    def stop(self, patience: float = 60.0) -> None:
        """Let what is being answered end, for at most `patience` seconds, then end the process."""
        with self._changed:
            self._stopping = True
            self._changed.wait_for(lambda: self._ended or self.in_flight == 0, patience)
            idle = self.in_flight == 0
        for pool in self._pools:
            pool.close()
        if self._process:
            self._process.end(GRACE if idle and patience else 0)
        shutil.rmtree(self._host.folder, ignore_errors=True)

    def _lay_model(self) -> None:
        begun = time.monotonic()
        folders = ModelFolders(
            self._backend.objects, self._backend.folder / "endpoints" / "unpacked"
        )
        plan = self.plan
        try:
            note_start(self._backend.calls, plan.actor, plan.log_group, METRICS)
            folders.lay(plan.container, self._host.model)
        except (ApiError, JobFailure) as failure:
            raise StartFailed(str(failure)) from failure
        if time.monotonic() - begun > self.plan.download_seconds:
            raise StartFailed(
                f"The model data of production variant {self.plan.variant} took longer than "
                f"{self.plan.download_seconds:g} seconds to download."
            )

    def _launch(self) -> None:
        plan = self.plan
        try:
            command, self._secret = server_command(
                self._backend,
                self._host,
                plan.container,
                plan.actor,
                plan.instance_type,
                plan.cores,
            )
        except ValueError as error:
            raise StartFailed(str(error)) from error
        stream = self._backend.logs.open(plan.log_group, self.log_stream)
        launcher = self._launcher or shared_launcher()
        self._process = ServerProcess(launcher, command, stream, self._take_end)

    def _wait_until_healthy(self, stopped: Callable[[], bool]) -> None:
        ends = time.monotonic() + self.plan.startup_seconds
        pause = FIRST_LOOK
        while not (self._announced() and self.ping()):
            if stopped() or self._stopping:
                raise StartFailed(f"The instance {self.id} was stopped before it was healthy.")
            if self._ended or time.monotonic() > ends:
                raise StartFailed(self._unhealthy())
            with self._changed:
                self._changed.wait_for(lambda: self._ended, pause)
            pause = min(1.5 * pause, LONGEST_LOOK)
        with self._changed:
            self._healthy = True

    def _announced(self) -> bool:
        """Whether the server has said on which ports it listens."""
        path = announced(self._host)
        if not self._pools and path.exists():
            ports = map(int, path.read_text(encoding="ascii").split())
            self._pools = [Pool(port, self._secret) for port in ports]
        return bool(self._pools)

    def _unhealthy(self) -> str:
        words = self._process.last_words() if self._process else ""
        return (
            f"The primary container for production variant {self.plan.variant} did not pass the "
            "ping health check. Please check CloudWatch logs for this endpoint."
            + (f" Its last words: {words}" if words else "")
        )

    @contextmanager
    def _turn(self) -> Iterator[Pool]:
        """The server's process that has the least to do, counted as busy."""
        with self._changed:
            if self._ended or self._stopping or not self._healthy:
                raise InstanceGone(f"The instance {self.id} answers no more.")
            pool = min(self._pools, key=lambda pool: pool.in_use)
            pool.in_use += 1
        try:
            yield pool
        finally:
            with self._changed:
                pool.in_use -= 1
                self._changed.notify_all()

    def _exchange(self, pool: Pool, invocation: Invocation, ends: float) -> Response:
        headers = {"Content-Type": invocation.content_type, "Accept": invocation.accept}
        if invocation.custom_attributes:
            headers[CUSTOM_ATTRIBUTES] = invocation.custom_attributes
        try:
            return pool.exchange("POST /invocations", headers, invocation.body, ends)
        except TimeoutError as error:
            raise ModelTimedOut(f"The instance {self.id} did not answer in time.") from error
        except OSError as error:
            raise InstanceGone(f"The instance {self.id} ended before it answered.") from error

    def _take_end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
            callback = self._on_end if self._healthy and not self._stopping else None
        if callback:
            callback(self)
