"""What preparation found out about each file, in a temporary SQLite database on disk.

Boundary: findings in, queries out. It exists so that memory does not grow with the data set;
the order of every query is fixed, so that the same data give the same bytes.
Run the tests: `pytest tests/steps/test_prepare.py`.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sources import Candidate

SPLITS = ("train", "validation", "test")

_TABLE = """
CREATE TABLE file (
    path TEXT PRIMARY KEY, class TEXT NOT NULL, given TEXT NOT NULL, split TEXT,
    digest TEXT, rank TEXT, width INTEGER, height INTEGER, bytes INTEGER,
    red INTEGER, green INTEGER, blue INTEGER, red2 INTEGER, green2 INTEGER, blue2 INTEGER,
    reason TEXT, message TEXT
) WITHOUT ROWID
"""
# Content under two labels: nobody can say which is right, so every copy goes.
_CONFLICTS = """
CREATE TEMP TABLE conflict AS
SELECT digest, group_concat(class, ' and ') AS classes
FROM (SELECT DISTINCT digest, class FROM file WHERE reason IS NULL ORDER BY digest, class)
GROUP BY digest HAVING COUNT(*) > 1
"""
# Of equal files in one class the copy in the test split stays, so that a given test split
# keeps its images and the leak is closed on the training side.
_KEPT = """
CREATE TEMP TABLE kept AS SELECT digest, path FROM (
    SELECT digest, path, ROW_NUMBER() OVER (
        PARTITION BY digest
        ORDER BY CASE given WHEN 'test' THEN 0 WHEN 'validation' THEN 1 ELSE 2 END, path
    ) AS place FROM file WHERE reason IS NULL
) WHERE place = 1
"""


@dataclass(frozen=True)
class Finding:
    """One inspected file: either its content's facts or the reason it is rejected.

    `colour` holds, for red, green and blue, the sums of the 0–255 values over all pixels, then
    the sums of their squares.
    """

    candidate: Candidate
    digest: str = ""
    width: int = 0
    height: int = 0
    size: int = 0
    colour: tuple[int, ...] = (0,) * 6
    reason: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class Image:
    """One accepted file. `path` is relative to the data location."""

    path: str
    class_name: str
    split: str
    digest: str
    width: int
    height: int
    size: int


class Catalogue:
    """The files of one data set; used from one thread."""

    def __init__(self, path: Path, seed: int) -> None:
        self._seed = seed
        self._db = sqlite3.connect(path)
        # The file lives for one run: a crash loses it anyway.
        self._db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
        self._db.execute(_TABLE)

    def close(self) -> None:
        self._db.close()

    def add(self, finding: Finding) -> None:
        """Record one file; a path that is already there is rejected as named twice."""
        found = finding.candidate
        rank = hashlib.sha256(f"{self._seed}:{finding.digest}".encode()).hexdigest()
        row = (
            *(found.relative, found.class_name, found.split, finding.digest, rank),
            *(finding.width, finding.height, finding.size, *finding.colour),
            *(finding.reason, finding.message),
        )
        columns = "path, class, given, digest, rank, width, height, bytes, red, green, blue, "
        columns += "red2, green2, blue2, reason, message"
        places = ", ".join("?" * len(row))
        self._db.execute(f"INSERT INTO file ({columns}) VALUES ({places})", row)  # noqa: S608

    def has(self, path: str) -> bool:
        return self._db.execute("SELECT 1 FROM file WHERE path = ?", (path,)).fetchone() is not None

    def reject_repeats(self) -> None:
        """Reject contents with two labels entirely, and all but one of equal files in a class."""
        run = self._db.execute
        run("CREATE INDEX IF NOT EXISTS content ON file (digest)")
        run(_CONFLICTS)
        run(
            "UPDATE file SET reason = 'conflicting-labels', message = 'The same content is in the "
            "classes ' || (SELECT classes FROM conflict WHERE conflict.digest = file.digest) || "
            "'.' WHERE reason IS NULL AND digest IN (SELECT digest FROM conflict)"
        )
        run(_KEPT)
        run("CREATE INDEX temp.kept_content ON kept (digest)")
        run(
            "UPDATE file SET reason = 'duplicate', message = 'The same content as ' || "
            "(SELECT path FROM kept WHERE kept.digest = file.digest) || '.' WHERE reason IS NULL "
            "AND path <> (SELECT path FROM kept WHERE kept.digest = file.digest)"
        )
        run("DROP TABLE conflict")
        run("DROP TABLE kept")

    def given_splits(self) -> set[str]:
        """The splits that the layout names, "" for files that it leaves open."""
        rows = self._db.execute("SELECT DISTINCT given FROM file WHERE reason IS NULL")
        return {row[0] for row in rows}

    def start_split(self) -> None:
        """Honour given splits; everything else starts in train."""
        self._db.execute(
            "UPDATE file SET split = CASE given WHEN '' THEN 'train' ELSE given END "
            "WHERE reason IS NULL"
        )

    def move_from_train(self, class_name: str, wanted: Mapping[str, int]) -> None:
        """Move so many training images of a class to each split, by rank.

        The rank is a hash of seed and content: it does not depend on names or on other images.
        Test takes the lowest and validation the highest, so that each has one border, with train,
        and a new image pushes at most one other across it.
        """
        for split, count in wanted.items():
            order = "DESC" if split == "validation" else "ASC"
            self._db.execute(
                "UPDATE file SET split = ? WHERE path IN (SELECT path FROM file WHERE class = ? "  # noqa: S608
                f"AND split = 'train' ORDER BY rank {order} LIMIT ?)",
                (split, class_name, count),
            )

    def class_counts(self, split: str | None = None) -> dict[str, int]:
        """Accepted images per class, in order of the names; of one split when it is given."""
        where = "" if split is None else "AND split = ?"
        rows = self._db.execute(
            f"SELECT class, COUNT(*) FROM file WHERE reason IS NULL {where} "  # noqa: S608
            "GROUP BY class ORDER BY class",
            () if split is None else (split,),
        )
        return dict(rows.fetchall())

    def class_names(self) -> list[str]:
        """Every class that any file claims, rejected or not."""
        rows = self._db.execute("SELECT DISTINCT class FROM file WHERE class <> '' ORDER BY class")
        return [row[0] for row in rows]

    def images(self, split: str) -> Iterator[Image]:
        rows = self._db.execute(
            "SELECT path, class, split, digest, width, height, bytes FROM file WHERE split = ? "
            "ORDER BY path",
            (split,),
        )
        return (Image(*row) for row in rows)

    def content_digest(self) -> str:
        """SHA-256 over the sorted (content, class, split) of all accepted images."""
        digest = hashlib.sha256()
        rows = self._db.execute(
            "SELECT digest, class, split FROM file WHERE reason IS NULL ORDER BY 1, 2, 3"
        )
        for content, class_name, split in rows:
            digest.update(f"{content} {split} {class_name}\n".encode())
        return digest.hexdigest()

    def total(self) -> int:
        return int(self._db.execute("SELECT COUNT(*) FROM file").fetchone()[0])

    def rejected_counts(self) -> dict[str, int]:
        """Rejected files per reason."""
        rows = self._db.execute(
            "SELECT reason, COUNT(*) FROM file WHERE reason IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        return dict(rows.fetchall())

    def rejected(self, limit: int = -1) -> Iterator[dict[str, str]]:
        """Rejected files in order of their paths; the first `limit` of them, or all."""
        rows = self._db.execute(
            "SELECT path, class, given, reason, message FROM file WHERE reason IS NOT NULL "
            "ORDER BY path LIMIT ?",
            (limit,),
        )
        keys = ("path", "class", "split", "reason", "message")
        return (dict(zip(keys, row, strict=True)) for row in rows)

    def quantile(self, column: str, share: float) -> int:
        """The value at `share` (0–1) of a column's sorted values, by nearest rank."""
        if column not in ("width", "height", "bytes"):
            raise ValueError(f"no quantiles for the column {column!r}")
        count = sum(self.class_counts().values())
        row = self._db.execute(
            f"SELECT {column} FROM file WHERE reason IS NULL ORDER BY {column} "  # noqa: S608
            "LIMIT 1 OFFSET ?",
            (round(share * (count - 1)),),
        ).fetchone()
        return int(row[0])

    def colour_sums(self, split: str) -> tuple[int, ...]:
        """(pixels, then the six sums of Finding.colour) over one split."""
        row = self._db.execute(
            "SELECT SUM(width * height), SUM(red), SUM(green), SUM(blue), SUM(red2), SUM(green2), "
            "SUM(blue2) FROM file WHERE split = ?",
            (split,),
        ).fetchone()
        return tuple(int(value or 0) for value in row)
