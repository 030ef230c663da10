"""The table of prices."""

import datetime

import pytest

from errors import BreedlineError
from provision.estimate.prices import read_prices


def test_the_table_is_dated_and_has_the_types_of_the_settings():
    found = read_prices("us-east-1")
    assert found.find("instances", "ml.m5.large") == 0.115
    assert found.find("ec2", "t2.xlarge") == 0.1856
    assert found.find("instances", "ml.none.large") is None
    assert isinstance(found.read, datetime.date)
    assert found.source


def test_a_region_without_prices_is_refused_with_the_way_out():
    with pytest.raises(BreedlineError, match=r"--prices eu-west-1 or us-east-1\."):
        read_prices("sa-east-1")


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_every_price_is_a_positive_number(region):
    kinds = read_prices(region).kinds
    assert all(price > 0 for table in kinds.values() for price in table.values())
