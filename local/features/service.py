"""The feature store as one server runs it: its API, its runtime and its queries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from local.backend import Backend
from local.features.group import Group
from local.features.groups import FeatureGroups
from local.features.offline import OfflineStore
from local.features.online import RecordStore
from local.features.queries import Queries
from local.features.records import Records
from local.features.runtime import PATHS, FeatureRuntime
from local.gateway import JSON_TYPE, presented_scope
from local.json_protocol import respond

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
ATHENA = "AmazonAthena."


class FeatureStore:
    """Puts the parts together; `groups` answers SageMaker's actions, `queries` Athena's."""

    def __init__(self, backend: Backend) -> None:
        folder = backend.folder / "features"
        folder.mkdir(parents=True, exist_ok=True)
        self._records = Records(folder / "records.sqlite")
        self.groups = FeatureGroups(backend, self._forget)
        self._offline = OfflineStore(backend, self._records, self.groups.all)
        self.runtime = FeatureRuntime(
            RecordStore(backend, self._records, self._offline, self.groups.find)
        )
        self.queries = Queries(backend, self._offline)

    def recover(self) -> None:
        """Mend what a killed server left half done, and begin to write."""
        self.queries.recover()
        self._offline.start()

    def watch(self, app: WsgiApp) -> WsgiApp:
        """The application with the runtime and the queries in front of it."""

        def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            service, _ = presented_scope(environ)
            if service == "sagemaker" and environ.get("PATH_INFO", "").startswith(PATHS):
                return self.runtime(environ, start_response)
            action = environ.get("HTTP_X_AMZ_TARGET", "").removeprefix(ATHENA)
            if service == "athena" and self.queries.knows(action):
                return self._query(action, environ, start_response)
            return app(environ, start_response)

        return answer

    def _query(
        self, action: str, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        status, answer = respond(self.queries, action, environ["wsgi.input"].read(length))
        body = json.dumps(answer).encode()
        headers = [("Content-Type", JSON_TYPE), ("Content-Length", str(len(body)))]
        start_response(f"{status} {'OK' if status == 200 else 'Error'}", headers)
        return [body]

    def close(self) -> None:
        """End the queries, and write what waits."""
        self.queries.close()
        self._offline.close()
        self._records.close()

    def _forget(self, group: Group) -> None:
        """The offline store keeps what a deleted group wrote, all of it."""
        self._offline.flush()
        self._records.forget(group.name)
