"""A real Backend per test: fresh folder, fresh moto."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.cloudwatch.models import cloudwatch_backends
from moto.events.models import events_backends
from moto.logs.models import logs_backends
from moto.s3 import models as moto_s3
from moto.s3.models import s3_backends

from local.backend import Backend, open_backend

ACCOUNT = "123456789012"
REGION = "eu-west-1"


def forget_moto() -> None:
    """Empty the parts of moto that a Backend writes to: they are global to the process."""
    for service in (s3_backends, logs_backends, cloudwatch_backends, events_backends):
        for account in list(service.values()):
            account.reset()


@pytest.fixture(autouse=True)
def moto_keeps_its_objects(monkeypatch) -> None:
    """A Backend replaces moto's S3 object class for its process; a test only for its own time."""
    monkeypatch.setattr(moto_s3, "FakeKey", moto_s3.FakeKey)


@pytest.fixture
def backend(tmp_path) -> Iterator[Backend]:
    forget_moto()
    opened = open_backend(tmp_path / "state", ACCOUNT, REGION, {"AWS_REGION": REGION})
    yield opened
    opened.store.close()
