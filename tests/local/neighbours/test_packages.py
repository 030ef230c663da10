"""A model package of another account, described by whom its group's policy lets in."""

import pytest
from botocore.exceptions import ClientError

from local.connection import ACCOUNT
from tests.local.neighbours.conftest import OTHER, REGION, let_in

PACKAGES = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package"
DESCRIBE = "sagemaker:DescribeModelPackage"


@pytest.fixture(scope="module")
def package(accounts):
    sagemaker = accounts[0].client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="dogs")
    accounts[0].bucket("models").put_object(Bucket="models", Key="m.tar.gz", Body=b"x")
    container = {"Image": "any", "ModelDataUrl": "s3://models/m.tar.gz"}
    made = sagemaker.create_model_package(
        ModelPackageGroupName="dogs",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )
    return made["ModelPackageArn"]


def put_policy(accounts, principal):
    accounts[0].client("sagemaker").put_model_package_group_policy(
        ModelPackageGroupName="dogs",
        ResourcePolicy=let_in(principal, DESCRIBE, f"{PACKAGES}/dogs/*"),
    )


def test_the_groups_policy_decides_who_of_another_account_sees_a_version(accounts, package):
    role = accounts[1].role("describer", (DESCRIBE, f"{PACKAGES}/dogs/*"))
    sagemaker = accounts[1].as_role("sagemaker", role)
    put_policy(accounts, f"arn:aws:iam::{OTHER}:role/somebody-else")
    with pytest.raises(ClientError) as refused:
        sagemaker.describe_model_package(ModelPackageName=package)
    error = refused.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert "because no resource-based policy allows" in error["Message"]

    put_policy(accounts, role)
    found = sagemaker.describe_model_package(ModelPackageName=package)
    assert (found["ModelPackageArn"], found["ModelPackageVersion"]) == (package, 1)
    accounts[0].client("sagemaker").delete_model_package_group_policy(ModelPackageGroupName="dogs")
    with pytest.raises(ClientError, match="no resource-based policy"):
        sagemaker.describe_model_package(ModelPackageName=package)


def test_a_version_of_an_account_that_this_machine_does_not_have_is_not_there(accounts):
    arn = f"arn:aws:sagemaker:{REGION}:444444444444:model-package/dogs/1"
    with pytest.raises(ClientError, match="does not exist"):
        accounts[1].client("sagemaker").describe_model_package(ModelPackageName=arn)
