"""What tasks call: resource ARNs, integrations, and the names of their parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import OperationModel, Shape

from local.workflows.checks.problems import Problem, fault
from local.workflows.interpreter.clients import boto_names, operation_of
from local.workflows.interpreter.values import OPTIMISED, SDK, Spelling

RESOURCE = re.compile(
    r"arn:aws[\w-]*:(?:"
    r"(?P<direct>lambda:[\w-]+:\d{12}:function:[\w$-]+(?::[\w$-]+)?"
    r"|states:[\w-]+:\d{12}:activity:[^:]+)"
    r"|states:[\w-]*:\d*:(?P<service>[\w-]+):(?:(?P<api>\w+):)?(?P<action>\w+)"
    r"(?:\.(?P<pattern>sync:2|sync|waitForTaskToken))?)"
)
TOKEN, SYNC, SYNC2 = "waitForTaskToken", "sync", "sync:2"  # noqa: S105 - a pattern's name
JOBS = ("TrainingJob", "ProcessingJob", "TransformJob", "HyperParameterTuningJob", "LabelingJob")
SAGEMAKER = ("createModel", "createEndpointConfig", "createEndpoint", "updateEndpoint")
ITEMS = ("getItem", "putItem", "updateItem", "deleteItem")
# The optimised integrations that run here: what may stand behind each action.
OPTIMISED_ACTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "lambda": {"invoke": (TOKEN,)},
    "sqs": {"sendMessage": (TOKEN,)},
    "sns": {"publish": (TOKEN,)},
    "events": {"putEvents": (TOKEN,)},
    "dynamodb": dict.fromkeys(ITEMS, ()),
    "states": {"startExecution": (SYNC, SYNC2, TOKEN)},
    "sagemaker": {f"create{job}": (SYNC,) for job in JOBS} | dict.fromkeys(SAGEMAKER, ()),
}
# Those of AWS that nothing runs here; their names are left unchecked.
ELSEWHERE = {
    *("apigateway", "athena", "batch", "bedrock", "codebuild", "databrew", "ecs", "eks"),
    *("elasticmapreduce", "emr-containers", "emr-serverless", "glue", "http", "mediaconvert"),
}


def check_resource(state: dict[str, Any], location: str, language: str) -> Iterator[Problem]:
    """A task's Resource, and the names within its Parameters or Arguments."""
    resource = state["Resource"]
    match = RESOURCE.fullmatch(resource) if isinstance(resource, str) else None
    if match is None:
        yield fault("Value is not a valid resource ARN", f"{location}/Resource")
        return
    if match["direct"] or match["service"] in ELSEWHERE:
        return
    operation = _operation(match)
    if operation is None or not _pattern_fits(match):
        said = (
            f"The resource provided {resource} is not recognized. The value is not a valid "
            "resource ARN, or the resource is not available in this region."
        )
        yield fault(said, f"{location}/Resource")
        return
    field = "Parameters" if language == "JSONPath" else "Arguments"
    spelling = SDK if match["service"] == "aws-sdk" else OPTIMISED
    if operation.input_shape and isinstance(state.get(field), dict):
        names = _Names(spelling, ".$" if language == "JSONPath" else "")
        yield from names.check(state[field], operation.input_shape, f"{location}/{field}")


def _operation(match: re.Match[str]) -> OperationModel | None:
    service, api, action = match["service"], match["api"], match["action"]
    if not action[0].islower():
        return None
    if service == "aws-sdk":
        name = boto_names().get(api or "")
        return operation_of(name, action) if name else None
    if api or action not in OPTIMISED_ACTIONS.get(service, {}):
        return None
    return operation_of(boto_names().get(service, "stepfunctions"), action)


def _pattern_fits(match: re.Match[str]) -> bool:
    if match["pattern"] is None:
        return True
    if match["service"] == "aws-sdk":
        return match["pattern"] == TOKEN
    return match["pattern"] in OPTIMISED_ACTIONS[match["service"]][match["action"]]


class _Names:
    """Compares the names in a request with those of the API, at every depth."""

    def __init__(self, spelling: Spelling, suffix: str) -> None:
        self._spelling = spelling
        self._suffix = suffix

    def check(self, value: Any, shape: Shape, location: str) -> Iterator[Problem]:
        if shape.type_name == "structure" and isinstance(value, dict):
            yield from self._structure(value, shape, location)
        elif shape.type_name == "list" and isinstance(value, list):
            for index, part in enumerate(value):
                yield from self.check(part, shape.member, f"{location}[{index}]")
        elif shape.type_name == "map" and isinstance(value, dict):
            for name, part in value.items():
                yield from self.check(part, shape.value, f"{location}/{name}")

    def _structure(self, value: dict[str, Any], shape: Shape, location: str) -> Iterator[Problem]:
        if getattr(shape, "is_document_type", False):
            return
        members = self._spelling.members(shape)
        given = {name.removesuffix(self._suffix) if self._suffix else name for name in value}
        for name, part in value.items():
            plain = name.removesuffix(self._suffix) if self._suffix else name
            if plain not in members:
                said = f'The field "{plain}" is not supported by Step Functions'
                yield fault(said, f"{location}")
            elif plain == name:
                yield from self.check(part, members[plain][1], f"{location}/{name}")
        for required in shape.required_members:
            if not {n for n, (member, _) in members.items() if member == required} & given:
                name = self._spelling.spell(required)
                yield fault(f'The field "{name}" is required but was missing', location)
