"""cfn-lint and checkov find nothing that is not meant so. Run by `make linters`, which has them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from infrastructure.parameters import parameter_values
from infrastructure.pruning import prune
from infrastructure.template import FILE, compile_template
from tests.infrastructure.examples import ENVIRONMENTS

LINTERS = Path(os.environ.get("BREEDLINE_LINTERS", "/nowhere"))
pytestmark = pytest.mark.skipif(
    not (LINTERS / "cfn-lint").exists(), reason="`make linters` installs and runs them"
)
REGIONS = ["eu-west-1", "us-east-1"]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    return done.returncode, done.stdout + done.stderr


def test_cfn_lint_finds_nothing_in_the_template():
    assert run(LINTERS / "cfn-lint", FILE, "--regions", *REGIONS) == (0, "")


def test_cfn_lint_finds_nothing_in_what_environments_send(tmp_path):
    template, files = compile_template(), []
    for name, loaded in ENVIRONMENTS.items():
        values = parameter_values(loaded)
        sent = prune(template, values, "aws")
        for parameter, node in sent["Parameters"].items():
            node["Default"] = values[parameter]  # so that it looks at the values as well
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(sent, indent=1))
    assert run(LINTERS / "cfn-lint", *files, "--regions", "eu-west-1") == (0, "")


def test_checkov_finds_nothing_that_is_not_excused():
    options = ("--framework", "cloudformation", "--compact", "--skip-download", "--output", "json")
    code, text = run(LINTERS / "checkov", "--file", FILE, *options)
    report = json.loads(text[text.index("{") :])
    failed = [(c["check_id"], c["resource"]) for c in report["results"]["failed_checks"]]
    assert (code, failed) == (0, [])
    assert report["summary"]["passed"] > 40
