"""The one file that an interrupted run goes on from."""

from __future__ import annotations

import torch
from checkpoint import Checkpoint, fingerprint


def test_what_was_saved_last_is_loaded(tmp_path):
    checkpoint = Checkpoint(tmp_path, "run")
    assert checkpoint.load() is None
    checkpoint.save({"epoch": 1, "weights": torch.zeros(3)})
    checkpoint.save({"epoch": 2, "weights": torch.ones(3)})
    state = checkpoint.load()
    assert state is not None
    assert state["epoch"] == 2
    assert state["weights"].tolist() == [1, 1, 1]
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["checkpoint.pt"]


def test_a_torn_checkpoint_is_reported_and_ignored(tmp_path, capsys):
    checkpoint = Checkpoint(tmp_path, "run")
    checkpoint.save({"weights": torch.zeros(1000)})
    whole = checkpoint.path.read_bytes()
    for torn in (b"", whole[: len(whole) // 2], b"\0" * 50):
        checkpoint.path.write_bytes(torn)
        assert checkpoint.load() is None
        assert f"the checkpoint {checkpoint.path} is damaged" in capsys.readouterr().err


def test_a_checkpoint_of_another_run_is_ignored(tmp_path, capsys):
    Checkpoint(tmp_path, "first").save({"epoch": 1})
    other = Checkpoint(tmp_path, "second")
    other.path.parent.mkdir()
    other.path.write_bytes((tmp_path / "first" / "checkpoint.pt").read_bytes())
    assert other.load() is None
    assert "belongs to another run" in capsys.readouterr().err


def test_a_failed_save_leaves_the_last_checkpoint_and_is_reported_once(
    tmp_path, capsys, monkeypatch
):
    checkpoint = Checkpoint(tmp_path, "run")
    checkpoint.save({"epoch": 1})

    def full(content, stream):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.save", full)
    checkpoint.save({"epoch": 2})
    checkpoint.save({"epoch": 3})
    assert capsys.readouterr().err.count("No space left on device") == 1
    assert checkpoint.load() == {"epoch": 1}
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["checkpoint.pt"]


def test_the_fingerprint_changes_with_every_part():
    parts = {"hyperparameters": {"epochs": 3}, "data": "abc"}
    name = fingerprint(parts)
    assert name == fingerprint(dict(reversed(parts.items())))
    assert name != fingerprint({**parts, "data": "abd"})
    assert name != fingerprint({**parts, "hyperparameters": {"epochs": 4}})
