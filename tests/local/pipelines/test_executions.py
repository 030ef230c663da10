"""Executions from start to end, over scripted jobs."""

from __future__ import annotations

import json

import pytest

from local.errors import ApiError

FAILED = "Step failure: One or multiple steps failed."


def get(path):
    return {"Get": path}


def test_steps_run_in_order_and_read_each_other(world, build):
    channel = {
        "ChannelName": "train",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": get("Steps.Prepare.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"),
            }
        },
    }
    arn = world.run(
        {"Steps": [build.training("Train", InputDataConfig=[channel]), build.processing("Prepare")]}
    )

    assert world.describe(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert world.jobs.started == ["Prepare", "Train"]
    request = world.jobs.requests["Train"][0]
    execution_id = arn.rpartition("/")[2]
    uri = request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    assert uri == f"s3://bucket/{execution_id}/Prepare"
    assert request["TrainingJobName"].startswith(f"pipelines-{execution_id}-Train-")


def test_a_step_shows_its_job_its_times_and_its_attempts(world, build):
    arn = world.run({"Steps": [build.training("Train")]})
    step = world.steps(arn)["Train"]

    name = world.jobs.requests["Train"][0]["TrainingJobName"]
    assert step["Metadata"]["TrainingJob"]["Arn"].endswith(f"training-job/{name}")
    assert step["StepStatus"] == "Succeeded"
    assert step["AttemptCount"] == 1
    assert step["StartTime"] <= step["EndTime"]
    assert not [key for key in step if key.startswith("_")]


def gate(left, right, if_steps, else_steps):
    condition = {"Type": "GreaterThanOrEqualTo", "LeftValue": left, "RightValue": right}
    return {
        "Name": "Gate",
        "Type": "Condition",
        "Arguments": {"Conditions": [condition], "IfSteps": if_steps, "ElseSteps": else_steps},
    }


def accuracy():
    return {
        "Std:JsonGet": {
            "PropertyFile": get("Steps.Evaluate.PropertyFiles.Report"),
            "Path": "metrics['accuracy'].value",
        }
    }


def gated(build, threshold):
    files = [{"PropertyFileName": "Report", "OutputName": "out", "FilePath": "evaluation.json"}]
    values = ["accuracy", accuracy(), "is below", threshold]
    reject = {
        "Name": "Reject",
        "Type": "Fail",
        "Arguments": {"ErrorMessage": {"Std:Join": {"On": " ", "Values": values}}},
    }
    return {
        "Steps": [
            build.processing("Evaluate", PropertyFiles=files),
            gate(accuracy(), threshold, [build.training("Good")], [reject]),
        ]
    }


def report(world, value):
    content = {"metrics": {"accuracy": {"value": value}}}
    world.jobs.scripts["Evaluate"] = [{"Completed": {"out": {"evaluation.json": content}}}]


def test_a_condition_that_holds_takes_its_if_branch_only(world, build):
    report(world, 0.93)
    arn = world.run(gated(build, 0.9))

    assert list(world.steps(arn)) == ["Evaluate", "Gate", "Good"]
    assert world.steps(arn)["Gate"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    assert world.describe(arn)["PipelineExecutionStatus"] == "Succeeded"


def test_a_fail_step_fails_the_execution_with_its_figures(world, build):
    report(world, 0.5)
    arn = world.run(gated(build, 0.9))

    steps = world.steps(arn)
    assert list(steps) == ["Evaluate", "Gate", "Reject"]
    assert steps["Reject"]["FailureReason"] == "accuracy 0.5 is below 0.9"
    assert steps["Reject"]["Metadata"]["Fail"]["ErrorMessage"] == "accuracy 0.5 is below 0.9"
    assert world.describe(arn)["FailureReason"] == FAILED


def test_a_property_file_that_was_not_written_fails_the_condition_with_its_place(world, build):
    arn = world.run(gated(build, 0.9))

    reason = world.steps(arn)["Gate"]["FailureReason"]
    assert "There is no object at s3://bucket/" in reason
    assert reason.endswith("/Evaluate/evaluation.json, where JSON was expected.")


def test_a_failed_job_fails_its_step_and_nothing_after_it_starts(world, build):
    world.jobs.scripts["Train"] = [{"Failed": "AlgorithmError: loss is NaN"}]
    arn = world.run(
        {"Steps": [build.training("Train"), build.training("Next", DependsOn=["Train"])]}
    )

    assert list(world.steps(arn)) == ["Train"]
    assert world.steps(arn)["Train"]["FailureReason"] == "ClientError: AlgorithmError: loss is NaN"
    assert world.describe(arn)["FailureReason"] == FAILED


def policy(exception_type, attempts=2):
    return {
        "ExceptionType": [exception_type],
        "IntervalSeconds": 0,
        "BackoffRate": 1.0,
        "MaxAttempts": attempts,
    }


def test_a_lost_job_is_tried_again_under_a_new_name(world, build):
    world.jobs.scripts["Train"] = [{"Failed": "InternalServerError: host algo-1 was killed"}]
    step = build.training("Train", RetryPolicies=[policy("SageMaker.JOB_INTERNAL_ERROR")])
    arn = world.run({"Steps": [step]})

    assert world.steps(arn)["Train"]["AttemptCount"] == 2
    assert world.describe(arn)["PipelineExecutionStatus"] == "Succeeded"
    names = {request["TrainingJobName"] for request in world.jobs.requests["Train"]}
    assert len(names) == 2


def test_retries_end_after_max_attempts(world, build):
    world.jobs.scripts["Train"] = [{"Failed": "CapacityError: none"}] * 5
    step = build.training("Train", RetryPolicies=[policy("SageMaker.CAPACITY_ERROR", 2)])
    arn = world.run({"Steps": [step]})

    assert world.steps(arn)["Train"]["AttemptCount"] == 3
    assert world.steps(arn)["Train"]["FailureReason"] == "CapacityError: none"


def test_a_fault_without_a_policy_is_not_tried_again(world, build):
    world.jobs.scripts["Train"] = [{"Failed": "AlgorithmError: no"}]
    step = build.training("Train", RetryPolicies=[policy("SageMaker.JOB_INTERNAL_ERROR")])
    arn = world.run({"Steps": [step]})

    assert world.steps(arn)["Train"]["StepStatus"] == "Failed"
    assert len(world.jobs.requests["Train"]) == 1


def test_a_refused_job_shows_the_action_and_the_reason(world, build):
    world.jobs.scripts["Train"] = [{"Refused": ["ValidationException", 400]}]
    arn = world.run({"Steps": [build.training("Train")]})

    assert world.steps(arn)["Train"]["FailureReason"] == (
        "ClientError: Failed to invoke sagemaker:CreateTrainingJob. "
        "Error Details: refused by the script"
    )


def test_throttling_is_tried_again_by_its_own_policy(world, build):
    world.jobs.scripts["Train"] = [{"Refused": ["ThrottlingException", 400]}]
    step = build.training("Train", RetryPolicies=[policy("Step.THROTTLING")])
    arn = world.run({"Steps": [step]})

    assert world.steps(arn)["Train"]["AttemptCount"] == 2


def test_independent_steps_run_together_up_to_the_limit(world, build):
    names = ["A", "B", "C"]
    world.jobs.scripts = {name: ["Hang"] for name in names}
    world.create({"Steps": [build.training(name) for name in names]})
    arn = world.start(ParallelismConfiguration={"MaxParallelExecutionSteps": 2})
    world.wait_for_step(arn, "B", StepStatus="Executing")

    assert list(world.steps(arn)) == ["A", "B"]
    world.jobs.release("A")
    world.wait_for_step(arn, "C", StepStatus="Executing")
    world.jobs.release("B")
    world.jobs.release("C")
    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"


def test_stop_stops_the_running_job_and_starts_nothing_more(world, build):
    world.jobs.scripts["Train"] = ["Hang"]
    world.create({"Steps": [build.training("Train"), build.training("Next", DependsOn=["Train"])]})
    arn = world.start()
    world.wait_for_step(arn, "Train", StepStatus="Executing")
    world.call("StopPipelineExecution", PipelineExecutionArn=arn)

    assert world.wait(arn)["PipelineExecutionStatus"] == "Stopped"
    assert list(world.steps(arn)) == ["Train"]
    assert world.steps(arn)["Train"]["StepStatus"] == "Stopped"
    assert "FailureReason" not in world.steps(arn)["Train"]
    with pytest.raises(ApiError, match="is Stopped; it can only become Stopping from Executing"):
        world.call("StopPipelineExecution", PipelineExecutionArn=arn)


def test_retry_keeps_what_is_done_and_repeats_the_rest(world, build):
    world.jobs.scripts["Train"] = [{"Failed": "AlgorithmError: no"}]
    steps = [build.processing("Prepare"), build.training("Train", DependsOn=["Prepare"])]
    arn = world.run({"Steps": steps})
    world.call("RetryPipelineExecution", PipelineExecutionArn=arn)

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert world.jobs.started == ["Prepare", "Train", "Train"]
    assert "FailureReason" not in world.describe(arn)


def test_a_killed_server_leaves_a_failed_execution_that_can_go_on(world, build):
    world.jobs.scripts["Train"] = ["Hang"]
    steps = [build.processing("Prepare"), build.training("Train", DependsOn=["Prepare"])]
    world.create({"Steps": steps})
    arn = world.start()
    world.wait_for_step(arn, "Train", StepStatus="Executing")
    world.open()

    assert world.describe(arn)["FailureReason"].startswith("InternalServerError: the local server")
    assert world.steps(arn)["Train"]["StepStatus"] == "Failed"
    world.call("RetryPipelineExecution", PipelineExecutionArn=arn)
    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert world.jobs.started == ["Prepare", "Train", "Train"]


def test_a_start_with_the_same_token_is_the_same_execution(world, build):
    world.create({"Steps": [build.training("Train")]})
    token = {"ClientRequestToken": "a" * 40}

    first, second = world.start(**token), world.start(**token)

    assert first == second
    world.wait(first)
    assert world.jobs.started == ["Train"]


def test_events_tell_each_change_of_an_execution_and_its_steps(world, build):
    arn = world.run({"Steps": [build.training("Train")]})
    execution = [d for kind, d in world.events if "Execution Status Change" in kind]
    steps = [d for kind, d in world.events if "Step Status Change" in kind]

    assert [d["currentPipelineExecutionStatus"] for d in execution] == ["Executing", "Succeeded"]
    assert execution[1]["previousPipelineExecutionStatus"] == "Executing"
    assert execution[1]["pipelineExecutionArn"] == arn
    assert [d["currentStepStatus"] for d in steps] == ["Starting", "Executing", "Succeeded"]
    assert steps[-1]["stepType"] == "Training"
    assert "arn" in steps[-1]["metadata"]["trainingJob"]


def test_parameters_are_listed_with_defaults_and_given_values(world, build):
    definition = {
        "Parameters": [
            {"Name": "Epochs", "Type": "Integer", "DefaultValue": 3},
            {"Name": "Spot", "Type": "Boolean", "DefaultValue": False},
        ],
        "Steps": [
            build.training("Train", EnableManagedSpotTraining=get("Parameters.Spot")),
        ],
    }
    arn = world.run(definition, {"Spot": "True"})
    answer = world.call("ListPipelineParametersForExecution", PipelineExecutionArn=arn)

    assert answer["PipelineParameters"] == [
        {"Name": "Epochs", "Value": "3"},
        {"Name": "Spot", "Value": "true"},
    ]
    assert world.jobs.requests["Train"][0]["EnableManagedSpotTraining"] is True


def test_a_number_where_sagemaker_takes_a_string_fails_the_step_as_on_aws(world, build):
    definition = {
        "Parameters": [{"Name": "Epochs", "Type": "Integer", "DefaultValue": 3}],
        "Steps": [build.training("Train", HyperParameters={"epochs": get("Parameters.Epochs")})],
    }
    arn = world.run(definition)

    assert "HyperParameters.epochs" in world.steps(arn)["Train"]["FailureReason"]


def test_the_definition_of_an_execution_stays_what_it_was(world, build):
    arn = world.run({"Steps": [build.training("Train")]})
    text = json.dumps({"Version": "2020-12-01", "Steps": [build.training("Other")]})
    world.call("UpdatePipeline", PipelineName="P", PipelineDefinition=text)
    answer = world.call("DescribePipelineDefinitionForExecution", PipelineExecutionArn=arn)

    assert "Other" not in answer["PipelineDefinition"]


def test_a_selected_step_uses_the_results_of_an_earlier_execution(world, build):
    model = get("Steps.Train.ModelArtifacts.S3ModelArtifacts")
    steps = [
        build.training("Train"),
        build.processing("Evaluate", Environment={"MODEL": model}),
        build.training("Other"),
    ]
    source = world.run({"Steps": steps})
    config = {"SourcePipelineExecutionArn": source, "SelectedSteps": [{"StepName": "Evaluate"}]}
    arn = world.start(SelectiveExecutionConfig=config)

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert set(world.steps(arn)) == {"Train", "Evaluate"}
    result = world.steps(arn)["Train"]["SelectiveExecutionResult"]
    assert result == {"SourcePipelineExecutionArn": source}
    first, second = world.jobs.requests["Evaluate"]
    assert first["Environment"] == second["Environment"]


def test_a_selected_step_without_the_results_it_needs_is_refused(world, build):
    model = get("Steps.Train.ModelArtifacts.S3ModelArtifacts")
    steps = [build.training("Train"), build.processing("Evaluate", Environment={"MODEL": model})]
    world.create({"Steps": steps})

    with pytest.raises(ApiError, match="Invalid SourcePipelineExecutionArn: null"):
        world.start(SelectiveExecutionConfig={"SelectedSteps": [{"StepName": "Evaluate"}]})


def test_an_execution_that_does_not_exist_is_not_found(world):
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/P/execution/nothing"
    with pytest.raises(ApiError, match="does not exist"):
        world.describe(arn)


def test_many_steps_at_once_each_run_exactly_once(world, build):
    wide = [build.training(f"Step{number}") for number in range(30)]
    last = build.training("Last", DependsOn=[step["Name"] for step in wide])
    arn = world.run({"Steps": [last, *wide]})

    assert world.describe(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert sorted(world.jobs.started) == sorted(step["Name"] for step in [last, *wide])
    assert world.jobs.started[-1] == "Last"
