"""Run the training script in processes of their own that need not import torch anew.

A fork server imports torch once; each process is forked from it, before any thread ran.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

COLOURS = {"amber": (250, 180, 20), "blue": (20, 60, 220), "green": (30, 190, 60)}


def draw_photos(folder: Path, per_class: int, seed: int = 0) -> Path:
    """Folders of small pictures, one colour for each class, every picture different."""
    for number, (name, colour) in enumerate(COLOURS.items()):
        (folder / name).mkdir(parents=True)
        for index in range(per_class):
            image = Image.new("RGB", (40 + index % 5, 36), colour)
            spot = (seed * 97 + index * 13 + number * 5) % 30
            image.paste((spot * 8, 255 - spot * 8, spot), (spot, spot // 2, spot + 6, spot + 9))
            image.save(folder / name / f"{index:03}.png")
    return folder


class Run:
    """One host's training process and what it wrote."""

    def __init__(self, process: Any, log: Path, model: Path, output: Path) -> None:
        self.process = process
        self.log = log
        self.model = model
        self.output = output

    def finish(self, seconds: float = 120) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            raise AssertionError(f"still running after {seconds} s:\n{self.text()}")
        return int(self.process.exitcode)

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def metrics(self) -> list[str]:
        """The metric lines without their seconds, which no two runs share."""
        lines = [line for line in self.text().splitlines() if line.startswith("metrics ")]
        return [line.rpartition(" seconds=")[0] for line in lines]

    def wait_for(self, text: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.text():
            if self.process.exitcode is not None or time.monotonic() > deadline:
                raise AssertionError(f"{text!r} did not come:\n{self.text()}")
            time.sleep(0.005)


def start(
    folder: Path, channels: Mapping[str, Path], arguments: Sequence[str], **variables: str
) -> Run:
    """Start train.py on one host whose folders lie in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **{f"SM_CHANNEL_{name.upper()}": str(path) for name, path in channels.items()},
        "SM_MODEL_DIR": str(folder / "model"),
        "SM_OUTPUT_DIR": str(folder / "output"),
        "SM_CHECKPOINT_DIR": str(folder / "checkpoints"),
        "BREEDLINE_CONNECT_SECONDS": "60",
        **variables,
    }
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training", "torchvision"])
    log = folder / "log.txt"
    log.unlink(missing_ok=True)
    # By path: the fork server cannot import what lies under tests.
    work = {"JOB": (list(arguments), environment, str(log))}
    process = context.Process(target=runpy.run_path, args=(__file__, work, "launched"))
    process.start()
    return Run(process, log, folder / "model", folder / "output")


def start_hosts(
    folder: Path, channels: Sequence[Mapping[str, Path]], arguments: Sequence[str], port: int
) -> list[Run]:
    """Start train.py on as many hosts as `channels` names the channels of."""
    names = [f"algo-{number}" for number in range(1, len(channels) + 1)]
    shared = {
        "SM_HOSTS": json.dumps(names),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    return [
        start(folder / name, given, arguments, SM_CURRENT_HOST=name, **shared)
        for name, given in zip(names, channels, strict=True)
    ]


def run_here(arguments: Sequence[str], environment: Mapping[str, str], log: str) -> None:
    """What the forked process does: its output to `log`, then the script's main."""
    handle = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    import torch
    import train

    torch.set_num_threads(1)
    sys.exit(train.main(arguments, environment))


if __name__ == "launched":
    run_here(*JOB)  # type: ignore[name-defined]  # noqa: F821
