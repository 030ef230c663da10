"""What starts by itself: the rules as documents, then in the embedded EventBridge as deployed."""

from __future__ import annotations

import dataclasses
import json

import pytest

from settings import Settings
from statemachine.alarms import DRIFT
from statemachine.names import Names
from statemachine.rules import Rule, rules
from tests.statemachine.listening import Listening
from tests.statemachine.world import World, holding

WEEK = 7 * 86_400


def by_name(settings: Settings) -> dict[str, Rule]:
    prefix = f"{settings.endpoint_name}-"
    return {rule.name.removeprefix(prefix): rule for rule in rules(settings)}


def test_there_is_a_rule_for_everything_that_starts_or_is_told(example):
    starting = {"approval": "deploy", "data": "retrain", "drift": "retrain", "schedule": "retrain"}
    found = by_name(example)
    assert found.keys() == {*starting, "pipeline-failed", "workflow-failed"}
    names = Names(example)
    for kind, rule in found.items():
        (target,) = rule.targets
        machine = starting.get(kind)
        wanted = names.state_machine_arn(machine) if machine else names.topic_arn
        assert target["Arn"] == wanted
        assert target.get("RoleArn") == (names.role("events") if machine else None)
        assert (rule.pattern is None) == (kind == "schedule")


def test_no_event_gets_lost_in_silence(example):
    for rule in rules(example):
        for target in rule.targets:
            assert target["DeadLetterConfig"]["Arn"] == Names(example).queue_arn
            policy = target["RetryPolicy"]
            assert 60 <= policy["MaximumEventAgeInSeconds"] <= 86_400
            assert 0 <= policy["MaximumRetryAttempts"] <= 185


def test_triggers_that_are_switched_off_leave_disabled_rules(example):
    off = {"deploy_on_approval": False, "retrain_on_data": False, "retrain_on_drift": False}
    triggers = dataclasses.replace(example.triggers, **off, retrain_schedule="")
    found = by_name(dataclasses.replace(example, triggers=triggers))
    assert {kind for kind, rule in found.items() if rule.enabled} == {
        "pipeline-failed",
        "workflow-failed",
    }
    assert "schedule" not in found


def test_without_a_limit_of_confidence_nothing_drifts(local):
    assert not by_name(local)["drift"].enabled


def test_a_rule_keeps_to_eventbridges_limits(example):
    for rule in rules(example):
        assert len(rule.name) <= 64
        assert len(rule.description) <= 512
        assert len(json.dumps(rule.pattern)) <= 2_048
        for target in rule.targets:
            assert len(target["InputTransformer"]["InputPathsMap"]) <= 100
            assert len(target["InputTransformer"]["InputTemplate"]) <= 8_192


@pytest.fixture(scope="module")
def listening(world: World) -> Listening:
    return Listening(world)


def test_an_approval_starts_one_deployment(listening):
    arn = listening.aws.package("PendingManualApproval")
    sagemaker = listening.aws.client("sagemaker")
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    deployment = listening.ended("deploy")
    assert deployment["input"] == {"model_package_arn": arn}
    assert deployment["output"]["outcome"] == "Deployed"
    assert listening.nothing_else()


def test_a_marker_starts_one_retraining_and_other_objects_none(listening):
    s3, bucket = listening.aws.client("s3"), listening.settings.bucket
    s3.put_object(Bucket=bucket, Key="data/dogs/cat/1.jpg", Body=b"photo")
    s3.put_object(Bucket=bucket, Key="elsewhere/dogs/_READY", Body=b"")
    etag = s3.put_object(Bucket=bucket, Key="data/dogs/_READY", Body=b"")["ETag"].strip('"')
    retraining = listening.ended("retrain")
    given = retraining["input"]
    assert given.pop("event_id")
    assert given.pop("event_time").endswith("Z")
    uri = f"s3://{bucket}/data/dogs"
    assert given == {"cause": "data", "data_uri": f"{uri}/_READY", "data_version": etag}
    assert retraining["output"]["outcome"] == "Started"
    assert retraining["output"]["data_uri"] == uri
    assert listening.nothing_else()


def test_the_drift_alarm_starts_one_retraining_and_its_end_none(listening):
    cloudwatch, name = listening.aws.client("cloudwatch"), listening.names.alarm(DRIFT)
    for state in ("ALARM", "OK"):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
    retraining = listening.ended("retrain")
    assert retraining["input"]["cause"] == "drift"
    assert retraining["output"]["outcome"] == "Started"
    assert listening.nothing_else()


def test_the_calendar_starts_one_retraining(listening):
    listening.retraining.finish(listening.retraining.executions()[0]["PipelineExecutionArn"])
    listening.aws.world.clock.advance(0)  # sees the rule
    listening.aws.world.clock.advance(WEEK)
    retraining = listening.ended("retrain")
    given = retraining["input"]
    assert given.pop("event_id")
    assert "T03:00:00Z" in given.pop("event_time")
    assert given == {"cause": "schedule", "data_uri": None, "data_version": None}
    assert retraining["output"]["outcome"] == "Started"
    assert listening.nothing_else()


def test_a_pipeline_that_fails_is_told(listening):
    execution = listening.retraining.executions()[0]["PipelineExecutionArn"]
    listening.retraining.finish(execution, well=False)
    message = listening.told("PipelineFailed")
    assert message == {"event": "PipelineFailed", "execution": execution, "status": "Failed"}


def test_a_deployment_that_could_not_tell_its_failure_itself_is_told_all_the_same(listening):
    aws = listening.aws
    aws.machine("deploy", holding("CreateModel"))
    aws.package()
    killed = listening.started("deploy")
    aws.reach(killed, "CreateModel")
    aws.client("stepfunctions").stop_execution(executionArn=killed)
    message = listening.told("WorkflowFailed")
    assert (message["execution"], message["status"]) == (killed, "ABORTED")
    assert message["state_machine"] == listening.names.state_machine_arn("deploy")
