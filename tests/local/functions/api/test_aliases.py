"""Aliases: where they lead, how they divide calls, what they cannot stand for."""

from __future__ import annotations

import random
from collections import Counter

import pytest

ONE, TWO = (f"def answer(event, context):\n    return {number}" for number in (1, 2))


@pytest.fixture
def two(aws):
    """A function with two versions and an alias of the first."""
    aws.create(ONE, Publish=True)
    aws.publish(TWO)
    aws.functions.create_alias(FunctionName="dogs", Name="live", FunctionVersion="1")
    return aws


def update(aws, **more):
    return aws.functions.update_alias(FunctionName="dogs", Name="live", **more)


def weighted(**weights: float):
    return {"RoutingConfig": {"AdditionalVersionWeights": weights}}


def test_an_alias_with_weights_divides_the_calls(two):
    random.seed(7)
    described = update(two, **weighted(**{"2": 0.3}))
    assert described["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.3}}
    answers = [two.invoke(Qualifier="live") for _ in range(200)]
    counted = Counter(result for result, _ in answers)
    assert 30 < counted[2] < 90
    assert all(answer["ExecutedVersion"] == str(result) for result, answer in answers)


def test_an_alias_without_weights_again_leads_to_one_version(two):
    update(two, **weighted(**{"2": 1.0}))
    assert {two.invoke(Qualifier="live")[0] for _ in range(5)} == {2}
    answer = update(two, RoutingConfig={})
    assert "RoutingConfig" not in answer
    assert {two.invoke(Qualifier="live")[0] for _ in range(5)} == {1}
    update(two, FunctionVersion="2")
    assert two.invoke(Qualifier="live")[0] == 2


REFUSED = [
    (weighted(**{"1": 0.1}), "Function version 1 is already included in routing configuration"),
    (weighted(**{"2": 0.1, "3": 0.1}), "cannot be greater than 1"),
    (weighted(**{"$LATEST": 0.1}), "Invalid function version $LATEST"),
    ({"FunctionVersion": "$LATEST", **weighted(**{"2": 0.1})}, "$LATEST is not supported"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_weights_that_cannot_be_are_refused(two, change, message):
    with two.refusal("InvalidParameterValueException") as said:
        update(two, **change)
    assert message in said["Message"]
    assert two.invoke(Qualifier="live")[0] == 1


def test_an_alias_of_a_version_that_is_not_there_is_refused(two):
    with two.refusal("ResourceNotFoundException") as said:
        update(two, FunctionVersion="7")
    assert said["Message"].endswith(":function:dogs:7")


def test_a_change_of_an_alias_can_be_held_to_its_revision(two):
    first = two.functions.get_alias(FunctionName="dogs", Name="live")["RevisionId"]
    second = update(two, FunctionVersion="2", RevisionId=first)["RevisionId"]
    assert second != first
    with two.refusal("PreconditionFailedException"):
        update(two, FunctionVersion="1", RevisionId=first)
    assert two.invoke(Qualifier="live")[0] == 2


def test_a_description_changes_alone(two):
    update(two, **weighted(**{"2": 0.5}))
    update(two, Description="for everyone")
    alias = two.functions.get_alias(FunctionName="dogs", Name="live")
    assert alias["Description"] == "for everyone"
    assert alias["FunctionVersion"] == "1"
    assert alias["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.5}}


def test_aliases_are_listed_by_version(two):
    two.functions.create_alias(FunctionName="dogs", Name="next", FunctionVersion="2")
    for version, names in (("1", ["live"]), ("2", ["next"])):
        answer = two.functions.list_aliases(FunctionName="dogs", FunctionVersion=version)
        assert [alias["Name"] for alias in answer["Aliases"]] == names
    with two.refusal("ResourceConflictException"):
        two.functions.create_alias(FunctionName="dogs", Name="next", FunctionVersion="1")


def test_a_missing_alias_is_named(two):
    two.functions.delete_alias(FunctionName="dogs", Name="live")
    with two.refusal("ResourceNotFoundException") as said:
        two.invoke(Qualifier="live")
    assert said["Message"].endswith(
        "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:dogs:live"
    )
    with two.refusal("ResourceNotFoundException"):
        two.functions.get_alias(FunctionName="dogs", Name="live")


def test_two_different_qualifiers_contradict_each_other(two):
    with two.refusal("InvalidParameterValueException") as said:
        two.invoke(name="dogs:live", Qualifier="1")
    assert "does not match the specified qualifier" in said["Message"]
