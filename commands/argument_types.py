"""Types of single arguments: what argparse refuses in one sentence, before anything starts."""

from __future__ import annotations

import argparse
from typing import Any


def version(text: str) -> int:
    """A version of the model package group."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no version; versions count from 1.")
    return int(text)


def positive(text: str) -> float:
    """A number that is more than nothing, and not infinite."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number.")
    return value


class Subject(argparse.Action):
    """What an action of `local` is about: seconds, or for `interrupt` a job's name."""

    def __call__(
        self, parser: Any, namespace: Any, values: Any, option_string: str | None = None
    ) -> None:
        if values is None:
            return
        if namespace.action == "interrupt":
            namespace.job = values
            return
        try:
            namespace.seconds = positive(values)
        except argparse.ArgumentTypeError as error:
            parser.error(str(error))


def port(text: str) -> int:
    """A port; 0 is for any free one."""
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port; give one from 1 to 65535.")
    return int(text)


def count(text: str) -> int:
    """How many images."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of images; give 1 or more.")
    return int(text)


def account(text: str) -> str:
    """The id of an AWS account."""
    if not text.isdecimal() or len(text) != 12:
        raise argparse.ArgumentTypeError(f"'{text}' is no account; an account has twelve digits.")
    return text
