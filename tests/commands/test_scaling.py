"""Autoscaling as `status` shows it, and its suspension for a measurement."""

import signal

import boto3
import pytest
from moto import mock_aws

import settings
from commands.scaling import describe_scaling, dynamic_scaling_suspended, read_scaling
from commands.session import Session
from commands.status import describe_status, read_alarms

SCALED = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/breedline/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


@pytest.fixture
def session():
    with mock_aws():
        yield Session(
            settings.load("local"),
            lambda service, **options: boto3.client(service, region_name="eu-west-1", **KEYS),
            None,
            False,
        )


@pytest.fixture
def scaling(session):
    """Registered, tracked, and with its calendar suspended by someone."""
    client = session.client("application-autoscaling")
    client.register_scalable_target(
        **SCALED,
        MinCapacity=2,
        MaxCapacity=4,
        SuspendedState={"ScheduledScalingSuspended": True},
    )
    client.put_scaling_policy(
        **SCALED,
        PolicyName="breedline-load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 120.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
        },
    )
    return client


def suspended(client):
    (target,) = client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return {kind for kind, value in target["SuspendedState"].items() if value}


def test_limits_target_and_what_is_suspended_are_one_line(session, scaling):
    found = read_scaling(session)
    assert found
    assert (found["min_capacity"], found["max_capacity"], found["target"]) == (2, 4, 120.0)
    assert describe_scaling(found) == (
        "  scales from 2 to 4 instances, tracked to 120; suspended: ScheduledScalingSuspended"
    )


def test_an_endpoint_without_scaling_has_none(session):
    assert read_scaling(session) is None
    with dynamic_scaling_suspended(session):
        assert read_scaling(session) is None


def test_a_command_that_is_told_to_end_puts_scaling_back_first(session, scaling):
    with pytest.raises(SystemExit) as ended, dynamic_scaling_suspended(session):
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143
    assert suspended(scaling) == {"ScheduledScalingSuspended"}


def test_load_does_not_scale_inside_and_all_is_as_before_outside_also_after_a_failure(
    session, scaling, capsys
):
    with pytest.raises(KeyboardInterrupt), dynamic_scaling_suspended(session):
        assert suspended(scaling) == {
            "DynamicScalingInSuspended",
            "DynamicScalingOutSuspended",
            "ScheduledScalingSuspended",
        }
        raise KeyboardInterrupt
    assert suspended(scaling) == {"ScheduledScalingSuspended"}
    found = read_scaling(session)
    assert found
    assert found["max_capacity"] == 4
    assert "is suspended" in capsys.readouterr().err


def test_an_alarm_that_the_settings_describe_and_nobody_made_has_no_state(session):
    session.client("cloudwatch").put_metric_alarm(
        AlarmName="breedline-latency",
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    session.client("cloudwatch").set_alarm_state(
        AlarmName="breedline-latency", StateValue="ALARM", StateReason="slow"
    )
    states = {alarm["name"]: alarm["state"] for alarm in read_alarms(session, [])}
    assert states == {
        "breedline-errors-5xx": None,
        "breedline-errors-model": None,
        "breedline-latency": "ALARM",
    }


def test_the_alarms_of_scaling_are_shown_without_their_long_names():
    name = "TargetTracking-endpoint/breedline/variant/AllTraffic-AlarmHigh-" + "0" * 36
    alarms = [
        {"name": name, "state": "ALARM", "reason": "too many", "since": None},
        {"name": "breedline-latency", "state": "OK", "reason": "fast", "since": None},
    ]
    lists = ("executions", "model_packages", "deployments", "retrainings")
    shown = describe_status(
        {"environment": "local", "pipeline": "breedline", "endpoint": None, "scaling": None}
        | {"alarms": alarms}
        | {kind: [] for kind in lists}
    ).splitlines()
    assert "scaling, High      ALARM    too many" in shown
    assert "breedline-latency  OK" in shown  # and no reason why it is well
