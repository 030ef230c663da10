"""What SageMaker does is told to the bus, with the fields that AWS documents."""

import json
import re

ROLE = "arn:aws:iam::123456789012:role/any"
PIPELINE = {
    "Version": "2020-12-01",
    "Steps": [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "enough"}}],
}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def hear(aws, name, detail_type):
    """A queue that hears of one kind of event."""
    pattern = {"source": ["aws.sagemaker"], "detail-type": [detail_type]}
    aws.rule(name, [{"Arn": aws.queue(name)}], pattern)


def test_a_model_package_and_its_approval(aws):
    hear(aws, "packages", "SageMaker Model Package State Change")
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="dogs")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="dogs",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": "any"}],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    events = sorted(aws.bodies("packages", 2), key=lambda e: e["detail"]["ModelApprovalStatus"])
    assert [event["detail"]["ModelApprovalStatus"] for event in events] == [
        *("Approved", "PendingManualApproval"),
    ]
    event = events[0]
    assert event["resources"] == [arn]
    assert ISO.fullmatch(event["time"])
    assert (
        event["detail"].items()
        >= {
            "ModelPackageGroupName": "dogs",
            "ModelPackageVersion": 1,
            "ModelPackageArn": arn,
            "ModelPackageStatus": "Completed",
        }.items()
    )
    assert ISO.fullmatch(event["detail"]["CreationTime"])


def test_an_execution_of_a_pipeline_and_its_steps(aws):
    hear(aws, "executions", "SageMaker Model Building Pipeline Execution Status Change")
    hear(aws, "steps", "SageMaker Model Building Pipeline Execution Step Status Change")
    sagemaker = aws.client("sagemaker")
    sagemaker.create_pipeline(
        PipelineName="p", PipelineDefinition=json.dumps(PIPELINE), RoleArn=ROLE
    )
    arn = sagemaker.start_pipeline_execution(PipelineName="p")["PipelineExecutionArn"]
    pipeline_arn = arn.rpartition("/execution/")[0]
    ended = [
        event
        for event in aws.bodies("executions", 2)
        if event["detail"]["currentPipelineExecutionStatus"] == "Failed"
    ]
    [event] = ended
    assert event["resources"] == [pipeline_arn, arn]
    detail = event["detail"]
    assert ISO.fullmatch(detail.pop("executionStartTime"))
    assert ISO.fullmatch(detail.pop("executionEndTime"))
    assert detail.pop("pipelineExecutionDisplayName")
    assert detail == {
        "pipelineExecutionDescription": "",
        "currentPipelineExecutionStatus": "Failed",
        "previousPipelineExecutionStatus": "Executing",
        "pipelineArn": pipeline_arn,
        "pipelineExecutionArn": arn,
    }
    steps = [event["detail"] for event in aws.bodies("steps", 3)]
    [failed] = [step for step in steps if step["currentStepStatus"] == "Failed"]
    assert (failed["stepName"], failed["stepType"]) == ("Stop", "Fail")
    assert failed["failureReason"] == "enough"


def test_a_job_with_its_times_and_tags(aws):
    hear(aws, "jobs", "SageMaker Processing Job State Change")
    aws.client("sagemaker").create_processing_job(
        ProcessingJobName="quick",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": "any", "ContainerEntrypoint": ["true"]},
        ProcessingResources={
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 1,
            }
        },
        Tags=[{"Key": "owner", "Value": "me"}],
    )
    begun, ended = sorted(
        (event["detail"] for event in aws.bodies("jobs", 2)),
        key=lambda detail: detail["ProcessingJobStatus"],
        reverse=True,
    )
    assert [begun["ProcessingJobStatus"], ended["ProcessingJobStatus"]] == [
        *("InProgress", "Completed"),
    ]
    assert ended["Tags"] == {"owner": "me"}
    assert isinstance(ended["CreationTime"], int)
    assert ended["CreationTime"] <= ended["ProcessingEndTime"]
