"""The plan and the end of a stack where CloudFormation answers rarely so: scripted answers."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from errors import BreedlineError
from provision.change import Clients
from provision.stack import Wanted, execute, find_stack, propose

WANTED = Wanted("ours-foundation", "{}", {"B": "2", "A": "1"}, {"owner": "us"})
COMPLETE = {"Status": "CREATE_COMPLETE", "Changes": []}


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


def change(action: str, name: str, **more: Any) -> dict[str, Any]:
    found = {"Action": action, "ResourceType": "AWS::S3::Bucket", "LogicalResourceId": name}
    return {"Type": "Resource", "ResourceChange": {**found, **more}}


def detail(name: str) -> dict[str, Any]:
    return {"Target": {"Attribute": "Properties", "Name": name}}


def event(number: int, name: str, status: str, reason: str = "", kind: str = "AWS::SNS::Topic"):
    return {
        "EventId": str(number),
        "LogicalResourceId": name,
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


class Scripted:
    """Answers each call with the next of what was written for it; the last one stays."""

    def __init__(self, **answers: list[Any]) -> None:
        self._answers = {name: list(found) for name, found in answers.items()}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            self.calls.append((name, request))
            answers = self._answers.get(name, [{}])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def get_paginator(self, name: str) -> Any:
        call = getattr(self, name)

        class Pages:
            def paginate(self, **request: Any) -> Any:
                return [call(**request)]

        return Pages()

    def made(self, name: str) -> list[dict[str, Any]]:
        return [request for called, request in self.calls if called == name]


def clients_of(cloudformation: Scripted) -> Clients:
    return Clients(lambda service: cloudformation, sleep=lambda seconds: None)


def stack(status: str, **more: Any) -> dict[str, Any]:
    return {
        "Stacks": [{"StackName": "ours-foundation", "StackId": "id", "StackStatus": status, **more}]
    }


ABSENT = refusal("ValidationError", "Stack with id ours-foundation does not exist")


def plan_of(*pages: dict[str, Any], found: Any = ABSENT):
    scripted = Scripted(
        describe_stacks=[found],
        create_change_set=[{"Id": "change-set"}],
        describe_change_set=list(pages),
    )
    return scripted, propose(clients_of(scripted), WANTED, 0)


def test_a_new_stack_is_proposed_with_its_parameters_and_tags():
    scripted, planned = plan_of({**COMPLETE, "Changes": [change("Add", "Bucket")]})
    (request,) = scripted.made("create_change_set")
    assert request["ChangeSetType"] == "CREATE"
    assert request["Parameters"][0] == {"ParameterKey": "A", "ParameterValue": "1"}
    assert request["Tags"] == [{"Key": "owner", "Value": "us"}]
    assert planned.is_new
    assert not planned.is_empty


def test_changes_are_told_with_their_reasons_over_all_pages():
    first = [
        change("Modify", "A", Replacement="False", Details=[detail("Tags"), detail("Policies")]),
        change("Modify", "B", Replacement="True", Details=[detail("BucketName")]),
    ]
    second = [
        change("Modify", "C", Replacement="Conditional", Details=[detail("Key")]),
        change("Remove", "D"),
    ]
    page = {**COMPLETE, "Changes": first, "NextToken": "more"}
    _, planned = plan_of(
        {"Status": "CREATE_IN_PROGRESS"},
        page,
        page,
        {**COMPLETE, "Changes": second},
        found=stack("CREATE_COMPLETE"),
    )
    assert [(c.kind, c.name, c.reason) for c in planned.changes] == [
        ("update", "A", "Policies, Tags differ"),
        ("replace", "B", "BucketName differs, which takes another one"),
        ("update", "C", "Key differs, which may take another one"),
        ("delete", "D", "the settings no longer describe it"),
    ]
    assert "1 to replace, 1 to delete in the stack ours-foundation" in str(planned)


@pytest.mark.parametrize("words", ["didn't contain changes.", "No updates are to be performed."])
def test_nothing_to_change_is_an_empty_plan_and_its_change_set_goes(words):
    scripted, planned = plan_of(
        {"Status": "FAILED", "StatusReason": f"The submitted information {words}"},
        found=stack("UPDATE_COMPLETE"),
    )
    assert planned.is_empty
    assert scripted.made("delete_change_set") == [
        {"StackName": WANTED.name, "ChangeSetName": "change-set"}
    ]


def test_a_template_that_is_refused_is_one_sentence():
    with pytest.raises(BreedlineError, match="refuses the template .* Circular dependency"):
        plan_of({"Status": "FAILED", "StatusReason": "Circular dependency between resources"})


def test_a_stack_that_somebody_is_changing_is_waited_for():
    scripted = Scripted(
        describe_stacks=[stack("UPDATE_IN_PROGRESS"), stack("UPDATE_COMPLETE")],
        create_change_set=[{"Id": "change-set"}],
        describe_change_set=[COMPLETE],
    )
    said: list[str] = []
    assert not propose(clients_of(scripted), WANTED, 0, said.append).is_new
    assert said == ["The stack ours-foundation is UPDATE_IN_PROGRESS; waiting for the end of that."]
    (request,) = scripted.made("create_change_set")
    assert request["ChangeSetType"] == "UPDATE"


def test_what_a_failed_creation_left_is_deleted_first():
    scripted = Scripted(
        describe_stacks=[
            stack("ROLLBACK_COMPLETE"),
            stack("ROLLBACK_COMPLETE"),
            stack("DELETE_COMPLETE"),
        ],
        describe_stack_events=[{"StackEvents": []}],
        create_change_set=[{"Id": "change-set"}],
        describe_change_set=[COMPLETE],
    )
    assert propose(clients_of(scripted), WANTED, 0).is_new
    names = [name for name, _ in scripted.calls]
    assert names.index("delete_stack") < names.index("create_change_set")


def executed(status: str, *events: dict[str, Any], **more: Any):
    scripted = Scripted(
        describe_stacks=[stack("CREATE_IN_PROGRESS"), stack(status, **more)],
        describe_stack_events=[{"StackEvents": []}, {"StackEvents": list(reversed(events))}],
    )
    said: list[str] = []
    _, planned = plan_of(COMPLETE)
    return said, lambda: execute(clients_of(scripted), planned, 0, said.append)


def test_the_end_gives_the_outputs_and_tells_each_event_once():
    outputs = [{"OutputKey": "TopicArn", "OutputValue": "arn"}]
    said, run = executed("CREATE_COMPLETE", event(1, "Topic", "CREATE_COMPLETE"), Outputs=outputs)
    assert run() == {"TopicArn": "arn"}
    assert said == ["create complete      AWS::SNS::Topic Topic"]


def test_a_failure_tells_the_first_resource_s_own_reason_and_the_way_out():
    _, run = executed(
        "ROLLBACK_COMPLETE",
        event(1, "Queue", "CREATE_FAILED", "Resource creation cancelled"),
        event(2, "Bucket", "CREATE_FAILED", "photos already exists.", "AWS::S3::Bucket"),
        event(3, "Key", "CREATE_FAILED", "AccessDenied", "AWS::KMS::Key"),
    )
    with pytest.raises(BreedlineError) as raised:
        run()
    assert str(raised.value) == (
        "The stack 'ours-foundation' is ROLLBACK_COMPLETE: AWS::S3::Bucket Bucket failed: photos "
        "already exists. To keep what is there, set foundation.bucket = false, or name another in "
        "aws.bucket."
    )


@pytest.mark.parametrize("code", ["ChangeSetNotFound", "InvalidChangeSetStatus"])
def test_a_plan_that_somebody_overtook_is_one_sentence(code):
    scripted = Scripted(
        describe_stack_events=[{"StackEvents": []}],
        execute_change_set=[refusal(code, "gone")],
    )
    _, planned = plan_of(COMPLETE)
    with pytest.raises(BreedlineError, match="changed by somebody else meanwhile"):
        execute(clients_of(scripted), planned, 0, print)


def test_other_refusals_are_not_taken_for_an_absent_stack():
    scripted = Scripted(describe_stacks=[refusal("AccessDenied", "not allowed")])
    with pytest.raises(ClientError, match="not allowed"):
        find_stack(clients_of(scripted), "ours-foundation")
