"""Look at the files of a data set, on all CPUs: what each one is, or why it is rejected.

Boundary: candidates in, findings out; nothing is written and nothing is decided here.
Run the tests: `pytest tests/steps/test_prepare.py`.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from catalogue import Finding
from images import TOO_LARGE, ImageError, open_image
from PIL import ImageStat
from sources import Candidate

MAX_BYTES = 64 * 1024 * 1024
"""A larger file is rejected unread: it is a video or an archive, and would fill the memory."""


def inspect_all(folder: Path, candidates: Iterable[Candidate]) -> Iterator[Finding]:
    """Findings in the candidates' order; only a few files per CPU are in memory at a time."""
    workers = os.cpu_count() or 1
    under_way: deque[Future[Finding]] = deque()
    # Threads are enough: Pillow decodes, and hashlib hashes, outside Python's lock.
    with ThreadPoolExecutor(workers) as pool:
        for candidate in candidates:
            under_way.append(pool.submit(inspect, folder, candidate))
            if len(under_way) >= 4 * workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def inspect(folder: Path, candidate: Candidate) -> Finding:
    """Read and decode one file in full; what is wrong with it becomes the finding's reason."""
    if not _is_utf8(candidate.relative + candidate.class_name):
        shown = candidate.relative.encode(errors="backslashreplace").decode()
        known = Candidate(shown, "", candidate.split)
        return _reject(known, "bad-name", "The file's name is not UTF-8.")
    if not candidate.class_name:
        return _reject(candidate, "no-class", "The file lies outside every class folder.")
    try:
        return _measure(folder / candidate.relative, candidate)
    except ImageError as error:
        return _reject(candidate, error.kind, str(error))
    except FileNotFoundError:
        return _reject(candidate, "missing", "The file does not exist.")
    except OSError as error:
        return _reject(candidate, "unreadable", f"The file cannot be read: {error.strerror}.")


def _measure(path: Path, candidate: Candidate) -> Finding:
    if path.stat().st_size > MAX_BYTES:
        raise ImageError(TOO_LARGE, f"The file is larger than {MAX_BYTES:,} bytes.")
    data = path.read_bytes()
    image = open_image(data)
    measured = ImageStat.Stat(image)
    colour = tuple(int(value) for value in (*measured.sum, *measured.sum2))
    digest = hashlib.sha256(data).hexdigest()
    if candidate.digest not in ("", digest):
        return _reject(candidate, "changed", "The file is not the one that was selected any more.")
    return Finding(candidate, digest, image.width, image.height, len(data), colour)


def _reject(candidate: Candidate, reason: str, message: str) -> Finding:
    return Finding(candidate, reason=reason, message=message)


def _is_utf8(text: str) -> bool:
    """False for names that a file system keeps as bytes, which no S3 key can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
