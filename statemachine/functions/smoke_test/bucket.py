"""Read what the evaluation kept, from its place in the bucket."""

from __future__ import annotations

import os

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PATIENCE = Config(
    connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}
)


class SamplesError(Exception):
    """The samples cannot be read; the message is one sentence."""


class Prefix:
    """The objects below `uri`, an S3 prefix. Raises SamplesError for another text."""

    def __init__(self, uri: str) -> None:
        scheme, _, rest = uri.partition("://")
        self._bucket, _, self._prefix = rest.rstrip("/").partition("/")
        if scheme != "s3" or not self._bucket or not self._prefix:
            raise SamplesError(f"The samples' place is {uri!r}, not s3://bucket/prefix.")
        self._s3 = boto3.client("s3", region_name=os.environ["AWS_REGION"], config=PATIENCE)

    def read(self, name: str) -> bytes:
        """Raises SamplesError."""
        key = f"{self._prefix}/{name}"
        try:
            content: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise SamplesError(f"s3://{self._bucket}/{key} cannot be read: {code}.") from error
        except BotoCoreError as error:
            reason = type(error).__name__
            raise SamplesError(f"s3://{self._bucket}/{key} cannot be read: {reason}.") from error
        return content
