"""The training script's command line and SageMaker's variables, read once and checked in full.

Boundary: strings in, frozen typed values out. All problems are reported together.
Run the tests: `pytest tests/steps/test_hyperparameters.py`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fields import Limit, hyperparameter, integer, number, one_of, whole
from thresholds import Thresholds

# SageMaker's own entries among the hyperparameters; its toolkit keeps most of them to itself.
_PLATFORM = ("_", "sagemaker_")


class SettingsProblem(Exception):
    """Hyperparameters or variables that cannot be used; one sentence for each problem."""


_IMAGE_SIZE = Limit(whole, lambda v: v == 0 or 32 <= v <= 1024, "0, or pixels from 32 to 1024")


@dataclass(frozen=True)
class Hyperparameters:
    """What a tuner may choose. The batch size is that of all hosts together."""

    backbone: str = hyperparameter(
        "efficientnet_lite0",
        one_of("efficientnet_lite0", "resnet18", "resnet50"),
        "network that turns an image into features",
    )
    fine_tune: str = hyperparameter(
        "head",
        one_of("head", "all"),
        "what is trained: the head on a frozen backbone, or all weights",
    )
    pretrained: str = hyperparameter(
        "auto",
        one_of("auto", "none"),
        "auto: weights from the channel or the installed package; none: random weights",
    )
    epochs: int = hyperparameter(30, integer(1, 10_000), "passes over the training images")
    batch_size: int = hyperparameter(
        32, integer(1, 65_536), "images in one step, over all hosts together"
    )
    learning_rate: float = hyperparameter(
        0.001,
        number(1e-8, 10),
        "highest step size of AdamW for the head, then falling along a cosine to 0; "
        "with fine_tune=all the backbone gets a tenth of it",
    )
    weight_decay: float = hyperparameter(
        0.0001, number(0, 10), "AdamW's decay, per step and unit of step size"
    )
    hidden_units: int = hyperparameter(
        0, integer(0, 65_536), "units of the head's hidden layer; 0 makes a linear head"
    )
    patience: int = hyperparameter(
        5,
        integer(0, 10_000),
        "epochs without a lower validation loss after which training stops; 0: never",
    )
    seed: int = hyperparameter(
        7, integer(0, 2**31 - 1), "seed of the first weights, the order and the augmentation"
    )
    image_size: int = hyperparameter(
        0, _IMAGE_SIZE, "side of the square the backbone sees, in pixels; 0: the backbone's own"
    )
    precision: str = hyperparameter(
        "auto",
        one_of("auto", "float32", "bfloat16"),
        "arithmetic of the backbone; auto: bfloat16 where the machine is faster with it",
    )


_ENTRIES = (*fields(Hyperparameters), *fields(Thresholds))


@dataclass(frozen=True)
class Folders:
    """Where the container keeps what. Optional channels are None when absent."""

    train: Path
    validation: Path
    dataset: Path | None
    pretrained: Path | None
    model: Path
    output: Path
    checkpoints: Path
    feature_cache: Path


@dataclass(frozen=True)
class Placement:
    """Which host this is among which, and how many processes each host runs."""

    hosts: tuple[str, ...] = ("algo-1",)
    current: str = "algo-1"
    gpus: int = 0
    address: str = "algo-1"
    port: int = 7777
    timeout: float = 300.0


@dataclass(frozen=True)
class Job:
    """Everything the training script is told."""

    hyperparameters: Hyperparameters
    folders: Folders
    placement: Placement
    thresholds: Thresholds = field(default_factory=Thresholds)


def read_job(arguments: Sequence[str], environment: Mapping[str, str]) -> Job:
    """The job of a command line and an environment; SettingsProblem with all that is wrong."""
    problems: list[str] = []
    hyperparameters, thresholds = _read_hyperparameters(arguments, problems)
    folders = _read_folders(environment, problems)
    placement = _read_placement(environment, problems)
    if problems:
        raise SettingsProblem("\n".join(problems))
    return Job(hyperparameters, folders, placement, thresholds)


def output_folder(environment: Mapping[str, str]) -> Path:
    """Where the file `failure` goes; needed also when nothing else could be read."""
    return Path(environment.get("SM_OUTPUT_DIR") or "/opt/ml/output")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.py",
        description="Train an image classifier on SageMaker's channels train and validation.",
        allow_abbrev=False,
    )
    for entry in _ENTRIES:
        limit: Limit = entry.metadata["limit"]
        text = f"{limit.help} ({limit.allowed}; default {entry.default})"
        parser.add_argument(f"--{entry.name}", nargs="?", const="", metavar="VALUE", help=text)
    return parser


def _read_hyperparameters(
    arguments: Sequence[str], problems: list[str]
) -> tuple[Hyperparameters, Thresholds]:
    known, unknown = _parser().parse_known_args(list(arguments))
    names = ", ".join(entry.name for entry in _ENTRIES)
    given = [text[2:].split("=")[0] for text in unknown if text.startswith("--")]
    problems += [
        f"The hyperparameter {name} is unknown; known are {names}."
        for name in given
        if not name.startswith(_PLATFORM)
    ]
    values = {}
    for entry in _ENTRIES:
        text = getattr(known, entry.name)
        if text is not None:
            values[entry.name] = _read_value(entry.name, text, entry.metadata["limit"], problems)
    if problems:
        return Hyperparameters(), Thresholds()
    ours = {entry.name for entry in fields(Thresholds)}
    chosen = {name: value for name, value in values.items() if name not in ours}
    watched = {name: value for name, value in values.items() if name in ours}
    return Hyperparameters(**chosen), Thresholds(**watched)


def _read_value(name: str, text: str, limit: Limit, problems: list[str]) -> Any:
    try:
        value = limit.convert(text)
        if limit.accepts(value):
            return value
    except (ValueError, OverflowError):
        pass  # not a number at all: the same sentence as for a number out of range
    problems.append(f"The hyperparameter {name} is {text!r}; it must be {limit.allowed}.")
    return None


def _read_folders(environment: Mapping[str, str], problems: list[str]) -> Folders:
    problems += [
        f"The channel {name} is missing; give the training job that channel."
        for name in ("train", "validation")
        if not environment.get(f"SM_CHANNEL_{name.upper()}")
    ]

    def channel(name: str) -> Path | None:
        value = environment.get(f"SM_CHANNEL_{name.upper()}")
        return Path(value) if value else None

    def folder(variable: str, default: str) -> Path:
        return Path(environment.get(variable) or default)

    checkpoints = folder("SM_CHECKPOINT_DIR", "/opt/ml/checkpoints")
    # Beside the checkpoints, features travel to S3 with them and survive an interruption.
    cache = environment.get("BREEDLINE_FEATURE_CACHE")
    return Folders(
        channel("train") or Path(),
        channel("validation") or Path(),
        channel("dataset"),
        channel("pretrained"),
        folder("SM_MODEL_DIR", "/opt/ml/model"),
        output_folder(environment),
        checkpoints,
        Path(cache) if cache else checkpoints / "features",
    )


def _read_placement(environment: Mapping[str, str], problems: list[str]) -> Placement:
    try:
        hosts = tuple(sorted(json.loads(environment.get("SM_HOSTS") or '["algo-1"]')))
        current = environment.get("SM_CURRENT_HOST") or hosts[0]
        port = int(environment.get("MASTER_PORT") or 7777)
        gpus = int(environment.get("SM_NUM_GPUS") or 0)
        timeout = float(environment.get("BREEDLINE_CONNECT_SECONDS") or 300)
    except (ValueError, TypeError, IndexError) as error:
        problems.append(f"SageMaker's variables SM_HOSTS, SM_NUM_GPUS, MASTER_PORT: {error}.")
        return Placement()
    if current not in hosts:
        problems.append(f"SM_CURRENT_HOST is {current!r}; SM_HOSTS names {', '.join(hosts)}.")
    address = environment.get("MASTER_ADDR") or hosts[0]
    return Placement(hosts, current, gpus, address, port, timeout)
