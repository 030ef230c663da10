"""Open one image as RGB pixels, the same way in preparation, training and serving.

Boundary: bytes or a path in, a Pillow RGB image out; no labels, no tensors, no network.
It is packed with the model artifact beside inference.py, so it imports nothing but Pillow.
Run the tests: `pytest tests/steps/test_images.py`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageFile, UnidentifiedImageError

MAX_PIXELS = 50_000_000
"""Width × height above which an image is refused before it is decoded."""

# Named, so that a file can never reach a decoder that starts another program (EPS does).
# The phones' multi-picture format (MPO) is opened by the JPEG reader.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")

NOT_AN_IMAGE = "not-an-image"
CORRUPT = "corrupt"
TOO_LARGE = "too-large"

_ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")
_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(ValueError):
    """The image cannot be used; the message is one sentence, `kind` is one word for reports.

    `kind` is "not-an-image", "corrupt" or "too-large".
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def open_image(source: Path | str | bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode `source` in full and return it upright, as 8-bit RGB, alpha laid over white.

    Grey, palette, 16-bit, CMYK and alpha are converted; of an animation the first frame is taken.
    Raises ImageError when the bytes are no image, are damaged or truncated, or hold more than
    `max_pixels` pixels; OSError when the file itself cannot be read.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    # Another library in the process may have switched this on; it would hide damaged files.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with _identify(data) as image:
        _check_size(image, max_pixels)
        return _decode(image)


def _identify(data: bytes) -> Image.Image:
    if not data:
        raise ImageError(NOT_AN_IMAGE, "The file is empty.")
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError(
            NOT_AN_IMAGE, f"The bytes are not an image in a known format ({', '.join(FORMATS)})."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(TOO_LARGE, "The image has too many pixels to be decoded.") from error
    except Exception as error:  # a format's parser fed damaged bytes raises nearly anything
        raise ImageError(CORRUPT, f"The image header is damaged: {_one_line(error)}.") from error


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError(
            TOO_LARGE,
            f"The image is {width}×{height} pixels; at most {max_pixels:,} pixels are allowed.",
        )
    if width < 1 or height < 1:
        raise ImageError(CORRUPT, f"The image is {width}×{height} pixels: it has no pixels.")


def _decode(image: Image.Image) -> Image.Image:
    try:
        image.load()
        return _upright(image, _to_rgb(image))
    except MemoryError as error:
        raise ImageError(TOO_LARGE, "The image does not fit in memory.") from error
    except Exception as error:  # a decoder fed damaged bytes raises nearly anything
        raise ImageError(CORRUPT, f"The image is damaged: {_one_line(error)}.") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _eight_bit(image).convert("RGB")
    if image.mode == "F":
        raise ValueError("floating-point pixels have no agreed brightness")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        return _over_white(image.convert("RGBA"))
    return image.copy() if image.mode == "RGB" else image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey of 16 bits to 8; Pillow's own conversion clips everything above 255 to white."""
    scale: Callable[[float], float] = lambda value: value * (1 / 257) + 0.5  # noqa: E731
    # point() on 32-bit modes accepts only "value * scale + offset".
    return image.convert("I").point(scale).convert("L")


def _over_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _upright(source: Image.Image, pixels: Image.Image) -> Image.Image:
    """Turn `pixels` as the EXIF data of `source` say; a camera stores the sensor's own rows."""
    try:
        orientation = source.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001  # damaged metadata; the pixels themselves decoded well
        return pixels
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return pixels.transpose(turn) if turn is not None else pixels


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.rstrip(".")
