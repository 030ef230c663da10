"""What asynchronous inference tells SNS topics: how each request has ended."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from moto.sns.models import sns_backends

from local.endpoints.invocation import ANY, Reply
from local.endpoints.queue import Queued

MOST_INCLUDED = 131_072  # bytes of a response that a message may carry
INCLUDED = {True: "SUCCESS_NOTIFICATION_TOPIC", False: "ERROR_NOTIFICATION_TOPIC"}
TOPIC = {True: "SuccessTopic", False: "ErrorTopic"}


def notify(
    config: Mapping[str, Any],
    region: str,
    queued: Queued,
    reply: Reply | None,
    failure: str,
    now: float,
) -> None:
    """Publish to the topic of an AsyncInferenceConfig, if it has one for this end.

    `failure` is empty for a success. Raises what SNS raises.
    """
    settings = config["OutputConfig"].get("NotificationConfig") or {}
    topic = settings.get(TOPIC[not failure])
    if not topic:
        return
    told = message(region, queued, reply, failure, now)
    included = INCLUDED[not failure] in settings.get("IncludeInferenceResponseIn", ())
    if included and reply is not None and len(reply.body) <= MOST_INCLUDED:
        told["responseBody"] = {
            "content": base64.b64encode(reply.body).decode(),
            "encoding": "BASE64",
        }
    publish(topic, json.dumps(told))


def message(
    region: str, queued: Queued, reply: Reply | None, failure: str, now: float
) -> dict[str, Any]:
    """The notification in AWS's form."""
    asked = queued.submission.invocation
    parameters = {"contentType": asked.content_type, "endpointName": asked.endpoint}
    if asked.accept != ANY:
        parameters["accept"] = asked.accept
    if asked.custom_attributes:
        parameters["customAttributes"] = asked.custom_attributes
    if queued.submission.location:
        parameters["inputLocation"] = queued.submission.location
    told: dict[str, Any] = {
        "awsRegion": region,
        "eventTime": _iso(now),
        "receivedTime": _iso(queued.received),
        "invocationStatus": "Failed" if failure else "Completed",
        "requestParameters": parameters,
        "inferenceId": queued.accepted.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    if failure:
        told["failureReason"] = failure
    place = queued.accepted.failure if failure else queued.accepted.output
    if reply is not None and place:
        told["responseParameters"] = {"contentType": reply.content_type, "outputLocation": place}
    return told


def publish(topic: str, text: str) -> None:
    """Send a text to an SNS topic; raises what SNS raises."""
    _, _, _, region, account, _ = topic.split(":", 5)
    sns_backends[account][region].publish(text, arn=topic)


def _iso(moment: float) -> str:
    text = datetime.fromtimestamp(moment, tz=timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
