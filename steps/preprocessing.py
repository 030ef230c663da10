"""Turn an RGB image into the pixels that a backbone expects, the same in training and serving.

Boundary: a Pillow image in, a uint8 tensor out, and batches of those normalised; no files, no
labels. It is packed with the model artifact beside inference.py. Uses Pillow's own resampling, so
that serving does not have to import torchvision.
Run the tests: `pytest tests/steps/test_network.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from PIL import Image

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Preprocessing:
    """Scale the shorter side to `resize` pixels, cut the middle `image_size` square, normalise.

    `mean` and `std` are per channel (red, green, blue) for pixel values between 0 and 1.
    """

    image_size: int
    resize: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"

    def as_json(self) -> dict[str, Any]:
        """The fields as plain JSON values, for model.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Preprocessing:
        """The inverse of `as_json`."""
        mean, std = (tuple(float(value) for value in document[key]) for key in ("mean", "std"))
        return cls(
            int(document["image_size"]),
            int(document["resize"]),
            (mean[0], mean[1], mean[2]),
            (std[0], std[1], std[2]),
            str(document["interpolation"]),
        )

    def pixels(self, image: Image.Image) -> Any:
        """The middle of `image`: uint8 tensor [3, image_size, image_size]."""
        return self.crop(image, self._middle(image))

    def crop(self, image: Image.Image, box: tuple[float, float, float, float]) -> Any:
        """`box` (left, top, right, bottom in pixels) of `image`, scaled to the square.

        Resampling the box alone costs less than resizing the whole image and then cutting.
        """
        size = self.image_size
        square = image.resize((size, size), FILTERS[self.interpolation], box=box, reducing_gap=3.0)
        # bytearray, because torch warns about memory that it may not write to.
        flat = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8)
        return flat.view(size, size, 3).permute(2, 0, 1).contiguous()

    def normalise(self, pixels: Any, dtype: Any = torch.float32) -> Any:
        """uint8 [N, 3, H, W] to `dtype` [N, 3, H, W] in channels_last order, same device."""
        shape = (1, 3, 1, 1)
        mean = torch.tensor(self.mean, device=pixels.device).view(shape)
        std = torch.tensor(self.std, device=pixels.device).view(shape)
        scaled = (pixels.float() / 255 - mean) / std
        return scaled.to(dtype, memory_format=torch.channels_last)

    def _middle(self, image: Image.Image) -> tuple[float, float, float, float]:
        width, height = image.size
        side = min(width, height) * self.image_size / self.resize
        left, top = (width - side) / 2, (height - side) / 2
        return left, top, left + side, top + side
