"""What one round of the alarms costs, beside a loop over as many alarms that does nothing.

    python -m benchmarks.alarms [--alarms 100] [--points 100000]

Medians in milliseconds: a round with nothing new, a round in which every alarm has new data and a
new period, and the empty loop.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from moto.cloudwatch.models import cloudwatch_backends

from local.alarms import Alarms
from local.backend import Backend, open_backend

ACCOUNT, REGION = "123456789012", "eu-west-1"
START = 1_800_000_000
ROUNDS = 20


def measure(alarms: int, points: int) -> dict[str, float]:
    """Milliseconds of a round, by what it meets."""
    with tempfile.TemporaryDirectory() as folder:
        backend = open_backend(Path(folder), ACCOUNT, REGION, {})
        service = Alarms(backend, lambda arn, alarm, change: None)
        moto = cloudwatch_backends[ACCOUNT][REGION]
        for number in range(alarms):
            _put_alarm(moto, number)
        for number in range(points):
            _put_point(backend, number % alarms, START - number % 3_600)
        first = _milliseconds(lambda: service.evaluate(START))
        idle = median(_milliseconds(lambda: service.evaluate(START)) for _ in range(ROUNDS))
        busy = median(_busy(backend, service, alarms, number) for number in range(1, ROUNDS))
        nothing = median(_milliseconds(lambda: _loop(alarms)) for _ in range(ROUNDS))
        backend.store.close()
    return {"first round": first, "idle": idle, "all new": busy, "empty loop": nothing}


def _busy(backend: Backend, service: Alarms, alarms: int, number: int) -> float:
    now = START + number * 60
    for alarm in range(alarms):
        _put_point(backend, alarm, now - 5)
    return _milliseconds(lambda: service.evaluate(now))


def _put_alarm(moto: object, number: int) -> None:
    moto.put_metric_alarm(  # type: ignore[attr-defined]
        name=f"alarm-{number}",
        namespace="Benchmark",
        metric_name="Errors",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=3,
        period=60,
        threshold=1e9,
        statistic="Sum",
        description="",
        dimensions=[{"Name": "Endpoint", "Value": str(number)}],
        alarm_actions=[],
    )


def _put_point(backend: Backend, number: int, at: float) -> None:
    backend.metrics.put("Benchmark", "Errors", 1.0, {"Endpoint": str(number)}, at)


def _loop(alarms: int) -> None:
    for _ in range(alarms):
        pass


def _milliseconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alarms", type=int, default=100)
    parser.add_argument("--points", type=int, default=100_000)
    arguments = parser.parse_args()
    for name, cost in measure(arguments.alarms, arguments.points).items():
        print(f"{name:12} {cost:9.3f} ms")


if __name__ == "__main__":
    main()
