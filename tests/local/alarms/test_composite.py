"""Rules of composite alarms."""

import pytest

from local.alarms.composite import InvalidRule, parse_rule

STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA"}


@pytest.mark.parametrize(
    ("rule", "raised"),
    [
        ('ALARM("a")', True),
        ("ALARM(a) AND ALARM(b)", False),
        ("ALARM(b) OR ALARM(a) AND OK(b)", True),
        ('NOT (OK(a) OR INSUFFICIENT_DATA("b")) AND NOT OK(c)', True),
        ("(ALARM(a) OR FALSE) AND TRUE", True),
        ("ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a)", True),
        ("NOT ALARM(a) OR OK(c)", False),
    ],
)
def test_a_rule_asks_for_the_states_of_alarms(rule, raised):
    assert parse_rule(rule)(STATES.__getitem__) is raised


@pytest.mark.parametrize("rule", ["", "ALARM(a", "ALARM(a) AND", "a", "ALARM(a) ALARM(b)", ") OR"])
def test_a_rule_that_cannot_be_read_is_refused(rule):
    with pytest.raises(InvalidRule):
        parse_rule(rule)
