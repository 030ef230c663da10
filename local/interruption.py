"""The client's side of an interruption: ask the server to take a spot job's instances away.

Imports nothing heavy, because a command does it.
"""

from __future__ import annotations

from errors import BreedlineError
from local.connection import Connection
from local.private_route import Refused, ask

ROUTE = "/_breedline/interruption"


class InterruptionError(BreedlineError):
    """The job cannot be interrupted."""


def interrupt_job(connection: Connection, name: str, away: float = 0.0) -> None:
    """Interrupt a spot training job of the running server; capacity is back after `away` seconds.

    Raises InterruptionError.
    """
    try:
        ask(connection, ROUTE, {"job": name, "away_seconds": away})
    except Refused as error:
        raise InterruptionError(str(error)) from error
