"""Which instances run: started from pending to running, ended from shutting-down to terminated."""

from __future__ import annotations

import base64
import logging
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.backend import Backend
from local.capacity import instance_cores
from local.iam.caller import EC2, caller
from local.instances.machine import Machine, end_process
from local.instances.metadata import NOTICE, Metadata
from local.jobs.launcher import Reaper
from local.jobs.layout import base_environment

logger = logging.getLogger(__name__)

EVERY = 0.1  # seconds between two looks at an instance
GRACE = 30.0  # seconds from SIGTERM to SIGKILL when an instance ends
STATES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64}
BY_USER = "Client.UserInitiatedShutdown: User initiated shutdown"
BY_SPOT = "Server.SpotInstanceTermination: Spot instance termination"
BY_ITSELF = "Client.InstanceInitiatedShutdown: Instance initiated shutdown"


@dataclass
class Running:
    """One instance that runs here: moto's object, its folder, and why it is to end."""

    instance: Any
    machine: Machine
    finish: Callable[[], Any]  # moto's own terminate or stop
    reason: str = ""
    metadata: Metadata | None = None  # of a spot instance while its process runs
    asked: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def ask(self, reason: str, finish: Callable[[], Any]) -> None:
        """Let it end, the first reason counts."""
        if not self.asked.is_set():
            self.reason, self.finish = reason, finish
            self.asked.set()


class Instances:
    """The instances of one server."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._folder = backend.folder / "instances"
        self._reaper = Reaper()
        self._running: dict[str, Running] = {}
        self._lock = threading.Lock()

    def start_new(self, ec2: Any) -> None:
        """Start what moto made since the last call and what has user data to run."""
        made = [one for each in list(ec2.reservations.values()) for one in each.instances]
        for instance in made:
            with self._lock:
                if instance.id in self._running or instance.state != "running":
                    continue
                machine = Machine(self._folder / instance.id)
                running = Running(instance, machine, instance.terminate)
                self._running[instance.id] = running
            for interface in instance.nics.values():
                interface.delete_on_termination = True  # as of all that a launch makes
            if instance.user_data:
                enter(instance, "pending")
                name = f"instance-{instance.id}"
                threading.Thread(
                    target=self._run, args=(running, ec2), name=name, daemon=True
                ).start()
            else:
                running.ended.set()

    def end(self, instance: Any, finish: Callable[[], Any], state: str, reason: str) -> bool:
        """Let an instance end and moto `finish` then; False when nothing of it runs."""
        running = self._running.get(instance.id)
        if running is None or running.ended.is_set():
            return False
        enter(instance, state)
        running.ask(reason, finish)
        return True

    def interrupt(self, instance_id: str) -> None:
        """Take a spot instance back: it gets its notice, and two minutes later it ends.

        Raises ValueError for one that is not there to be taken.
        """
        running = self._running.get(instance_id)
        if running is None or running.instance.lifecycle != "spot":
            raise ValueError(f"There is no spot instance '{instance_id}'.")
        if running.metadata is None:
            state = running.instance.state
            raise ValueError(f"The instance '{instance_id}' has nothing to lose: it is {state}.")
        running.metadata.announce_end()
        threading.Thread(target=self._take_back, args=(running,), daemon=True).start()

    def _take_back(self, running: Running) -> None:
        instance = running.instance
        if not running.ended.wait(NOTICE):
            self.end(instance, instance.terminate, "shutting-down", BY_SPOT)

    def console(self, instance_id: str) -> str | None:
        """What an instance printed; None of one that is unknown."""
        running = self._running.get(instance_id)
        return running.machine.console() if running else None

    def _run(self, running: Running, ec2: Any) -> None:
        instance = running.instance
        cores = min(instance_cores(instance.instance_type), self._backend.capacity.cores)
        try:
            # An instance is pending until this machine has its cores to give.
            with self._backend.capacity.hold(cores, running.asked.is_set) as granted:
                if granted:
                    self._run_user_data(running, ec2, cores)
            self._stay(running)
        except Exception:
            logger.exception("the instance %s was lost", instance.id)
        self._conclude(running)

    def _run_user_data(self, running: Running, ec2: Any, cores: int) -> None:
        instance = running.instance
        environment = {
            **base_environment(cores),
            **self._backend.credentials.environment_of(
                caller(role_of(ec2, instance), instance.id, EC2)
            ),
        }
        if instance.lifecycle == "spot":
            running.metadata = Metadata()
            environment |= running.metadata.environment()
        process = running.machine.start(_decoded(instance.user_data), environment, self._reaper)
        if not running.asked.is_set():
            enter(instance, "running")
        try:
            self._watch(running, process)
        finally:
            end_process(process, GRACE, self._reaper)
            if running.metadata:
                running.metadata.close()
                running.metadata = None

    def _watch(self, running: Running, process: subprocess.Popen[bytes]) -> None:
        """Return when the user data has ended, or the instance is to end."""
        while process.poll() is None and not self._is_over(running):
            running.asked.wait(EVERY)

    def _stay(self, running: Running) -> None:
        """An instance that does nothing more is there until somebody ends it, or its time limit."""
        while not self._is_over(running):
            running.asked.wait(EVERY)

    def _is_over(self, running: Running) -> bool:
        if not running.asked.is_set() and running.machine.wants_to_end():
            shuts_down = running.instance.instance_initiated_shutdown_behavior == "terminate"
            instance = running.instance
            finish, state = (
                (instance.terminate, "shutting-down") if shuts_down else (instance.stop, "stopping")
            )
            enter(instance, state)
            running.ask(BY_ITSELF, finish)
        return running.asked.is_set()

    def _conclude(self, running: Running) -> None:
        running.machine.wipe()
        running.ended.set()  # so that the finishing goes to moto itself
        running.finish()
        code, _, _ = running.reason.partition(":")
        running.instance.state_reason.code = code
        running.instance.state_reason.message = running.reason


def enter(instance: Any, state: str) -> None:
    """Put moto's instance into a state."""
    instance._state.name, instance._state.code = state, STATES[state]


def role_of(ec2: Any, instance: Any) -> str:
    """The ARN of the role in an instance's profile; empty without one."""
    association = ec2.iam_instance_profile_associations.get(instance.id)
    roles = association.iam_instance_profile.roles if association else []
    return str(roles[0].arn) if roles else ""


def _decoded(user_data: Any) -> bytes:
    return base64.b64decode(str(user_data))
