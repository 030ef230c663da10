"""The example's steps as SageMaker runs them: programs beside what their package holds."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import settings
from examples.tabular.housing import draw
from provision.packages import build
from workloads import STEPS, TABULAR_FOLDER, workload_of

ROWS, TREES = 500, 20


@dataclass(frozen=True)
class Programs:
    """Runs a step's script from its code package; `work` holds what they leave."""

    code: Path
    work: Path

    def run(self, step: str, *arguments: object, code: int = 0, **variables: object) -> str:
        """What it printed; its standard error where `code` is another than 0."""
        done = subprocess.run(
            [sys.executable, str(self.code / step / f"{step}.py"), *map(str, arguments)],
            env={"PATH": os.environ["PATH"], **{k: str(v) for k, v in variables.items()}},
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def prepare(self, data: Path, target: str = "price", code: int = 0, **options: object) -> str:
        more = [part for name, value in options.items() for part in (f"--{_dashed(name)}", value)]
        places = ("--input", data, "--output", "splits", "--statistics", "statistics")
        return self.run("prepare", *places, "--target", target, *more, code=code)

    def train(self, *arguments: object, code: int = 0) -> str:
        splits = self.work / "splits"
        channels = {
            f"SM_CHANNEL_{name.upper()}": splits / name
            for name in ("train", "validation", "dataset")
        }
        places = {"SM_MODEL_DIR": self.work / "model", "SM_OUTPUT_DIR": self.work / "output"}
        return self.run("train", *arguments, code=code, **channels, **places)

    def pack(self) -> Path:
        """The artifact, as SageMaker makes it of the model folder."""
        with tarfile.open(self.work / "model.tar.gz", "w:gz") as tar:
            tar.add(self.work / "model", ".")
        return self.work / "model.tar.gz"

    def evaluate(self, *arguments: object, code: int = 0) -> str:
        places = ("--model", ".", "--test", "splits/test", "--dataset", "splits/dataset")
        return self.run("evaluate", *places, "--output", "evaluation", *arguments, code=code)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


@pytest.fixture(scope="session")
def tabular() -> settings.Settings:
    return settings.load("local", TABULAR_FOLDER / "environments.toml")


@pytest.fixture(scope="session")
def code(tabular: settings.Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each step's code package, unpacked."""
    folder = tmp_path_factory.mktemp("code")
    for step, package in build(tabular, workload_of(tabular).steps, STEPS).items():
        (folder / step).mkdir()
        for name, body in package.files.items():
            (folder / step / name).write_bytes(body)
    return folder


@pytest.fixture
def programs(code: Path, tmp_path: Path) -> Programs:
    return Programs(code, tmp_path)


@pytest.fixture(scope="session")
def made(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Splits, a model, its artifact and its evaluation, of a small table."""
    programs = Programs(code, tmp_path_factory.mktemp("made"))
    draw(programs.work / "data", ROWS)
    programs.prepare(programs.work / "data")
    (programs.work / "train.log").write_text(programs.train("--trees", TREES))
    programs.pack()
    programs.evaluate()
    return programs
