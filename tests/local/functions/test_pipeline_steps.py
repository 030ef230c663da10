"""Lambda steps of a pipeline with real functions."""

from __future__ import annotations

import json
from typing import Any

REGION = "eu-west-1"


ROLE = "arn:aws:iam::123456789012:role/functions"


def run_pipeline(aws, steps) -> tuple[str, dict[str, Any]]:
    """Status of an execution that has ended, and its steps by name."""
    sagemaker = aws.client("sagemaker")
    definition = json.dumps({"Version": "2020-12-01", "Steps": steps})
    sagemaker.create_pipeline(PipelineName="kennel", PipelineDefinition=definition, RoleArn=ROLE)
    arn = sagemaker.start_pipeline_execution(PipelineName="kennel")["PipelineExecutionArn"]

    def ended():
        answer = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        status = answer["PipelineExecutionStatus"]
        return status if status not in ("Executing", "Stopping") else None

    status = aws.wait_for(ended)
    listed = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    return status, {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}


def count_step(arn: str) -> dict[str, Any]:
    return {
        "Name": "Count",
        "Type": "Lambda",
        "FunctionArn": arn,
        "Arguments": {"pipeline": {"Get": "Execution.PipelineName"}},
        "OutputParameters": [
            {"OutputName": "dogs", "OutputType": "Integer"},
            {"OutputName": "where", "OutputType": "String"},
        ],
    }


def test_a_pipeline_decides_by_what_a_function_answered(aws):
    source = "def answer(event, context):\n    return {'dogs': 3, 'where': event['pipeline']}"
    arn = aws.create(source)["FunctionArn"]
    dogs = {"Get": "Steps.Count.OutputParameters['dogs']"}
    enough = {"Type": "GreaterThanOrEqualTo", "LeftValue": dogs, "RightValue": 5}
    where = {"Get": "Steps.Count.OutputParameters['where']"}
    message = {"Std:Join": {"On": " ", "Values": ["only", dogs, "dogs in", where]}}
    gate = {
        "Name": "Enough",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [enough],
            "IfSteps": [],
            "ElseSteps": [
                {"Name": "Short", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
            ],
        },
    }
    status, steps = run_pipeline(aws, [count_step(arn), gate])

    assert status == "Failed"
    assert steps["Count"]["StepStatus"] == "Succeeded"
    assert steps["Enough"]["Metadata"]["Condition"]["Outcome"] == "False"
    assert steps["Short"]["FailureReason"] == "only 3 dogs in kennel"


def test_a_pipeline_step_fails_with_its_function_s_error(aws):
    arn = aws.create("def answer(event, context):\n    raise ValueError('no dogs')")["FunctionArn"]
    status, steps = run_pipeline(aws, [count_step(arn)])

    assert status == "Failed"
    assert steps["Count"]["FailureReason"] == (
        f"ClientError: Failed to invoke {arn}. "
        f"Error Details: The function {arn} failed with ValueError: no dogs"
    )


def test_a_pipeline_step_names_a_function_that_is_not_there(aws):
    arn = f"arn:aws:lambda:{REGION}:123456789012:function:cats"
    _, steps = run_pipeline(aws, [count_step(arn)])
    assert f"Function not found: {arn}" in steps["Count"]["FailureReason"]
