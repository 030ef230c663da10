"""Provisioned concurrency: environments are there before the first call."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

COUNTING = """
import os
print("loaded")
calls = 0
def answer(event, context):
    global calls
    calls += 1
    if event.get("crash"):
        os._exit(1)
    return {"calls": calls, "pid": os.getpid(), "version": context.function_version,
            "kind": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]}
"""


@pytest.fixture
def live(aws):
    """A function with a version, an alias of it, and one environment provisioned for that."""
    aws.create(COUNTING, Publish=True, Timeout=60)
    aws.functions.create_alias(FunctionName="dogs", Name="live", FunctionVersion="1")
    assert provision(aws, 1)["Status"] in ("IN_PROGRESS", "READY")
    wait_until_ready(aws)
    return aws


def provision(aws, number: int, qualifier: str = "live", name: str = "dogs"):
    return aws.functions.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=number
    )


def describe(aws, qualifier: str = "live"):
    return aws.functions.get_provisioned_concurrency_config(
        FunctionName="dogs", Qualifier=qualifier
    )


def wait_until_ready(aws, number: int = 1, qualifier: str = "live"):
    def ready():
        found = describe(aws, qualifier)
        available = found["AvailableProvisionedConcurrentExecutions"]
        return found if (found["Status"], available) == ("READY", number) else None

    return aws.wait_for(ready)


def resource(metric: str, aws) -> float:
    dimensions = {"FunctionName": "dogs", "Resource": "dogs:live"}
    return float(aws.sums("AWS/Lambda", f"ProvisionedConcurrency{metric}", **dimensions))


def test_the_first_call_finds_a_loaded_handler(live):
    found = describe(live)
    assert found["RequestedProvisionedConcurrentExecutions"] == 1
    assert found["AllocatedProvisionedConcurrentExecutions"] == 1
    assert live.log() == ["loaded"]
    seen, _ = live.invoke(Qualifier="live")
    assert (seen["calls"], seen["kind"]) == (1, "provisioned-concurrency")
    log = live.log()
    assert log[1].startswith("START")
    assert "Init Duration" not in log[-1]
    assert resource("Invocations", live) == 1
    assert resource("SpilloverInvocations", live) == 0
    assert resource("Utilization", live) == 1


def test_what_is_too_much_for_it_spills_over(live, tmp_path):
    source = """
import os, pathlib, time
def answer(event, context):
    pathlib.Path(event, str(os.getpid())).touch()
    while len(os.listdir(event)) < 2:
        time.sleep(0.02)
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""
    live.functions.update_alias(
        FunctionName="dogs", Name="live", FunctionVersion=live.publish(source)
    )
    wait_until_ready(live)
    folder = tmp_path / "calls"
    folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(live.invoke, str(folder), Qualifier="live") for _ in range(2)]
        kinds = sorted(call.result()[0] for call in calls)
    assert kinds == ["on-demand", "provisioned-concurrency"]
    assert resource("SpilloverInvocations", live) == 1


def test_it_follows_its_alias_to_a_new_version(live):
    before, _ = live.invoke(Qualifier="live")
    version = live.publish(COUNTING + "\n# newer")
    live.functions.update_alias(FunctionName="dogs", Name="live", FunctionVersion=version)
    wait_until_ready(live)
    after, _ = live.invoke(Qualifier="live")
    assert (after["version"], after["kind"]) == ("2", "provisioned-concurrency")
    live.wait_for(lambda: live.ended(before["pid"]))
    assert live.invoke(Qualifier="1")[0]["kind"] == "on-demand"


def test_an_environment_that_is_lost_is_replaced(live):
    seen, _ = live.invoke(Qualifier="live")
    os.kill(seen["pid"], signal.SIGKILL)
    live.wait_for(lambda: live.ended(seen["pid"]))
    wait_until_ready(live)
    live.invoke({"crash": True}, Qualifier="live")
    wait_until_ready(live)
    again, _ = live.invoke(Qualifier="live")
    assert (again["calls"], again["kind"]) == (1, "provisioned-concurrency")


def test_more_and_fewer_can_be_asked_for(live):
    provision(live, 3)
    wait_until_ready(live, 3)
    provision(live, 1)
    assert wait_until_ready(live, 1)["RequestedProvisionedConcurrentExecutions"] == 1
    listed = live.functions.list_provisioned_concurrency_configs(FunctionName="dogs")
    (config,) = listed["ProvisionedConcurrencyConfigs"]
    assert config["FunctionArn"].endswith(":function:dogs:live")
    live.functions.delete_provisioned_concurrency_config(FunctionName="dogs", Qualifier="live")
    with live.refusal("ProvisionedConcurrencyConfigNotFoundException"):
        describe(live)
    assert live.invoke(Qualifier="live")[0]["kind"] == "on-demand"


def test_a_version_that_cannot_be_loaded_fails_with_the_reason(aws):
    aws.create("raise RuntimeError('no dogs')", Publish=True)
    provision(aws, 1, qualifier="1")
    found = aws.wait_for(
        lambda: found if (found := describe(aws, "1"))["Status"] != "IN_PROGRESS" else None
    )
    assert found["Status"] == "FAILED"
    assert found["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE: RuntimeError: no dogs"
    assert found["AllocatedProvisionedConcurrentExecutions"] == 0


def test_unpublished_code_cannot_be_provisioned(aws):
    aws.create(COUNTING)
    aws.functions.create_alias(FunctionName="dogs", Name="next", FunctionVersion="$LATEST")
    for qualifier in ("$LATEST", "next"):
        with aws.refusal("InvalidParameterValueException") as said:
            provision(aws, 1, qualifier=qualifier)
        assert "cannot be applied to unpublished function versions" in said["Message"]


def test_it_is_part_of_what_is_reserved(live):
    live.functions.put_function_concurrency(FunctionName="dogs", ReservedConcurrentExecutions=2)
    with live.refusal("InvalidParameterValueException") as said:
        provision(live, 3)
    assert "greater than the reservedConcurrentExecution" in said["Message"]
    provision(live, 2)
    with live.refusal("InvalidParameterValueException") as said:
        live.functions.put_function_concurrency(FunctionName="dogs", ReservedConcurrentExecutions=1)
    assert (
        "should not be lower than function's total provisioned concurrency [2]" in (said["Message"])
    )
    wait_until_ready(live, 2)
    with live.refusal("TooManyRequestsException"):
        live.invoke()  # all that is reserved is set aside for the alias
    assert live.invoke(Qualifier="live")[0]["kind"] == "provisioned-concurrency"


def test_it_takes_from_what_other_functions_share(live):
    def unreserved():
        limit = live.functions.get_account_settings()["AccountLimit"]
        return limit["UnreservedConcurrentExecutions"]

    assert unreserved() == 999
    with live.refusal("InvalidParameterValueException") as said:
        provision(live, 901)
    assert "greater than account's unreserved concurrency [900]" in said["Message"]


def test_weights_and_provisioned_concurrency_exclude_each_other(live):
    live.publish(COUNTING + "\n# newer")
    routing = {"AdditionalVersionWeights": {"2": 0.1}}
    with live.refusal("InvalidParameterValueException") as said:
        live.functions.update_alias(FunctionName="dogs", Name="live", RoutingConfig=routing)
    assert said["Message"] == "Alias with weights can not be used with Provisioned Concurrency"
    live.functions.create_alias(
        FunctionName="dogs", Name="next", FunctionVersion="1", RoutingConfig=routing
    )
    with live.refusal("InvalidParameterValueException"):
        provision(live, 1, qualifier="next")
