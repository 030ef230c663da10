"""Trust policies and who may assume their roles."""

import pytest

from provision.preflight.trust import may_assume

ACCOUNT, SAGEMAKER = "123456789012", "sagemaker.amazonaws.com"
ARN = "arn:aws:sagemaker:eu-west-1:{}:pipeline/x"


def statement(effect="Allow", action="sts:AssumeRole", service=SAGEMAKER, **condition):
    found = {"Effect": effect, "Action": action, "Principal": {"Service": service}}
    return {**found, "Condition": condition} if condition else found


@pytest.mark.parametrize(
    ("statements", "answer"),
    [
        ([statement()], True),
        ([statement(service=["ec2.amazonaws.com", SAGEMAKER])], True),
        ([statement(action="sts:*")], True),
        ([statement(service="ec2.amazonaws.com")], False),
        ([statement(action="sts:TagSession")], False),
        ([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}], False),
        ([statement(StringEquals={"aws:SourceAccount": ACCOUNT})], True),
        ([statement(StringEquals={"aws:SourceAccount": "999999999999"})], False),
        ([statement(ArnLike={"aws:SourceArn": ARN.format(ACCOUNT)})], None),
        ([statement(ArnLike={"aws:SourceArn": ARN.format("999999999999")})], False),
        ([statement(StringEquals={"sts:ExternalId": "x"})], None),
        ([statement(), statement("Deny")], False),
        ([statement(), statement("Deny", Bool={"aws:ViaAWSService": "true"})], None),
        ([], False),
    ],
)
def test_a_service_may_assume_what_trusts_it(statements, answer):
    assert may_assume({"Statement": statements}, SAGEMAKER, ACCOUNT) is answer


def test_a_single_statement_needs_no_list():
    assert may_assume({"Statement": statement()}, SAGEMAKER, ACCOUNT)
