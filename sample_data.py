"""Draw the project's own sample data set: seeded pictures of small creatures, in class folders.

Role: photos for a demonstration without photos. Boundary: one folder is written, nothing is
read. Every picture differs in place, size, tilt, colours, background, light, blur and noise, and
something may stand in front, so that only the creature's shape tells its class.
Run: `python sample_data.py FOLDER`.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from errors import BreedlineError
from sample_creatures import PAINTERS, Sketch, hsv

MARKER = ".complete"
"""Written last; its text says what was drawn, so that another request draws again."""

_SMOOTH = 2  # creatures are drawn at twice their size and reduced, for smooth edges


def draw(
    folder: Path, seed: int = 7, images_per_class: int = 40, classes: Sequence[str] = ()
) -> Path:
    """Fill `folder` with `<class>/<class>_<number>.jpg`; return it. A complete folder is kept.

    `classes` chooses among PAINTERS, all by default. The folder appears whole or not at all, and
    one that holds anything else is refused with BreedlineError rather than replaced.
    """
    names = tuple(classes) or tuple(PAINTERS)
    unknown = [name for name in names if name not in PAINTERS]
    if unknown:
        raise BreedlineError(f"No creature {unknown[0]!r}; choose from {', '.join(PAINTERS)}.")
    wanted = f"seed {seed}, {images_per_class} images of {', '.join(names)}\n"
    marker = folder / MARKER
    if marker.is_file() and marker.read_text(encoding="utf-8") == wanted:
        return folder
    if folder.exists() and not marker.is_file() and any(folder.iterdir()):
        raise BreedlineError(f"{folder} holds other files; give a new folder for the sample data.")
    _draw_aside(folder, seed, images_per_class, names, wanted)
    return folder


def _draw_aside(
    folder: Path, seed: int, images_per_class: int, names: Sequence[str], wanted: str
) -> None:
    aside = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    for name in names:
        (aside / name).mkdir(parents=True)
        for number in range(images_per_class):
            # A picture depends on its own name and the seed, not on how many others are drawn.
            image = picture(name, random.Random(f"{seed} {name} {number}"))  # noqa: S311
            image.save(aside / name / f"{name}_{number:03}.jpg", quality=88)
    (aside / MARKER).write_text(wanted, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    aside.replace(folder)


def picture(name: str, dice: random.Random) -> Image.Image:
    """One RGB picture, 176 to 256 pixels wide, of the named creature in its surroundings."""
    width, height = dice.randint(176, 256), dice.randint(160, 224)
    image = background(width, height, dice)
    side = round(min(width, height) * dice.uniform(0.7, 1.0))
    sketch = Sketch(side * _SMOOTH, dice)
    PAINTERS[name](sketch)
    creature = sketch.image.rotate(dice.uniform(-14, 14), Image.Resampling.BILINEAR)
    creature = creature.reduce(_SMOOTH)
    if dice.random() < 0.5:
        creature = creature.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    overhang = round(side * 0.1)  # it may leave the picture a little
    x = dice.randint(-overhang, width - side + overhang)
    y = dice.randint(min(0, height - side), max(0, height - side))
    image.paste(creature, (x, y), creature)
    foreground(image, dice)
    return weather(image, dice)


def background(width: int, height: int, dice: random.Random) -> Image.Image:
    """A lit gradient with soft and hard shapes, in any colours."""
    hue = dice.random()
    ends = [hsv(hue + dice.uniform(-0.15, 0.15), dice.uniform(0.1, 0.7), v) for v in (0.9, 0.45)]
    dice.shuffle(ends)
    slope = Image.linear_gradient("L").rotate(dice.choice((0, 90, 180, 270)))
    mask = slope.resize((width, height))
    bright, dim = (Image.new("RGB", mask.size, end) for end in ends)
    image = Image.composite(bright, dim, mask)
    brush = ImageDraw.Draw(image)
    for _ in range(dice.randint(2, 8)):
        _clutter(brush, width, height, hue, dice)
    return image.filter(ImageFilter.GaussianBlur(dice.uniform(0, 2.5)))


def _clutter(
    brush: ImageDraw.ImageDraw, width: int, height: int, hue: float, dice: random.Random
) -> None:
    colour = hsv(hue + dice.uniform(-0.3, 0.3), dice.uniform(0.1, 0.8), dice.uniform(0.3, 0.95))
    x, y, size = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(8, 48)
    if dice.random() < 0.5:
        brush.ellipse((x - size, y - size / 2, x + size, y + size / 2), fill=colour)
    else:
        corners = [(x + dice.uniform(-size, size), y + dice.uniform(-size, size)) for _ in "abc"]
        brush.polygon(corners, fill=colour)


def foreground(image: Image.Image, dice: random.Random) -> None:
    """Blades of grass or floating spots in front, in most pictures."""
    brush = ImageDraw.Draw(image)
    colour = hsv(dice.random(), dice.uniform(0.2, 0.8), dice.uniform(0.2, 0.9))
    if dice.random() < 0.4:
        for _ in range(dice.randint(3, 8)):
            x, lean = dice.uniform(0, image.width), dice.uniform(-30, 30)
            top = image.height * dice.uniform(0.25, 0.85)
            foot = (x - 4, image.height, x + 4, image.height)
            brush.polygon((*foot[:2], *foot[2:], x + lean, top), fill=colour)
    if dice.random() < 0.25:
        for _ in range(dice.randint(2, 6)):
            x, y = dice.uniform(0, image.width), dice.uniform(0, image.height)
            r = dice.uniform(4, 18)
            brush.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def weather(image: Image.Image, dice: random.Random) -> Image.Image:
    """Light, contrast, blur and the sensor's noise."""
    image = ImageEnhance.Brightness(image).enhance(dice.uniform(0.75, 1.2))
    image = ImageEnhance.Contrast(image).enhance(dice.uniform(0.7, 1.2))
    image = image.filter(ImageFilter.GaussianBlur(dice.choice((0, 0, 0.5, 0.9))))
    noise = Image.frombytes("RGB", image.size, dice.randbytes(image.width * image.height * 3))
    return Image.blend(image, noise, dice.uniform(0.01, 0.08))


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw into the folder that the command line names and print its path; 1 if it is refused."""
    parser = argparse.ArgumentParser(description="Draw the sample data set.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--images-per-class", type=int, default=40)
    options = parser.parse_args(arguments)
    try:
        print(draw(options.folder, options.seed, options.images_per_class))
    except BreedlineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
