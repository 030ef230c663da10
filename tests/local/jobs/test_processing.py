"""Processing jobs run for real: inputs, outputs, hosts, messages."""

from __future__ import annotations

from typing import Any

import pytest

from local.backend import Backend
from local.errors import ApiError
from local.jobs.layout import feature_cache
from local.jobs.processing import ProcessingJobs
from tests.local.jobs.conftest import BUCKET, DONE

COPY = b"""
import os, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.txt")):
    target = pathlib.Path(sys.argv[2], os.environ.get("SUFFIX", ""), path.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(path.read_text().upper())
    print("copied", path.name)
"""


def s3_input(name: str, uri: str, path: str, **changes: str) -> dict[str, Any]:
    s3 = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": s3 | changes}


def s3_output(name: str, uri: str, path: str, mode: str = "EndOfJob") -> dict[str, Any]:
    return {
        "OutputName": name,
        "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": mode},
    }


ECHO = b"""
import os, pathlib, sys
pathlib.Path(sys.argv[2], "cache.txt").write_text(os.environ["BREEDLINE_FEATURE_CACHE"])
"""


def request(name: str, script: bytes, backend, **changes: Any) -> dict[str, Any]:
    backend.objects.write(BUCKET, f"code/{name}/script.py", script)
    backend.objects.write(BUCKET, "data/a/one.txt", b"one")
    backend.objects.write(BUCKET, "data/b/two.txt", b"two")
    base = "/opt/ml/processing"
    hosts = changes.pop("hosts", 1)
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1}
    return {
        "ProcessingJobName": name,
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {
            "ImageUri": "image",
            "ContainerEntrypoint": ["python3", f"{base}/input/code/script.py"],
            "ContainerArguments": [f"{base}/input/data", f"{base}/output"],
        },
        "ProcessingInputs": [
            s3_input("code", f"s3://{BUCKET}/code/{name}/script.py", f"{base}/input/code"),
            s3_input("data", f"s3://{BUCKET}/data", f"{base}/input/data"),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [s3_output("out", f"s3://{BUCKET}/made/{name}", f"{base}/output")]
        },
        "RoleArn": "arn:aws:iam::123456789012:role/test",
    } | changes


@pytest.fixture
def jobs(backend) -> ProcessingJobs:
    return ProcessingJobs(backend, grace=1.0)


def wait(backend: Backend, name: str) -> dict[str, Any]:
    return backend.store.wait(
        "ProcessingJob", name, lambda d: d["ProcessingJobStatus"] in DONE, timeout=60
    )


def made(backend, name: str) -> dict[str, bytes]:
    found = backend.objects.list(BUCKET, f"made/{name}/")
    return {o.key.removeprefix(f"made/{name}/"): o.path.read_bytes() for o in found}


def test_a_script_reads_its_inputs_and_leaves_its_outputs(backend, jobs):
    jobs.create(request("copy", COPY, backend, Environment={"SUFFIX": "sub"}))
    done = wait(backend, "copy")
    assert done["ProcessingJobStatus"] == "Completed", done
    assert made(backend, "copy") == {"sub/one.txt": b"ONE", "sub/two.txt": b"TWO"}
    assert done["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 1
    assert done["CreationTime"] <= done["ProcessingStartTime"] <= done["ProcessingEndTime"]


def test_features_are_kept_where_training_jobs_look_for_them(backend, jobs):
    jobs.create(request("echo", ECHO, backend))
    assert wait(backend, "echo")["ProcessingJobStatus"] == "Completed"
    (told,) = made(backend, "echo").values()
    assert told.decode() == str(feature_cache(backend.folder))


def test_two_hosts_share_the_objects_by_key(backend, jobs):
    asked = request("shared", COPY, backend, hosts=2)
    asked["ProcessingInputs"][1]["S3Input"]["S3DataDistributionType"] = "ShardedByS3Key"
    jobs.create(asked)
    assert wait(backend, "shared")["ProcessingJobStatus"] == "Completed"
    streams = backend.logs._backend.groups["/aws/sagemaker/ProcessingJobs"].streams
    said = {n.split("/")[1][:6]: [e.message for e in s.events] for n, s in streams.items()}
    assert said == {"algo-1": ["copied one.txt"], "algo-2": ["copied two.txt"]}


def test_the_message_file_becomes_the_exit_message(backend, jobs):
    script = b"""
import pathlib, sys
pathlib.Path(sys.argv[1]).parents[1].joinpath("../output/message").write_text("three rejected")
sys.exit("too many rejected images")
"""
    jobs.create(request("told", script, backend))
    done = wait(backend, "told")
    assert done["ExitMessage"] == "three rejected"
    assert done["FailureReason"] == "AlgorithmError: too many rejected images, exit code: 1"
    assert made(backend, "told") == {}


def test_a_dataset_definition_is_refused(backend, jobs):
    asked = request("athena", COPY, backend)
    asked["ProcessingInputs"].append({"InputName": "table", "DatasetDefinition": {}})
    with pytest.raises(ApiError, match="'table' is no S3Input"):
        jobs.create(asked)
