"""`features`: what the records of images say, all of them or those that a condition accepts."""

from __future__ import annotations

import argparse

from commands.output import emit, table
from commands.selection import EVERYTHING, select
from commands.session import Session
from pipeline.selection import Selection


def features(session: Session, arguments: argparse.Namespace) -> int:
    """Count the images by split and label; nothing is kept."""
    given = arguments.condition
    found = select(session, EVERYTHING if given is None else given)
    result = {
        "feature_group": found.feature_group,
        "table": found.table,
        "condition": given or "",
        "query": found.query,
        "digest": found.digest,
        "images": len(found.images),
        "counts": found.counts(),
    }
    emit(result, describe_selection(found), session.as_json)
    return 0


def describe_selection(found: Selection) -> str:
    """A line for each label, a column for each split."""
    counts = found.counts()
    labels = sorted({label for split in counts.values() for label in split})
    header = ["label", *counts]
    lines = [[label, *(str(counts[s].get(label, 0)) for s in counts)] for label in labels]
    total = f"{len(found.images)} images in the feature group {found.feature_group}"
    return f"{table([header, *lines])}\n{total} (table {found.table})"
