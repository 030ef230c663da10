"""CloudFormation's functions: nodes of a template become values."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.stacks.template import invalid

ABSENT = object()  # AWS::NoValue
VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
ZONES = "abc"


@dataclass(frozen=True)
class Made:
    """What `Ref` and `Fn::GetAtt` give of a resource that is there."""

    physical: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scope:
    """What names mean in one template. A resource that `made` has not is not known yet."""

    template: Mapping[str, Any]
    parameters: Mapping[str, Any]  # the pseudo parameters too
    made: Mapping[str, Made] = field(default_factory=dict)

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template holds."""
        conditions = self.template.get("Conditions", {})
        if condition not in conditions:
            raise invalid(f"Template error: unresolved condition {condition}")
        return _decide(conditions[condition], self)

    def resolve(self, node: Any) -> Any:
        """The value of a node; what is `AWS::NoValue` is left out of mappings and lists."""
        if isinstance(node, list):
            return [value for one in node if (value := self.resolve(one)) is not ABSENT]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, operand),) = node.items()
            if name in FUNCTIONS:
                return FUNCTIONS[name](operand, self)
            if name.startswith("Fn::"):
                raise invalid(f"The embedded AWS does not know the function {name}.")
        found = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in found.items() if value is not ABSENT}

    def there(self, name: str) -> bool:
        """Whether a resource or output is to be made under the conditions."""
        node = self.template["Resources"][name]
        return "Condition" not in node or self.holds(node["Condition"])


def references(node: Any) -> Iterator[str]:
    """The names that a node refers to, parameters among them."""
    if isinstance(node, list):
        for one in node:
            yield from references(one)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield value[0]
            elif key == "Fn::Sub":
                text, own = value if isinstance(value, list) else (value, {})
                named = (match[2] for match in VARIABLE.finditer(text) if not match[1])
                yield from (name.split(".")[0] for name in named if name not in own)
                yield from references(own)
            else:
                yield from references(value)


def _decide(node: Any, scope: Scope) -> bool:
    ((kind, operands),) = node.items()
    if kind == "Condition":
        return scope.holds(operands)
    if kind == "Fn::Equals":
        left, right = (scope.resolve(operand) for operand in operands)
        return str(left) == str(right)
    found = [_decide(operand, scope) for operand in operands]
    if kind not in ("Fn::Not", "Fn::And", "Fn::Or"):
        raise invalid(f"The embedded AWS does not know {kind} in a condition.")
    return {"Fn::Not": not found[0], "Fn::And": all(found), "Fn::Or": any(found)}[kind]


def _ref(name: str, scope: Scope) -> Any:
    if name == "AWS::NoValue":
        return ABSENT
    if name in scope.parameters:
        return scope.parameters[name]
    return _made(name, scope).physical


def _get_att(operand: Any, scope: Scope) -> Any:
    name, attribute = operand if isinstance(operand, list) else operand.split(".", 1)
    made = _made(name, scope)
    if attribute not in made.attributes:
        if not made.attributes:
            return f"{{{{{name}.{attribute}}}}}"
        raise invalid(f"Template error: {name} has no attribute {attribute} here")
    return made.attributes[attribute]


def _made(name: str, scope: Scope) -> Made:
    if name in scope.made:
        return scope.made[name]
    if name not in scope.template["Resources"] or not scope.there(name):
        raise invalid(f"Template error: unresolved resource dependencies [{name}]")
    return Made(f"{{{{{name}}}}}")  # known after it is made


def _sub(operand: Any, scope: Scope) -> str:
    text, own = operand if isinstance(operand, list) else (operand, {})

    def value(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal:
            return f"${{{name}}}"
        if name in own:
            return str(scope.resolve(own[name]))
        return str(_get_att(name, scope) if "." in name else _ref(name, scope))

    return VARIABLE.sub(value, text)


def _if(operand: Any, scope: Scope) -> Any:
    condition, value, otherwise = operand
    return scope.resolve(value if scope.holds(condition) else otherwise)


def _join(operand: Any, scope: Scope) -> str:
    separator, items = operand
    return str(separator).join(str(item) for item in scope.resolve(items))


def _split(operand: Any, scope: Scope) -> list[str]:
    separator, text = operand
    return str(scope.resolve(text)).split(separator)


def _select(operand: Any, scope: Scope) -> Any:
    index, items = operand
    found, at = scope.resolve(items), int(scope.resolve(index))
    if at >= len(found):
        raise invalid(f"Template error: Fn::Select cannot select index {at} of {len(found)}")
    return found[at]


def _find_in_map(operand: Any, scope: Scope) -> Any:
    name, first, second = (scope.resolve(part) for part in operand)
    try:
        return scope.template["Mappings"][name][first][second]
    except KeyError as error:
        raise invalid(f"Template error: unable to get mapping for {name}.{first}") from error


def _zones(operand: Any, scope: Scope) -> list[str]:
    region = scope.resolve(operand) or scope.parameters["AWS::Region"]
    return [f"{region}{zone}" for zone in ZONES]


def _cidr(operand: Any, scope: Scope) -> list[str]:
    block, count, bits = (scope.resolve(part) for part in operand)
    nets = ipaddress.ip_network(str(block)).subnets(new_prefix=32 - int(bits))
    return [str(net) for net, _ in zip(nets, range(int(count)), strict=False)]


def _base64(operand: Any, scope: Scope) -> str:
    return base64.b64encode(str(scope.resolve(operand)).encode()).decode()


FUNCTIONS: Mapping[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _zones,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": lambda operand, scope: json.dumps(scope.resolve(operand)),
}
