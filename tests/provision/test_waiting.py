"""What is refused only for the moment is asked again; anything else is an error at once."""

import pytest
from botocore.exceptions import ClientError

from errors import BreedlineError
from provision.change import Clients
from provision.waiting import PAUSES, patiently, until, until_gone


@pytest.fixture
def slept():
    return []


@pytest.fixture
def clients(slept):
    return Clients(lambda _service: None, slept.append)


def refusal(code, message):
    return ClientError({"Error": {"Code": code, "Message": message}}, "Create")


def answers(*refusals):
    left = list(refusals)

    def call():
        if left:
            raise left.pop(0)
        return "made"

    return call


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        ),
        (
            "AccessDeniedException",
            "Neither the global service principal states.amazonaws.com, nor the regional one is "
            "authorized to assume the provided role.",
        ),
        (
            "AccessDeniedException",
            "The state machine IAM Role is not authorized to access the Log Destination",
        ),
        (
            "ValidationException",
            "Provided role 'arn:…' cannot be assumed by principal 'events.amazonaws.com'.",
        ),
        (
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress",
        ),
        ("ConcurrentModificationException", ""),
    ],
)
def test_a_role_that_is_not_known_yet_is_waited_for(clients, slept, code, message):
    passing = refusal(code, message)
    assert patiently(clients, answers(passing, passing)) == "made"
    assert slept == list(PAUSES[:2])


def test_a_refusal_for_good_is_raised_at_once(clients, slept):
    with pytest.raises(ClientError, match="AccessDenied"):
        patiently(clients, answers(refusal("AccessDenied", "no permission")))
    assert slept == []


def test_a_role_that_is_never_known_is_raised_in_the_end(clients, slept):
    never = refusal("InvalidParameterValueException", "The role cannot be assumed by Lambda.")
    with pytest.raises(ClientError, match="cannot be assumed"):
        patiently(clients, answers(*[never] * 100))
    assert 45 <= sum(slept) <= 90  # IAM takes seconds, seldom a minute


def test_what_becomes_ready_is_waited_for(clients, slept):
    states = iter([False, False, True])
    until(clients, lambda: next(states), "The table")
    assert len(slept) == 2


def test_what_never_becomes_ready_is_named(clients):
    with pytest.raises(BreedlineError, match="The table locks is not ready after .* run upsert"):
        until(clients, lambda: False, "The table locks")


def test_what_is_being_deleted_is_waited_for_longer(clients, slept):
    looks = iter([False] * 40 + [True])
    until_gone(clients, lambda: next(looks), "The endpoint")
    assert len(slept) == 40
    assert max(slept) == 5


def test_what_never_goes_is_named(clients, slept):
    with pytest.raises(BreedlineError, match="The endpoint is still there after .* s"):
        until_gone(clients, lambda: False, "The endpoint", patience=100)
    assert 100 <= sum(slept) < 110
