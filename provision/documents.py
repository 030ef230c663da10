"""What the settings compile to, and so everything that a plan compares with the account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provision.archives import Archive
from provision.packages import Package
from statemachine.rules import Rule

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Documents:
    """The documents of one environment, and the code that they refer to."""

    pipeline: Document
    packages: Mapping[str, Package]  # by step
    roles: Mapping[str, Document]  # actor -> {trust, policy}
    functions: Mapping[str, Archive]  # predict, smoke_test
    alarms: Sequence[Document]  # PutMetricAlarm requests
    machines: Mapping[str, Document]  # deploy, rollback, retrain
    rules: Sequence[Rule]
