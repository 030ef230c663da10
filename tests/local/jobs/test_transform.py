"""Transform jobs: a model's handlers over S3 objects, for real."""

from __future__ import annotations

from typing import Any

import pytest

from local.errors import ApiError
from local.jobs.transform import TransformJobs
from tests.local.jobs.conftest import BUCKET, DONE, pack

HANDLERS = """
import json, pathlib
def model_fn(model_dir):
    return int(pathlib.Path(model_dir, "factor.txt").read_text())
def input_fn(body, content_type):
    assert content_type == "text/csv", content_type
    return [float(x) for x in body.split()]  # text, as of every text/csv
def predict_fn(data, model):
    return [x * model for x in data]
def output_fn(prediction, accept):
    return json.dumps(prediction)
"""


def request(name: str, **changes: Any) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/rows/"}}
    return {
        "TransformJobName": name,
        "ModelName": "doubler",
        "TransformInput": {"DataSource": source, "ContentType": "text/csv"}
        | changes.pop("TransformInput", {}),
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/answers/{name}"}
        | changes.pop("TransformOutput", {}),
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    } | changes


@pytest.fixture
def jobs(backend) -> TransformJobs:
    model = pack({"code/inference.py": HANDLERS, "factor.txt": "2"})
    backend.objects.write(BUCKET, "models/model.tar.gz", model)
    backend.objects.write(BUCKET, "rows/a/one.csv", b"1\n2\n3\n")
    backend.objects.write(BUCKET, "rows/two.csv", b"4")

    def call(action: str, asked: dict[str, Any]) -> dict[str, Any]:
        assert (action, asked) == ("DescribeModel", {"ModelName": "doubler"})
        return {"PrimaryContainer": {"ModelDataUrl": f"s3://{BUCKET}/models/model.tar.gz"}}

    return TransformJobs(backend, call, grace=1.0)


def run(
    backend, jobs: TransformJobs, asked: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    jobs.create(asked)
    name = asked["TransformJobName"]
    done = backend.store.wait(
        "TransformJob", name, lambda d: d["TransformJobStatus"] in DONE, timeout=60
    )
    found = backend.objects.list(BUCKET, f"answers/{name}/")
    return done, {o.key.removeprefix(f"answers/{name}/"): o.path.read_bytes() for o in found}


def test_each_object_is_answered_beside_its_key(backend, jobs):
    done, answers = run(backend, jobs, request("whole"))
    assert done["TransformJobStatus"] == "Completed", done
    assert answers == {"a/one.csv.out": b"[2.0, 4.0, 6.0]", "two.csv.out": b"[8.0]"}


def test_lines_are_records_of_their_own(backend, jobs):
    asked = request(
        "lines",
        TransformInput={"SplitType": "Line"},
        TransformOutput={"AssembleWith": "Line"},
        BatchStrategy="SingleRecord",
    )
    _, answers = run(backend, jobs, asked)
    assert answers["a/one.csv.out"] == b"[2.0]\n[4.0]\n[6.0]\n"


def test_a_bad_object_is_named_in_the_reason(backend, jobs):
    backend.objects.write(BUCKET, "rows/bad.csv", b"seven")
    done, answers = run(backend, jobs, request("bad"))
    assert done["FailureReason"] == (
        "AlgorithmError: bad.csv: ValueError: could not convert string to float: 'seven', "
        "exit code: 1"
    )
    assert answers == {}


def test_the_words_of_an_error_with_a_status_are_the_reason(backend, jobs):
    handlers = """
from sagemaker_inference import errors
def model_fn(model_dir):
    return None
def transform_fn(model, body, content_type, accept):
    raise errors.BaseInferenceToolkitError(400, "no numbers in it", "Bad Request")
"""
    backend.objects.write(BUCKET, "models/model.tar.gz", pack({"code/inference.py": handlers}))
    done, _ = run(backend, jobs, request("refused"))
    assert done["FailureReason"] == (
        "AlgorithmError: a/one.csv: BaseInferenceToolkitError: no numbers in it, exit code: 1"
    )


def test_filters_are_refused(jobs):
    with pytest.raises(ApiError, match="DataProcessing is not done here"):
        jobs.create(request("filtered", DataProcessing={"InputFilter": "$.features"}))
