"""Tags of SageMaker resources, by ARN."""

from __future__ import annotations

from typing import Any

from local.store import NoSuchDocument, Store

KIND = "Tags"


class Tags:
    """AddTags, ListTags and DeleteTags, and the tags that a Create… request carries."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.actions = {
            "AddTags": self._add,
            "ListTags": self._list,
            "DeleteTags": self._delete,
        }

    def attach(self, arn: str, tags: list[dict[str, str]] | None) -> None:
        """Merge `tags` (Key, Value) into those of the resource."""
        merged = self.of(arn) | {tag["Key"]: tag["Value"] for tag in tags or []}
        self._write(arn, merged)

    def remove_all(self, arn: str) -> None:
        """Forget the tags of a deleted resource."""
        try:
            self._store.delete(KIND, arn)
        except NoSuchDocument:
            return

    def of(self, arn: str) -> dict[str, str]:
        """The resource's tags, by key."""
        document = self._store.find(KIND, arn)
        return dict(document["Tags"]) if document else {}

    def _write(self, arn: str, tags: dict[str, str]) -> None:
        self.remove_all(arn)
        if tags:
            self._store.create(KIND, arn, {"Tags": tags})

    def _add(self, request: dict[str, Any]) -> dict[str, Any]:
        self.attach(request["ResourceArn"], request["Tags"])
        return {"Tags": request["Tags"]}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self.of(request["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        left = self.of(request["ResourceArn"])
        for key in request["TagKeys"]:
            left.pop(key, None)
        self._write(request["ResourceArn"], left)
        return {}
