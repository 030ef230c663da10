"""Policies: their alarms, what is refused, and steps."""

import pytest

from local.errors import ApiError

METRIC = {
    "MetricName": "CPUUtilization",
    "Namespace": "/aws/sagemaker/Endpoints",
    "Dimensions": [{"Name": "EndpointName", "Value": "dogs"}],
    "Statistic": "Average",
}
TRACKING = "TargetTrackingScalingPolicyConfiguration"


def put(world, name="load", kind="TargetTrackingScaling", **configurations):
    return world.ask("PutScalingPolicy", PolicyName=name, PolicyType=kind, **configurations)


def refusal(world, **request):
    with pytest.raises(ApiError) as caught:
        put(world, **request)
    assert caught.value.code == "ValidationException"
    return caught.value.message


def test_a_tracking_policy_makes_the_two_alarms_that_aws_makes(world):
    world.register()
    answer = world.track(70.0)
    high, low = (world.moto.alarms[alarm["AlarmName"]] for alarm in answer["Alarms"])
    assert high.name.startswith("TargetTracking-endpoint/dogs/variant/main-AlarmHigh-")
    assert low.name.startswith("TargetTracking-endpoint/dogs/variant/main-AlarmLow-")
    for alarm in (high, low):
        assert (alarm.namespace, alarm.metric_name) == ("AWS/SageMaker", "InvocationsPerInstance")
        assert (alarm.statistic, alarm.period) == ("Sum", 60)
        assert {d.name: d.value for d in alarm.dimensions} == {
            "EndpointName": "dogs",
            "VariantName": "main",
        }
        assert alarm.alarm_actions == [answer["PolicyARN"]]
    assert (high.comparison_operator, high.threshold) == ("GreaterThanThreshold", 70.0)
    assert (low.comparison_operator, low.threshold) == ("LessThanThreshold", 63.0)
    assert (high.evaluation_periods, low.evaluation_periods) == (3, 15)


def test_a_policy_that_is_put_again_keeps_its_arn_and_its_alarms(world):
    world.register()
    first = world.track(70.0)
    again = world.track(80.0)
    assert again == first
    assert sorted(alarm.threshold for alarm in world.moto.alarms.values()) == [72.0, 80.0]
    [policy] = world.ask("DescribeScalingPolicies", PolicyNames=["load"])["ScalingPolicies"]
    assert policy["Alarms"] == first["Alarms"]
    assert policy[TRACKING]["TargetValue"] == 80.0


def test_without_scale_in_there_is_no_low_alarm(world):
    world.register()
    world.track(70.0)
    [alarm] = world.track(70.0, DisableScaleIn=True)["Alarms"]
    assert "AlarmHigh" in alarm["AlarmName"]
    assert list(world.moto.alarms) == [alarm["AlarmName"]]


def test_the_alarms_of_a_deleted_policy_are_deleted(world):
    world.register()
    world.track(70.0)
    world.ask("DeleteScalingPolicy", PolicyName="load")
    assert world.moto.alarms == {}


def test_a_metric_of_the_users_own_is_tracked_as_it_is_given(quick_world):
    quick_world.register()
    answer = quick_world.track(50.0, CustomizedMetricSpecification=METRIC)
    alarm = quick_world.moto.alarms[answer["Alarms"][0]["AlarmName"]]
    assert (alarm.metric_name, alarm.statistic) == ("CPUUtilization", "Average")
    assert alarm.threshold == 50.0  # an average does not shrink with the period


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"TargetValue": 0.0, "CustomizedMetricSpecification": METRIC}, "greater than 0"),
        ({"TargetValue": 1.0}, "Exactly one of"),
        (
            {
                "TargetValue": 1.0,
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": (
                        "SageMakerVariantConcurrentRequestsPerModelHighResolution"
                    )
                },
            },
            "does not measure SageMakerVariantConcurrentRequestsPerModelHighResolution",
        ),
        ({"TargetValue": 1.0, "CustomizedMetricSpecification": {"Namespace": "n"}}, "MetricName"),
        (
            {"TargetValue": 1.0, "CustomizedMetricSpecification": {"Metrics": [{"Id": "m"}]}},
            "metric math",
        ),
        (
            {
                "TargetValue": 1.0,
                "CustomizedMetricSpecification": METRIC,
                "ScaleInCooldown": -1,
            },
            "ScaleInCooldown is -1",
        ),
    ],
)
def test_a_tracking_policy_that_cannot_work_is_refused(world, configuration, words):
    world.register()
    assert words in refusal(world, **{TRACKING: configuration})
    assert world.moto.alarms == {}


def test_two_policies_on_one_metric_are_refused(world):
    world.register()
    world.track(70.0)
    with pytest.raises(ApiError, match="load has this one"):
        world.track(50.0, "other")


def test_predictive_policies_and_a_change_of_type_are_refused(world):
    world.register()
    assert "PredictiveScaling" in refusal(world, kind="PredictiveScaling")
    assert TRACKING in refusal(world)
    world.track(70.0)
    steps = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"ScalingAdjustment": 1}]}
    words = refusal(world, kind="StepScaling", StepScalingPolicyConfiguration=steps)
    assert "delete it first" in words


def step_policy(world, *steps, cooldown=0, kind="ChangeInCapacity"):
    adjustments = [
        {
            key: value
            for key, value in zip(
                ("MetricIntervalLowerBound", "MetricIntervalUpperBound", "ScalingAdjustment"),
                step,
                strict=True,
            )
            if value is not None
        }
        for step in steps
    ]
    configuration = {
        "AdjustmentType": kind,
        "StepAdjustments": adjustments,
        "Cooldown": cooldown,
    }
    return put(world, "steps", "StepScaling", StepScalingPolicyConfiguration=configuration)


def alarm(world, arn, threshold=100.0, comparison="GreaterThanThreshold"):
    world.moto.put_metric_alarm(
        name="busy",
        namespace="AWS/SageMaker",
        metric_name="InvocationsPerInstance",
        dimensions=[
            {"Name": "EndpointName", "Value": "dogs"},
            {"Name": "VariantName", "Value": "main"},
        ],
        statistic="Sum",
        comparison_operator=comparison,
        threshold=threshold,
        evaluation_periods=1,
        period=60,
        description="",
        alarm_actions=[arn],
    )


def test_the_step_by_the_size_of_the_breach_is_taken_once_a_period(world):
    world.register(maximum=9)
    alarm(world, step_policy(world, (0, 300, 1), (300, None, 3))["PolicyARN"])
    world.load = 150.0
    assert world.run(110) == 2
    world.load = 5000.0
    assert world.run(60) == 5
    assert world.run(10) == 8
    [policy] = world.ask("DescribeScalingPolicies")["ScalingPolicies"]
    assert [a["AlarmName"] for a in policy["Alarms"]] == ["busy"]


def test_in_the_cooldown_a_larger_step_adds_only_the_difference(world):
    world.register(maximum=9)
    arn = step_policy(world, (0, 300, 2), (300, None, 3), cooldown=600)["PolicyARN"]
    alarm(world, arn)
    world.load = 150.0
    assert world.run(65) == 3
    world.load = 5000.0
    assert world.run(60) == 4


def test_steps_that_take_away_wait_for_their_cooldown(world):
    world.endpoints.make(count=4)
    world.register()
    alarm(
        world,
        step_policy(world, (None, 0, -1), cooldown=300)["PolicyARN"],
        100.0,
        "LessThanThreshold",
    )
    world.load = 40.0
    assert world.run(120) == 3
    assert world.run(240) == 3
    assert world.run(120) == 2


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((), "at least one"),
        (((5, 5, 1),), "no interval"),
        (((0, 10, 1), (20, None, 2)), "without gap or overlap"),
        (((0, 10, 1), (5, None, 2)), "without gap or overlap"),
    ],
)
def test_steps_that_leave_a_breach_open_are_refused(world, steps, words):
    world.register()
    with pytest.raises(ApiError, match=words):
        step_policy(world, *steps)
