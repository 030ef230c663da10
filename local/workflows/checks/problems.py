"""What is wrong with a definition, in AWS's words and with the place where it is."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "SCHEMA_VALIDATION_FAILED"
TRANSITION = "MISSING_TRANSITION_TARGET"
DUPLICATE = "DUPLICATE_STATE_NAME"
NO_JSON = "INVALID_JSON_DESCRIPTION"


@dataclass(frozen=True)
class Problem:
    """One fault; `location` is a path such as `/States/Deploy/Next`."""

    code: str
    message: str
    location: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {self.location or '/'}"


def fault(message: str, location: str) -> Problem:
    """A definition that breaks the rules of the language."""
    return Problem(SCHEMA, message, location)
