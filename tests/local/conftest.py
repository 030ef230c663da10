"""A real Backend per test: fresh folder, fresh moto."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.s3 import models as moto_s3
from moto.s3.models import s3_backends

from local.backend import Backend, open_backend
from local.functions.moto_doors import REPLACED

ACCOUNT = "123456789012"
REGION = "eu-west-1"


def forget_moto() -> None:
    """Empty the parts of moto that a Backend writes to: they are global to the process."""
    backends = (s3_backends, logs_backends, cloudwatch_backends, events_backends)
    for service in (*backends, lambda_backends, iam_backends):
        for account in list(service.values()):
            account.reset()


@pytest.fixture(autouse=True)
def moto_keeps_its_objects(monkeypatch) -> None:
    """A Backend replaces moto's S3 object class for its process; a test only for its own time."""
    monkeypatch.setattr(moto_s3, "FakeKey", moto_s3.FakeKey)


@pytest.fixture(autouse=True)
def moto_keeps_its_invocations(monkeypatch) -> None:
    """A server replaces how moto invokes functions for its process; a test for its own time."""
    for owner, name in REPLACED:
        monkeypatch.setattr(owner, name, getattr(owner, name))


@pytest.fixture
def backend(tmp_path) -> Iterator[Backend]:
    forget_moto()
    opened = open_backend(tmp_path / "state", ACCOUNT, REGION, {"AWS_REGION": REGION})
    yield opened
    opened.store.close()
