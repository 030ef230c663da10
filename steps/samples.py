"""Keep test images that the model knows, for the smoke tests of its deployment.

Boundary: an evaluation in, image files and samples.json out. What the deployed artifact makes of
them must be what was measured here, so images come first that the model is most sure of.
Run the tests: `pytest tests/steps/test_samples.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from reports import Evaluation

MAX_BYTES = 3_000_000
"""Of one image: a request to Lambda holds 6 MB, and base64 adds a third."""

_ODD = re.compile(r"[^A-Za-z0-9._-]+")  # what a file name or an object key had better not hold
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Sample:
    """One image as samples.json names it; `label` is its class and what the model answered."""

    file: str
    label: str
    probability: float
    sha256: str


def write_samples(evaluation: Evaluation, folder: Path, count: int) -> list[Sample]:
    """Copy up to `count` images and their list into `folder`; none when no answer was right."""
    folder.mkdir()
    samples = []
    for number, index in enumerate(choose(evaluation, count)):
        record = evaluation.channel.records[index]
        data, label = record.path.read_bytes(), evaluation.channel.classes[record.label]
        name = f"{number:03d}-{_ODD.sub('_', label)[:_LONGEST_NAME]}{_suffix(record.path)}"
        (folder / name).write_bytes(data)
        probability = float(evaluation.probabilities[index, record.label])
        samples.append(Sample(name, label, probability, hashlib.sha256(data).hexdigest()))
    document = {
        "samples": [asdict(sample) for sample in samples],
        "model": {"bytes": evaluation.model_bytes, "data_digest": evaluation.channel.digest},
    }
    text = json.dumps(document, indent=2, allow_nan=False)
    (folder / "samples.json").write_text(text + "\n", encoding="utf-8")
    return samples


def choose(evaluation: Evaluation, count: int) -> list[int]:
    """Places of up to `count` rightly classified records, the surest first, in equal parts of the
    classes; of equally sure ones the first in the split."""
    classes = len(evaluation.channel.classes)
    most, taken = -(-count // classes), Counter[int]()
    chosen: list[int] = []
    for index in _surest_first(evaluation):
        record = evaluation.channel.records[index]
        if len(chosen) == count:
            break
        if taken[record.label] < most and record.path.stat().st_size <= MAX_BYTES:
            taken[record.label] += 1
            chosen.append(index)
    return chosen


def _surest_first(evaluation: Evaluation) -> Iterator[int]:
    """Places of the rightly classified records."""
    sureness = evaluation.probabilities.max(axis=1)
    for index in (-sureness).argsort(kind="stable"):
        if evaluation.predicted[index] == evaluation.labels[index]:
            yield int(index)


def _suffix(path: Path) -> str:
    return _ODD.sub("_", path.suffix.lower())[:_LONGEST_NAME]
