"""The whole template, and how it is written: as YAML for people, as JSON for the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from infrastructure.network import network_conditions, network_resources
from infrastructure.notices import notice_conditions, notice_resources
from infrastructure.parameters import parameter_conditions, parameters
from infrastructure.parts import attribute, ref
from infrastructure.roles import role_conditions, role_resources
from infrastructure.storage import storage_conditions, storage_resources
from settings import Settings

FILE = Path(__file__).with_name("foundation.yaml")
HEAD = "# Compiled by `make foundation` from infrastructure/*.py; a change here would be lost.\n"


def compile_template(settings: Settings | None = None) -> dict[str, Any]:
    """The template as a document; equal code gives equal bytes.

    With settings, policies also say what these settings ask for and no parameter tells: what is
    deployed is always what the settings compile to.
    """
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "What an environment of Breedline stands on.",
        "Metadata": {
            # An empty default means none, and rules the places out that the checks complain of.
            "cfn-lint": {"config": {"ignore_checks": ["W1030", "W1031"]}},
            "WhyTheseChecksAreIgnored": "an empty parameter rules out where it would stand",
        },
        "Parameters": parameters(),
        "Conditions": {
            **parameter_conditions(),
            **storage_conditions(),
            **role_conditions(),
            **network_conditions(),
            **notice_conditions(),
        },
        "Resources": {
            **storage_resources(),
            **role_resources(settings),
            **network_resources(),
            **notice_resources(),
        },
        "Outputs": _outputs(),
    }


def as_json(template: dict[str, Any]) -> str:
    """As short as may be: the API takes 51,200 bytes."""
    return json.dumps(template, separators=(",", ":"))


def as_yaml(template: dict[str, Any]) -> str:
    """With CloudFormation's short forms."""
    text = yaml.dump(template, Dumper=_Writer, sort_keys=False, width=100, allow_unicode=True)
    return f"{HEAD}{text}"


def _outputs() -> dict[str, Any]:
    subnets = {"Fn::Join": [",", [ref("Subnet1"), ref("Subnet2")]]}
    made = {
        "Subnets": ("For aws.subnets", subnets, "MakesNetwork"),
        "SecurityGroups": (
            "For aws.security_groups",
            attribute("JobsGroup", "GroupId"),
            "MakesNetwork",
        ),
        "KeyArn": ("The key", attribute("Key", "Arn"), "MakesKey"),
        "TopicArn": ("Where notices go", ref("Topic"), ""),
        "QueueUrl": ("Events that were not delivered", ref("UndeliveredEvents"), ""),
    }
    return {
        name: {
            "Description": text,
            **({"Condition": condition} if condition else {}),
            "Value": value,
        }
        for name, (text, value, condition) in made.items()
    }


class _Writer(yaml.SafeDumper):  # type: ignore[misc]
    """YAML without anchors, with `!Ref` for `Ref:` and the like."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_mapping(writer: yaml.SafeDumper, data: dict[str, Any]) -> yaml.Node:
    if len(data) == 1:
        ((name, value),) = data.items()
        tag = f"!{name.removeprefix('Fn::')}"
        if name == "Fn::GetAtt":
            return writer.represent_scalar(tag, ".".join(value))
        if name == "Ref" or (name.startswith("Fn::") and isinstance(value, str)):
            return writer.represent_scalar(tag, value)
        if name.startswith("Fn::"):
            return writer.represent_sequence(tag, value)
    return writer.represent_dict(data)


_Writer.add_representer(dict, _write_mapping)
