"""Starts a training: its program and task go to the bucket, then the instance is asked for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from errors import BreedlineError
from pipeline.ec2 import requests
from pipeline.ec2.requests import Machine
from pipeline.ec2.task import Training
from pipeline.ec2.user_data import TASK, compile_user_data
from provision.change import Clients
from provision.ec2.surroundings import ensure_surroundings
from provision.packages import Package
from provision.waiting import is_unsettled, patiently

INSIDE = Path(requests.__file__).with_name("inside")
CODE = "ec2"


def launch(clients: Clients, training: Training, task: Mapping[str, Any], *, spot: bool) -> str:
    """Start the instance that carries out `task`; returns its id.

    Raises BreedlineError where something that the settings name is missing, and when EC2 has no
    spot capacity.
    """
    surroundings = ensure_surroundings(clients, training.settings)
    program = read_program(training.settings.bucket)
    program.upload(clients("s3"))
    clients("s3").put_object(
        Bucket=training.settings.bucket,
        Key=f"{training.key}/{TASK}",
        Body=json.dumps(task, indent=2, sort_keys=True).encode(),
    )
    machine = Machine(
        surroundings.image,
        surroundings.profile,
        surroundings.security_group,
        surroundings.subnets,
        compile_user_data(training, program.uri),
    )
    start = _on_spot if spot else _on_demand
    return start(clients, training, machine)


def read_program(bucket: str) -> Package:
    """The code package of what runs on the instance."""
    files = {path.name: path.read_bytes() for path in sorted(INSIDE.glob("*.py"))}
    return Package(CODE, bucket, files, as_tarball=True)


def _on_demand(clients: Clients, training: Training, machine: Machine) -> str:
    request = requests.on_demand(training, machine)
    # A profile that was just made is not known to EC2 for some seconds.
    answer = patiently(clients, lambda: clients("ec2").run_instances(**request))
    return str(answer["Instances"][0]["InstanceId"])


def _on_spot(clients: Clients, training: Training, machine: Machine) -> str:
    """The template is needed only while the fleet starts, which replaces nothing afterwards."""
    ec2 = clients("ec2")
    ec2.create_launch_template(**requests.launch_template(training, machine))
    try:
        attempts = itertools.count()
        answer = patiently(clients, lambda: _fleet(ec2, training, machine, next(attempts)))
    finally:
        ec2.delete_launch_template(LaunchTemplateName=requests.template_name(training))
    started = [one for each in answer.get("Instances", []) for one in each["InstanceIds"]]
    if started:
        return str(started[0])
    said = sorted({error["ErrorMessage"] for error in answer.get("Errors", [])})
    raise BreedlineError(
        f"EC2 started none of {', '.join(training.settings.ec2.instance_types)} on spot "
        f"({' '.join(said) or 'it gives no reason'}); name further ec2.instance_types, try later, "
        "or leave --spot out."
    )


def _fleet(ec2: Any, training: Training, machine: Machine, attempt: int) -> dict[str, Any]:
    """CreateFleet's answer. It fails as RunInstances does where EC2 does not know the profile yet,
    which a fleet only tells among its errors."""
    answer: dict[str, Any] = ec2.create_fleet(**requests.spot_fleet(training, machine, attempt))
    for error in answer.get("Errors", []) if not answer.get("Instances") else []:
        if is_unsettled(error["ErrorMessage"]):
            fault = {"Code": error["ErrorCode"], "Message": error["ErrorMessage"]}
            raise ClientError({"Error": fault}, "CreateFleet")
    return answer
