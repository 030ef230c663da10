"""Step caching: what a step's result depends on, and for how long it may be used again. Pure.

The attributes per type are those that AWS documents. `sagemaker_job_name`, which the SDK writes
with a time stamp into hyperparameters, is left out: it never changes a result.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Tuning": (
        "HyperParameterTuningJobConfig",
        "TrainingJobDefinition.AlgorithmSpecification",
        "TrainingJobDefinition.HyperParameterRanges",
        "TrainingJobDefinition.InputDataConfig",
        "TrainingJobDefinition.StaticHyperParameters",
        "TrainingJobDefinition.TuningObjective",
        "TrainingJobDefinitions",
    ),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
}
NOT_PART_OF_A_RESULT = "sagemaker_job_name"

UNIT_SECONDS = {"Y": 365 * 86400, "M": 30 * 86400, "W": 7 * 86400, "D": 86400}
TIME_UNIT_SECONDS = {"H": 3600, "M": 60, "S": 1}
DURATION = re.compile(
    r"P?(?P<date>(\d+(\.\d+)?[YMWD])*)(T(?P<time>(\d+(\.\d+)?[HMS])+))?", re.IGNORECASE
)


class CacheFault(Exception):
    """A CacheConfig is malformed; the message is one sentence."""


def parse_duration(text: Any) -> float:
    """Seconds of an ISO 8601 duration, with or without its P (`P30D`, `30d`, `T16m`, `30dT5h`).

    Years count 365 days and months 30; raises CacheFault.
    """
    match = DURATION.fullmatch(str(text).strip())
    if match is None or not (match["date"] or match["time"]):
        raise CacheFault(
            f"CacheConfig's ExpireAfter '{text}' is not an ISO 8601 duration such as P30D or PT1H."
        )
    return _sum(match["date"], UNIT_SECONDS) + _sum(match["time"] or "", TIME_UNIT_SECONDS)


def _sum(text: str, units: Mapping[str, int]) -> float:
    parts = re.findall(r"([\d.]+)([A-Za-z])", text)
    return sum(float(number) * units[unit.upper()] for number, unit in parts)


def cache_key(step_name: str, step_type: str, request: dict[str, Any]) -> str:
    """A digest of everything that the step's result depends on, its arguments resolved."""
    paths = ATTRIBUTES.get(step_type)
    chosen = request if paths is None else {path: _at(request, path) for path in paths}
    text = json.dumps([step_name, step_type, _without_job_name(chosen)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _at(request: dict[str, Any], path: str) -> Any:
    found: Any = request
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _without_job_name(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_job_name(v) for k, v in value.items() if k != NOT_PART_OF_A_RESULT}
    if isinstance(value, list):
        return [_without_job_name(item) for item in value]
    return value


def newest_match(
    records: Iterable[dict[str, Any]], key: str, expire_after: float, now: float
) -> dict[str, Any] | None:
    """The most recent successful step record of this key that is not older than `expire_after`.

    Records that were cache hits themselves do not count: a result's age is its run's age.
    """
    matches = [
        record
        for record in records
        if record.get("_CacheKey") == key
        and record["StepStatus"] == "Succeeded"
        and not record.get("CacheHitResult")
        and not record.get("SelectiveExecutionResult")
        and now - record["EndTime"] <= expire_after
    ]
    return max(matches, key=lambda record: record["EndTime"], default=None)
