"""The user data: a sound script that ends the instance whatever happens in it."""

import os
import shutil
import subprocess
import sys

import pytest

from pipeline.ec2.user_data import LONGEST, compile_user_data

PROGRAM = "s3://bucket/code/ec2-1/sourcedir.tar.gz"


@pytest.fixture
def script(training, tmp_path):
    path = tmp_path / "user-data.sh"
    path.write_text(compile_user_data(training, PROGRAM))
    return path


@pytest.fixture
def machine(tmp_path):
    """A folder of programs in which `shutdown` only takes note of how it is called."""
    programs, notes = tmp_path / "bin", tmp_path / "shutdowns"
    programs.mkdir()
    (programs / "shutdown").write_text(f'#!/bin/sh\necho "$@" >> {notes}\n')
    (programs / "shutdown").chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "BREEDLINE_BASE": str(tmp_path / "opt"),
        "BREEDLINE_PYTHON": sys.executable,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # nobody answers
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_MAX_ATTEMPTS": "1",
    }
    return environment, notes


def test_bash_reads_it_and_ec2_takes_it(script):
    checked = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert script.stat().st_size < LONGEST


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say(script):
    checked = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_it_names_no_secret_and_says_which_training_it_is(script, training):
    text = script.read_text()
    assert f"TASK={training.place}/task.json" in text
    assert f"PROGRAM={PROGRAM}" in text
    assert "AWS_SECRET" not in text


def test_values_are_quoted(training):
    made = compile_user_data(training, "s3://bucket/it's")  # no key of ours; quoted all the same
    assert """PROGRAM='s3://bucket/it'"'"'s'""" in made


def test_an_instance_that_cannot_even_begin_shuts_down(script, machine):
    environment, notes = machine
    done = subprocess.run(["bash", str(script)], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    # First the time limit, of four hours, then the end.
    assert notes.read_text().splitlines() == ["-P +240", "-P now"]
