"""What a script sees here is what AWS's own training toolkit shows it, from the same request.

Needs a Python that has `sagemaker-training` (an sdist that wants a C compiler, so no dependency):
`make toolkit` builds one and BREEDLINE_TRAINING_TOOLKIT names it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.jobs.layout import HostFolder
from tests.local.jobs.conftest import BUCKET

TOOLKIT = os.environ.get("BREEDLINE_TRAINING_TOOLKIT", "")
pytestmark = pytest.mark.skipif(
    not TOOLKIT, reason="BREEDLINE_TRAINING_TOOLKIT names no Python with sagemaker-training"
)

RUN_TOOLKIT = "from sagemaker_training.trainer import train; train()"
# The toolkit counts the machine's cores; a host here counts those it may use.
MACHINE = {"SM_NUM_CPUS"}
# Set by both, but by the toolkit from the whole search path of its own interpreter.
SEARCH_PATH = "PYTHONPATH"

TELL = """
import json, os, pathlib, sys
base = pathlib.Path(os.environ["SM_INPUT_DIR"]).parent
told = {
    "arguments": sys.argv,
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "tree": sorted(str(p.relative_to(base)) for p in base.rglob("*") if p.suffix != ".pyc"),
}
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "told.json").write_text(json.dumps(told))
print("TOLD " + json.dumps(told))
EXIT
"""

PARAMETERS = {
    "epochs": "3",
    "learning_rate": "0.05",
    "backbone": '"resnet18"',
    "fine-tune": "true",
    "frozen": "false",
    "nothing": "null",
    "layers": "[128, 133]",
    "options": '{"b": 1, "a": "x"}',
    "plain": "not json",
    "spaced": '"two words & $more"',
    "folder": '"/opt/ml/input/data/train"',
    "k": "5",
    "sagemaker_container_log_level": "20",
    "sagemaker_job_name": '"its-name"',
    "sagemaker_region": '"eu-west-1"',
    "sagemaker_distribution_instance_groups": '["homogeneousCluster"]',
}


def run_here(trainer, program: str, exit_with: str, hosts: int) -> tuple[dict[str, Any], Path]:
    trainer.backend.objects.write(BUCKET, "data/train/a.txt", b"a")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/train/"}
    channels = [
        {"ChannelName": name, "DataSource": {"S3DataSource": source}, "ContentType": "text/plain"}
        for name in ("train", "validation")
    ]
    trainer.run(
        "job",
        {program: TELL.replace("EXIT", exit_with), "other.py": "x = 1"},
        HyperParameters=PARAMETERS,
        InputDataConfig=channels,
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1},
        Environment={"MINE": "yes"},
    )
    line = next(line for line in trainer.log("job") if line.startswith("TOLD "))
    root = HostFolder(trainer.backend.folder / "jobs/training/job/algo-1", "algo-1").root
    return json.loads(line.removeprefix("TOLD ")), root


def run_toolkit(
    base: Path, root: Path, program: str, exit_with: str
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    shutil.copytree(root / "input" / "config", base / "input" / "config")
    for channel in ("train", "validation"):
        (base / "input" / "data" / channel).mkdir(parents=True)
        (base / "input" / "data" / channel / "a.txt").write_text("a")
    for folder in ("code", "model", "output/data", "checkpoints"):
        (base / folder).mkdir(parents=True)
    (base / "code" / program).write_text(TELL.replace("EXIT", exit_with))
    (base / "code" / "other.py").write_text("x = 1")
    environment = {
        "PATH": os.environ["PATH"],
        "SAGEMAKER_BASE_DIR": str(base),
        "TRAINING_JOB_NAME": "job",
        "SM_STUDIO_LOCAL_MODE": "true",  # no wait for the name algo-1 to resolve
        "MINE": "yes",
    }
    done = subprocess.run(
        [TOOLKIT, "-c", RUN_TOOLKIT], env=environment, capture_output=True, text=True, check=False
    )
    told = json.loads((base / "output" / "data" / "told.json").read_text())
    return told, done


def neutral(value: Any, base: Path) -> Any:
    """`value` with its base folder named /opt/ml and JSON texts decoded."""
    return json.loads(json.dumps(value).replace(str(base), "/opt/ml"))


def variables(told: dict[str, Any]) -> dict[str, Any]:
    wanted = {n: v for n, v in told["environment"].items() if n.startswith("SM_")}
    extra = MACHINE | {"SM_STUDIO_LOCAL_MODE"}
    kept = {name: value for name, value in wanted.items() if name not in extra}
    training = json.loads(kept["SM_TRAINING_ENV"])
    del training["num_cpus"]
    return kept | {"SM_TRAINING_ENV": training}


@pytest.mark.parametrize("hosts", [1, 2])
def test_variables_arguments_and_folders_are_the_toolkits(trainer, tmp_path, hosts):
    here, root = run_here(trainer, "train.py", "", hosts)
    there, _ = run_toolkit(tmp_path / "toolkit", root, "train.py", "")
    here, there = neutral(here, root), neutral(there, tmp_path / "toolkit")
    assert here["arguments"] == there["arguments"]
    assert here["folder"] == there["folder"]
    assert here["tree"] == there["tree"]
    assert variables(here) == variables(there)
    others = ("TRAINING_JOB_NAME", "CURRENT_HOST", "SAGEMAKER_REGION", "SAGEMAKER_JOB_NAME", "MINE")
    for name in others:
        assert here["environment"][name] == there["environment"][name], name
    first = [told["environment"][SEARCH_PATH].split(":")[0] for told in (here, there)]
    assert first == ["/opt/ml/code"] * 2


@pytest.mark.parametrize("exit_with", ["", "sys.exit(7)", "raise KeyError('beagle')"])
def test_success_and_failure_files_are_the_toolkits(trainer, tmp_path, exit_with):
    _, root = run_here(trainer, "train.py", exit_with, 1)
    _, done = run_toolkit(tmp_path / "toolkit", root, "train.py", exit_with)
    ended = {
        name: [(base / "output" / name).exists() for base in (root, tmp_path / "toolkit")]
        for name in ("success", "failure")
    }
    assert ended["success"] == [done.returncode == 0] * 2
    assert ended["failure"] == [done.returncode != 0] * 2
    status = trainer.backend.store.get("TrainingJob", "job")["TrainingJobStatus"]
    assert status == ("Completed" if done.returncode == 0 else "Failed")
