"""Metrics at a high rate: nothing is lost but which value came when."""

from __future__ import annotations

import time

from moto.cloudwatch.models import cloudwatch_backends

from local.functions.buckets import Buckets


def points(backend):
    return cloudwatch_backends[backend.account][backend.region].metric_data


def test_a_few_data_points_are_written_at_once(backend):
    buckets = Buckets(backend.metrics, seconds=60)
    for value in (1.0, 2.0, 3.0):
        buckets.put("Breedline", "Latency", value, {}, time.time(), "Milliseconds")
    assert len(points(backend)) == 3


def test_many_data_points_take_no_more_room_than_a_few(backend):
    buckets = Buckets(backend.metrics, seconds=0.2)
    for value in range(1, 1001):
        buckets.put("Breedline", "Latency", value, {"Endpoint": "dogs"}, time.time())
    ends = time.monotonic() + 20
    while sum(count(point) for point in points(backend)) < 1000:
        assert time.monotonic() < ends, "something was lost"
        time.sleep(0.05)
    assert len(points(backend)) < 200
    assert sum(total(point) for point in points(backend)) == 500_500


def count(point) -> float:
    return float(getattr(point, "sample_count", 1))


def total(point) -> float:
    return float(point.sum if hasattr(point, "sum") else point.value)


def test_a_data_point_of_another_time_keeps_it(backend):
    buckets = Buckets(backend.metrics, seconds=60, first=0)
    buckets.put("Breedline", "Latency", 1.0, {}, time.time() - 3600)
    assert len(points(backend)) == 1


def test_dimensions_and_units_are_kept_apart(backend):
    buckets = Buckets(backend.metrics, seconds=60, first=1)
    for endpoint in ("dogs", "cats"):
        for unit in ("Count", "None"):
            buckets.put("Breedline", "Latency", 1.0, {"Endpoint": endpoint}, time.time(), unit)
    assert len(points(backend)) == 4


def test_closing_writes_what_is_left_and_keeps_nothing_more(backend):
    buckets = Buckets(backend.metrics, seconds=60, first=0)
    buckets.put("Breedline", "Latency", 1.0, {}, time.time())
    assert len(points(backend)) == 0
    buckets.close()
    buckets.put("Breedline", "Latency", 1.0, {}, time.time())
    assert len(points(backend)) == 1
