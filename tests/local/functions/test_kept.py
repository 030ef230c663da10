"""Functions outlive the server; what runs of them does not."""

from __future__ import annotations

import io
import json
import os
import signal
import time
import zipfile
from pathlib import Path

import boto3
import botocore.config
import pytest

from local.connection import ensure_server, stop_server

REGION = "eu-west-1"
REQUESTED = "RequestedProvisionedConcurrentExecutions"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:failures"
ROLE = "arn:aws:iam::123456789012:role/functions"


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / "state"
    stop_server(tmp_path / "state")


def client(folder, service):
    connection, _ = ensure_server(folder, REGION)
    return boto3.client(
        service,
        **connection.client_options(),
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


def archive(**files: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as opened:
        for name, text in files.items():
            opened.writestr(f"{name.replace('__', '/')}.py", text)
    return body.getvalue()


def create(folder, source: str, **more) -> None:
    client(folder, "iam").create_role(RoleName="functions", AssumeRolePolicyDocument="{}")
    client(folder, "lambda").create_function(
        FunctionName="dogs",
        Runtime="python3.12",
        Handler="handler.answer",
        Role=ROLE,
        Code={"ZipFile": archive(handler=source)},
        Timeout=60,
        **more,
    )


SOURCE = """
import os
import kennel
def answer(event, context):
    return [kennel.SIZE, os.environ["BREED"], context.function_version]
"""


def test_functions_versions_aliases_layers_and_permissions_survive_the_server(folder):
    functions = client(folder, "lambda")
    layers = [
        functions.publish_layer_version(
            LayerName="kennel", Content={"ZipFile": archive(python__kennel=f"SIZE = {size}")}
        )["LayerVersionArn"]
        for size in (7, 8)
    ]
    functions.delete_layer_version(LayerName="kennel", VersionNumber=1)
    create(folder, SOURCE, Layers=layers[1:], Environment={"Variables": {"BREED": "pug"}})
    functions.publish_version(FunctionName="dogs")
    functions.create_alias(FunctionName="dogs", Name="live", FunctionVersion="1")
    functions.add_permission(
        FunctionName="dogs", StatementId="s", Action="lambda:InvokeFunction", Principal="*"
    )
    newer = archive(handler="def answer(event, context):\n    return 'newer'")
    functions.update_function_code(FunctionName="dogs", ZipFile=newer)
    before = known(functions)
    assert stop_server(folder)

    again = client(folder, "lambda")
    assert known(again) == before
    assert result(again) == "newer"
    assert result(again, Qualifier="live") == [8, "pug", "1"]
    again.delete_function(FunctionName="dogs")
    assert stop_server(folder)
    assert client(folder, "lambda").list_functions()["Functions"] == []


def known(functions):
    versions = functions.list_versions_by_function(FunctionName="dogs")["Versions"]
    return (
        versions,
        functions.list_aliases(FunctionName="dogs")["Aliases"],
        json.loads(functions.get_policy(FunctionName="dogs")["Policy"])["Statement"],
    )


def result(functions, **more):
    answer = functions.invoke(FunctionName="dogs", **more)
    return json.loads(answer["Payload"].read())


ANSWERING = """
import os
def answer(event, context):
    return [os.getpid(), os.getppid(), os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
"""


def test_concurrency_weights_and_event_rules_survive_the_server(folder):
    create(folder, ANSWERING, Publish=True, DeadLetterConfig={"TargetArn": QUEUE})
    functions = client(folder, "lambda")
    newer = archive(handler="def answer(event, context):\n    return 2")
    functions.update_function_code(FunctionName="dogs", ZipFile=newer, Publish=True)
    functions.delete_function(FunctionName="dogs", Qualifier="2")
    functions.update_function_code(FunctionName="dogs", ZipFile=archive(handler=ANSWERING))
    functions.publish_version(FunctionName="dogs")
    routing = {"AdditionalVersionWeights": {"3": 0.25}}
    functions.create_alias(
        FunctionName="dogs", Name="canary", FunctionVersion="1", RoutingConfig=routing
    )
    functions.create_alias(FunctionName="dogs", Name="live", FunctionVersion="1")
    functions.put_function_concurrency(FunctionName="dogs", ReservedConcurrentExecutions=7)
    functions.put_provisioned_concurrency_config(
        FunctionName="dogs", Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    functions.put_function_event_invoke_config(
        FunctionName="dogs",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    before = configured(functions)
    assert stop_server(folder)

    again = client(folder, "lambda")
    assert configured(again) == before
    wait_for(lambda: provisioned(again)["Status"] == "READY")
    assert result(again, Qualifier="live")[2] == "provisioned-concurrency"
    again.update_function_configuration(FunctionName="dogs", Timeout=30)
    assert again.publish_version(FunctionName="dogs")["Version"] == "4"


def configured(functions):
    configuration = functions.get_function(FunctionName="dogs")
    return (
        [configuration[part] for part in ("Configuration", "Concurrency")],
        functions.list_aliases(FunctionName="dogs")["Aliases"],
        functions.list_function_event_invoke_configs(FunctionName="dogs")[
            "FunctionEventInvokeConfigs"
        ],
        [provisioned(functions)[part] for part in ("LastModified", REQUESTED)],
    )


def provisioned(functions):
    return functions.get_provisioned_concurrency_config(FunctionName="dogs", Qualifier="live")


def test_a_running_function_ends_with_a_killed_server(folder, tmp_path):
    note = tmp_path / "pid"
    source = f"""
import os, pathlib, time
def answer(event, context):
    pathlib.Path({str(note)!r}).write_text(str(os.getpid()))
    time.sleep(600)
"""
    create(folder, source)
    client(folder, "lambda").invoke(FunctionName="dogs", InvocationType="Event")
    connection, _ = ensure_server(folder, REGION)
    wait_for(lambda: note.exists() and note.read_text())
    os.kill(connection.pid, signal.SIGKILL)

    wait_for(lambda: gone(int(note.read_text())))


def test_nothing_warm_is_left_of_a_killed_server(folder):
    create(folder, ANSWERING)
    functions = client(folder, "lambda")
    environment, parent, _ = result(functions)
    connection, _ = ensure_server(folder, REGION)
    os.kill(connection.pid, signal.SIGKILL)
    wait_for(lambda: gone(environment))
    wait_for(lambda: gone(parent))


def wait_for(found, seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < ends, "nothing came"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True
