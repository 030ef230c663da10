"""Buckets: many requests take little memory, and percentiles stay true."""

import random
from statistics import quantiles

import pytest

from local.alarms.data import Bucket, percentile


@pytest.mark.parametrize("rank", [0, 1, 12.5, 50, 90, 99, 100])
def test_a_percentile_of_weighted_values_is_that_of_the_values_one_by_one(rank):
    chance = random.Random(7)  # noqa: S311
    weights = {float(chance.randrange(1_000)): float(chance.randrange(1, 9)) for _ in range(50)}
    apart = sorted(value for value, weight in weights.items() for _ in range(int(weight)))
    # `quantiles` of the inclusive method gives the 0.5 percent steps between.
    steps = [apart[0], *quantiles(apart, n=200, method="inclusive"), apart[-1]]
    assert percentile(weights, rank) == pytest.approx(steps[int(rank * 2)])


def test_equal_values_are_kept_once():
    whole = Bucket()
    for _ in range(10):
        second = Bucket()
        second.add(50.0, 50.0, 1.0, 1.0)
        second.add(1.0, 3.0, 3.0, 3.0)
        second.add(9.0, 18.0, 0.0, 5.0)  # of which no single value is known
        whole.merge(second)
    assert whole.weights == {1.0: 500.0, 3.0: 10.0}
    assert (whole.statistic("SampleCount"), whole.statistic("Sum")) == (600.0, 710.0)
    assert (whole.statistic("p50"), whole.statistic("p100")) == (1.0, 3.0)
