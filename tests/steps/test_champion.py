"""champion.py against botocore's own stubs of the registry and of S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from champion import Champion, ChampionError, fetch, find_champion

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/breeds/3"
SEARCH = {
    "ModelPackageGroupName": "breeds",
    "ModelApprovalStatus": "Approved",
    "SortBy": "CreationTime",
    "SortOrder": "Descending",
    "MaxResults": 1,
}
BASICS = {
    "ModelPackageName": "breeds",
    "ModelPackageArn": ARN,
    "CreationTime": 0,
    "ModelPackageStatus": "Completed",
    "ModelPackageStatusDetails": {"ValidationStatuses": []},
}


def client(service: str) -> tuple[Any, Stubber]:
    made = boto3.client(
        service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    return made, Stubber(made)


def registry(container: dict[str, Any] | None) -> Any:
    """A registry whose one approved package has this container; none when it is None."""
    made, stub = client("sagemaker")
    summary = {key: BASICS[key] for key in ("ModelPackageArn", "CreationTime")}
    summary |= {"ModelPackageStatus": "Completed"}
    found = [] if container is None else [summary]
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": found}, SEARCH)
    if container is not None:
        specification = {"Containers": [container]}
        answer = {**BASICS, "InferenceSpecification": specification}
        stub.add_response("describe_model_package", answer, {"ModelPackageName": ARN})
    stub.activate()
    return made


def refusing(code: str, message: str) -> Any:
    made, stub = client("sagemaker")
    stub.add_client_error("list_model_packages", code, message)
    stub.activate()
    return made


def test_the_newest_approved_package_is_the_champion() -> None:
    found = find_champion("breeds", registry({"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz"}))
    assert found == Champion(ARN, "s3://b/m.tar.gz")


def test_an_artifact_given_as_a_data_source_is_found_too() -> None:
    source = {"S3Uri": "s3://b/m.tar.gz", "S3DataType": "S3Object", "CompressionType": "Gzip"}
    container = {"Image": "i", "ModelDataSource": {"S3DataSource": source}}
    assert find_champion("breeds", registry(container)) == Champion(ARN, "s3://b/m.tar.gz")


def test_no_approved_package_and_no_group_mean_no_champion() -> None:
    assert find_champion("breeds", registry(None)) is None
    missing = refusing("ValidationException", "ModelPackageGroup breeds does not exist")
    assert find_champion("breeds", missing) is None
    assert find_champion("breeds", refusing("ResourceNotFound", "breeds")) is None


def test_a_registry_that_may_not_be_read_is_an_error_and_no_free_pass() -> None:
    denied = refusing("AccessDeniedException", "not authorized")
    with pytest.raises(ChampionError, match="breeds cannot be read: .*AccessDenied"):
        find_champion("breeds", denied)


def test_a_package_without_an_artifact_is_named() -> None:
    with pytest.raises(ChampionError, match="names no artifact; reject the package"):
        find_champion("breeds", registry({"Image": "i"}))


def test_a_vanished_artifact_is_named(tmp_path: Path) -> None:
    made, stub = client("s3")
    stub.add_client_error("head_object", "404", "Not Found", 404)
    stub.activate()
    with pytest.raises(ChampionError, match="cannot be fetched from s3://b/k/m.tar.gz"):
        fetch(Champion(ARN, "s3://b/k/m.tar.gz"), made, tmp_path / "model.tar.gz")
