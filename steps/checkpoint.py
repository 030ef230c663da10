"""Keep the state of a training run so that an interrupted one goes on exactly where it was.

Boundary: a dictionary of tensors and numbers in and out of one file; what it means is fitting.py's
business. Runs that differ in anything that matters have different folders, so that they may share
a checkpoint location.
Run the tests: `pytest tests/steps/test_checkpoint.py`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from feature_cache import write_atomically

VERSION = 2


def fingerprint(parts: Mapping[str, Any]) -> str:
    """A name for a run from all that decides its result; `parts` are JSON values.

    The number of hosts is no such part: two hosts may go on where one stopped.
    """
    text = json.dumps({"version": VERSION, **parts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Checkpoint:
    """The one file of a run below `folder`; each save replaces the one before, whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / name / "checkpoint.pt"
        self._name = name
        self._failed = False

    def save(self, state: Mapping[str, Any]) -> None:
        """Write `state`. Training goes on when that fails, and says so once."""
        content = {"version": VERSION, "fingerprint": self._name, "state": dict(state)}
        try:
            write_atomically(self.path, content)
        except (OSError, RuntimeError) as error:  # torch.save says RuntimeError for a full disk
            if not self._failed:
                print(f"WARNING no checkpoint at {self.path}: {error}.", file=sys.stderr)
            self._failed = True

    def load(self) -> dict[str, Any] | None:
        """The last state saved; None without one. A damaged file is reported and ignored."""
        if not self.path.is_file():
            return None
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            if (content["version"], content["fingerprint"]) != (VERSION, self._name):
                raise ValueError("it belongs to another run")
            state: dict[str, Any] = content["state"]
            return state
        except Exception as error:  # noqa: BLE001  # a damaged file raises nearly anything
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            print(
                f"WARNING the checkpoint {self.path} is damaged ({reason}) and ignored; training "
                "starts from the beginning.",
                file=sys.stderr,
                flush=True,
            )
            return None
