"""The script that an instance runs when it starts: a few assignments, then `user_data.sh`."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

from errors import BreedlineError
from pipeline.ec2.task import Training

SCRIPT = Path(__file__).with_name("user_data.sh")
TASK = "task.json"
LONGEST = 16_384  # bytes that EC2 takes, before they are encoded


def compile_user_data(training: Training, program_uri: str) -> str:
    """The user data; `program_uri` is the package of `inside/`, a tarball in S3."""
    settings = training.settings
    variables = {
        "AWS_DEFAULT_REGION": settings.aws.region,
        "INTERPRETER": _interpreter(settings.images.training_python),
        "MINUTES": str(math.ceil(settings.ec2.max_runtime_seconds / 60)),
        "PROGRAM": program_uri,
        "TASK": f"{training.place}/{TASK}",
        "TORCH": settings.images.training_version,
    }
    assignments = (f"{name}={shlex.quote(value)}" for name, value in variables.items())
    text = "\n".join(["#!/bin/bash", *assignments, "", SCRIPT.read_text(encoding="utf-8")])
    if len(text.encode()) > LONGEST:
        raise BreedlineError(f"The user data is longer than EC2 takes ({LONGEST} bytes).")
    return text


def _interpreter(name: str) -> str:
    """`py312` as Amazon Linux calls it: python3.12."""
    return f"python3.{name.removeprefix('py3')}"
