"""The cost of a month of serving: what stands ready, and what requests add.

Rough where traffic decides: a request is taken to keep the function busy for as long as the alarm's
latency allows at most, and to have the size that is captured. Not in it: data transfer, KMS,
DynamoDB, EventBridge and Step Functions, which come to cents at this size, and the free tiers.
"""

from __future__ import annotations

from collections.abc import Iterator

from provision.estimate.bill import Bill, Line, bill
from provision.estimate.prices import Prices
from provision.estimate.run import HOUR, HOURS_OF_MONTH
from settings import Settings

KEPT = 3.0  # months that captured requests are kept in the bucket
REQUEST_GB = 2e-4  # 200 KB of a photo, as it is captured
LOG_GB = 1e-6  # a kilobyte of log for each request
MODEL_GB = 0.2  # artifacts and code of a run
MEGABYTES = 1_024.0


def bill_of_month(settings: Settings, prices: Prices, requests: float, alarms: int) -> Bill:
    """A month of serving with `requests` in it; the fleet stays at its least."""
    lines = [
        *_endpoint(settings, prices),
        *_function(settings, prices, requests),
        *_storage(settings, prices, requests),
        Line("alarms", alarms, "alarms", prices.find("units", "alarm_month")),
    ]
    return bill(f"A month of serving {requests:,.0f} requests", lines)


def _endpoint(settings: Settings, prices: Prices) -> Iterator[Line]:
    endpoint, scaling = settings.endpoint, settings.scaling
    if endpoint.kind == "serverless":
        note = "billed by the request; no price of serverless endpoints is in the table"
        yield Line("endpoint, serverless", 1, "month", None, note)
        return
    # A month in which nothing scales; at its most the fleet costs as many times as much.
    count = scaling.min_capacity
    most = f"at its least; {scaling.max_capacity} at its most"
    note = f"{count} instances, {most}" if count != 1 else f"1 instance, {most}"
    price = prices.find("instances", endpoint.instance_type)
    what = f"endpoint, {endpoint.instance_type}"
    yield Line(what, count * HOURS_OF_MONTH, "hours", price, note)


def _function(settings: Settings, prices: Prices, requests: float) -> Iterator[Line]:
    gigabytes = settings.function.memory_mb / MEGABYTES
    busy = requests * settings.alarms.latency_p90_ms / 1_000 * gigabytes
    millions = requests / 1e6
    price = prices.find("units", "lambda_million_requests")
    yield Line("function, requests", millions, "million", price)
    provisioned = settings.function.provisioned_concurrency
    kind = "lambda_provisioned_run_gb_second" if provisioned else "lambda_gb_second"
    note = "no request slower than the alarm's latency"
    yield Line("function, time", busy, "GB-seconds", prices.find("units", kind), note)
    ready = provisioned * gigabytes * HOURS_OF_MONTH * HOUR
    price = prices.find("units", "lambda_provisioned_gb_second")
    note = f"{provisioned} kept ready all month"
    yield Line("function, provisioned concurrency", ready, "GB-seconds", price, note)


def _storage(settings: Settings, prices: Prices, requests: float) -> Iterator[Line]:
    captured = requests * settings.endpoint.capture_percent / 100 * REQUEST_GB * KEPT
    note = f"{settings.endpoint.capture_percent} % of the requests, kept for 90 days, and a model"
    price = prices.find("units", "s3_gb_month")
    yield Line("S3", captured + MODEL_GB, "GB-months", price, note)
    price = prices.find("units", "logs_gb")
    yield Line("logs", requests * LOG_GB, "GB", price, "a kilobyte for each request")
