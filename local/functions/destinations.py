"""Where the records of asynchronous invocations go: queues, topics, functions, event buses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from moto.events.models import events_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local.functions.errors import invalid_parameter

ARN = re.compile(
    r"arn:aws[\w-]*:(?P<service>sqs|sns|lambda|events):(?P<region>[\w-]+):(?P<account>\d{12}):(?P<rest>.+)"
)
LONGEST_MESSAGE = 1024  # bytes of ErrorMessage in a dead letter's attributes

Start = Callable[[str, bytes], None]  # invokes a function by its ARN, without waiting


def check(arn: str, services: str = "sqs sns lambda events") -> None:
    """Refuse an ARN that no record can go to."""
    found = ARN.fullmatch(arn)
    if found is None or found["service"] not in services.split():
        raise invalid_parameter(
            f"The destination ARN {arn} is invalid: here it is one of {services}."
        )


def deliver(arn: str, record: Mapping[str, Any], start: Start) -> None:
    """Send a record of an invocation; raises what the receiving service raises."""
    found = _parts(arn)
    text = json.dumps(record)
    if found["service"] == "lambda":
        start(arn, text.encode())
    elif found["service"] == "events":
        _put_event(found, arn, record)
    else:
        _send(found, arn, text, None)


def bury(arn: str, event: bytes, request_id: str, message: str) -> None:
    """Send an event that was given up to a dead-letter queue or topic, as it came."""
    attributes = {
        "RequestID": ("String", request_id),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", message.encode()[:LONGEST_MESSAGE].decode(errors="ignore")),
    }
    _send(_parts(arn), arn, event.decode(), attributes)


def _parts(arn: str) -> Mapping[str, str]:
    found = ARN.fullmatch(arn)
    if found is None:
        raise invalid_parameter(f"The destination ARN {arn} is invalid.")
    return found.groupdict()


def _send(
    to: Mapping[str, str], arn: str, text: str, attributes: Mapping[str, tuple[str, str]] | None
) -> None:
    if to["service"] == "sqs":
        sent = {
            name: {"DataType": kind, "StringValue": value}
            for name, (kind, value) in (attributes or {}).items()
        }
        backend = sqs_backends[to["account"]][to["region"]]
        backend.send_message(to["rest"], text, message_attributes=sent)
    else:
        said = {
            name: {"Type": kind, "Value": value}
            for name, (kind, value) in (attributes or {}).items()
        }
        topic = sns_backends[to["account"]][to["region"]].get_topic(arn)
        topic.publish(text, message_attributes=said)


def _put_event(to: Mapping[str, str], arn: str, record: Mapping[str, Any]) -> None:
    success = record["requestContext"]["condition"] == "Success"
    event = {
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {'Success' if success else 'Failure'}",
        "Detail": json.dumps(record),
        "Resources": [arn, record["requestContext"]["functionArn"]],
        "EventBusName": to["rest"].removeprefix("event-bus/"),
    }
    events_backends[to["account"]][to["region"]].put_events([event])
