"""Embed images: the features that a pretrained backbone sees in them, as text for a record.

Boundary: images of a folder in, one text for each out. It is the backbone that training begins
with, fed as training feeds it, so that pictures that look alike lie near each other. What is
computed is left in the feature cache where there is one, and training need not do it again.
Run the tests: `pytest tests/steps/test_embedding.py`.

    numpy.frombuffer(base64.b64decode(text), "<f2")   # the vector, of length 1
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from catalogue import Image
from extractor import ORIGINAL, Extractor, freeze
from feature_cache import PACK_ROWS, FeatureCache
from images import ImageError, open_image
from network import (
    BACKBONES,
    NetworkError,
    build_network,
    load_backbone,
    pretrained_file,
    training_dtype,
    weights_digest,
)
from preprocessing import Preprocessing


class EmbeddingError(Exception):
    """The images cannot be embedded; one sentence with the way out."""


@dataclass(frozen=True)
class Kind:
    """Which backbone, for squares of how many pixels (0: its own), with weights from where.

    `weights` is a folder that holds one file, None for the weights that the package brings.
    """

    backbone: str
    image_size: int
    weights: Path | None


@dataclass(frozen=True)
class Embedder:
    """Embeds images of `folder`. `name` tells apart what was embedded by different networks."""

    name: str
    folder: Path
    extractor: Extractor
    cache: FeatureCache
    unsaved: dict[str, Any] = field(default_factory=dict)

    def __call__(self, images: Sequence[Image]) -> list[str]:
        """The embedding of each image; their pixels are in memory together.

        Raises EmbeddingError for a file that does not open any more.
        """
        return [encode(row) for batch in self._batches(images) for row in batch]

    def close(self) -> None:
        """Leave what was computed to later jobs."""
        self.cache.save(self.unsaved)
        self.unsaved.clear()

    def _batches(self, images: Sequence[Image]) -> Iterator[Any]:
        """Features [B, F] on the CPU, batch by batch, while threads decode what follows."""
        size = self.extractor.batch_size
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            decoded = pool.map(self._pixels, images)
            for start in range(0, len(images), size):
                batch = images[start : start + size]
                pixels = torch.stack([next(decoded) for _ in batch])
                rows = self.extractor(pixels.to(self.extractor.device)).cpu()
                self._keep(batch, rows)
                yield rows

    def _pixels(self, image: Image) -> Any:
        try:
            opened = open_image(self.folder / image.path)
        except (ImageError, OSError) as error:
            reason = str(error).rstrip(".")
            raise EmbeddingError(
                f"{image.path} opened a moment ago and does not any more ({reason}); let nothing "
                "else write where the data lie, and start again."
            ) from error
        return self.extractor.preprocessing.pixels(opened)

    def _keep(self, images: Sequence[Image], rows: Any) -> None:
        # A copy: a slice would keep, and save, the whole batch with each row.
        pairs = zip(images, rows, strict=True)
        self.unsaved.update((image.digest, row.clone()) for image, row in pairs)
        if len(self.unsaved) >= PACK_ROWS:
            self.close()


def open_embedder(kind: Kind, folder: Path, cache: Path | None) -> Embedder:
    """The embedder of a kind of network for images of `folder`.

    Raises EmbeddingError without weights: features of random ones mean nothing.
    """
    try:
        network = build_network(kind.backbone, 2, 0, kind.image_size)
        weights = pretrained_file(kind.backbone, kind.weights)
        if weights is None:
            raise NetworkError(f"There are no pretrained weights for {kind.backbone}.")
        load_backbone(network, weights)
    except NetworkError as error:
        raise EmbeddingError(
            f"{error} Without the network there are no embeddings: mend that, or set "
            "features.embedding = false and upsert."
        ) from error
    shape = BACKBONES[kind.backbone].preprocessing(kind.image_size)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = training_dtype(device, kind.backbone)
    name = model_name(kind.backbone, shape, weights_digest(network.backbone))
    network.to(device)
    extractor = freeze(network.backbone, shape, dtype, device, cache)
    return Embedder(name, folder, extractor, FeatureCache(extractor.folder, ORIGINAL))


def model_name(backbone: str, shape: Preprocessing, weights: str) -> str:
    """Backbone, pixels, and a digest of all that decides what an embedding means.

    The arithmetic is no part of it: in bfloat16 and float32 an image has the same neighbours.
    """
    digest = hashlib.sha256(f"{weights}\n{shape!r}".encode()).hexdigest()[:16]
    return f"{backbone}-{shape.image_size}-{digest}"


def encode(row: Any) -> str:
    """Features [F] as text: base64 of little-endian 16-bit floats, brought to the length 1."""
    whole = torch.nn.functional.normalize(row.double(), dim=0)
    return base64.b64encode(whole.numpy().astype("<f2").tobytes()).decode()
