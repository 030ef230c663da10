"""The small creatures of the sample data set: how each is drawn, in any colours and sizes."""

from __future__ import annotations

import colorsys
import random
from collections.abc import Callable, Mapping

from PIL import Image, ImageDraw

Colour = tuple[int, ...]
Point = tuple[float, float]

_CLEAR = (0, 0, 0, 0)  # drawn over a shape, it cuts a piece out


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour from hue (in turns), saturation and value (0 to 1)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


class Sketch:
    """A transparent square to draw one creature on, in coordinates from -1 to 1, y downwards."""

    def __init__(self, side: int, dice: random.Random) -> None:
        self.dice = dice
        self.image = Image.new("RGBA", (side, side))
        self._brush = ImageDraw.Draw(self.image)
        self._half = side / 2
        hue = dice.random()
        self.coat = hsv(hue, dice.uniform(0.2, 0.9), dice.uniform(0.4, 0.95))
        self.mark = hsv(hue + dice.uniform(0.15, 0.85), dice.uniform(0.2, 0.9), 0.85)
        self.dark = hsv(hue, 0.6, dice.uniform(0.12, 0.3))

    def vary(self, value: float, share: float = 0.15) -> float:
        """`value`, up to `share` larger or smaller."""
        return value * (1 + self.dice.uniform(-share, share))

    def oval(self, colour: Colour, centre: Point, rx: float, ry: float) -> None:
        x, y = centre
        box = (*self._pixels((x - rx, y - ry)), *self._pixels((x + rx, y + ry)))
        self._brush.ellipse(box, fill=colour)

    def shape(self, colour: Colour, *points: Point) -> None:
        self._brush.polygon([self._pixels(point) for point in points], fill=colour)

    def line(self, colour: Colour, width: float, *points: Point) -> None:
        pixels = max(1, round(width * self._half))
        self._brush.line(
            [self._pixels(p) for p in points], fill=colour, width=pixels, joint="curve"
        )

    def eye(self, centre: Point, radius: float = 0.08) -> None:
        self.oval((250, 250, 250), centre, radius, radius)
        self.oval((15, 15, 15), centre, radius * 0.55, radius * 0.55)

    def _pixels(self, point: Point) -> Point:
        return (point[0] + 1) * self._half, (point[1] + 1) * self._half


def _cat(s: Sketch) -> None:
    tip, wide = s.vary(-0.75), s.vary(0.62)
    for side in (-1, 1):
        s.shape(s.coat, (side * wide, -0.1), (side * wide * 0.95, tip), (side * 0.12, -0.38))
        s.shape(
            s.mark, (side * wide * 0.8, -0.3), (side * wide * 0.85, tip * 0.8), (side * 0.3, -0.4)
        )
    s.oval(s.coat, (0, 0.05), wide, s.vary(0.55))
    for side in (-1, 1):
        s.eye((side * 0.26, -0.05), s.vary(0.11))
        for slope in (-0.06, 0.02, 0.1):
            s.line(s.dark, 0.02, (side * 0.15, 0.26), (side * 0.85, 0.24 + slope * 2))
    s.shape(s.dark, (-0.09, 0.16), (0.09, 0.16), (0, 0.27))
    s.line(s.dark, 0.03, (-0.16, 0.4), (0, 0.3), (0.16, 0.4))


def _rabbit(s: Sketch) -> None:
    length, spread = s.vary(0.42), s.vary(0.24)
    for side in (-1, 1):
        s.oval(s.coat, (side * spread, -0.5), 0.14, length)
        s.oval(s.mark, (side * spread, -0.48), 0.07, length * 0.75)
    s.oval(s.coat, (0, 0.2), s.vary(0.48), s.vary(0.46))
    for side in (-1, 1):
        s.eye((side * 0.2, 0.08), s.vary(0.09))
        s.line(s.dark, 0.018, (side * 0.1, 0.33), (side * 0.6, 0.36))
    s.oval(s.dark, (0, 0.27), 0.07, 0.05)
    s.shape((245, 245, 240), (-0.09, 0.42), (0.09, 0.42), (0.08, 0.58), (-0.08, 0.58))


def _fish(s: Sketch) -> None:
    long, tall = s.vary(0.58), s.vary(0.36, 0.25)
    tail = s.vary(0.34)
    s.shape(s.mark, (0.4, 0), (0.92, -tail), (0.8, 0), (0.92, tail))
    s.shape(s.mark, (-0.2, -tall * 0.8), (0.1, -tall - 0.25), (0.3, -tall * 0.6))
    s.shape(s.mark, (-0.05, tall * 0.8), (0.15, tall + 0.2), (0.25, tall * 0.6))
    s.oval(s.coat, (-0.1, 0), long, tall)
    for x in (-0.15, 0.05, 0.25):
        if s.dice.random() < 0.6:
            s.line(s.mark, 0.07, (x, -tall * 0.7), (x + 0.06, 0), (x, tall * 0.7))
    s.eye((-0.42, -0.08), s.vary(0.09))
    s.line(s.dark, 0.025, (-0.66, 0.08), (-0.52, 0.12))


def _bird(s: Sketch) -> None:
    s.shape(s.dark, (0.35, 0.1), (0.95, s.vary(-0.1)), (0.9, 0.2))
    for x in (-0.05, 0.12):
        s.line(s.dark, 0.035, (x, 0.4), (x - 0.03, 0.82), (x - 0.15, 0.86))
    s.oval(s.coat, (0.05, 0.15), s.vary(0.46), s.vary(0.34))
    s.oval(s.coat, (-0.36, -0.28), s.vary(0.26), s.vary(0.25))
    lift = s.dice.uniform(-0.55, 0.25)
    s.shape(s.mark, (-0.15, 0.05), (0.35, 0.05), (0.6, lift), (0.1, lift * 0.5 + 0.3))
    s.shape((235, 160, 40), (-0.56, -0.36), (s.vary(-0.88, 0.1), -0.26), (-0.56, -0.2))
    s.eye((-0.42, -0.34), s.vary(0.07))


def _butterfly(s: Sketch) -> None:
    top, low = s.vary(0.42), s.vary(0.3)
    for side in (-1, 1):
        s.oval(s.coat, (side * 0.44, -0.28), 0.4, top)
        s.oval(s.coat, (side * 0.34, 0.36), 0.3, low)
        s.oval(s.mark, (side * 0.5, -0.32), 0.18, top * 0.45)
        s.oval(s.mark, (side * 0.36, 0.4), 0.12, low * 0.45)
        s.line(s.dark, 0.025, (0, -0.45), (side * 0.12, -0.75), (side * 0.25, -0.85))
    s.oval(s.dark, (0, 0), 0.08, s.vary(0.52))


def _crab(s: Sketch) -> None:
    wide, reach = s.vary(0.5), s.vary(0.7, 0.1)
    for side in (-1, 1):
        for y in (0.15, 0.28, 0.4):
            s.line(s.coat, 0.06, (side * 0.35, y), (side * 0.75, y + 0.08), (side * 0.85, y + 0.3))
        s.line(s.coat, 0.09, (side * 0.4, 0), (side * reach, -0.25), (side * reach, -0.4))
        s.oval(s.coat, (side * reach, -0.5), 0.2, 0.2)
        x = side * reach
        s.shape(_CLEAR, (x, -0.5), (x - 0.1, -0.75), (x + 0.1, -0.75))
        s.line(s.dark, 0.03, (side * 0.15, -0.1), (side * 0.17, -0.4))
        s.eye((side * 0.17, -0.42), 0.08)
    s.oval(s.coat, (0, 0.15), wide, s.vary(0.32))
    s.line(s.dark, 0.03, (-0.15, 0.25), (0, 0.3), (0.15, 0.25))


def _snail(s: Sketch) -> None:
    s.shape(
        s.mark, (-0.85, 0.6), (-0.6, 0.35), (0.5, 0.35), (0.95, 0.62), (0.8, 0.68), (-0.7, 0.68)
    )
    for x in (-0.62, -0.78):
        s.line(s.mark, 0.04, (-0.7, 0.45), (x, s.vary(-0.02, 0.9)))
        s.oval(s.dark, (x, -0.02), 0.04, 0.04)
    s.oval(s.mark, (-0.7, 0.4), 0.17, 0.2)
    radius = s.vary(0.46)
    for ring in range(5):
        size = radius * (1 - ring * 0.19)
        colour = s.dark if ring % 2 else s.coat
        s.oval(colour, (0.12 + ring * 0.035, 0.02 + ring * 0.02), size, size)


def _turtle(s: Sketch) -> None:
    for x in (-0.42, 0.36):
        s.oval(s.mark, (x, 0.42), 0.13, s.vary(0.22))
    s.shape(s.mark, (0.5, 0.25), (0.85, 0.38), (0.5, 0.4))
    s.oval(s.mark, (-0.72, s.vary(0.05, 2)), 0.21, 0.17)
    s.eye((-0.78, 0), s.vary(0.05))
    tall = s.vary(0.6)
    dome = [(x / 10 * 0.62, 0.34 - tall * (1 - (x / 10) ** 2) ** 0.6) for x in range(-10, 11)]
    s.shape(s.coat, *dome)
    for x in (-0.3, 0, 0.3):
        s.shape(s.dark, (x - 0.1, 0.1), (x, -0.08), (x + 0.1, 0.1), (x, 0.24))
    s.line(s.dark, 0.05, (-0.62, 0.34), (0.62, 0.34))


PAINTERS: Mapping[str, Callable[[Sketch], None]] = {
    "bird": _bird,
    "butterfly": _butterfly,
    "cat": _cat,
    "crab": _crab,
    "fish": _fish,
    "rabbit": _rabbit,
    "snail": _snail,
    "turtle": _turtle,
}
"""How each class is drawn."""
