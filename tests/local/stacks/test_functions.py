"""CloudFormation's functions: node in, value out."""

import pytest

from local.errors import ApiError
from local.stacks.functions import Made, Scope, references
from local.stacks.template import check_template, read_template

TEMPLATE = {
    "Parameters": {},
    "Conditions": {
        "IsLarge": {"Fn::Equals": [{"Ref": "Size"}, "large"]},
        "IsSmall": {"Fn::Not": [{"Condition": "IsLarge"}]},
        "Both": {"Fn::And": [{"Condition": "IsLarge"}, {"Condition": "IsSmall"}]},
        "Either": {"Fn::Or": [{"Condition": "IsLarge"}, {"Condition": "IsSmall"}]},
    },
    "Mappings": {"Sizes": {"large": {"Gigabytes": 50}}},
    "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}, "Queue": {"Type": "AWS::SQS::Queue"}},
}
SCOPE = Scope(
    TEMPLATE,
    {"Size": "large", "Names": ["a", "b"], "AWS::Region": "eu-west-1"},
    {"Bucket": Made("photos", {"Arn": "arn:aws:s3:::photos"})},
)


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Size"}, "large"),
        ({"Ref": "Bucket"}, "photos"),
        ({"Ref": "Queue"}, "{{Queue}}"),  # known after it is made
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "arn:aws:s3:::photos"),
        ({"Fn::Sub": "s3://${Bucket}/${Size}/${!Kept}"}, "s3://photos/large/${Kept}"),
        (
            {"Fn::Sub": ["${Bucket.Arn}/${Key}", {"Key": {"Ref": "Size"}}]},
            "arn:aws:s3:::photos/large",
        ),
        ({"Fn::Join": ["-", {"Ref": "Names"}]}, "a-b"),
        ({"Fn::Split": ["-", "a-b"]}, ["a", "b"]),
        ({"Fn::Select": ["1", {"Ref": "Names"}]}, "b"),
        ({"Fn::If": ["IsLarge", "yes", "no"]}, "yes"),
        ({"Fn::If": ["IsSmall", "yes", "no"]}, "no"),
        ({"Fn::If": ["Both", "yes", "no"]}, "no"),
        ({"Fn::If": ["Either", "yes", "no"]}, "yes"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Size"}, "Gigabytes"]}, 50),
        ({"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
        ({"Fn::Cidr": ["10.0.0.0/20", 2, 11]}, ["10.0.0.0/21", "10.0.8.0/21"]),
        ({"Fn::Base64": "dogs"}, "ZG9ncw=="),
        ({"Fn::ToJsonString": {"a": {"Ref": "Size"}}}, '{"a": "large"}'),
        ({"Kept": 1, "Left": {"Ref": "AWS::NoValue"}}, {"Kept": 1}),
        ([1, {"Fn::If": ["IsSmall", 2, {"Ref": "AWS::NoValue"}]}], [1]),
    ],
)
def test_a_function_gives_its_value(node, value):
    assert SCOPE.resolve(node) == value


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"Ref": "Nobody"}, "unresolved resource dependencies \\[Nobody\\]"),
        ({"Fn::GetAtt": ["Bucket", "Colour"]}, "Bucket has no attribute Colour"),
        ({"Fn::Transform": {}}, "does not know the function Fn::Transform"),
        ({"Fn::If": ["IsBlue", 1, 2]}, "unresolved condition IsBlue"),
        ({"Fn::Select": [5, ["a"]]}, "cannot select index 5 of 1"),
        ({"Fn::FindInMap": ["Sizes", "tiny", "Gigabytes"]}, "unable to get mapping for Sizes.tiny"),
    ],
)
def test_what_cannot_be_resolved_is_named(node, words):
    with pytest.raises(ApiError, match=words):
        SCOPE.resolve(node)


def test_the_short_forms_of_yaml_are_the_long_ones():
    read = read_template("""
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${AWS::StackName}-x"
      Tags: [{Key: day, Value: 2012-10-17}]
Outputs:
  Arn: {Value: !GetAtt Queue.Arn}
  One: {Value: !Select [0, !Split [",", !Ref AWS::Region]]}
""")
    properties = read["Resources"]["Queue"]["Properties"]
    assert properties["QueueName"] == {"Fn::Sub": "${AWS::StackName}-x"}
    assert properties["Tags"][0]["Value"] == "2012-10-17"
    assert read["Outputs"]["Arn"]["Value"] == {"Fn::GetAtt": ["Queue", "Arn"]}
    split = {"Fn::Split": [",", {"Ref": "AWS::Region"}]}
    assert read["Outputs"]["One"]["Value"] == {"Fn::Select": [0, split]}


def test_references_are_found_wherever_they_stand():
    node = {"a": [{"Ref": "A"}, {"Fn::Sub": ["${B.Arn}${c}${!D}", {"c": {"Ref": "C"}}]}]}
    assert set(references(node)) == {"A", "B", "C"}


def test_all_that_is_not_known_is_refused_at_once():
    template = {"Resources": {"A": {"Type": "AWS::Glue::Job", "CreationPolicy": {}}}, "Hooks": {}}
    with pytest.raises(ApiError) as raised:
        check_template(template, {"AWS::S3::Bucket"})
    for word in ("section Hooks", "type AWS::Glue::Job of A", "CreationPolicy of A"):
        assert word in raised.value.message
