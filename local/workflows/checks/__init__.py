"""Definitions are checked when they are created and updated."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.parse.asl_parser import (
    AmazonStateLanguageParser,
    ASLParserException,
)

from local.workflows.errors import invalid_definition


def check_definition(definition: str, kind: str) -> None:
    """Raise InvalidDefinition with everything that is wrong."""
    try:
        AmazonStateLanguageParser.parse(definition)
    except ASLParserException as error:
        raise invalid_definition(f"SCHEMA_VALIDATION_FAILED: {'; '.join(error.errors)}") from error
    except Exception as error:
        raise invalid_definition(f"SCHEMA_VALIDATION_FAILED: {error}") from error


def diagnose(request: dict[str, Any]) -> dict[str, Any]:
    return {"result": "OK", "diagnostics": []}
