"""A gateway that listens, with the embedded Step Functions behind it, and boto3's clients of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import moto.stepfunctions.urls as moto_urls
import pytest
from moto.dynamodb.models import dynamodb_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3 import models as moto_s3
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.ssm.models import ssm_backends
from werkzeug.serving import make_server

from local.backend import Backend, open_backend
from local.functions.moto_doors import REPLACED, answer_invocations
from local.functions.service import Functions
from local.gateway import Gateway
from local.jobs.processing import ProcessingJobs
from local.sagemaker import SageMaker
from local.workflows.door import StepFunctionsDoor

ACCOUNT, REGION, KEY = "123456789012", "eu-west-1", "LOCALKEY"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/workflow"
LONGEST = 120.0  # seconds; a busy machine is slow


class Aws:
    """The embedded AWS under one folder; `stop` and `start` again keep what is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        self.server = make_server("127.0.0.1", 0, lambda *call: [], threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.backend = open_backend(self.folder, ACCOUNT, REGION, self.environment())
        answer_invocations(Functions(self.backend))
        self.sagemaker = SageMaker()
        self.sagemaker.add([ProcessingJobs(self.backend)])
        self.door = StepFunctionsDoor(self.backend)
        self.door.recover()
        app = DomainDispatcherApplication(create_backend_app)
        keys, calls = self.backend.credentials, self.backend.calls
        self.server.app = Gateway(
            KEY, self.sagemaker, app, lambda: None, credentials=keys, calls=calls
        )
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self._thread.start()
        self.states = self.client("stepfunctions")

    def stop(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()
        self.backend.store.close()

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=KEY,
            aws_secret_access_key="secret",
            config=botocore.config.Config(
                retries={"total_max_attempts": 1}, inject_host_prefix=False
            ),
        )

    def create(self, definition: Any, name: str = "machine", **more: Any) -> str:
        text = definition if isinstance(definition, str) else json.dumps(definition)
        made = self.states.create_state_machine(name=name, definition=text, roleArn=ROLE, **more)
        return str(made["stateMachineArn"])

    def start_execution(self, machine: str, value: Any = None, **more: Any) -> str:
        text = json.dumps({} if value is None else value)
        started = self.states.start_execution(stateMachineArn=machine, input=text, **more)
        return str(started["executionArn"])

    def end(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution; its description."""
        document = self.backend.store.wait(
            "Execution", execution, lambda kept: kept["status"] != "RUNNING", LONGEST
        )
        assert document["status"] != "RUNNING"
        described: dict[str, Any] = self.states.describe_execution(executionArn=execution)
        return described

    def run(self, definition: Any, value: Any = None, name: str = "machine") -> dict[str, Any]:
        """Create a state machine, execute it, and describe the execution once it has ended."""
        return self.end(self.start_execution(self.create(definition, name), value))

    def output(self, definition: Any, value: Any = None, name: str = "machine") -> Any:
        """What a state machine makes of an input."""
        described = self.run(definition, value, name)
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])

    def history(self, execution: str) -> list[dict[str, Any]]:
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def wait_for_event(self, execution: str, kind: str) -> dict[str, Any]:
        """Wait until the history has an event of this kind."""
        ends = time.monotonic() + LONGEST
        while time.monotonic() < ends:
            for event in self.history(execution):
                if event["type"] == kind:
                    return event
            time.sleep(0.02)
        raise AssertionError(f"no {kind} in {[e['type'] for e in self.history(execution)]}")


def forget_moto() -> None:
    for service in (dynamodb_backends, sqs_backends, sns_backends, ssm_backends):
        for account in list(service.values()):
            account.reset()


@pytest.fixture(scope="module")
def shared_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """One server for all the tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moto_urls, "url_paths", moto_urls.url_paths)
        patch.setattr(moto_s3, "FakeKey", moto_s3.FakeKey)
        for owner, name in REPLACED:
            patch.setattr(owner, name, getattr(owner, name))
        opened = Aws(tmp_path_factory.mktemp("shared") / "aws")
        yield opened
        opened.stop()


@pytest.fixture
def aws(tmp_path: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    forget_moto()
    monkeypatch.setattr(moto_urls, "url_paths", moto_urls.url_paths)
    opened = Aws(tmp_path / "aws")
    yield opened
    opened.stop()
