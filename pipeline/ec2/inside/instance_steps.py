"""The steps of the pipeline, one after the other on this machine."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from instance_figures import passes, resolve
from instance_files import Files, pack
from instance_log import InstanceLog
from instance_stop import Stop

CONTAINER = "/opt/ml"  # where the containers of SageMaker have all that is here below `base`
SHOWN = 400  # characters of a failure's reason


class StepFailed(Exception):
    """A step ended otherwise than it should; one sentence."""


@dataclass(frozen=True)
class Instance:
    """What is to be done, where, and with what."""

    task: Mapping[str, Any]
    base: Path
    files: Files
    log: InstanceLog
    stop: Stop

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def output(self) -> Path:
        return self.base / "output"

    @property
    def processing(self) -> Path:
        return self.base / "processing"

    def place(self, name: str) -> str:
        """Where in S3 this training leaves what."""
        return f"{self.task['place']}/{name}"


def train_and_register(instance: Instance) -> dict[str, Any]:
    """How it ended: {"status", "reason", "model", …}.

    Raises StepFailed, Interrupted or FilesError.
    """
    _prepare(instance)
    _train(instance)
    report = _evaluate(instance)
    result = {
        "model": instance.place("train/model.tar.gz"),
        "evaluation": instance.place("evaluate/evaluation.json"),
    }
    gate = instance.task["gate"]
    if not passes(gate["conditions"], report):
        return {"status": "Rejected", "reason": resolve(gate["message"], report), **result}
    request = resolve(instance.task["register"], report)
    arn = boto3.client("sagemaker").create_model_package(**request)["ModelPackageArn"]
    status = request["ModelApprovalStatus"]
    reason = f"{arn} is registered ({status})."
    return {"status": "Succeeded", "reason": reason, "model_package_arn": arn, **result}


def _prepare(instance: Instance) -> None:
    task, data = instance.task, instance.processing / "input/data"
    instance.log.say(f"INFO fetching {task['data']}")
    if instance.files.fetch_folder(task["data"], data) == 0:
        raise StepFailed(f"There are no files below {task['data']}; name a data set.")
    _run_script(instance, "prepare", task["prepare"]["arguments"], {})
    instance.files.put_folder(
        instance.processing / "output/statistics", instance.place("prepare/statistics")
    )


def _train(instance: Instance) -> None:
    task, checkpoints = instance.task, instance.base / "checkpoints"
    for folder in (checkpoints, instance.model, instance.output):
        folder.mkdir(parents=True, exist_ok=True)
    kept = instance.files.fetch_folder(task["checkpoints"], checkpoints)
    if kept:
        instance.log.say(f"INFO going on from {task['checkpoints']}")
    options = []
    for name, value in sorted(task["train"]["hyperparameters"].items()):
        options += [f"--{name}", value]
    with instance.files.keeping(checkpoints, task["checkpoints"]):
        _run_script(instance, "train", options, _variables(instance, checkpoints))
    archive = instance.processing / "input/model/model.tar.gz"
    pack(instance.model, archive)
    instance.files.put_file(archive, instance.place("train/model.tar.gz"))


def _evaluate(instance: Instance) -> dict[str, Any]:
    _run_script(instance, "evaluate", instance.task["evaluate"]["arguments"], {})
    folder = instance.processing / "output/evaluation"
    instance.files.put_folder(folder, instance.place("evaluate"))
    report: dict[str, Any] = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    return report


def _variables(instance: Instance, checkpoints: Path) -> dict[str, str]:
    """What SageMaker tells a training script, of one host."""
    splits = instance.processing / "output/splits"
    found = {
        "SM_CHANNEL_TRAIN": str(splits / "train/S3Prefix"),
        "SM_CHANNEL_VALIDATION": str(splits / "validation/S3Prefix"),
        "SM_CHANNEL_DATASET": str(splits / "dataset"),
        "SM_MODEL_DIR": str(instance.model),
        "SM_OUTPUT_DIR": str(instance.output),
        "SM_CHECKPOINT_DIR": str(checkpoints),
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_NUM_GPUS": str(_gpus()),
        "MASTER_ADDR": "127.0.0.1",
    }
    if instance.task["pretrained"]:
        folder = instance.base / "input/data/pretrained"
        instance.files.fetch_folder(instance.task["pretrained"], folder)
        found["SM_CHANNEL_PRETRAINED"] = str(folder)
    return found


def _gpus() -> int:
    if shutil.which("nvidia-smi") is None:
        return 0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def _run_script(
    instance: Instance, step: str, options: list[str], variables: Mapping[str, str]
) -> None:
    """Run the step's script to its end, its output in the log; raises StepFailed or Interrupted."""
    instance.stop.check()
    code, script = instance.base / "code" / step, instance.task[step]
    instance.files.fetch_code(script["code"], code)
    _install(instance, code)
    here = [_here(instance, option) for option in options]
    instance.log.say(f"INFO {step}: {script['program']}")
    status, last = _follow(
        instance, [sys.executable, script["program"], *here], code, {**os.environ, **variables}
    )
    instance.stop.check()
    if status != 0:
        failure = instance.output / "failure"
        told = failure.read_text(encoding="utf-8") if failure.is_file() else last
        raise StepFailed(f"{step} failed (exit status {status}): {told[:SHOWN]}")


def _follow(
    instance: Instance, command: list[str], folder: Path, environment: Mapping[str, str]
) -> tuple[int, str]:
    """Exit status and last line of a program whose lines go to the log."""
    last = "it said nothing"
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        instance.stop.watch(child)
        assert child.stdout is not None  # noqa: S101 - asked for above
        for line in child.stdout:
            last = line.strip() or last
            instance.log.say(line.rstrip("\n"))
        status = child.wait()
    instance.stop.watch(None)
    return status, last


def _here(instance: Instance, option: str) -> str:
    """A path of the containers as it is on this machine."""
    if option.startswith(f"{CONTAINER}/"):
        return f"{instance.base}{option.removeprefix(CONTAINER)}"
    return option


def _install(instance: Instance, code: Path) -> None:
    """What requirements.txt asks for and this machine does not have."""
    path = code / "requirements.txt"
    if not path.is_file() or all(map(_is_there, path.read_text(encoding="utf-8").split())):
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "-r", str(path)]
    status, last = _follow(instance, command, code, os.environ)
    if status != 0:
        raise StepFailed(f"{path.name} cannot be installed: {last[:SHOWN]}")


def _is_there(requirement: str) -> bool:
    name, _, version = requirement.partition("==")
    try:
        return importlib.metadata.version(name) == version
    except importlib.metadata.PackageNotFoundError:
        return False
