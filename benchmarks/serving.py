"""What a request to an instance of an endpoint costs, beside the model's bare forward pass.

    python -m benchmarks.serving [--backbone efficientnet_lite0] [--requests 200] [--json]

Measured in one run, on one machine and one image: the forward pass alone, the model's three
handlers called in this process, the same through an instance, and an instance whose handlers do
nothing, which is what HTTP and the calling of handlers cost. Then requests a second: of the bare
pass, of one instance with all cores, of two that share them. Milliseconds are medians (p50) and
99th percentiles; the ways take turns, because a machine's speed drifts.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

# As in an instance; the library that runs the threads reads it when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[1] / "steps"))

import inference
import torch
from export import describe, export
from hyperparameters import Hyperparameters
from images import open_image
from network import BACKBONES, build_network, load_backbone, pretrained_file
from progress import Metrics

from local.backend import Backend, open_backend
from local.capacity import available_cores
from local.endpoints.container import Container
from local.endpoints.instance import Instance, Plan
from local.endpoints.invocation import Invocation
from local.jobs.launchers import warm_up
from sample_data import draw

ACCOUNT, REGION, BUCKET = "123456789012", "eu-west-1", "benchmark"
CLASSES = [f"class-{number}" for number in range(120)]
CLIENTS = 4
ROUNDS = 10
NOTHING = (
    "def model_fn(model_dir):\n    return None\n"
    "def transform_fn(model, body, content_type, accept):\n    return b'{}'\n"
)


@dataclass(frozen=True)
class Bench:
    """A model, in this process and in S3, and an image to ask about."""

    backend: Backend
    model: inference.Classifier
    image: bytes

    def bare(self) -> Callable[[], Any]:
        """The forward pass of one image whose pixels are in memory."""
        shape = self.model.preprocessing
        pixels = shape.pixels(open_image(self.image, 50_000_000))[None]
        images = shape.normalise(pixels, self.model.dtype)

        def call() -> None:
            with torch.inference_mode():
                self.model.network(images)

        return call

    def handlers(self) -> Callable[[], Any]:
        def call() -> str:
            data = inference.input_fn(self.image, "image/jpeg")
            return inference.output_fn(inference.predict_fn(data, self.model), "application/json")

        return call

    def through(self, instance: Instance) -> Callable[[], Any]:
        invocation = Invocation("endpoint", self.image, "image/jpeg")

        def call() -> None:
            reply = instance.invoke(invocation)
            if reply.status != 200:
                raise SystemExit(f"the instance answered {reply.status}: {reply.body!r}")

        return call

    @contextmanager
    def instances(self, name: str, count: int, cores: int) -> Iterator[list[Instance]]:
        """Instances of the model data `name` that have started."""
        container = Container(name, f"s3://{BUCKET}/{name}.tar.gz")
        plan = Plan("endpoint", "AllTraffic", container, "ml.m5.xlarge", cores)
        folder = self.backend.folder / "instances"
        running = [Instance(self.backend, plan, folder / f"{name}-{n}") for n in range(count)]
        try:
            for instance in running:
                instance.start()
            yield running
        finally:
            for instance in running:
                instance.stop(patience=0)


def measure(bench: Bench, requests: int) -> dict[str, Any]:
    cores = available_cores()
    with bench.instances("model", 1, cores) as [one], bench.instances("nothing", 1, 1) as [nothing]:
        ways = {
            "bare": bench.bare(),
            "handlers": bench.handlers(),
            "instance": bench.through(one),
            "nothing": bench.through(nothing),
        }
        times = taken(ways, requests)
        rates = {"bare": rate([ways["bare"]], 1), "one": rate([ways["instance"]], CLIENTS)}
    with bench.instances("model", 2, max(1, cores // 2)) as two:
        rates["two"] = rate([bench.through(instance) for instance in two], CLIENTS)
    return {
        "cores": cores,
        "milliseconds": times,
        "over_handlers_ms": round(times["instance"]["p50"] - times["handlers"]["p50"], 3),
        "instance_over_bare": round(times["instance"]["p50"] / times["bare"]["p50"], 2),
        "requests_per_second": rates,
        "two_over_bare": round(rates["two"] / rates["bare"], 2),
        "start_seconds": start_seconds(bench, cores),
    }


def taken(ways: Mapping[str, Callable[[], Any]], requests: int) -> dict[str, dict[str, float]]:
    """Percentiles of each way, in milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, call in ways.items():
            call()  # not counted: caches and clocks follow the way before
            for _ in range(max(2, requests // ROUNDS)):
                start = time.perf_counter()
                call()
                times[name].append(1000 * (time.perf_counter() - start))
    cuts = {name: quantiles(values, n=100) for name, values in times.items()}
    return {n: {"p50": round(c[49], 3), "p99": round(c[98], 3)} for n, c in cuts.items()}


def rate(ways: list[Callable[[], Any]], clients: int, seconds: float = 5.0) -> float:
    """Calls a second by clients that ask as fast as they are answered, spread over the ways."""
    ends = time.perf_counter() + seconds

    def ask(client: int) -> int:
        count = 0
        while time.perf_counter() < ends:
            ways[client % len(ways)]()
            count += 1
        return count

    with ThreadPoolExecutor(clients) as pool:
        return round(sum(pool.map(ask, range(clients))) / seconds, 1)


def start_seconds(bench: Bench, cores: int) -> float:
    """Until an instance is healthy, once torch is warm and the model unpacked."""
    start = time.perf_counter()
    with bench.instances("model", 1, cores):
        return round(time.perf_counter() - start, 2)


@contextmanager
def prepared(backbone: str) -> Iterator[Bench]:
    warm_up()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        backend = open_backend(folder / "state", ACCOUNT, REGION, {})
        _export(folder / "model", backbone)
        backend.objects.write(BUCKET, "model.tar.gz", _packed(folder / "model"))
        (folder / "nothing" / "code").mkdir(parents=True)
        (folder / "nothing" / "code" / "inference.py").write_text(NOTHING)
        backend.objects.write(BUCKET, "nothing.tar.gz", _packed(folder / "nothing"))
        image = next(draw(folder / "sample").rglob("*.jpg")).read_bytes()
        yield Bench(backend, inference.model_fn(str(folder / "model")), image)
        backend.store.close()


def _export(folder: Path, backbone: str) -> None:
    network = build_network(backbone, len(CLASSES), 0)
    if weights := pretrained_file(backbone, None):
        load_backbone(network, weights)
    metrics = Metrics(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    provenance = describe(Hyperparameters(backbone=backbone), "none", "none", metrics)
    export(folder, network, CLASSES, BACKBONES[backbone].preprocessing(0), provenance)


def _packed(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        tar.add(folder, ".")
    return packed.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="efficientnet_lite0", choices=sorted(BACKBONES))
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with prepared(arguments.backbone) as bench:
        figures = measure(bench, arguments.requests)
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<22}{value}")


if __name__ == "__main__":
    main()
