"""A question before what cannot be undone, or costs money."""

from __future__ import annotations

import sys

from errors import BreedlineError


def agrees(command: str, question: str) -> bool:
    """The answer at the terminal; raises BreedlineError where there is none to ask at."""
    if not sys.stdin.isatty():
        raise BreedlineError(
            f"{command}, and there is no terminal to ask at: look at the plan with --dry-run, then "
            "say --yes."
        )
    print(f"{question} [y/N] ", end="", file=sys.stderr)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
