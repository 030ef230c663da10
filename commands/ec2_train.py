"""`ec2-train`: train on one instance of EC2, without SageMaker's jobs."""

from __future__ import annotations

import argparse
import json
import re
import secrets
import sys
import time
from typing import Any

from commands.execution import parse_parameters
from commands.executions import find_last_data
from commands.output import emit, say
from commands.session import Session
from errors import BreedlineError
from pipeline.ec2.task import Training, compile_task
from provision.change import Clients
from provision.ec2.instances import describe_instance, list_instances, live, terminate
from provision.ec2.launch import launch
from statemachine.names import Names

NAME = re.compile(r"[a-z0-9](-?[a-z0-9]){0,39}")
ENDED = ("terminated", "stopped")
SHOWN = 20  # lines of a console


def ec2_train(session: Session, arguments: argparse.Namespace) -> int:
    """Start a training, or find the one of that name; with --wait follow it to its end."""
    if arguments.stop and not arguments.name:
        raise BreedlineError("--stop ends one training; say which with --name.")
    training = Training(session.settings, _name(arguments.name))
    clients = Clients(session.client)
    if arguments.stop:
        return _stop(session, clients, training)
    instance_id = _find(session, clients, training, arguments) or _start(
        session, clients, training, arguments
    )
    if arguments.wait:
        return _follow_and_print(session, clients, training, instance_id)
    result = {"name": training.name, "instance_id": instance_id}
    emit(result, f"{training.name} {instance_id}", session.as_json)
    return 0


def _name(given: str | None) -> str:
    if given is None:
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        return f"{moment}-{secrets.token_hex(2)}"
    if NAME.fullmatch(given):
        return given
    raise BreedlineError(
        f"--name '{given}' names no training; allowed: a-z, 0-9 and single '-', at most 40."
    )


def _find(
    session: Session, clients: Clients, training: Training, arguments: argparse.Namespace
) -> str | None:
    """The instance of a training of this name; None where there was none."""
    if arguments.name is None:
        return None
    if found := list_instances(clients, session.settings, training.name):
        instance_id = str(found[0]["InstanceId"])
        unheard = arguments.param or arguments.spot
        say(
            f"The training '{training.name}' has the instance {instance_id} "
            f"({found[0]['State']['Name']})"
            + ("; --param and --spot change nothing of it." if unheard else ".")
        )
        return instance_id
    if _outcome(session, training):
        raise BreedlineError(
            f"There was a training '{training.name}' ({training.place}); give another --name."
        )
    return None


def _start(
    session: Session, clients: Clients, training: Training, arguments: argparse.Namespace
) -> str:
    values = parse_parameters(arguments.param)
    if "InputDataUri" not in values and not session.settings.pipeline.data_uri:
        last = find_last_data(session.client("sagemaker"), session.settings.pipeline.name)
        values |= {"InputDataUri": last} if last else {}
    task = compile_task(training, _definition(session), values)
    instance_id = launch(clients, training, task, spot=arguments.spot)
    kind = "spot" if arguments.spot else "on demand"
    say(f"Training     {training.name} on the instance {instance_id} ({kind})")
    say(f"Data         {task['data']}")
    say(f"Results      {training.place}")
    return instance_id


def _definition(session: Session) -> dict[str, Any]:
    """The pipeline as it is deployed, whose code packages are in the bucket."""
    sagemaker, name = session.client("sagemaker"), session.settings.pipeline.name
    try:
        deployed = sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"]
    except sagemaker.exceptions.ResourceNotFound as error:
        raise BreedlineError(
            f"The pipeline '{name}', whose steps ec2-train runs, is not deployed in the "
            f"environment '{session.settings.environment}'; run `python definitions.py upsert` "
            "first."
        ) from error
    definition: dict[str, Any] = json.loads(deployed)
    return definition


def _stop(session: Session, clients: Clients, training: Training) -> int:
    found = list(live(list_instances(clients, session.settings, training.name)))
    if not found:
        raise BreedlineError(f"No instance trains '{training.name}'; there is nothing to stop.")
    for instance in found:
        terminate(clients, instance["InstanceId"])
    ids = [instance["InstanceId"] for instance in found]
    result = {"name": training.name, "terminated": ids}
    emit(result, f"terminated {', '.join(ids)}", session.as_json)
    return 0


def _follow_and_print(
    session: Session, clients: Clients, training: Training, instance_id: str
) -> int:
    try:
        instance = _follow(session, clients, training, instance_id)
    except KeyboardInterrupt:
        again = f"python definitions.py ec2-train --name {training.name}"
        say(f"\nThe instance goes on; follow it: {again} --wait; end it: {again} --stop")
        sys.exit(130)
    outcome = _outcome(session, training) or _unsaid(session, instance)
    result = {
        "name": training.name,
        "instance_id": instance_id,
        "instance_type": instance["InstanceType"],
        "lifecycle": instance.get("InstanceLifecycle", "on-demand"),
        "instance_state": instance["State"]["Name"],
        **outcome,
    }
    emit(result, f"{outcome['status']}: {outcome['reason']}", session.as_json)
    return 0 if outcome["status"] == "Succeeded" else 1


def _follow(
    session: Session, clients: Clients, training: Training, instance_id: str
) -> dict[str, Any]:
    """Say what the instance does until it has ended; returns how EC2 describes it then."""
    tail, state = _Tail(session, training), ""
    while True:
        instance = describe_instance(clients, instance_id)
        # Read before the log, told after it: the log's end comes before the instance's.
        tail.report()
        if instance["State"]["Name"] != state:
            state = instance["State"]["Name"]
            say(f"Instance     {instance_id} is {state}")
        if state in ENDED:
            return instance
        time.sleep(session.poll_seconds)


class _Tail:
    """The log of a training, from where it was read last."""

    def __init__(self, session: Session, training: Training) -> None:
        self._logs = session.client("logs")
        group = Names(session.settings).ec2_logs
        self._place = {"logGroupName": group, "logStreamName": training.name}
        self._token: dict[str, str] = {}

    def report(self) -> None:
        """Say what is new."""
        while True:
            try:
                answer = self._logs.get_log_events(**self._place, startFromHead=True, **self._token)
            except self._logs.exceptions.ResourceNotFoundException:
                return  # the instance has not begun to write
            self._token = {"nextToken": answer["nextForwardToken"]}
            if not answer["events"]:
                return
            for event in answer["events"]:
                say(event["message"])


def _outcome(session: Session, training: Training) -> dict[str, Any] | None:
    """What the instance left as its last word; None where it left none."""
    s3 = session.client("s3")
    try:
        answer = s3.get_object(Bucket=session.settings.bucket, Key=f"{training.key}/outcome.json")
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None
    outcome: dict[str, Any] = json.loads(answer["Body"].read())
    return outcome


def _unsaid(session: Session, instance: dict[str, Any]) -> dict[str, Any]:
    """An instance that ended without a word: why EC2 says so, and what it printed last."""
    answer = session.client("ec2").get_console_output(InstanceId=instance["InstanceId"])
    for line in str(answer.get("Output", "")).splitlines()[-SHOWN:]:
        say(f"Console      {line}")
    reason = instance.get("StateReason", {}).get("Message") or "EC2 gives no reason"
    return {
        "status": "Failed",
        "reason": f"The instance ended without an outcome ({reason}); its console has the rest.",
    }
