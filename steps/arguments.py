"""Types of numbers on the command lines of the processing scripts, checked as they are read.

Boundary: a text in, a number out; argparse turns the error into one sentence and exit status 2.
"""

from __future__ import annotations

import argparse


def fraction(text: str) -> float:
    """A part that leaves something over: more than 0, less than 1."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must lie between 0 and 1, not {text}")
    return value


def share(text: str) -> float:
    """From nothing (0) to everything (1)."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1, not {text}")
    return value


def positive(text: str) -> int:
    """A count of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return value
