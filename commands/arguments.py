"""The command line: every command with its arguments, by argparse.

Imports nothing beyond the standard library, so that help is there at once.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from commands.argument_types import Subject, account, count, port, positive, version

DESCRIPTION = (
    "From a folder of photos to a monitored, autoscaled endpoint: on AWS, or whole on this machine."
)
EPILOG = (
    "Without --env a command works on the embedded AWS of this machine and never touches an "
    "account. COMMAND --help tells its arguments."
)
# argparse forgets the indent of commands when it makes room for their names: a small one fits.
Formatter = partial(argparse.HelpFormatter, indent_increment=1)
DOCUMENTS = (
    *("pipeline", "deploy", "rollback", "retrain", "promote"),
    *("rules", "alarms", "roles", "caller", "sharing", "promotion"),
)
Add = Callable[[str, str], argparse.ArgumentParser]  # a command, by name and purpose
ACTIONS = ("start", "stop", "status", "env", "reset", "logs", "advance", "interrupt")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    common = _common()
    parser = argparse.ArgumentParser(
        prog="definitions.py", description=DESCRIPTION, epilog=EPILOG, formatter_class=Formatter
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title="commands"
    )

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=text, description=text, parents=[common], formatter_class=Formatter
        )

    _add_definition_commands(add)
    _add_execution_commands(add)
    _add_ec2_train(add("ec2-train", "Train on one instance of EC2, without SageMaker's jobs."))
    _add_serving_commands(add)
    _add_capacity(add("capacity", "Measure what one instance holds within a latency."))
    _add_bootstrap(add("bootstrap", "Deploy the stack with roles, bucket, network and alarms."))
    _add_destroy(add("destroy", "Delete everything that was made; keep data and registry."))
    _add_demo(add("demo", "Train, register, deploy and ask a model, on drawn data or your own."))
    _add_local_commands(add("local", "Run the embedded AWS."))
    return parser


def _common() -> argparse.ArgumentParser:
    """What every command takes."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--env",
        metavar="NAME",
        default=os.environ.get("BREEDLINE_ENV", "local"),
        help="environment of environments.toml (default: $BREEDLINE_ENV, else local)",
    )
    common.add_argument(
        "--settings", type=Path, metavar="FILE", help="another file than environments.toml"
    )
    common.add_argument("--json", action="store_true", help="print the result as one JSON document")
    return common


def _add_definition_commands(add: Add) -> None:
    preflight = add("preflight", "Say what would go wrong, before anything costs money.")
    preflight.add_argument("--data", metavar="URI", help="where the data set lies in S3")
    _add_for(preflight)
    _add_estimate(add("estimate", "Say what a run and a month of serving cost."))
    upsert = add("upsert", "Create or update everything the settings describe.")
    upsert.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    add("diff", "Say what upsert would change; exit 2 if anything.")
    show = add("show", "Print a compiled document.")
    show.add_argument(
        "document", choices=DOCUMENTS, metavar="DOCUMENT", help=f"one of {', '.join(DOCUMENTS)}"
    )
    _add_for(show)


def _add_for(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--for",
        dest="commands",
        metavar="COMMANDS",
        help="what the caller is to be allowed, as upsert,destroy or all (default: upsert,start)",
    )


def _add_execution_commands(add: Add) -> None:
    start = add("start", "Start an execution of the pipeline.")
    _add_parameters(start)
    start.add_argument(
        "--select", metavar="SQL", help="train on the images whose records this condition accepts"
    )
    start.add_argument("--wait", action="store_true", help="watch it until it ends")
    for name, text in (
        ("watch", "Follow an execution until it ends."),
        ("stop", "Stop an execution and its jobs."),
        ("retry", "Run the failed steps of an execution again."),
    ):
        add(name, text).add_argument(
            "name", nargs="?", metavar="NAME|ARN", help="default: the newest execution"
        )
    attach = add("attach", "Follow any execution or job until it ends.")
    attach.add_argument(
        "name",
        metavar="NAME|ARN",
        help="an execution of the pipeline or a state machine; a training, tuning, processing or "
        "transform job",
    )
    _add_features(
        add("features", "Count the records of images by split and label, or compare them.")
    )
    add("status", "Show what is live, its alarms, and what ran last.")


def _add_features(features: argparse.ArgumentParser) -> None:
    features.add_argument("condition", nargs="?", metavar="SQL", help='such as "width > 200"')
    features.add_argument(
        "--like", metavar="IMAGE", help="list the images most like it: a file, s3:// URI or id"
    )
    features.add_argument(
        "--count", type=count, default=10, metavar="N", help="of them (default: 10)"
    )


def _add_ec2_train(ec2_train: argparse.ArgumentParser) -> None:
    ec2_train.add_argument("--name", help="of the training; the same name is the same instance")
    _add_parameters(ec2_train)
    ec2_train.add_argument("--spot", action="store_true", help="on spare capacity, for less")
    ec2_train.add_argument("--wait", action="store_true", help="follow it until it ends")
    ec2_train.add_argument("--stop", action="store_true", help="end the instance of that name")


def _add_serving_commands(add: Add) -> None:
    approve = add("approve", "Approve a model package (the newest pending one by default).")
    approve.add_argument(
        "version", nargs="?", type=version, help="version in the model package group"
    )
    approve.add_argument("--reject", action="store_true", help="reject it instead")
    approve.add_argument("--reason", default="", help="kept with the model package")
    approve.add_argument("--wait", action="store_true", help="follow the deployment it starts")
    promote = add("promote", "Bring an approved version into another environment.")
    promote.add_argument(
        "version", nargs="?", type=version, help="default: the newest that is approved"
    )
    promote.add_argument("--to", required=True, metavar="ENV", help="which takes it")
    predict = add("predict", "Ask the function in front of the endpoint about files.")
    predict.add_argument(
        "images", nargs="+", type=Path, metavar="FILE", help="an image; a .csv or .json for a table"
    )
    rollback = add("rollback", "Go back to an earlier version and follow the way there.")
    rollback.add_argument(
        "--to",
        type=version,
        metavar="VERSION",
        help="default: the approved one before the live one",
    )
    rollback.add_argument("--reason", default="Asked for with definitions.py", help="kept with it")


def _add_capacity(capacity: argparse.ArgumentParser) -> None:
    capacity.add_argument(
        "images", nargs="*", type=Path, metavar="IMAGE", help="default: the smoke tests' samples"
    )
    capacity.add_argument(
        "--latency-ms", type=positive, metavar="N", help="p90 to keep (default: the alarm's)"
    )
    capacity.add_argument(
        "--seconds", type=positive, default=5.0, metavar="N", help="a rate is held so long"
    )
    capacity.add_argument("--save", action="store_true", help="let deployments scale by it")


def _add_bootstrap(bootstrap: argparse.ArgumentParser) -> None:
    bootstrap.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    bootstrap.add_argument("--yes", action="store_true", help="do not ask")
    bootstrap.add_argument("--delete", action="store_true", help="delete the stack; keep its data")


def _add_estimate(estimate: argparse.ArgumentParser) -> None:
    estimate.add_argument(
        "--requests", type=positive, default=1e6, metavar="N", help="a month (default: a million)"
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


def _add_demo(demo: argparse.ArgumentParser) -> None:
    demo.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="of class folders, or of .csv files (default: drawn samples)",
    )
    _add_parameters(demo)


def _add_parameters(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the pipeline; may be given several times",
    )


def _add_local_commands(local: argparse.ArgumentParser) -> None:
    local.add_argument(
        "action", choices=ACTIONS, metavar="ACTION", help=f"one of {', '.join(ACTIONS)}"
    )
    local.add_argument(
        "subject",
        nargs="?",
        action=Subject,
        metavar="SECONDS|JOB",
        help="how far `advance` goes; the spot training job that `interrupt` means",
    )
    local.set_defaults(seconds=None, job=None)
    local.add_argument(
        "--away",
        type=positive,
        default=0.0,
        metavar="SECONDS",
        help="how long spot capacity is away after `interrupt` (default: not at all)",
    )
    local.add_argument(
        "--port", type=port, default=0, help="port to listen on (default: a free one)"
    )
    local.add_argument(
        "--account",
        type=account,
        default=None,
        metavar="ID",
        help="which account of this machine (default: 123456789012; of `stop` and `reset`: all)",
    )
