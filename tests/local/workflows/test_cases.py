"""The language: definition, input, and the output or error, as AWS documents them.

Where `output` has `{"any": "regex"}`, a text that the pattern matches whole is meant.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "cases"


CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted(FOLDER.glob("*.json"))
    for case in json.loads(path.read_text())
]


@pytest.fixture
def machine(shared_aws):
    """Makes a state machine of one name, and takes it away again."""
    made: list[str] = []

    def make(definition):
        made.append(shared_aws.create(definition))
        return made[-1]

    yield make
    for arn in made:
        shared_aws.states.delete_state_machine(stateMachineArn=arn)


@pytest.mark.parametrize("case", CASES)
def test_a_state_machine_does_what_aws_documents(shared_aws, machine, case):
    execution = shared_aws.start_execution(machine(case["definition"]), case.get("input", {}))
    described = shared_aws.end(execution)
    if "error" in case:
        assert (described["status"], described.get("error")) == ("FAILED", case["error"]), described
        assert case.get("cause", "") in described.get("cause", "")
    else:
        assert described["status"] == "SUCCEEDED", described
        output = json.loads(described["output"])
        assert output == filled(case["output"], output)


def filled(expected: Any, actual: Any) -> Any:
    """The expected output, with what its patterns match taken from the actual one."""
    if isinstance(expected, dict):
        if list(expected) == ["any"]:
            matches = isinstance(actual, str) and re.fullmatch(expected["any"], actual)
            return actual if matches else expected
        pairs = actual if isinstance(actual, dict) else {}
        return {key: filled(value, pairs.get(key)) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [filled(value, part) for value, part in zip(expected, actual, strict=True)]
    return expected
