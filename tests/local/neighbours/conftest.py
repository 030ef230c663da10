"""Two accounts on this machine, and what a test asks them for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.connection import ACCOUNT, Connection, account_folder, ensure_server, stop_server

REGION, OTHER = "eu-west-1", "210987654321"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}


class Account:
    """One account: a server of its own, with roles that a test makes and takes on."""

    def __init__(self, root: Path, account: str) -> None:
        self.id = account
        self.folder = account_folder(root, account)
        self.connection: Connection = ensure_server(self.folder, REGION, 0, account)[0]

    def client(self, service: str, **more: Any) -> Any:
        return boto3.client(service, **{**self.connection.client_options(), **more})

    def role(self, name: str, *allowed: tuple[str, str]) -> str:
        """A role that may do each action on its resource; its ARN."""
        iam, arn = self.client("iam"), f"arn:aws:iam::{self.id}:role/{name}"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        statements = [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in allowed]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
        return arn

    def as_role(self, service: str, arn: str) -> Any:
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
        return self.client(
            service,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    def bucket(self, name: str) -> Any:
        place: Any = {"LocationConstraint": REGION}
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
        return self.client("s3")

    def queue(self, name: str) -> tuple[str, str]:
        """URL and ARN of a queue that rules may write to."""
        sqs, arn = self.client("sqs"), f"arn:aws:sqs:{REGION}:{self.id}:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
        return url, arn

    def receive(self, url: str) -> list[dict[str, Any]]:
        """One message, waited for."""
        found = self.client("sqs").receive_message(
            QueueUrl=url, WaitTimeSeconds=20, MessageAttributeNames=["All"]
        )
        return list(found.get("Messages", []))


def let_in(principal: str, actions: Any, resources: Any, **more: Any) -> str:
    """The policy of a resource that lets one principal in."""
    statement = {
        "Sid": "LetIn",
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": actions,
        "Resource": resources,
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="session")
def accounts(tmp_path_factory):
    """The giver, and the taker; both ask what their roles may."""
    root = tmp_path_factory.mktemp("accounts") / "state"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BREEDLINE_ENFORCE_IAM", "1")
        both = Account(root, ACCOUNT), Account(root, OTHER)
    yield both
    for each in both:
        stop_server(each.folder)
