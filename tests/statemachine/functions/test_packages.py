"""The zips of the functions run with nothing but the standard library and boto3."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from statemachine.functions.packages import SOURCES
from tests.statemachine.functions.conftest import ARCHIVES

# boto3 and what it needs: what Lambda's runtime brings.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
CALL = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from handler import handler
class Context:
    aws_request_id = "1"
    def get_remaining_time_in_millis(self):
        return 5_000
print(json.dumps(handler(json.loads(sys.argv[3]), Context())))
"""
PREDICT = {"ENDPOINT_NAMES": "breeds", "MAX_REQUEST_BYTES": "1000"}
SMOKE_TEST = {
    "LATENCY_BUDGET_MS": "1000",
    "MIN_CORRECT_FRACTION": "1.0",
    "MAX_REQUEST_BYTES": "1000",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


@pytest.fixture
def call(tmp_path: Path) -> Any:
    """Runs a handler in a Python without site packages: its answer."""
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for name in RUNTIME:
        found = Path(str(importlib.import_module(name).__file__))
        target = found.parent if found.name == "__init__.py" else found
        (runtime / target.name).symlink_to(target)

    def run(function: str, event: Any, variables: dict[str, str]) -> Any:
        archive = tmp_path / f"{function}.zip"
        archive.write_bytes(ARCHIVES[function].body)
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", CALL, str(archive), str(runtime), json.dumps(event)],
            env={"AWS_REGION": "eu-west-1", "PATH": os.environ["PATH"], **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_predict_runs_from_its_zip_alone(call: Any) -> None:
    assert call("predict", {"httpMethod": "GET"}, PREDICT)["statusCode"] == 405
    url = {"url": "https://127.0.0.1/"}
    assert call("predict", url, PREDICT)["statusCode"] == 403


def test_smoke_test_runs_from_its_zip_alone(call: Any) -> None:
    event = {"function": "arn:aws:lambda:eu-west-1:123456789012:function:f:live"}
    event |= {"endpoint": "breeds", "model_version": "1", "samples": ""}
    answer = call("smoke_test", event, SMOKE_TEST)
    assert answer["failed"] == 7
    assert "EndpointConnectionError" in answer["results"][0]["detail"]


def test_each_zip_is_flat_and_has_the_handler_that_lambda_calls() -> None:
    for function, paths in SOURCES.items():
        names = [path.name for path in paths]
        assert len(set(names)) == len(names)
        assert "handler.py" in names
        assert set(ARCHIVES[function].files) == set(names)


def test_every_file_in_a_zip_is_imported_by_another_one() -> None:
    for paths in SOURCES.values():
        imported = {"handler"}
        for path in paths:
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.ImportFrom):
                    imported.add(str(node.module))
        assert {path.stem for path in paths} <= imported
