"""Templates: read from YAML or JSON, and refused by name where something is not known here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import yaml

from local.errors import ApiError

SECTIONS = {
    *("AWSTemplateFormatVersion", "Conditions", "Description", "Mappings", "Metadata"),
    *("Outputs", "Parameters", "Resources", "Rules"),
}
ELEMENTS = {
    *("Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type"),
    "UpdateReplacePolicy",
}
PLAIN = ("Condition", "Ref")  # short forms that are not functions


def invalid(message: str) -> ApiError:
    """CloudFormation's one code for whatever a caller did wrong."""
    return ApiError("ValidationError", message)


def read_template(text: str) -> dict[str, Any]:
    """The template as a document with the functions' long forms; raises ApiError."""
    try:
        found = yaml.load(text, Loader=_Reader)  # noqa: S506 - a safe loader with tags of its own
    except yaml.YAMLError as error:
        raise invalid(f"Template format error: {error}".replace("\n", " ")) from error
    if not isinstance(found, dict) or not found.get("Resources"):
        raise invalid("Template format error: At least one Resources member must be defined.")
    return found


def check_template(template: Mapping[str, Any], kinds: Collection[str]) -> None:
    """Refuse what this CloudFormation does not know; raises ApiError naming all of it."""
    problems = [f"section {name}" for name in sorted(set(template) - SECTIONS)]
    for name, node in template["Resources"].items():
        if node.get("Type") not in kinds:
            problems.append(f"type {node.get('Type')} of {name}")
        problems += [f"{element} of {name}" for element in sorted(set(node) - ELEMENTS)]
    if problems:
        raise invalid(f"The embedded AWS does not know: {', '.join(problems)}.")


class _Reader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML with `!Ref`, `!Sub` and their like; texts that look like dates stay texts."""


def _short(reader: Any, suffix: str, node: Any) -> dict[str, Any]:
    name = suffix if suffix in PLAIN else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = reader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = reader.construct_sequence(node, deep=True)
    else:
        value = reader.construct_mapping(node, deep=True)
    return {name: value}


_Reader.add_multi_constructor("!", _short)
_Reader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
