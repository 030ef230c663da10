"""Compiles the state machines: settings in, documents of Amazon States Language out.

Pure: no network, clock, environment or randomness; equal settings give equal bytes. The SDK that
writes the documents is imported when the first one is compiled.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from errors import BreedlineError
from settings import Settings
from statemachine.promotion import MACHINE as PROMOTE
from statemachine.promotion import takes
from statemachine.sdk import quiet_sdk

KINDS = ("deploy", "rollback", "retrain")
ALL_KINDS = (*KINDS, PROMOTE)  # the last where another environment's versions arrive
MAX_BYTES = 1_048_576


def compile_machine(kind: str, settings: Settings) -> dict[str, Any]:
    """The state machine `deploy`, `rollback`, `retrain` or `promote` of the settings.

    Raises:
        BreedlineError: there is no such machine, or it is too large for Step Functions.
    """
    if kind not in ALL_KINDS:
        known = ", ".join(ALL_KINDS)
        raise BreedlineError(f"There is no state machine '{kind}'; there are {known}.")
    if kind not in kinds(settings):
        raise BreedlineError(
            f"The environment '{settings.environment}' takes no other's versions, so that nothing "
            "is promoted: set promotion.from_account, from_group and from_bucket."
        )
    with quiet_sdk():
        compiler = getattr(importlib.import_module(f"statemachine.{kind}"), f"compile_{kind}")
        # Through JSON, so that the document holds nothing but JSON's own types.
        definition: dict[str, Any] = json.loads(json.dumps(compiler(settings)))
    size = len(render(definition).encode())
    if size > MAX_BYTES:
        raise BreedlineError(
            f"The state machine '{kind}' has {size} bytes; Step Functions allows {MAX_BYTES}."
        )
    return definition


def kinds(settings: Settings) -> tuple[str, ...]:
    """The state machines of an environment."""
    return ALL_KINDS if takes(settings) else KINDS


def render(definition: Mapping[str, Any]) -> str:
    """The one text form of a definition: what is uploaded, hashed and compared."""
    return json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
