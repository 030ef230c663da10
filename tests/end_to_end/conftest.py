"""One embedded AWS for all end-to-end tests, used as a user does: through `definitions.py`."""

import json
import os

import boto3
import pytest

from tests.end_to_end.command_line import CommandLine


@pytest.fixture(scope="session")
def command_line(tmp_path_factory):
    """A command line whose embedded AWS starts by itself and is stopped at the end."""
    command_line = CommandLine(tmp_path_factory.mktemp("local") / "state")
    yield command_line
    command_line.run("local", "stop")


@pytest.fixture(scope="session")
def demonstration(command_line):
    """The result of one `demo --json`, which several tests look at."""
    return command_line.json("demo")


@pytest.fixture
def sdk(command_line, monkeypatch, tmp_path):
    """The SDK as its user configures it for a custom endpoint: environment variables only."""
    for name, value in command_line.json("local", "env").items():
        monkeypatch.setenv(name, value)
    modules = {"TelemetryOptOut": True}
    opt_out = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": modules}}}
    (tmp_path / "config.yaml").write_text(json.dumps(opt_out))
    monkeypatch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(tmp_path / "config.yaml"))
    return boto3.Session(region_name=os.environ["AWS_REGION"])
