"""The judgement about a rate, and the search for the highest that holds."""

import pytest

from commands.load import Request
from commands.rates import CLOSE, Rate, bounds, growth, judge, percentile, search


def answered(*latencies, every=0.1):
    return [Request(n * every, n * every, n * every + late) for n, late in enumerate(latencies)]


def rate(per_second, missed=None):
    return Rate(per_second, 1, 30, 0, None, 1.0, 1.0, 1.0, 0.0, 0.0, missed)


def holding_up_to(limit, asked, patience=100):
    def measure(per_second):
        if len(asked) == patience:
            return None
        asked.append(per_second)
        return rate(per_second, None if per_second <= limit else "p90 over 100 ms")

    return measure


def test_percentiles_are_of_the_nearest_rank():
    values = list(range(1, 11))
    assert [percentile(values, f) for f in (0.5, 0.9, 0.99)] == [5, 9, 10]
    assert percentile([], 0.9) == 0


def test_a_rate_holds_when_nine_tenths_are_in_time():
    found = judge(answered(*[0.05] * 9, 3.0), 10, 2, objective_ms=100)
    assert found.missed is None
    assert (found.p50, found.p90, found.p99) == pytest.approx((50, 50, 3_000))
    assert found.per_instance == 5
    assert judge(answered(*[0.05] * 8, 3.0, 3.0), 10, 2, 100).missed == "p90 over 100 ms"


def test_one_error_is_a_miss_and_counts_in_no_percentile():
    failed = Request(1.0, 1.0, 9.0, "throttled")
    found = judge([*answered(0.05, 0.05), failed], 10, 1, objective_ms=100)
    assert (found.missed, found.errors, found.first_error) == ("1 of 3 failed", 1, "throttled")
    assert found.p99 == pytest.approx(50)


def test_a_queue_that_grows_is_a_miss_before_it_reaches_the_objective():
    growing = answered(*[0.01 + 0.02 * number for number in range(30)])  # a fifth too many
    assert growth(growing) == pytest.approx(0.2)
    assert judge(growing, 10, 1, objective_ms=1_000).missed == "falls behind"
    assert growth(answered(*[0.01, 0.03] * 15)) == pytest.approx(0)


def test_the_search_ends_close_below_the_limit_from_either_side():
    for first in (1.0, 400.0):
        measured = search(holding_up_to(37.0, []), first, most=500)
        good, bad = bounds(measured)
        assert bad is not None
        assert good <= 37 < bad
        assert bad / good <= CLOSE


def test_the_search_never_asks_for_more_than_the_most():
    asked: list[float] = []
    measured = search(holding_up_to(1e9, asked), 30.0, most=100)
    assert asked == [30, 60, 100]
    assert bounds(measured) == (100, None)


def test_a_search_without_time_left_keeps_what_it_has():
    measured = search(holding_up_to(37.0, [], patience=3), 10.0, most=500)
    assert [r.per_second for r in measured] == [10, 20, 40]
    assert bounds(measured) == (20, 40)


def test_where_no_rate_holds_there_is_none():
    measured = search(holding_up_to(0, []), 10.0, most=500)
    assert bounds(measured)[0] == 0
    assert len(measured) < 12


def test_a_rate_that_held_above_one_that_missed_proves_nothing():
    assert bounds([rate(10), rate(20, "falls behind"), rate(30)]) == (10, 20)
