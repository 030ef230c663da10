"""Whether a data set that says it is complete is heard: its marker, and the bucket's events."""

from __future__ import annotations

import re
from collections.abc import Iterator

from botocore.exceptions import ClientError

from provision.change import STACK_TAG, from_tags, or_none
from provision.preflight.findings import Finding, Subject
from settings import Settings

ABSENT = ("404", "NoSuchBucket", "403", "AccessDenied")  # which other checks tell


def check_triggers(subject: Subject) -> Iterator[Finding]:
    """Only where new data retrain; a data set without a marker means to start nothing."""
    if subject.settings.triggers.retrain_on_data:
        yield from _events(subject)
        yield from _marker(subject)


def _events(subject: Subject) -> Iterator[Finding]:
    """`upsert` switches them on, unless a stack has the bucket."""
    s3, name = subject.clients("s3"), subject.settings.bucket
    tags = or_none(lambda: s3.get_bucket_tagging(Bucket=name)["TagSet"], "NoSuchTagSet", *ABSENT)
    stack = from_tags(tags or []).get(STACK_TAG)
    if not stack:
        return
    told = s3.get_bucket_notification_configuration(Bucket=name)
    if "EventBridgeConfiguration" not in told:
        yield Finding(
            "warning",
            f"bucket {name}",
            "it tells EventBridge nothing, so that no new data retrain, and the stack "
            f"'{stack}' has it",
            "switch its notifications to EventBridge on, or set triggers.retrain_on_data = false",
        )


def _marker(subject: Subject) -> Iterator[Finding]:
    """The marker of the data set that the next run takes lies where the rule looks."""
    bucket, _, prefix = subject.data_uri.removeprefix("s3://").partition("/")
    marker = subject.settings.triggers.marker
    key = "/".join(part for part in (prefix.strip("/"), marker) if part)
    try:
        subject.clients("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if str(error.response["Error"]["Code"]) not in (*ABSENT, "NoSuchKey"):
            raise
        return
    if not _is_heard(subject.settings, bucket, key):
        place = f"s3://{subject.settings.bucket}/{subject.settings.triggers.data_prefix}"
        yield Finding(
            "warning",
            f"marker s3://{bucket}/{key}",
            f"it starts no retraining: only {place}/<data set>/{marker} does",
            "put the data set there, or change triggers.data_prefix",
        )


def _is_heard(settings: Settings, bucket: str, key: str) -> bool:
    """Directly in a data set: a marker that lies deeper is refused."""
    triggers = settings.triggers
    form = rf"{re.escape(triggers.data_prefix)}/[^/]+/{re.escape(triggers.marker)}"
    return bucket == settings.bucket and re.fullmatch(form, key) is not None
