"""What CloudFormation calls for the foundation's resources, as AWS's own schemas of types tell."""

import json
from pathlib import Path

import cfnlint.data.schemas.resources as schemas

from infrastructure.template import compile_template


def handler_permissions():
    """The actions of the handlers of the template's types."""
    types = {node["Type"] for node in compile_template()["Resources"].values()}
    files = Path(schemas.__path__[0]).glob("*.json")
    read = (json.loads(path.read_text(encoding="utf-8")) for path in files)
    found = {
        schema["typeName"]: schema["handlers"] for schema in read if schema.get("typeName") in types
    }
    assert {*found} == types
    return {
        action
        for handlers in found.values()
        for verb in ("create", "read", "update", "delete")
        for action in handlers.get(verb, {}).get("permissions", [])
    }
