"""The command line: quick, and expected failures are one sentence."""

import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

import definitions
from commands.execution import parse_parameters
from commands.failures import explain
from commands.output import moment, table
from errors import BreedlineError

ROOT = Path(__file__).parents[2]


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
