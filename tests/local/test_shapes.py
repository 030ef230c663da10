"""Requests are held against botocore's model, and every fault is named at once."""

import pytest

from local.errors import ApiError
from local.shapes import Shapes


@pytest.fixture(scope="module")
def shapes():
    return Shapes("sagemaker")


def test_a_sound_request_passes(shapes):
    shapes.check("CreateModelPackageGroup", {"ModelPackageGroupName": "dogs"})


def test_all_faults_are_reported_together(shapes):
    with pytest.raises(ApiError) as caught:
        shapes.check(
            "UpdateModelPackage",
            {"ModelApprovalStatus": "Perhaps", "ApprovalDescription": 3, "Colour": "red"},
        )
    assert caught.value.code == "ValidationException"
    for part in ("Perhaps", "Approved", "ModelApprovalStatus", "ApprovalDescription", "Colour"):
        assert part in caught.value.message


def test_names_must_match_their_pattern_and_length(shapes):
    with pytest.raises(ApiError, match="dogs_and_cats"):
        shapes.check("CreateModelPackageGroup", {"ModelPackageGroupName": "dogs_and_cats"})
    with pytest.raises(ApiError, match="ModelPackageGroupName"):
        shapes.check("CreateModelPackageGroup", {"ModelPackageGroupName": "d" * 64})


def test_numbers_must_not_exceed_the_most_that_is_allowed(shapes):
    shapes.check("ListModels", {"MaxResults": 100})
    with pytest.raises(ApiError, match="'MaxResults' is 101; at most 100 is allowed"):
        shapes.check("ListModels", {"MaxResults": 101})
