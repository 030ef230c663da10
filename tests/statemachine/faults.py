"""Documents in which chosen tasks fail, without anything else knowing of the test.

A task is made to ask its service for something that does not exist, and so gets an error of that
service, in AWS's words.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

UNKNOWN = "there-is-none"
REFUSED = {
    "sagemaker": ("aws-sdk:sagemaker:describeModelPackage", {"ModelPackageName": UNKNOWN}),
    "dynamodb": ("dynamodb:getItem", {"TableName": UNKNOWN, "Key": {"Name": {"S": UNKNOWN}}}),
}
OTHERWISE = ("aws-sdk:ssm:getDocument", {"Name": UNKNOWN})


def named_tasks(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All Task states by name; of those inside a map the plain one, under the map's name."""
    found: dict[str, dict[str, Any]] = {}
    for name, state in document["States"].items():
        if state["Type"] == "Task":
            found[name] = state
        elif state["Type"] == "Map":
            found[name] = state["ItemProcessor"]["States"][f"{name}One"]
    return found


def failing(*names: str) -> Callable[[dict[str, Any]], None]:
    """A change of a document after which these tasks are refused."""

    def change(document: dict[str, Any]) -> None:
        tasks = named_tasks(document)
        for name in names:
            service = tasks[name]["Resource"].split(":::")[1].removeprefix("aws-sdk:")
            action, parameters = REFUSED.get(service.split(":")[0], OTHERWISE)
            head = tasks[name]["Resource"].split(":::")[0]
            tasks[name].update(Resource=f"{head}:::{action}", Parameters=copy.copy(parameters))

    return change
