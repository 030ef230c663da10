"""The stepfunctions SDK's states, with the fields of Amazon States Language that it lacks.

Variables (`Assign`), jitter and a longest delay between retries, errors taken from the data, inline
map processors. Importing this module imports the SDK: see `statemachine.sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepfunctions import steps
from stepfunctions.steps.choice_rule import BaseRule, ChoiceRule

Rules = ChoiceRule
Rule = BaseRule


class Expression(str):
    """A value that is known when the machine runs: a path, or an intrinsic function."""


def template(value: Any) -> Any:
    """A payload template: each field that holds an Expression has a name that ends in `.$`."""
    if isinstance(value, Mapping):
        return {
            f"{key}.$" if isinstance(item, Expression) else key: _plain(template(item))
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(template(item)) for item in value]
    return value


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Expression) else value


class Retry(steps.Retry):  # type: ignore[misc]
    """A retrier whose waits are spread and bounded."""

    def is_field_allowed(self, field_name: str) -> bool:
        more = ("max_delay_seconds", "jitter_strategy")
        return field_name in more or bool(super().is_field_allowed(field_name))


class Catch(steps.Catch):  # type: ignore[misc]
    """A catcher that keeps what failed in a variable, and the state's input as it was."""

    def is_field_allowed(self, field_name: str) -> bool:
        return field_name == "assign" or bool(super().is_field_allowed(field_name))


class Pass(steps.Pass):  # type: ignore[misc]
    """A Pass state that may set variables."""

    def is_field_allowed(self, field_name: str) -> bool:
        return field_name == "assign" or bool(super().is_field_allowed(field_name))


class Wait(steps.Wait):  # type: ignore[misc]
    """A Wait state that may set variables."""

    def is_field_allowed(self, field_name: str) -> bool:
        return field_name == "assign" or bool(super().is_field_allowed(field_name))


class Task(steps.Task):  # type: ignore[misc]
    """A Task state that may set variables."""

    def is_field_allowed(self, field_name: str) -> bool:
        return field_name == "assign" or bool(super().is_field_allowed(field_name))


class Fail(steps.Fail):  # type: ignore[misc]
    """A Fail state that takes its error and cause from the data."""

    def is_field_allowed(self, field_name: str) -> bool:
        more = ("error_path", "cause_path")
        return field_name in more or bool(super().is_field_allowed(field_name))


class Map(steps.Map):  # type: ignore[misc]
    """A Map state in today's form, an inline processor in place of an iterator."""

    def to_dict(self) -> dict[str, Any]:
        made: dict[str, Any] = super().to_dict()
        made["ItemProcessor"] = {"ProcessorConfig": {"Mode": "INLINE"}, **made.pop("Iterator")}
        return made


Choice = steps.Choice
Graph = steps.Graph
