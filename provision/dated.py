"""Tables of facts about AWS that change: TOML that says where and when it was read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:  # the standard library reads TOML from 3.11 on
    import tomli as tomllib


def read_table(path: Path) -> dict[str, Any]:
    """The table, with `source` and `read` among its keys."""
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found
