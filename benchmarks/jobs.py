"""What a job costs beyond its script: CreateTrainingJob to Completed against a bare process.

    python -m benchmarks.jobs [--runs 5] [--json]

Each row is one script, run three ways: `python script.py` (the floor), a job in a fresh process, a
job in a process forked from one that has imported torch. Medians, in seconds, of one run of this
file on one machine.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from local.backend import Backend, open_backend
from local.jobs.launcher import PlainLauncher, Reaper
from local.jobs.launchers import shared_launcher
from local.jobs.training import TrainingJobs
from local.objects import split_uri

SCRIPTS = {
    "does nothing": "print('done')\n",
    "imports torch, torchvision": "import torch\nimport torchvision\nprint('done')\n",
}
CODE = "s3://benchmark/code/sourcedir.tar.gz"
FINAL = {"Completed", "Failed", "Stopped"}


def measure(runs: int) -> list[dict[str, Any]]:
    """One row for each script: seconds of the bare process, a fresh job and a warm job."""
    return [_measure_script(name, script, runs) for name, script in SCRIPTS.items()]


def _measure_script(name: str, script: str, runs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        backend = open_backend(Path(folder) / "state", "123456789012", "eu-west-1", {})
        _put_code(backend, script)
        fresh = TrainingJobs(backend, PlainLauncher(Reaper()))
        warm = TrainingJobs(backend, shared_launcher())
        path = Path(folder) / "train.py"
        path.write_text(script)
        return {
            "script": name,
            "bare_process": _median(runs, lambda number: _bare(path)),
            "fresh_job": _median(runs, lambda number: _job(backend, fresh, f"fresh-{number}")),
            "warm_job": _median(runs, lambda number: _job(backend, warm, f"warm-{number}")),
        }


def _median(runs: int, run: Callable[[int], None]) -> float:
    """The median of `runs` timed runs after one that is not counted."""
    seconds = []
    for number in range(runs + 1):
        start = time.perf_counter()
        run(number)
        seconds.append(time.perf_counter() - start)
    return round(median(seconds[1:]), 3)


def _bare(path: Path) -> None:
    subprocess.run([sys.executable, str(path)], check=True, stdout=subprocess.DEVNULL)


def _job(backend: Backend, jobs: TrainingJobs, name: str) -> None:
    jobs.create(_request(name))
    job = backend.store.wait("TrainingJob", name, lambda d: d["TrainingJobStatus"] in FINAL)
    if job["TrainingJobStatus"] != "Completed":
        raise SystemExit(f"{name} {job['TrainingJobStatus']}: {job.get('FailureReason')}")


def _request(name: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": "arn:aws:iam::123456789012:role/benchmark",
        "AlgorithmSpecification": {"TrainingImage": "any", "TrainingInputMode": "File"},
        "HyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"{CODE}"',
        },
        "OutputDataConfig": {"S3OutputPath": "s3://benchmark/output"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def _put_code(backend: Backend, script: str) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(script)
        tar.addfile(member, io.BytesIO(script.encode()))
    backend.objects.write(*split_uri(CODE), archive.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = measure(arguments.runs)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'script':<28}{'bare process':>14}{'fresh job':>12}{'warm job':>12}{'warm/bare':>11}")
    for row in rows:
        ratio = row["warm_job"] / row["bare_process"]
        print(
            f"{row['script']:<28}{row['bare_process']:>12.2f} s{row['fresh_job']:>10.2f} s"
            f"{row['warm_job']:>10.2f} s{ratio:>11.2f}"
        )


if __name__ == "__main__":
    main()
