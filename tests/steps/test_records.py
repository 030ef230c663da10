"""Records of images in a feature group: the embedded AWS's own, without its HTTP door."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from catalogue import Image
from records import BATCH, EMBEDDED, FEATURES, FeatureGroup, RecordsError, put_records

from local.errors import ApiError
from local.features.group import group_of
from local.features.online import RecordStore
from local.features.records import Records

URI = "s3://bucket/photos"
DAY = datetime(2026, 5, 1, 10, tzinfo=timezone.utc)
DOCUMENT = {
    "FeatureGroupName": "photos",
    "FeatureDefinitions": [
        {"FeatureName": n, "FeatureType": "String"} for n in FEATURES + EMBEDDED
    ],
    "RecordIdentifierFeatureName": "record_id",
    "EventTimeFeatureName": "event_time",
    "OnlineStoreConfig": {"EnableOnlineStore": True},
}


class Runtime:
    """The runtime's client with the online store in this process."""

    def __init__(self, folder: Path) -> None:
        offline: Any = SimpleNamespace(notice=lambda: None)
        clock: Any = SimpleNamespace(now=time.time)
        records = Records(folder / "records.sqlite")
        self.store = RecordStore(clock, records, offline, lambda name: group_of(DOCUMENT))
        self.puts = 0
        self.unprocessed = 0  # so often BatchGetRecord leaves the last half unread

    def put_record(self, **request: Any) -> None:
        self.puts += 1
        self._call(self.store.put, request)

    def batch_get_record(self, **request: Any) -> dict[str, Any]:
        left = []
        if self.unprocessed:
            self.unprocessed -= 1
            (asked,) = request["Identifiers"]
            ids = asked["RecordIdentifiersValueAsString"]
            half = len(ids) // 2
            request["Identifiers"] = [{**asked, "RecordIdentifiersValueAsString": ids[:half]}]
            left = [{**asked, "RecordIdentifiersValueAsString": ids[half:]}]
        return {**self._call(self.store.get_many, request), "UnprocessedIdentifiers": left}

    def record(self, digest: str) -> dict[str, str]:
        asked = {"FeatureGroupName": "photos", "RecordIdentifierValueAsString": digest[:32]}
        found = self.store.get(asked)["Record"]
        return {each["FeatureName"]: each["ValueAsString"] for each in found}

    def _call(self, action: Any, request: dict[str, Any]) -> Any:
        try:
            return action(request)
        except ApiError as error:
            fault = {"Error": {"Code": error.code, "Message": error.message}}
            raise ClientError(fault, "Record") from error


class Network:
    """Embeds an image as its path and the network's name, and counts."""

    def __init__(self, name: str, patience: int = 1_000) -> None:
        self.name = name
        self.patience = patience  # so many images until it fails
        self.seen = 0

    def __call__(self, images: Sequence[Image]) -> list[str]:
        self.seen += len(images)
        if self.seen > self.patience:
            raise InterruptedError("the job was stopped")
        return [f"{image.path} by {self.name}" for image in images]


def listing(*days: datetime) -> Any:
    """An S3 client whose bucket has an object of each of `days`."""
    contents = [{"Key": f"photos/{d}", "LastModified": d} for d in days]
    pages = SimpleNamespace(paginate=lambda **_: [{"Contents": contents}])
    return SimpleNamespace(get_paginator=lambda _: pages)


def image(number: int, split: str = "train", **more: Any) -> Image:
    digest = f"{number:064x}"[::-1]
    return Image(f"pug/{number}.png", "pug", split, digest, 12, 9, 400, **more)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(tmp_path)


@pytest.fixture
def group(runtime: Runtime) -> FeatureGroup:
    return FeatureGroup("photos", True, runtime, listing(DAY.replace(hour=9), DAY))


def test_each_image_has_a_record_with_all_features(runtime: Runtime, group: FeatureGroup) -> None:
    done = put_records([image(n) for n in range(250)], URI, group)
    assert (done.written, done.unchanged, done.event_time) == (250, 0, "2026-05-01T10:00:00Z")
    digest = image(7).digest
    assert runtime.record(digest) == {
        "record_id": digest[:32],
        "event_time": "2026-05-01T10:00:00Z",
        "uri": f"{URI}/pug/7.png",
        "label": "pug",
        "split": "train",
        "digest": digest,
        "width": "12",
        "height": "9",
        "bytes": "400",
    }


def test_the_same_data_again_write_nothing(runtime: Runtime, group: FeatureGroup) -> None:
    images = [image(n) for n in range(120)]
    put_records(images, URI, group)
    again = put_records(images, URI, group)
    assert (again.written, again.unchanged, runtime.puts) == (0, 120, 120)


def test_a_changed_split_replaces_the_record_though_the_data_are_as_old(
    runtime: Runtime, group: FeatureGroup
) -> None:
    put_records([image(1), image(2)], URI, group)
    done = put_records([image(1), image(2, "test")], URI, group)
    assert (done.written, done.unchanged) == (1, 1)
    assert runtime.record(image(2).digest)["split"] == "test"
    assert runtime.record(image(2).digest)["event_time"] == "2026-05-01T10:00:01Z"


def test_newer_data_give_a_newer_time_to_what_changes_alone(
    runtime: Runtime, group: FeatureGroup
) -> None:
    put_records([image(1), image(2)], URI, group)
    later = FeatureGroup("photos", True, runtime, listing(DAY, DAY.replace(day=3)))
    put_records([image(1), image(2, "test"), image(3)], URI, later)
    times = [runtime.record(image(n).digest)["event_time"][:10] for n in (1, 2, 3)]
    assert times == ["2026-05-01", "2026-05-03", "2026-05-03"]


def test_a_record_holds_what_a_network_made_of_its_image(
    runtime: Runtime, group: FeatureGroup
) -> None:
    network = Network("first")
    done = put_records([image(n) for n in range(120)], URI, group, network)
    assert (done.written, done.embedded, done.embedding_model) == (120, 120, "first")
    record = runtime.record(image(7).digest)
    assert (record["embedding"], record["embedding_model"]) == ("pug/7.png by first", "first")


def test_the_same_network_embeds_an_image_once(runtime: Runtime, group: FeatureGroup) -> None:
    put_records([image(1), image(2)], URI, group, Network("first"))
    again = Network("first")
    done = put_records([image(1), image(2, "test"), image(3)], URI, group, again)
    assert (done.written, done.unchanged, done.embedded, again.seen) == (2, 1, 1, 1)
    moved = runtime.record(image(2).digest)
    assert (moved["split"], moved["embedding"]) == ("test", "pug/2.png by first")


def test_another_network_embeds_all_images_anew(runtime: Runtime, group: FeatureGroup) -> None:
    put_records([image(1), image(2)], URI, group)
    put_records([image(1)], URI, group, Network("first"))
    done = put_records([image(1), image(2)], URI, group, Network("second"))
    assert (done.written, done.embedded) == (2, 2)
    for number in (1, 2):
        record = runtime.record(image(number).digest)
        assert record["embedding"] == f"pug/{number}.png by second"
    assert runtime.record(image(1).digest)["event_time"] == "2026-05-01T10:00:02Z"


def test_an_interrupted_run_is_gone_on_with(runtime: Runtime, group: FeatureGroup) -> None:
    images = [image(n) for n in range(250)]
    with pytest.raises(InterruptedError):
        put_records(images, URI, group, Network("first", patience=200))
    assert runtime.puts == 2 * BATCH
    rest = Network("first")
    assert put_records(images, URI, group, rest).unchanged == 2 * BATCH
    assert rest.seen == 250 - 2 * BATCH


def test_what_was_left_unread_is_asked_for_again(runtime: Runtime, group: FeatureGroup) -> None:
    images = [image(n) for n in range(10)]
    put_records(images, URI, group)
    runtime.unprocessed = 2
    assert put_records(images, URI, group).unchanged == 10
    runtime.unprocessed = 100
    with pytest.raises(RecordsError, match="left records unread"):
        put_records(images, URI, group)


def test_without_an_online_store_nothing_is_read(runtime: Runtime) -> None:
    group = FeatureGroup("photos", False, runtime, listing(DAY))
    put_records([image(1)], URI, group)
    assert put_records([image(1)], URI, group).written == 1


def test_a_refused_record_is_one_sentence_with_the_way_out(
    runtime: Runtime, group: FeatureGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = {"Error": {"Code": "AccessForbidden", "Message": "not you"}}

    def refuse(**request: Any) -> None:
        raise ClientError(refusal, "PutRecord")

    monkeypatch.setattr(runtime, "put_record", refuse)
    with pytest.raises(RecordsError, match="group photos .*not you.*features.enabled = false"):
        put_records([image(1)], URI, group)


def test_an_unknown_group_and_vanished_data_are_one_sentence_each(
    runtime: Runtime, group: FeatureGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {"ErrorCode": "ResourceNotFound", "ErrorMessage": "no photos"}
    answer = {"Records": [], "Errors": [error], "UnprocessedIdentifiers": []}
    monkeypatch.setattr(runtime, "batch_get_record", lambda **_: answer)
    with pytest.raises(RecordsError, match=r"cannot be read \(no photos\); run upsert"):
        put_records([image(1)], URI, group)
    with pytest.raises(RecordsError, match="holds no objects any more"):
        put_records([image(1)], URI, FeatureGroup("photos", True, runtime, listing()))
