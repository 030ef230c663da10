"""The functions: `$LATEST` follows the settings and the sources, the alias does not."""

import dataclasses

import pytest

from errors import BreedlineError
from provision.apply import apply
from provision.archives import Archive
from provision.change import Clients
from provision.functions import _await_ready
from provision.plan import plan
from tests.provision import examples

PREDICT = "breedline-predict"
OTHER = Archive({"handler.py": b"def handler(event, context):\n    return 2\n"})


@pytest.fixture
def aws(clients):
    return clients("lambda")


def changed_code():
    return {**examples.archives(), "predict": OTHER}


def deploy(aws):
    """What a deployment does: publish a version and point the alias to it."""
    version = aws.publish_version(FunctionName=PREDICT)["Version"]
    try:
        aws.update_alias(FunctionName=PREDICT, Name="live", FunctionVersion=version)
    except aws.exceptions.ResourceNotFoundException:
        aws.create_alias(FunctionName=PREDICT, Name="live", FunctionVersion=version)


def test_the_function_has_the_code_and_configuration_of_the_settings(upsert, aws, local):
    upsert()
    found = aws.get_function(FunctionName=PREDICT)
    configuration = found["Configuration"]
    assert configuration["CodeSha256"] == examples.archives()["predict"].code_sha256
    assert (configuration["Runtime"], configuration["Handler"]) == ("python3.12", "handler.handler")
    assert (configuration["MemorySize"], configuration["Timeout"]) == (512, 28)
    assert configuration["Role"].endswith(":role/breedline-eu-west-1-predict")
    assert found["Concurrency"]["ReservedConcurrentExecutions"] == 50
    assert found["Tags"] == {**local.tags, "version": examples.archives()["predict"].version}


def test_each_function_is_told_its_settings(upsert, aws, local):
    endpoint = dataclasses.replace(
        local.endpoint, url_allow_list=("a.example.com", "b.example.com")
    )
    upsert(dataclasses.replace(local, endpoint=endpoint))
    predict = aws.get_function_configuration(FunctionName=PREDICT)["Environment"]["Variables"]
    assert predict == {
        "ENDPOINT_NAMES": "breedline",
        "MAX_REQUEST_BYTES": "4500000",
        "S3_BUCKETS": local.bucket,
        "URL_ALLOW_LIST": "a.example.com,b.example.com",
    }
    smoke = aws.get_function_configuration(FunctionName="breedline-smoke-test")
    assert smoke["Timeout"] == local.smoke.timeout_seconds
    assert smoke["Environment"]["Variables"] == {
        "LATENCY_BUDGET_MS": "2000",
        "MAX_REQUEST_BYTES": "4500000",
        "MIN_CORRECT_FRACTION": "1.0",
    }


def test_a_changed_source_is_an_update_of_its_function_alone(upsert, replan, aws):
    upsert()
    (result,) = upsert(functions=changed_code())
    assert result.change.name == PREDICT
    assert result.change.reason == "code, tags differ"
    code, version = result.change.diff
    assert code.startswith("code: ")
    assert version.startswith("tags.version: ")
    found = aws.get_function_configuration(FunctionName=PREDICT)
    assert found["CodeSha256"] == OTHER.code_sha256
    assert replan(functions=changed_code()) == []


def test_changed_code_stays_behind_the_alias_until_the_next_deployment(
    upsert, replan, aws, clients, local, described
):
    upsert()
    deploy(aws)
    before = aws.get_function_configuration(FunctionName=PREDICT, Qualifier="live")
    (result,) = upsert(functions=changed_code())
    assert "answers with the older one until the next deployment" in result.change.reason
    after = aws.get_function_configuration(FunctionName=PREDICT, Qualifier="live")
    assert after["CodeSha256"] == before["CodeSha256"]
    deploy(aws)
    live = aws.get_function_configuration(FunctionName=PREDICT, Qualifier="live")
    assert live["CodeSha256"] == OTHER.code_sha256


def test_a_changed_setting_is_shown_by_its_name(upsert, replan, local):
    upsert()
    function = dataclasses.replace(
        local.function, memory_mb=1024, timeout_seconds=20, reserved_concurrency=60
    )
    loaded = dataclasses.replace(local, function=function)
    predict, smoke_test = replan(loaded)
    assert predict.diff == (
        "memory_mb: 512 -> 1024",
        "reserved_concurrency: 50 -> 60",
        "timeout_seconds: 28 -> 20",
    )
    assert smoke_test.diff == ("memory_mb: 512 -> 1024",)
    upsert(loaded)
    assert replan(loaded) == []


def test_what_a_deployment_writes_into_the_description_stays(upsert, replan, aws, local):
    upsert()
    aws.update_function_configuration(FunctionName=PREDICT, Description="model version 3")
    assert replan() == []
    function = dataclasses.replace(local.function, memory_mb=1024)
    upsert(dataclasses.replace(local, function=function))
    found = aws.get_function_configuration(FunctionName=PREDICT)
    assert found["Description"] == "model version 3"


def test_a_role_that_is_not_known_yet_delays_the_function(clients, described, local, aws):
    class Early:
        """Lambda, which refuses its first two functions."""

        def __init__(self):
            self.refused = 0

        def create_function(self, **request):
            self.refused += 1
            if self.refused < 3:
                message = "The role defined for the function cannot be assumed by Lambda."
                fault = {"Code": "InvalidParameterValueException", "Message": message}
                raise aws.exceptions.ClientError({"Error": fault}, "CreateFunction")
            return aws.create_function(**request)

        def __getattr__(self, name):
            return getattr(aws, name)

    slept: list[float] = []
    early = Early()
    patient = Clients(
        lambda service: early if service == "lambda" else clients(service), slept.append
    )
    apply(plan(patient, local, described()), patient)
    assert early.refused == 4  # the third call made the first function, the fourth the other one
    assert len(slept) >= 2
    assert aws.get_function_configuration(FunctionName=PREDICT)["FunctionName"] == PREDICT


def test_an_update_is_waited_for_and_its_failure_told_with_the_reason():
    states = [
        {"State": "Active", "LastUpdateStatus": "InProgress"},
        {
            "State": "Active",
            "LastUpdateStatus": "Failed",
            "LastUpdateStatusReason": "The key is disabled.",
        },
    ]

    class Slow:
        def get_function_configuration(self, FunctionName):
            return states.pop(0)

    slept: list[float] = []
    with pytest.raises(BreedlineError, match="could not update 'predict': The key is disabled"):
        _await_ready(Clients(lambda _service: Slow(), slept.append), "predict")
    assert len(slept) == 1
