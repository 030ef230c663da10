"""Settings and code packages for the tests, and the definition's variables replaced by examples."""

from __future__ import annotations

import dataclasses
from typing import Any

import settings
from pipeline.definition import compile_pipeline

DIGEST = "0123456789abcdef0123456789abcdef"


def code_of(loaded: settings.Settings, **digests: str) -> dict[str, str]:
    """Code package URIs as `provision.packages` makes them."""
    root = f"s3://{loaded.bucket}/code"
    places = {"prepare": "", "evaluate": "", "train": "sourcedir.tar.gz"}
    return {
        step: f"{root}/{step}-{digests.get(step, DIGEST)}/{name}" for step, name in places.items()
    }


def changed(loaded: settings.Settings, section: str, **values: Any) -> settings.Settings:
    """The settings with some values of one section replaced."""
    part = dataclasses.replace(getattr(loaded, section), **values)
    return dataclasses.replace(loaded, **{section: part})


def compiled(loaded: settings.Settings, **digests: str) -> dict[str, Any]:
    """The definition of `loaded` with example packages."""
    return compile_pipeline(loaded, code_of(loaded, **digests))


def steps_of(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All steps by name, those inside the gate included."""
    steps = {step["Name"]: step for step in definition["Steps"]}
    arguments = steps["Gate"]["Arguments"]
    inside = [*arguments["IfSteps"], *arguments["ElseSteps"]]
    return {**steps, **{step["Name"]: step for step in inside}}


def with_examples(value: Any, parameters: dict[str, Any]) -> Any:
    """`value` with every variable replaced by a value of the type that it will have."""
    if isinstance(value, list):
        return [with_examples(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Get"}:
        return _got(value["Get"], parameters)
    if set(value) == {"Std:JsonGet"}:
        return "abc123" if value["Std:JsonGet"]["Path"].endswith("digest") else 0.9
    if set(value) == {"Std:Join"}:
        join = value["Std:Join"]
        return join["On"].join(str(part) for part in with_examples(join["Values"], parameters))
    return {key: with_examples(item, parameters) for key, item in value.items()}


def _got(path: str, parameters: dict[str, Any]) -> Any:
    scope, _, rest = path.partition(".")
    if scope == "Parameters":
        return parameters[rest]
    if scope == "Execution":
        return {
            "PipelineExecutionId": "a1b2c3d4e5f6",
            "PipelineExecutionArn": "arn:aws:sagemaker:eu-west-1:1:pipeline/p/execution/x",
        }[rest]
    return '"32"' if "TunedHyperParameters" in path else "s3://bucket/from/a/step"
