"""Breedline's command line, and the one place where its parts are put together.

    python definitions.py demo            the whole pipeline on this machine
    python definitions.py upsert          create or update what the settings describe
    python definitions.py start --wait    run it

Results go to stdout (`--json` for machines), progress to stderr. Exit codes: 0 done, 1 failed,
2 `diff` found changes or the command line was wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def build_parser() -> argparse.ArgumentParser:
    """The command line; parsing imports nothing beyond the standard library."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--env",
        default=os.environ.get("BREEDLINE_ENV", "local"),
        help="environment of environments.toml (default: $BREEDLINE_ENV, else local)",
    )
    common.add_argument(
        "--settings", type=Path, help="another file than environments.toml", metavar="FILE"
    )
    common.add_argument("--json", action="store_true", help="print the result as one JSON object")

    description = (__doc__ or "").partition("\n\n")[0]
    parser = argparse.ArgumentParser(prog="definitions.py", description=description)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[common])

    preflight = add("preflight", "Say what would go wrong, before anything costs money.")
    preflight.add_argument("--data", metavar="URI", help="where the data set lies in S3")
    _add_estimate(add("estimate", "Say what a run and a month of serving cost."))
    upsert = add("upsert", "Create or update everything the settings describe.")
    upsert.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    add("diff", "Say what upsert would change; exit 2 if anything.")
    show = add("show", "Print a compiled document.")
    documents = ["pipeline", "deploy", "rollback", "retrain", "rules", "alarms", "roles", "sharing"]
    documents += ["promote", "promotion"]
    show.add_argument("document", choices=documents)
    _add_execution_commands(add)
    _add_ec2_train(add("ec2-train", "Train on one instance of EC2, without SageMaker's jobs."))
    _add_serving_commands(add)
    _add_capacity(add("capacity", "Measure what one instance holds within a latency."))
    _add_bootstrap(add("bootstrap", "Deploy the stack with roles, bucket, network and alarms."))
    _add_destroy(add("destroy", "Delete everything that was made; keep data and registry."))
    demo = add("demo", "Train, register, deploy and ask a model, on drawn data or your own.")
    demo.add_argument(
        "--data",
        type=Path,
        help="folder of class folders, or of .csv files (default: drawn samples)",
    )
    demo.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    _add_local_commands(add("local", "Run the embedded AWS."))
    return parser


def _add_execution_commands(add: Any) -> None:
    start = add("start", "Start an execution of the pipeline.")
    start.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    start.add_argument(
        "--select", metavar="SQL", help="train on the images whose records this condition accepts"
    )
    start.add_argument("--wait", action="store_true", help="watch it until it ends")
    for name, text in (
        ("watch", "Follow an execution until it ends."),
        ("stop", "Stop an execution and its jobs."),
        ("retry", "Run the failed steps of an execution again."),
    ):
        add(name, text).add_argument("arn", nargs="?", help="default: the newest execution")
    attach = add("attach", "Follow any execution or job until it ends.")
    attach.add_argument(
        "name",
        metavar="NAME|ARN",
        help="an execution of the pipeline or a state machine; a training, tuning, processing or "
        "transform job",
    )
    features = add("features", "Count the records of images, by split and label.")
    features.add_argument("condition", nargs="?", metavar="SQL", help='such as "width > 200"')
    add("status", "Show what is live, its alarms, and what ran last.")


def _add_ec2_train(ec2_train: argparse.ArgumentParser) -> None:
    ec2_train.add_argument("--name", help="of the training; the same name is the same instance")
    ec2_train.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    ec2_train.add_argument("--spot", action="store_true", help="on spare capacity, for less")
    ec2_train.add_argument("--wait", action="store_true", help="follow it until it ends")
    ec2_train.add_argument("--stop", action="store_true", help="end the instance of that name")


def _add_serving_commands(add: Any) -> None:
    approve = add("approve", "Approve a model package (the newest pending one by default).")
    approve.add_argument(
        "version", nargs="?", type=_version, help="version in the model package group"
    )
    approve.add_argument("--reject", action="store_true", help="reject it instead")
    approve.add_argument("--reason", default="", help="kept with the model package")
    approve.add_argument("--wait", action="store_true", help="follow the deployment it starts")
    promote = add("promote", "Bring an approved version into another environment.")
    promote.add_argument(
        "version", nargs="?", type=_version, help="default: the newest that is approved"
    )
    promote.add_argument("--to", required=True, metavar="ENV", help="which takes it")
    predict = add("predict", "Ask the function in front of the endpoint about files.")
    predict.add_argument(
        "images", nargs="+", type=Path, metavar="FILE", help="an image; a .csv or .json for a table"
    )
    rollback = add("rollback", "Go back to an earlier version and follow the way there.")
    rollback.add_argument(
        "--to",
        type=_version,
        metavar="VERSION",
        help="default: the approved one before the live one",
    )
    rollback.add_argument("--reason", default="Asked for with definitions.py", help="kept with it")


def _add_capacity(capacity: argparse.ArgumentParser) -> None:
    capacity.add_argument(
        "images", nargs="*", type=Path, metavar="IMAGE", help="default: the smoke tests' samples"
    )
    capacity.add_argument(
        "--latency-ms", type=_positive, metavar="N", help="p90 to keep (default: the alarm's)"
    )
    capacity.add_argument(
        "--seconds", type=_positive, default=5.0, metavar="N", help="a rate is held so long"
    )
    capacity.add_argument("--save", action="store_true", help="let deployments scale by it")


def _add_bootstrap(bootstrap: argparse.ArgumentParser) -> None:
    bootstrap.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    bootstrap.add_argument("--yes", action="store_true", help="do not ask")
    bootstrap.add_argument("--delete", action="store_true", help="delete the stack; keep its data")


def _add_estimate(estimate: argparse.ArgumentParser) -> None:
    estimate.add_argument(
        "--requests", type=_positive, default=1e6, metavar="N", help="a month (default: a million)"
    )
    estimate.add_argument(
        "--prices", metavar="REGION", help="in the prices of another region that the table has"
    )


def _add_destroy(destroy: argparse.ArgumentParser) -> None:
    destroy.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    destroy.add_argument("--yes", action="store_true", help="do not ask")
    destroy.add_argument("--data", action="store_true", help="the bucket with its content too")
    destroy.add_argument(
        "--registry", action="store_true", help="the model packages and their group too"
    )


def _version(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no version; versions count from 1.")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number.")
    return value


def _add_local_commands(local: argparse.ArgumentParser) -> None:
    actions = ["start", "stop", "status", "env", "reset", "logs", "advance", "interrupt"]
    local.add_argument("action", choices=actions)
    local.add_argument(
        "subject",
        nargs="?",
        action=_Subject,
        metavar="SECONDS|JOB",
        help="how far `advance` goes; the spot training job that `interrupt` means",
    )
    local.set_defaults(seconds=None, job=None)
    local.add_argument(
        "--away",
        type=_positive,
        default=0.0,
        metavar="SECONDS",
        help="how long spot capacity is away after `interrupt` (default: not at all)",
    )
    local.add_argument(
        "--port", type=_port, default=0, help="port to listen on (default: a free one)"
    )


class _Subject(argparse.Action):
    """What an action of `local` is about: seconds, or for `interrupt` a job's name."""

    def __call__(
        self, parser: Any, namespace: Any, values: Any, option_string: str | None = None
    ) -> None:
        if values is None:
            return
        if namespace.action == "interrupt":
            namespace.job = values
            return
        try:
            namespace.seconds = _positive(values)
        except argparse.ArgumentTypeError as error:
            parser.error(str(error))


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port; give one from 1 to 65535.")
    return int(text)


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
    import boto3
    from botocore.config import Config

    from commands.output import say
    from local.connection import ensure_server

    connection, started = ensure_server(folder, region)
    if started:
        say(f"Started the embedded AWS on {connection.url} (state in {folder}).")
    return boto3.client(
        service,
        **connection.client_options(),
        config=Config(**{"retries": {"max_attempts": 2}, "connect_timeout": 5, **options}),
    )


def run(arguments: argparse.Namespace) -> int:
    """Perform one parsed command; returns its exit code."""
    module, _, function = COMMANDS[arguments.command].partition(":")
    command = getattr(importlib.import_module(module), function)
    return int(command(open_session(arguments.env, arguments.settings, arguments.json), arguments))


def main(argv: list[str] | None = None) -> int:
    """Parse, run, and turn expected failures into one sentence on stderr."""
    arguments = build_parser().parse_args(argv)
    from commands.failures import explain

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
