"""Whether the model data that a container names is really in S3."""

from __future__ import annotations

from typing import Any

from local.errors import ApiError, validation_error
from local.objects import Objects, split_uri


def check_model_data(objects: Objects, container: dict[str, Any]) -> None:
    """Raise AWS's ValidationException when the container's model data is not there."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    whole_prefix = source.get("S3DataType") == "S3Prefix" or container.get("Mode") == "MultiModel"
    for uri in (container.get("ModelDataUrl"), source.get("S3Uri")):
        if uri is not None:
            _check(objects, uri, whole_prefix)


def _check(objects: Objects, uri: str, whole_prefix: bool) -> None:
    if not uri.startswith("s3://"):
        raise validation_error(f"The model data URL {uri} must begin with s3://.")
    try:
        bucket, key = split_uri(uri)
    except ValueError as error:
        raise validation_error(str(error)) from error
    found = objects.list(bucket, key) if whole_prefix else objects.find(bucket, key)
    if not found:
        raise _missing(uri)


def _missing(uri: str) -> ApiError:
    return validation_error(
        f"Could not find model data at {uri}. Please ensure that the object exists."
    )
