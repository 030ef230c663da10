"""Who computes which image."""

from __future__ import annotations

import pytest
import torch
from sharding import Sharding, ShardingError, batches, shuffled, steps


def test_images_that_all_hold_are_dealt_out_evenly():
    held = torch.ones((3, 10), dtype=torch.bool)
    parts = [Sharding(held, rank).own(torch.arange(10)).tolist() for rank in range(3)]
    assert parts == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]


def test_an_image_is_computed_by_a_process_that_holds_it_and_by_no_other():
    held = torch.tensor([[1, 1, 0, 0, 1], [0, 1, 1, 0, 1], [0, 0, 0, 1, 1]], dtype=torch.bool)
    indices = torch.tensor([4, 2, 0, 3, 1])
    parts = [Sharding(held, rank).own(indices).tolist() for rank in range(3)]
    assert sorted(sum(parts, [])) == [0, 1, 2, 3, 4]
    for rank, part in enumerate(parts):
        assert all(held[rank, index] for index in part)


def test_images_on_no_host_are_refused():
    held = torch.tensor([[1, 0, 1], [1, 0, 0]], dtype=torch.bool)
    with pytest.raises(ShardingError, match="1 of 3 images lie on no host"):
        Sharding(held, 0)


def test_batches_cover_the_order_and_can_start_later():
    order = torch.tensor([4, 2, 0, 3, 1])
    assert [batch.tolist() for batch in batches(order, 2)] == [[4, 2], [0, 3], [1]]
    assert [batch.tolist() for batch in batches(order, 2, start=2)] == [[1]]
    assert steps(5, 2) == 3


def test_the_order_depends_on_the_seed_and_the_epoch_alone():
    first = shuffled(50, seed=1, epoch=0)
    torch.rand(3)
    assert torch.equal(first, shuffled(50, seed=1, epoch=0))
    assert not torch.equal(first, shuffled(50, seed=1, epoch=1))
    assert not torch.equal(first, shuffled(50, seed=2, epoch=0))
    assert sorted(first.tolist()) == list(range(50))
