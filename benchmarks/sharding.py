"""What each host of a training job gets, replicated and sharded, and what it does to training.

    python -m benchmarks.sharding [--data FOLDER] [--hosts 1 2 4] [--data-type S3Prefix] [--json]

Prepare splits the images once; then the real training script fine-tunes a whole ResNet-18 for a few
epochs as a job of the embedded AWS, once for each number of hosts and each distribution. Files and
megabytes are counted in the train channel of every host as it starts. All rows must end with the
same validation loss: who reads which image must not matter. Hosts share one machine here, and files
are linked, not copied: what is seen is who gets what and that training stays right, not how fast
several machines are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from local.backend import Backend, open_backend
from local.jobs.launcher import HostCommand, Launcher, Process
from local.jobs.launchers import shared_launcher
from local.jobs.training import TrainingJobs
from provision.sources import closure
from sample_data import draw

STEPS = Path(__file__).parents[1] / "steps"
BUCKET = "benchmark"
DISTRIBUTIONS = ("FullyReplicated", "ShardedByS3Key")
FINAL = {"Completed", "Failed", "Stopped"}
TOLERANCE = 0.01  # of the final loss: sums over hosts are rounded in another order
HYPERPARAMETERS = {
    "backbone": "resnet18",
    "pretrained": "none",
    "fine_tune": "all",
    "precision": "float32",
    "image_size": "64",
    "learning_rate": "0.0005",
    "batch_size": "32",
    "patience": "0",
}


@dataclass
class CountingLauncher:
    """Starts hosts, and counts what lies in their train channels at that moment."""

    inner: Launcher
    counted: list[tuple[int, int]] = field(default_factory=list)

    def start(self, command: HostCommand) -> Process:
        files = [p for p in (command.root / "input/data/train").rglob("*") if p.is_file()]
        self.counted.append((len(files), sum(path.stat().st_size for path in files)))
        return self.inner.start(command)


class Bench:
    """One embedded AWS with the photos, their splits and the training script in its bucket."""

    def __init__(self, folder: Path, photos: Path, data_type: str) -> None:
        self.data_type = data_type
        self.backend = open_backend(folder / "state", "123456789012", "eu-west-1", {})
        _upload(self.backend, photos, "photos")
        _upload(self.backend, _prepared(photos, folder / "prepared", data_type), "splits")
        code = folder / "sourcedir.tar.gz"
        with tarfile.open(code, "w:gz") as archive:
            for name in closure(STEPS, ("train.py", "inference.py")):
                archive.add(STEPS / name, name)
        self.backend.objects.write(BUCKET, "code/sourcedir.tar.gz", code)
        self.launcher = CountingLauncher(shared_launcher())
        self.jobs = TrainingJobs(self.backend, self.launcher)

    def measure(self, distribution: str, hosts: int, epochs: int) -> dict[str, Any]:
        """One job; exits with its reason when it fails."""
        name = f"{distribution.lower()}-{hosts}"
        values: dict[str, list[float]] = {}
        self.launcher.counted.clear()
        self.jobs.create(
            self._request(name, distribution, hosts, epochs),
            on_metric=lambda metric, value, when: values.setdefault(metric, []).append(value),
        )
        job = self.backend.store.wait(
            "TrainingJob", name, lambda d: d["TrainingJobStatus"] in FINAL, timeout=3600
        )
        if job["TrainingJobStatus"] != "Completed":
            raise SystemExit(f"{name} {job['TrainingJobStatus']}: {job.get('FailureReason')}")
        files, sizes = zip(*self.launcher.counted, strict=True)
        # The last line repeats the best epoch's; the first epoch also warms up.
        seconds = values["seconds"][:-1]
        return {
            "distribution": distribution,
            "hosts": hosts,
            "files_per_host": _span(files),
            "megabytes_per_host": _span([round(size / 1e6, 2) for size in sizes]),
            "download_seconds": round(_downloading(job), 3),
            "epoch_seconds": round(mean(seconds[1:] or seconds), 2),
            "validation_loss": values["validation:loss"][-2],
        }

    def _request(self, name: str, distribution: str, hosts: int, epochs: int) -> dict[str, Any]:
        metrics = ("seconds", "validation:loss")
        return {
            "TrainingJobName": name,
            "RoleArn": "arn:aws:iam::123456789012:role/benchmark",
            "AlgorithmSpecification": {
                "TrainingImage": "any",
                "TrainingInputMode": "File",
                "MetricDefinitions": [
                    {"Name": metric, "Regex": rf"{metric}=([0-9.eE+-]+)"} for metric in metrics
                ],
            },
            "HyperParameters": {
                **HYPERPARAMETERS,
                "epochs": str(epochs),
                "sagemaker_program": '"train.py"',
                "sagemaker_submit_directory": f'"s3://{BUCKET}/code/sourcedir.tar.gz"',
            },
            "InputDataConfig": [
                self._channel("train", distribution),
                self._channel("validation", "FullyReplicated"),
                _channel("dataset", f"s3://{BUCKET}/splits/dataset", "S3Prefix", "FullyReplicated"),
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/output"},
            "ResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": hosts,
                "VolumeSizeInGB": 30,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        }

    def _channel(self, split: str, distribution: str) -> dict[str, Any]:
        uri = f"s3://{BUCKET}/splits/{split}/{self.data_type}"
        return _channel(split, uri, self.data_type, distribution)


def _channel(name: str, uri: str, data_type: str, distribution: str) -> dict[str, Any]:
    source = {"S3DataType": data_type, "S3Uri": uri, "S3DataDistributionType": distribution}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _prepared(photos: Path, folder: Path, data_type: str) -> Path:
    """The splits that prepare.py makes of the photos."""
    words = [sys.executable, str(STEPS / "prepare.py"), "--input", str(photos)]
    words += ["--source-uri", f"s3://{BUCKET}/photos", "--output", str(folder / "splits")]
    words += ["--statistics", str(folder / "statistics"), "--data-type", data_type]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return folder / "splits"


def _upload(backend: Backend, folder: Path, prefix: str) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            key = f"{prefix}/{path.relative_to(folder).as_posix()}"
            backend.objects.write(BUCKET, key, path)


def _downloading(job: dict[str, Any]) -> float:
    """Seconds in which the hosts' folders were filled."""
    change = next(c for c in job["SecondaryStatusTransitions"] if c["Status"] == "Downloading")
    return float(change["EndTime"] - change["StartTime"])


def _span(values: Sequence[float]) -> str:
    least, most = min(values), max(values)
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"


def measure(
    photos: Path, hosts: Sequence[int], epochs: int, data_type: str
) -> list[dict[str, Any]]:
    """A row for each number of hosts and each distribution."""
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), photos, data_type)
        return [
            bench.measure(distribution, count, epochs)
            for count in hosts
            for distribution in DISTRIBUTIONS
        ]


def deviation(rows: Sequence[dict[str, Any]]) -> float:
    """How far the final losses lie apart, as a part of the first."""
    losses = [row["validation_loss"] for row in rows]
    return float((max(losses) - min(losses)) / losses[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="class folders (default: drawn samples)")
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--data-type", choices=("ManifestFile", "S3Prefix"), default="ManifestFile")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        photos = arguments.data or draw(Path(scratch) / "sample")
        rows = measure(photos, arguments.hosts, arguments.epochs, arguments.data_type)
    apart = deviation(rows)
    if arguments.json:
        print(json.dumps({"rows": rows, "losses_apart": apart, "load": os.getloadavg()}, indent=2))
    else:
        _print(rows)
        print(f"final losses lie {apart:.2%} apart; load average {os.getloadavg()[0]:.1f}")
    return 0 if apart <= TOLERANCE else 1


def _print(rows: Sequence[dict[str, Any]]) -> None:
    cells = [[name.replace("_", " ") for name in rows[0]]]
    cells += [[str(value) for value in row.values()] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
