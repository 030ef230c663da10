"""Which requests are kept, and under which key: the resource that they are about.

A template such as `rule/{EventBusName=default}/{Name}` names a resource by the request's fields;
`{Targets.Id}` stands for each element of a list, `{Attributes.}` for the element (or the key)
itself, `{KeyId!}` for a field of the answer. What lies below a key belongs to it: removing
`topic/news` removes `topic/news/attribute/Policy` too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Key = tuple[str, ...]
FIELD = re.compile(r"\{(?P<name>\w+)(?:\.(?P<inner>\w*))?(?P<answer>!)?(?:=(?P<default>\w+))?\}")
Kind = Literal["make", "put", "merge", "more", "remove", "skip"]


@dataclass(frozen=True)
class Rule:
    """What a request means for the journal.

    make: the first one counts (its ids are remembered by clients). put: the last one counts.
    merge: the last one counts, with fields of the earlier ones that it leaves out. more: each
    counts. remove: the resource and all below it go.
    """

    kind: Kind
    template: str = ""
    clears: str = ""  # what lies below the key and is void now
    without: str = ""  # a field that must not be kept


def make(template: str) -> Rule:
    return Rule("make", template)


def put(template: str, clears: str = "") -> Rule:
    return Rule("put", template, clears)


def merge(template: str, without: str = "") -> Rule:
    return Rule("merge", template, without=without)


def more(template: str = "") -> Rule:
    return Rule("more", template)


def remove(template: str) -> Rule:
    return Rule("remove", template)


SKIP = Rule("skip")


def split_field(template: str) -> str:
    """The field over whose elements a request is taken apart; empty for none."""
    for match in FIELD.finditer(template):
        if match["inner"] is not None:
            return match["name"]
    return ""


def parts(template: str, parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The request's fields, once for each element of the field that its template takes apart."""
    field = split_field(template)
    value = parameters.get(field)
    if isinstance(value, dict):
        for name, item in value.items():
            yield {**parameters, field: {name: item}}
    elif isinstance(value, list):
        for item in value:
            yield {**parameters, field: [item]}
    else:
        yield parameters


def key(template: str, part: Mapping[str, Any], answer: Mapping[str, Any]) -> Key | None:
    """The key of one part of a request, or None when a field is missing."""
    found: list[str] = []
    for segment in template.split("/"):
        match = FIELD.fullmatch(segment)
        value = segment if match is None else _value(match, part, answer)
        if value is None:
            return None
        found.append(value)
    return tuple(found)


def _value(match: re.Match[str], part: Mapping[str, Any], answer: Mapping[str, Any]) -> str | None:
    value = (answer if match["answer"] else part).get(match["name"], match["default"])
    if match["answer"] and not re.fullmatch(r"[\w:/.\-]+", str(value)):
        return None  # "pending confirmation" names no subscription
    if match["inner"] is not None:
        value = _first(value)
        if match["inner"] and isinstance(value, dict):
            value = value.get(match["inner"])
    return None if value is None else name_of(str(value))


def _first(value: Any) -> Any:
    """The one element that `parts` left."""
    return next(iter(value), None) if isinstance(value, dict | list) else value


def name_of(value: str) -> str:
    """A resource's own name, whether it was given as name, ARN or queue URL."""
    return re.split(r"[:/]", value)[-1] if re.match(r"arn:|https?://", value) else value
