"""Athena, as far as it queries feature groups: queries started, followed, read, stopped.

Each query runs in a thread on an engine of its own. Its result goes to S3 as CSV, and to a file of
JSON lines from which GetQueryResults reads, because readers of CSV take null for an empty text.
The dialect is DuckDB's; docs/features.md has the differences.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError
from local.features.groups import CATALOG, DATABASE
from local.features.offline import OfflineStore
from local.features.warehouse import Query, QueryFailed
from local.listing import cut_page
from local.objects import split_uri
from local.shapes import Shapes
from local.store import Document, public

logger = logging.getLogger(__name__)
KIND = "QueryExecution"
RUNNING = ("QUEUED", "RUNNING")
PAGE = 1_000
Row = list[str | None]


class Queries:
    """Answers Athena's actions on query executions; `knows` says which those are."""

    def __init__(self, backend: Backend, offline: OfflineStore) -> None:
        self._backend = backend
        self._store = backend.store
        self._offline = offline
        self._results_folder = backend.folder / "features" / "results"
        self._results_folder.mkdir(parents=True, exist_ok=True)
        self._shapes = Shapes("athena")
        self._engines: dict[str, Query] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._starting = threading.Lock()
        self._actions: dict[str, Action] = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": lambda request: {
                "QueryExecution": self._described(request["QueryExecutionId"])
            },
            "BatchGetQueryExecution": self._get_many,
            "GetQueryResults": self._results,
            "StopQueryExecution": self._stop,
            "ListQueryExecutions": self._list,
        }

    def recover(self) -> None:
        """Fail what ran when the server ended."""
        for found in self._store.list(KIND, lambda query: query["Status"]["State"] in RUNNING):
            self._end(found["QueryExecutionId"], "FAILED", "The server was stopped.")

    def close(self) -> None:
        """Stop what runs, and wait for it."""
        for identifier, thread in list(self._threads.items()):
            self._stop({"QueryExecutionId": identifier})
            thread.join()

    def knows(self, action: str) -> bool:
        """Whether `action` is answered here rather than by moto."""
        return action in self._actions

    def call(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Perform one action; raises ApiError."""
        try:
            self._shapes.check(action, request)
        except ApiError as error:
            raise _refusal(error.message) from error
        return self._actions[action](request)

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        location = request.get("ResultConfiguration", {}).get("OutputLocation", "")
        if not location.startswith("s3://"):
            raise _refusal(
                "No output location provided: give ResultConfiguration an OutputLocation such as "
                "s3://bucket/queries/."
            )
        context = request.get("QueryExecutionContext", {})
        database = context.get("Database", DATABASE).lower()
        if database != DATABASE or context.get("Catalog", CATALOG).lower() != CATALOG.lower():
            raise _refusal(
                f"The embedded AWS queries feature groups, in the database {DATABASE} of "
                f"{CATALOG}, not '{database}'."
            )
        with self._starting:  # a repeated token is the same query
            known = self._with_token(request.get("ClientRequestToken"))
            if known is not None:
                return {"QueryExecutionId": known["QueryExecutionId"]}
            identifier = self._create(request, location)
        name = f"query-{identifier[:8]}"
        thread = threading.Thread(target=self._run, args=(identifier,), name=name, daemon=True)
        self._threads[identifier] = thread
        thread.start()
        return {"QueryExecutionId": identifier}

    def _create(self, request: dict[str, Any], location: str) -> str:
        identifier = str(uuid.uuid4())
        output = f"{location.rstrip('/')}/{identifier}.csv"
        document = {
            "QueryExecutionId": identifier,
            "Query": request["QueryString"],
            "StatementType": "DML",
            "ResultConfiguration": {**request["ResultConfiguration"], "OutputLocation": output},
            "QueryExecutionContext": {"Database": DATABASE, "Catalog": CATALOG},
            "Status": {"State": "QUEUED", "SubmissionDateTime": self._backend.now()},
            "WorkGroup": request.get("WorkGroup", "primary"),
            "_token": request.get("ClientRequestToken"),
            "_columns": [],
        }
        self._store.create(KIND, identifier, document)
        return identifier

    def _with_token(self, token: str | None) -> Document | None:
        found = self._store.list(KIND, lambda query: query["_token"] == token) if token else []
        return found[0] if found else None

    def _run(self, identifier: str) -> None:
        """The whole query, in its own thread."""
        try:
            self._offline.flush()
            document = self._store.get(KIND, identifier)
            tables = list(self._offline.tables(document["Query"]))
            engine = self._engines[identifier] = Query(CATALOG.lower(), DATABASE, tables)
            if not self._set_state(identifier, "RUNNING"):
                return  # stopped before there was anything to interrupt
            self._finish(document, *engine.run(document["Query"]))
        except QueryFailed as error:
            self._end(identifier, "FAILED", str(error))
        except Exception as error:
            # The thread's edge: nobody else would tell the query's owner.
            logger.exception("query %s failed", identifier)
            self._end(identifier, "FAILED", f"The embedded AWS failed: {error}")
        finally:
            if opened := self._engines.pop(identifier, None):
                opened.close()
            self._threads.pop(identifier, None)

    def _finish(
        self, document: Document, columns: list[tuple[str, str]], rows: Iterator[Row]
    ) -> None:
        """Write the result in both forms; memory holds its text once."""
        identifier, csv = document["QueryExecutionId"], []
        with self._lines(identifier).open("w", encoding="utf-8") as lines:
            header: list[Row] = [[name for name, _ in columns]]
            for row in chain(header, rows):
                lines.write(json.dumps(row) + "\n")
                csv.append(_as_csv(row))
        output = document["ResultConfiguration"]["OutputLocation"]
        self._backend.objects.write(*split_uri(output), "".join(csv).encode())
        self._store.set(KIND, identifier, _columns=columns)
        self._end(identifier, "SUCCEEDED", "")

    def _lines(self, identifier: str) -> Path:
        return self._results_folder / f"{identifier}.jsonl"

    def _set_state(self, identifier: str, state: str, **more: Any) -> bool:
        """Go on to a state, unless the query has ended; returns whether it did."""

        def change(document: Document) -> None:
            if document["Status"]["State"] in RUNNING:  # what was stopped stays so
                document["Status"] |= {"State": state, **more}

        found = self._store.update(KIND, identifier, change)
        return bool(found["Status"]["State"] == state)

    def _end(self, identifier: str, state: str, reason: str) -> None:
        more = {"StateChangeReason": reason} if reason else {}
        self._set_state(identifier, state, CompletionDateTime=self._backend.now(), **more)

    def _get(self, identifier: str) -> Document:
        found = self._store.find(KIND, identifier)
        if found is None:
            raise _refusal(f"QueryExecution {identifier} was not found")
        return found

    def _described(self, identifier: str) -> Document:
        return public(self._get(identifier))

    def _get_many(self, request: dict[str, Any]) -> dict[str, Any]:
        asked = request["QueryExecutionIds"]
        found = [each for name in asked if (each := self._store.find(KIND, name))]
        there = {each["QueryExecutionId"] for each in found}
        return {
            "QueryExecutions": [public(each) for each in found],
            "UnprocessedQueryExecutionIds": [
                {"QueryExecutionId": name, "ErrorMessage": "It was not found."}
                for name in asked
                if name not in there
            ],
        }

    def _results(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self._get(request["QueryExecutionId"])
        state = document["Status"]["State"]
        if state != "SUCCEEDED":
            raise _refusal(f"Query has not yet finished. Current state: {state}")
        lines = self._lines(document["QueryExecutionId"]).read_text(encoding="utf-8").splitlines()
        page, token = cut_page(lines, {"MaxResults": PAGE, **request})
        rows: list[Row] = [json.loads(line) for line in page]
        data = [{"Data": [{} if v is None else {"VarCharValue": v} for v in row]} for row in rows]
        told = {"ColumnInfo": [_column(*column) for column in document["_columns"]]}
        answer = {"UpdateCount": 0, "ResultSet": {"Rows": data, "ResultSetMetadata": told}}
        return answer | ({"NextToken": token} if token else {})

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        identifier = request["QueryExecutionId"]
        self._get(identifier)
        self._end(identifier, "CANCELLED", "It was stopped.")
        if engine := self._engines.get(identifier):
            engine.stop()
        return {}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        newest = [each["QueryExecutionId"] for each in reversed(self._store.list(KIND))]
        page, token = cut_page(newest, {"MaxResults": 50, **request})
        return {"QueryExecutionIds": page} | ({"NextToken": token} if token else {})


def _refusal(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message)


def _column(name: str, kind: str) -> dict[str, Any]:
    place = {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name}
    return {**place, "Type": kind, "Nullable": "UNKNOWN", "CaseSensitive": kind == "varchar"}


def _as_csv(row: Row) -> str:
    """A line in Athena's form: every value in quotes, and nothing at all where it is null."""
    return ",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in row) + "\n"
