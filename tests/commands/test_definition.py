"""`upsert`, `diff` and `show` from the command line, on an embedded AWS of their own."""

import json
import subprocess
import sys

import pytest

import settings
from local.connection import stop_server
from statemachine.alarms import alarms
from statemachine.definition import compile_machine, render
from tests.end_to_end.command_line import ROOT, CommandLine

DOCUMENTS = ["pipeline", "deploy", "rollback", "retrain", "rules", "alarms", "roles"]


@pytest.fixture
def command_line(tmp_path):
    yield CommandLine(tmp_path / "state")
    stop_server(tmp_path / "state")


def changed(tmp_path, before, after):
    """The project's settings with one line changed, as the option that names them."""
    text = settings.ENVIRONMENTS.read_text()
    assert before in text
    (tmp_path / "changed.toml").write_text(text.replace(before, after, 1))
    return f"--settings={tmp_path / 'changed.toml'}"


def test_show_prints_each_document_and_starts_nothing(command_line):
    for document in DOCUMENTS:
        done = command_line.run("show", document)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)
    assert not command_line.folder.exists()


def test_show_prints_a_state_machine_in_exactly_the_bytes_that_upsert_sends(command_line):
    loaded = settings.load("local")
    assert command_line.json("show", "alarms") == alarms(loaded)
    done = command_line.run("show", "deploy", "--json")
    assert done.stdout == render(compile_machine("deploy", loaded)) + "\n"


def test_a_reader_who_has_seen_enough_is_no_error(command_line):
    shown = subprocess.Popen(
        [sys.executable, ROOT / "definitions.py", "show", "deploy"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=command_line.environment,
    )
    assert shown.stdout
    assert shown.stderr
    shown.stdout.readline()
    shown.stdout.close()
    assert (shown.stderr.read(), shown.wait()) == (b"", 0)
    shown.stderr.close()


def test_upsert_makes_everything_once_and_then_what_a_setting_changes(command_line, tmp_path):
    planned = command_line.json("diff", code=2)["changes"]
    assert {change["kind"] for change in planned} == {"create"}
    made = command_line.json("upsert")["applied"]
    assert [change["name"] for change in made] == [change["name"] for change in planned]
    assert command_line.json("diff", code=0)["is_empty"]

    file = changed(tmp_path, "epochs = 30", "epochs = 40")
    (updated,) = command_line.json("upsert", file)["applied"]
    assert (updated["resource"], updated["kind"]) == ("pipeline", "update")
    assert "definition.Parameters.Epochs.DefaultValue: 30 -> 40" in updated["diff"]
    assert command_line.run("upsert", file).stdout == "Nothing to change.\n"


def test_what_is_unwise_is_said_before_the_plan_on_stderr(command_line, tmp_path):
    unwise = "[local.scaling]\nscale_out_cooldown_seconds = 5\n\n[local.rollout]"
    file = changed(tmp_path, "[local.rollout]", unwise)
    done = command_line.run("upsert", "--dry-run", "--json", file)
    assert "Warning: scaling.scale_out_cooldown_seconds = 5 is shorter" in done.stderr
    assert json.loads(done.stdout)["is_empty"] is False
