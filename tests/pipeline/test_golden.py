"""The compiled local definition is the one under golden/, to the letter.

After a wanted change: BREEDLINE_RENEW_GOLDEN=1 pytest tests/pipeline/test_golden.py, then read the
file's diff before committing.
"""

import difflib
import json
import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden" / "local.json"


def test_the_definition_is_the_one_that_was_reviewed(definition):
    # One value a line, so that a diff shows what changed.
    actual = json.dumps(definition, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("BREEDLINE_RENEW_GOLDEN"):
        GOLDEN.write_text(actual, encoding="utf-8")
        pytest.skip(f"wrote {GOLDEN}")
    expected = GOLDEN.read_text(encoding="utf-8")
    if actual != expected:
        files = (expected.splitlines(), actual.splitlines(), "golden", "compiled")
        diff = list(difflib.unified_diff(*files, n=2, lineterm=""))[:80]
        advice = "If this is wanted: BREEDLINE_RENEW_GOLDEN=1 pytest tests/pipeline/test_golden.py"
        pytest.fail("\n".join(["The definition changed.", *diff, advice]), pytrace=False)
