"""Divide the images of one step among processes that may hold different images.

Boundary: indices in, indices out; no data, no communication.
A step's images are the same whatever the number of processes: only who computes which differs.
Run the tests: `pytest tests/steps/test_sharding.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch


class ShardingError(Exception):
    """The hosts' images do not make up the whole split; one sentence with the way out."""


class Sharding:
    """Who computes what. `held` is a bool tensor [processes, images]; row r is process r's."""

    def __init__(self, held: Any, rank: int) -> None:
        if not bool(held.any(dim=0).all()):
            missing = int((~held.any(dim=0)).sum())
            raise ShardingError(
                f"{missing} of {held.shape[1]} images lie on no host; use FullyReplicated, or "
                "ShardedByS3Key with the channel of the same prepare run."
            )
        self.held = held
        self.rank = rank

    @property
    def count(self) -> int:
        """Images of the split over all hosts."""
        return int(self.held.shape[1])

    def own(self, indices: Any) -> Any:
        """The part of `indices` (int64 [B]) that this process computes, in the same order.

        Images that several processes hold are dealt to them in turn.
        """
        held = self.held[:, indices]
        turn = torch.arange(len(indices)) % held.sum(dim=0)
        owner = (held.cumsum(dim=0) == turn + 1).int().argmax(dim=0)
        return indices[owner == self.rank]


def steps(count: int, batch_size: int) -> int:
    """Steps in an epoch of `count` images; the last may be short."""
    return -(-count // batch_size)


def batches(order: Any, batch_size: int, start: int = 0) -> Iterator[Any]:
    """The batches of `order` (int64 [N]) from number `start` on; the last may be short."""
    for number in range(start, steps(len(order), batch_size)):
        yield order[number * batch_size : (number + 1) * batch_size]


def shuffled(count: int, seed: int, epoch: int) -> Any:
    """The order of `count` images in an epoch: depends on the seed and the epoch alone."""
    return torch.randperm(count, generator=generator(seed, epoch))


def generator(seed: int, epoch: int) -> Any:
    """A random generator of its own for an epoch."""
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)
