"""One embedded AWS for all tests of the state machines, and a fresh endpoint for each."""

from __future__ import annotations

import re
from collections.abc import Iterator

import moto.applicationautoscaling.models as moto_scaling
import moto.stepfunctions.urls as moto_urls
import pytest
from moto.awslambda.models import lambda_backends
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import dynamodb_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.s3 import models as moto_s3
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

import settings
from local.alarms.moto_doors import REPLACED as ALARM_DOORS
from local.events.moto_doors import REPLACED as EVENT_DOORS
from local.functions.moto_doors import REPLACED as FUNCTION_DOORS
from statemachine.definition import KINDS, compile_machine
from tests.statemachine.world import Environment, World

MOTO = (
    moto_scaling.applicationautoscaling_backends,
    lambda_backends,
    dynamodb_backends,
    events_backends,
    iam_backends,
    sns_backends,
    sqs_backends,
)


@pytest.fixture(scope="session")
def local():
    return settings.load("local")


@pytest.fixture(scope="session")
def example():
    return settings.load("aws-example")


@pytest.fixture(scope="session")
def machines(local):
    return {kind: compile_machine(kind, local) for kind in KINDS}


deregister = moto_scaling.ApplicationAutoscalingBackend.deregister_scalable_target


class NotFound(JsonRESTError):  # type: ignore[misc]
    """moto calls what is not there a wrong request; AWS has an error of its own for it."""

    def __init__(self, message: str) -> None:
        missing = re.match("No (scalable|scaling|scheduled)", message)
        kind = "ObjectNotFoundException" if missing else "ValidationException"
        super().__init__(kind, message)


def deregister_whole(backend, namespace, r_id, dimension):
    """moto keeps the policies and the calendar of what is no longer scaled; AWS does not."""
    deregister(backend, namespace, r_id, dimension)
    backend.policies = {k: p for k, p in backend.policies.items() if p.resource_id != r_id}
    backend.scheduled_actions = [a for a in backend.scheduled_actions if a.resource_id != r_id]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        # A server replaces parts of moto for its process; a test only for its own time.
        patch.setattr(moto_urls, "url_paths", moto_urls.url_paths)
        patch.setattr(moto_s3, "FakeKey", moto_s3.FakeKey)
        patch.setattr(moto_scaling, "AWSValidationException", NotFound)
        scaled = moto_scaling.ApplicationAutoscalingBackend
        patch.setattr(scaled, "deregister_scalable_target", deregister_whole)
        for owner, name in (*ALARM_DOORS, *EVENT_DOORS, *FUNCTION_DOORS):
            patch.setattr(owner, name, getattr(owner, name))
        for service in MOTO:
            for account in list(service.values()):
                account.reset()
        opened = World(tmp_path_factory.mktemp("world") / "state")
        yield opened
        opened.stop()


@pytest.fixture
def aws(world: World) -> Environment:
    return world.environment()
