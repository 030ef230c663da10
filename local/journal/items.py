"""Items of DynamoDB tables: what is kept is each item as it is now, not how it came to be.

A conditional write or an update made again would depend on everything before it, and a busy lock
table would make the journal grow without end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from local.journal.keys import Key, name_of
from local.journal.request import Request

WRITES = {
    *("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"),
    *("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"),
}
TARGET = "DynamoDB_20120810"
CHANGED_TABLE = re.compile(
    r'\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+"?([\w.\-]+)"?', re.IGNORECASE
)
Call = Callable[[str, Mapping[str, Any]], dict[str, Any]]
Item = dict[str, Any]


def item_changes(request: Request, call: Call) -> Iterator[tuple[Key, Request | None]]:
    """The key of each item that a write touched, and the request that puts it as it is now.

    None for an item that is gone, or for all of a table that are then named anew. `call` performs
    an action of DynamoDB.
    """
    for table in _stated_tables(request.parameters):
        yield ("table", table, "item"), None
    names: dict[str, list[str]] = {}
    for table, fields in _touched(request.action, request.parameters, call):
        if table not in names:
            names[table] = _key_names(table, call)
        own = {name: fields[name] for name in names[table]}
        item = call("GetItem", {"TableName": table, "Key": own, "ConsistentRead": True}).get("Item")
        yield item_key(table, own), _put(request, table, item) if item else None


def item_key(table: str, own: Item) -> Key:
    return ("table", name_of(table), "item", json.dumps(own, sort_keys=True))


def _touched(action: str, parameters: Mapping[str, Any], call: Call) -> Iterator[tuple[str, Item]]:
    if action in ("PutItem", "UpdateItem", "DeleteItem"):
        yield parameters["TableName"], parameters.get("Item") or parameters["Key"]
    elif action == "BatchWriteItem":
        for table, writes in parameters["RequestItems"].items():
            for write in writes:
                [(kind, body)] = write.items()
                yield table, body["Item" if kind == "PutRequest" else "Key"]
    elif action == "TransactWriteItems":
        for write in parameters["TransactItems"]:
            [(kind, body)] = write.items()
            if kind != "ConditionCheck":
                yield body["TableName"], body["Item" if kind == "Put" else "Key"]
    else:
        for table in _stated_tables(parameters):
            yield from ((table, item) for item in _all_items(table, call))


def _stated_tables(parameters: Mapping[str, Any]) -> set[str]:
    """The tables of PartiQL statements; which items they touch is not to be seen."""
    statements = [
        parameters,
        *(parameters.get("Statements") or []),
        *(parameters.get("TransactStatements") or []),
    ]
    found = (CHANGED_TABLE.match(statement.get("Statement", "")) for statement in statements)
    return {match[1] for match in found if match}


def _all_items(table: str, call: Call) -> Iterator[Item]:
    page: dict[str, Any] = {}
    while True:
        page = call("Scan", {"TableName": table, "ConsistentRead": True, **page})
        yield from page.get("Items", [])
        if "LastEvaluatedKey" not in page:
            return
        page = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _key_names(table: str, call: Call) -> list[str]:
    schema = call("DescribeTable", {"TableName": table})["Table"]["KeySchema"]
    return sorted(element["AttributeName"] for element in schema)


def _put(request: Request, table: str, item: Item) -> Request:
    return read_request(request, "PutItem", {"TableName": name_of(table), "Item": item})


def read_request(like: Request, action: str, parameters: Mapping[str, Any]) -> Request:
    """Another request to the same DynamoDB."""
    headers = {**like.headers, "X-Amz-Target": f"{TARGET}.{action}"}
    return replace(like, headers=headers, body=json.dumps(parameters).encode())
