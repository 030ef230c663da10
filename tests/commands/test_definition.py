"""`upsert`, `diff` and `show` from the command line, on an embedded AWS of their own."""

import subprocess
import sys

import pytest

import provision.apply
import settings
from commands import definition
from commands.session import Session
from errors import BreedlineError
from provision.change import Change
from provision.plan import Plan
from statemachine.alarms import alarms
from statemachine.definition import compile_machine, render
from tests.end_to_end.command_line import ROOT, CommandLine

DOCUMENTS = ["pipeline", "deploy", "rollback", "retrain", "rules", "alarms", "roles"]


def changed(tmp_path, before, after):
    """The project's settings with one line changed, as the option that names them."""
    text = settings.ENVIRONMENTS.read_text()
    assert before in text
    (tmp_path / "changed.toml").write_text(text.replace(before, after, 1))
    return f"--settings={tmp_path / 'changed.toml'}"


def test_show_prints_each_document_and_starts_nothing(call, tmp_path, monkeypatch):
    monkeypatch.setenv("BREEDLINE_LOCAL", str(tmp_path / "state"))
    for document in DOCUMENTS:
        done = call("show", document)
        assert done.code == 0, done.err
        assert done.result
    assert not (tmp_path / "state").exists()


def test_show_prints_a_state_machine_in_exactly_the_bytes_that_upsert_sends(call):
    loaded = settings.load("local")
    assert call("show", "alarms", "--json").result == alarms(loaded)
    done = call("show", "deploy", "--json")
    assert done.out == render(compile_machine("deploy", loaded)) + "\n"


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path):
    command_line = CommandLine(tmp_path / "state")
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


def test_upsert_makes_everything_once_and_then_what_a_setting_changes(call, tmp_path):
    done = call("diff", "--json")
    planned = done.result["changes"]
    assert done.code == 2
    assert {change["kind"] for change in planned} == {"create"}
    made = call("upsert", "--json").result["applied"]
    assert [change["name"] for change in made] == [change["name"] for change in planned]
    assert {"function", "alarm", "state-machine", "rule"} <= {each["resource"] for each in made}
    assert call("diff").code == 0

    file = changed(tmp_path, "epochs = 30", "epochs = 40")
    (updated,) = call("upsert", file, "--json").result["applied"]
    assert (updated["resource"], updated["kind"]) == ("pipeline", "update")
    assert "definition.Parameters.Epochs.DefaultValue: 30 -> 40" in updated["diff"]
    assert call("upsert", file).out == "Nothing to change.\n"


def test_what_is_unwise_is_said_before_the_plan_on_stderr(call, tmp_path):
    unwise = "[local.scaling]\nscale_out_cooldown_seconds = 5\n\n[local.rollout]"
    done = call("upsert", "--dry-run", "--json", changed(tmp_path, "[local.rollout]", unwise))
    assert "Warning: scaling.scale_out_cooldown_seconds = 5 is shorter" in done.err
    assert done.result["changes"]


def test_a_failed_upsert_says_what_was_made_and_what_was_not_begun(monkeypatch, capsys):
    made = []

    def fail(clients, change):
        made.append(change.name)
        if change.name == "two":
            raise BreedlineError("The topic two cannot be.")
        return change.name

    changes = [Change("create", "topic", name, "it is not there", {}) for name in ("one", "two")]
    planned = Plan((*changes, Change("update", "queue", "three", "tags differ", {})))
    monkeypatch.setitem(provision.apply._APPLY, "topic", fail)
    monkeypatch.setattr(definition, "make_plan", lambda session: planned)
    session = Session(settings.load("local"), lambda service, **options: None, None, False)
    with pytest.raises(BreedlineError, match="topic two cannot be"):
        definition.apply_definition(session)
    assert made == ["one", "two"]
    said = capsys.readouterr().err
    assert "Failed at topic two. Made before it: 1. Not begun: queue three." in said
