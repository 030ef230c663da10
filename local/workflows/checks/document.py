"""Reading a definition as JSON, with the names that it has twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from local.workflows.checks.problems import DUPLICATE, NO_JSON, Problem, fault

LARGEST = 1_048_576  # characters


class Mapping(dict[str, Any]):
    """An object of the definition that remembers names which were given again."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.twice = sorted({name for name in names if names.count(name) > 1})


def read_definition(text: str) -> tuple[Any, list[Problem]]:
    """The definition's JSON, or None, and what is wrong with it as such."""
    if len(text) > LARGEST:
        return None, [fault(f"The definition is longer than {LARGEST} characters", "")]
    try:
        document = json.loads(text, object_pairs_hook=Mapping)
    except (ValueError, RecursionError) as error:
        return None, [Problem(NO_JSON, f"The definition is no JSON: {error}", "")]
    return document, list(_twice(document, "", ""))


def _twice(value: Any, location: str, parent: str) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for name in value.twice:
            if parent == "States":
                yield Problem(DUPLICATE, f"Duplicate State name: {name}", f"{location}/{name}")
            else:
                yield fault(f"Duplicate field '{name}'", f"{location}/{name}")
        for name, part in value.items():
            yield from _twice(part, f"{location}/{name}", name)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _twice(part, f"{location}[{index}]", "")
