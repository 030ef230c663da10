"""`--for`: the commands whose caller is asked about; and what these must allow it."""

from __future__ import annotations

from typing import Any

from errors import BreedlineError
from provision.preflight.callers import CALLERS, USUAL, caller_statements
from provision.preflight.callers.documents import policies
from settings import Settings

ALL = "all"


def read_commands(text: str | None) -> tuple[str, ...]:
    """The commands of `--for`, in their own order; none where it is not given."""
    if text is None:
        return ()
    asked = {*text.split(",")}
    if asked == {ALL}:
        return tuple(CALLERS)
    if unknown := sorted(asked - {*CALLERS}):
        raise BreedlineError(
            f"--for '{unknown[0]}' names no command whose permissions are known; choose of "
            f"{', '.join(CALLERS)}, several with commas between, or {ALL}."
        )
    return tuple(command for command in CALLERS if command in asked)


def caller_policies(settings: Settings, commands: str | None) -> list[dict[str, Any]]:
    """The least policies of who calls the commands, each small enough for IAM."""
    return policies(caller_statements(settings, read_commands(commands) or USUAL))
