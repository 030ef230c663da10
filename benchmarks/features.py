"""Features of a data set against the floor: the bare forward pass of the same backbone.

    python -m benchmarks.features [--data FOLDER] [--backbone efficientnet_lite0] [--json]

Measured in one run, on the same images and threads: forward passes a second of the backbone alone
(pixels already in memory), decoding alone, the training step's own feature extraction with an empty
cache, and the seconds it takes when the cache is full.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# As in a job of the embedded AWS; the library that runs the threads reads it when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[1] / "steps"))

import torch
from dataset import Channel, read_channel
from extractor import MIRRORED, ORIGINAL, Extractor, freeze
from features import extract
from hosts import Group
from loading import Images, View, load
from network import BACKBONES, build_network, load_backbone, pretrained_file, training_dtype
from sharding import Sharding
from stopping import StopRequest

from sample_data import draw

VIEWS = (ORIGINAL, MIRRORED)


@dataclass(frozen=True)
class Bench:
    """A channel of images and the extractor that the training step would make for it."""

    channel: Channel
    extractor: Extractor

    def bare(self) -> float:
        """Forward passes a second with normalised pixels in memory."""
        size, shape = self.extractor.batch_size, self.extractor.preprocessing.image_size
        pixels = torch.zeros((size, 3, shape, shape), dtype=torch.uint8)
        images = self.extractor.preprocessing.normalise(pixels, self.extractor.dtype)
        batches = max(1, len(self.channel.records) // size)
        with torch.inference_mode():
            self.extractor.backbone(images)
            start = time.perf_counter()
            for _ in range(batches):
                self.extractor.backbone(images)
        return batches * size / (time.perf_counter() - start)

    def decode(self) -> float:
        """Images a second from file to uint8 pixels."""
        records = {record.order: record for record in self.channel.records}
        images = Images(records, self.extractor.preprocessing, seed=0)
        size = self.extractor.batch_size
        orders = list(records)
        views = [
            [View(order) for order in orders[i : i + size]] for i in range(0, len(orders), size)
        ]
        start = time.perf_counter()
        for _ in load(images, views, self.extractor.device):
            pass
        return len(orders) / (time.perf_counter() - start)

    def extract(self) -> float:
        """Seconds to have the features of all images in both views."""
        count = len(self.channel.records)
        sharding = Sharding(torch.ones((1, count), dtype=torch.bool), 0)
        start = time.perf_counter()
        extract(
            self.extractor,
            self.channel.records,
            sharding,
            VIEWS,
            Group(name="algo-1"),
            StopRequest(),
        )
        return time.perf_counter() - start


def measure(folder: Path, backbone: str) -> dict[str, Any]:
    """All figures for the class folders below `folder`."""
    with tempfile.TemporaryDirectory() as cache:
        bench = Bench(read_channel(folder, "train", None), _extractor(backbone, Path(cache)))
        before, decode = bench.bare(), bench.decode()
        cold, warm = bench.extract(), bench.extract()
        bare = (before + bench.bare()) / 2  # before and after: the machine's speed drifts
    passes = len(bench.channel.records) * len(VIEWS)
    return {
        "backbone": backbone,
        "dtype": str(bench.extractor.dtype),
        "threads": torch.get_num_threads(),
        "images": len(bench.channel.records),
        "bare_passes_per_second": round(bare, 1),
        "decoded_images_per_second": round(decode, 1),
        "extracted_passes_per_second": round(passes / cold, 1),
        "extracted_over_bare": round(passes / cold / bare, 2),
        "seconds_with_empty_cache": round(cold, 2),
        "seconds_with_full_cache": round(warm, 3),
    }


def _extractor(backbone: str, cache: Path) -> Extractor:
    device = torch.device("cpu")
    preprocessing = BACKBONES[backbone].preprocessing(0)
    network = build_network(backbone, 2, 0)
    if weights := pretrained_file(backbone, None):
        load_backbone(network, weights)
    dtype = training_dtype(device, backbone)
    return freeze(network.backbone, preprocessing, dtype, device, cache)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="class folders (default: drawn samples)")
    parser.add_argument("--backbone", default="efficientnet_lite0", choices=sorted(BACKBONES))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.data or draw(Path(scratch) / "sample")
        figures = measure(folder, arguments.backbone)
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        print("\n".join(f"{name.replace('_', ' '):<28}{value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
