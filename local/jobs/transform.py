"""Transform jobs: a model's own handlers over every object of an S3 prefix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.backend import Action, Backend

Call = Callable[[str, dict[str, Any]], dict[str, Any]]


class TransformJobs:
    """The transform jobs of one backend."""

    def __init__(self, backend: Backend, call: Call) -> None:
        self.actions: dict[str, Action] = {}

    def recover(self) -> None:
        """Fail the jobs that ran when the server last stopped."""
