"""What the operations of topics, queues and alarms need that people call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from local.iam.needs import Need, Parameters, Place, Row, alike, all_of, tagged


def _queue(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        name = str(parameters.get("QueueUrl") or parameters.get("QueueName")).rpartition("/")[2]
        yield Need(action, place.arn("sqs", name))

    return row


def _topic(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        named = parameters.get("TopicArn") or parameters.get("ResourceArn")
        yield Need(action, str(named or place.arn("sns", str(parameters.get("Name", "*")))))

    return row


def _alarms(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        for name in parameters.get("AlarmNames") or [parameters.get("AlarmName", "*")]:
            yield Need(action, place.arn("cloudwatch", f"alarm:{name}"))

    return row


def _tables() -> dict[str, dict[str, Row]]:
    topics = (
        "GetTopicAttributes SetTopicAttributes ListSubscriptionsByTopic Subscribe DeleteTopic "
        "ListTagsForResource TagResource UntagResource"
    )
    queues = "SetQueueAttributes ListQueueTags TagQueue UntagQueue DeleteQueue"
    new_topic, new_queue = _topic("sns:CreateTopic"), _queue("sqs:CreateQueue")
    tags = "ListTagsForResource TagResource UntagResource"
    new_alarm = _alarms("cloudwatch:PutMetricAlarm")
    return {
        "sns": {
            **{name: _topic(f"sns:{name}") for name in topics.split()},
            "CreateTopic": all_of(new_topic, tagged(_topic("sns:TagResource"), "Tags")),
        },
        "sqs": {
            **{name: _queue(f"sqs:{name}") for name in queues.split()},
            "CreateQueue": all_of(new_queue, tagged(_queue("sqs:TagQueue"), "tags")),
        },
        "cloudwatch": {
            **alike("cloudwatch", "{ResourceARN}", tags),
            "PutMetricAlarm": all_of(new_alarm, tagged(_alarms("cloudwatch:TagResource"), "Tags")),
            "DeleteAlarms": _alarms("cloudwatch:DeleteAlarms"),
        },
    }


TABLES: Mapping[str, Mapping[str, Row]] = _tables()
