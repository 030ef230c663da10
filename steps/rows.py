"""What the training loop reads: rows of features already computed, or images decoded anew.

Boundary: a plan of indices in, (inputs, labels) on the device out.
Run the tests: `pytest tests/steps/test_fitting.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from dataset import Record
from features import Table
from hosts import Group
from loading import Images, View, load
from preprocessing import Preprocessing
from sharding import Sharding, generator


class Rows(Protocol):
    """One split. `sharding` says which of its images this process can read."""

    sharding: Sharding

    def read(self, plan: Sequence[Any], epoch: int | None) -> Iterator[tuple[Any, Any]]:
        """(inputs [b, …], labels int64 [b]) for each index tensor [b] of `plan`.

        `epoch` asks for the augmentation of that epoch, None for the images as they are.
        """
        ...


class FeatureRows:
    """Features that every process holds; augmentation picks the original or the mirror image."""

    def __init__(self, table: Table, seed: int, group: Group) -> None:
        self.features = table.features.to(group.device)
        self.labels = table.labels.to(group.device)
        self.seed = seed
        held = torch.ones((group.world, len(table.labels)), dtype=torch.bool)
        self.sharding = Sharding(held, group.rank)

    def read(self, plan: Sequence[Any], epoch: int | None) -> Iterator[tuple[Any, Any]]:
        count, views = self.features.shape[:2]
        view = torch.zeros(count, dtype=torch.int64)
        if epoch is not None:
            # Another stream than the order's, which is drawn from the same seed and epoch.
            drawn = generator(self.seed + 1, epoch)
            view = torch.randint(views, (count,), generator=drawn)
        for indices in plan:
            chosen = indices.to(self.labels.device)
            seen = view[indices].to(self.labels.device)
            yield self.features[chosen, seen], self.labels[chosen]


class ImageRows:
    """Images that this process decodes for each epoch anew."""

    def __init__(
        self,
        records: Sequence[Record],
        sharding: Sharding,
        preprocessing: Preprocessing,
        seed: int,
        group: Group,
    ) -> None:
        self.sharding = sharding
        self._by_order = {record.order: record for record in records}
        self._images = Images(self._by_order, preprocessing, seed)
        self._preprocessing = preprocessing
        self._device = group.device

    def read(self, plan: Sequence[Any], epoch: int | None) -> Iterator[tuple[Any, Any]]:
        views = [[View(order, epoch) for order in indices.tolist()] for indices in plan]
        for chunk, pixels in zip(views, load(self._images, views, self._device), strict=True):
            labels = [self._by_order[view.order].label for view in chunk]
            inputs = self._preprocessing.normalise(pixels)
            yield inputs, torch.tensor(labels).to(self._device)
