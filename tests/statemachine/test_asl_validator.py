"""The compiled machines in the eyes of asl-validator, which knows nothing of this project.

It checks a document against schemas of each state type, every path and every resource's ARN, and
that each state can be reached; of retriers it does not know the newer fields, which our own check
does (test_definition). `make asl` installs it and BREEDLINE_ASL_VALIDATOR names it.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from statemachine.definition import KINDS
from tests.statemachine.documents import CASES, machines_of

VALIDATOR = os.environ.get("BREEDLINE_ASL_VALIDATOR", "")
pytestmark = pytest.mark.skipif(
    not VALIDATOR, reason="BREEDLINE_ASL_VALIDATOR names no asl-validator"
)


def validate(folder: Path, *documents: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    command = [VALIDATOR]
    for number, document in enumerate(documents):
        path = folder / f"{number}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        command += ["--json-path", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(("environment", "kind"), CASES)
def test_every_machine_of_every_kind_of_endpoint_is_valid(tmp_path, environment, kind):
    found = validate(tmp_path, *machines_of(environment, kind).values())
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("is valid") == len(KINDS)


def dangling(document: dict[str, Any]) -> None:
    document["States"]["Begin"]["Next"] = "Nowhere"


def pathless(document: dict[str, Any]) -> None:
    document["States"]["AcquireLock"]["Parameters"]["TableName.$"] = "$.["


def foreign(document: dict[str, Any]) -> None:
    document["States"]["AcquireLock"]["Resource"] = "dynamodb:putItem"


def misspelt(document: dict[str, Any]) -> None:
    document["States"]["AcquireLock"]["Timeout"] = 60


@pytest.mark.parametrize("spoil", (dangling, pathless, foreign, misspelt))
def test_the_validator_does_see_faults(tmp_path, machines, spoil):
    document = json.loads(json.dumps(machines["deploy"]))
    spoil(document)
    assert validate(tmp_path, document).returncode != 0
