"""The endpoint as the commands show it: what is live, since when, on how many instances."""

from __future__ import annotations

import json
from typing import Any

from commands.following import list_deployments
from commands.output import moment
from commands.session import Session
from statemachine.names import Names

CHANGES = ("Deployed", "RolledBack")  # outcomes after which another version is live
LOOKED_AT = 20  # executions


def read_endpoint(session: Session) -> dict[str, Any] | None:
    """The endpoint {name, status, model_version, instances, …}; None when there is none."""
    described = describe(session)
    if described is None:
        return None
    sagemaker, config = session.client("sagemaker"), described["EndpointConfigName"]
    pending = described.get("PendingDeploymentSummary")
    variant = (described.get("ProductionVariants") or [{}])[0]
    return {
        "name": described["EndpointName"],
        "status": described["EndpointStatus"],
        "model_version": version_of(sagemaker, config),
        "endpoint_config": config,
        "since": _since(session, config),
        "changed": described["LastModifiedTime"],
        "instances": variant.get("CurrentInstanceCount"),
        "desired_instances": variant.get("DesiredInstanceCount"),
        "pending": pending and _pending(sagemaker, pending),
        "failure_reason": described.get("FailureReason"),
    }


def describe(session: Session) -> dict[str, Any] | None:
    """DescribeEndpoint's answer; None when there is no endpoint."""
    sagemaker, name = session.client("sagemaker"), Names(session.settings).endpoint
    found: dict[str, Any] | None = _or_none(
        sagemaker, lambda: sagemaker.describe_endpoint(EndpointName=name)
    )
    return found


def package_of(sagemaker: Any, endpoint_config: str) -> str | None:
    """ARN of the model package that a configuration serves; None where there is none."""
    described = _or_none(
        sagemaker, lambda: sagemaker.describe_endpoint_config(EndpointConfigName=endpoint_config)
    )
    if described is None:
        return None
    name = described["ProductionVariants"][0]["ModelName"]
    model = _or_none(sagemaker, lambda: sagemaker.describe_model(ModelName=name))
    if model is None:
        return None
    container = model.get("PrimaryContainer") or model["Containers"][0]
    package: str | None = container.get("ModelPackageName")
    return package


def version_of(sagemaker: Any, endpoint_config: str) -> int | None:
    """The model package version that a configuration serves; None for one that is not ours."""
    version = (package_of(sagemaker, endpoint_config) or "").rpartition("/")[2]
    return int(version) if version.isdecimal() else None


def describe_endpoint(endpoint: dict[str, Any] | None) -> str:
    """What is live and since when, in a line, and in another what is under way or went wrong."""
    if endpoint is None:
        return "No endpoint yet."
    since = f"since {moment(endpoint['since'])}"
    if endpoint["since"] is None:
        since = f"last changed {moment(endpoint['changed'])}"
    version = f"version {endpoint['model_version'] or 'unknown'}"
    lines = [f"Endpoint {endpoint['name']} is {endpoint['status']}: {version} {since}"]
    if endpoint["desired_instances"] is not None:
        now = "no" if endpoint["instances"] is None else endpoint["instances"]
        lines[0] += f", {now} of {endpoint['desired_instances']} instances"
    if pending := endpoint["pending"]:
        version = f"version {pending['model_version'] or 'unknown'}"
        lines.append(f"  {version} is on its way since {moment(pending['started'])}")
    if endpoint["failure_reason"]:
        lines.append(f"  {endpoint['failure_reason']}")
    return "\n".join(lines)


def _pending(sagemaker: Any, summary: dict[str, Any]) -> dict[str, Any]:
    config = summary["EndpointConfigName"]
    return {
        "endpoint_config": config,
        "model_version": version_of(sagemaker, config),
        "started": summary.get("StartTime"),
    }


def _since(session: Session, endpoint_config: str) -> Any:
    """When the deployment ended that brought the configuration; None where another hand did.

    SageMaker's own time of change is of no use: each step of autoscaling moves it.
    """
    stepfunctions = session.client("stepfunctions")
    for execution in list_deployments(session, LOOKED_AT):
        if execution["status"] != "SUCCEEDED":
            continue
        told = stepfunctions.describe_execution(executionArn=execution["arn"]).get("output")
        output = json.loads(told or "{}")
        if output.get("outcome") in CHANGES:
            return execution["ended"] if output["endpoint_config"] == endpoint_config else None
    return None


def _or_none(sagemaker: Any, read: Any) -> Any:
    """What `read` finds; None when SageMaker could not find it."""
    try:
        return read()
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" in str(error):
            return None
        raise
