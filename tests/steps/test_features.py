"""Features computed once, and found again by content."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from dataset import read_channel
from extractor import MIRRORED, ORIGINAL, Extractor
from feature_cache import FeatureCache
from features import extract
from hosts import Group
from images import open_image
from network import BACKBONES, build_network
from sharding import Sharding
from stopping import Stopped, StopRequest

from tests.steps.launching import draw_photos

VIEWS = (ORIGINAL, MIRRORED)


class CountingBackbone(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.passes = 0

    def forward(self, images):
        self.passes += 1
        return self.backbone(images)


@pytest.fixture
def records(tmp_path):
    return read_channel(draw_photos(tmp_path / "photos", 7), "train", None).records


@pytest.fixture
def extractor(tmp_path):
    torch.manual_seed(3)
    backbone = CountingBackbone(build_network("resnet18", 3, 0, 32).backbone).eval()
    shape = BACKBONES["resnet18"].preprocessing(32)
    return Extractor(backbone, shape, torch.float32, torch.device("cpu"), tmp_path / "cache")


def table_of(extractor, records, views=VIEWS, stop=None):
    sharding = Sharding(torch.ones((1, len(records)), dtype=torch.bool), 0)
    return extract(extractor, records, sharding, views, Group(), stop or StopRequest())


def test_rows_are_in_the_order_of_the_split_with_both_views(extractor, records):
    table = table_of(extractor, tuple(reversed(records)))
    assert table.features.shape == (21, 2, 512)
    assert table.features.dtype == torch.float32
    assert table.labels.tolist() == [record.label for record in records]
    first = extractor.preprocessing.pixels(open_image(records[0].path))
    with torch.inference_mode():
        expected = extractor.backbone(extractor.preprocessing.normalise(first[None].flip(3)))
    torch.testing.assert_close(table.features[0, 1], expected[0], rtol=1e-4, atol=1e-4)
    assert not torch.equal(table.features[0, 0], table.features[0, 1])


def test_a_second_trial_computes_nothing(extractor, records):
    first = table_of(extractor, records)
    passes = extractor.backbone.passes
    again = table_of(extractor, records)
    assert extractor.backbone.passes == passes
    assert torch.equal(first.features, again.features)


def test_a_view_that_another_job_left_in_the_cache_is_not_computed_again(extractor, records):
    first = table_of(extractor, records[:5], views=(ORIGINAL,))
    passes = extractor.backbone.passes
    part = [dataclasses.replace(r, order=i) for i, r in enumerate(records[3:8])]
    table = table_of(extractor, part)
    assert extractor.backbone.passes == passes + 2
    assert torch.equal(table.features[:2, 0], first.features[3:, 0])
    packs = [torch.load(path) for path in (extractor.folder / ORIGINAL).glob("*.pt")]
    kept = [digest for pack in packs for digest in pack["digests"]]
    assert sorted(kept) == sorted(record.digest for record in records[:8]), "each kept once"


def test_only_new_images_are_computed_and_come_out_the_same(extractor, records, tmp_path):
    part = [dataclasses.replace(r, order=i) for i, r in enumerate(records[:5])]
    table_of(extractor, part)
    passes = extractor.backbone.passes
    table = table_of(extractor, records)
    assert extractor.backbone.passes == passes + 2, "16 images: one batch for each view"
    fresh = dataclasses.replace(extractor, cache=tmp_path / "empty")
    assert torch.equal(table.features, table_of(fresh, records).features), "whatever the batch"


def test_another_backbone_preprocessing_or_arithmetic_has_a_folder_of_its_own(extractor):
    other = dataclasses.replace(extractor, dtype=torch.bfloat16)
    smaller = dataclasses.replace(extractor, preprocessing=BACKBONES["resnet18"].preprocessing(64))
    folders = {extractor.folder, other.folder, smaller.folder}
    extractor.backbone.backbone.conv1.weight.data[0] += 1
    assert len(folders | {extractor.folder}) == 4


def test_the_same_picture_twice_is_computed_once(extractor, records):
    twin = dataclasses.replace(records[0], order=1, label=2)
    table = table_of(extractor, [records[0], twin])
    assert extractor.backbone.passes == 2
    assert torch.equal(table.features[0], table.features[1])
    assert table.labels.tolist() == [0, 2]


def test_a_stop_keeps_what_was_computed(extractor, records, monkeypatch):
    stop = StopRequest()
    original = CountingBackbone.forward

    def stop_in_the_first_batch(self, images):
        stop.requested = True
        return original(self, images)

    monkeypatch.setattr(CountingBackbone, "forward", stop_in_the_first_batch)
    with pytest.raises(Stopped):
        table_of(extractor, records, stop=stop)
    assert extractor.backbone.passes == 2
    table_of(extractor, records)
    assert extractor.backbone.passes == 4, "16 of 21 images were in the cache"


def test_a_damaged_pack_is_reported_and_computed_again(extractor, records, capsys):
    table_of(extractor, records)
    passes = extractor.backbone.passes
    (pack,) = (extractor.folder / ORIGINAL).glob("*.pt")
    pack.write_bytes(pack.read_bytes()[:100])
    table_of(extractor, records)
    assert extractor.backbone.passes == passes + 2, "the mirror images' packs are whole"
    assert f"{pack} is damaged" in capsys.readouterr().err


def test_writers_at_the_same_time_do_not_disturb_each_other(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    cache = FeatureCache(tmp_path, ORIGINAL)
    packs = [{f"{n}-{i}": torch.full((4,), float(n)) for i in range(50)} for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(cache.save, packs))
    rows = cache.load([f"{n}-{i}" for n in range(8) for i in range(50)])
    assert len(rows) == 400
    assert all(row.tolist() == [float(name[0])] * 4 for name, row in rows.items())


def test_a_full_disk_does_not_stop_training(tmp_path, capsys, monkeypatch):
    def full(content, stream):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.save", full)
    FeatureCache(tmp_path, ORIGINAL).save({"a": torch.zeros(2)})
    assert "the features are not kept" in capsys.readouterr().err
