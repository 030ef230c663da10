"""Training sets by query: the SQL over the records of images, and the files of what came of it.

A selection is a data set: its location is what the pipeline takes as InputDataUri. It is named by
the query and its result, so that the same question with the same answer is the same data set.
Pure; `commands/selection.py` asks Athena and writes to S3, `steps/selection.py` reads the files.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from errors import BreedlineError

PREFIX = "selections"
COLUMNS = ("uri", "label", "split", "digest")
MODEL = "embedding_model"  # a column of groups whose records hold embeddings
# Of several rows of one image the newest counts, as in the online store.
NEWEST = "event_time DESC, api_invocation_time DESC, write_time DESC"


@dataclass(frozen=True)
class Selected:
    """One image that the query found; the network that embedded it is no part of a data set."""

    uri: str
    label: str
    split: str
    digest: str
    embedding_model: str = ""


@dataclass(frozen=True)
class Selection:
    """What a condition selected of a group's records; `query` is the Athena execution's id."""

    condition: str
    feature_group: str
    table: str
    query: str
    images: tuple[Selected, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over condition, group and result; not over when and by which query."""
        whole = hashlib.sha256(f"{self.feature_group}\n{self.condition}\n".encode())
        for image in self.images:
            whole.update(f"{image.digest} {image.split} {image.label} {image.uri}\n".encode())
        return whole.hexdigest()

    @property
    def prefix(self) -> str:
        """Where the files lie in the bucket."""
        return f"{PREFIX}/{self.digest[:32]}"

    @property
    def root_uri(self) -> str:
        """The bucket of the images. Raises BreedlineError when they lie in several."""
        roots = sorted({"/".join(image.uri.split("/")[:3]) for image in self.images})
        if len(roots) != 1:
            raise BreedlineError(
                f"The selected images lie in several buckets ({', '.join(roots)}), and a data set "
                f"lies in one: add AND uri LIKE '{roots[0]}/%' to the condition."
            )
        return roots[0]

    def counts(self) -> dict[str, dict[str, int]]:
        """Images by split and label."""
        found: dict[str, dict[str, int]] = {}
        for image in self.images:
            labels = found.setdefault(image.split, {})
            labels[image.label] = labels.get(image.label, 0) + 1
        return {split: dict(sorted(labels.items())) for split, labels in sorted(found.items())}

    def embedded(self) -> dict[str, int]:
        """Images by the network that embedded them."""
        return dict(sorted(Counter(i.embedding_model for i in self.images).items()))

    def files(self) -> dict[str, str]:
        """The files' texts by name; equal selections have equal texts."""
        about = {
            "condition": self.condition,
            "counts": self.counts(),
            "digest": self.digest,
            "feature_group": self.feature_group,
            "root": self.root_uri,
            "table": self.table,
        }
        return {
            "labels.jsonl": "".join(json.dumps(_line(image)) + "\n" for image in self.images),
            "selection.json": json.dumps(about, indent=2, sort_keys=True) + "\n",
        }


def select_sql(database: str, table: str, condition: str, columns: Sequence[str] = COLUMNS) -> str:
    """SQL for the newest record of each image that a condition accepts, deleted ones left out.

    Of the table no other columns are read than those that are named somewhere in it.
    """
    return (
        f"SELECT {', '.join(columns)} FROM (\n"  # noqa: S608 - the condition is its user's own SQL
        f"  SELECT *, row_number() OVER (PARTITION BY record_id ORDER BY {NEWEST}) AS place\n"
        f'  FROM "{database}"."{table}"\n'
        ") AS newest\n"
        "WHERE place = 1 AND NOT is_deleted AND (\n"
        f"{condition}\n"  # on lines of its own, so that a comment in it ends
        ")\n"
        "ORDER BY uri, digest"
    )


def read_rows(rows: Iterable[Sequence[str | None]]) -> tuple[Selected, ...]:
    """The images of a result's rows, whose columns are COLUMNS and perhaps MODEL."""
    return tuple(Selected(*(value or "" for value in row)) for row in rows)


def _line(image: Selected) -> dict[str, str]:
    return {
        "source-ref": image.uri,
        "class-name": image.label,
        "split": image.split,
        "sha256": image.digest,
    }
