"""The endpoint as the commands show it: what is live, since when, and its alarms."""

from __future__ import annotations

from typing import Any

from commands.session import Session
from statemachine.names import Names


def read_endpoint(session: Session) -> dict[str, Any] | None:
    """The endpoint {name, status, model_version, instances, …}; None when there is none."""
    sagemaker, name = session.client("sagemaker"), Names(session.settings).endpoint
    try:
        described = sagemaker.describe_endpoint(EndpointName=name)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" in str(error):
            return None
        raise
    variants = described.get("ProductionVariants") or [{}]
    return {
        "name": name,
        "status": described["EndpointStatus"],
        "model_version": _version(sagemaker, described["EndpointConfigName"]),
        "endpoint_config": described["EndpointConfigName"],
        "instances": variants[0].get("CurrentInstanceCount"),
        "desired_instances": variants[0].get("DesiredInstanceCount"),
        "since": described["LastModifiedTime"],
        "failure_reason": described.get("FailureReason"),
    }


def describe_endpoint(endpoint: dict[str, Any] | None) -> str:
    """One line on what is live, and since when."""
    if endpoint is None:
        return "No endpoint yet."
    counts = f"{endpoint['instances']} of {endpoint['desired_instances']} instances"
    since = str(endpoint["since"])[:19]
    line = f"Endpoint {endpoint['name']} is {endpoint['status']}: version "
    line += f"{endpoint['model_version']} since {since}, {counts}"
    return f"{line}\n  {endpoint['failure_reason']}" if endpoint["failure_reason"] else line


def read_alarms(session: Session) -> list[dict[str, str]]:
    """The endpoint's own alarms: {name, state, reason}."""
    answer = session.client("cloudwatch").describe_alarms(
        AlarmNamePrefix=f"{Names(session.settings).endpoint}-"
    )
    return [
        {
            "name": alarm["AlarmName"],
            "state": alarm["StateValue"],
            "reason": alarm.get("StateReason", ""),
        }
        for alarm in answer["MetricAlarms"]
    ]


def _version(sagemaker: Any, endpoint_config: str) -> int | None:
    """The model package version that a configuration serves; None for one that is not ours."""
    described = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint_config)
    model = sagemaker.describe_model(ModelName=described["ProductionVariants"][0]["ModelName"])
    container = model.get("PrimaryContainer") or model["Containers"][0]
    version = container.get("ModelPackageName", "").rpartition("/")[2]
    return int(version) if version.isdecimal() else None
