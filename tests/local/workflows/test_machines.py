"""State machines: creating them twice, changing them, versions, aliases, tags."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.workflows.conftest import ROLE


def said(text: str) -> dict[str, Any]:
    return {"StartAt": "Say", "States": {"Say": {"Type": "Pass", "Result": text, "End": True}}}


def refused(code: str):
    return pytest.raises(ClientError, match=rf"\({code}\)")


def test_the_same_machine_may_be_created_twice_but_no_other(aws):
    machine = aws.create(said("hello"))
    assert aws.create(said("hello")) == machine
    with refused("StateMachineAlreadyExists"):
        aws.create(said("other"))


def test_a_machine_is_described_as_it_was_created(aws):
    logging = {"level": "ERROR", "includeExecutionData": True}
    machine = aws.create(said("hello"), loggingConfiguration=logging, type="EXPRESS")
    described = aws.states.describe_state_machine(stateMachineArn=machine)
    assert json.loads(described["definition"]) == said("hello")
    assert described["loggingConfiguration"] == logging
    assert (described["name"], described["type"], described["status"], described["roleArn"]) == (
        *("machine", "EXPRESS", "ACTIVE", ROLE),
    )
    assert "revisionId" not in described


def test_an_update_gives_a_new_revision(aws):
    machine = aws.create(said("hello"))
    update = aws.states.update_state_machine
    first = update(stateMachineArn=machine, definition=json.dumps(said("bye")))["revisionId"]
    second = update(stateMachineArn=machine, roleArn=ROLE + "2")["revisionId"]
    described = aws.states.describe_state_machine(stateMachineArn=machine)
    assert first != second == described["revisionId"]
    assert json.loads(described["definition"]) == said("bye")
    assert described["roleArn"] == ROLE + "2"
    with refused("MissingRequiredParameter"):
        update(stateMachineArn=machine)
    with refused("InvalidDefinition"):
        update(stateMachineArn=machine, definition="{}")


def test_versions_stay_as_they_were_published(aws):
    made = aws.states.create_state_machine(
        name="machine", roleArn=ROLE, definition=json.dumps(said("one")), publish=True
    )
    machine, first = made["stateMachineArn"], made["stateMachineVersionArn"]
    assert first == f"{machine}:1"
    again = aws.states.publish_state_machine_version(stateMachineArn=machine)
    assert again["stateMachineVersionArn"] == first  # nothing has changed
    aws.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(said("two")))
    second = aws.states.publish_state_machine_version(stateMachineArn=machine)
    listed = aws.states.list_state_machine_versions(stateMachineArn=machine)
    arns = [version["stateMachineVersionArn"] for version in listed["stateMachineVersions"]]
    assert arns == [second["stateMachineVersionArn"], first]
    old = aws.states.describe_state_machine(stateMachineArn=first)
    assert json.loads(old["definition"]) == said("one")

    ended = aws.end(aws.start_execution(first))
    assert (ended["output"], ended["stateMachineVersionArn"]) == ('"one"', first)
    assert aws.end(aws.start_execution(machine))["output"] == '"two"'


def test_an_alias_leads_to_its_version(aws):
    made = aws.states.create_state_machine(
        name="machine", roleArn=ROLE, definition=json.dumps(said("one")), publish=True
    )
    machine, first = made["stateMachineArn"], made["stateMachineVersionArn"]
    routes = [{"stateMachineVersionArn": first, "weight": 100}]
    alias = aws.states.create_state_machine_alias(name="live", routingConfiguration=routes)
    arn = alias["stateMachineAliasArn"]
    assert arn == f"{machine}:live"
    ended = aws.end(aws.start_execution(arn))
    assert ended["stateMachineAliasArn"] == arn
    assert ended["stateMachineVersionArn"] == first
    with refused("ConflictException"):
        aws.states.delete_state_machine_version(stateMachineVersionArn=first)
    with refused("ValidationException"):
        aws.states.update_state_machine_alias(
            stateMachineAliasArn=arn, routingConfiguration=[{**routes[0], "weight": 50}]
        )
    aws.states.delete_state_machine_alias(stateMachineAliasArn=arn)
    with refused("ResourceNotFound"):
        aws.start_execution(arn)
    aws.states.delete_state_machine_version(stateMachineVersionArn=first)


def test_tags_are_kept_in_step_functions_own_spelling(aws):
    machine = aws.create(said("hello"), tags=[{"key": "team", "value": "dogs"}])
    aws.states.tag_resource(resourceArn=machine, tags=[{"key": "stage", "value": "test"}])
    aws.states.untag_resource(resourceArn=machine, tagKeys=["team"])
    listed = aws.states.list_tags_for_resource(resourceArn=machine)["tags"]
    assert listed == [{"key": "stage", "value": "test"}]


def test_machines_are_listed_by_name_in_pages(aws):
    for name in ("c", "a", "b"):
        aws.create(said(name), name)
    pages = aws.states.get_paginator("list_state_machines").paginate(
        PaginationConfig={"PageSize": 2}
    )
    listed = [machine["name"] for page in pages for machine in page["stateMachines"]]
    assert listed == ["a", "b", "c"]


def test_an_arn_that_is_none_is_refused(aws):
    with refused("InvalidArn"):
        aws.states.describe_state_machine(stateMachineArn="machine")
