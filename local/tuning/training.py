"""One trial as a CreateTrainingJob request. Pure, but for the random part of the name."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from local.tuning.request import Definition

OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
DEFAULT_VOLUME_GB = 30
PASSED_ON = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
    "Environment",
)


def training_job_name(tuning_job_name: str, number: int) -> str:
    """The name of trial `number`, counted from 1, with AWS's eight random hexadecimal digits."""
    return f"{tuning_job_name}-{number:03d}-{secrets.token_hex(4)}"


def training_job_request(
    name: str, definition: Definition, tuned: Mapping[str, str], tags: list[dict[str, str]]
) -> dict[str, Any]:
    """The request of one trial: the definition with the tuned hyperparameters filled in."""
    body = definition.body
    request = {key: body[key] for key in PASSED_ON if key in body}
    request |= {
        "TrainingJobName": name,
        "HyperParameters": static_hyperparameters(definition) | dict(tuned),
        "ResourceConfig": resource_config(body),
    }
    return request | ({"Tags": tags} if tags else {})


def static_hyperparameters(definition: Definition) -> dict[str, str]:
    """The definition's own, and the one by which AWS tells the script its objective."""
    static = definition.body.get("StaticHyperParameters") or {}
    return {**static, OBJECTIVE_HYPERPARAMETER: definition.metric}


def resource_config(body: Mapping[str, Any]) -> dict[str, Any]:
    """A training job's ResourceConfig; of several InstanceConfigs the first, the preferred one."""
    if body.get("ResourceConfig"):
        return dict(body["ResourceConfig"])
    tuning = dict(body["HyperParameterTuningResourceConfig"])
    configs = tuning.pop("InstanceConfigs", None)
    tuning.pop("AllocationStrategy", None)
    chosen = {**tuning, **(configs[0] if configs else {})}
    return {"InstanceCount": 1, "VolumeSizeInGB": DEFAULT_VOLUME_GB, **chosen}
