"""CloudFormation's reading actions: what there is, what happened, what would change."""

from __future__ import annotations

from typing import Any

from local.backend import Action, Backend
from local.stacks.document import EVENT, STACK
from local.stacks.records import Records, is_there
from local.stacks.template import read_template
from local.store import Document, public


class Reading:
    """Describe…, List…, Get…, Validate…."""

    def __init__(self, backend: Backend, records: Records) -> None:
        self._store = backend.store
        self._records = records
        self.actions: dict[str, Action] = {
            "DescribeChangeSet": self._describe_change_set,
            "ListChangeSets": self._list_change_sets,
            "DescribeStacks": self._describe_stacks,
            "ListStacks": self._list_stacks,
            "DescribeStackEvents": self._describe_events,
            "DescribeStackResources": self._describe_resources,
            "ListStackResources": self._list_resources,
            "GetTemplate": self._get_template,
            "ValidateTemplate": self._validate_template,
        }

    def _describe_stacks(self, request: dict[str, Any]) -> dict[str, Any]:
        if "StackName" in request:
            return {"Stacks": [public(self._records.existing(request["StackName"], gone=True))]}
        return {"Stacks": [public(found) for found in self._store.list(STACK, is_there)]}

    def _list_stacks(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("StackStatusFilter")
        keys = ("StackId", "StackName", "CreationTime", "StackStatus", "StackStatusReason")
        return {
            "StackSummaries": [
                {key: found[key] for key in keys}
                for found in self._store.list(STACK)
                if not wanted or found["StackStatus"] in wanted
            ]
        }

    def _describe_events(self, request: dict[str, Any]) -> dict[str, Any]:
        identity = self._records.existing(request["StackName"], gone=True)["StackId"]
        events = self._store.list(EVENT, lambda event: event["StackId"] == identity)
        return {"StackEvents": list(reversed(events))}

    def _describe_resources(self, request: dict[str, Any]) -> dict[str, Any]:
        stack, wanted = (
            self._records.existing(request["StackName"]),
            request.get("LogicalResourceId"),
        )
        rows = [row for row in _rows(stack) if wanted in (None, row["LogicalResourceId"])]
        return {
            "StackResources": [
                {**row, "StackId": stack["StackId"], "StackName": stack["StackName"]}
                for row in rows
            ]
        }

    def _list_resources(self, request: dict[str, Any]) -> dict[str, Any]:
        rows = _rows(self._records.existing(request["StackName"]))
        return {
            "StackResourceSummaries": [
                {**row, "LastUpdatedTimestamp": row.pop("Timestamp")} for row in rows
            ]
        }

    def _get_template(self, request: dict[str, Any]) -> dict[str, Any]:
        stack = self._records.existing(request["StackName"])
        return {"TemplateBody": stack["_template"] or stack["_wanted"].get("text", "")}

    def _validate_template(self, request: dict[str, Any]) -> dict[str, Any]:
        template = read_template(request.get("TemplateBody", ""))
        keys = {"Description": "Description", "Default": "DefaultValue", "NoEcho": "NoEcho"}
        return {
            "Description": template.get("Description", ""),
            "Parameters": [
                {
                    "ParameterKey": name,
                    **{to: str(node[key]) for key, to in keys.items() if key in node},
                }
                for name, node in template.get("Parameters", {}).items()
            ],
        }

    def _describe_change_set(self, request: dict[str, Any]) -> dict[str, Any]:
        return public(self._records.change_set(request))

    def _list_change_sets(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self._records.change_sets(self._records.existing(request["StackName"])["StackId"])
        left = ("Changes", "Parameters", "Tags", "Capabilities")
        return {
            "Summaries": [
                {key: value for key, value in public(one).items() if key not in left}
                for one in found
            ]
        }


def _rows(stack: Document) -> list[dict[str, Any]]:
    return [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": kept["physical"],
            "ResourceType": kept["type"],
            "ResourceStatus": "CREATE_COMPLETE",
            "Timestamp": stack.get("LastUpdatedTime", stack["CreationTime"]),
        }
        for name, kept in stack["_resources"].items()
    ]
