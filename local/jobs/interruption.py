"""Taking a spot job's instances away, as EC2 does when it wants the capacity back.

On AWS nobody can ask for it; here a private route of the server does, so that one can see a job go
on from its checkpoint. The hosts get SIGTERM, two minutes later SIGKILL; when capacity is back the
job starts anew with what is under its checkpoint URI.
"""

from __future__ import annotations

from typing import Any

from local.jobs.lifecycle import JobTable
from local.jobs.training_status import enter
from local.store import Document

LONGEST = 28 * 86_400  # seconds that a training job may wait at all
ON_INSTANCES = ("Downloading", "Training")


class Interruptions:
    """Interrupts training jobs of one table."""

    def __init__(self, table: JobTable) -> None:
        self._table = table

    def interrupt(self, name: str, away: float) -> None:
        """Take the instances of a running spot job; others come after `away` seconds.

        Raises ValueError for a job that has none to take.
        """
        if not 0 <= away <= LONGEST:
            raise ValueError(f"Capacity can be away for 0 to {LONGEST} seconds, not for {away}.")
        backend = self._table.backend
        found = backend.store.find(self._table.kind.name, name)
        if found is None:
            raise ValueError(f"There is no training job named '{name}'.")
        if not found["EnableManagedSpotTraining"]:
            raise ValueError(
                f"The training job '{name}' does not run on spot capacity; set spot.enabled = true "
                "in environments.toml and upsert."
            )

        def mark(document: Document) -> None:
            status, secondary = document["TrainingJobStatus"], document["SecondaryStatus"]
            if status != "InProgress" or secondary not in ON_INSTANCES:
                raise ValueError(
                    f"The training job '{name}' has no instances to lose: it is {status} "
                    f"({secondary})."
                )
            enter(document, "Interrupted", backend.now())

        self._table.update(name, mark)
        self._table.control(name).interrupt(backend.now() + away)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The private route of the server."""
        self.interrupt(str(request["job"]), float(request.get("away_seconds", 0)))
        return {"job": request["job"]}
