"""Names and ARNs of Step Functions' resources."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.workflows.errors import invalid_arn, invalid_name

LONGEST_NAME = 80
FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
MACHINE_ARN = re.compile(
    r"(?P<machine>arn:aws[\w-]*:states:[\w-]+:\d{12}:stateMachine:(?P<name>[^:/]+))"
    r"(?::(?P<qualifier>[^:/]+))?"
)


def check_name(name: str) -> None:
    """Raise InvalidName for characters that AWS does not take."""
    if not 1 <= len(name) <= LONGEST_NAME or FORBIDDEN.search(name):
        raise invalid_name(name)


@dataclass(frozen=True)
class MachineArn:
    """A state machine's ARN, perhaps with a version's number or an alias's name behind it."""

    machine: str
    name: str
    qualifier: str | None

    @property
    def version(self) -> int | None:
        return int(self.qualifier) if self.qualifier and self.qualifier.isdigit() else None

    @property
    def alias(self) -> str | None:
        return self.qualifier if self.qualifier and not self.qualifier.isdigit() else None


def parse_machine_arn(arn: str) -> MachineArn:
    """The parts of an ARN; raises InvalidArn for one that is no state machine's."""
    match = MACHINE_ARN.fullmatch(arn)
    if match is None:
        raise invalid_arn(arn)
    return MachineArn(match["machine"], match["name"], match["qualifier"])
