"""Traffic raises alarms, alarms change the number of instances, and each change is told."""

import pytest

BACKLOG = {
    "MetricName": "ApproximateBacklogSizePerInstance",
    "Namespace": "AWS/SageMaker",
    "Dimensions": [{"Name": "EndpointName", "Value": "dogs"}],
    "Statistic": "Average",
}


def test_traffic_over_the_target_brings_the_instances_that_it_needs(world):
    world.register(maximum=4)
    world.track(100.0)
    world.load = 250.0
    assert world.run(170) == 1  # three whole minutes are needed
    assert world.run(20) == 3
    [activity] = world.activities()
    assert activity["Description"] == "Setting desired instance count to 3."
    assert "AlarmHigh" in activity["Cause"]
    assert activity["Cause"].endswith("in state ALARM triggered policy load")
    assert world.run(600) == 3  # each has 83 invocations now, which is enough


def test_the_maximum_is_kept_and_the_reason_told_on_request(world):
    world.register(maximum=2)
    world.track(100.0)
    world.load = 900.0
    assert world.run(600) == 2
    assert [a["StatusCode"] for a in world.activities()] == ["Successful"]
    told = world.activities(IncludeNotScaledActivities=True)[0]
    [reason] = told["NotScaledReasons"]
    assert (reason["Code"], reason["MaxCapacity"]) == ("AlreadyAtMaxCapacity", 2)
    assert len(world.activities(IncludeNotScaledActivities=True)) == 2  # not one each round


def test_the_end_of_the_traffic_lowers_the_number_to_the_minimum(world):
    world.register(minimum=1)
    world.track(100.0)
    world.load = 350.0
    assert world.run(240) == 4
    world.load = 0.0
    assert world.run(14 * 60) == 4  # fifteen whole minutes are needed
    assert world.run(180) == 1
    activity = world.activities()[0]
    assert activity["Description"] == "Setting desired instance count to 1."
    assert "AlarmLow" in activity["Cause"]


def test_less_traffic_lowers_the_number_to_what_its_busiest_minute_needs(world):
    world.register(maximum=10)
    world.track(100.0)
    world.load = 900.0
    assert world.run(240) == 9
    world.load = 310.0
    world.run(600)
    world.load = 110.0  # two would do for the last minutes
    assert world.run(420) == 4


def test_the_same_minute_is_not_counted_for_the_instances_that_came_after_it(world):
    world.register(maximum=10)
    world.track(100.0)
    world.load = 300.0
    world.run(180)
    world.endpoints.settles_at_once = False
    assert world.run(600, every=1) == 3


def test_scaling_waits_while_the_endpoint_is_updated(world):
    world.register()
    world.track(100.0)
    world.endpoints.settle("Updating")
    world.load = 300.0
    assert world.run(300) == 1
    world.endpoints.settle()
    assert world.run(10) == 3


def test_an_activity_is_under_way_until_the_endpoint_is_in_service_again(world):
    world.endpoints.settles_at_once = False
    world.register()
    world.track(100.0)
    world.load = 300.0
    world.run(200)
    [activity] = world.activities()
    assert activity["StatusCode"] == "InProgress" and "EndTime" not in activity
    assert activity["StatusMessage"].endswith("Waiting for change to be fulfilled by sagemaker.")
    world.endpoints.settle()
    world.run(10)
    [activity] = world.activities()
    assert activity["StatusCode"] == "Successful"
    assert activity["EndTime"] > activity["StartTime"]


@pytest.mark.parametrize(
    ("status", "count", "code", "words"),
    [("Failed", 3, "Failed", "no capacity"), ("InService", 1, "Unfulfilled", "it is 1 now")],
)
def test_an_activity_that_came_to_nothing_says_why(world, status, count, code, words):
    world.endpoints.settles_at_once = False
    world.register()
    world.track(100.0)
    world.load = 300.0
    world.run(200)
    world.endpoints.endpoints["dogs"]["ProductionVariants"][0]["DesiredInstanceCount"] = count
    world.endpoints.settle(status, FailureReason="no capacity")
    world.load = 0.0
    world.run(10)
    [activity] = world.activities()
    assert activity["StatusCode"] == code
    assert words in activity["StatusMessage"]


def test_a_refused_change_fails_and_is_tried_again_a_minute_later(world):
    world.endpoints.refusal = "The account-level service limit is 1 Instances."
    world.register()
    world.track(100.0)
    world.load = 300.0
    assert world.run(220) == 1
    [activity] = world.activities()
    assert activity["StatusCode"] == "Failed"
    assert activity["StatusMessage"] == (
        "Failed to set desired instance count to 3. Reason: " + world.endpoints.refusal
    )
    world.endpoints.refusal = ""
    assert world.run(60) == 3


def test_a_scale_out_within_the_cooldown_counts_what_was_added(world):
    world.register(maximum=10)
    world.track(100.0, ScaleOutCooldown=300)
    world.load = 300.0
    assert world.run(190) == 3
    world.load = 1200.0  # 400 for each of three: one instance alone would need four
    assert world.run(60) == 4
    assert world.run(300) > 4


def test_scaling_in_waits_for_its_cooldown_and_scaling_out_does_not(world):
    world.endpoints.make(count=4)
    world.register(maximum=9)
    world.track(100.0, ScaleInCooldown=600)
    world.load = 290.0
    assert world.run(16 * 60) == 3
    world.load = 10.0
    assert world.run(9 * 60) == 3
    world.load = 800.0
    assert world.run(200) == 8


def test_scaling_in_goes_on_after_the_cooldown(world):
    world.endpoints.make(count=4)
    world.register()
    world.track(100.0, ScaleInCooldown=1200)
    world.load = 290.0
    assert world.run(16 * 60) == 3
    ended = world.activities()[0]["EndTime"]
    world.load = 10.0
    world.run(30 * 60)
    [second, first] = world.activities()
    assert first["EndTime"] == ended
    assert second["StartTime"] >= ended + 1200


def test_a_policy_that_may_not_scale_in_does_not(world):
    world.endpoints.make(count=4)
    world.register()
    world.track(100.0, DisableScaleIn=True)
    assert world.run(20 * 60) == 4


def test_the_larger_of_two_policies_counts_and_both_must_agree_to_scale_in(world):
    world.endpoints.make(count=2)
    world.register(maximum=10)
    world.track(100.0)
    world.track(5.0, "queue", CustomizedMetricSpecification=BACKLOG)
    world.load = 400.0
    for minute in range(6):
        queued = 40.0 / world.endpoints.count
        metric = ("AWS/SageMaker", "ApproximateBacklogSizePerInstance", queued)
        world.backend.metrics.put(*metric, {"EndpointName": "dogs"}, world.backend.now())
        assert world.run(60) == (2 if minute < 2 else 8)
    world.load = 0.0
    assert world.run(20 * 60) == 8  # the queue is not known to be short


def test_without_data_of_a_custom_metric_nothing_is_scaled(world):
    world.endpoints.make(count=3)
    world.register()
    world.track(5.0, CustomizedMetricSpecification=BACKLOG)
    assert world.run(20 * 60) == 3


def test_what_is_suspended_rests(world):
    world.endpoints.make(count=2)
    suspended = {"DynamicScalingOutSuspended": True, "DynamicScalingInSuspended": True}
    world.register(SuspendedState=suspended)
    world.track(100.0)
    world.load = 800.0
    assert world.run(300) == 2
    world.ask("RegisterScalableTarget", SuspendedState={"DynamicScalingInSuspended": True})
    assert world.run(60) == 4
    world.load = 0.0
    assert world.run(20 * 60) == 4
    world.ask("RegisterScalableTarget", SuspendedState={})
    assert world.run(60) == 1


def test_a_shorter_period_is_quicker_and_means_the_same_load(quick_world):
    world = quick_world
    world.register()
    world.track(100.0, ScaleOutCooldown=300)
    assert {a.period for a in world.moto.alarms.values()} == {10}
    world.load = 90.0
    assert world.run(60) == 1
    world.load = 300.0
    assert world.run(40) == 3
    world.load = 0.0
    assert world.run(170) == 1


def test_a_deleted_endpoint_is_no_longer_scaled(world):
    world.register()
    world.track()
    del world.endpoints.endpoints["dogs"]
    world.run(10)
    assert world.ask("DescribeScalableTargets")["ScalableTargets"] == []
    assert world.moto.alarms == {}


def test_alarms_whose_actions_are_disabled_scale_nothing(world):
    world.register()
    world.track(100.0)
    world.moto.disable_alarm_actions(list(world.moto.alarms))
    world.load = 500.0
    assert world.run(300) == 1


def test_an_idle_variant_is_told_as_zero(world):
    world.register()
    world.track()
    world.run(240)
    points = [p.value for p in world.moto.metric_data if p.name == "InvocationsPerInstance"]
    assert points and set(points) == {0.0}
