"""What targets are sent, by AWS's documented examples of input transformers and others."""

import json

import pytest

from local.events.payload import InvalidInput, Matched, check_input, payload

INSTANCE = "arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"
EVENT = {
    "version": "0",
    "id": "7bf73129",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2015-11-11T21:29:54Z",
    "region": "us-east-1",
    "resources": [INSTANCE],
    "detail": {"instance-id": "i-0123456789", "state": "RUNNING", "n": 3, "tags": [{"k": "a"}]},
}
RULE = "arn:aws:events:us-east-1:123456789012:rule/example"
MATCHED = Matched(EVENT, RULE, "2015-11-11T21:29:55Z")
PATHS = {"instance": "$.detail.instance-id", "state": "$.detail.state", "n": "$.detail.n"}


def transformed(template, paths=PATHS):
    target = {"Id": "t", "InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}
    check_input(target)
    return payload(target, MATCHED)


def test_without_more_it_is_the_event():
    assert json.loads(payload({}, MATCHED)) == EVENT


def test_a_constant_is_sent_as_it_is():
    assert payload({"Input": '{"a":  1}'}, MATCHED) == '{"a":  1}'


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("$.detail.state", "RUNNING"),
        ("$.detail.n", 3),
        ("$.resources[0]", INSTANCE),
        ("$.detail.tags[*].k", ["a"]),
        ("$", EVENT),
        ("$.detail.none", None),
    ],
)
def test_a_part_of_the_event(path, sent):
    assert json.loads(payload({"InputPath": path}, MATCHED)) == sent


@pytest.mark.parametrize(
    ("template", "sent"),
    [
        ('"instance <instance> is in <state>"', "instance i-0123456789 is in RUNNING"),
        (
            '"instance \\"<instance>\\" is in <state>"',
            'instance "i-0123456789" is in RUNNING',
        ),
        (
            '{"instance" : <instance>, "state": [ 9, <state>, true ], "n": <n>}',
            {"instance": "i-0123456789", "state": [9, "RUNNING", True], "n": 3},
        ),
        ('{"state": "<state>", "n": "<n>"}', {"state": "RUNNING", "n": "3"}),
        ("<n>", 3),
        ('{"rule": <aws.events.rule-arn>}', {"rule": RULE}),
        ('"<aws.events.rule-name> triggered"', "example triggered"),
        ('{"at": <aws.events.event.ingestion-time>}', {"at": "2015-11-11T21:29:55Z"}),
        ('{"event": <aws.events.event.json>}', {"event": EVENT}),
        (
            '{"head": <aws.events.event>}',
            {"head": {key: value for key, value in EVENT.items() if key != "detail"}},
        ),
    ],
)
def test_a_template_is_filled(template, sent):
    text = transformed(template)
    assert json.loads(text) == sent
    assert "\n" not in text  # minified


def test_quoted_lines_stay_quoted_lines():
    assert transformed('"one <n>"\n"two <state>"') == '"one 3"\n"two RUNNING"'


def test_a_path_to_nowhere_leaves_an_empty_text():
    paths = {"none": "$.detail.none"}
    assert json.loads(transformed('{"a": <none>, "b": "x<none>"}', paths)) == {"a": "", "b": "x"}


def test_a_text_within_quotes_is_not_escaped_so_it_may_break_the_template():
    matched = Matched(EVENT | {"detail": {"said": 'a "word"'}}, RULE, "")
    transformer = {"InputPathsMap": {"said": "$.detail.said"}, "InputTemplate": '{"x": "<said>"}'}
    with pytest.raises(InvalidInput, match="not JSON"):
        payload({"InputTransformer": transformer}, matched)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({"Input": "{"}, "JSON syntax error in input for target t"),
        ({"Input": "{}", "InputPath": "$"}, "Only one of"),
        ({"InputPath": "detail"}, "Invalid InputPath"),
        ({"InputTransformer": {"InputTemplate": "no quotes"}}, "Invalid InputTemplate"),
        ({"InputTransformer": {"InputTemplate": '{"a": <b>}'}}, "invalid placeholder b"),
        (
            {"InputTransformer": {"InputPathsMap": {"a b": "$.x"}, "InputTemplate": '"x"'}},
            "Invalid InputPathsMap key",
        ),
        (
            {"InputTransformer": {"InputPathsMap": {"a": "x"}, "InputTemplate": '"x"'}},
            "Invalid InputPathsMap value",
        ),
        (
            {"InputTransformer": {"InputPathsMap": {"a": "$.x"}, "InputTemplate": "{<a>: 1}"}},
            "as the key",
        ),
    ],
)
def test_what_could_never_work_is_refused(target, reason):
    with pytest.raises(InvalidInput, match=reason):
        check_input({"Id": "t", **target})
