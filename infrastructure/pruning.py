"""The template as one environment needs it: what its conditions rule out is left away.

CloudFormation takes 51,200 bytes with a request, which is less than the whole template has. Only
conditions on parameters are decided, and the partition is written out, which the region tells;
everything else stays for CloudFormation. The settings have checked the parameters' values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ABSENT = object()
LEFT = ("Condition", "Metadata")  # the latter speaks to linters
SAID = ("AllowedPattern", "AllowedValues", "Default", "Description")
PARTITION = "${AWS::Partition}"
NOTHING = {"Ref": "AWS::NoValue"}


def prune(template: Mapping[str, Any], values: Mapping[str, str], partition: str) -> dict[str, Any]:
    """The template without what the parameters' values rule out, and without conditions."""
    conditions = template["Conditions"]
    holds = {name: _holds(node, values, conditions) for name, node in conditions.items()}

    def kept(section: str) -> dict[str, Any]:
        return {
            name: _chosen({key: value for key, value in node.items() if key not in LEFT}, holds)
            for name, node in template[section].items()
            if holds.get(node.get("Condition", ""), True)
        }

    left = {key: value for key, value in template.items() if key not in (*LEFT, "Conditions")}
    left |= {section: kept(section) for section in ("Resources", "Outputs")}
    left = _put(left, PARTITION, partition)
    text = repr((left["Resources"], left["Outputs"]))
    used = {
        name: {key: value for key, value in node.items() if key not in SAID}
        for name, node in template["Parameters"].items()
        if f"'{name}'" in text or f"${{{name}}}" in text
    }
    return {**left, "Parameters": used}


def _put(node: Any, word: str, value: str) -> Any:
    """The node with a word of its texts replaced."""
    if isinstance(node, Mapping):
        return {key: _put(inner, word, value) for key, inner in node.items()}
    if isinstance(node, list):
        return [_put(inner, word, value) for inner in node]
    return node.replace(word, value) if isinstance(node, str) else node


def _holds(node: Any, values: Mapping[str, str], conditions: Mapping[str, Any]) -> bool:
    ((kind, operands),) = node.items()
    if kind == "Condition":
        return _holds(conditions[operands], values, conditions)
    if kind == "Fn::Equals":
        left, right = (values[o["Ref"]] if isinstance(o, dict) else o for o in operands)
        return bool(left == right)
    found = [_holds(operand, values, conditions) for operand in operands]
    return {"Fn::Not": not found[0], "Fn::And": all(found), "Fn::Or": any(found)}[kind]


def _chosen(node: Any, holds: Mapping[str, bool]) -> Any:
    """The node with each `Fn::If` decided; what is then nothing is left out."""
    if isinstance(node, list):
        return [item for one in node if (item := _chosen(one, holds)) is not ABSENT]
    if not isinstance(node, Mapping):
        return node
    if "Fn::If" in node:
        condition, value, otherwise = node["Fn::If"]
        return _chosen(value if holds[condition] else otherwise, holds)
    if node == NOTHING:
        return ABSENT
    items = {key: _chosen(value, holds) for key, value in node.items()}
    return {key: value for key, value in items.items() if value is not ABSENT}
