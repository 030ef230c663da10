"""A frozen backbone as a function from pixels to features, the same in every job that uses it.

Boundary: pixels in, features out; where features made just so are kept is said here, and
`feature_cache` keeps them.
Run the tests: `pytest tests/steps/test_features.py`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from feature_cache import cache_key
from folding import fold_batch_norm
from network import weights_digest
from preprocessing import Preprocessing

ORIGINAL, MIRRORED = "original", "mirrored"


@dataclass(frozen=True)
class Extractor:
    """A frozen backbone and how to feed it.

    `cache` is the folder for features of any kind, None where none are kept.
    """

    backbone: Any
    preprocessing: Preprocessing
    dtype: Any
    device: Any
    cache: Path | None

    @property
    def batch_size(self) -> int:
        """Images in one forward pass."""
        return 128 if self.device.type == "cuda" else 16

    @property
    def folder(self) -> Path | None:
        """Where features made just so are kept."""
        if self.cache is None:
            return None
        parts = (weights_digest(self.backbone), repr(self.preprocessing), str(self.dtype))
        return self.cache / cache_key(parts)

    def __call__(self, pixels: Any) -> Any:
        """Features [B, F] of uint8 [B, 3, H, W].

        The batch is filled up to its full size: the arithmetic of a row then does not depend on
        how many neighbours it has, and an interrupted run computes the same bits as a whole one.
        """
        count = len(pixels)
        if count < self.batch_size:
            filler = pixels[:1].expand(self.batch_size - count, -1, -1, -1)
            pixels = torch.cat([pixels, filler])
        with torch.inference_mode():
            images = self.preprocessing.normalise(pixels, self.dtype)
            return self.backbone(images)[:count]


def freeze(
    backbone: Any, preprocessing: Preprocessing, dtype: Any, device: Any, cache: Path | None
) -> Extractor:
    """The extractor of a copy of `backbone` on `device`, which stays whole and in full precision.

    Every job folds and casts in this order, so that the cache's folder is the same for all.
    """
    frozen = fold_batch_norm(copy.deepcopy(backbone), preprocessing.image_size)
    frozen.to(dtype=dtype, memory_format=torch.channels_last)
    return Extractor(frozen, preprocessing, dtype, device, cache)
