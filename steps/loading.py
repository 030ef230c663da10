"""Decode images in worker processes, in the order and with the augmentation of an epoch.

Boundary: records in, batches of uint8 pixels out. What an image looks like in an epoch depends on
the seed, the epoch and the image alone: not on the worker, the process or the host.
Run the tests: `pytest tests/steps/test_loading.py`.
"""

from __future__ import annotations

import math
import os
import random
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from dataset import Record
from images import ImageError, open_image
from PIL import Image
from preprocessing import Preprocessing
from torch.utils.data import DataLoader, Dataset

# Share of the image's area that a training crop covers, and the range of its width / height.
_AREA = (0.25, 1.0)
_RATIO = (3 / 4, 4 / 3)
_FEW = 64
"""Images up to which starting worker processes costs more than they save."""


class LoadingError(Exception):
    """An image of a channel cannot be read; the message names it."""


@dataclass(frozen=True)
class View:
    """How an image is to be seen: whole (`epoch` None) or augmented for an epoch."""

    order: int
    epoch: int | None = None


class Images(Dataset):  # type: ignore[misc]
    """The images that this process holds. `records` maps the place in the split to a record."""

    def __init__(
        self, records: Mapping[int, Record], preprocessing: Preprocessing, seed: int
    ) -> None:
        self.records = records
        self.preprocessing = preprocessing
        self.seed = seed

    def __getitem__(self, view: View) -> Any:
        """uint8 [3, H, W], or a LoadingError when the file does not open.

        Returned, because an exception raised in a worker arrives with its traceback as text.
        """
        record = self.records[view.order]
        try:
            image = open_image(record.path)
        except (ImageError, OSError) as error:
            reason = str(error).rstrip(".")
            return LoadingError(
                f"The image {record.path} does not open ({reason}); run prepare, which leaves "
                "such files out."
            )
        if view.epoch is None:
            return self.preprocessing.pixels(image)
        draw = random.Random(f"{self.seed} {view.epoch} {view.order}")  # noqa: S311
        return self._augmented(image, draw)

    def _augmented(self, image: Image.Image, draw: random.Random) -> Any:
        pixels = self.preprocessing.crop(image, random_box(image.size, draw))
        return pixels.flip(2) if draw.random() < 0.5 else pixels


def random_box(size: tuple[int, int], draw: random.Random) -> tuple[float, float, float, float]:
    """A random box (left, top, right, bottom) inside an image of `size` (width, height)."""
    width, height = size
    for _ in range(10):
        area = width * height * draw.uniform(*_AREA)
        ratio = math.exp(draw.uniform(math.log(_RATIO[0]), math.log(_RATIO[1])))
        across, down = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if across <= width and down <= height:
            left, top = draw.uniform(0, width - across), draw.uniform(0, height - down)
            return left, top, left + across, top + down
    side = min(width, height)  # a very long image: its middle
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def load(images: Images, batches: Iterable[list[View]], device: Any) -> Iterator[Any]:
    """uint8 [B, 3, H, W] on `device` for each of `batches`, decoded ahead by workers.

    Raises LoadingError for a file that does not open.
    """
    plan = list(batches)
    workers = worker_count(device) if sum(map(len, plan)) > _FEW else 0
    loader = DataLoader(
        images,
        batch_sampler=plan,
        num_workers=workers,
        collate_fn=_stack,
        pin_memory=device.type == "cuda",
        worker_init_fn=_ignore_stop,
    )
    for pixels in loader:
        if isinstance(pixels, LoadingError):
            raise pixels
        yield pixels.to(device, non_blocking=True)


def worker_count(device: Any) -> int:
    """Decoding processes: the backbone needs the cores itself unless it runs on a GPU."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    if device.type == "cuda":
        return max(1, min(16, cores // max(1, int(torch.cuda.device_count()))))
    return 1 if cores < 8 else 2


def _stack(items: list[Any]) -> Any:
    failed = [item for item in items if isinstance(item, LoadingError)]
    return failed[0] if failed else torch.stack(items)


def _ignore_stop(worker: int) -> None:
    # A stop reaches the whole process group; the main process ends its workers itself.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
