"""Differences are lines with a path, and absence is told from failure."""

import pytest
from botocore.exceptions import ClientError

from provision.change import LONGEST, Change, differences, or_none


def test_equal_values_have_no_difference():
    assert differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) == ()


def test_a_difference_names_the_path_to_it():
    before = {"steps": [{"image": "x"}, {"image": "y"}], "role": "r"}
    after = {"steps": [{"image": "x"}, {"image": "z"}], "role": "r"}
    assert differences(before, after) == ('steps[1].image: "y" -> "z"',)


def test_what_is_added_and_what_is_gone_is_told():
    found = differences({"old": 1, "list": [1]}, {"new": 2, "list": [1, 2]})
    assert found == ("list: [1] -> [1, 2]", "new: none -> 2", "old: 1 -> none")


def test_a_long_value_is_cut():
    (line,) = differences({"a": "x" * 500}, {"a": ""})
    assert len(line) < LONGEST + 20


def test_absence_is_none_and_any_other_refusal_is_raised():
    def refuse():
        raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": ""}}, "Describe")

    assert or_none(refuse, "ResourceNotFound") is None
    with pytest.raises(ClientError):
        or_none(refuse, "ValidationException")


def test_a_change_is_printed_with_its_reason_and_its_lines():
    change = Change("update", "pipeline", "p", "tags differ", None, ("tags.owner: none -> 1",))
    head, line = str(change).splitlines()
    assert head.startswith("~ update pipeline")
    assert head.endswith("p  (tags differ)")
    assert line.strip() == "tags.owner: none -> 1"
