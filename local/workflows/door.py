"""Where requests for Step Functions come in. The interpreter is loaded when the first one does.

Loading it takes longer than starting the server, which most commands need for other things.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import moto.stepfunctions.urls as moto_urls

from local.backend import Backend

if TYPE_CHECKING:
    from local.workflows.service import StepFunctions

UNFINISHED = (("Execution", "RUNNING"), ("StateMachine", "DELETING"))


class StepFunctionsDoor:
    """Answers in the place of moto's Step Functions, for the process that serves."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._loaded: StepFunctions | None = None
        moto_urls.url_paths = {"{0}/$": self.answer}

    def service(self) -> StepFunctions:
        """The service itself, for callers within the server."""
        with self._lock:
            if self._loaded is None:
                from local.workflows.service import StepFunctions

                self._loaded = StepFunctions(self._backend)
                self._loaded.recover()
            return self._loaded

    def answer(self, request: Any, url: str, headers: dict[str, str]) -> Any:
        """One HTTP request, in the form that moto's server hands them out."""
        return self.service().answer(request, url, headers)

    def recover(self) -> None:
        """Mend, at the server's start, what a killed server left half done."""
        store = self._backend.store
        if any(
            kept["status"] == status for kind, status in UNFINISHED for kept in store.list(kind)
        ):
            self.service()
