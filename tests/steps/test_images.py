"""images.open_image: every kind of pixels becomes upright RGB, damage becomes one sentence."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from images import ImageError, open_image
from PIL import Image, ImageFile


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def noisy_jpeg(size: tuple[int, int] = (64, 48)) -> bytes:
    return encoded(Image.effect_noise(size, 80).convert("RGB"), "JPEG")


def pixel(image: Image.Image, place: tuple[int, int] = (0, 0)) -> tuple[int, int, int]:
    value = image.getpixel(place)
    assert isinstance(value, tuple) and len(value) == 3
    return int(value[0]), int(value[1]), int(value[2])


def test_a_path_and_its_bytes_give_the_same_rgb_image(tmp_path: Path) -> None:
    data = noisy_jpeg()
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    from_path, from_bytes = open_image(path), open_image(data)
    assert from_path.mode == "RGB" and from_path.size == (64, 48)
    assert from_path.tobytes() == from_bytes.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_image_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    # 2×1: red then blue. As the standard defines each value, where must red end up?
    stored = Image.new("RGB", (32, 16), "blue")
    stored.paste("red", (0, 0, 16, 16))
    upright = open_image(encoded(stored, "PNG", exif=exif.tobytes()))
    turned = orientation >= 5
    assert upright.size == ((16, 32) if turned else (32, 16))
    red_first = orientation in (1, 4, 5, 6)
    assert pixel(upright) == ((255, 0, 0) if red_first else (0, 0, 255))


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    image = Image.new("I;16", (4, 4), 32768)
    assert pixel(open_image(encoded(image))) == (128, 128, 128)
    assert pixel(open_image(encoded(Image.new("I;16", (4, 4), 65535)))) == (255, 255, 255)
    assert pixel(open_image(encoded(image, "TIFF"))) == (128, 128, 128)


def test_alpha_is_laid_over_white() -> None:
    assert pixel(open_image(encoded(Image.new("RGBA", (2, 2), (0, 0, 0, 0))))) == (255, 255, 255)
    assert pixel(open_image(encoded(Image.new("LA", (2, 2), (0, 0))))) == (255, 255, 255)


def test_a_transparent_palette_entry_becomes_white() -> None:
    image = Image.new("P", (2, 2), 0)
    image.putpalette([10, 20, 30] * 256)
    assert pixel(open_image(encoded(image))) == (10, 20, 30)
    assert pixel(open_image(encoded(image, transparency=0))) == (255, 255, 255)


@pytest.mark.parametrize("mode, value", [("L", 77), ("1", 1)])
def test_grey_and_black_and_white_become_rgb(mode: str, value: int) -> None:
    grey = 255 if mode == "1" else value
    assert pixel(open_image(encoded(Image.new(mode, (2, 2), value)))) == (grey, grey, grey)


def test_cmyk_becomes_rgb() -> None:
    red = open_image(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95))
    r, g, b = pixel(red)
    assert r > 240 and g < 15 and b < 15


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixel(open_image(data)) == (255, 0, 0)


def test_a_truncated_image_is_an_error_even_when_another_library_allows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = noisy_jpeg((200, 200))
    with pytest.raises(ImageError, match="damaged") as caught:
        open_image(data[: len(data) // 2])
    assert caught.value.kind == "corrupt"


@pytest.mark.parametrize("data", [b"", b"hello, this is text", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_bytes_that_are_no_image_are_named_so(data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        open_image(data)
    assert caught.value.kind == "not-an-image"
    assert str(caught.value).endswith(".")


def test_too_many_pixels_are_refused_before_decoding() -> None:
    with pytest.raises(ImageError, match="64×48.*at most 1,000") as caught:
        open_image(noisy_jpeg()[:1000] + b"cut", max_pixels=1000)
    assert caught.value.kind == "too-large"


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for size in ((12, 12), (64, 48)):  # a warning in Pillow, then an error
        with pytest.raises(ImageError) as caught:
            open_image(encoded(Image.new("RGB", size)))
        assert caught.value.kind == "too-large"
