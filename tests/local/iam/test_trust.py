"""A service may be a role only where the role's trust says so."""

import pytest

from local.errors import ApiError
from local.iam.caller import LAMBDA, SAGEMAKER, caller
from local.iam.calls import Calls, Watch
from local.iam.documents import read_statements
from local.iam.evaluation import Policies
from local.iam.needs import Place

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
EVERYTHING = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


def trusting(service, **condition):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Statement": {**statement, **({"Condition": condition} if condition else {})}}


def refused(tmp_path, trust, service):
    """The refusal of a call that the role's own policy allows; None where it is let through."""
    policies = Policies(identity=read_statements(EVERYTHING), trust=read_statements(trust))
    place = Place(ACCOUNT, "eu-west-1")
    calls = Calls(tmp_path / "calls", place, lambda role: policies, Watch(enforcing=True))
    try:
        calls.note(caller(ROLE, "me", service), "s3", "GetObject", {"Bucket": "b", "Key": "k"})
    except ApiError as error:
        return error.message
    return None


def test_the_service_that_is_trusted_is_let_through_and_no_other(tmp_path):
    assert refused(tmp_path, trusting(SAGEMAKER), SAGEMAKER) is None
    assert refused(tmp_path, trusting(SAGEMAKER), LAMBDA) == (
        f"lambda.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: {ROLE} "
        "because its trust policy does not allow it"
    )


@pytest.mark.parametrize("account", [ACCOUNT, "999999999999"])
def test_a_service_says_for_whose_account_it_comes(tmp_path, account):
    trust = trusting(SAGEMAKER, StringEquals={"aws:SourceAccount": account})
    assert (refused(tmp_path, trust, SAGEMAKER) is None) == (account == ACCOUNT)


def test_lambda_does_not_say_it_as_on_aws(tmp_path):
    trust = trusting(LAMBDA, StringEquals={"aws:SourceAccount": ACCOUNT})
    assert "sts:AssumeRole" in refused(tmp_path, trust, LAMBDA)


def test_who_assumed_it_by_name_has_been_asked_already(tmp_path):
    assert refused(tmp_path, trusting(LAMBDA), "") is None
