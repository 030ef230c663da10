"""All that an embedded account has, by every list of every service that anything here works with.

Nobody writes the lists down: the services are those whose clients the sources ask for and whose
calls IAM and the journal know; the lists are botocore's, as far as they need no argument, or one
that is known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel
from botocore.parsers import ResponseParserError

from local.connection import Connection
from local.iam.tables import TABLES as KNOWN_TO_IAM
from local.journal.table import TABLE as KEPT

ROOT = Path(__file__).parents[2]
SOURCES = ("commands", "local", "provision")
ASKED_FOR = re.compile(r'client(?:s)?\(\s*"([a-z0-9-]+)"')
# How IAM and signatures call a service -> how boto3 does.
NAMES = {
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
}
LISTING = re.compile(r"(List|Describe)[A-Z]\w*")
ACCOUNT = "123456789012"
# What lists want to know that no resource tells.
KNOWN = {
    "ServiceNamespace": ["sagemaker"],
    "AccountId": [ACCOUNT],
    "CatalogName": ["AwsDataCatalog"],
}
OPTIONS = {
    ("iam", "ListPolicies"): {"Scope": "Local"},  # AWS's own are thousands
    ("lambda", "ListFunctions"): {"FunctionVersion": "ALL"},
    ("sagemaker", "ListModelPackages"): {"ModelPackageType": "Both"},
}
# Not of the account, but what AWS has for everybody.
EVERYBODYS = re.compile(
    r"Describe(Images|InstanceTypes|InstanceTypeOfferings|AvailabilityZones|Regions|SpotPriceHistory"
    r"|Snapshots|SnapshotTierStatus|ReservedInstancesOfferings|VpcEndpointServices|PrefixLists"
    r"|ManagedPrefixLists|AccountAttributes)|ListPhoneNumbersOptedOut"
)
# What was, which nobody can delete: it goes by itself. Tags stay of networks that are gone, and
# whatever has tags is counted itself.
PAST = re.compile(
    r"DescribeAlarmHistory|DescribeScalingActivities|DescribeTags|ListMetrics|ListQueryExecutions"
    r"|ListStacks"
)
NAMED = re.compile(r"(?!RevisionId).*(Arn|ARN|Id|Name|name|arn|UUID|Url)")
ENDED = ("deleted", "shutting-down", "terminated")


def services() -> list[str]:
    """Every service that the sources, IAM or the journal know of, by boto3's name."""
    asked = {
        name
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*.py")
        for name in ASKED_FOR.findall(path.read_text(encoding="utf-8"))
    }
    return sorted({NAMES.get(name, name) for name in (*asked, *KNOWN_TO_IAM, *KEPT)})


class Inventory:
    """The lists of one account; those that the embedded AWS does not know are left out."""

    def __init__(self, connection: Connection) -> None:
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=8)
        options = connection.client_options()
        self._clients = {name: boto3.client(name, config=config, **options) for name in services()}

    def read(self) -> set[tuple[str, str]]:
        """The name of everything that there is, each with the list that it stands in."""
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda one: list(self._items(*one)), self.lists))
        return {item for items in found for item in items}

    @cached_property
    def lists(self) -> list[tuple[str, OperationModel, dict[str, Any]]]:
        """(service, operation, request) of every list that is answered."""
        every = [
            (name, operation, request)
            for name, client in self._clients.items()
            for operation, request in _lists(name, client.meta.service_model)
        ]
        with ThreadPoolExecutor(4) as pool:
            answered = list(pool.map(lambda one: self._ask(*one) is not None, every))
        return [one for one, is_there in zip(every, answered, strict=True) if is_there]

    def _ask(
        self, service: str, operation: OperationModel, request: dict[str, Any]
    ) -> dict[str, Any] | None:
        client = self._clients[service]
        method = {name: m for m, name in client.meta.method_to_api_mapping.items()}[operation.name]
        try:
            answer: dict[str, Any] = getattr(client, method)(**request)
        except (ClientError, BotoCoreError, ResponseParserError):
            return None
        return answer

    def _items(
        self, service: str, operation: OperationModel, request: dict[str, Any]
    ) -> Iterator[tuple[str, str]]:
        answer = self._ask(service, operation, request)
        assert answer is not None, f"{service} {operation.name} is not answered any more"
        for name, member in operation.output_shape.members.items():
            for item in answer.get(name) or [] if member.type_name == "list" else []:
                if not _has_ended(item):
                    yield f"{service} {operation.name}", _name_of(item)


def _lists(service: str, model: Any) -> Iterator[tuple[OperationModel, dict[str, Any]]]:
    for name in model.operation_names:
        operation = model.operation_model(name)
        required = operation.input_shape.required_members if operation.input_shape else []
        gives = operation.output_shape and operation.output_shape.members.values()
        left_out = EVERYBODYS.fullmatch(name) or PAST.fullmatch(name)
        if not LISTING.fullmatch(name) or left_out or not gives:
            continue
        if set(required) <= KNOWN.keys() and any(one.type_name == "list" for one in gives):
            request = {key: KNOWN[key][0] for key in required}
            yield operation, request | OPTIONS.get((service, name), {})


def _name_of(item: Any) -> str:
    """What identifies an item: all its names."""
    if not isinstance(item, dict):
        return str(item)
    names = (f"{key} {value}" for key, value in item.items() if NAMED.fullmatch(key))
    return ", ".join(sorted(names)) or str(sorted(item.items(), key=str))


def _has_ended(item: Any) -> bool:
    """Whether EC2 only still tells of it, as it does for a while."""
    if not isinstance(item, dict):
        return False
    instances = item.get("Instances")
    if instances:  # a reservation
        return all(one["State"]["Name"] in ENDED for one in instances)
    return item.get("State") in ENDED
