"""Which properties a step of each type will have, from botocore's model of its Describe… answer.

Pure but for reading botocore's own data, once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import botocore.session

from local.pipelines.paths import Key, format_path

DESCRIBE: Mapping[str, str] = {
    "Training": "DescribeTrainingJob",
    "Processing": "DescribeProcessingJob",
    "Transform": "DescribeTransformJob",
    "Tuning": "DescribeHyperParameterTuningJob",
    "Model": "DescribeModel",
    "RegisterModel": "DescribeModelPackage",
}
SUMMARIES = "TrainingJobSummaries"  # what a Tuning step shows beside its Describe… answer


@functools.cache
def _model() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


@functools.cache
def _members(step_type: str) -> dict[Any, Any]:
    members = dict(_model().operation_model(DESCRIBE[step_type]).output_shape.members)
    if step_type == "Tuning":
        listed = _model().operation_model("ListTrainingJobsForHyperParameterTuningJob")
        members[SUMMARIES] = listed.output_shape.members[SUMMARIES]
    return members


def unknown_property(step_type: str, keys: tuple[Key, ...]) -> str | None:
    """What is wrong with a path into a step's properties, or None; unknown types have any."""
    if step_type == "Condition":
        return None if keys == ("Outcome",) else "a Condition step has only Outcome"
    if step_type not in DESCRIBE:
        return None
    shape: Any = None
    for depth, key in enumerate(keys):
        members = _members(step_type) if shape is None else getattr(shape, "members", None)
        if members is not None and key not in members:
            here = f" at {format_path(keys[:depth])}" if depth else ""
            return f"a {step_type} step has no property {key}{here}; it has {', '.join(members)}"
        shape = members[key] if members is not None else _inside(shape)
        if shape is None:
            return f"{format_path(keys[:depth])} of a {step_type} step is a plain value"
    return None


def _inside(shape: Any) -> Any:
    """What a list or map holds, or None for a plain value."""
    if shape.type_name == "list":
        return shape.member
    return shape.value if shape.type_name == "map" else None
