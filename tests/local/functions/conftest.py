"""A gateway that listens, boto3's clients of it, and short ways to make and call functions."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile

import boto3
import botocore.config
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from local.gateway import Gateway
from local.server import build_sagemaker

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


class Aws:
    """boto3's clients of a gateway that listens, and short ways to make and call functions."""

    archive = staticmethod(archive)
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

    def log(self, name: str = "dogs") -> list[str]:
        logs, group = self.client("logs"), f"/aws/lambda/{name}"
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        names = [stream["logStreamName"] for stream in streams]
        assert len(names) == 1
        events = logs.get_log_events(logGroupName=group, logStreamName=names[0])["events"]
        return [event["message"] for event in events]


@pytest.fixture
def aws(backend):
    sagemaker = build_sagemaker(backend)
    moto = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, Gateway(KEY, sagemaker, moto, lambda: None), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield Aws(server.port)
    server.shutdown()
    thread.join()
    server.server_close()
