"""The images that the evaluation kept, each with the label that the model gave it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

MOST = 100  # results are told in a state of a state machine, which holds no more than 256 KB
PATIENCE = Config(
    connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}
)


class SamplesError(Exception):
    """The samples cannot be read; the message is one sentence."""


@dataclass(frozen=True)
class Sample:
    """One entry of samples.json, and the key of its image."""

    file: str
    label: str
    sha256: str
    key: str


class Samples:
    """The samples below `uri`, an S3 prefix; images are read one at a time."""

    def __init__(self, uri: str) -> None:
        scheme, _, rest = uri.partition("://")
        self._bucket, _, prefix = rest.rstrip("/").partition("/")
        if scheme != "s3" or not self._bucket or not prefix:
            raise SamplesError(f"The samples' place is {uri!r}, not s3://bucket/prefix.")
        self._prefix = prefix
        self._s3 = boto3.client("s3", region_name=os.environ["AWS_REGION"], config=PATIENCE)

    def list(self) -> list[Sample]:
        """Raises SamplesError."""
        content = self._content(f"{self._prefix}/samples.json")
        try:
            return [self._sample(entry) for entry in json.loads(content)["samples"]][:MOST]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SamplesError("samples.json is not what Evaluate writes.") from error

    def image(self, sample: Sample) -> bytes:
        """Raises SamplesError, also when it is another image than the one that was kept."""
        data = self._content(sample.key)
        if hashlib.sha256(data).hexdigest() != sample.sha256:
            raise SamplesError(f"{sample.file} is not the image that Evaluate kept.")
        return data

    def _sample(self, entry: Mapping[str, Any]) -> Sample:
        file, label, sha256 = (str(entry[key]) for key in ("file", "label", "sha256"))
        return Sample(file, label, sha256, f"{self._prefix}/{file}")

    def _content(self, key: str) -> bytes:
        try:
            content: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise SamplesError(f"s3://{self._bucket}/{key} cannot be read: {code}.") from error
        except BotoCoreError as error:
            reason = type(error).__name__
            raise SamplesError(f"s3://{self._bucket}/{key} cannot be read: {reason}.") from error
        return content
