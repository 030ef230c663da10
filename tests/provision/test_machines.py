"""State machines: definition, role, logs and tags; a diff names the state."""

import dataclasses
import json

import pytest

from statemachine.definition import compile_machine

ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:breedline-deploy"


@pytest.fixture
def states(clients):
    return clients("stepfunctions")


@pytest.fixture
def slower(local):
    """Settings that change all three state machines."""
    return dataclasses.replace(local, rollout=dataclasses.replace(local.rollout, poll_seconds=7))


def test_a_state_machine_logs_its_states_and_not_their_data(upsert, states, local):
    upsert()
    found = states.describe_state_machine(stateMachineArn=ARN)
    assert json.loads(found["definition"]) == compile_machine("deploy", local)
    assert found["roleArn"].endswith(":role/breedline-eu-west-1-workflow")
    group = (
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vendedlogs/states/breedline-deploy:*"
    )
    assert found["loggingConfiguration"] == {
        "level": "ALL",
        "includeExecutionData": False,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
    }
    assert found["tracingConfiguration"] == {"enabled": False}
    tags = {t["key"]: t["value"] for t in states.list_tags_for_resource(resourceArn=ARN)["tags"]}
    assert tags.keys() == {"environment", "owner", "version"}


def test_rollback_is_made_before_deploy_which_may_start_it(upsert):
    made = [r.change.name for r in upsert() if r.change.resource == "state-machine"]
    assert made.index("breedline-rollback") < made.index("breedline-deploy")


def test_a_changed_state_is_shown_by_its_name(upsert, replan, slower):
    upsert()
    change = next(change for change in replan(slower) if change.name == "breedline-deploy")
    assert change.reason == "definition, tags differ"
    assert "definition.States.AwaitEndpointBriefly.Seconds: 1 -> 7" in change.diff
    assert change.diff[-1].startswith("tags.version: ")


def test_a_changed_state_machine_is_updated_in_place(upsert, replan, states, slower):
    upsert()
    created = states.describe_state_machine(stateMachineArn=ARN)["creationDate"]
    upsert(slower)
    found = states.describe_state_machine(stateMachineArn=ARN)
    assert json.loads(found["definition"]) == compile_machine("deploy", slower)
    assert found["creationDate"] == created
    assert replan(slower) == []


def test_logs_that_were_switched_off_are_an_update(upsert, replan, states):
    upsert()
    states.update_state_machine(stateMachineArn=ARN, loggingConfiguration={"level": "OFF"})
    (change,) = replan()
    assert change.reason == "logging differs"
