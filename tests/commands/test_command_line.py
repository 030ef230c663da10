"""The command line: quick, and expected failures are one sentence."""

import errno
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore import exceptions

import definitions
from commands.execution import parse_parameters
from commands.failures import explain
from commands.output import moment, table
from errors import BreedlineError
from local.connection import _last_line, log_path, stop_server

ROOT = Path(__file__).parents[2]
AWS, HERE = "https://api.sagemaker.eu-west-1.amazonaws.com/", "http://127.0.0.1:41755/"


def test_help_imports_nothing_heavy():
    code = (
        "import sys, definitions\n"
        "try: definitions.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'boto3', 'botocore', 'torch', 'sagemaker', 'moto', 'pydantic', 'optuna'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", sorted(definitions.COMMANDS))
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as caught:
        definitions.main([command, "--help"])
    assert caught.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_each_command_stands_beside_its_purpose(capsys):
    with pytest.raises(SystemExit):
        definitions.main(["--help"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    shown = {words[0] for words in lines if len(words) > 1}
    assert definitions.COMMANDS.keys() <= shown


def test_parameters_are_pairs():
    assert parse_parameters(["Epochs=3", "InputDataUri=s3://a/b=c"]) == {
        "Epochs": "3",
        "InputDataUri": "s3://a/b=c",
    }
    with pytest.raises(BreedlineError, match="'Epochs'"):
        parse_parameters(["Epochs"])


def test_a_bug_keeps_its_traceback_and_an_expected_failure_does_not():
    assert explain(ValueError("a bug")) is None
    assert explain(BreedlineError("Name the folder.")) == "Name the folder."


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (exceptions.ProfileNotFound(profile="nope"), "The config profile (nope) could not be"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="SECRET"), "missing: SECRET."),
        (exceptions.UnauthorizedSSOTokenError(), "aws sso login"),
        (exceptions.SSOTokenLoadError(error_msg="gone"), "leave --env out to run locally"),
        (exceptions.EndpointConnectionError(endpoint_url=AWS), "AWS cannot be reached (Could not"),
        (exceptions.ProxyConnectionError(proxy_url="http://proxy"), "this machine's network"),
        (exceptions.SSLError(endpoint_url=AWS, error="self-signed"), "self-signed"),
        (exceptions.ReadTimeoutError(endpoint_url=AWS), "AWS cannot be reached"),
        (exceptions.ReadTimeoutError(endpoint_url=HERE), "did not answer in time"),
        (exceptions.EndpointConnectionError(endpoint_url=HERE), "stopped answering"),
        (S3UploadFailedError("Failed to upload a.jpg to b/a.jpg: Access Denied"), "Access Denied"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "/x/y cannot be used: No space"),
    ],
)
def test_what_is_wrong_with_the_way_to_aws_is_one_sentence(error, says):
    sentence = explain(error)
    assert sentence is not None
    assert says in sentence
    assert ("local logs" in sentence) == ("stopped answering" in sentence)


def test_a_request_that_botocore_refuses_is_a_bug():
    assert explain(exceptions.ParamValidationError(report="none")) is None


def test_columns_are_as_wide_as_their_widest_cell():
    assert table([["a", "bb"], ["ccc", "d"]]) == "a    bb\nccc  d"
    assert table([]) == ""


def test_a_time_reads_alike_before_and_after_json():
    time = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc)
    assert moment(time) == moment(time.isoformat()) == "2026-01-02 03:04:05"


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_port_that_is_none_is_refused_before_anything_starts(port, capsys):
    with pytest.raises(SystemExit) as caught:
        definitions.main(["local", "start", f"--port={port}"])
    assert caught.value.code == 2
    assert port in capsys.readouterr().err


@pytest.fixture
def lost(tmp_path):
    """The environment of a user whose proxy and profile lead nowhere, and no server runs yet."""
    mine = {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
    mine |= {"AWS_PROFILE": "nope", "BREEDLINE_LOCAL": str(tmp_path / "state")}
    yield {**os.environ, **mine}
    stop_server(tmp_path / "state")


def test_neither_proxy_nor_profile_comes_between_a_command_and_the_embedded_aws(lost):
    def run(*command):
        return subprocess.run(command, cwd=ROOT, env=lost, capture_output=True, text=True)

    done = run(sys.executable, "definitions.py", "status")
    assert done.returncode == 0, done.stderr
    shown = run(sys.executable, "definitions.py", "local", "env").stdout
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    line = f'unset AWS_PROFILE\n{shown}\n{sys.executable} -c "{code}"'
    assert run("bash", "-c", line).stdout == "123456789012\n"


@pytest.mark.parametrize("command", [("status",), ("local", "start"), ("local", "reset")])
def test_a_folder_that_cannot_hold_the_state_is_named(command, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("BREEDLINE_LOCAL", str(tmp_path / "file"))
    assert definitions.main(list(command)) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "no folder"


def test_a_full_disk_is_not_called_an_empty_log(tmp_path, monkeypatch):
    log_path(tmp_path).write_text("")
    assert _last_line(tmp_path) == f"its log {log_path(tmp_path)} is empty."
    full = SimpleNamespace(free=0)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: full)
    assert _last_line(tmp_path) == f"there is no room left in {tmp_path}."


def test_what_is_not_there_is_not_said_to_be_removed(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BREEDLINE_LOCAL", str(tmp_path / "none"))
    assert definitions.main(["local", "reset"]) == 0
    assert "There is nothing at" in capsys.readouterr().out
