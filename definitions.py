"""Breedline's command line, and the one place where its parts are put together.

    python definitions.py demo            the whole pipeline on this machine
    python definitions.py upsert          create or update what the settings describe
    python definitions.py start --wait    run it

Results go to stdout (`--json` for machines), progress to stderr. Exit codes: 0 done, 1 failed,
2 `diff` found changes or the command line was wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.arguments import build_parser
from commands.failures import explain

if TYPE_CHECKING:
    from commands.session import Session

ROOT = Path(__file__).resolve().parent

# Command -> the function that performs it; imported only when the command is called.
COMMANDS = {
    "preflight": "commands.preflight:preflight",
    "estimate": "commands.estimate:estimate",
    "upsert": "commands.definition:upsert",
    "diff": "commands.definition:diff",
    "show": "commands.definition:show",
    "start": "commands.execution:start",
    "watch": "commands.execution:watch",
    "attach": "commands.attach:attach",
    "stop": "commands.execution:stop",
    "retry": "commands.execution:retry",
    "ec2-train": "commands.ec2_train:ec2_train",
    "features": "commands.features:features",
    "status": "commands.status:status",
    "approve": "commands.approval:approve",
    "promote": "commands.promote:promote",
    "predict": "commands.predict:predict",
    "rollback": "commands.rollback:rollback",
    "capacity": "commands.capacity:capacity",
    "destroy": "commands.destroy:destroy",
    "bootstrap": "commands.bootstrap:bootstrap",
    "demo": "commands.demo:demo",
    "local": "commands.local:local",
}


def open_session(environment: str, path: Path | None, as_json: bool) -> Session:
    """Load the settings and say how clients are made; nothing is started or called yet."""
    import settings
    from commands.session import Session

    loaded = settings.load(environment, path or settings.ENVIRONMENTS)
    if environment != "local":

        def make_aws_client(service: str, **options: Any) -> Any:
            return _aws_client(service, loaded.aws.region, options)

        return Session(loaded, make_aws_client, None, as_json)
    folder = local_folder()

    def make_local_client(service: str, **options: Any) -> Any:
        return _local_client(service, folder, loaded.aws.region, options)

    return Session(loaded, make_local_client, folder, as_json)


def local_folder() -> Path:
    """Where the embedded AWS keeps its state; BREEDLINE_LOCAL moves it."""
    return Path(os.environ.get("BREEDLINE_LOCAL", ROOT / ".local")).resolve()


def _aws_client(service: str, region: str, options: dict[str, Any]) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(service, region_name=region, config=Config(**options))


def _local_client(service: str, folder: Path, region: str, options: dict[str, Any]) -> Any:
    from botocore.config import Config

    from commands.output import say
    from local.connection import ensure_server

    connection, started = ensure_server(folder, region)
    if started:
        say(f"Started the embedded AWS on {connection.url} (state in {folder}).")
    own = {"retries": {"max_attempts": 2}, "connect_timeout": 5, "proxies": {}}
    return _local_session().client(
        service, **connection.client_options(), config=Config(**{**own, **options})
    )


@functools.cache
def _local_session() -> Any:
    """A session that knows nothing of the user's profiles, which are about AWS."""
    import boto3
    import botocore.session

    from local.connection import ALONE

    return boto3.Session(botocore_session=botocore.session.Session(ALONE))


def run(arguments: argparse.Namespace) -> int:
    """Perform one parsed command; returns its exit code."""
    module, _, function = COMMANDS[arguments.command].partition(":")
    command = getattr(importlib.import_module(module), function)
    return int(command(open_session(arguments.env, arguments.settings, arguments.json), arguments))


def main(argv: list[str] | None = None) -> int:
    """Parse, run, and turn expected failures into one sentence on stderr."""
    arguments = build_parser().parse_args(argv)

    try:
        return run(arguments)
    except KeyboardInterrupt:
        print("Interrupted; what was started on the server goes on.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `show deploy | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        return 0
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise  # a bug: the traceback is the report
        print(sentence, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
