"""What resource policies say, and where they leave it open."""

import pytest

from provision.preflight.allowing import Asked, denies, lets

ROLE = "arn:aws:iam::111122223333:role/jobs"
ASKED = Asked(ROLE, "s3:GetObject", "arn:aws:s3:::bucket/data/1.jpg")
EVERYTHING = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def allowing(**changed):
    return {**EVERYTHING, **changed}


def denying(**changed):
    return allowing(Effect="Deny", **changed)


@pytest.mark.parametrize(
    ("statements", "answer"),
    [
        ([EVERYTHING], True),
        ([], False),
        ([allowing(Action="s3:get*")], True),
        ([allowing(Action=["s3:PutObject", "kms:*"])], False),
        ([allowing(Resource="arn:aws:s3:::bucket/*")], True),
        ([allowing(Resource="arn:aws:s3:::other/*")], False),
        ([allowing(Resource="arn:aws:s3:::${aws:PrincipalAccount}/*")], None),
        ([allowing(NotAction="s3:GetObject")], False),
        ([allowing(NotResource="arn:aws:s3:::other/*")], True),
        ([allowing(Principal={"AWS": ROLE})], True),
        ([allowing(Principal={"AWS": "111122223333"})], True),
        ([allowing(Principal={"AWS": "arn:aws:iam::111122223333:root"})], True),
        ([allowing(Principal={"AWS": "arn:aws:iam::111122223333:role/other"})], False),
        ([allowing(Principal={"AWS": "arn:aws:sts::111122223333:assumed-role/jobs/me"})], None),
        ([allowing(Principal={"Service": "s3.amazonaws.com"})], False),
        ([{**denying(NotPrincipal={"AWS": ROLE}), "Principal": None}, EVERYTHING], None),
        ([EVERYTHING, denying(Resource="arn:aws:s3:::bucket/data/*")], False),
        ([EVERYTHING, denying(Condition={"Bool": {"aws:SecureTransport": "false"}})], True),
        ([EVERYTHING, denying(Condition={"Bool": {"aws:SecureTransport": False}})], True),
        ([EVERYTHING, denying(Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})], None),
        ([allowing(Condition={"StringEquals": {"aws:PrincipalAccount": "111122223333"}})], True),
        ([allowing(Condition={"StringEquals": {"aws:PrincipalAccount": "444455556666"}})], False),
        ([allowing(Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/j*"}})], True),
        ([allowing(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})], None),
        ([allowing(Condition={"NumericLessThan": {"aws:PrincipalAccount": "1"}})], None),
    ],
)
def test_a_policy_lets_or_does_not_or_leaves_it_open(statements, answer):
    assert lets({"Statement": statements}, ASKED) is answer


def test_only_what_is_plain_is_a_denial():
    hidden = denying(Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})
    assert not denies({"Statement": [hidden]}, ASKED)
    assert not denies({"Statement": []}, ASKED)
    assert denies({"Statement": denying(Principal={"AWS": ROLE})}, ASKED)
