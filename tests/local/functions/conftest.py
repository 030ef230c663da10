"""A gateway that listens, boto3's clients of it, and short ways to make and call functions."""

from __future__ import annotations

import io
import json
import os
import threading
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from local.functions.service import Functions, Scale
from local.gateway import Gateway
from local.server import build_services

REGION = "eu-west-1"


KEY = "LOCALKEY"


ROLE = "arn:aws:iam::123456789012:role/functions"


TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def archive(source: str, **files: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as opened:
        opened.writestr("handler.py", source)
        for name, text in files.items():
            opened.writestr(f"{name}.py", text)
    return body.getvalue()


def wait_for(found, seconds: float = 20):
    """The first true answer of `found()`."""
    ends = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < ends, "nothing came"
        time.sleep(0.05)
    return answer


def ended(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


@contextmanager
def refusal(code: str):
    """Expects boto3 to raise this error; yields a dictionary that has its `Message` afterwards."""
    said: dict[str, str] = {}
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield said
    response = caught.value.response
    assert response["Error"]["Code"] == code, response
    said.update(response["Error"], Reason=response.get("Reason", ""))


class Aws:
    """boto3's clients of a gateway that listens, and short ways to make and call functions."""

    archive = staticmethod(archive)
    refusal = staticmethod(refusal)
    ended = staticmethod(ended)
    wait_for = staticmethod(wait_for)

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self.functions = self.client("lambda")
        self.client("iam").create_role(RoleName="functions", AssumeRolePolicyDocument=TRUST)

    def client(self, service: str):
        config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=60)
        return boto3.client(
            service,
            endpoint_url=self._url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key="secret",
            config=config,
        )

    def create(self, source: str, name: str = "dogs", **more):
        request = {
            "FunctionName": name,
            "Runtime": "python3.12",
            "Handler": "handler.answer",
            "Role": ROLE,
            "Code": {"ZipFile": archive(source)},
            "Timeout": 20,
        }
        return self.functions.create_function(**request | more)

    def invoke(self, event=None, name: str = "dogs", **more):
        """The answer's payload, read, and the answer."""
        payload = {} if event is None else {"Payload": json.dumps(event)}
        answer = self.functions.invoke(FunctionName=name, **payload, **more)
        text = answer["Payload"].read()
        return (json.loads(text) if text else None), answer

    def publish(self, source: str, name: str = "dogs") -> str:
        """Put other code in place and publish it: the number of the version."""
        self.functions.update_function_code(FunctionName=name, ZipFile=archive(source))
        return str(self.functions.publish_version(FunctionName=name)["Version"])

    def log(self, name: str = "dogs") -> list[str]:
        """The lines of the only environment that has run."""
        (lines,) = self.logs(name).values()
        return lines

    def logs(self, name: str = "dogs") -> dict[str, list[str]]:
        """The lines of every environment, by log stream."""
        logs, group = self.client("logs"), f"/aws/lambda/{name}"
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        return {
            stream["logStreamName"]: [
                event["message"]
                for event in logs.get_log_events(
                    logGroupName=group, logStreamName=stream["logStreamName"]
                )["events"]
            ]
            for stream in streams
        }

    def sums(self, namespace: str, metric: str, **dimensions: str) -> float:
        """The sum of all data points of a metric."""
        now = time.time()
        answer = self.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - 3600,
            EndTime=now + 3600,
            Period=7200,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in answer["Datapoints"]))


@pytest.fixture
def scale():
    """How large and patient Lambda is; a test module may have another one."""
    return Scale(retry_delays=(0.01, 0.02))


@pytest.fixture
def functions(backend, scale, monkeypatch):
    """The functions of the server that `aws` speaks to."""
    made = Functions(backend, scale)
    monkeypatch.setattr("local.server.Functions", lambda backend: made)
    yield made
    made.close()


@pytest.fixture
def aws(backend, functions):
    sagemaker = build_services(backend).sagemaker
    moto = DomainDispatcherApplication(create_backend_app)
    gateway = Gateway(KEY, sagemaker, moto, lambda: None, credentials=backend.credentials)
    server = make_server("127.0.0.1", 0, gateway, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield Aws(server.port)
    server.shutdown()
    thread.join()
    server.server_close()
