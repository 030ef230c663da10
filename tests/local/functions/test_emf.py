"""Embedded metrics: which lines carry them, and what CloudWatch shows of those."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.functions.emf import Point, points


def line(**changes: Any) -> str:
    content = {
        "_aws": {
            "Timestamp": 1_700_000_000_500,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Breedline",
                    "Dimensions": [["Endpoint"], []],
                    "Metrics": [{"Name": "Latency", "Unit": "Milliseconds"}],
                }
            ],
        },
        "Endpoint": "dogs",
        "Latency": 12.5,
    }
    return json.dumps(content | changes)


def test_every_set_of_dimensions_gets_a_data_point():
    shared = ("Breedline", "Latency", 12.5)
    assert points(line(), 0) == [
        Point(*shared, {"Endpoint": "dogs"}, 1_700_000_000.5, "Milliseconds"),
        Point(*shared, {}, 1_700_000_000.5, "Milliseconds"),
    ]


def test_a_list_of_values_is_as_many_data_points():
    values = [point.value for point in points(line(Latency=[1, 2]), 0)]
    assert values == [1.0, 2.0, 1.0, 2.0]


def test_a_metric_without_a_value_is_left_out():
    content = json.loads(line())
    del content["Latency"]
    assert points(json.dumps(content), 0) == []


def test_dimensions_need_not_be_named():
    content = json.loads(line())
    del content["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    (point,) = points(json.dumps(content), 0)
    assert point.dimensions == {}


NOT_METRICS = [
    "begun",
    "{",
    '{"_aws": 3}',
    '["_aws"]',
    f"[INFO]\tnow\t{line()}",
    line(_aws={"CloudWatchMetrics": [{"Metrics": [{"Name": "Latency"}]}]}),
    line(Latency="slow"),
]


@pytest.mark.parametrize("text", NOT_METRICS)
def test_other_lines_are_only_lines(text):
    assert points(text, 0) == []


def test_what_a_function_prints_in_the_format_is_in_cloudwatch(aws):
    source = """
import json, time
def answer(event, context):
    print(json.dumps({"_aws": {"Timestamp": int(1000 * time.time()), "CloudWatchMetrics": [
        {"Namespace": "Breedline", "Dimensions": [["Endpoint"]],
         "Metrics": [{"Name": "Confidence"}]}]}, "Endpoint": "dogs", "Confidence": event}))
"""
    aws.create(source)
    for confidence in (0.25, 0.5):
        aws.invoke(confidence)
    assert aws.sums("Breedline", "Confidence", Endpoint="dogs") == 0.75
    assert sum('"_aws"' in line for line in aws.log()) == 2
