"""A data set that was selected by query: what was known of its images, which lie where they lay.

    selections/<digest>/labels.jsonl     {"source-ref", "class-name", "split", "sha256"} a line
    selections/<digest>/selection.json   the query, what came of it, and the images' bucket

Boundary: a folder with these files in; fetches the images through boto3, which is imported only
then, and gives candidates out.
Run the tests: `pytest tests/steps/test_selection.py`.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from catalogue import SPLITS
from sources import Candidate, SourceError

LABELS = "labels.jsonl"
ABOUT = "selection.json"
FIELDS = ("source-ref", "class-name", "split", "sha256")
FETCHERS = 16
GONE = ("404", "NoSuchKey")


def is_selection(folder: Path) -> bool:
    """Whether the data set is a selection instead of folders of images."""
    return (folder / LABELS).is_file() and (folder / ABOUT).is_file()


def read_about(folder: Path, source_uri: str) -> dict[str, Any]:
    """The query and what came of it; `root` is the bucket of the images. Raises SourceError."""
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_bytes())
        if not str(about["root"]).startswith("s3://"):
            raise ValueError("no bucket")
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{ABOUT} in {source_uri} is not what `start --select` writes; select again."
        ) from error
    return about


def find_selected(folder: Path, root_uri: str) -> Iterator[Candidate]:
    """The images that were selected. Raises SourceError on reaching a bad line."""
    with (folder / LABELS).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            yield _candidate(line, f"{root_uri}/", f"Line {number} of {LABELS}")


def _candidate(line: str, prefix: str, place: str) -> Candidate:
    try:
        entry = json.loads(line)
        uri, label, split, digest = (str(entry[name]) for name in FIELDS)
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{place} is not a JSON object with {', '.join(FIELDS)}.") from error
    relative = uri[len(prefix) :]
    strange = relative.startswith("/") or "\0" in relative or ".." in relative.split("/")
    if not uri.startswith(prefix) or not relative or strange:
        raise SourceError(f"{place} refers to {uri}, which names nothing below {prefix}.")
    if split not in SPLITS:
        raise SourceError(f"{place} has the split '{split}'; allowed: {', '.join(SPLITS)}.")
    return Candidate(relative, label, split, digest)


def fetch_selected(folder: Path, root_uri: str, target: Path) -> None:
    """Download the images to where their keys say, below `target`; what is gone is left out.

    Raises SourceError for a bad line, or when S3 refuses.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    s3, bucket = _s3(), root_uri.removeprefix("s3://")
    under_way: deque[Future[None]] = deque()
    try:
        with ThreadPoolExecutor(FETCHERS) as pool:
            for candidate in find_selected(folder, root_uri):
                under_way.append(pool.submit(_fetch, s3, bucket, candidate.relative, target))
                if len(under_way) >= 4 * FETCHERS:
                    under_way.popleft().result()
            while under_way:
                under_way.popleft().result()
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise SourceError(
            f"The selected images cannot be fetched from {root_uri} ({error}); the jobs' role "
            "must be allowed to read them."
        ) from error


def _s3() -> Any:
    """A client of the container's region (SageMaker names it in AWS_REGION)."""
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(region_name=os.environ.get("AWS_REGION"))
    return session.client(
        "s3", config=Config(max_pool_connections=FETCHERS, retries={"mode": "standard"})
    )


def _fetch(s3: Any, bucket: str, key: str, target: Path) -> None:
    from botocore.exceptions import ClientError

    path = target / key
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # In one request: images are small, and a transfer manager would ask for the size first.
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return
        raise
    with path.open("wb") as file:
        for part in body.iter_chunks():
            file.write(part)
