"""Put one record for each kept image into a feature group, where one is named.

Boundary: images in, a count out; reads S3's listing and writes records through boto3, which is
imported only then. A record says what is known of a content: preparing the same data again changes
nothing, and costs one question for each hundred images. What an embedding is, `embedding` says.
Run the tests: `pytest tests/steps/test_records.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any, Protocol

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
EMBEDDING, MODEL = "embedding", "embedding_model"
EMBEDDED = (EMBEDDING, MODEL)
"""Further features, of records whose images a network has seen."""
TIME = "%Y-%m-%dT%H:%M:%SZ"
WRITERS = 16
BATCH = 96
"""Records that are looked at together: BatchGetRecord reads 100 at most, and a network on a CPU
sees 16 images at a time, so that 100 would cost it as much as 112."""
ATTEMPTS = 8
"""For a record that is throttled, with growing pauses."""

Record = dict[str, str]


class RecordsError(Exception):
    """The records cannot be written; one sentence."""


class Embeds(Protocol):
    """What turns images into embeddings; another network has another `name`."""

    @property
    def name(self) -> str: ...

    def __call__(self, images: Sequence[Image]) -> list[str]: ...


@dataclass(frozen=True)
class Written:
    """What became of the records; `event_time` is that of the data.

    `embedded` counts the images of which an embedding was computed, by `embedding_model`.
    """

    feature_group: str
    written: int
    unchanged: int
    event_time: str
    embedded: int = 0
    embedding_model: str = ""


@dataclass(frozen=True)
class Entry:
    """An image and what is said of it."""

    image: Image
    record: Record


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


def put_records(
    images: Iterable[Image], source_uri: str, group: FeatureGroup, embed: Embeds | None = None
) -> Written:
    """Write what the group does not know yet. Raises RecordsError; what is written stays."""
    from botocore.exceptions import BotoCoreError, ClientError

    written = unchanged = embedded = 0
    model = embed.name if embed else ""
    try:
        newest = _newest_change(group.s3, source_uri)
        with ThreadPoolExecutor(WRITERS) as pool:
            for batch in _batches(_entries(images, source_uri, model)):
                new = [*_new(batch, _known(group, batch), newest)]
                if embed:
                    embedded += _embed(new, embed)
                for done in [pool.submit(_put, group, entry.record) for entry in new]:
                    done.result()
                written += len(new)
                unchanged += len(batch) - len(new)
    except (BotoCoreError, ClientError) as error:
        raise RecordsError(
            f"The records cannot be written to the feature group {group.name} ({error}); mend "
            "that, or set features.enabled = false and upsert."
        ) from error
    return Written(group.name, written, unchanged, newest.strftime(TIME), embedded, model)


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


def _entries(images: Iterable[Image], source_uri: str, model: str) -> Iterator[Entry]:
    """What is said of each image; time and embedding are added where it is written."""
    prefix = source_uri.rstrip("/") + "/"
    for image in images:
        record = {
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
        yield Entry(image, record | ({MODEL: model} if model else {}))


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while batch := list(islice(entries, BATCH)):
        yield batch


def _known(group: FeatureGroup, batch: list[Entry]) -> dict[str, Record]:
    """The records that the online store has, by id."""
    if not group.is_online:
        return {}
    found: dict[str, Record] = {}
    asked = [_identifiers(group, batch)]
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


def _identifiers(group: FeatureGroup, batch: list[Entry]) -> dict[str, Any]:
    more = EMBEDDED if MODEL in batch[0].record else ()
    return {
        "FeatureGroupName": group.name,
        "RecordIdentifiersValueAsString": [entry.record["record_id"] for entry in batch],
        "FeatureNames": [*FEATURES, *more],
    }


def _new(batch: list[Entry], known: dict[str, Record], newest: datetime) -> Iterator[Entry]:
    """Records that say something new, with their times."""
    for entry in batch:
        record = entry.record
        before = known.get(record["record_id"], {})
        if any(before.get(name) != value for name, value in record.items()):
            later = {**record, "event_time": _later(before, newest).strftime(TIME)}
            if MODEL in record and record[MODEL] == before.get(MODEL) and before.get(EMBEDDING):
                later[EMBEDDING] = before[EMBEDDING]  # of this content, by this network
            yield Entry(entry.image, later)


def _embed(new: list[Entry], embed: Embeds) -> int:
    """Give records the embeddings that they lack; returns how many."""
    lacking = [entry for entry in new if EMBEDDING not in entry.record]
    texts = embed([entry.image for entry in lacking]) if lacking else []
    for entry, text in zip(lacking, texts, strict=True):
        entry.record[EMBEDDING] = text
    return len(lacking)


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
        Record=[{"FeatureName": name, "ValueAsString": value} for name, value in record.items()],
    )
