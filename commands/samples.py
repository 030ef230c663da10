"""Requests to ask an endpoint: files of the caller's, or those of the live version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from commands.endpoint import package_of
from commands.registry import read_object
from commands.session import Session
from commands.usage import Sample
from errors import BreedlineError
from workloads import workload_of


def read_samples(session: Session, endpoint_config: str, paths: Sequence[Path]) -> list[Sample]:
    """The files, or where there are none the samples that the live version is smoke-tested with.

    Raises:
        BreedlineError: a file is nothing to ask about, or the version has no samples.
    """
    usage = workload_of(session.settings).usage
    if paths:
        return [usage.request(str(path), _read(path)) for path in paths]
    prefix = _prefix(session, endpoint_config)
    listed = json.loads(read_object(session, f"{prefix}/samples.json"))
    if not listed["samples"]:
        raise BreedlineError(f"{prefix}/samples.json lists no {usage.noun}; {_else(session)}")
    kept = usage.kept(listed, lambda name: read_object(session, f"{prefix}/{name}"))
    return [usage.request(each.name, each.content) for each in kept]


def _else(session: Session) -> str:
    return f"name {workload_of(session.settings).usage.noun} on the command line."


def _prefix(session: Session, endpoint_config: str) -> str:
    sagemaker = session.client("sagemaker")
    arn = package_of(sagemaker, endpoint_config)
    if arn is None:
        raise BreedlineError(
            f"'{endpoint_config}' serves no model package, so that it has no samples; "
            f"{_else(session)}"
        )
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    prefix: str = package.get("CustomerMetadataProperties", {}).get("smoke-samples", "")
    if not prefix:
        raise BreedlineError(f"{arn} was registered without samples; {_else(session)}")
    return prefix.rstrip("/")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BreedlineError(f"{path} cannot be read: {error.strerror}.") from error
