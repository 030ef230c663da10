"""One embedded AWS for all tests of the state machines, and a fresh endpoint for each."""

from __future__ import annotations

from collections.abc import Iterator

import moto.applicationautoscaling.models as moto_scaling
import moto.stepfunctions.urls as moto_urls
import pytest
from moto.awslambda.models import lambda_backends
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
from local.scaling.moto_doors import REPLACED as SCALING_DOORS
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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        # A server replaces parts of moto for its process; a test only for its own time.
        patch.setattr(moto_urls, "url_paths", moto_urls.url_paths)
        patch.setattr(moto_s3, "FakeKey", moto_s3.FakeKey)
        for owner, name in (*ALARM_DOORS, *EVENT_DOORS, *FUNCTION_DOORS, *SCALING_DOORS):
            patch.setattr(owner, name, getattr(owner, name, None), raising=False)
        for service in MOTO:
            for account in list(service.values()):
                account.reset()
        opened = World(tmp_path_factory.mktemp("world") / "state")
        yield opened
        opened.stop()


@pytest.fixture
def aws(world: World) -> Environment:
    return world.environment()
