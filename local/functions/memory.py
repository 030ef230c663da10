"""How much memory a function's processes take, as Linux counts it (elsewhere: unknown, None)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_PROC = Path("/proc")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def resident_kb(process: int) -> int | None:
    """What a process and its descendants have in memory now; None when that cannot be known."""
    own = _resident_kb(process)
    if own is None:
        return None
    return own + sum(resident_kb(child) or 0 for child in _children(process))


def _resident_kb(process: int) -> int | None:
    try:
        fields = (_PROC / str(process) / "statm").read_bytes().split()
        return int(fields[1]) * PAGE_KB
    except (OSError, IndexError, ValueError):
        return None


def _children(process: int) -> list[int]:
    """The children that any thread of a process has started."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in (_PROC / str(process) / "task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found
