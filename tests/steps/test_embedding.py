"""Embeddings: what they are, what they are called, and that like lies near like."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
import torch
from catalogue import Image
from embedding import EmbeddingError, Kind, encode, open_embedder
from extractor import ORIGINAL, freeze
from feature_cache import FeatureCache
from images import open_image
from network import BACKBONES, build_network, load_backbone, training_dtype

from commands.neighbours import decode, nearest_of
from sample_data import draw
from tests.steps.launching import draw_photos

SIZE = 32


def listed(folder: Path) -> list[Image]:
    """Every image of class folders, as Prepare's catalogue has it."""
    return [
        Image(
            path.relative_to(folder).as_posix(),
            path.parent.name,
            "train",
            hashlib.sha256(path.read_bytes()).hexdigest(),
            *(40, 36, path.stat().st_size),
        )
        for path in sorted(folder.rglob("*/*.*"))
    ]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return draw_photos(tmp_path / "photos", 7)


@pytest.fixture
def kind(tmp_path: Path) -> Kind:
    """A small network whose weights lie in a folder, as a channel brings them."""
    return Kind("resnet18", SIZE, weights(tmp_path / "pretrained", 3))


def weights(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    folder.mkdir()
    backbone = build_network("resnet18", 2, 0, SIZE).backbone
    torch.save(backbone.state_dict(), folder / "weights.pt")
    return folder


def test_an_embedding_is_the_backbones_features_brought_to_the_length_1(
    photos: Path, kind: Kind
) -> None:
    (image, *_) = listed(photos)
    (text,) = open_embedder(kind, photos, None)([image])
    network = build_network("resnet18", 2, 0, SIZE)
    load_backbone(network, Path(kind.weights or "") / "weights.pt")
    shape = BACKBONES["resnet18"].preprocessing(SIZE)
    pixels = shape.pixels(open_image(photos / image.path))[None]
    with torch.inference_mode():
        features = network.backbone(shape.normalise(pixels))[0]
    expected = torch.nn.functional.normalize(features, dim=0)
    found = torch.from_numpy(decode(text))
    assert found.shape == (512,)
    tolerance = 0.02 if training_dtype(torch.device("cpu"), "resnet18") != torch.float32 else 0.001
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def test_an_image_has_one_embedding_whatever_its_neighbours(photos: Path, kind: Kind) -> None:
    embed, images = open_embedder(kind, photos, None), listed(photos)
    assert len(images) == 21, "more than one batch"
    together = embed(images)
    assert [embed([image])[0] for image in images[14:18]] == together[14:18]
    assert embed([]) == []


def test_the_name_tells_weights_and_preprocessing_apart(
    photos: Path, kind: Kind, tmp_path: Path
) -> None:
    other = dataclasses.replace(kind, weights=weights(tmp_path / "others", 4))
    larger = dataclasses.replace(kind, image_size=64)
    names = [open_embedder(each, photos, None).name for each in (kind, kind, other, larger)]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert names[0].startswith("resnet18-32-")


def test_training_finds_what_was_computed(photos: Path, kind: Kind, tmp_path: Path) -> None:
    cache, images = tmp_path / "cache", listed(photos)
    embedder = open_embedder(kind, photos, cache)
    texts = embedder(images)
    embedder.close()
    network = build_network("resnet18", 3, 16, SIZE)  # another head, as training has it
    load_backbone(network, Path(kind.weights or "") / "weights.pt")
    device = torch.device("cpu")
    shape, dtype = embedder.extractor.preprocessing, training_dtype(device, "resnet18")
    extractor = freeze(network.backbone, shape, dtype, device, cache)
    kept = FeatureCache(extractor.folder, ORIGINAL).load(image.digest for image in images)
    assert [encode(kept[image.digest]) for image in images] == texts


def test_a_file_that_was_damaged_since_is_one_sentence(photos: Path, kind: Kind) -> None:
    images = listed(photos)
    (photos / images[3].path).write_bytes(b"\x89PNG half")
    with pytest.raises(EmbeddingError, match=f"{images[3].path} opened a moment ago"):
        open_embedder(kind, photos, None)(images)
    (photos / images[3].path).unlink()
    with pytest.raises(EmbeddingError, match="No such file"):
        open_embedder(kind, photos, None)(images)


def test_without_weights_there_is_no_embedding(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match=r"weights for resnet18\. .*features\.embedding"):
        open_embedder(Kind("resnet18", SIZE, None), photos, None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmbeddingError, match="holds 0 files of weights"):
        open_embedder(Kind("resnet18", SIZE, tmp_path / "empty"), photos, None)


def test_features_without_a_length_do_not_become_no_numbers() -> None:
    assert decode(encode(torch.zeros(8))).tolist() == [0] * 8
    large = decode(encode(torch.full((4,), 1e30)))
    assert large.tolist() == pytest.approx([0.5] * 4)


def test_like_lies_near_like(tmp_path: Path) -> None:
    folder = draw(tmp_path / "drawn", images_per_class=10, classes=("butterfly", "cat", "turtle"))
    images = listed(folder)
    embedder = open_embedder(Kind("efficientnet_lite0", 0, None), folder, None)
    texts = embedder(images)
    own = 0
    for number, image in enumerate(images):
        rows = [
            (other.digest, other.class_name, "", "", text)
            for other, text in zip(images, texts, strict=True)
            if other is not image
        ]
        (nearest,) = nearest_of(texts[number], rows, 1)
        own += nearest.label == image.class_name
    assert own / len(images) >= 0.8, "9 of 29 by chance"
