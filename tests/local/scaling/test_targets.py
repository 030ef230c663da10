"""Targets: what is accepted and refused, limits that are enforced, what goes with a target."""

import pytest

from local.endpoints.scaled import is_scaled
from local.errors import ApiError
from local.scaling.moto_doors import ACTIONS

TAKES_NAME = {
    "PutScalingPolicy": "PolicyName",
    "DeleteScalingPolicy": "PolicyName",
    "PutScheduledAction": "ScheduledActionName",
    "DeleteScheduledAction": "ScheduledActionName",
}


def refusal(world, action, **request):
    with pytest.raises(ApiError) as caught:
        world.ask(action, **request)
    return caught.value.code, caught.value.message


def test_a_target_is_registered_with_what_aws_adds(world):
    world.register(1, 3)
    target = world.target()
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 3)
    assert target["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    assert set(target["SuspendedState"].values()) == {False}


def test_registering_again_changes_what_is_given_and_keeps_the_rest(world):
    world.register(1, 3, SuspendedState={"ScheduledScalingSuspended": True})
    before = world.target()
    world.ask("RegisterScalableTarget", MaxCapacity=5)
    after = world.target()
    assert after == {**before, "MaxCapacity": 5}
    assert after["SuspendedState"]["ScheduledScalingSuspended"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"ResourceId": "endpoint/cats/variant/main"}, "endpoint/cats/variant/main"),
        ({"ResourceId": "endpoint/dogs/variant/other"}, "endpoint/dogs/variant/other"),
        ({"ResourceId": "dogs"}, "endpoint/NAME/variant/VARIANT"),
        ({"MinCapacity": 0}, "at least 1"),
        ({"MinCapacity": -1}, "MinCapacity is -1"),
        ({"MinCapacity": 5}, "4 is less than 5"),
        ({"MaxCapacity": None}, "MaxCapacity"),
        ({"ScalableDimension": "sagemaker:inference-component:DesiredCopyCount"}, "scales sage"),
    ],
)
def test_what_cannot_be_scaled_is_refused_by_name(world, request_, words):
    code, message = refusal(
        world, "RegisterScalableTarget", **{"MinCapacity": 1, "MaxCapacity": 4, **request_}
    )
    assert code == "ValidationException"
    assert words in message
    assert world.ask("DescribeScalableTargets")["ScalableTargets"] == []


def test_a_new_target_needs_both_limits(world):
    code, message = refusal(world, "RegisterScalableTarget", MinCapacity=1)
    assert code == "ValidationException"
    assert "both MinCapacity and MaxCapacity" in message


def test_an_asynchronous_endpoint_may_go_without_instances(world):
    world.endpoints.make(AsyncInferenceConfig={"OutputConfig": {}})
    world.register(minimum=0)
    assert world.target()["MinCapacity"] == 0


def test_a_serverless_variant_has_nothing_to_scale(world):
    world.endpoints.make(ProductionVariants=[{"VariantName": "main"}])
    code, message = refusal(world, "RegisterScalableTarget", MinCapacity=1, MaxCapacity=2)
    assert "has no instances" in message


@pytest.mark.parametrize("action", ["DeregisterScalableTarget", *TAKES_NAME])
def test_what_is_not_registered_is_not_found(world, action):
    more = {TAKES_NAME[action]: "any"} if action in TAKES_NAME else {}
    code, message = refusal(world, action, **more)
    assert code == "ObjectNotFoundException"
    assert "resource ID: endpoint/dogs/variant/main" in message


@pytest.mark.parametrize("action", ["DeleteScalingPolicy", "DeleteScheduledAction"])
def test_an_unknown_name_of_a_registered_target_is_not_found(world, action):
    world.register()
    code, message = refusal(world, action, **{TAKES_NAME[action]: "other"})
    assert code == "ObjectNotFoundException"
    assert message.endswith(": other")


def test_all_of_a_target_goes_with_it(world):
    world.register()
    world.track()
    limits = {"MinCapacity": 2}
    world.ask(
        "PutScheduledAction",
        ScheduledActionName="evening",
        Schedule="rate(1 day)",
        ScalableTargetAction=limits,
    )
    world.ask("DeregisterScalableTarget")
    assert world.moto.alarms == {}
    world.register()
    assert world.ask("DescribeScalingPolicies")["ScalingPolicies"] == []
    assert world.ask("DescribeScheduledActions")["ScheduledActions"] == []


def test_a_count_outside_new_limits_is_brought_inside_once(world):
    world.register(2, 4)
    assert world.run(10) == 2
    world.ask("RegisterScalableTarget", MinCapacity=1, MaxCapacity=1)
    assert world.run(10) == 1
    causes = [activity["Cause"] for activity in world.activities()]
    assert causes == ["maximum capacity was set to 1", "minimum capacity was set to 2"]
    world.endpoints.make(count=3)  # by hand; AWS leaves that alone, too
    assert world.run(10) == 3


def test_new_limits_wait_for_an_endpoint_that_is_updated(world):
    world.endpoints.settle("Updating")
    world.register(2, 4)
    assert world.run(30) == 1
    [activity] = world.activities()
    assert activity["StatusCode"] == "Pending"
    world.endpoints.settle()
    assert world.run(20) == 2
    [activity] = world.activities()
    assert activity["StatusCode"] == "Successful"


def test_waiting_limits_that_change_again_override_what_waits(world):
    world.endpoints.settle("Updating")
    world.register(2, 4)
    world.run(10)
    world.register(3, 4)
    world.run(10)
    world.endpoints.settle()
    assert world.run(20) == 3
    codes = [activity["StatusCode"] for activity in world.activities()]
    assert codes == ["Successful", "Overridden"]
    assert world.endpoints.asked == [3]


def test_before_the_journal_is_replayed_endpoints_need_not_be_there(world):
    del world.endpoints.endpoints["dogs"]
    replaying = world._made()
    request = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/dogs/variant/main",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "MinCapacity": 0,
        "MaxCapacity": 2,
    }
    replaying.answer("RegisterScalableTarget", request, "eu-west-1")
    assert is_scaled("123456789012", "eu-west-1", "dogs", "main")
    replaying.open()
    with pytest.raises(ApiError):
        replaying.answer("RegisterScalableTarget", request, "eu-west-1")


def test_endpoints_see_which_of_their_variants_are_scaled(world):
    where = ("123456789012", "eu-west-1", "dogs")
    assert not is_scaled(*where, "main")
    world.register()
    assert is_scaled(*where, "main")
    assert not is_scaled(*where, "mai")
    world.ask("DeregisterScalableTarget")
    assert not is_scaled(*where, "main")


def test_another_region_is_refused_for_every_action(world):
    for action in ACTIONS:
        request = {"ServiceNamespace": "sagemaker"}
        with pytest.raises(ApiError) as caught:
            world.scaling.answer(action, {**request}, "us-east-1")
        assert caught.value.code == "ValidationException"


def test_answers_come_in_pages(world):
    for number in range(3):
        world.endpoints.make(f"e{number}")
        world.register(ResourceId=f"endpoint/e{number}/variant/main")
    first = world.ask("DescribeScalableTargets", MaxResults=2)
    assert len(first["ScalableTargets"]) == 2
    rest = world.ask("DescribeScalableTargets", MaxResults=2, NextToken=first["NextToken"])
    assert [t["ResourceId"] for t in rest["ScalableTargets"]] == ["endpoint/e2/variant/main"]
    code, _ = refusal(world, "DescribeScalableTargets", NextToken="!")
    assert code == "InvalidNextTokenException"
