"""Tags of state machines and activities."""

from __future__ import annotations

from typing import Any

from local.backend import Action
from local.tags import Tags


class Tagging:
    """Step Functions' own spelling of the shared tags."""

    def __init__(self, tags: Tags) -> None:
        self._tags = tags.actions
        self.actions: dict[str, Action] = {
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list,
        }

    def _tag(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = [{"Key": tag["key"], "Value": tag.get("value", "")} for tag in request["tags"]]
        self._tags["AddTags"]({"ResourceArn": request["resourceArn"], "Tags": tags})
        return {}

    def _untag(self, request: dict[str, Any]) -> dict[str, Any]:
        asked = {"ResourceArn": request["resourceArn"], "TagKeys": request["tagKeys"]}
        self._tags["DeleteTags"](asked)
        return {}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        kept = self._tags["ListTags"]({"ResourceArn": request["resourceArn"]})["Tags"]
        return {"tags": [{"key": tag["Key"], "value": tag["Value"]} for tag in kept]}
