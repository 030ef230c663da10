"""The client's side of the embedded AWS: find, start and stop its server process.

Imports nothing heavy, so that any command can ask whether the server runs.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from errors import BreedlineError

HOST = "127.0.0.1"
ACCOUNT = "123456789012"  # AWS's own example account, which a server is where none is named
ACCOUNTS = "accounts"  # the folder of the others, beneath that one's
START_TIMEOUT = 60  # seconds
STOP_TIMEOUT = 20  # seconds
# Variables of a botocore session: neither files nor profiles of the user's take part.
ALONE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
ROOM = 64 * 1024  # bytes, without which no server starts


class LocalServerError(BreedlineError):
    """The local server cannot be started, or went away."""


@dataclass(frozen=True)
class Connection:
    """Where the server listens and the key it asks for."""

    port: int
    access_key: str
    secret_key: str
    region: str
    account: str
    pid: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def client_options(self) -> dict[str, str]:
        """The keyword arguments that point a boto3 client at this server."""
        return {
            "endpoint_url": self.url,
            "region_name": self.region,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
        }

    def environment(self) -> dict[str, str]:
        """The AWS_… variables that point any AWS client of a child process at this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def unproxied(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables after which no proxy of `environment` stands between us and this machine."""
    given = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    hosts = ",".join(dict.fromkeys([*filter(None, given.split(",")), HOST]))
    return {"NO_PROXY": hosts, "no_proxy": hosts}


def _of_server(environment: Mapping[str, str]) -> dict[str, str]:
    """The server's own environment: the user's, without his profiles, which are about AWS."""
    profiles = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    kept = {name: value for name, value in environment.items() if name not in profiles}
    files = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**kept, **files, **unproxied(environment)}


def write_connection(folder: Path, connection: Connection) -> None:
    """Publish the connection, readable by this user alone, whole or not at all."""
    part = folder / "connection.part"
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(connection), file)
    part.replace(folder / "connection.json")


def account_folder(root: Path, account: str) -> Path:
    """Where the server of an account keeps its state: one account is one server."""
    return root if account == ACCOUNT else root / ACCOUNTS / account


def accounts_root(folder: Path, account: str) -> Path:
    """The other way round: the folder beneath which an account and its neighbours have theirs."""
    return folder if account == ACCOUNT else folder.parent.parent


def account_folders(root: Path) -> list[Path]:
    """The state folders of all accounts that were ever started beneath a folder."""
    return [root, *sorted((root / ACCOUNTS).glob("[0-9]*"))]


def read_connection(folder: Path) -> Connection | None:
    """What the server on `folder` has published, or None; it may have been killed since."""
    try:
        return Connection(**json.loads((folder / "connection.json").read_text()))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError, TypeError):
        return None


def find_server(folder: Path) -> Connection | None:
    """The connection of the server that runs on `folder` and answers, or None."""
    connection = read_connection(folder)
    return connection if connection and _answers(connection) else None


def ensure_server(
    folder: Path, region: str, port: int = 0, account: str = ACCOUNT
) -> tuple[Connection, bool]:
    """The running server's connection, and whether it had to be started.

    Raises LocalServerError when it does not come up, with the last line of its log.
    """
    if running := find_server(folder):
        return running, False
    _make(folder)
    with _alone(folder / "start.lock"):
        if running := find_server(folder):
            return running, False
        return _start(folder, region, port, account), True


def stop_server(folder: Path) -> bool:
    """Stop the server and wait for its end; False when none ran."""
    connection = find_server(folder)
    if connection is None:
        return False
    os.kill(connection.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while _alive(connection.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    if _alive(connection.pid):
        os.kill(connection.pid, signal.SIGKILL)
    return True


def log_path(folder: Path) -> Path:
    """The file that holds what the server prints."""
    return folder / "server.log"


def _make(folder: Path) -> None:
    """The folder of the state, for this user alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        (folder / "start.lock").touch()
    except OSError as error:
        raise LocalServerError(
            f"The embedded AWS cannot keep its state in {folder} ({error.strerror}); set "
            "BREEDLINE_LOCAL to a folder that you may write to."
        ) from error


def _start(folder: Path, region: str, port: int, account: str) -> Connection:
    (folder / "connection.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "local.server", str(folder), "--region", region]
    command += ["--account", account]
    with log_path(folder).open("ab") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=Path(__file__).parent.parent,
            env=_of_server(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if running := find_server(folder):
            return running
        if process.poll() is not None:
            raise LocalServerError(f"The local server did not start: {_last_line(folder)}")
        time.sleep(0.05)
    process.kill()
    raise LocalServerError(
        f"The local server did not answer within {START_TIMEOUT} s; see {log_path(folder)}."
    )


def _last_line(folder: Path) -> str:
    if lines := log_path(folder).read_text(errors="replace").strip().splitlines():
        return lines[-1]
    if shutil.disk_usage(folder).free < ROOM:
        return f"there is no room left in {folder}."
    return f"its log {log_path(folder)} is empty."


def _answers(connection: Connection) -> bool:
    http_connection = http.client.HTTPConnection(HOST, connection.port, timeout=5)
    try:
        http_connection.request("GET", "/")
        return http_connection.getresponse().status == 403  # it asks for its key: it is ours
    except (OSError, http.client.HTTPException):
        return False
    finally:
        http_connection.close()


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # only does something when the server is our own child
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One starter at a time, so that two commands do not start two servers on one folder."""
    import fcntl

    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
