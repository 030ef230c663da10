"""Images to ask an endpoint about: files of the caller's, or those of the live version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from commands.endpoint import package_of
from commands.registry import read_object
from commands.session import Session
from errors import BreedlineError

TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}  # by first bytes
ELSE = "name images on the command line."


@dataclass(frozen=True)
class Sample:
    """An encoded image."""

    name: str
    body: bytes
    content_type: str


def read_samples(session: Session, endpoint_config: str, paths: Sequence[Path]) -> list[Sample]:
    """The files, or where there are none the samples that the live version is smoke-tested with.

    Raises:
        BreedlineError: a file is no image, or the version has no samples.
    """
    if paths:
        return [_sample(str(path), _read(path)) for path in paths]
    prefix = _prefix(session, endpoint_config)
    listed = json.loads(read_object(session, f"{prefix}/samples.json"))["samples"]
    if not listed:
        raise BreedlineError(f"{prefix}/samples.json lists no images; {ELSE}")
    return [
        _sample(each["file"], read_object(session, f"{prefix}/{each['file']}")) for each in listed
    ]


def _prefix(session: Session, endpoint_config: str) -> str:
    sagemaker = session.client("sagemaker")
    arn = package_of(sagemaker, endpoint_config)
    if arn is None:
        raise BreedlineError(
            f"'{endpoint_config}' serves no model package, so that it has no samples; {ELSE}"
        )
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    prefix: str = package.get("CustomerMetadataProperties", {}).get("smoke-samples", "")
    if not prefix:
        raise BreedlineError(f"{arn} was registered without samples; {ELSE}")
    return prefix.rstrip("/")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BreedlineError(f"{path} cannot be read: {error.strerror}.") from error


def _sample(name: str, body: bytes) -> Sample:
    for start, content_type in TYPES.items():
        if body.startswith(start):
            return Sample(name, body, content_type)
    raise BreedlineError(f"{name} is neither a JPEG nor a PNG file.")
