"""Service Quotas of SageMaker through boto3."""

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.quotas import answer_quotas, code_of

GPU = "ml.g5.xlarge for training job usage"


@pytest.fixture
def quotas():
    answer_quotas()
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    with mock_aws():
        yield boto3.client("service-quotas", "eu-west-1", **keys)


def values(quotas, operation="list_service_quotas"):
    pages = quotas.get_paginator(operation).paginate(ServiceCode="sagemaker")
    return {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}


def test_an_account_in_use_has_more_than_the_defaults_and_no_gpus(quotas):
    applied, defaults = values(quotas), values(quotas, "list_aws_default_service_quotas")
    assert applied["ml.m5.large for training job usage"] == 15
    assert defaults["ml.m5.large for training job usage"] == 0
    assert defaults["ml.m5.large for spot training job usage"] == 4
    assert applied[GPU] == defaults[GPU] == 0


def test_what_is_asked_for_is_granted(quotas):
    quotas.request_service_quota_increase(
        ServiceCode="sagemaker", QuotaCode=code_of(GPU), DesiredValue=2
    )
    assert values(quotas)[GPU] == 2
    found = quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode=code_of(GPU))["Quota"]
    assert (found["QuotaName"], found["Value"]) == (GPU, 2)


def test_less_than_there_is_cannot_be_asked_for(quotas):
    code = code_of("ml.m5.large for endpoint usage")
    with pytest.raises(ClientError, match="greater than the current"):
        quotas.request_service_quota_increase(
            ServiceCode="sagemaker", QuotaCode=code, DesiredValue=8
        )


def test_other_services_are_motos(quotas):
    found = quotas.list_aws_default_service_quotas(ServiceCode="vpc")["Quotas"]
    assert found[0]["ServiceCode"] == "vpc"
    with pytest.raises(ClientError, match="NoSuchResource"):
        quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode="L-0")
