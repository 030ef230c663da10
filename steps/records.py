"""Put one record for each kept image into a feature group, where one is named.

Boundary: images in, a count out; reads S3's listing and writes records through boto3, which is
imported only then. A record says what is known of a content: preparing the same data again changes
nothing, and costs one question for each hundred images.
Run the tests: `pytest tests/steps/test_records.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any

from catalogue import Image

FEATURES = (
    "record_id",
    "event_time",
    "uri",
    "label",
    "split",
    "digest",
    "width",
    "height",
    "bytes",
)
TIME = "%Y-%m-%dT%H:%M:%SZ"
WRITERS = 16
BATCH = 100
"""Records that BatchGetRecord reads at once."""
ATTEMPTS = 8
"""For a record that is throttled, with growing pauses."""

Record = dict[str, str]


class RecordsError(Exception):
    """The records cannot be written; one sentence."""


@dataclass(frozen=True)
class Written:
    """What became of the records; `event_time` is that of the data."""

    feature_group: str
    written: int
    unchanged: int
    event_time: str


@dataclass(frozen=True)
class FeatureGroup:
    """A group by name; where it `is_online`, what it knows already is read before."""

    name: str
    is_online: bool
    runtime: Any
    s3: Any


def open_group(name: str, is_online: bool) -> FeatureGroup:
    """The group through boto3, in the container's region (SageMaker names it in AWS_REGION)."""
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(region_name=os.environ.get("AWS_REGION"))
    patient = Config(
        max_pool_connections=WRITERS, retries={"max_attempts": ATTEMPTS, "mode": "standard"}
    )
    runtime = session.client("sagemaker-featurestore-runtime", config=patient)
    return FeatureGroup(name, is_online, runtime, session.client("s3", config=patient))


def put_records(images: Iterable[Image], source_uri: str, group: FeatureGroup) -> Written:
    """Write what the group does not know yet. Raises RecordsError; what is written stays."""
    from botocore.exceptions import BotoCoreError, ClientError

    written = unchanged = 0
    try:
        newest = _newest_change(group.s3, source_uri)
        with ThreadPoolExecutor(WRITERS) as pool:
            for batch in _batches(_records(images, source_uri)):
                new = [*_new(batch, _known(group, batch), newest)]
                for done in [pool.submit(_put, group, record) for record in new]:
                    done.result()
                written += len(new)
                unchanged += len(batch) - len(new)
    except (BotoCoreError, ClientError) as error:
        raise RecordsError(
            f"The records cannot be written to the feature group {group.name} ({error}); mend "
            "that, or set features.enabled = false and upsert."
        ) from error
    return Written(group.name, written, unchanged, newest.strftime(TIME))


def _newest_change(s3: Any, source_uri: str) -> datetime:
    """When the data last changed: the event that the records tell of."""
    bucket, _, prefix = source_uri.removeprefix("s3://").rstrip("/").partition("/")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{prefix}/" if prefix else ""
    )
    times = [item["LastModified"] for page in pages for item in page.get("Contents", ())]
    if not times:
        raise RecordsError(f"{source_uri} holds no objects any more; prepare the data again.")
    newest: datetime = max(times)
    return newest.astimezone(timezone.utc)


def _records(images: Iterable[Image], source_uri: str) -> Iterator[Record]:
    """What is said of each image; the time is added where it is written."""
    prefix = source_uri.rstrip("/") + "/"
    for image in images:
        yield {
            # By content: an image that is moved or renamed stays the same one.
            "record_id": image.digest[:32],
            "uri": prefix + image.path,
            "label": image.class_name,
            "split": image.split,
            "digest": image.digest,
            "width": str(image.width),
            "height": str(image.height),
            "bytes": str(image.size),
        }


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(records, BATCH)):
        yield batch


def _known(group: FeatureGroup, batch: list[Record]) -> dict[str, Record]:
    """The records that the online store has, by id."""
    if not group.is_online:
        return {}
    found: dict[str, Record] = {}
    asked = [_identifiers(group, [record["record_id"] for record in batch])]
    for _ in range(ATTEMPTS):
        if not asked:
            return found
        answer = group.runtime.batch_get_record(Identifiers=asked)
        if errors := answer["Errors"]:
            raise RecordsError(
                f"The feature group {group.name} cannot be read ({errors[0]['ErrorMessage']}); "
                "run upsert, which makes it."
            )
        for each in answer["Records"]:
            values = {v["FeatureName"]: v.get("ValueAsString", "") for v in each["Record"]}
            found[each["RecordIdentifierValueAsString"]] = values
        asked = answer["UnprocessedIdentifiers"]
    raise RecordsError(f"The feature group {group.name} left records unread; start again later.")


def _identifiers(group: FeatureGroup, ids: list[str]) -> dict[str, Any]:
    return {
        "FeatureGroupName": group.name,
        "RecordIdentifiersValueAsString": ids,
        "FeatureNames": list(FEATURES),
    }


def _new(batch: list[Record], known: dict[str, Record], newest: datetime) -> Iterator[Record]:
    """Records that say something new, with their times."""
    for record in batch:
        before = known.get(record["record_id"], {})
        if any(before.get(name) != value for name, value in record.items()):
            yield {**record, "event_time": _later(before, newest).strftime(TIME)}


def _later(before: Record, newest: datetime) -> datetime:
    """The time of the data, or just after the record that is replaced: the store keeps the newer.

    The split of an image changes with the seed and with other images, not with its own time.
    """
    if "event_time" not in before:
        return newest
    known = datetime.strptime(before["event_time"], TIME).replace(tzinfo=timezone.utc)
    return max(newest, known + timedelta(seconds=1))


def _put(group: FeatureGroup, record: Record) -> None:
    group.runtime.put_record(
        FeatureGroupName=group.name,
        Record=[{"FeatureName": name, "ValueAsString": record[name]} for name in FEATURES],
    )
