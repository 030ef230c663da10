"""The functions as their zips hold them, an endpoint that a test scripts, and an embedded AWS."""

from __future__ import annotations

import importlib
import io
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto.awslambda.models import lambda_backends
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3 import models as moto_s3
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

from local.backend import open_backend
from local.functions.moto_doors import REPLACED, answer_invocations
from local.functions.service import Functions
from local.gateway import Gateway
from local.sagemaker import SageMaker
from provision.archives import read_archives
from statemachine.functions.packages import SOURCES
from tests.statemachine.functions.runtime import Runtime

ACCOUNT, REGION, KEY = "123456789012", "eu-west-1", "LOCALKEY"
ARCHIVES = read_archives(SOURCES)


@pytest.fixture(scope="module")
def listening() -> Iterator[Runtime]:
    runtime = Runtime()
    yield runtime
    runtime.stop()


@pytest.fixture
def runtime(listening: Runtime) -> Runtime:
    """The endpoints; each test finds them answering well."""
    listening.reset()
    return listening


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One embedded AWS, with what moto shares between tests put back afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moto_s3, "FakeKey", moto_s3.FakeKey)
        for owner, name in REPLACED:
            patch.setattr(owner, name, getattr(owner, name))
        for service in (lambda_backends, iam_backends, s3_backends):
            for account in list(service.values()):
                account.reset()
        opened = Cloud(tmp_path_factory.mktemp("cloud") / "state")
        yield opened
        opened.stop()


@pytest.fixture(autouse=True)
def nobody_elses_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's own session keeps the first credentials that it finds, whoever's they were."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


class Cloud:
    """The embedded Lambda and S3 behind a port; `url` is where boto3 finds them."""

    def __init__(self, folder: Path) -> None:
        self._server = make_server("127.0.0.1", 0, lambda *call: [], threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.credentials = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": "secret"}
        place = {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
        self._backend = open_backend(folder, ACCOUNT, REGION, {**place, **self.credentials})
        self._functions = Functions(self._backend)
        answer_invocations(self._functions)
        app = DomainDispatcherApplication(create_backend_app)
        self._server.app = Gateway(
            KEY, SageMaker(), app, lambda: None, credentials=self._backend.credentials
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument='{"Statement": []}')

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=KEY,
            aws_secret_access_key="secret",
        )

    def make_function(self, name: str, source: str, variables: dict[str, str], **more: Any) -> str:
        """A function from the zip of `source`, with an alias; the alias's ARN."""
        aws = self.client("lambda")
        request = {
            "FunctionName": name,
            "Runtime": "python3.12",
            "Handler": "handler.handler",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/any",
            "Code": {"ZipFile": ARCHIVES[source].body},
            "Environment": {"Variables": variables},
            "Timeout": 30,
        }
        aws.create_function(**request | more)
        version = aws.publish_version(FunctionName=name)["Version"]
        made = aws.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
        return str(made["AliasArn"])

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._functions.close()
        self._backend.store.close()


@pytest.fixture
def unpacked(tmp_path: Path) -> Iterator[Any]:
    """Loads the handler of a function out of its zip, apart from all other modules."""
    before = dict(sys.modules), list(sys.path)

    def load(function: str) -> ModuleType:
        archive = zipfile.ZipFile(io.BytesIO(ARCHIVES[function].body))
        archive.extractall(tmp_path / function)
        for name in archive.namelist():
            sys.modules.pop(name.removesuffix(".py"), None)
        sys.path.insert(0, str(tmp_path / function))
        return importlib.import_module("handler")

    yield load
    modules, sys.path[:] = before
    for name in set(sys.modules) - set(modules):
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    sys.modules.update(modules)
