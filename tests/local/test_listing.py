"""List… requests filter, sort and page as SageMaker's do."""

import pytest

from local.errors import ApiError
from local.listing import Listing

LISTING = Listing(answer="Jobs", name="JobName", summary=("JobName",), status="JobStatus")
JOBS = [
    {"JobName": f"job-{n}", "JobStatus": status, "CreationTime": float(n), "secret": n}
    for n, status in enumerate(["Completed", "Failed", "Completed", "InProgress"])
]


def names(request):
    return [job["JobName"] for job in LISTING.respond(JOBS, request)["Jobs"]]


def test_the_newest_come_first_by_default():
    assert names({}) == ["job-3", "job-2", "job-1", "job-0"]


def test_filters_narrow_and_only_summary_fields_are_shown():
    assert names({"StatusEquals": "Completed", "CreationTimeAfter": 1.0}) == ["job-2"]
    assert LISTING.respond(JOBS, {"NameContains": "JOB-1"})["Jobs"] == [{"JobName": "job-1"}]


def test_pages_follow_each_other_until_the_end():
    seen, request = [], {"MaxResults": 3, "SortOrder": "Ascending", "SortBy": "Name"}
    answer = LISTING.respond(JOBS, request)
    seen += answer["Jobs"]
    answer = LISTING.respond(JOBS, request | {"NextToken": answer["NextToken"]})
    seen += answer["Jobs"]
    assert [job["JobName"] for job in seen] == ["job-0", "job-1", "job-2", "job-3"]
    assert "NextToken" not in answer


def test_a_token_of_another_kind_is_refused():
    with pytest.raises(ApiError, match="NextToken"):
        LISTING.respond(JOBS, {"NextToken": "moon"})
