"""An environment on the foundation's stack in which everything happens that its roles are for.

The server refuses what a role's policies or trust do not allow, and writes down what was asked.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sample_data
import settings
from commands.bootstrap import wanted_stack
from commands.demo import deploy, registered_package, upload
from commands.execution import follow, start_execution
from commands.registry import decide
from commands.rollback import rollback
from infrastructure.parameters import made_role
from infrastructure.roles import ROLES
from provision.change import Clients
from provision.stack import execute, propose
from settings import Settings
from tests.end_to_end.command_line import CommandLine
from tests.end_to_end.stage import Stage, open_stage, until

FILE = Path(__file__).with_name("on_a_stack.toml")
POLL = 0.1  # seconds


@dataclass
class Firm:
    """The environment, the one that gives it versions, and what came of all that happened."""

    own: CommandLine
    stage: Stage
    giver: Stage
    happened: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return self.stage.session.settings

    @property
    def roles(self) -> dict[str, str]:
        """The name of each actor's role, which the stack has made."""
        return {actor: made_role(self.settings, actor) for actor in ROLES}

    def calls(self) -> Iterator[dict[str, Any]]:
        """What the server has written down."""
        with (self.own.folder / "calls.jsonl").open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)

    def executions(self, kind: str) -> list[dict[str, Any]]:
        """The executions of a state machine that have ended, the newest first."""
        machine = self.stage.names.state_machine_arn(kind)
        listed = self.stage.client("stepfunctions").list_executions(stateMachineArn=machine)
        return [each for each in listed["executions"] if each["status"] != "RUNNING"]


def found(own: CommandLine, folder: Path) -> Firm:
    """Both environments, provisioned: the firm's stack first."""
    loaded = settings.load("firm", FILE)
    connection = own.connection
    giver = open_stage(connection, settings.load("giver", FILE), folder)
    clients = Clients(giver.client)
    execute(clients, propose(clients, wanted_stack(loaded), POLL), POLL, print)
    firm = Firm(own, open_stage(connection, loaded, folder), giver)
    giver.client("ssm").put_parameter(Name=firm.stage.names.parameter, Value="60", Type="String")
    return firm


def let_it_all_happen(firm: Firm, folder: Path) -> None:
    """Train, also on EC2; take a version from the giver; deploy both; go back; train again."""
    session, happened = firm.stage.session, firm.happened
    photos = sample_data.draw(folder / "few", images_per_class=12, classes=["fish", "snail"])
    data = upload(session, photos)
    with ThreadPoolExecutor(1) as pool:
        happened["trained"] = follow(session, start_execution(session, {"InputDataUri": data}))
        package = registered_package(session, happened["trained"])
        assert package, happened["trained"]
        on_ec2 = pool.submit(_train_on_ec2, firm, data, champion=package["arn"])
        happened["given"] = firm.giver.register()  # later, so that it is not superseded
        decide(firm.giver.session, happened["given"], "Approved")
        happened["deployed"] = deploy(session, package)
        happened["on EC2"] = on_ec2.result()
    until(lambda: firm.executions("promote"))
    happened["promoted"] = _given_version(firm)
    happened["second"] = firm.stage.deploy(happened["promoted"]["ModelPackageArn"])
    back = rollback(session, argparse.Namespace(to=None, reason="for the proof"))
    happened["back"] = back
    _retrain(firm, data)
    happened["asked"] = _ask_about_an_object(firm, data)


def _train_on_ec2(firm: Firm, data: str, champion: str) -> Any:
    """Where there is an approved version to compare with."""
    until(lambda: firm.stage.approval(champion)[0] == "Approved")
    # As on AWS, where variables and not files say whom to ask.
    there = CommandLine(firm.own.folder, firm.own.connection.environment())
    options = (f"--settings={FILE}", "--env=firm", "--name=first", "--wait")
    return there.json("ec2-train", *options, "--param", f"InputDataUri={data}")


def _given_version(firm: Firm) -> dict[str, Any]:
    """The version that came from the giver."""
    sagemaker = firm.stage.client("sagemaker")
    listed = sagemaker.list_model_packages(ModelPackageGroupName="firm")["ModelPackageSummaryList"]
    for each in listed:
        described: dict[str, Any] = sagemaker.describe_model_package(
            ModelPackageName=each["ModelPackageArn"]
        )
        if "source_model_package" in described.get("CustomerMetadataProperties", {}):
            return described
    raise AssertionError(firm.executions("promote"))


def _retrain(firm: Firm, data: str) -> None:
    """The marker of a data set, from its event to the end of the pipeline that it starts."""
    bucket, _, prefix = data.removeprefix("s3://").partition("/")
    marker = f"{prefix}/{firm.settings.triggers.marker}"
    firm.stage.client("s3").put_object(Bucket=bucket, Key=marker, Body=b"")
    until(lambda: firm.executions("retrain"))

    def statuses() -> list[str]:
        return [each["PipelineExecutionStatus"] for each in firm.stage.executions()]

    until(lambda: "Executing" not in statuses())
    firm.happened["retrained"] = statuses()


def _ask_about_an_object(firm: Firm, data: str) -> dict[str, Any]:
    """The function's answer for an image that it reads from the bucket itself."""
    return firm.stage.ask({"s3": f"{data}/fish/fish_000.jpg"})
