"""Who may promote to whom: the target's settings name the source, or a sentence says how not."""

from __future__ import annotations

import dataclasses

import pytest

import settings
from commands.promote import check_partners
from errors import BreedlineError
from settings.promotion import Promotion


@pytest.fixture(scope="module")
def source():
    return settings.load("local")


def target(source, **given):
    partner = {
        "from_account": source.aws.account_id,
        "from_group": source.pipeline.model_package_group,
        "from_bucket": source.bucket,
    }
    promotion = Promotion(**(partner | given))
    return dataclasses.replace(source, environment="prod", promotion=promotion)


def test_an_environment_that_names_the_source_takes_from_it(source):
    check_partners(source, target(source))


def test_one_that_takes_nothing_is_told_what_to_set(source):
    nothing = dataclasses.replace(target(source), promotion=Promotion())
    with pytest.raises(BreedlineError, match=r"'prod' takes no other's versions: set promotion"):
        check_partners(source, nothing)


def test_every_difference_is_named_with_both_values(source):
    other = target(source, from_account="210987654321", from_group="cats")
    with pytest.raises(BreedlineError) as told:
        check_partners(source, other)
    assert "account '210987654321' where 'local' has '123456789012'" in str(told.value)
    assert "group 'cats' where 'local' has 'breedline'" in str(told.value)
    assert "bucket" not in str(told.value).partition(": set")[0]


def test_another_region_is_a_difference(source):
    there = target(source)
    there = dataclasses.replace(there, aws=dataclasses.replace(there.aws, region="us-east-1"))
    with pytest.raises(BreedlineError, match="region 'us-east-1' where 'local' has 'eu-west-1'"):
        check_partners(source, there)
