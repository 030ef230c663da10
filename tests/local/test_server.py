"""The server process: one a folder, loopback only, forgets nothing, says why it cannot start."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import boto3
import pytest

from local.connection import (
    LocalServerError,
    ensure_server,
    find_server,
    log_path,
    stop_server,
)

REGION = "eu-west-1"


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / "state"
    stop_server(tmp_path / "state")


def client(connection, service):
    return boto3.client(service, **connection.client_options())


def test_the_state_survives_a_stop_and_a_kill(folder):
    connection, started = ensure_server(folder, REGION)
    assert started
    s3, sagemaker = client(connection, "s3"), client(connection, "sagemaker")
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="photos", Key="1.jpg", Body=b"photo")
    sagemaker.create_model_package_group(ModelPackageGroupName="dogs")
    assert stop_server(folder)
    assert find_server(folder) is None

    again, started = ensure_server(folder, REGION)
    assert started
    assert client(again, "s3").get_object(Bucket="photos", Key="1.jpg")["Body"].read() == b"photo"
    client(again, "sagemaker").create_model_package_group(ModelPackageGroupName="cats")
    os.kill(again.pid, signal.SIGKILL)

    third, _ = ensure_server(folder, REGION)
    groups = client(third, "sagemaker").list_model_package_groups(SortOrder="Ascending")
    names = [g["ModelPackageGroupName"] for g in groups["ModelPackageGroupSummaryList"]]
    assert names == ["dogs", "cats"]


def test_a_job_that_ran_when_the_server_was_killed_is_failed_with_the_reason(folder):
    connection, _ = ensure_server(folder, REGION)
    sagemaker = client(connection, "sagemaker")
    sagemaker.create_processing_job(
        ProcessingJobName="slow",
        RoleArn="arn:aws:iam::123456789012:role/any",
        AppSpecification={
            "ImageUri": "any",
            "ContainerEntrypoint": ["python3", "-c", "import time; time.sleep(600)"],
        },
        ProcessingResources={
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 1,
            }
        },
    )
    os.kill(connection.pid, signal.SIGKILL)
    again, _ = ensure_server(folder, REGION)
    job = client(again, "sagemaker").describe_processing_job(ProcessingJobName="slow")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "stopped" in job["FailureReason"]


def test_two_starters_at_once_share_one_server(folder):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(ensure_server(folder, REGION)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({connection.pid for connection, _ in found}) == 1
    assert sorted(started for _, started in found) == [False, False, True]


def test_the_key_is_for_this_user_alone(folder):
    ensure_server(folder, REGION)
    assert stat.S_IMODE((folder / "connection.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_listens_on_the_loopback_interface_only(folder):
    connection, _ = ensure_server(folder, REGION)
    with socket.socket() as other:
        # On Linux all of 127/8 is this machine; a server bound to every interface would answer.
        other.settimeout(2)
        with pytest.raises(OSError):  # noqa: PT011 - which one depends on the system
            other.connect(("127.0.0.2", connection.port))


def test_a_taken_port_is_named(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            LocalServerError, match=rf"Port {port} on 127.0.0.1 is taken; .* take a free one\.$"
        ):
            ensure_server(folder, REGION, port)
    assert "Traceback" not in log_path(folder).read_text()


def test_a_server_that_is_stopped_leaves_no_process_behind(folder):
    connection, _ = ensure_server(folder, REGION)
    stop_server(folder)
    deadline = time.monotonic() + 10
    while _children(connection.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _children(connection.pid) == []


def _children(session):
    """Processes that still belong to the session the server led."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "sess=,pid=,args="], capture_output=True, text=True, check=True
    )
    lines = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [line for line in lines if line[0] == str(session) and sys.executable in line[2]]
