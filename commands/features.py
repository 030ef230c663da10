"""`features`: what the records of images say, all of them or those that a condition accepts."""

from __future__ import annotations

import argparse

from commands.neighbours import describe_neighbours, find_neighbours
from commands.output import emit, table
from commands.selection import EVERYTHING, select
from commands.session import Session
from pipeline.selection import Selection


def features(session: Session, arguments: argparse.Namespace) -> int:
    """Count the images by split and label, or list those like one of them; nothing is kept."""
    given = arguments.condition
    condition = EVERYTHING if given is None else given
    if arguments.like is not None:
        nearest = find_neighbours(session, arguments.like, condition, arguments.count)
        emit(nearest, describe_neighbours(nearest), session.as_json)
        return 0
    found = select(session, condition)
    result = {
        "feature_group": found.feature_group,
        "table": found.table,
        "condition": given or "",
        "query": found.query,
        "digest": found.digest,
        "images": len(found.images),
        "counts": found.counts(),
        "embedded": found.embedded(),
    }
    emit(result, describe_selection(found), session.as_json)
    return 0


def describe_selection(found: Selection) -> str:
    """A line for each label, a column for each split; then which network embedded how many."""
    counts = found.counts()
    labels = sorted({label for split in counts.values() for label in split})
    header = ["label", *counts]
    lines = [[label, *(str(counts[s].get(label, 0)) for s in counts)] for label in labels]
    total = f"{len(found.images)} images in the feature group {found.feature_group}"
    embedded = [
        f"{count} embedded by {model}" if model else f"{count} without an embedding"
        for model, count in found.embedded().items()
    ]
    return "\n".join([table([header, *lines]), f"{total} (table {found.table})", *embedded])
