"""One version of a stack: a template with values, put against what the stack has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from local.stacks.functions import Made, Scope, references
from local.stacks.kinds import KINDS
from local.stacks.parameters import typed
from local.stacks.template import check_template, invalid

Resources = Mapping[str, Mapping[str, Any]]  # what a stack has, by logical id
RETAINED = ("Retain", "RetainExceptOnCreate")


@dataclass(frozen=True)
class Change:
    """What would happen to one resource; `replaced` names its properties that take another."""

    action: str  # Add, Modify, Remove
    name: str
    kind: str
    physical: str = ""
    properties: tuple[str, ...] = ()
    replaced: bool = False


@dataclass(frozen=True)
class Version:
    """A template and its values in one account; `pseudo` are the AWS::… parameters."""

    template: Mapping[str, Any]
    values: Mapping[str, str]
    tags: Mapping[str, str]
    pseudo: Mapping[str, Any]

    @cached_property
    def scope(self) -> Scope:
        return Scope(self.template, {**typed(self.template, self.values), **self.pseudo})

    def knowing(self, resources: Resources) -> Scope:
        """The scope in which the resources of the stack are there."""
        made = {
            name: Made(kept["physical"], kept["attributes"]) for name, kept in resources.items()
        }
        return replace(self.scope, made=made)

    def check(self) -> None:
        """Refuse what cannot be made: raises ApiError."""
        check_template(self.template, KINDS)
        for name in self.order:
            node = self.template["Resources"][name]
            known = KINDS[node["Type"]].properties
            if unknown := sorted(set(self.scope.resolve(node.get("Properties", {}))) - known):
                raise invalid(
                    f"The embedded AWS does not know {', '.join(unknown)} of {name} "
                    f"({node['Type']})."
                )
        for name, node in self.template.get("Outputs", {}).items():
            if "Condition" not in node or self.scope.holds(node["Condition"]):
                try:
                    self.scope.resolve(node["Value"])
                except KeyError as error:
                    raise invalid(f"The output {name} has no value.") from error

    @cached_property
    def order(self) -> list[str]:
        """The resources that are made, each after those that it refers to."""
        there = [name for name in self.template["Resources"] if self.scope.there(name)]
        found: list[str] = []
        for name in there:
            self._place(name, there, found, ())
        return found

    def needs(self, name: str) -> Iterator[str]:
        """The resources that one refers to or waits for."""
        node = self.template["Resources"][name]
        waits = node.get("DependsOn", [])
        yield from [waits] if isinstance(waits, str) else waits
        # Both sides of an `Fn::If` count, as long as the resource is there at all.
        yield from references(node.get("Properties", {}))

    def _place(self, name: str, there: list[str], found: list[str], path: tuple[str, ...]) -> None:
        if name in path:
            raise invalid(f"Circular dependency between resources: [{', '.join(path)}]")
        if name in found or name not in there:
            return
        for needed in self.needs(name):
            if needed in self.template["Resources"] and needed != name:
                self._place(needed, there, found, (*path, name))
        found.append(name)

    def properties(self, name: str, resources: Resources) -> dict[str, Any]:
        """The resolved properties of a resource."""
        node = self.template["Resources"][name].get("Properties", {})
        found: dict[str, Any] = self.knowing(resources).resolve(node)
        return found

    def outputs(self, resources: Resources) -> list[dict[str, str]]:
        """The outputs whose conditions hold."""
        scope = self.knowing(resources)
        return [
            {
                "OutputKey": name,
                "OutputValue": str(scope.resolve(node["Value"])),
                **({"Description": node["Description"]} if "Description" in node else {}),
            }
            for name, node in self.template.get("Outputs", {}).items()
            if "Condition" not in node or scope.holds(node["Condition"])
        ]

    def changes(self, resources: Resources) -> list[Change]:
        """What making this version would do to a stack that has `resources`."""
        found, known = [], dict(resources)
        for name in self.order:
            kind = self.template["Resources"][name]["Type"]
            if name not in resources:
                found.append(Change("Add", name, kind))
            elif change := self._change(name, known):
                found.append(change)
                if change.replaced:
                    del known[name]  # what refers to it changes too
        gone = [name for name in resources if name not in self.order]
        removed = [
            Change("Remove", name, resources[name]["type"], resources[name]["physical"])
            for name in reversed(gone)
        ]
        return [*found, *removed]

    def _change(self, name: str, known: Resources) -> Change | None:
        kept, kind = known[name], self.template["Resources"][name]["Type"]
        before, after = kept["properties"], self.properties(name, known)
        changed = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        if kept["type"] != kind:
            return Change("Modify", name, kind, kept["physical"], ("Type",), True)
        if kept["tags"] != dict(self.tags) or not kept.get("complete", True):
            changed.add("Tags")
        if not changed:
            return None
        replaced = KINDS[kind].replaces(changed)
        return Change("Modify", name, kind, kept["physical"], tuple(sorted(changed)), replaced)
