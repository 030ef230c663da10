"""Run an opened model over a channel: its probabilities, and how long one request takes.

Boundary: an artifact and records in, arrays out; which figures follow is scores.py's work.
Run the tests: `pytest tests/steps/test_evaluate.py`.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from artifact import Artifact
from dataset import Channel, Record
from images import ImageError, open_image
from PIL import Image

_WARM_UP = 3
_SUM_TOLERANCE = 1e-2  # half-precision softmax rows sum to 1 within about 4e-3


class MeasureError(Exception):
    """The model cannot be measured on this channel; the message is one sentence."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds that single requests took; `agreement` is the share of them whose label is
    the one that the same image had in its batch."""

    milliseconds: tuple[float, ...]
    agreement: float


def class_order(artifact: Artifact, channel: Channel) -> list[int] | None:
    """Where each class of the channel stands in the model's answer; None for other classes."""
    known = list(artifact.model.classes)
    if sorted(known) != sorted(channel.classes):
        return None
    return [known.index(name) for name in channel.classes]


def predict(artifact: Artifact, channel: Channel, batch_size: int) -> np.ndarray:
    """Probabilities of shape (N, C), in the order of the records and of the model's classes.

    Raises MeasureError when an image does not open or a row is no probability distribution.
    """
    rows: list[np.ndarray] = []
    for images in _batches(channel.records, batch_size, _reader(artifact)):
        answer = artifact.inference.predict_batch(images, artifact.model)
        rows.append(np.asarray(answer, dtype=np.float64))
    probabilities = np.concatenate(rows)
    expected = (len(channel.records), len(artifact.model.classes))
    if probabilities.shape != expected:
        raise MeasureError(f"The model answered {probabilities.shape} values, not {expected}.")
    sums = probabilities.sum(axis=1)
    # NaN fails every comparison, so it is caught by asking for what must hold.
    if not (np.all(probabilities >= 0) and np.all(np.abs(sums - 1) < _SUM_TOLERANCE)):
        raise MeasureError("The model's answers are no probabilities: rows must sum to 1.")
    normalised: np.ndarray = probabilities / sums[:, None]
    return normalised


def measure_latency(
    artifact: Artifact, channel: Channel, predicted: Sequence[str], samples: int
) -> Latency:
    """Time single images through the four handlers of the artifact, as an endpoint calls them.

    `predicted` holds the class name that each record got in its batch.
    """
    count = min(samples, len(channel.records))
    chosen = np.linspace(0, len(channel.records) - 1, count).round().astype(int)
    requests = [_request(channel.records[index].path) for index in chosen]
    for body, content_type in requests[:_WARM_UP]:
        _answer(artifact, body, content_type)
    taken, agreed = [], 0
    for index, (body, content_type) in zip(chosen, requests, strict=True):
        begin = time.perf_counter()
        label = _answer(artifact, body, content_type)
        taken.append((time.perf_counter() - begin) * 1000)
        agreed += label == predicted[index]
    return Latency(tuple(taken), agreed / count)


def _answer(artifact: Artifact, body: bytes, content_type: str) -> str:
    inference = artifact.inference
    data = inference.input_fn(body, content_type)
    prediction = inference.predict_fn(data, artifact.model)
    answer = inference.output_fn(prediction, "application/json")
    text = answer[0] if isinstance(answer, tuple) else answer
    return str(json.loads(text)["label"])


def _request(path: Path) -> tuple[bytes, str]:
    """A file as it would be posted; formats that no endpoint takes are posted as PNG."""
    data = path.read_bytes()
    if data.startswith(b"\xff\xd8\xff"):
        return data, "image/jpeg"
    if data.startswith(b"\x89PNG"):
        return data, "image/png"
    buffer = io.BytesIO()
    open_image(data).save(buffer, "PNG")
    return buffer.getvalue(), "image/png"


def _reader(artifact: Artifact) -> Callable[[Path], Image.Image]:
    # The artifact's own way to open images, when it brings one, is the one that will serve.
    read: Callable[[Path], Image.Image] = getattr(artifact.inference, "open_image", open_image)
    return read


def _batches(
    records: Sequence[Record], size: int, read: Callable[[Path], Image.Image]
) -> Iterator[list[Image.Image]]:
    """Decoded images, `size` at a time; the next batch is decoded while one is classified."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        batches = [records[start : start + size] for start in range(0, len(records), size)]
        under_way = [pool.submit(_open, record, read) for record in batches[0]]
        for following in [*batches[1:], ()]:
            images = [future.result() for future in under_way]
            under_way = [pool.submit(_open, record, read) for record in following]
            yield images


def _open(record: Record, read: Callable[[Path], Image.Image]) -> Image.Image:
    try:
        return read(record.path)
    except (ImageError, OSError) as error:
        raise MeasureError(f"The test image {record.path} does not open: {error}") from error
