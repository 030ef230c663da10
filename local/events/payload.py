"""What a target is sent: the event, a part of it, a constant, or a template filled from it.

AWS's rules of templates: a placeholder outside quotes becomes a JSON value, one inside quotes
becomes bare text, not escaped; a template of quoted lines stays quoted; a path that leads nowhere
leaves an empty text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.events.envelope import Event
from local.events.paths import MISSING, find, is_path

PLACEHOLDER = re.compile(r"<([\w.\-]+)>")
NAME = re.compile(r"[A-Za-z0-9_\-]+")
# One stretch of a template: a whole string, a placeholder outside strings, or anything else.
STRETCH = re.compile(r'"(?:\\.|[^"\\])*"|<[\w.\-]+>|[^"<]+|[<"]', re.DOTALL)
RESERVED = (
    *("aws.events.rule-arn", "aws.events.rule-name", "aws.events.event"),
    *("aws.events.event.json", "aws.events.event.ingestion-time"),
)
FORMS = ("Input", "InputPath", "InputTransformer")


class InvalidInput(ValueError):
    """The target's input cannot be meant; the message says why."""


@dataclass(frozen=True)
class Matched:
    """An event and the rule that it matched."""

    event: Event
    rule_arn: str
    ingested: str  # ISO-8601

    @property
    def rule_name(self) -> str:
        return self.rule_arn.rpartition("/")[2]


def payload(target: Mapping[str, Any], matched: Matched) -> str:
    """The text that the target gets; raises InvalidInput when a template gives no JSON."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        value = find(matched.event, target["InputPath"])
        return _json(None if value is MISSING else value)
    if "InputTransformer" in target:
        return _filled(target["InputTransformer"], matched)
    return _json(matched.event)


def check_input(target: Mapping[str, Any]) -> None:
    """Refuse, as PutTargets does, an input that could never work; raises InvalidInput."""
    name = target.get("Id", "")
    if len([form for form in FORMS if form in target]) > 1:
        wanted = "Only one of Input, InputPath, or InputTransformer"
        raise InvalidInput(f"{wanted} must be provided for target {name}.")
    if "Input" in target:
        _check_json(target["Input"], f"JSON syntax error in input for target {name}")
    if "InputPath" in target and not is_path(target["InputPath"]):
        raise InvalidInput(f"Invalid InputPath for target {name}.")
    if "InputTransformer" in target:
        _check_transformer(target["InputTransformer"], name)


def _check_transformer(transformer: Mapping[str, Any], target: str) -> None:
    paths = transformer.get("InputPathsMap") or {}
    for name, path in paths.items():
        if not NAME.fullmatch(name) or name.upper().startswith("AWS."):
            raise InvalidInput(f"Invalid InputPathsMap key '{name}' for target {target}.")
        if not is_path(path):
            raise InvalidInput(f"Invalid InputPathsMap value '{path}' for target {target}.")
    template = transformer["InputTemplate"]
    for name in PLACEHOLDER.findall(template):
        if name not in paths and name not in RESERVED:
            raise InvalidInput(
                f"InputTemplate for target {target} contains invalid placeholder {name}."
            )
    if re.search(r"(?:^|[{,])\s*<[\w.\-]+>\s*:", template):
        raise InvalidInput(
            f"InputTemplate for target {target} has a placeholder as the key of an object."
        )
    sample = _fill(template, lambda name: "", lambda name: '""')
    _check_json(sample, f"Invalid InputTemplate for target {target}")


def _filled(transformer: Mapping[str, Any], matched: Matched) -> str:
    values = _values(transformer.get("InputPathsMap") or {}, matched)

    def quoted(name: str) -> str:
        value = values.get(name, "")
        return value if isinstance(value, str) else _json(value)

    def bare(name: str) -> str:
        return _json(values.get(name, ""))

    text = _fill(transformer["InputTemplate"], quoted, bare)
    _check_json(text, "The filled InputTemplate is not JSON")
    try:
        return _json(json.loads(text, strict=False))
    except ValueError:
        return text  # quoted lines


def _values(paths: Mapping[str, str], matched: Matched) -> dict[str, Any]:
    found = {name: find(matched.event, path) for name, path in paths.items()}
    event = matched.event
    return {name: value for name, value in found.items() if value is not MISSING} | {
        "aws.events.rule-arn": matched.rule_arn,
        "aws.events.rule-name": matched.rule_name,
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": matched.ingested,
    }


def _fill(template: str, quoted: Callable[[str], str], bare: Callable[[str], str]) -> str:
    def stretch(match: re.Match[str]) -> str:
        text = match[0]
        if text.startswith('"'):
            return PLACEHOLDER.sub(lambda inner: quoted(inner[1]), text)
        placeholder = PLACEHOLDER.fullmatch(text)
        return bare(placeholder[1]) if placeholder else text

    return STRETCH.sub(stretch, template)


def _check_json(text: str, problem: str) -> None:
    """One JSON value, or one quoted string a line."""
    try:
        json.loads(text, strict=False)
    except ValueError as error:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines or not all(_is_string(line) for line in lines):
            raise InvalidInput(f"{problem}: {error}") from error


def _is_string(line: str) -> bool:
    try:
        return isinstance(json.loads(line, strict=False), str)
    except ValueError:
        return False


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
