"""Decoding in workers, and augmentation that nothing but its seed decides."""

from __future__ import annotations

import random

import pytest
import torch
from dataset import read_channel
from loading import Images, LoadingError, View, load, random_box
from network import BACKBONES

from tests.steps.launching import draw_photos

CPU = torch.device("cpu")


@pytest.fixture
def images(tmp_path):
    records = read_channel(draw_photos(tmp_path, 30), "train", None).records
    shape = BACKBONES["resnet18"].preprocessing(32)
    return Images({record.order: record for record in records}, shape, seed=5)


def test_workers_give_what_the_main_process_gives(images):
    plan = [
        [View(order, epoch=2) for order in range(start, start + 9)] for start in range(0, 90, 9)
    ]
    loaded = torch.cat(list(load(images, plan, CPU)))  # 90 images: worker processes
    direct = torch.stack([images[view] for chunk in plan for view in chunk])
    assert torch.equal(loaded, direct)


def test_augmentation_changes_with_the_epoch_and_the_seed_only(images):
    view = View(3, epoch=1)
    first = images[view]
    random.random()  # noqa: S311
    torch.rand(1)
    assert torch.equal(first, images[view])
    assert not torch.equal(first, images[View(3, epoch=2)])
    assert not torch.equal(first, Images(images.records, images.preprocessing, seed=6)[view])
    assert torch.equal(images[View(3)], images[View(3)])


@pytest.mark.parametrize("count", [1, 90])
def test_a_file_that_does_not_open_is_named_by_the_main_process(images, count):
    images.records[0].path.unlink()
    with pytest.raises(LoadingError) as caught:
        list(load(images, [[View(order)] for order in range(count)], CPU))
    assert str(caught.value).startswith(f"The image {images.records[0].path} does not open")


@pytest.mark.parametrize("size", [(320, 240), (1, 1), (4000, 3)])
def test_a_random_box_lies_inside_the_image(size):
    draw = random.Random(1)  # noqa: S311
    for _ in range(200):
        left, top, right, bottom = random_box(size, draw)
        assert 0 <= left < right <= size[0] + 1e-6
        assert 0 <= top < bottom <= size[1] + 1e-6
