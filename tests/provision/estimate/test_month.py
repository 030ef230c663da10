"""Months of serving, against what comes out by hand; the settings are those of aws-example."""

import dataclasses

import pytest

from provision.estimate.month import bill_of_month


def costs(settings, prices, requests=1e6):
    return {line.what: line.cost for line in bill_of_month(settings, prices, requests, 5).lines}


def test_a_month_is_the_fleet_at_its_least_and_what_requests_add(example, prices):
    assert costs(example, prices) == pytest.approx(
        {
            "endpoint, ml.m5.large": 146.0,  # 2 × 730 h × 0.1
            "function, requests": 0.2,
            "function, time": 5.0,  # 1e6 × 1 s × 0.5 GB × 0.00001
            "function, provisioned concurrency": 13.14,  # 2 × 0.5 GB × 730 × 3600 s × 0.000005
            "S3": 2.404,  # (1e6 × 20 % × 0.2 MB × 3 months + 0.2 GB) × 0.02
            "logs": 0.5,  # 1 GB
            "alarms": 0.5,
        }
    )


def test_without_provisioned_concurrency_time_costs_more_and_nothing_stands_ready(example, prices):
    function = dataclasses.replace(example.function, provisioned_concurrency=0)
    found = costs(dataclasses.replace(example, function=function), prices)
    assert found["function, time"] == pytest.approx(10.0)
    assert "function, provisioned concurrency" not in found


def test_a_fleet_that_may_be_empty_costs_nothing_while_it_is(example, prices):
    scaling = dataclasses.replace(example.scaling, min_capacity=0)
    assert "endpoint, ml.m5.large" not in costs(
        dataclasses.replace(example, scaling=scaling), prices
    )


def test_a_serverless_endpoint_has_no_price_here(example, prices):
    endpoint = dataclasses.replace(example.endpoint, kind="serverless")
    bill = bill_of_month(dataclasses.replace(example, endpoint=endpoint), prices, 1e6, 5)
    assert bill.unpriced == ("endpoint, serverless",)
