"""The offline store: Parquet by event time, nothing lost when the server dies."""

from __future__ import annotations

import time

from local.features.offline import SETTLED


def files(world):
    return world.backend.objects.list("store", "features/")


def test_rows_become_parquet_by_the_hour_of_their_event(world):
    world.create()
    world.put("a", day=1, label="pug", width=3)
    world.put("b", day=1, label="husky")
    world.put("c", day=2)
    world.store._offline.flush()
    found = files(world)
    assert [each.key.split("/data/")[1].rpartition("/")[0] for each in found] == [
        "year=2026/month=05/day=01/hour=10",
        "year=2026/month=05/day=02/hour=10",
    ]
    assert all(each.path.read_bytes()[:4] == b"PAR1" for each in found)
    assert found[0].key.rpartition("/")[2].startswith("20260501T100000Z_")


def test_the_thread_writes_by_itself(world):
    world.create()
    world.put("a")
    deadline = time.monotonic() + 20
    while not files(world):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_rows_say_when_they_were_put_and_written(world):
    world.create()
    world.put("a")
    world.clock[0] += 60
    rows = world.query("SELECT api_invocation_time, write_time, is_deleted, hour FROM {table}")
    assert rows == [["2026-05-28 20:26:41.000", "2026-05-28 20:27:41.000", "false", "10"]]


def test_a_later_feature_is_null_in_earlier_rows(world):
    world.create()
    world.put("a")
    world.store._offline.flush()
    added = [{"FeatureName": "breed", "FeatureType": "String"}]
    world.api.update_feature_group(FeatureGroupName="photos", FeatureAdditions=added)
    assert world.query("SELECT record_id, breed FROM {table}") == [["a", None]]
    world.put("b", breed="pug")
    rows = world.query("SELECT record_id, breed FROM {table} ORDER BY 1")
    assert rows == [["a", None], ["b", "pug"]]


def test_rows_that_wait_outlive_the_server(open_store):
    world = open_store()
    world.create()
    world.put("a", label="pug")
    again = open_store()  # the first one never had the time to write, nor to close
    assert again.get("a")["label"] == "pug"
    assert again.query("SELECT label FROM {table}") == [["pug"]]


def test_rows_are_written_again_where_their_object_was_lost(open_store):
    world = open_store()
    world.create()
    world.put("a")
    world.put("b", day=2)
    world.store._offline.flush()
    lost, kept = files(world)
    world.backend.objects.delete("store", lost.key)  # as when its index had not been on disk
    again = open_store()
    assert again.query("SELECT record_id FROM {table} ORDER BY 1") == [["a"], ["b"]]
    assert kept.key in {each.key for each in files(again)}


def test_rows_leave_the_database_when_their_object_is_safe(world):
    world.create()
    world.put("a")
    world.store._offline.flush()
    assert len(world.store._records.written()) == 1
    world.clock[0] += SETTLED + 1
    world.store._offline.flush()
    assert world.store._records.written() == []
    assert world.query("SELECT count(*) FROM {table}") == [["1"]]


def test_closing_writes_what_waits(open_store):
    world = open_store()
    world.create()
    world.put("a")
    world.store.close()
    assert len(files(world)) == 1
    assert open_store().query("SELECT record_id FROM {table}") == [["a"]]
