"""The callers' least policies, proven: every command, by a role that has its policy and no more.

One environment from its stack to its end, on a server that refuses what a policy does not allow,
and writes down what was asked. What is granted and not used here has its reason in
unused_by_callers.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import sample_data
from commands.session import Session
from local.iam.evaluation import Request, applies, evaluate, read_policies
from pipeline.policies import job_documents
from provision.data import sync_folder
from provision.preflight.callers import CALLERS, caller_statements
from settings import Settings, load
from statemachine.names import ALIAS
from statemachine.statements import document
from tests.end_to_end.command_line import CommandLine
from tests.end_to_end.stage import SECTIONS, Stage, pictures
from tests.provision.handlers import handler_permissions

pytestmark = pytest.mark.timeout(1200)  # a life takes minutes
NAME, TAKER = "desk", "other"
MORE = {
    "aws": 'kms_key = "alias/desk"\n',
    "foundation": "key = true\nnetwork = true\nmonthly_budget_usd = 50\n",
    "alarms": 'emails = ["ada@example.com"]\n',
    "features": "enabled = true\n",
    "tuning": "max_jobs = 1\nmax_parallel_jobs = 1\n",
    "model": "epochs = 1\n",
}
TAKING = f"""from_account = "123456789012"
from_group = "{NAME}"
from_bucket = "breedline-{NAME}-123456789012-eu-west-1"
"""
EASY = ("--param", "Epochs=1", "--param", "AccuracyThreshold=0")
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
REASONS = json.loads((Path(__file__).parent / "unused_by_callers.json").read_text())


@dataclass
class Desk:
    """Somebody with one role for each command, and the server they work with."""

    own: CommandLine
    folder: Path
    file: Path
    settings: Settings
    roles: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)

    def hire(self, command: str, other: Settings | None = None) -> None:
        """A role that has the command's policy, by the settings of this environment or another."""
        iam, name = self.own.client("iam"), f"caller-{command}"
        self.policies[command] = document(caller_statements(other or self.settings, [command]))
        policy = json.dumps(self.policies[command])
        if command not in self.roles:
            made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]
            self.roles[command] = made["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)

    def as_admin(self, *arguments: str) -> None:
        """A command that is nobody's here."""
        there = CommandLine(self.own.folder, self.own.connection.environment())
        assert there.run(*arguments, f"--settings={self.file}").returncode == 0

    def run(self, command: str, *arguments: str, code: int | None = 0) -> Any:
        """The command by its role; as on AWS, where variables and not files say whom to ask.

        `code` is its exit code; None where that does not matter.
        """
        made = self.own.client("sts").assume_role(
            RoleArn=self.roles[command], RoleSessionName="me"
        )["Credentials"]
        keys = {
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            "AWS_SESSION_TOKEN": made["SessionToken"],
        }
        there = CommandLine(self.own.folder, {**self.own.connection.environment(), **keys})
        options = (*arguments, "--env", NAME, f"--settings={self.file}", "--json")
        done = there.run(command, *options)
        assert code is None or done.returncode == code, (
            f"{command} {arguments}: {done.stderr[-2000:]}"
        )
        assert "not authorized" not in done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def calls(self, command: str) -> list[Mapping[str, Any]]:
        lines = (self.own.folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        return [call for call in found if call["role"] == self.roles[command]]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("callers")
    watching = {"BREEDLINE_ENFORCE_IAM": "1", "BREEDLINE_RECORD_CALLS": "1"}
    own = CommandLine(folder / "state", watching)
    assert own.run("local", "start").returncode == 0
    file = folder / "desks.toml"
    file.write_text(written(NAME, MORE) + written(TAKER, {"aws": MORE["aws"], "promotion": TAKING}))
    made = Desk(own, folder, file, load(NAME, file))
    try:
        for command in CALLERS:
            made.hire(command)
        live_through(made)
        yield made
    finally:
        own.run("local", "stop")


def written(name: str, more: Mapping[str, str]) -> str:
    """The settings of a stage, with lines of its own."""
    sections = dict(SECTIONS)
    for section, lines in more.items():
        sections[section] = sections.get(section, "") + lines
    return "".join(f"[{name}.{key}]\n{text.format(name=name)}" for key, text in sections.items())


def live_through(desk: Desk) -> None:
    """The life of an environment: first on a role and a key of somebody else's, then on a stack."""
    put_role_and_key(desk)
    desk.run("upsert")
    desk.run("ec2-train", "--name", "alone", "--param", f"InputDataUri={put_data(desk)}")
    desk.run("destroy", "--yes", "--data", "--registry")
    remove_role_and_key(desk)

    outputs = desk.run("bootstrap", "--yes")["outputs"]
    desk.run("bootstrap", "--yes")
    desk.run("upsert")
    data = put_data(desk)
    look_ahead(desk, data, outputs)
    first = desk.run("start", "--param", f"InputDataUri={data}", *EASY, "--wait")
    desk.run("preflight", "--for", "preflight")  # of the data of that run
    register_and_serve(desk)
    promote(desk)
    look_around(desk, first)
    train_on_ec2(desk, data)
    desk.run("start", *EASY)
    desk.run("destroy", "--yes", "--data", "--registry")
    desk.run("bootstrap", "--delete", "--yes")


def put_data(desk: Desk) -> str:
    bucket, s3 = desk.settings.bucket, desk.own.client("s3")
    folder = desk.folder / "few"
    if not folder.exists():
        sample_data.draw(folder, images_per_class=10, classes=["fish", "snail"])
    sync_folder(s3, folder, bucket, "data/few")
    s3.put_object(Bucket=bucket, Key="data/words/a/readme.txt", Body=b"no photo")
    return f"s3://{bucket}/data/few"


def look_ahead(desk: Desk, data: str, outputs: Mapping[str, str]) -> None:
    """Nothing is wrong: neither as it is, nor with all jobs in the network of the stack."""
    desk.run("preflight", "--data", data, "--for", "preflight")
    subnets, groups = (outputs[name].split(",") for name in ("Subnets", "SecurityGroups"))
    place = f"subnets = {json.dumps(subnets)}\nsecurity_groups = {json.dumps(groups)}\n"
    desk.file = desk.folder / "in_the_network.toml"
    desk.file.write_text(written(NAME, {**MORE, "aws": MORE["aws"] + place}))
    desk.hire("preflight", load(NAME, desk.file))
    desk.run("preflight", "--data", data, "--for", "preflight")
    desk.file = desk.folder / "desks.toml"


def register_and_serve(desk: Desk) -> None:
    """A model so small that only its deployment takes time."""
    session = Session(desk.settings, lambda service, **_: desk.own.client(service), None, True)
    stage, picture = Stage(desk.own.connection, session), desk.folder / "red.jpg"
    picture.write_bytes(pictures()["red"])
    desk.run("predict", str(picture), code=1)  # nothing is live yet
    stage.register()
    desk.run("approve", "--wait")
    desk.run("predict", str(picture))
    desk.run("capacity", str(picture), "--seconds", "1", "--save")
    desk.run("capacity", "--seconds", "1", "--latency-ms", "20000")
    stage.client("lambda").put_provisioned_concurrency_config(
        FunctionName=stage.names.predict, Qualifier=ALIAS, ProvisionedConcurrentExecutions=1
    )


def promote(desk: Desk) -> None:
    """Into an environment whose settings name ours; what is there already is promoted once."""
    desk.as_admin("upsert", "--env", TAKER)
    desk.hire("promote", load(TAKER, desk.file))
    desk.run("promote", "--to", TAKER)


def look_around(desk: Desk, first: Mapping[str, Any]) -> None:
    back = desk.run("rollback", code=1)  # there is no version before
    desk.run("rollback", "--to", "1", code=1)  # it waits for approval
    desk.run("status")
    desk.run("watch", code=1)  # the rollback
    desk.run("watch", first["arn"])
    desk.run("attach", back["execution_arn"], code=1)
    desk.run("attach", first["arn"].rpartition("/")[2])
    for step in first["steps"]:
        if "-job/" in (step["arn"] or ""):
            desk.run("attach", step["arn"].rpartition("/")[2])
    desk.run("features", "label = 'fish'")
    desk.run("start", "--select", "TRUE", *EASY)
    desk.run("stop")
    desk.run("retry", code=None)  # of what was stopped, so that it may end in any way


def train_on_ec2(desk: Desk, data: str) -> None:
    words = f"InputDataUri=s3://{desk.settings.bucket}/data/words"
    desk.run("ec2-train", "--name", "spot", "--param", f"InputDataUri={data}", "--spot")
    desk.run("ec2-train", "--name", "spot", "--stop")
    desk.run("ec2-train", "--name", "words", "--param", words, "--wait", code=1)
    desk.run("ec2-train", "--name", "left")  # until the end


def put_role_and_key(desk: Desk) -> None:
    """What the stack makes where there is one."""
    iam, documents = desk.own.client("iam"), job_documents(desk.settings)["pipeline"]
    name, trust = desk.settings.aws.role_name, json.dumps(documents["trust"])
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    policy = json.dumps(documents["policy"])
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    kms = desk.own.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=desk.settings.aws.kms_key, TargetKeyId=key)


def remove_role_and_key(desk: Desk) -> None:
    iam, name = desk.own.client("iam"), desk.settings.aws.role_name
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)
    desk.own.client("kms").delete_alias(AliasName=desk.settings.aws.kms_key)


@pytest.mark.parametrize("command", CALLERS)
def test_what_a_command_asks_is_allowed_and_what_it_never_asks_has_a_reason(desk, command):
    granted, used = desk.policies[command], set()
    policies = read_policies([granted])
    for call in desk.calls(command):
        assert call["action"], f"put {call['service']}:{call['operation']} into local/iam's tables"
        request = Request(call["action"], call["resource"], call["context"])
        assert evaluate(request, policies).allowed, request
        used |= {
            f"{statement.sid} {request.action}"
            for statement in policies.identity
            if applies(statement, request, request.keys())
        }
    all_of_them = {
        f"{statement['Sid']} {action}"
        for statement in granted["Statement"]
        for action in statement["Action"]
    }
    # What CloudFormation's handlers call is more than the embedded one does.
    by_handlers = handler_permissions() if command == "bootstrap" else set()
    unused = {one for one in all_of_them - used if one.rpartition(" ")[2] not in by_handlers}
    assert unused == excused(command)


def excused(command: str) -> set[str]:
    return {
        f"{row['sid']} {action}"
        for row in REASONS
        if row["command"] == command and row["why"]
        for action in row["actions"].split()
    }
