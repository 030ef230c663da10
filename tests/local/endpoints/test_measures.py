"""Metrics of endpoints: what CloudWatch shows after requests, and what percentiles alarms see."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from moto.cloudwatch.models import cloudwatch_backends

from local.alarms.data import MetricIndex, percentile, series_of
from local.endpoints.measures import Measures, groups

DIMENSIONS = {"EndpointName": "photos", "VariantName": "all"}
FINE: dict[str, Any] = {
    "endpoint": "photos",
    "variant": "all",
    "instances": 2,
    "status": 200,
    "seconds": 0.04,
    "overhead": 0.002,
}
NOON = 1_800_000_000  # a whole number of ten-second buckets and of minutes


@pytest.fixture
def measures(backend):
    return Measures(replace(backend, now=lambda: float(NOON)))


def points(backend):
    return cloudwatch_backends[backend.account][backend.region].metric_data


def seen(backend, metric, seconds=60, dimensions=DIMENSIONS):
    """What an alarm sees of a metric, or None."""
    index = MetricIndex()
    index.read(points(backend), NOON + seconds)
    return index.window(series_of("AWS/SageMaker", metric, dimensions), NOON, seconds, None)


def test_a_good_request_counts_once_and_errors_are_told_to_be_none(measures, backend):
    for _ in range(3):
        measures.record(**FINE)
    measures.flush()

    assert seen(backend, "Invocations").sum == 3.0
    assert seen(backend, "InvocationsPerInstance").sum == 1.5
    for metric in ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors"):
        assert (seen(backend, metric).count, seen(backend, metric).sum) == (3.0, 0.0)
    assert seen(backend, "ModelLatency").statistic("Average") == pytest.approx(40_000)
    assert seen(backend, "OverheadLatency").statistic("Average") == pytest.approx(2_000)
    assert {point.unit for point in points(backend) if "Latency" in point.name} == {"Microseconds"}


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        (400, {"Invocation4XXErrors", "InvocationModelErrors"}),
        (503, {"Invocation5XXErrors", "InvocationModelErrors"}),
        (302, {"InvocationModelErrors"}),
        (None, {"InvocationModelErrors"}),
        (201, set()),
    ],
)
def test_an_error_counts_by_its_status(measures, backend, status, counted):
    measures.record(**FINE | {"status": status, "seconds": 0.04 if status else None})
    measures.flush()

    metrics = ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors")
    assert {metric for metric in metrics if seen(backend, metric).sum} == counted
    assert (seen(backend, "ModelLatency") is None) == (status is None)


def test_variants_and_endpoints_are_told_apart(measures, backend):
    measures.record(**FINE)
    measures.record(**FINE | {"variant": "other"})
    measures.record(**FINE | {"endpoint": "sounds"})
    measures.flush()
    assert seen(backend, "Invocations").sum == 1.0
    assert seen(backend, "Invocations", dimensions=DIMENSIONS | {"VariantName": "other"}).sum == 1.0


def test_an_asynchronous_endpoint_tells_latency_and_errors_only(measures, backend):
    measures.record(**FINE | {"asynchronous": True})
    measures.flush()
    assert {point.name for point in points(backend)} == {
        "ModelLatency",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "InvocationModelErrors",
    }


def test_a_thread_writes_what_was_recorded_and_then_ends(measures, backend):
    measures.record(**FINE)
    deadline = time.monotonic() + 20
    while not seen(backend, "Invocations"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert seen(backend, "Invocations").sum == 1.0


def latencies(number):
    chance = random.Random(7)  # noqa: S311 - no secret
    return [chance.lognormvariate(-3.0, 0.6) for _ in range(number)]


def test_percentiles_remain_true_at_any_rate(measures, backend):
    sent = latencies(2_000)
    for seconds in sent:
        measures.record(**FINE | {"seconds": seconds})
    measures.flush()

    latency = seen(backend, "ModelLatency")
    for rank in (50, 90, 99):
        true = percentile(Counter(sent), rank) * 1e6
        assert latency.statistic(f"p{rank}") == pytest.approx(true, rel=0.02)
    assert latency.count == 2_000
    assert latency.statistic("Average") == pytest.approx(sum(sent) / 2_000 * 1e6)
    assert latency.statistic("Maximum") == pytest.approx(max(sent) * 1e6)
    assert latency.statistic("Minimum") == pytest.approx(min(sent) * 1e6)
    assert len(points(backend)) < 500


def test_few_latencies_are_written_as_they_are():
    assert groups([3.0, 1.0, 3.01]) == [[1.0], [3.0], [3.01]]


def test_old_metrics_are_kept_by_the_minute_with_their_percentiles(backend):
    sent = latencies(1_200)
    for number, seconds in enumerate(sent):
        at = NOON + number // 20
        recorder = Measures(replace(backend, now=lambda at=at: float(at)))
        recorder._writing = True  # no thread: the test writes itself
        recorder.record(**FINE | {"seconds": seconds, "status": 500 if number == 7 else 200})
        recorder.flush()
    backend.metrics.put("Other", "Kept", 1.0, {}, NOON, "None")
    before = len(points(backend))
    backend.metrics.compact("AWS/SageMaker", NOON + 3_600)

    assert len(points(backend)) < before / 20
    latency = seen(backend, "ModelLatency")
    assert latency.count == 1_200
    assert latency.statistic("p90") == pytest.approx(percentile(Counter(sent), 90) * 1e6, rel=0.02)
    assert latency.sum == pytest.approx(sum(sent) * 1e6)
    assert seen(backend, "Invocations").sum == 1_200
    assert seen(backend, "InvocationModelErrors").sum == 1.0
    assert [point.name for point in points(backend) if point.namespace == "Other"] == ["Kept"]


def test_new_metrics_are_not_touched_when_old_ones_are_compacted(measures, backend):
    for _ in range(100):
        measures.record(**FINE)
        measures.flush()
    before = list(points(backend))
    backend.metrics.compact("AWS/SageMaker", NOON)
    assert points(backend) == before
