"""How many calls run at the same time, and what the others are told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from local.functions.service import Scale

WAITING = """
import pathlib, time
def answer(event, context):
    pathlib.Path(event["begun"]).touch()
    while not pathlib.Path(event["gate"]).exists():
        time.sleep(0.02)
    return "done"
"""


@contextmanager
def under_way(aws, tmp_path, name: str = "dogs", **more):
    """A call of the function that has begun, and ends afterwards."""
    event = {"begun": str(tmp_path / f"begun-{name}"), "gate": str(tmp_path / f"gate-{name}")}
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(aws.invoke, event, name, **more)
        try:
            aws.wait_for((tmp_path / f"begun-{name}").exists)
            yield
        finally:
            (tmp_path / f"gate-{name}").touch()
        assert answer.result()[0] == "done"


def reserve(aws, number: int, name: str = "dogs"):
    return aws.functions.put_function_concurrency(
        FunctionName=name, ReservedConcurrentExecutions=number
    )


def test_no_more_run_than_are_reserved(aws, tmp_path):
    aws.create(WAITING, Timeout=60)
    assert reserve(aws, 1)["ReservedConcurrentExecutions"] == 1
    with under_way(aws, tmp_path), aws.refusal("TooManyRequestsException") as said:
        aws.invoke()
    assert said["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert said["Message"] == "Rate Exceeded."
    assert aws.sums("AWS/Lambda", "Throttles", FunctionName="dogs") == 1
    assert aws.sums("AWS/Lambda", "Invocations", FunctionName="dogs") == 1
    aws.functions.delete_function_concurrency(FunctionName="dogs")
    (tmp_path / "begun-dogs").unlink()
    (tmp_path / "gate-dogs").unlink()
    event = {"begun": str(tmp_path / "second"), "gate": str(tmp_path)}
    with under_way(aws, tmp_path):
        assert aws.invoke(event)[0] == "done"


def test_a_reservation_of_none_stops_a_function(aws):
    aws.create(WAITING)
    reserve(aws, 0)
    answer = aws.functions.get_function_concurrency(FunctionName="dogs")
    assert answer["ReservedConcurrentExecutions"] == 0
    assert aws.functions.get_function(FunctionName="dogs")["Concurrency"] == {
        "ReservedConcurrentExecutions": 0
    }
    with aws.refusal("TooManyRequestsException"):
        aws.invoke()


def test_reservations_leave_a_hundred_for_the_others(aws):
    aws.create(WAITING)
    aws.create(WAITING, name="cats")
    reserve(aws, 800)
    with aws.refusal("InvalidParameterValueException") as said:
        reserve(aws, 101, name="cats")
    assert "below its minimum value of [100]" in said["Message"]
    reserve(aws, 100, name="cats")
    limit = aws.functions.get_account_settings()["AccountLimit"]
    assert limit["ConcurrentExecutions"] == 1000
    assert limit["UnreservedConcurrentExecutions"] == 100


class TestSmallAccount:
    """Two calls at the same time are all that this account may have."""

    @pytest.fixture
    def scale(self):
        return Scale(account_limit=2)

    def test_functions_without_a_reservation_share_what_is_left(self, aws, tmp_path):
        for name in ("dogs", "cats"):
            aws.create(WAITING, name=name, Timeout=60)
        with under_way(aws, tmp_path), under_way(aws, tmp_path, name="cats"):
            with aws.refusal("TooManyRequestsException") as said:
                aws.invoke()
            assert said["Reason"] == "ConcurrentInvocationLimitExceeded"


def test_a_function_that_does_not_exist_has_no_concurrency(aws):
    with aws.refusal("ResourceNotFoundException"):
        reserve(aws, 1, name="nobody")
