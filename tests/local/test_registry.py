"""The model registry: groups, versions, approval, events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.errors import ApiError
from local.registry import Registry
from local.sagemaker import SageMaker

DATA = "s3://bucket/model.tar.gz"
SPECIFICATION = {
    "Containers": [{"Image": "image", "ModelDataUrl": DATA}],
    "SupportedContentTypes": ["image/jpeg"],
    "SupportedResponseMIMETypes": ["application/json"],
}


class Client:
    """Calls actions by their API names, and keeps the events that they send."""

    def __init__(self, backend) -> None:
        self._sagemaker = SageMaker()
        self._sagemaker.add([Registry(backend), backend.tags])
        self.events: list[tuple[str, dict[str, Any], list[str]]] = []
        backend.events.emit = lambda *event: self.events.append(event)

    def __call__(self, action: str, **request):
        return self._sagemaker.call(action, request)

    def register(self, group="dogs", **more):
        request = {"ModelPackageGroupName": group, "InferenceSpecification": SPECIFICATION} | more
        return self("CreateModelPackage", **request)["ModelPackageArn"]


@pytest.fixture
def client(backend):
    backend.objects.write("bucket", "model.tar.gz", b"model")
    client = Client(backend)
    client("CreateModelPackageGroup", ModelPackageGroupName="dogs")
    return client


def test_versions_count_up_and_are_never_reused(client):
    first, second = client.register(), client.register()
    assert first.endswith(":model-package/dogs/1")
    client("DeleteModelPackage", ModelPackageName=second)

    assert client.register().endswith(":model-package/dogs/3")
    with pytest.raises(ApiError, match="does not exist"):
        client("DescribeModelPackage", ModelPackageName=second)


def test_a_package_is_complete_and_waits_for_approval(client):
    metrics = {
        "ModelQuality": {
            "Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/e.json"}
        }
    }
    arn = client.register(ModelMetrics=metrics, CustomerMetadataProperties={"accuracy": "0.9"})
    described = client("DescribeModelPackage", ModelPackageName=arn)

    assert described["ModelPackageStatus"] == "Completed"
    assert described["ModelPackageStatusDetails"]["ValidationStatuses"] == []
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert described["ModelMetrics"] == metrics
    assert described["CustomerMetadataProperties"] == {"accuracy": "0.9"}
    assert (described["ModelPackageGroupName"], described["ModelPackageVersion"]) == ("dogs", 1)
    assert not [key for key in described if key.startswith("_")]


def test_a_package_is_found_by_group_and_version_too(client):
    arn = client.register()
    assert client("DescribeModelPackage", ModelPackageName="dogs/1")["ModelPackageArn"] == arn


def test_approval_is_recorded_with_its_reason_and_sent_as_an_event(client):
    arn = client.register()
    client(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="looks right",
    )
    described = client("DescribeModelPackage", ModelPackageName=arn)
    assert described["ApprovalDescription"] == "looks right"
    (created, approved) = client.events

    assert created[0] == approved[0] == "SageMaker Model Package State Change"
    assert created[1]["ModelApprovalStatus"] == "PendingManualApproval"
    assert approved[1]["ModelApprovalStatus"] == "Approved"
    assert approved[1]["ModelPackageName"] == "dogs/1"
    assert approved[1]["ModelPackageVersion"] == 1
    assert approved[1]["CreationTime"].endswith("Z")
    assert set(approved[1]["UpdatedModelPackageFields"]) == {
        "ModelApprovalStatus",
        "ApprovalDescription",
    }
    assert approved[2] == [arn]


def test_an_update_that_changes_nothing_sends_nothing(client):
    arn = client.register(ModelApprovalStatus="Approved")
    client("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")

    assert len(client.events) == 1


def test_customer_metadata_is_merged_and_removed(client):
    arn = client.register(CustomerMetadataProperties={"a": "1", "b": "2"})
    client(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        CustomerMetadataProperties={"c": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
    )

    described = client("DescribeModelPackage", ModelPackageName=arn)
    assert described["CustomerMetadataProperties"] == {"b": "2", "c": "3"}


def test_packages_are_listed_by_group_and_approval_newest_first(client):
    client("CreateModelPackageGroup", ModelPackageGroupName="cats")
    first = client.register(ModelApprovalStatus="Approved")
    client.register()
    third = client.register(ModelApprovalStatus="Approved")
    client.register("cats", ModelApprovalStatus="Approved")
    listed = client(
        "ListModelPackages",
        ModelPackageGroupName="dogs",
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
    )["ModelPackageSummaryList"]

    assert [each["ModelPackageArn"] for each in listed] == [third, first]
    assert listed[0]["ModelPackageVersion"] == 3


def test_the_newest_approved_package_can_be_asked_for_alone(client):
    client.register(ModelApprovalStatus="Approved")
    newest = client.register(ModelApprovalStatus="Approved")
    request = {"ModelPackageGroupName": "dogs", "ModelApprovalStatus": "Approved", "MaxResults": 1}
    answer = client("ListModelPackages", **request)

    assert [each["ModelPackageArn"] for each in answer["ModelPackageSummaryList"]] == [newest]
    assert answer["NextToken"]


def test_an_unversioned_package_has_a_name_and_no_approval(client):
    request = {"ModelPackageName": "alone", "InferenceSpecification": SPECIFICATION}
    client("CreateModelPackage", **request)
    described = client("DescribeModelPackage", ModelPackageName="alone")

    assert described["ModelPackageName"] == "alone"
    assert "ModelApprovalStatus" not in described
    names = [p["ModelPackageName"] for p in client("ListModelPackages")["ModelPackageSummaryList"]]
    assert names == ["alone"]
    with pytest.raises(ApiError, match="ModelPackage already exists"):
        client("CreateModelPackage", **request)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ModelPackageGroupName": "cats"}, "ModelPackageGroup .*cats does not exist"),
        ({"ModelPackageName": "x"}, "needs one of ModelPackageGroupName"),
        (
            {
                "InferenceSpecification": {
                    "Containers": [{"Image": "i", "ModelDataUrl": "s3://b/no"}]
                }
            },
            "Could not find model data at s3://b/no",
        ),
        (
            {
                "InferenceSpecification": {
                    "Containers": [{"Image": "i", "ModelDataUrl": "https://b/m"}]
                }
            },
            "must begin with s3://",
        ),
    ],
)
def test_a_package_that_cannot_be_is_refused(client, change, words):
    with pytest.raises(ApiError, match=words) as raised:
        client.register(**change)
    assert raised.value.code == "ValidationException"


def test_several_packages_are_described_at_once(client):
    arn = client.register()
    missing = arn.replace("/1", "/9")
    answer = client("BatchDescribeModelPackage", ModelPackageArnList=[arn, missing])

    assert answer["ModelPackageSummaries"][arn]["ModelPackageVersion"] == 1
    assert "does not exist" in answer["BatchDescribeModelPackageErrorMap"][missing]["ErrorResponse"]


def test_a_group_with_packages_is_not_deleted(client):
    arn = client.register()
    with pytest.raises(ApiError, match="still has 1 model packages") as raised:
        client("DeleteModelPackageGroup", ModelPackageGroupName="dogs")
    assert raised.value.code == "ConflictException"
    client("DeleteModelPackage", ModelPackageName=arn)
    client("DeleteModelPackageGroup", ModelPackageGroupName="dogs")

    assert client("ListModelPackageGroups")["ModelPackageGroupSummaryList"] == []


def test_a_group_is_made_once_and_described(client):
    with pytest.raises(ApiError, match="already exists"):
        client("CreateModelPackageGroup", ModelPackageGroupName="dogs")

    described = client("DescribeModelPackageGroup", ModelPackageGroupName="dogs")
    assert described["ModelPackageGroupStatus"] == "Completed"
    assert "_Versions" not in described


def test_tags_of_groups_and_packages_are_kept(client):
    tags = [{"Key": "team", "Value": "dogs"}]
    answer = client("CreateModelPackageGroup", ModelPackageGroupName="cats", Tags=tags)
    assert client("ListTags", ResourceArn=answer["ModelPackageGroupArn"])["Tags"] == tags
    arn = client.register("cats", Tags=tags)

    assert client("ListTags", ResourceArn=arn)["Tags"] == tags
    assert client.events[-1][1]["Tags"] == {"team": "dogs"}


def test_the_same_client_token_registers_once(client):
    first = client.register(ClientToken="once")
    assert client.register(ClientToken="once") == first
    assert client.register(ClientToken="twice") != first
    client("DeleteModelPackage", ModelPackageName=first)
    assert client.register(ClientToken="once").endswith("/3")


def test_a_groups_policy_is_put_given_and_deleted(client):
    with pytest.raises(ApiError, match="no resource policy"):
        client("GetModelPackageGroupPolicy", ModelPackageGroupName="dogs")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]})
    client("PutModelPackageGroupPolicy", ModelPackageGroupName="dogs", ResourcePolicy=policy)
    found = client("GetModelPackageGroupPolicy", ModelPackageGroupName="dogs")
    assert found == {"ResourcePolicy": policy}
    described = client("DescribeModelPackageGroup", ModelPackageGroupName="dogs")
    assert "_Policy" not in described
    client("DeleteModelPackageGroupPolicy", ModelPackageGroupName="dogs")
    with pytest.raises(ApiError, match="no resource policy"):
        client("GetModelPackageGroupPolicy", ModelPackageGroupName="dogs")


@pytest.mark.parametrize("policy", ("{", "[]", '{"Statement": []}'))
def test_a_policy_that_is_none_is_refused(client, policy):
    with pytest.raises(ApiError, match="The resource policy"):
        client("PutModelPackageGroupPolicy", ModelPackageGroupName="dogs", ResourcePolicy=policy)
