"""Step types beside jobs and conditions: models, packages, functions, callbacks; and job names."""

from __future__ import annotations

import json

import pytest
from moto.sqs.models import sqs_backends

from local.errors import ApiError
from local.pipelines.definition import Step
from local.pipelines.execution import job_name

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:notify"
ROLE = "arn:aws:iam::123456789012:role/pipeline"
MODEL = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}


def register(**more):
    arguments = {
        "ModelPackageGroupName": "dogs",
        "ModelMetrics": {"Bias": {}, "Explainability": {}},
        "InferenceSpecification": {
            "Containers": [{"Image": "image", "ModelDataUrl": MODEL}],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        "SkipModelValidation": "None",
    }
    return {
        "Name": "Register-RegisterModel",
        "Type": "RegisterModel",
        "Arguments": arguments | more,
    }


def test_register_makes_the_group_and_a_version_that_names_its_execution(world, build):
    arn = world.run({"Steps": [build.training("Train"), register()]})
    step = world.steps(arn)["Register-RegisterModel"]

    package_arn = step["Metadata"]["RegisterModel"]["Arn"]
    assert package_arn.endswith(":model-package/dogs/1")
    package = world.call("DescribeModelPackage", ModelPackageName=package_arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["MetadataProperties"]["GeneratedBy"] == arn


def test_a_model_can_be_made_and_used_by_a_later_step(world, build):
    container = {"Image": "image", "ModelDataUrl": MODEL}
    create = {
        "Name": "Create-CreateModel",
        "Type": "Model",
        "Arguments": {"PrimaryContainer": container, "ExecutionRoleArn": ROLE},
    }
    transform = {
        "Name": "Transform",
        "Type": "Transform",
        "Arguments": {
            "ModelName": {"Get": "Steps.Create-CreateModel.ModelName"},
            "TransformInput": {
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in"}
                }
            },
            "TransformOutput": {"S3OutputPath": "s3://bucket/out"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        },
    }
    arn = world.run({"Steps": [build.training("Train"), create, transform]})

    model = world.steps(arn)["Create-CreateModel"]["Metadata"]["Model"]["Arn"].rpartition("/")[2]
    assert world.jobs.requests["Transform"][0]["ModelName"] == model
    assert world.call("DescribeModel", ModelName=model)["PrimaryContainer"]["Image"] == "image"


def test_missing_model_data_fails_the_step_with_its_place(world, build):
    arguments = {
        "PrimaryContainer": {"Image": "image", "ModelDataUrl": "s3://bucket/none.tar.gz"},
        "ExecutionRoleArn": ROLE,
    }
    arn = world.run({"Steps": [{"Name": "Create", "Type": "Model", "Arguments": arguments}]})

    assert (
        "Could not find model data at s3://bucket/none.tar.gz"
        in (world.steps(arn)["Create"]["FailureReason"])
    )


def test_the_best_training_job_of_a_tuning_step_can_be_read(world, build):
    tune = {
        "Name": "Tune",
        "Type": "Tuning",
        "Arguments": {
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "ResourceLimits": {"MaxParallelTrainingJobs": 1},
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            }
        },
    }
    values = {
        "learning_rate": {
            "Get": "Steps.Tune.BestTrainingJob.TunedHyperParameters['learning_rate']"
        },
        "best": {"Get": "Steps.Tune.TrainingJobSummaries[0].TrainingJobName"},
    }
    world.run({"Steps": [tune, build.training("Train", HyperParameters=values)]})

    request = world.jobs.requests["Train"][0]
    assert request["HyperParameters"] == {"learning_rate": "0.01", "best": "best"}
    assert len(world.jobs.requests["Tune"][0]["HyperParameterTuningJobName"]) <= 32


def function_step(**more):
    step = {
        "Name": "Notify",
        "Type": "Lambda",
        "FunctionArn": FUNCTION,
        "Arguments": {"who": {"Get": "Execution.PipelineName"}},
        "OutputParameters": [{"OutputName": "count", "OutputType": "Integer"}],
    }
    return step | more


def test_a_function_gets_the_arguments_and_its_outputs_can_be_read(world, build):
    world.functions[FUNCTION] = lambda payload: {"count": 3, "more": payload["who"]}
    values = {"InstanceCount": {"Get": "Steps.Notify.OutputParameters['count']"}}
    resources = {"InstanceType": "ml.m5.large", "VolumeSizeInGB": 10} | values
    arn = world.run({"Steps": [function_step(), build.training("Train", ResourceConfig=resources)]})

    assert world.steps(arn)["Notify"]["Metadata"]["Lambda"] == {
        "Arn": FUNCTION,
        "OutputParameters": [{"Name": "count", "Value": "3"}],
    }
    assert world.jobs.requests["Train"][0]["ResourceConfig"]["InstanceCount"] == 3


def test_a_function_that_leaves_out_an_output_fails_its_step(world):
    world.functions[FUNCTION] = lambda payload: {}
    arn = world.run({"Steps": [function_step()]})

    assert "answered without the output count" in world.steps(arn)["Notify"]["FailureReason"]


@pytest.mark.parametrize("answer", [None, "count", ["count"]])
def test_a_function_that_answers_no_object_fails_a_step_that_declares_outputs(world, answer):
    world.functions[FUNCTION] = lambda payload: answer
    arn = world.run({"Steps": [function_step()]})

    assert "answered without the output count" in world.steps(arn)["Notify"]["FailureReason"]


def test_a_function_that_answers_nothing_is_fine_without_outputs(world):
    world.functions[FUNCTION] = lambda payload: None
    arn = world.run({"Steps": [function_step(OutputParameters=[])]})

    assert world.steps(arn)["Notify"]["StepStatus"] == "Succeeded"


def test_a_function_that_fails_fails_its_step_with_its_error(world):
    def fail(payload):
        raise ApiError("Unhandled", "The function failed with ValueError: no dogs")

    world.functions[FUNCTION] = fail
    arn = world.run({"Steps": [function_step()]})

    reason = world.steps(arn)["Notify"]["FailureReason"]
    assert reason.startswith(f"ClientError: Failed to invoke {FUNCTION}.")
    assert "ValueError: no dogs" in reason


QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/questions"


def callback_step(**more):
    step = {
        "Name": "Ask",
        "Type": "Callback",
        "SqsQueueUrl": QUEUE,
        "Arguments": {"question": "good?", "pipeline": {"Get": "Execution.PipelineName"}},
        "OutputParameters": [{"OutputName": "answer", "OutputType": "Boolean"}],
    }
    return step | more


@pytest.fixture
def queue(world):
    queues = sqs_backends[world.backend.account][world.backend.region]
    queues.create_queue("questions", {})
    return queues


def messages(queue):
    found = queue.receive_message("questions", 10, 0, 0)
    return [json.loads(message.body) for message in found]


def ask(world, definition):
    world.create(definition)
    arn = world.start()
    step = world.wait_for_step(arn, "Ask", StepStatus="Executing")
    return arn, step["Metadata"]["Callback"]["CallbackToken"]


def wait_for_messages(world, queue, count):
    """The message follows the status by a moment; nothing else tells of it."""
    import time

    for _ in range(200):
        if len(found := messages(queue)) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{count} messages did not come")


def test_a_callback_sends_its_token_and_ends_with_the_answer(world, build, queue):
    spot = {"Get": "Steps.Ask.OutputParameters['answer']"}
    definition = {
        "Steps": [callback_step(), build.training("Train", EnableManagedSpotTraining=spot)]
    }
    arn, token = ask(world, definition)
    (message,) = wait_for_messages(world, queue, 1)
    outputs = [{"Name": "answer", "Value": "true"}]
    world.call("SendPipelineExecutionStepSuccess", CallbackToken=token, OutputParameters=outputs)

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert message == {
        "token": token,
        "pipelineExecutionArn": arn,
        "arguments": {"question": "good?", "pipeline": "P"},
        "status": "Executing",
    }
    assert world.steps(arn)["Ask"]["Metadata"]["Callback"]["OutputParameters"] == outputs
    assert world.jobs.requests["Train"][0]["EnableManagedSpotTraining"] is True


def test_a_callback_can_be_answered_with_a_failure(world, queue):
    arn, token = ask(world, {"Steps": [callback_step()]})
    world.call("SendPipelineExecutionStepFailure", CallbackToken=token, FailureReason="no good")

    assert world.wait(arn)["PipelineExecutionStatus"] == "Failed"
    assert world.steps(arn)["Ask"]["FailureReason"] == "no good"


def test_a_callback_refuses_outputs_that_do_not_fit(world, queue):
    arn, token = ask(world, {"Steps": [callback_step()]})
    with pytest.raises(ApiError, match="must be exactly: answer; answer is missing"):
        world.call("SendPipelineExecutionStepSuccess", CallbackToken=token)
    with pytest.raises(ApiError, match="No pipeline step waits for the callback token"):
        world.call("SendPipelineExecutionStepFailure", CallbackToken="A" * 10)

    world.call("SendPipelineExecutionStepFailure", CallbackToken=token)
    world.wait(arn)


def test_stopping_tells_the_queue_and_waits_for_its_answer(world, queue):
    arn, token = ask(world, {"Steps": [callback_step()]})
    world.call("StopPipelineExecution", PipelineExecutionArn=arn)
    found = wait_for_messages(world, queue, 2)
    assert {message["status"] for message in found} == {"Executing", "Stopping"}
    assert world.describe(arn)["PipelineExecutionStatus"] == "Stopping"

    world.call("SendPipelineExecutionStepFailure", CallbackToken=token)
    assert world.wait(arn)["PipelineExecutionStatus"] == "Stopped"
    assert world.steps(arn)["Ask"]["StepStatus"] == "Stopped"


def test_a_callback_without_its_queue_fails_by_its_url(world):
    arn = world.run({"Steps": [callback_step()]})

    assert world.steps(arn)["Ask"]["FailureReason"] == (
        f"ClientError: The SQS queue {QUEUE} does not exist."
    )


@pytest.mark.parametrize(
    ("kind", "prefix", "beginning", "longest"),
    [
        ("Training", None, "pipelines-abcdefghijkl-", 63),
        ("Tuning", None, "abcdefghijkl-", 32),
        ("Training", "my-job", "my-job-abcdefghijkl-", 63),
        ("Tuning", "my-job", "my-job-", 32),
    ],
)
def test_job_names_fit_and_say_where_they_come_from(kind, prefix, beginning, longest):
    step = Step("A_step_with_a_name_that_is_rather_too_long_for_a_job_on_aws", kind, {})
    name = job_name(step, "abcdefghijkl", prefix)

    assert name.startswith(beginning)
    assert len(name) <= longest
    assert "_" not in name
    assert name != job_name(step, "abcdefghijkl", prefix)
