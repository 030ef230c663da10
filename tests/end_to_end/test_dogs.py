"""Twenty real breeds: the demo on photos instead of drawings."""

import os
from pathlib import Path

import pytest

DOGS = os.environ.get("BREEDLINE_DOGS", "")

pytestmark = pytest.mark.skipif(
    not DOGS, reason="BREEDLINE_DOGS names no folder of dog photos, one folder a breed"
)


def test_breeds_are_learned_from_real_photos(command_line):
    result = command_line.json("demo", "--data", DOGS)
    steps = {step["name"]: step["status"] for step in result["pipeline"]["steps"]}
    assert steps["Register"] == "Succeeded"
    package = result["model_package"]
    assert package["approval"] == "Approved"
    assert package["metrics"]["accuracy"] >= 0.9
    breeds = [path for path in Path(DOGS).iterdir() if path.is_dir()]
    assert package["metrics"]["images"] >= 2 * len(breeds)
    assert result["deployment"]["status"] == "SUCCEEDED"
    assert result["smoke_tests"]["failed"] == 0
    assert result["prediction"]["label"] == result["prediction"]["is"]
