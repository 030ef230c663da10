"""What each command's caller must be allowed: the least policy, narrowed to the settings' names.

A module for each command, or for those that belong together; this is their table. Tests compare
them with the calls that the commands really make, and with what CloudFormation says of its types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from provision.preflight.callers import runs, serving
from provision.preflight.callers.bootstrap import bootstrap
from provision.preflight.callers.destroy import destroy
from provision.preflight.callers.ec2_train import ec2_train
from provision.preflight.callers.preflight import preflight
from provision.preflight.callers.upsert import upsert
from settings import Settings
from statemachine.statements import Statement

CALLERS: dict[str, Callable[[Settings], Iterator[Statement]]] = {
    "preflight": preflight,
    "upsert": upsert,
    "start": runs.start,
    "watch": runs.watch,
    "stop": runs.stop,
    "retry": runs.retry,
    "attach": runs.attach,
    "features": runs.features,
    "status": serving.status,
    "approve": serving.approve,
    "promote": serving.promote,
    "predict": serving.predict,
    "rollback": serving.rollback,
    "capacity": serving.capacity,
    "bootstrap": bootstrap,
    "ec2-train": ec2_train,
    "destroy": destroy,
}
USUAL = ("upsert", "start")


def caller_statements(settings: Settings, commands: Iterable[str] = USUAL) -> list[Statement]:
    """The least policy for commands; a statement's Sid begins with its command's name."""
    return [
        {**statement, "Sid": f"{_sid(command)}{statement['Sid']}"}
        for command in commands
        for statement in CALLERS[command](settings)
    ]


def _sid(command: str) -> str:
    """`ec2-train` -> `Ec2Train`: a Sid has letters and digits only."""
    return "".join(word.capitalize() for word in command.split("-"))
