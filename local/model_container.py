"""The container of a SageMaker model: what transform jobs and endpoints run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.errors import validation_error

Call = Callable[[str, dict[str, Any]], dict[str, Any]]


def described_container(model: str, call: Call) -> dict[str, Any]:
    """The model's one container, completed with its model package's; raises ApiError."""
    described = call("DescribeModel", {"ModelName": model})
    containers = described.get("Containers") or [described.get("PrimaryContainer", {})]
    return _with_package(_only(containers, f"Model '{model}'"), call)


def model_role(model: str, call: Call) -> str:
    """The ARN of the role that a model's containers work under; empty when it has none."""
    return str(call("DescribeModel", {"ModelName": model}).get("ExecutionRoleArn") or "")


def _with_package(container: dict[str, Any], call: Call) -> dict[str, Any]:
    """A container that names a model package, completed with the package's own container."""
    name = container.get("ModelPackageName")
    if name is None:
        return container
    package = call("DescribeModelPackage", {"ModelPackageName": name})
    own = _only(package["InferenceSpecification"]["Containers"], f"Model package '{name}'")
    environment = {**own.get("Environment", {}), **container.get("Environment", {})}
    return {**own, "Environment": environment}


def _only(containers: list[dict[str, Any]], whose: str) -> dict[str, Any]:
    if len(containers) > 1:
        raise validation_error(
            f"{whose} has {len(containers)} containers in a row; the embedded AWS runs one."
        )
    return dict(containers[0])


def model_data(container: dict[str, Any]) -> str:
    """The S3 URI of the container's model data, or ""."""
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    return str(container.get("ModelDataUrl") or source.get("S3Uri") or "")
