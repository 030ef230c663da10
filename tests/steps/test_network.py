"""Backbones, heads, weights, folding and preprocessing."""

from __future__ import annotations

import copy

import pytest
import torch
from folding import fold_batch_norm
from network import (
    BACKBONES,
    NetworkError,
    build_network,
    freeze_backbone,
    load_backbone,
    pretrained_file,
    serving_dtype,
    training_dtype,
    weights_digest,
)
from PIL import Image
from preprocessing import Preprocessing

SIZE = 64


@pytest.fixture(scope="module")
def lite():
    network = build_network("efficientnet_lite0", 3, 0, SIZE)
    weights = pretrained_file("efficientnet_lite0", None)
    assert weights is not None
    load_backbone(network, weights)
    return network


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18"])
def test_a_network_gives_features_and_logits_of_the_sizes_asked_for(name):
    network = build_network(name, 3, 5, SIZE)
    images = torch.zeros((2, 3, SIZE, SIZE))
    features = network.backbone(images)
    assert features.shape == (2, BACKBONES[name].features)
    assert network(images).shape == (2, 3)
    assert [type(layer).__name__ for layer in network.head] == ["Linear", "ReLU", "Linear"]
    assert type(build_network(name, 3, 0, SIZE).head).__name__ == "Linear"


def test_a_frozen_backbone_neither_learns_nor_drifts():
    network = build_network("resnet18", 3, 0, SIZE)
    freeze_backbone(network)
    before = weights_digest(network.backbone)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(torch.rand((4, 3, SIZE, SIZE))).sum().backward()
    optimizer.step()
    assert weights_digest(network.backbone) == before
    assert not any(module.training for module in network.modules())


def test_full_training_moves_the_affine_parameters_and_keeps_the_statistics():
    network = build_network("resnet18", 3, 0, SIZE)
    norm = network.backbone.bn1
    mean, scale = norm.running_mean.clone(), norm.weight.detach().clone()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    network(torch.rand((4, 3, SIZE, SIZE))).square().sum().backward()
    optimizer.step()
    assert torch.equal(norm.running_mean, mean)
    assert not torch.equal(norm.weight, scale)


def test_an_unknown_backbone_is_refused_with_the_choices():
    with pytest.raises(NetworkError, match="'vgg' is unknown; choose one of efficientnet_lite0"):
        build_network("vgg", 3, 0)


@pytest.mark.parametrize("wrap", [lambda w: w, lambda w: {"state_dict": w}])
def test_weights_of_the_pretrained_channel_are_loaded_without_their_classifier(tmp_path, wrap):
    source = build_network("resnet18", 3, 0, SIZE)
    weights = {f"module.{name}": value for name, value in source.backbone.state_dict().items()}
    torch.save(wrap({**weights, "module.fc.weight": torch.zeros(1000, 512)}), tmp_path / "r.pth")
    network = build_network("resnet18", 3, 0, SIZE)
    assert weights_digest(network.backbone) != weights_digest(source.backbone)
    assert pretrained_file("resnet18", tmp_path) == tmp_path / "r.pth"
    load_backbone(network, tmp_path / "r.pth")
    assert weights_digest(network.backbone) == weights_digest(source.backbone)


def test_a_resnet_has_no_packaged_weights():
    assert pretrained_file("resnet18", None) is None


def test_a_pretrained_channel_must_hold_one_file(tmp_path):
    with pytest.raises(NetworkError, match="holds 0 files"):
        pretrained_file("resnet18", tmp_path)


class Harmful:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Harmful(), "cannot be read as plain weights"),
        ([1, 2], "is not a state dict"),
        ({"conv1.weight": torch.zeros(3)}, "its shapes differ"),
        ({"other": torch.zeros(3)}, "it lacks conv1.weight"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, content, message, capsys):
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(NetworkError, match=message):
        load_backbone(build_network("resnet18", 3, 0, SIZE), tmp_path / "weights.pt")
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18"])
def test_folding_keeps_the_function_and_removes_every_batch_norm(name):
    torch.manual_seed(1)
    backbone = build_network(name, 3, 0, SIZE).backbone
    for module in backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    folded = fold_batch_norm(copy.deepcopy(backbone), SIZE)
    images = torch.rand((2, 3, SIZE, SIZE))
    with torch.inference_mode():
        torch.testing.assert_close(folded(images), backbone(images), rtol=1e-3, atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())


def test_pretrained_features_in_bfloat16_stay_near_those_in_float32(lite):
    folded = fold_batch_norm(copy.deepcopy(lite.backbone), SIZE)
    shape = BACKBONES["efficientnet_lite0"].preprocessing(SIZE)
    pixels = torch.randint(0, 256, (4, 3, SIZE, SIZE), dtype=torch.uint8)
    with torch.inference_mode():
        exact = folded(shape.normalise(pixels))
        lower = folded.to(torch.bfloat16)(shape.normalise(pixels, torch.bfloat16)).float()
    assert (lower - exact).norm() / exact.norm() < 0.1
    assert exact.std() > 0.05, "pretrained features tell images apart"


def test_serving_on_a_cpu_is_exact_and_training_takes_what_the_machine_has(monkeypatch):
    cpu = torch.device("cpu")
    assert serving_dtype(cpu) == torch.float32
    for flags, backbone, expected in [
        ({"avx2"}, "efficientnet_lite0", torch.float32),
        ({"avx512_bf16"}, "efficientnet_lite0", torch.bfloat16),
        ({"avx512_bf16"}, "resnet50", torch.float32),
        ({"avx512_bf16", "amx_bf16"}, "resnet50", torch.bfloat16),
    ]:
        monkeypatch.setattr("network._cpu_flags", lambda flags=flags: flags)
        assert training_dtype(cpu, backbone) == expected


def test_preprocessing_cuts_the_middle_square():
    image = Image.new("RGB", (300, 100), "white")
    image.paste("black", (80, 0, 220, 100))
    shape = Preprocessing(20, 20, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    pixels = shape.pixels(image)
    assert pixels.shape == (3, 20, 20)
    assert pixels.dtype == torch.uint8
    assert pixels.max() == 0
    assert shape.normalise(pixels[None]).unique().tolist() == [-1.0]


def test_preprocessing_agrees_with_torchvisions_resize_and_crop():
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as transforms

    torch.manual_seed(0)
    noise = torch.randint(0, 256, (6, 8, 3), dtype=torch.uint8).numpy()
    image = Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)
    shape = Preprocessing(224, 256, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    resized = transforms.resize(image, 256, InterpolationMode.BICUBIC)
    expected = transforms.pil_to_tensor(transforms.center_crop(resized, 224))
    difference = (shape.pixels(image).int() - expected.int()).abs().float()
    assert difference.mean() < 1.0


def test_preprocessing_survives_json():
    shape = BACKBONES["resnet50"].preprocessing(128)
    assert Preprocessing.from_json(shape.as_json()) == shape
    assert shape.resize == 146
