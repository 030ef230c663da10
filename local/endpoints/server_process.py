"""A model server's process: started, its output in CloudWatch Logs, its end made known."""

from __future__ import annotations

import logging
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from local.backend import Backend
from local.endpoints.container import Container
from local.iam.actor import Actor
from local.jobs.launcher import HostCommand, Launcher, Process
from local.jobs.layout import HostFolder, base_environment, write_hosts_file
from local.jobs.machine import gpu_variables
from local.jobs.output import HostOutput
from local.logs import LogStream

logger = logging.getLogger(__name__)

SERVER = Path(__file__).parent / "inside" / "model_server.py"
SECRET = "BREEDLINE_SERVER_SECRET"  # noqa: S105 - the variable's name
LEFT_OUTPUT = 5.0  # seconds for output of processes that left their group and keep the pipe


class ServerProcess:
    """One started process. `on_end` is called once, from a thread of its own."""

    def __init__(
        self,
        launcher: Launcher,
        command: HostCommand,
        stream: LogStream,
        on_end: Callable[[], None],
    ) -> None:
        """Start it; raises what the launcher raises."""
        self._stream = stream
        self._on_end = on_end
        self._last_line = ""
        self._output = HostOutput(self._take)
        self.ended = threading.Event()
        self._process: Process = launcher.start(command)
        threading.Thread(target=self._follow, name=f"instance-{command.host}", daemon=True).start()

    def last_words(self) -> str:
        """Why it ended, as far as it has printed it: an exception's line, or its last line."""
        return self._output.last_error.text() or self._last_line

    def end(self, grace: float) -> None:
        """SIGTERM, and SIGKILL when it still runs after `grace` seconds; waits for its end."""
        self._process.signal(signal.SIGTERM)
        if not self.ended.wait(grace):
            self._process.signal(signal.SIGKILL)
            self.ended.wait()

    def _take(self, line: str) -> None:
        self._last_line = line.strip() or self._last_line
        try:
            self._stream.write(line)
        except Exception:
            # The pipe must be drained whatever happens, or the model would hang in its print.
            logger.exception("a line of a model could not be kept")

    def _follow(self) -> None:
        streams = (self._process.stdout, self._process.stderr)
        reader = threading.Thread(target=self._output.follow, args=streams, daemon=True)
        reader.start()
        self._process.wait()
        reader.join(LEFT_OUTPUT)
        self._stream.close()
        self.ended.set()
        self._on_end()


def server_command(
    backend: Backend,
    host: HostFolder,
    container: Container,
    actor: Actor,
    instance_type: str,
    cores: int,
) -> tuple[HostCommand, str]:
    """The command that serves `container` in `host`, and the secret that its requests carry."""
    host.model.mkdir(parents=True, exist_ok=True)
    write_hosts_file(host, [])
    secret = secrets.token_urlsafe(24)
    code = str(host.model / "code")
    environment = {
        **base_environment(max(1, cores // container.workers)),
        **gpu_variables(instance_type, 1, 0),
        **backend.credentials.environment_of(actor.caller),
        **container.environment,
        "PYTHONPATH": ":".join(filter(None, [code, container.environment.get("PYTHONPATH", "")])),
        SECRET: secret,
    }
    command = HostCommand(
        host=host.host,
        command=[sys.executable, str(SERVER), str(host.model), str(announced(host))],
        environment={name: host.localise(value) for name, value in environment.items()},
        folder=host.model,
        root=host.root,
        hosts_file=host.hosts_file,
    )
    return command, secret


def announced(host: HostFolder) -> Path:
    """The file into which a server writes its ports."""
    return host.folder / "ports"
