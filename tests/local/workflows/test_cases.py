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


def cases():
    for path in sorted(FOLDER.glob("*.json")):
        for case in json.loads(path.read_text()):
            yield pytest.param(case, id=f"{path.stem}: {case['name']}")


@pytest.mark.parametrize("case", cases())
def test_a_state_machine_does_what_aws_documents(aws, case):
    described = aws.run(case["definition"], case.get("input", {}))
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
