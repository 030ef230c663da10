"""Draw a table of houses and their prices: a formula with interactions, and noise.

Role: data for a demonstration without data. Boundary: one folder is written, nothing is read; equal
seeds give equal bytes. Part of the prices is chance, so that no model can know them all: the best
there is reaches an R² of about 0.92.
Run: `python -m examples.tabular.housing FOLDER`.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from errors import BreedlineError

COLUMNS = (
    *("median_income", "house_age", "rooms", "bedrooms"),
    *("population", "occupancy", "latitude", "longitude"),
)
TARGET = "price"
FILE = "housing.csv"
NOISE = 0.25  # standard deviation, in the price's own unit of 100,000

CITIES = ((34.0, -118.2, 1.6), (37.8, -122.3, 2.0), (32.7, -117.1, 1.0))  # place, and what it adds


def draw(folder: Path, rows: int = 3_000, seed: int = 7) -> Path:
    """Write `folder`/housing.csv; returns the folder. One that holds other files is refused."""
    others = (
        [path.name for path in folder.iterdir() if path.name != FILE] if folder.is_dir() else []
    )
    if others:
        raise BreedlineError(f"{folder} holds other files; give a new folder for the sample data.")
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)  # noqa: S311 - no secret
    with (folder / FILE).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*COLUMNS, TARGET])
        for _ in range(rows):
            writer.writerow(_house(chance))
    return folder


def _house(chance: random.Random) -> list[float]:
    income = min(15.0, chance.lognormvariate(1.25, 0.45))
    age = float(chance.randint(1, 52))
    rooms = max(1.5, chance.gauss(4.2 + 0.3 * income, 0.9))
    bedrooms = max(0.7, chance.gauss(0.2 * rooms, 0.12))
    population = float(round(chance.lognormvariate(7.0, 0.6)))
    occupancy = 1.4 + chance.lognormvariate(0.35, 0.3)
    latitude, longitude = chance.uniform(32.5, 40.0), chance.uniform(-124.0, -115.0)
    near = sum(gain * _nearness(latitude, longitude, *place) for *place, gain in CITIES)
    price = (
        0.35
        + 0.30 * income
        + near * (0.6 + 0.12 * income)  # income counts for more in a city
        + 0.12 * (rooms - 2 * bedrooms)
        - 0.30 * (occupancy - 2.5)
        - 0.006 * age * (1 if near < 0.3 else -0.5)  # age is character where it is dear
        + chance.gauss(0, NOISE)
    )
    exact = (income, age, rooms, bedrooms, population, occupancy, latitude, longitude)
    return [*(round(value, 4) for value in exact), round(max(0.15, price), 3)]


def _nearness(latitude: float, longitude: float, north: float, east: float) -> float:
    """1 in a city, little from a degree or two on."""
    return math.exp(-((latitude - north) ** 2 + (longitude - east) ** 2) / 1.5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw into the folder that the command line names and print its path; 1 if it is refused."""
    parser = argparse.ArgumentParser(description="Draw the table of houses.")
    parser.add_argument("folder", type=Path)
    try:
        print(draw(parser.parse_args(arguments).folder))
    except BreedlineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
