"""A SageMaker control plane of dictionaries, as far as provisioning uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError


class RecordedSageMaker:
    """Pipelines, groups, feature groups, tags; `calls` names the calls that change something."""

    def __init__(self) -> None:
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.features: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.calls: list[str] = []

    def describe_pipeline(self, PipelineName: str) -> dict[str, Any]:
        if PipelineName not in self.pipelines:
            raise _refusal("ResourceNotFound", f"Pipeline {PipelineName} does not exist.")
        return self.pipelines[PipelineName]

    def create_pipeline(self, Tags: list[dict[str, str]], **request: Any) -> dict[str, Any]:
        self.calls.append("create_pipeline")
        arn = f"arn:aws:sagemaker:eu-west-1:1:pipeline/{request['PipelineName']}"
        self.pipelines[request["PipelineName"]] = {**request, "PipelineArn": arn}
        self._tag(arn, Tags)
        return {"PipelineArn": arn}

    def update_pipeline(self, **request: Any) -> dict[str, Any]:
        self.calls.append("update_pipeline")
        found = self.pipelines[request["PipelineName"]]
        found.update(request)
        return {"PipelineArn": found["PipelineArn"]}

    def describe_model_package_group(self, ModelPackageGroupName: str) -> dict[str, Any]:
        if ModelPackageGroupName not in self.groups:
            raise _refusal("ValidationException", "the group does not exist")
        return self.groups[ModelPackageGroupName]

    def create_model_package_group(
        self, Tags: list[dict[str, str]], **request: Any
    ) -> dict[str, Any]:
        self.calls.append("create_model_package_group")
        arn = (
            f"arn:aws:sagemaker:eu-west-1:1:model-package-group/{request['ModelPackageGroupName']}"
        )
        group = {**request, "ModelPackageGroupArn": arn}
        self.groups[request["ModelPackageGroupName"]] = group
        self._tag(arn, Tags)
        return {"ModelPackageGroupArn": arn}

    def get_model_package_group_policy(self, ModelPackageGroupName: str) -> dict[str, Any]:
        raise _refusal("ValidationException", "the group has no policy")

    def describe_feature_group(self, FeatureGroupName: str) -> dict[str, Any]:
        if FeatureGroupName not in self.features:
            raise _refusal("ResourceNotFound", f"{FeatureGroupName} does not exist.")
        found = self.features[FeatureGroupName]
        if found["FeatureGroupStatus"] == "Creating":  # at the first look
            self.features[FeatureGroupName] = {**found, "FeatureGroupStatus": "Created"}
        return found

    def create_feature_group(self, Tags: list[dict[str, str]], **request: Any) -> None:
        self.calls.append("create_feature_group")
        arn = f"arn:aws:sagemaker:eu-west-1:1:feature-group/{request['FeatureGroupName']}"
        made = {"FeatureGroupArn": arn, "FeatureGroupStatus": "Creating"}
        self.features[request["FeatureGroupName"]] = {**request, **made}
        self._tag(arn, Tags)

    def update_feature_group(
        self,
        FeatureGroupName: str,
        FeatureAdditions: Sequence[dict[str, str]] = (),
        OnlineStoreConfig: Mapping[str, Any] | None = None,
    ) -> None:
        self.calls.append("update_feature_group")
        found = self.features[FeatureGroupName]
        found["FeatureDefinitions"] = [*found["FeatureDefinitions"], *FeatureAdditions]
        found["OnlineStoreConfig"] = {**found["OnlineStoreConfig"], **(OnlineStoreConfig or {})}
        found["LastUpdateStatus"] = {"Status": "Successful"}

    def list_tags(self, ResourceArn: str) -> dict[str, Any]:
        tags = self.tags.get(ResourceArn, {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def add_tags(self, ResourceArn: str, Tags: list[dict[str, str]]) -> None:
        self.calls.append("add_tags")
        self._tag(ResourceArn, Tags)

    def _tag(self, arn: str, tags: list[dict[str, str]]) -> None:
        self.tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags})


def _refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Describe")
