"""Which operation an HTTP request asks for, and with which parameters, in each of AWS's protocols.

Bodies that are data, not parameters, stay unread: objects of S3, what is sent to functions and
models. The request stays readable.
"""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote
from xml.sax.saxutils import unescape

import botocore.session
from botocore.model import OperationModel

Environ = dict[str, Any]
# By signing name: the service in IAM's words where they differ, and botocore's names for REST.
IN_IAM = {"monitoring": "cloudwatch"}
REST = {
    "lambda": ("lambda",),
    "sagemaker": ("sagemaker-runtime", "sagemaker-featurestore-runtime"),
    "scheduler": ("scheduler",),
}
INDEXED = re.compile(r"(\w+)\.(?:member|entry)\.\d+")
# What a query to a bucket is about -> what the API's operations are called after.
PARTS_OF_BUCKETS = {
    "encryption": "BucketEncryption",
    "lifecycle": "BucketLifecycleConfiguration",
    "notification": "BucketNotificationConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "publicAccessBlock": "PublicAccessBlock",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
}
LABEL = re.compile(r"\\\{(\w+)(\\\+)?\\\}")


@dataclass(frozen=True)
class Operation:
    """One call: `service` is IAM's prefix, `name` the API's operation, empty when unknown."""

    service: str
    name: str
    parameters: Mapping[str, Any]


def read_operation(environ: Environ, signing_name: str) -> Operation:
    """The operation of a request that was signed for a service."""
    service = IN_IAM.get(signing_name, signing_name)
    if signing_name == "s3":
        return Operation(service, *_of_s3(environ))
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        return Operation(service, target.rpartition(".")[2], _json(_body(environ)))
    if "form-urlencoded" in environ.get("CONTENT_TYPE", ""):
        form = _form(_body(environ).decode())
        return Operation(service, str(form.pop("Action", "")), form)
    return Operation(service, *_of_rest(environ, REST.get(signing_name, ())))


def _body(environ: Environ) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}  # the service refuses it in its own words
    return found if isinstance(found, dict) else {}


def _form(body: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        listed = INDEXED.fullmatch(name)
        if listed:
            fields.setdefault(listed[1], []).append(value)
        else:
            fields[name] = value
    return fields


def _of_s3(environ: Environ) -> tuple[str, dict[str, Any]]:
    bucket, _, key = unquote(str(environ.get("PATH_INFO", ""))).lstrip("/").partition("/")
    query = parse_qs(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    method = environ["REQUEST_METHOD"]
    if not key:
        name = _bucket_operation(method, query)
        given = {"Prefix": "prefix", "Delimiter": "delimiter", "MaxKeys": "max-keys"}
        asked: dict[str, Any] = {f: query[n][0] for f, n in given.items() if n in query}
        if name == "DeleteObjects":
            body = _body(environ).decode()
            asked["Keys"] = [unescape(key) for key in re.findall(r"<Key>(.*?)</Key>", body)]
            asked["Versions"] = re.findall(r"<VersionId>(.*?)</VersionId>", body)
        return name, {"Bucket": bucket, **asked}
    source = environ.get("HTTP_X_AMZ_COPY_SOURCE")
    found = {"Bucket": bucket, "Key": key, **({"CopySource": source} if source else {})}
    return _object_operation(method, query, bool(source)), found


def _bucket_operation(method: str, query: Mapping[str, Any]) -> str:
    if method == "POST" and "delete" in query:
        return "DeleteObjects"
    if method == "HEAD":
        return "HeadBucket"
    if method == "GET" and "location" in query:
        return "GetBucketLocation"
    if method == "GET" and "uploads" in query:
        return "ListMultipartUploads"
    if method == "GET" and "versions" in query:
        return "ListObjectVersions"
    for word, part in PARTS_OF_BUCKETS.items():
        if word in query:
            shorter = part.removesuffix("Configuration") if method == "DELETE" else part
            return f"{method.capitalize()}{shorter}"
    if method in ("PUT", "DELETE") and not query:
        return "CreateBucket" if method == "PUT" else "DeleteBucket"
    listing = {"list-type", "prefix", "delimiter", "max-keys", "marker", "encoding-type"}
    plain = query.keys() <= listing | {"continuation-token", "start-after", "fetch-owner"}
    return "ListObjectsV2" if method == "GET" and plain else ""


def _object_operation(method: str, query: Mapping[str, Any], copied: bool) -> str:
    if "tagging" in query:
        return {"GET": "GetObjectTagging", "PUT": "PutObjectTagging"}.get(method, "")
    if "uploadId" in query:
        part = "UploadPartCopy" if copied else "UploadPart"
        multipart = {"PUT": part, "POST": "CompleteMultipartUpload"}
        return (multipart | {"DELETE": "AbortMultipartUpload", "GET": "ListParts"}).get(method, "")
    if "uploads" in query and method == "POST":
        return "CreateMultipartUpload"
    put = "CopyObject" if copied else "PutObject"
    plain = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": put, "DELETE": "DeleteObject"}
    return plain.get(method, "")


def _of_rest(environ: Environ, names: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    path, method = str(environ.get("PATH_INFO", "")), environ["REQUEST_METHOD"]
    asked = set(str(environ.get("QUERY_STRING", "")).split("&"))
    for name in names:
        for route in _routes(name):
            match = route.pattern.fullmatch(path) if route.method == method else None
            if match and route.query <= asked:
                return route.operation.name, _parameters(route.operation, match, environ)
    return "", {}


def _parameters(
    operation: OperationModel, match: re.Match[str], environ: Environ
) -> dict[str, Any]:
    query = parse_qs(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    found: dict[str, Any] = {name: unquote(text) for name, text in match.groupdict().items()}
    shape = operation.input_shape
    if shape is None:
        return found
    for name, member in shape.members.items():
        place = member.serialization
        if place.get("location") == "querystring" and place["name"] in query:
            found[name] = query[place["name"]][0]
    if not operation.has_streaming_input and "payload" not in shape.serialization:
        found |= _json(_body(environ))
    return found


@dataclass(frozen=True)
class Route:
    """How one operation is asked for; `query` is what tells it from another of the same path."""

    operation: OperationModel
    method: str
    pattern: re.Pattern[str]
    query: frozenset[str]


@functools.cache
def _routes(name: str) -> tuple[Route, ...]:
    """Those with the fewest placeholders first, and of these the ones with the most to tell."""
    model = botocore.session.get_session().get_service_model(name)
    operations = [model.operation_model(operation) for operation in model.operation_names]
    return tuple(
        _route(o)
        for o in sorted(
            operations,
            key=lambda o: (o.http["requestUri"].count("{"), "?" not in o.http["requestUri"]),
        )
    )


def _route(operation: OperationModel) -> Route:
    place, _, query = operation.http["requestUri"].partition("?")
    path = re.escape(place)
    members = operation.input_shape.members if operation.input_shape else {}
    names = {m.serialization.get("name", name): name for name, m in members.items()}

    def group(match: re.Match[str]) -> str:
        return f"(?P<{names.get(match[1], match[1])}>{'.+' if match[2] else '[^/]+'})"

    pattern = re.compile(LABEL.sub(group, path).rstrip("/") + "/?")
    return Route(
        operation, operation.http["method"], pattern, frozenset(filter(None, query.split("&")))
    )
