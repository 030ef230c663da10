"""AWS's sample project of a model, as its documentation describes it, on the embedded AWS.

A function makes a data set, a training job learns from it, a model is made of its artifact, and a
transform job asks the model. The algorithm is a script of a few lines in the place of XGBoost's
image, which has no container here; all else is as anybody would write it for AWS.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from local.jobs.training import TrainingJobs
from local.jobs.transform import TransformJobs
from local.models import Models
from tests.local.jobs.conftest import pack

BUCKET = "sample"
ROLE = "arn:aws:iam::123456789012:role/sample"
DATASET = """
import boto3
def handler(event, context):
    rows = [f"{3 * x},{x}" for x in range(1, 30)]
    put = boto3.client("s3").put_object
    put(Bucket=event["bucket"], Key="csv/train.csv", Body="\\n".join(rows).encode())
    put(Bucket=event["bucket"], Key="csv/test.csv", Body=b"7\\n100")
    return {"rows": len(rows)}
"""
# Learns the factor between both columns; its model answers with the product.
ALGORITHM = {
    "train.py": """
        import os, pathlib, shutil
        channel = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
        rows = [line.split(",") for line in (channel / "train.csv").read_text().split()]
        factor = sum(float(y) for y, _ in rows) / sum(float(x) for _, x in rows)
        model = pathlib.Path(os.environ["SM_MODEL_DIR"])
        (model / "factor").write_text(str(factor))
        (model / "code").mkdir()
        shutil.copy(pathlib.Path(__file__).with_name("inference.py"), model / "code")
    """,
    "inference.py": """
        import pathlib
        def model_fn(model_dir):
            return float(pathlib.Path(model_dir, "factor").read_text())
        def input_fn(body, content_type):
            return [float(x) for x in body.split()]
        def predict_fn(data, model):
            return [x * model for x in data]
        def output_fn(prediction, accept):
            return "\\n".join(map(str, prediction))
    """,
}


def sagemaker(action: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    resource = f"arn:aws:states:::sagemaker:{action}"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, **more}


MACHINE = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
TRAINING = {
    "TrainingJobName.$": "$$.Execution.Name",
    "RoleArn": ROLE,
    "AlgorithmSpecification": {"TrainingImage": "algorithm", "TrainingInputMode": "File"},
    "HyperParameters": {
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": f'"s3://{BUCKET}/code/sourcedir.tar.gz"',
    },
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "ContentType": "text/csv",
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3DataDistributionType": "ShardedByS3Key",
                    "S3Uri": f"s3://{BUCKET}/csv/train.csv",
                }
            },
        }
    ],
    "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
    "ResourceConfig": {**MACHINE, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 600},
}
MODEL = {
    "ModelName.$": "$.TrainingJobName",
    "ExecutionRoleArn": ROLE,
    "PrimaryContainer": {
        "Image": "algorithm",
        "ModelDataUrl.$": "$.ModelArtifacts.S3ModelArtifacts",
    },
}
TRANSFORM = {
    "TransformJobName.$": "$$.Execution.Name",
    "ModelName.$": "$$.Execution.Name",
    "TransformInput": {
        "CompressionType": "None",
        "ContentType": "text/csv",
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/csv/test.csv"}
        },
    },
    "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/answers"},
    "TransformResources": MACHINE,
}


@pytest.fixture
def sample(aws):
    """The function, the bucket and the algorithm are there."""
    aws.sagemaker.add([TrainingJobs(aws.backend, grace=1.0), Models(aws.backend)])
    aws.sagemaker.add([TransformJobs(aws.backend, aws.sagemaker.call, grace=1.0)])
    place = {"LocationConstraint": "eu-west-1"}
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    s3.put_object(Bucket=BUCKET, Key="code/sourcedir.tar.gz", Body=pack(ALGORITHM))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as opened:
        opened.writestr("handler.py", DATASET)
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = aws.client("iam").create_role(RoleName="sample", AssumeRolePolicyDocument=trust)
    made = aws.client("lambda").create_function(
        FunctionName="dataset",
        Runtime="python3.12",
        Handler="handler.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": code.getvalue()},
        Timeout=60,
    )
    return made["FunctionArn"]


def test_a_model_is_trained_made_and_asked(aws, sample):
    states = {
        "Generate dataset": {"Type": "Task", "Resource": sample, "Next": "Train model"},
        "Train model": sagemaker("createTrainingJob.sync", TRAINING, Next="Save model"),
        "Save model": sagemaker("createModel", MODEL, Next="Batch transform"),
        "Batch transform": sagemaker("createTransformJob.sync", TRANSFORM, End=True),
    }
    machine = aws.create({"StartAt": "Generate dataset", "States": states}, "train-and-ask")
    execution = aws.start_execution(machine, {"bucket": BUCKET}, name="sample-run")
    ended = aws.end(execution)
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert (output["TransformJobStatus"], output["ModelName"]) == ("Completed", "sample-run")
    answers = aws.client("s3").get_object(Bucket=BUCKET, Key="answers/test.csv.out")["Body"].read()
    assert [float(line) for line in answers.split()] == [21.0, 300.0]
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in aws.history(execution)
        if event["type"] == "TaskStateEntered"
    ]
    assert entered == list(states)
