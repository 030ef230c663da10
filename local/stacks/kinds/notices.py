"""Topics, queues, log groups, alarms, budgets."""

from __future__ import annotations

import json
from typing import Any

from local.stacks.kinds.kind import Kind, Order, document, typed, words

QUEUE = (
    *("DelaySeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod"),
    *("ReceiveMessageWaitTimeSeconds", "RedrivePolicy", "SqsManagedSseEnabled"),
    "VisibilityTimeout",
)


def _create_topic(order: Order) -> str:
    made = order.client("sns").create_topic(Name=order.named("TopicName"), Tags=order.tag_list)
    return str(made["TopicArn"])


def _put_topic(order: Order, arn: str) -> None:
    sns = order.client("sns")
    for name in ("DisplayName", "KmsMasterKeyId"):
        value = order.properties.get(name, "")
        sns.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)
    if order.tags:
        sns.tag_resource(ResourceArn=arn, Tags=order.tag_list)


def _topic_attributes(order: Order, arn: str) -> dict[str, Any]:
    return {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]}


def _delete_topic(order: Order, arn: str) -> None:
    order.client("sns").delete_topic(TopicArn=arn)


def _put_topic_policy(order: Order, name: str) -> None:
    policy = document(order.properties["PolicyDocument"])
    for arn in order.properties["Topics"]:
        order.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=policy
        )


def _delete_topic_policy(order: Order, name: str) -> None:
    """The topic goes too, or is given what it had at first: its owner alone may use it."""
    for arn in order.properties["Topics"]:
        owner = {
            "Sid": "Owner",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{order.account}:root"},
            "Action": "sns:*",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [owner]})
        order.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=policy
        )


def _create_queue(order: Order) -> str:
    made = order.client("sqs").create_queue(QueueName=order.named("QueueName"))
    return str(made["QueueUrl"])


def _queue_url(order: Order, url: str) -> str:
    """Where the queue is now: the server's port is part of it and may have changed."""
    found = order.client("sqs").get_queue_url(QueueName=url.rpartition("/")[2])
    return str(found["QueueUrl"])


def _put_queue(order: Order, url: str) -> None:
    sqs, now = order.client("sqs"), _queue_url(order, url)
    attributes = {key: _attribute(value) for key, value in order.some(*QUEUE).items()}
    if attributes:
        sqs.set_queue_attributes(QueueUrl=now, Attributes=attributes)
    if order.tags:
        sqs.tag_queue(QueueUrl=now, Tags=dict(order.tags))


def _attribute(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _queue_attributes(order: Order, url: str) -> dict[str, Any]:
    name = url.rpartition("/")[2]
    return {"Arn": order.arn("sqs", name), "QueueName": name, "QueueUrl": url}


def _delete_queue(order: Order, url: str) -> None:
    order.client("sqs").delete_queue(QueueUrl=_queue_url(order, url))


def _put_queue_policy(order: Order, name: str, policy: str | None = None) -> None:
    text = document(order.properties["PolicyDocument"]) if policy is None else policy
    for url in order.properties["Queues"]:
        order.client("sqs").set_queue_attributes(
            QueueUrl=_queue_url(order, url), Attributes={"Policy": text}
        )


def _delete_queue_policy(order: Order, name: str) -> None:
    _put_queue_policy(order, name, "")


def _create_logs(order: Order) -> str:
    name, key = order.named("LogGroupName"), order.properties.get("KmsKeyId")
    order.client("logs").create_log_group(
        logGroupName=name, tags=dict(order.tags), **({"kmsKeyId": key} if key else {})
    )
    return name


def _put_logs(order: Order, name: str) -> None:
    logs = order.client("logs")
    if days := order.properties.get("RetentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
    else:
        logs.delete_retention_policy(logGroupName=name)
    if order.tags:
        arn = order.arn("logs", f"log-group:{name}")
        logs.tag_resource(resourceArn=arn, tags=dict(order.tags))


def _logs_attributes(order: Order, name: str) -> dict[str, Any]:
    return {"Arn": order.arn("logs", f"log-group:{name}:*")}


def _delete_logs(order: Order, name: str) -> None:
    order.client("logs").delete_log_group(logGroupName=name)


def _put_alarm(order: Order, name: str) -> None:
    cloudwatch = order.client("cloudwatch")
    given = {key: value for key, value in order.properties.items() if key != "Tags"}
    cloudwatch.put_metric_alarm(
        **typed(cloudwatch, "put_metric_alarm", {**given, "AlarmName": name}), Tags=order.tag_list
    )
    # Of an alarm that is there, the call above ignores the tags.
    if order.tags:
        arn = order.arn("cloudwatch", f"alarm:{name}")
        cloudwatch.tag_resource(ResourceARN=arn, Tags=order.tag_list)


def _delete_alarm(order: Order, name: str) -> None:
    order.client("cloudwatch").delete_alarms(AlarmNames=[name])


def _create_budget(order: Order) -> str:
    budgets, given = order.client("budgets"), dict(order.properties)
    name = str(given["Budget"].get("BudgetName") or order.name)
    given["Budget"] = {**given["Budget"], "BudgetName": name}
    request = {"AccountId": order.account, **given}
    budgets.create_budget(**typed(budgets, "create_budget", request))
    return name


def _delete_budget(order: Order, name: str) -> None:
    order.client("budgets").delete_budget(AccountId=order.account, BudgetName=name)


def _put_budget(order: Order, name: str) -> None:
    """moto changes no budget; a budget has no state that its creation would not give it."""
    _delete_budget(order, name)
    _create_budget(order)


def _named_after_itself(order: Order) -> str:
    return order.name


KINDS = {
    "AWS::SNS::Topic": Kind(
        _create_topic,
        _delete_topic,
        words("TopicName DisplayName KmsMasterKeyId Tags"),
        _put_topic,
        _topic_attributes,
        words("TopicName"),
    ),
    "AWS::SNS::TopicPolicy": Kind(
        _named_after_itself,
        _delete_topic_policy,
        words("Topics PolicyDocument"),
        _put_topic_policy,
        fixed=words("Topics"),
    ),
    "AWS::SQS::Queue": Kind(
        _create_queue,
        _delete_queue,
        words("QueueName Tags") | {*QUEUE},
        _put_queue,
        _queue_attributes,
        words("QueueName"),
    ),
    "AWS::SQS::QueuePolicy": Kind(
        _named_after_itself,
        _delete_queue_policy,
        words("Queues PolicyDocument"),
        _put_queue_policy,
        fixed=words("Queues"),
    ),
    "AWS::Logs::LogGroup": Kind(
        _create_logs,
        _delete_logs,
        words("LogGroupName RetentionInDays KmsKeyId Tags"),
        _put_logs,
        _logs_attributes,
        words("LogGroupName KmsKeyId"),
        lambda order: order.named("LogGroupName"),
    ),
    "AWS::CloudWatch::Alarm": Kind(
        lambda order: order.named("AlarmName"),
        _delete_alarm,
        words(
            "AlarmName AlarmDescription ActionsEnabled AlarmActions OKActions Dimensions Metrics "
            "InsufficientDataActions Namespace MetricName Statistic ExtendedStatistic Period Unit "
            "EvaluationPeriods DatapointsToAlarm ComparisonOperator Threshold TreatMissingData Tags"
        ),
        _put_alarm,
        lambda order, name: {"Arn": order.arn("cloudwatch", f"alarm:{name}")},
        words("AlarmName"),
    ),
    "AWS::Budgets::Budget": Kind(
        _create_budget,
        _delete_budget,
        words("Budget NotificationsWithSubscribers"),
        _put_budget,
    ),
}
