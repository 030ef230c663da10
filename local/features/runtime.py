"""The HTTP door of the feature store's runtime: records put, read and deleted (WSGI).

Requests and answers are in AWS's REST-JSON protocol, as botocore's model of the service has them.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from local.errors import ApiError, validation_error
from local.features.online import RecordStore
from local.shapes import Shapes

logger = logging.getLogger(__name__)
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
PATHS = ("/FeatureGroup/", "/BatchGetRecord", "/BatchWriteRecord")
# Method, path, operation; what the path does not name is in the query or the body.
ROUTES = (
    ("PUT", r"/FeatureGroup/(?P<name>.+)", "PutRecord"),
    ("GET", r"/FeatureGroup/(?P<name>.+)", "GetRecord"),
    ("DELETE", r"/FeatureGroup/(?P<name>.+)", "DeleteRecord"),
    ("POST", r"/FeatureGroup/(?P<name>.+)/ListRecords", "ListRecords"),
    ("POST", r"/BatchGetRecord", "BatchGetRecord"),
)
LISTS = {"FeatureName": "FeatureNames", "TargetStores": "TargetStores"}  # repeated in a query
MOST_BYTES = 8 * 1024 * 1024  # of a body
RENAMED = {"ValidationException": ("ValidationError", 400), "ResourceNotFound": ("", 404)}


class FeatureRuntime:
    """Reads requests, checks them against the API's model, and has them answered."""

    def __init__(self, store: RecordStore) -> None:
        self._shapes = Shapes("sagemaker-featurestore-runtime")
        self._operations: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "PutRecord": store.put,
            "GetRecord": store.get,
            "DeleteRecord": store.delete,
            "ListRecords": store.list,
            "BatchGetRecord": store.get_many,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status, answer, fault = self._respond(environ)
        body = json.dumps(answer).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if fault:
            headers.append(("x-amzn-ErrorType", fault))
        start_response(f"{status} {'OK' if status == 200 else 'Error'}", headers)
        return [body]

    def _respond(self, environ: Environ) -> tuple[int, dict[str, Any], str]:
        """HTTP status, answer, and the error's name or an empty text."""
        try:
            body = _read_body(environ)
            operation, request = _read(environ, body)
            self._shapes.check(operation, request)
            return 200, self._operations[operation](request), ""
        except ApiError as error:
            code, status = RENAMED.get(error.code, ("", error.status))
            return status, {"Message": error.message}, code or error.code
        except Exception as error:
            # The edge of the server: a fault of ours becomes an AWS answer, and goes to the log.
            logger.exception("%s failed", environ.get("PATH_INFO"))
            reason = f"The embedded AWS failed: {type(error).__name__}: {error}"
            return 500, {"Message": reason}, "InternalFailure"


def _read_body(environ: Environ) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > MOST_BYTES:
        raise validation_error(f"The body has {length} bytes; at most {MOST_BYTES} are read.")
    return bytes(environ["wsgi.input"].read(length))


def _read(environ: Environ, body: bytes) -> tuple[str, dict[str, Any]]:
    """The operation and its parameters, from wherever they stand."""
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    for verb, pattern, operation in ROUTES:
        match = re.fullmatch(pattern, path)
        if verb == method and match is not None:
            named = {"FeatureGroupName": match["name"]} if "name" in match.groupdict() else {}
            return operation, {**_in_query(environ), **_in_body(body), **named}
    raise ApiError(
        "UnknownOperationException",
        f"The embedded AWS's feature store has no {method} {path}; it knows "
        f"{', '.join(operation for *_, operation in ROUTES)}.",
        404,
    )


def _in_query(environ: Environ) -> dict[str, Any]:
    found = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return {
        LISTS.get(name, name): values if name in LISTS else values[0]
        for name, values in found.items()
    }


def _in_body(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", f"The body is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise ApiError("SerializationException", "The body is not a JSON object.")
    return content
