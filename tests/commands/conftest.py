"""One embedded AWS for the commands, called in this process as the command line calls them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

import definitions
import settings
from local.connection import Connection, ensure_server, stop_server
from statemachine.names import Names

ROLE = "arn:aws:iam::123456789012:role/any"


@dataclass(frozen=True)
class Account:
    """The server of one module's tests, and what they put there."""

    connection: Connection
    names: Names

    def client(self, service: str) -> Any:
        return boto3.client(service, **self.connection.client_options())

    def make_machine(self, kind: str, *states: dict[str, Any]) -> str:
        """A state machine of ours that is one given state; a later one replaces it."""
        client, arn = self.client("stepfunctions"), self.names.state_machine_arn(kind)
        document = json.dumps({"StartAt": "Only", "States": {"Only": states[0]}})
        try:
            client.create_state_machine(
                name=self.names.state_machine(kind), definition=document, roleArn=ROLE
            )
        except client.exceptions.StateMachineAlreadyExists:
            client.update_state_machine(stateMachineArn=arn, definition=document)
        return arn

    def make_function(self, source: str) -> None:
        """The function `predict`, behind no alias yet."""
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        self.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=trust)
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as archive:
            archive.writestr("handler.py", source)
        self.client("lambda").create_function(
            FunctionName=self.names.predict,
            Runtime="python3.12",
            Handler="handler.handler",
            Role=ROLE,
            Code={"ZipFile": written.getvalue()},
        )

    def make_package(self, status: str = "PendingManualApproval") -> str:
        """A version in the group, which is made with the first one; its ARN."""
        client, group = self.client("sagemaker"), "breedline"
        try:
            client.describe_model_package_group(ModelPackageGroupName=group)
        except client.exceptions.ClientError:
            client.create_model_package_group(ModelPackageGroupName=group)
        made = client.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [{"Image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/any:1"}],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )
        return str(made["ModelPackageArn"])


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder: Path = tmp_path_factory.mktemp("local") / "state"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BREEDLINE_LOCAL", str(folder))
        patch.setenv("BREEDLINE_ENV", "local")
        loaded = settings.load("local")
        connection, _ = ensure_server(folder, loaded.aws.region)
        yield Account(connection, Names(loaded))
        stop_server(folder)


@dataclass(frozen=True)
class Done:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def call(account, capsys):
    """Calls `definitions.py` with arguments."""

    def call_it(*arguments: str) -> Done:
        code = definitions.main(list(arguments))
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call_it
