"""Requests and small scripts with which the jobs' tests run real processes."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from local.backend import Backend
from local.jobs.training import TrainingJobs
from local.store import Document

BUCKET = "bucket"
DONE = ("Completed", "Failed", "Stopped")


def pack(files: dict[str, str]) -> bytes:
    """A sourcedir.tar.gz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            body = textwrap.dedent(text).encode()
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return packed.getvalue()


def archive(backend: Backend, uri: str) -> dict[str, bytes]:
    """The files of a .tar.gz object."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    stored = backend.objects.find(bucket, key)
    assert stored
    with tarfile.open(stored.path) as tar:
        files = {m.name: tar.extractfile(m) for m in tar}
        return {name: file.read() for name, file in files.items() if file}


def training_request(name: str, **changes: Any) -> dict[str, Any]:
    """A CreateTrainingJob request for one ml.m5.large."""
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::123456789012:role/test",
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    } | changes


class Trainer:
    """Runs scripts as training jobs of one backend."""

    def __init__(self, backend: Backend, jobs: TrainingJobs) -> None:
        self.backend = backend
        self.jobs = jobs

    def start(self, name: str, files: dict[str, str] | str, **changes: Any) -> None:
        """Start a script-mode job; a string is the text of its train.py."""
        files = {"train.py": files} if isinstance(files, str) else files
        key = f"code/{name}/sourcedir.tar.gz"
        self.backend.objects.write(BUCKET, key, pack(files))
        own = {
            "sagemaker_program": json.dumps(next(iter(files))),
            "sagemaker_submit_directory": json.dumps(f"s3://{BUCKET}/{key}"),
        }
        parameters = own | changes.pop("HyperParameters", {})
        self.jobs.create(training_request(name, HyperParameters=parameters, **changes))

    def run(self, name: str, files: dict[str, str] | str, **changes: Any) -> Document:
        """The same, waiting for its end."""
        self.start(name, files, **changes)
        return self.wait(name)

    def wait(self, name: str) -> Document:
        return self.until(name, lambda document: document["TrainingJobStatus"] in DONE)

    def until(self, name: str, condition: Callable[[Document], bool]) -> Document:
        return self.backend.store.wait("TrainingJob", name, condition, timeout=60)

    def log(self, name: str, host: str = "algo-1") -> list[str]:
        """What the host printed, as CloudWatch Logs has it."""
        group = self.backend.logs._backend.groups["/aws/sagemaker/TrainingJobs"]
        streams = [s for n, s in group.streams.items() if n.startswith(f"{name}/{host}-")]
        return [event.message for event in streams[0].events]


@pytest.fixture
def trainer(backend: Backend) -> Trainer:
    return Trainer(backend, TrainingJobs(backend, grace=1.0))
