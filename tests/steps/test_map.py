"""The map of the folder names every module that is in it."""

import re
from pathlib import Path

STEPS = Path(__file__).parents[2] / "steps"


def test_the_map_names_every_module_and_nothing_else():
    named = set(re.findall(r"`(\w+)(?:\.py)?`", (STEPS / "README.md").read_text()))
    assert named == {path.stem for path in STEPS.glob("*.py")}
