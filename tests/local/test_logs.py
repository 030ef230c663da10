"""Log groups and streams that outlive the server, unless somebody has deleted them."""

from __future__ import annotations

import pytest
from moto.logs.models import logs_backends

from local.logs import Logs
from tests.local.conftest import ACCOUNT, REGION, forget_moto


@pytest.fixture
def moto():
    forget_moto()
    yield lambda: logs_backends[ACCOUNT][REGION]
    forget_moto()


def written(folder, group, *streams):
    logs = Logs(folder, ACCOUNT, REGION)
    for stream in streams:
        opened = logs.open(group, stream)
        opened.write(f"hello from {stream}")
        opened.close()


def test_lines_are_there_again_after_a_restart(tmp_path, moto):
    written(tmp_path, "/jobs", "one", "two")
    forget_moto()
    Logs(tmp_path, ACCOUNT, REGION)
    streams = moto().groups["/jobs"].streams
    assert sorted(streams) == ["one", "two"]
    assert streams["one"].events[0].message == "hello from one"


def test_what_was_deleted_stays_deleted_after_a_restart(tmp_path, moto):
    written(tmp_path, "/jobs", "one", "two")
    written(tmp_path, "/others", "three")
    moto().delete_log_group("/others")
    moto().delete_log_stream("/jobs", "two")
    forget_moto()
    Logs(tmp_path, ACCOUNT, REGION)
    assert list(moto().groups) == ["/jobs"]
    assert list(moto().groups["/jobs"].streams) == ["one"]


def test_a_stream_that_is_deleted_while_it_is_written_takes_what_comes(tmp_path, moto):
    opened = Logs(tmp_path, ACCOUNT, REGION).open("/jobs", "one")
    moto().delete_log_group("/jobs")
    opened.write("nobody will read this")
    opened.close()
    assert "/jobs" not in moto().groups


def test_a_group_made_anew_has_no_tags_of_the_one_before(tmp_path, moto):
    Logs(tmp_path, ACCOUNT, REGION)
    arn = moto().create_log_group("/jobs", {"owner": "stack"}).arn
    moto().delete_log_group("/jobs")
    moto().create_log_group("/jobs", {"environment": "dev"})
    assert moto().list_tags_for_resource(arn) == {"environment": "dev"}
