"""What is live and since when, from the answers of SageMaker and Step Functions."""

import json
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import settings
from commands.endpoint import describe_endpoint, read_endpoint
from commands.session import Session

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/breedline"


class NotFound(Exception):
    def __init__(self):
        super().__init__("Could not find it.")


class SageMaker:
    """One endpoint with the given fields; configuration `cN` serves version N."""

    exceptions = SimpleNamespace(ClientError=NotFound)

    def __init__(self, **endpoint):
        self.endpoint = endpoint

    def describe_endpoint(self, EndpointName):  # noqa: N803
        if not self.endpoint:
            raise NotFound
        standard = {"EndpointName": EndpointName, "EndpointStatus": "InService"}
        return {**standard, "LastModifiedTime": START + timedelta(days=9), **self.endpoint}

    def describe_endpoint_config(self, EndpointConfigName):  # noqa: N803
        if not EndpointConfigName.startswith("c"):
            raise NotFound
        return {"ProductionVariants": [{"ModelName": EndpointConfigName[1:]}]}

    def describe_model(self, ModelName):  # noqa: N803
        if not ModelName.isdecimal():
            return {"PrimaryContainer": {"Image": "someone/else:1"}}
        return {"PrimaryContainer": {"ModelPackageName": f"{GROUP}/{ModelName}"}}


class StepFunctions:
    """Executions of `deploy` that ended with these outputs, a day apart, the last one newest."""

    exceptions = SimpleNamespace(StateMachineDoesNotExist=LookupError)

    def __init__(self, *outputs):
        self.outputs = outputs

    def list_executions(self, stateMachineArn, maxResults):  # noqa: N803
        if not stateMachineArn.endswith("-deploy"):
            raise LookupError
        return {
            "executions": [
                {
                    "executionArn": str(day),
                    "status": "SUCCEEDED" if output else "FAILED",
                    "startDate": START + timedelta(days=day),
                    "stopDate": START + timedelta(days=day, hours=1),
                }
                for day, output in enumerate(self.outputs)
            ]
        }

    def describe_execution(self, executionArn):  # noqa: N803
        return {"output": json.dumps(self.outputs[int(executionArn)])}


def read(sagemaker, *outputs):
    clients = {"sagemaker": sagemaker, "stepfunctions": StepFunctions(*outputs)}
    loaded = settings.load("local")
    return read_endpoint(Session(loaded, lambda service, **options: clients[service], None, False))


def deployed(config, outcome="Deployed"):
    return {"outcome": outcome, "endpoint_config": config}


def test_the_version_is_live_since_the_end_of_the_deployment_that_brought_it():
    fleet = [{"CurrentInstanceCount": 1, "DesiredInstanceCount": 2}]
    endpoint = read(
        SageMaker(EndpointConfigName="c2", ProductionVariants=fleet),
        deployed("c1"),
        deployed("c2", "RolledBack"),
        None,  # failed, and took itself back
        {"outcome": "AlreadyLive", "endpoint_config": "c2"},
    )
    assert (endpoint["model_version"], endpoint["since"]) == (2, START + timedelta(days=1, hours=1))
    assert describe_endpoint(endpoint) == (
        "Endpoint breedline is InService: version 2 since 2026-01-02 01:00:00, 1 of 2 instances"
    )


def test_a_change_by_another_hand_is_told_by_sagemakers_own_time():
    endpoint = read(SageMaker(EndpointConfigName="c1"), deployed("c1"), deployed("c2"))
    assert endpoint["since"] is None
    assert "version 1 last changed 2026-01-10 00:00:00" in describe_endpoint(endpoint)


def test_a_version_on_its_way_and_a_reason_of_failure_have_lines_of_their_own():
    pending = {"EndpointConfigName": "c3", "StartTime": START}
    endpoint = read(
        SageMaker(
            EndpointConfigName="c2",
            EndpointStatus="Updating",
            PendingDeploymentSummary=pending,
            FailureReason="The alarm rang.",
        )
    )
    assert describe_endpoint(endpoint).splitlines()[1:] == [
        "  version 3 is on its way since 2026-01-01 00:00:00",
        "  The alarm rang.",
    ]


def test_a_configuration_that_is_gone_or_not_ours_has_no_version():
    for config in ("deleted", "cforeign"):
        endpoint = read(SageMaker(EndpointConfigName=config))
        assert endpoint["model_version"] is None
        assert "version unknown" in describe_endpoint(endpoint)


def test_without_an_endpoint_there_is_nothing_to_read():
    assert read(SageMaker()) is None
    assert describe_endpoint(None) == "No endpoint yet."
