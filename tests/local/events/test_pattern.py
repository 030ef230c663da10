"""Patterns fit what AWS documents, and what cannot be meant is refused."""

import json
from pathlib import Path

import pytest

from local.events.matchers import InvalidPattern
from local.events.pattern import compile_pattern

CASES = json.loads((Path(__file__).parent / "patterns.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["title"])
def test_a_pattern_fits_what_it_should(case):
    pattern = compile_pattern(json.dumps(case["pattern"]))
    assert [event for event in case["fits"] if not pattern.matches(event)] == []
    assert [event for event in case["differs"] if pattern.matches(event)] == []


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("{", "Invalid JSON"),
        ("[]", "not an object"),
        ("{}", "Empty objects"),
        ('{"detail": {}}', "Empty objects"),
        ('{"source": "aws.s3"}', '"source" must be an object or an array'),
        ('{"source": []}', "Empty arrays"),
        ('{"source": [["a"]]}', "Nested arrays"),
        ('{"x": [{"starts": "a"}]}', "Unrecognized match type starts"),
        ('{"x": [{"prefix": "a", "suffix": "b"}]}', "Only one key"),
        ('{"x": [{"prefix": 1}]}', "prefix match pattern must be a string"),
        ('{"x": [{"prefix": ["a"]}]}', "prefix match pattern must be a string"),
        ('{"x": [{"exists": "yes"}]}', "exists match pattern must be either true or false"),
        ('{"x": [{"numeric": [">"]}]}', "pairs"),
        ('{"x": [{"numeric": [">", "1"]}]}', "must be a number"),
        ('{"x": [{"numeric": ["~", 1]}]}', "Unrecognized numeric range operator"),
        ('{"x": [{"numeric": ["<", 5, ">", 1]}]}', "lower limit"),
        ('{"x": [{"numeric": [">", 5, "<", 1]}]}', "Bottom must be less than top"),
        ('{"x": [{"anything-but": []}]}', "strings or numbers"),
        ('{"x": [{"anything-but": ["a", 1]}]}', "only strings or only numbers"),
        ('{"x": [{"anything-but": {"numeric": [">", 1]}}]}', "Unsupported anything-but"),
        ('{"x": [{"wildcard": "a**b"}]}', "Consecutive wildcard"),
        ('{"x": [{"wildcard": "a\\\\b"}]}', "Invalid escape"),
        ('{"x": [{"cidr": "10.0.0/33"}]}', "Malformed CIDR"),
        ('{"$or": [{"a": [1]}]}', "two or more"),
        ('{"x": ["' + "a" * 5000 + '"]}', "longer than"),
    ],
)
def test_what_cannot_be_meant_is_refused(pattern, reason):
    with pytest.raises(InvalidPattern, match=reason.replace("(", r"\(")):
        compile_pattern(pattern)
