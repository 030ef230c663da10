"""The SageMaker pipeline: its definition, role, parallelism and tags."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.definition import render
from provision.change import (
    Change,
    Clients,
    as_tags,
    compare,
    from_tags,
    only,
    or_none,
    unless_there,
)
from settings import Settings
from settings.workload import IMAGES, TABULAR

RESOURCE = "pipeline"
DESCRIPTIONS = {
    IMAGES: "Prepare, tune, train, evaluate, gate and register an image classifier",
    TABULAR: "Prepare, train, evaluate, gate and register a tabular regression",
}


@dataclass(frozen=True)
class Pipeline:
    """The pipeline as it should be."""

    name: str
    definition: Mapping[str, Any]
    role_arn: str
    max_parallel_steps: int
    description: str
    tags: dict[str, str]

    def properties(self) -> dict[str, Any]:
        """What is compared with the pipeline that exists."""
        return {
            "definition": _by_step(self.definition),
            "description": self.description,
            "max_parallel_steps": self.max_parallel_steps,
            "role_arn": self.role_arn,
            "tags": self.tags,
        }

    def request(self) -> dict[str, Any]:
        """What CreatePipeline and UpdatePipeline both take."""
        return {
            "PipelineName": self.name,
            "PipelineDefinition": render(self.definition),
            "PipelineDescription": self.description,
            "RoleArn": self.role_arn,
            "ParallelismConfiguration": {"MaxParallelExecutionSteps": self.max_parallel_steps},
        }


def version_of(definition: Mapping[str, Any]) -> str:
    """The short digest of a definition that the tag `version` carries."""
    return hashlib.sha256(render(definition).encode()).hexdigest()[:12]


def plan_pipeline(clients: Clients, settings: Settings, definition: Mapping[str, Any]) -> Change:
    """Compare the deployed pipeline with the compiled one."""
    tags = {**settings.tags, "version": version_of(definition)}
    pipeline = settings.pipeline
    desired = Pipeline(
        pipeline.name,
        definition,
        settings.role_arn,
        pipeline.max_parallel_steps,
        DESCRIPTIONS[settings.workload.kind],
        tags,
    )
    sagemaker = clients("sagemaker")
    found = or_none(
        lambda: sagemaker.describe_pipeline(PipelineName=desired.name), "ResourceNotFound"
    )
    return compare(RESOURCE, found and _current(sagemaker, found, desired), desired)


def apply_pipeline(clients: Clients, change: Change) -> str:
    """Create or update the pipeline; returns its ARN."""
    pipeline: Pipeline = change.desired
    sagemaker, request, tags = clients("sagemaker"), pipeline.request(), as_tags(pipeline.tags)
    made = None
    if change.kind == "create":
        made = unless_there(lambda: sagemaker.create_pipeline(**request, Tags=tags))
    if made is None:
        made = sagemaker.update_pipeline(**request)
        # An update takes no tags of its own.
        sagemaker.add_tags(ResourceArn=made["PipelineArn"], Tags=tags)
    return str(made["PipelineArn"])


def _current(sagemaker: Any, found: Mapping[str, Any], desired: Pipeline) -> dict[str, Any]:
    listed = sagemaker.list_tags(ResourceArn=found["PipelineArn"])
    parallelism = found.get("ParallelismConfiguration") or {}
    return {
        "definition": _by_step(json.loads(found["PipelineDefinition"])),
        "description": found.get("PipelineDescription"),
        "max_parallel_steps": parallelism.get("MaxParallelExecutionSteps"),
        "role_arn": found.get("RoleArn"),
        "tags": only(from_tags(listed["Tags"]), desired.tags),
    }


def _by_step(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition with steps and parameters by name, so that a diff names what changed."""
    named = dict(definition)
    for part in ("Parameters", "Steps"):
        items = definition.get(part, [])
        named[part] = {item["Name"]: item for item in items}
        # Order is shown to users but does not change what runs; keep it comparable all the same.
        named[f"{part} in order"] = [item["Name"] for item in items]
    return named
