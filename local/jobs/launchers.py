"""The launcher that all kinds of jobs of one server share."""

from __future__ import annotations

import functools

from local.jobs.launcher import PlainLauncher, Reaper
from local.jobs.warm import WarmLauncher


@functools.cache
def shared_launcher() -> WarmLauncher:
    """One per process: forks torch scripts from a warm process where it can, starts the rest."""
    reaper = Reaper()
    return WarmLauncher(PlainLauncher(reaper), reaper)


def warm_up() -> None:
    """Let the warm process import torch in the background; a server calls this when it starts."""
    shared_launcher().warm_up()
