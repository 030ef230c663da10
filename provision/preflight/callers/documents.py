"""Statements as policies that IAM takes: those about the same things as one, and none too large."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from statemachine.statements import Statement, document

LARGEST = 6_144  # characters of a managed policy, without white space


def merged(statements: Iterable[Statement]) -> list[Statement]:
    """One statement for what several allow of the same resources; it keeps the first's Sid."""
    found: dict[str, Statement] = {}
    for statement in statements:
        place = json.dumps([statement["Resource"], statement.get("Condition")])
        known = found.setdefault(place, statement)
        found[place] = {**known, "Action": sorted({*known["Action"], *statement["Action"]})}
    return list(found.values())


def policies(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """As few managed policies as it takes, in the order of the statements."""
    found: list[list[Statement]] = [[]]
    for statement in merged(statements):
        if found[-1] and size_of(document([*found[-1], statement])) > LARGEST:
            found.append([])
        found[-1].append(statement)
    return [document(each) for each in found]


def size_of(policy: Mapping[str, Any]) -> int:
    """Its characters as IAM counts them."""
    return len("".join(json.dumps(policy, separators=(",", ":")).split()))
