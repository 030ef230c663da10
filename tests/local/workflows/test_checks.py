"""Definitions are checked before they are taken: all problems at once, with their places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.workflows.checks import problems_of
from local.workflows.interpreter import repair_interpreter

CASES = json.loads((Path(__file__).parent / "definitions" / "problems.json").read_text())


@pytest.fixture(autouse=True)
def interpreter():
    repair_interpreter(lambda caller: {"AWS_REGION": "eu-west-1"})


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_everything_that_is_wrong_is_said_with_its_place(case):
    found = [str(problem) for problem in problems_of(json.dumps(case["definition"]))]
    expected = case["problems"]
    if expected and isinstance(expected[0], dict):
        assert len(found) == 1
        assert found[0].startswith(expected[0]["starts"])
    else:
        assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"StartAt": ', "INVALID_JSON_DESCRIPTION: The definition is no JSON"),
        (
            '{"StartAt":"A","States":{"A":{"Type":"Succeed"},"A":{"Type":"Succeed"}}}',
            "DUPLICATE_STATE_NAME: Duplicate State name: A at /States/A",
        ),
        (
            '{"StartAt":"A","StartAt":"A","States":{"A":{"Type":"Succeed"}}}',
            "SCHEMA_VALIDATION_FAILED: Duplicate field 'StartAt' at /StartAt",
        ),
        (" " * 1_048_577, "SCHEMA_VALIDATION_FAILED: The definition is longer than 1048576"),
    ],
)
def test_what_json_itself_hides_is_found(text, said):
    assert [str(problem)[: len(said)] for problem in problems_of(text)] == [said]


def test_creating_and_updating_refuse_with_everything_in_one_message(aws):
    bad = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}
    with pytest.raises(ClientError) as refusal:
        aws.create(bad)
    error = refusal.value.response["Error"]
    assert error["Code"] == "InvalidDefinition"
    assert error["Message"] == (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: B "
        "at /States/A/Next, SCHEMA_VALIDATION_FAILED: No terminal state found in the state "
        "machine at /States'"
    )
    assert aws.states.list_state_machines()["stateMachines"] == []


def test_a_definition_can_be_checked_alone(aws):
    bad = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}})
    answer = aws.states.validate_state_machine_definition(definition=bad)
    assert answer["result"] == "FAIL"
    assert answer["diagnostics"][0] == {
        "severity": "ERROR",
        "code": "MISSING_TRANSITION_TARGET",
        "message": "Missing 'Next' target: B",
        "location": "/States/A/Next",
    }
    good = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    answer = aws.states.validate_state_machine_definition(definition=good)
    assert (answer["result"], answer["diagnostics"]) == ("OK", [])


def test_express_machines_cannot_wait_for_others(aws):
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": {"StateMachineArn.$": "$.arn"},
        "End": True,
    }
    with pytest.raises(ClientError, match="not supported by EXPRESS"):
        aws.create({"StartAt": "T", "States": {"T": task}}, type="EXPRESS")
