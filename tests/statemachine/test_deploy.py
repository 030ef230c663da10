"""A deployment as a whole, from the approved package to the answering version."""

from __future__ import annotations

import json

import pytest

from tests.statemachine.world import Environment, World

PREFIX = "arn:aws:sagemaker:eu-west-1:123456789012:model-package"


def test_a_first_deployment_makes_everything(aws):
    done = aws.deploy(aws.package())
    assert done["status"] == "SUCCEEDED", done
    assert done["output"]["outcome"] == "Deployed"
    assert done["output"]["smoke_tests"]["failed"] == 0
    (message,) = aws.messages()
    assert message["event"] == "Deployed"
    made = aws.snapshot()
    assert made["endpoint"]["config"] == done["output"]["endpoint_config"] == aws.config(1)
    assert made["endpoint"]["tags"]["model-version"] == "1"
    assert made["function"]["alias"] == {"live": "1"}
    assert made["function"]["description"] == "Answers with model version 1"
    assert made["function"]["provisioned"] == [1]
    assert made["scaling"]["targets"] == [(2, 4)]
    assert made["locks"] == []


@pytest.fixture(scope="module")
def serving(world: World) -> Environment:
    """An endpoint that serves version 2."""
    made = world.environment()
    older = made.package()
    assert made.deploy(older)["status"] == "SUCCEEDED"
    assert made.deploy(made.package())["status"] == "SUCCEEDED"
    made.messages()
    return made


def arn_of(aws: Environment, version: int) -> str:
    return f"{PREFIX}/{aws.settings.pipeline.model_package_group}/{version}"


def test_the_live_version_is_not_deployed_again(serving):
    before = serving.snapshot()
    done = serving.deploy(arn_of(serving, 2))
    assert done["output"]["outcome"] == "AlreadyLive"
    assert done["output"]["endpoint_config"] == serving.config(2)
    assert serving.snapshot() == before
    assert serving.messages() == []


def test_an_older_version_is_told_the_way_back(serving):
    before = serving.snapshot()
    done = serving.deploy(arn_of(serving, 1))
    assert done["output"]["outcome"] == "Superseded"
    assert done["output"]["live_version"] == 2
    assert "rollback --to VERSION" in done["output"]["hint"]
    (message,) = serving.messages()
    assert (message["event"], message["version"]) == ("Superseded", 1)
    assert serving.snapshot() == before
    assert serving.approval(arn_of(serving, 1))[0] == "Approved"


def test_a_package_that_is_not_approved_is_left_alone(serving):
    before, arn = serving.snapshot(), serving.package("PendingManualApproval")
    done = serving.deploy(arn)
    assert done["output"]["outcome"] == "NotApproved"
    assert serving.approval(arn)[0] == "PendingManualApproval"
    assert serving.snapshot() == before
    assert serving.messages() == []


def test_a_package_of_another_group_is_refused_and_keeps_its_approval(world, serving):
    before, arn = serving.snapshot(), world.environment().package()
    ended = serving.deploy(arn)
    assert (ended["status"], ended["error"]) == ("FAILED", "WrongGroup")
    assert f"{arn} is no model package of the group {serving.names.endpoint}" in ended["cause"]
    assert serving.snapshot() == before
    assert serving.approval(arn)[0] == "Approved"
    (message,) = serving.messages()
    assert (message["event"], message["error"]) == ("DeploymentFailed", "WrongGroup")


@pytest.mark.parametrize("value", ({}, {"model_package_arn": 7}, "x"))
def test_an_input_that_names_no_package_fails_with_a_sentence(serving, value):
    ended = serving.run(value)
    assert (ended["status"], ended["error"]) == ("FAILED", "NoPackageNamed")
    assert 'it is {"model_package_arn": "arn:…"}' in ended["cause"]
    assert serving.messages()[0]["event"] == "DeploymentFailed"


def test_a_package_that_does_not_exist_fails_in_sagemakers_words(serving):
    ended = serving.deploy(arn_of(serving, 404))
    assert (ended["status"], ended["error"]) == ("FAILED", "SageMaker.SageMakerException")
    assert "The state DescribePackage failed" in ended["cause"]
    assert serving.messages()[0]["cause"]


def fleet(aws: Environment, count: int | None = None) -> int:
    """How many instances the endpoint has; with `count`, after scaling has set it so."""
    variant = aws.world.endpoints.endpoints[aws.names.endpoint]["_variants"][0]
    if count is not None:
        variant["DesiredInstanceCount"] = variant["CurrentInstanceCount"] = count
    return int(variant["DesiredInstanceCount"])


def test_three_instances_that_scaling_has_set_stay_three_over_an_update(serving):
    fleet(serving, 3)
    serving.deploy(serving.package())
    assert fleet(serving) == 3
    update = serving.world.endpoints.updates[-1]
    assert update["RetainAllVariantProperties"] is True
    excluded = update["ExcludeRetainedVariantProperties"]
    assert excluded == [{"VariantPropertyType": "DataCaptureConfig"}]
    policy = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    assert len(update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]) == 3


def test_a_fleet_of_one_is_replaced_at_once_and_still_guarded(serving):
    fleet(serving, 1)
    serving.deploy(serving.package())
    policy = serving.world.endpoints.updates[-1]["DeploymentConfig"]
    routing = policy["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["Type"] == "ALL_AT_ONCE"
    assert len(policy["AutoRollbackConfiguration"]["Alarms"]) == 3


def test_an_update_that_sagemaker_rolls_back_in_silence_is_a_failure(serving):
    before, arn = serving.snapshot(), serving.package()
    config = serving.config(int(arn.rpartition("/")[2]))
    serving.world.endpoints.bad[config] = "One or more alarms are in the ALARM state"
    ended = serving.deploy(arn)
    assert (ended["status"], ended["error"]) == ("FAILED", "EndpointRolledBack")
    assert f"InService with the configuration {before['endpoint']['config']}" in ended["cause"]
    assert serving.snapshot() == before
    status, reason = serving.approval(arn)
    assert status == "Rejected"
    assert "One or more alarms are in the ALARM state" in reason


def test_failed_smoke_tests_take_the_version_back_with_their_words(serving):
    before, arn = serving.snapshot(), serving.package()
    serving.fail_smoke_tests_of(arn.rpartition("/")[2])
    ended = serving.deploy(arn)
    assert (ended["status"], ended["error"]) == ("FAILED", "SmokeTestsFailed")
    assert serving.snapshot() == before
    assert "It said cat." in serving.approval(arn)[1]
    assert "It said 400." not in ended["cause"]  # of a test that passed


def test_a_first_endpoint_that_does_not_come_up_is_removed(aws):
    before, arn = aws.snapshot(), aws.package()
    aws.world.endpoints.bad[aws.config(1)] = "The container did not answer its ping"
    ended = aws.deploy(arn)
    assert ended["error"] == "EndpointRolledBack"
    assert "The container did not answer its ping" in ended["cause"]
    assert aws.snapshot() == before


def make_endpoint(aws: Environment, config: str, bad: bool = False) -> None:
    """An endpoint that nobody here deployed."""
    sagemaker = aws.client("sagemaker")
    variant = {"VariantName": "AllTraffic", "ModelName": "any", "InitialInstanceCount": 2}
    variant |= {"InstanceType": aws.settings.endpoint.instance_type}
    sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    if bad:
        aws.world.endpoints.bad[config] = "No capacity"
    sagemaker.create_endpoint(EndpointName=aws.names.endpoint, EndpointConfigName=config)


def test_an_endpoint_that_failed_to_come_up_earlier_makes_place(aws):
    make_endpoint(aws, f"{aws.names.endpoint}-lost", bad=True)
    done = aws.deploy(aws.package())
    assert "RemoveFailedEndpoint" in aws.states(done["executionArn"])
    assert done["output"]["outcome"] == "Deployed"
    assert aws.snapshot()["endpoint"]["config"] == aws.config(1)


def test_an_endpoint_with_somebody_elses_configuration_is_taken_over_and_back(aws):
    config = f"theirs-of-{aws.names.endpoint}"
    make_endpoint(aws, config)
    aws.fail_smoke_tests_of("1")
    assert aws.deploy(aws.package())["error"] == "SmokeTestsFailed"
    assert aws.snapshot()["endpoint"]["config"] == config
    assert aws.deploy(aws.package())["output"]["outcome"] == "Deployed"
    assert aws.snapshot()["endpoint"]["config"] == aws.config(2)


def test_other_settings_deploy_the_live_version_anew(aws):
    arn = aws.package()
    aws.deploy(arn)
    other = aws.reconfigured(endpoint={"capture_percent": 7})
    assert other.config(1) != aws.config(1)
    assert other.deploy(arn)["output"]["outcome"] == "Deployed"
    assert other.snapshot()["endpoint"]["config"] == other.config(1)


def test_another_instance_type_leaves_scaling_first_and_comes_back_to_it(aws):
    aws.deploy(aws.package())
    other = aws.reconfigured(endpoint={"instance_type": "ml.c5.xlarge"})
    done = other.deploy(other.package())
    states = other.states(done["executionArn"])
    assert states.index("DeregisterScaling") < states.index("UpdateByCanary")
    assert states.index("UpdateByCanary") < states.index("RegisterScaling")
    assert other.snapshot()["scaling"]["targets"] == [(2, 4)]
    before = other.snapshot()
    aws.fail_smoke_tests_of("3")
    back = aws.deploy(aws.package())
    states = aws.states(back["executionArn"])
    assert states.index("DeregisterBack") < states.index("SendBack") < states.index("RegisterBack")
    assert aws.snapshot() == before


@pytest.mark.parametrize("kind", ("serverless", "asynchronous"))
def test_every_kind_of_endpoint_is_deployed_and_taken_back(world, kind):
    aws = world.environment(endpoint={"kind": kind})
    assert aws.deploy(aws.package())["output"]["outcome"] == "Deployed"
    before = aws.snapshot()
    assert bool(before["scaling"]["targets"]) == (kind == "asynchronous")
    world.endpoints.bad[aws.config(2)] = "No capacity"
    assert aws.deploy(aws.package())["status"] == "FAILED"
    assert aws.snapshot() == before


def test_a_reason_that_is_too_long_for_the_registry_is_told_briefly(aws):
    long, arn = "x" * 1_000, aws.package()
    aws.world.endpoints.bad[aws.config(1)] = long
    ended = aws.deploy(arn)
    assert len(ended["cause"]) > 1_000
    assert aws.approval(arn) == ("Rejected", "CheckEndpoint failed: EndpointRolledBack")
    (message,) = aws.messages()
    assert long in message["cause"]


# As many tests as there may be samples, with details as long as they may be, all of them failed.
LARGEST = """
def handler(event, context):
    one = dict(name="known image 000", passed=False, detail="\u00e4" * 160, milliseconds=2000)
    return dict(passed=0, failed=120, results=[one] * 120)
"""


def test_the_largest_results_of_smoke_tests_fit_into_states_and_messages(aws):
    aws.test_with(LARGEST)
    ended = aws.deploy(aws.package())
    assert ended["error"] == "SmokeTestsFailed"
    states = aws.client("stepfunctions")
    pages = states.get_paginator("get_execution_history").paginate(
        executionArn=ended["executionArn"]
    )
    events = [event for page in pages for event in page["events"]]
    assert max(len(json.dumps(event, default=str)) for event in events) < 262_144
    assert len(ended["cause"]) < 32_768
    (message,) = aws.messages()
    assert message["state"] == "SmokeTest"
    assert len(json.dumps(message)) < 262_144
