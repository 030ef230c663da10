"""The ways to name a function: its name, part of its ARN or all of it, each with a qualifier."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.functions.errors import invalid_parameter, no_such_function

NAME = re.compile(
    r"(?:arn:aws[\w-]*:lambda:(?P<region>[\w-]+):)?(?:(?P<account>\d{12}):function:)?"
    r"(?:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>\$LATEST|[\w-]+))?"
)
QUALIFIER = re.compile(r"\$LATEST|[\w-]+")


@dataclass(frozen=True)
class Named:
    """A function's own name, and the version or alias that was asked for."""

    name: str
    qualifier: str | None


def parse(name: str, qualifier: str | None, region: str, account: str) -> Named:
    """What `name` stands for in this region and account; raises ApiError when nothing can."""
    found = NAME.fullmatch(name)
    if (
        found is None
        or (found["region"] or region) != region
        or (found["account"] or account) != account
    ):
        raise no_such_function(name)
    if found["qualifier"] and qualifier and found["qualifier"] != qualifier:
        raise invalid_parameter(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    qualifier = found["qualifier"] or qualifier
    if qualifier and not QUALIFIER.fullmatch(qualifier):
        raise no_such_function(f"{name}:{qualifier}")
    return Named(found["name"], qualifier)
