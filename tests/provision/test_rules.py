"""Rules and their targets: compared, disabled when off, deleted when no longer described."""

import dataclasses
import json

import pytest

from errors import BreedlineError
from provision.change import Change, Clients
from provision.rules import Deployed, apply_rule
from statemachine.rules import rules

NAME = "breedline-approval"


@pytest.fixture
def events(clients):
    return clients("events")


@pytest.fixture
def approval(local):
    return rules(local)[0]


def with_triggers(loaded, **changed):
    return dataclasses.replace(loaded, triggers=dataclasses.replace(loaded.triggers, **changed))


def targets(events, rule=NAME):
    return events.list_targets_by_rule(Rule=rule)["Targets"]


def test_a_rule_is_put_with_its_targets_and_tags(upsert, events, local, approval):
    upsert()
    rule = events.describe_rule(Name=NAME)
    assert json.loads(rule["EventPattern"]) == approval.pattern
    assert (rule["State"], rule["Description"]) == ("ENABLED", approval.description)
    assert targets(events) == list(approval.targets)
    tags = events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]
    expected = {**local.tags, "endpoint": "breedline"}
    assert {tag["Key"]: tag["Value"] for tag in tags} == expected


def test_a_rule_whose_setting_is_off_is_disabled_and_kept(upsert, replan, events, local):
    upsert()
    loaded = with_triggers(local, deploy_on_approval=False)
    (result,) = upsert(loaded)
    assert result.change.diff == ('state: "ENABLED" -> "DISABLED"',)
    assert events.describe_rule(Name=NAME)["State"] == "DISABLED"
    assert len(targets(events)) == 1
    assert replan(loaded) == []


def test_a_changed_target_is_shown_where_it_differs(upsert, replan, local):
    upsert()
    changed = replan(with_triggers(local, max_event_retries=3))
    assert {change.resource for change in changed} == {"rule"}
    (line,) = next(change.diff for change in changed if change.name == NAME)
    assert line == "targets.deploy.RetryPolicy.MaximumRetryAttempts: 8 -> 3"


def test_a_target_that_is_no_longer_described_is_removed(upsert, replan, events, approval):
    upsert()
    another = {**approval.targets[0], "Id": "another"}
    events.put_targets(Rule=NAME, Targets=[another])
    (result,) = upsert()
    assert result.change.reason == "targets differ"
    assert targets(events) == list(approval.targets)
    assert replan() == []


def test_a_schedule_that_was_taken_out_is_deleted(upsert, replan, events, local):
    upsert(with_triggers(local, retrain_schedule="rate(1 day)"))
    rule = events.describe_rule(Name="breedline-schedule")
    assert rule["ScheduleExpression"] == "rate(1 day)"
    queue, deleted = replan()
    assert queue.resource == "queue"  # to which it may not send any more
    assert (deleted.kind, deleted.name) == ("delete", "breedline-schedule")
    upsert()
    assert "breedline-schedule" not in {rule["Name"] for rule in events.list_rules()["Rules"]}
    assert replan() == []


def test_a_foreign_rule_with_our_prefix_stays(upsert, replan, events, local):
    upsert()
    others = {
        "breedline-by-hand": {},
        "breedline-two-approval": {**local.tags, "endpoint": "breedline-two"},
        "breedline-elsewhere": {**local.tags, "endpoint": "breedline", "environment": "other"},
    }
    for name, tags in others.items():
        events.put_rule(
            Name=name,
            ScheduleExpression="rate(1 day)",
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
    assert replan() == []


def test_a_refused_target_is_an_error_although_the_call_succeeded(approval):
    class Refusing:
        def put_rule(self, **_request):
            return {"RuleArn": "arn"}

        def tag_resource(self, **_request):
            return {}

        def put_targets(self, **_request):
            fault = {"TargetId": "deploy", "ErrorCode": "AccessDenied", "ErrorMessage": "No role."}
            return {"FailedEntryCount": 1, "FailedEntries": [fault]}

    desired = Deployed(approval, "arn", {})
    change = Change("create", "rule", NAME, "", desired)
    with pytest.raises(BreedlineError, match=r"refused target 'deploy' .*AccessDenied.*No role"):
        apply_rule(Clients(lambda _service: Refusing()), change)
