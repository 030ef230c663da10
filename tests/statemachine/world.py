"""The embedded AWS with everything that a deployment needs, for one endpoint each test."""

from __future__ import annotations

import copy
import dataclasses
import io
import itertools
import json
import logging
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.config
from botocore.exceptions import ClientError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

import settings
from local.alarms import Alarms
from local.backend import open_backend
from local.clock import Clock
from local.events.eventbridge import EventBridge
from local.functions.moto_doors import answer_invocations
from local.functions.service import Functions
from local.gateway import Gateway
from local.models import Models
from local.pipelines.service import Pipelines
from local.registry import Registry
from local.sagemaker import SageMaker
from local.scaling import Scaling
from local.workflows.door import StepFunctionsDoor
from statemachine.definition import compile_machine
from statemachine.endpoint_config import deployed_name
from statemachine.names import VARIANT, Names
from tests.statemachine.endpoints import Endpoints

ACCOUNT, REGION, KEY = "123456789012", "eu-west-1", "LOCALKEY"
PLANNED = ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")
LONGEST = 120.0  # seconds; a busy machine is slow
PREDICT = "def handler(event, context):\n    return {'statusCode': 200, 'version': 'any'}\n"
SMOKE_TEST = """
import json
import logging
BAD = {bad}
def handler(event, context):
    if event["model_version"] in BAD:
        faults = [dict(name="sample", passed=False, detail="It said cat.", milliseconds=3)]
    else:
        faults = []
    well = [dict(name="empty", passed=True, detail="It said 400.", milliseconds=2)]
    return dict(passed=1, failed=len(faults), results=well + faults, asked=event)
"""


logging.getLogger("werkzeug").setLevel(logging.WARNING)


class World:
    """One server; `environment` makes a place of its own in it for a test."""

    def __init__(self, folder: Path) -> None:
        self._numbers = itertools.count(1)
        self._server = make_server("127.0.0.1", 0, lambda *call: [], threaded=True)
        url = f"http://127.0.0.1:{self._server.port}"
        self.environment_of_jobs = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        self.backend = open_backend(folder, ACCOUNT, REGION, self.environment_of_jobs)
        self.functions = Functions(self.backend)
        answer_invocations(self.functions)
        self.endpoints = Endpoints(self.backend)
        self.clock = Clock()
        EventBridge(self.backend, self.clock)
        Alarms(self.backend)
        sagemaker = SageMaker()
        self.scaling = Scaling(self.backend, sagemaker.call, self.clock)
        pipelines = Pipelines(self.backend, sagemaker.call, self.functions.invoke)
        registry, models = Registry(self.backend), Models(self.backend)
        sagemaker.add([registry, models, self.endpoints, pipelines, self.backend.tags])
        self._door = StepFunctionsDoor(self.backend)
        app = DomainDispatcherApplication(create_backend_app)
        self._server.app = Gateway(
            KEY,
            sagemaker,
            app,
            lambda: None,
            credentials=self.backend.credentials,
            calls=self.backend.calls,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self._clients: dict[str, Any] = {}
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        self.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=trust)
        self.scaling.open()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.functions.close()
        self.backend.events.close()
        self.backend.store.close()

    def client(self, service: str) -> Any:
        if service not in self._clients:
            config = botocore.config.Config(
                retries={"total_max_attempts": 1}, read_timeout=LONGEST, max_pool_connections=50
            )
            self._clients[service] = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=self.environment_of_jobs["AWS_ENDPOINT_URL"],
                aws_access_key_id=KEY,
                aws_secret_access_key="secret",
                config=config,
            )
        return self._clients[service]

    def environment(self, **sections: dict[str, Any]) -> Environment:
        """A fresh endpoint, with the local settings but for the given values."""
        return Environment(self, f"e{next(self._numbers)}", sections)


class Environment:
    """What provisioning would make for one endpoint, and what a test asks about it."""

    def __init__(self, world: World, name: str, sections: dict[str, dict[str, Any]]) -> None:
        self.world = world
        self.settings = configured(name, sections)
        self.names = Names(self.settings)
        self._machines: dict[str, str] = {}  # kind -> the document that is there
        self._provision()

    def client(self, service: str) -> Any:
        return self.world.client(service)

    def _provision(self) -> None:
        self.client("dynamodb").create_table(
            TableName=self.names.table,
            KeySchema=[{"AttributeName": "Name", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Name", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        topic = self.client("sns").create_topic(Name=self.names.topic)["TopicArn"]
        sqs = self.client("sqs")
        self._queue = sqs.create_queue(QueueName=f"{self.names.endpoint}-told")["QueueUrl"]
        arn = self.names.arn("sqs", f"{self.names.endpoint}-told")
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self.client("sagemaker").create_model_package_group(
            ModelPackageGroupName=self.settings.pipeline.model_package_group
        )
        self._make_function(self.names.predict, PREDICT)
        self._make_function(self.names.smoke_test, SMOKE_TEST.format(bad=[]))

    def _make_function(self, name: str, source: str) -> None:
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="handler.handler",
            Role=f"arn:aws:iam::{ACCOUNT}:role/any",
            Code={"ZipFile": archive(source)},
            Timeout=20,
        )

    def fail_smoke_tests_of(self, *versions: str) -> None:
        """From now on the smoke tests find fault with these versions."""
        self.test_with(SMOKE_TEST.format(bad=list(versions)))

    def test_with(self, source: str) -> None:
        """From now on this is the function of the smoke tests."""
        self.client("lambda").update_function_code(
            FunctionName=self.names.smoke_test, ZipFile=archive(source)
        )

    def package(self, status: str = "Approved", **more: Any) -> str:
        """Register a model package; its ARN."""
        image = {"Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/any:1"}
        made = self.client("sagemaker").create_model_package(
            ModelPackageGroupName=self.settings.pipeline.model_package_group,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [image],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            CustomerMetadataProperties={"smoke-samples": "s3://bucket/samples"},
            **more,
        )
        return str(made["ModelPackageArn"])

    def config(self, version: int) -> str:
        """The name of a version's configuration."""
        return deployed_name(self.settings, version)

    def machine(self, kind: str = "deploy", change: Any = None) -> str:
        """Create or update the state machine, its document changed by `change`; its ARN."""
        document = impatient(compile_machine(kind, self.settings))
        if change:
            change(document)
        text, known = json.dumps(document), self._machines.get(kind)
        states, arn = self.client("stepfunctions"), self.names.state_machine_arn(kind)
        if known is None:
            role = f"arn:aws:iam::{ACCOUNT}:role/any"
            name = self.names.state_machine(kind)
            states.create_state_machine(name=name, definition=text, roleArn=role)
        elif known != text:
            states.update_state_machine(stateMachineArn=arn, definition=text)
        self._machines[kind] = text
        return arn

    def start(self, value: Any, kind: str = "deploy", change: Any = None) -> str:
        self.machine(kind, change)
        return self.deliver(value, kind)

    def deliver(self, value: Any, kind: str = "deploy") -> str:
        """Start the state machine as it is."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.names.state_machine_arn(kind), input=json.dumps(value)
        )
        return str(started["executionArn"])

    def kill(self, arn: str, at: str) -> str:
        """Begin to deploy a package, and stop the execution when it has come to wait at a state."""
        execution = self.start({"model_package_arn": arn}, change=holding(at))
        self.reach(execution, at)
        self.client("stepfunctions").stop_execution(executionArn=execution)
        assert self.end(execution)["status"] == "ABORTED"
        return execution

    def reach(self, execution: str, state: str) -> None:
        """Wait until an execution has entered a state."""
        ends = time.monotonic() + LONGEST
        while state not in (states := self.states(execution)):
            assert time.monotonic() < ends, states
            time.sleep(0.02)

    def end(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution: its description, output parsed."""
        document = self.world.backend.store.wait(
            "Execution", execution, lambda kept: kept["status"] != "RUNNING", LONGEST
        )
        assert document["status"] != "RUNNING", self.states(execution)
        described: dict[str, Any] = self.client("stepfunctions").describe_execution(
            executionArn=execution
        )
        return described | {"output": json.loads(described.get("output") or "null")}

    def run(self, value: Any, kind: str = "deploy", change: Any = None) -> dict[str, Any]:
        return self.end(self.start(value, kind, change))

    def deploy(self, arn: str, change: Any = None) -> dict[str, Any]:
        return self.run({"model_package_arn": arn}, "deploy", change)

    def roll_back(self, change: Any = None, **request: Any) -> dict[str, Any]:
        return self.run(request, "rollback", change)

    def reconfigured(self, **sections: dict[str, Any]) -> Environment:
        """The same endpoint with other settings."""
        other = copy.copy(self)
        other.settings = configured(self.names.endpoint, sections)
        other.names = Names(other.settings)
        return other

    def states(self, execution: str) -> list[str]:
        """The states that an execution entered, in order."""
        pages = (
            self.client("stepfunctions")
            .get_paginator("get_execution_history")
            .paginate(executionArn=execution)
        )
        events = [event for page in pages for event in page["events"]]
        return [
            e["stateEnteredEventDetails"]["name"] for e in events if "EnteredEventDetails" in str(e)
        ]

    def messages(self) -> list[dict[str, Any]]:
        """What was told since the last question."""
        sqs = self.client("sqs")
        found: list[dict[str, Any]] = []
        while True:
            answer = sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
            if not answer.get("Messages"):
                return found
            for message in answer["Messages"]:
                found.append(json.loads(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])

    def snapshot(self) -> dict[str, Any]:
        """All that a deployment may change, but for approvals and the function's description."""
        return {
            "endpoint": self._endpoint(),
            "configs": sorted(c for c in self.world.endpoints.configs if self._is_ours(c)),
            "models": self._models(),
            "function": self._function(),
            "scaling": self._scaling(),
            "locks": self.client("dynamodb").scan(TableName=self.names.table)["Items"],
        }

    def _is_ours(self, name: str) -> bool:
        return name.startswith(f"{self.names.endpoint}-")

    def _endpoint(self) -> dict[str, Any] | None:
        sagemaker = self.client("sagemaker")
        try:
            shown = sagemaker.describe_endpoint(EndpointName=self.names.endpoint)
        except ClientError:
            return None
        tags = sagemaker.list_tags(ResourceArn=shown["EndpointArn"])["Tags"]
        return {
            "status": shown["EndpointStatus"],
            "config": shown["EndpointConfigName"],
            "instances": shown["ProductionVariants"][0].get("DesiredInstanceCount"),
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
        }

    def _models(self) -> list[str]:
        found = self.client("sagemaker").list_models(NameContains=f"{self.names.endpoint}-")
        return sorted(model["ModelName"] for model in found["Models"])

    def _function(self) -> dict[str, Any]:
        aws, name = self.client("lambda"), self.names.predict
        versions = aws.list_versions_by_function(FunctionName=name)["Versions"]
        aliases = aws.list_aliases(FunctionName=name)["Aliases"]
        warm = aws.list_provisioned_concurrency_configs(FunctionName=name)
        return {
            "versions": sorted(version["Version"] for version in versions),
            "description": versions[0]["Description"] if versions else "",
            "alias": {alias["Name"]: alias["FunctionVersion"] for alias in aliases},
            "provisioned": [
                each["RequestedProvisionedConcurrentExecutions"]
                for each in warm["ProvisionedConcurrencyConfigs"]
            ],
        }

    def _scaling(self) -> dict[str, Any]:
        scaling = self.client("application-autoscaling")
        resource = f"endpoint/{self.names.endpoint}/variant/{VARIANT}"
        here = {"ServiceNamespace": "sagemaker"}
        targets = scaling.describe_scalable_targets(**here, ResourceIds=[resource])
        policies = scaling.describe_scaling_policies(**here, ResourceId=resource)
        planned = scaling.describe_scheduled_actions(**here, ResourceId=resource)
        return {
            "targets": [(t["MinCapacity"], t["MaxCapacity"]) for t in targets["ScalableTargets"]],
            "policies": {
                policy["PolicyName"]: policy["TargetTrackingScalingPolicyConfiguration"]
                for policy in policies["ScalingPolicies"]
            },
            "planned": {
                action["ScheduledActionName"]: {key: action.get(key) for key in PLANNED}
                for action in planned["ScheduledActions"]
            },
        }

    def approval(self, arn: str) -> tuple[str, str]:
        """Status and reason of a package."""
        shown = self.client("sagemaker").describe_model_package(ModelPackageName=arn)
        return shown["ModelApprovalStatus"], shown.get("ApprovalDescription", "")


def configured(name: str, sections: dict[str, dict[str, Any]]) -> settings.Settings:
    """The local settings with an endpoint and a group of this name."""
    quick = {"poll_seconds": 1, "bake_seconds": 0, "canary_wait_seconds": 0, "max_seconds": 600}
    changes: dict[str, dict[str, Any]] = {
        "pipeline": {"name": name, "model_package_group": name},
        "rollout": quick,
    }
    loaded = settings.load("local")
    for section, values in (*changes.items(), *sections.items()):
        part = dataclasses.replace(getattr(loaded, section), **values)
        loaded = dataclasses.replace(loaded, **{section: part})
    return loaded


def impatient(document: dict[str, Any]) -> dict[str, Any]:
    """The document without waits between retries and looks; they are tested by themselves."""
    document = copy.deepcopy(document)
    for state in every_state(document):
        for retrier in state.get("Retry", ()):
            retrier["MaxAttempts"] = 0
        if state["Type"] == "Wait":
            state["Seconds"] = 0
    return document


def holding(state: str) -> Callable[[dict[str, Any]], None]:
    """A change of a document after which it waits before a state, for longer than any test."""

    def change(document: dict[str, Any]) -> None:
        document["States"][f"{state}-"] = document["States"][state]
        document["States"][state] = {"Type": "Wait", "Seconds": 3_600, "Next": f"{state}-"}

    return change


def every_state(document: dict[str, Any]) -> list[dict[str, Any]]:
    """All states, those inside maps included."""
    found = list(document["States"].values())
    inside = [every_state(state["ItemProcessor"]) for state in found if state["Type"] == "Map"]
    return [*found, *itertools.chain.from_iterable(inside)]


def archive(source: str) -> bytes:
    """A function's code as Lambda takes it."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as opened:
        opened.writestr("handler.py", source)
    return body.getvalue()
