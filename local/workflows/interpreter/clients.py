"""boto3 clients of tasks: they call this server as the machine's role, whatever the shell says."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

import botocore.config
import botocore.session
import botocore.utils
from botocore.model import OperationModel, ServiceModel
from moto.stepfunctions.parser.asl.utils import boto_client

from local.connection import ALONE
from local.iam.caller import STATES, Caller, caller
from local.workflows.interpreter.replacing import replace_everywhere

LONGEST_CALL = 900  # seconds; a Lambda function's own limit
SESSION = "states"  # the name of the role's session
ORIGINAL = boto_client.boto_client_for
EnvironmentOf = Callable[[Caller | None], Mapping[str, str]]


class Clients:
    """One client for each service, region and role; boto's clients may be shared by threads."""

    def __init__(self, environment_of: EnvironmentOf) -> None:
        self._environment_of = environment_of
        self._session = botocore.session.Session(session_vars=ALONE)
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str, str], Any] = {}

    def get(self, service: str, region: str, role: str) -> Any:
        with self._lock:  # making one is not safe in threads
            key = (service, region, role)
            if key not in self._made:
                self._made[key] = self._make(*key)
            return self._made[key]

    def _make(self, service: str, region: str, role: str) -> Any:
        environment = self._environment_of(caller(role, SESSION, STATES))
        return self._session.create_client(
            service,
            region_name=region or environment["AWS_REGION"],
            endpoint_url=environment.get("AWS_ENDPOINT_URL"),
            aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            config=botocore.config.Config(
                parameter_validation=False,  # the service itself refuses, in its own words
                retries={"total_max_attempts": 1, "mode": "standard"},
                connect_timeout=60,
                read_timeout=LONGEST_CALL + 60,
                max_pool_connections=100,
                proxies={},
                inject_host_prefix=False,
                use_fips_endpoint=False,
                use_dualstack_endpoint=False,
                s3={"addressing_style": "path"},
            ),
        )


def call_server(environment_of: EnvironmentOf) -> None:
    """moto calls localhost with a key of its own; call the server that runs the executions."""
    made = Clients(environment_of)

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        role = state_credentials.role_arn if state_credentials else ""
        return made.get(service, region, role)

    replace_everywhere("boto_client_for", boto_client.boto_client_for, client_for)
    boto_client.boto_client_for = client_for


@functools.cache
def boto_names() -> Mapping[str, str]:
    """boto's name of a service by the name that definitions use, its service id in lower case."""
    session = botocore.session.Session(session_vars=ALONE)
    aliases = botocore.utils.EVENT_ALIASES
    names = session.get_available_services()
    by_id = {aliases.get(name, name).replace("-", ""): name for name in names}
    return {name.replace("-", ""): name for name in names} | by_id


@functools.cache
def service_model(boto_name: str) -> ServiceModel:
    """botocore's description of a service."""
    session = botocore.session.Session(session_vars=ALONE)
    return session.get_service_model(boto_name)


def operation_of(boto_name: str, action: str) -> OperationModel | None:
    """The API operation of an action written as definitions write it: `describeEndpoint`."""
    model = service_model(boto_name)
    name = action[:1].upper() + action[1:]
    return model.operation_model(name) if name in model.operation_names else None
