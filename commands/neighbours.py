"""`features --like`: the images whose embeddings lie nearest to that of one of them.

Two questions to Athena: for the image itself, and for all that the same network has embedded.
Similarities are computed here, row by row, so that memory holds a page of rows and no more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import heapq
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from commands.output import table
from commands.selection import Table, ask, find_table, rows_of
from commands.session import Session
from errors import BreedlineError
from pipeline.selection import MODEL

EMBEDDING = "embedding"
SHOWN = ("record_id", "label", "split", "uri")
ID_DIGITS = 32


@dataclass(frozen=True)
class Neighbour:
    """One image, and the cosine of the angle between its embedding and the one asked about."""

    similarity: float
    record_id: str
    label: str
    split: str
    uri: str


@dataclass(frozen=True)
class Known:
    """The record that is asked about."""

    record_id: str
    label: str
    uri: str
    model: str
    embedding: str


def find_neighbours(session: Session, image: str, condition: str, count: int) -> dict[str, Any]:
    """The `count` images most like `image`, among those that a condition accepts.

    Raises BreedlineError when nothing or several records are meant, or it has no embedding.
    """
    found = find_table(session)
    if not {EMBEDDING, MODEL} <= found.features:
        raise BreedlineError(
            f"The records in {session.settings.feature_group} have no embeddings: set "
            "features.embedding, upsert, and start the pipeline."
        )
    known = _known(session, found, image)
    others = (
        f"({condition}\n) AND {MODEL} = {_literal(known.model)} "
        f"AND record_id <> {_literal(known.record_id)}"
    )
    query = ask(session, found, others, (*SHOWN, EMBEDDING))
    nearest = nearest_of(known.embedding, rows_of(session, query), count)
    return {
        "feature_group": session.settings.feature_group,
        "like": {"record_id": known.record_id, "label": known.label, "uri": known.uri},
        "embedding_model": known.model,
        "neighbours": [asdict(each) for each in nearest],
    }


def describe_neighbours(result: dict[str, Any]) -> str:
    """A line for each image, the nearest first."""
    header = ["similarity", *SHOWN[1:], SHOWN[0]]
    lines = [
        [f"{each['similarity']:.4f}", *(each[name] for name in header[1:])]
        for each in result["neighbours"]
    ]
    like = result["like"]
    return (
        f"{table([header, *lines])}\nlike {like['uri']} ({like['label']}), as "
        f"{result['embedding_model']} sees it"
    )


def nearest_of(embedding: str, rows: Iterable[Sequence[str | None]], count: int) -> list[Neighbour]:
    """The nearest of rows whose columns are SHOWN and the embedding, the nearest first."""
    wanted = decode(embedding)
    neighbours = (
        Neighbour(_similarity(text or "", wanted), *(value or "" for value in about))
        for *about, text in rows
    )
    return heapq.nsmallest(count, neighbours, key=lambda n: (-n.similarity, n.record_id))


def decode(text: str) -> Any:
    """The vector of an embedding, float32 [F] of length 1. Raises BreedlineError for another."""
    import numpy

    try:
        return numpy.frombuffer(base64.b64decode(text, validate=True), "<f2").astype("f4")
    except (binascii.Error, ValueError) as error:
        raise _foreign(text) from error


def _similarity(text: str, wanted: Any) -> float:
    vector = decode(text)
    if vector.shape != wanted.shape:
        raise _foreign(text)
    return round(float(vector @ wanted), 6)


def _foreign(text: str) -> BreedlineError:
    return BreedlineError(
        f"{text[:20]!r} is no embedding that Prepare wrote; start the pipeline again."
    )


def meant_by(image: str) -> str:
    """The condition for the records that `image` may mean: a file, an URI or (part of) an id."""
    if image.startswith("s3://"):
        return f"uri = {_literal(image)}"
    path = Path(image)
    if path.is_file():
        image = hashlib.sha256(path.read_bytes()).hexdigest()
    if not re.fullmatch(r"[0-9a-f]{4,64}", image):
        raise BreedlineError(
            f"{image!r} is neither a file, nor an image's s3:// URI, nor a record's id (or 4 and "
            "more of its first digits)."
        )
    return f"record_id LIKE '{image[:ID_DIGITS]}%'"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _known(session: Session, found: Table, image: str) -> Known:
    columns = ("record_id", "label", "uri", MODEL, EMBEDDING)
    rows = list(rows_of(session, ask(session, found, meant_by(image), columns)))
    if len(rows) != 1:
        these = "several records" if rows else "no record"
        raise BreedlineError(
            f"{image!r} means {these} in {session.settings.feature_group}; name one image that "
            "Prepare has kept: its file, its s3:// URI, or its record's id."
        )
    known = Known(*(value or "" for value in rows[0]))
    if not known.embedding:
        raise BreedlineError(
            f"The record {known.record_id} has no embedding; prepare {known.uri} again, with "
            "features.embedding = true."
        )
    return known
