"""A server process for the tests of one module, and short ways to make targets on it."""

import json
import time
from typing import Any

import boto3
import pytest

from local.connection import ensure_server, stop_server

REGION, ACCOUNT = "eu-west-1", "123456789012"
PATIENCE = 60  # seconds for what takes well under one on an idle machine


class Aws:
    """boto3's clients of one server, queues that rules may fill, and what came into them."""

    def __init__(self, folder):
        self.folder = folder
        self.connection, _ = ensure_server(folder, REGION)

    def client(self, service):
        return boto3.client(service, **self.connection.client_options())

    @staticmethod
    def arn(service, resource):
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def queue(self, name, **attributes):
        """A queue that EventBridge may send to; its ARN."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.arn("sqs", name),
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy, **attributes})
        return self.arn("sqs", name)

    def rule(self, name, targets, pattern=None, **more):
        """A rule on events of the source `name`, with targets that get Ids by their place."""
        events = self.client("events")
        if not more.get("ScheduleExpression"):
            more["EventPattern"] = json.dumps(pattern or {"source": [name]})
        bus = {key: more[key] for key in ("EventBusName",) if key in more}
        events.put_rule(Name=name, **more)
        numbered = [{"Id": str(number), **target} for number, target in enumerate(targets)]
        events.put_targets(Rule=name, Targets=numbered, **bus)

    def send(self, source, detail=None, **more):
        """One event; its id."""
        entry = {"Source": source, "DetailType": "test", "Detail": json.dumps(detail or {})}
        [answer] = self.client("events").put_events(Entries=[entry | more])["Entries"]
        return answer["EventId"]

    def messages(self, name, number=1, seconds=PATIENCE):
        """`number` messages of a queue, as soon as they are there."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found: list[dict[str, Any]] = []
        ends = time.monotonic() + seconds
        while len(found) < number:
            assert time.monotonic() < ends, f"{len(found)} of {number} messages came to {name}"
            got = sqs.receive_message(
                QueueUrl=url,
                WaitTimeSeconds=2,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            ).get("Messages", [])
            for message in got:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found += got
        assert len(found) == number
        return found

    def bodies(self, name, number=1):
        return [json.loads(message["Body"]) for message in self.messages(name, number)]

    def until(self, found, seconds=PATIENCE):
        """The first true answer of `found()`."""
        ends = time.monotonic() + seconds
        while not (answer := found()):
            assert time.monotonic() < ends, "nothing came"
            time.sleep(0.05)
        return answer


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    folder = tmp_path_factory.mktemp("events") / "state"
    yield Aws(folder)
    stop_server(folder)
