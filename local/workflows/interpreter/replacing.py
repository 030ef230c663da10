"""Replacing a function that moto's modules import by name."""

from __future__ import annotations

import sys
from typing import Any

from moto.stepfunctions.parser.asl.parse import asl_parser

PACKAGE = "moto.stepfunctions.parser"
ENTRANCE = asl_parser  # importing it imports every module of the interpreter


def replace_everywhere(name: str, original: Any, ours: Any) -> None:
    """Let every module of the interpreter that knows `original` as `name` know `ours` instead."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(PACKAGE) and getattr(module, name, None) is original:
            setattr(module, name, ours)
