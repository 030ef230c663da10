"""What a rate of requests did to the latency, and the search for the highest rate that holds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from commands.load import Request

PERCENTILE = 0.90  # which the objective is about, as the latency alarm is
GROWTH = 0.05  # seconds of latency gained in a second: a queue that never ends
CLOSE = 1.1  # a good and a missed rate that differ by less are one
BISECTIONS = 8


@dataclass(frozen=True)
class Rate:
    """One rate that was held: latencies in milliseconds, counted from when requests were due."""

    per_second: float  # over all instances
    instances: int
    requests: int
    errors: int
    first_error: str | None
    p50: float
    p90: float
    p99: float
    lag_p90: float  # of that, what the requests left late
    growth: float  # seconds of latency that each second added
    missed: str | None  # why it does not hold; None when it does
    tries: int = 1

    @property
    def per_instance(self) -> float:
        return self.per_second / self.instances


def judge(
    requests: Sequence[Request], per_second: float, instances: int, objective_ms: float
) -> Rate:
    """The figures of a rate that was held, and whether it holds."""
    answered = [request for request in requests if request.error is None]
    errors = [request.error for request in requests if request.error is not None]
    latencies = [request.latency * 1_000 for request in answered]
    p90, grown = percentile(latencies, PERCENTILE), growth(answered)
    missed = None
    if errors:
        missed = f"{len(errors)} of {len(requests)} failed"
    elif p90 > objective_ms:
        missed = f"p90 over {objective_ms:g} ms"
    elif grown > GROWTH:
        missed = "falls behind"
    return Rate(
        per_second=per_second,
        instances=instances,
        requests=len(requests),
        errors=len(errors),
        first_error=errors[0] if errors else None,
        p50=percentile(latencies, 0.5),
        p90=p90,
        p99=percentile(latencies, 0.99),
        lag_p90=percentile([request.lag * 1_000 for request in requests], PERCENTILE),
        growth=grown,
        missed=missed,
    )


def percentile(values: Sequence[float], fraction: float) -> float:
    """The nearest-rank percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[math.ceil(fraction * len(ordered)) - 1] if ordered else 0.0


def growth(requests: Sequence[Request]) -> float:
    """Seconds by which latency grew in a second, from the first third's median to the last's.

    A short run over the capacity may end before its latencies pass the objective; its queue grows
    all the same.
    """
    third = len(requests) // 3
    if third < 3:
        return 0.0
    first, last = requests[:third], requests[-third:]
    between = _middle([r.due for r in last]) - _middle([r.due for r in first])
    grown = _middle([r.latency for r in last]) - _middle([r.latency for r in first])
    return grown / between if between > 0 else 0.0


def search(measure: Callable[[float], Rate | None], first: float, most: float) -> list[Rate]:
    """Double from `first` until a rate misses or `most` is reached, then bisect.

    `measure` gives None when there is no time left. Returns the rates in the order of measuring.
    """
    measured: list[Rate] = []
    rate = min(first, most)
    while (found := measure(rate)) is not None:
        measured.append(found)
        if found.missed or rate >= most:
            break
        rate = min(rate * 2, most)
    for _ in range(BISECTIONS):
        good, bad = bounds(measured)
        if bad is None or (good and bad / good <= CLOSE):
            break
        if (found := measure((good + bad) / 2)) is None:
            break
        measured.append(found)
    return measured


def bounds(measured: Sequence[Rate]) -> tuple[float, float | None]:
    """The highest rate that holds below all that miss (0: none), and the lowest that misses."""
    bad = min((rate.per_second for rate in measured if rate.missed), default=None)
    good = [rate.per_second for rate in measured if not rate.missed]
    return max((rate for rate in good if bad is None or rate < bad), default=0.0), bad


def _middle(values: Sequence[float]) -> float:
    return statistics.median(values)
