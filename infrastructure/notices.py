"""Who is told of what: topic, dead-letter queue, log groups, alarms, budget."""

from __future__ import annotations

from typing import Any

from infrastructure.parts import Node, attribute, choose, ref, resource, sub, tags
from infrastructure.placeholders import plain
from infrastructure.storage import key_id
from provision.logs import ALL_MACHINES, function_logs, machine_logs
from provision.logs import RETENTION as LOG_DAYS
from provision.queues import RETENTION as QUEUE_SECONDS
from settings import Settings
from statemachine.names import Names
from statemachine.promotion import MACHINE as PROMOTE
from statemachine.resource_policies import queue_policy, topic_policy

PERIOD = 300  # seconds
# What is there under a condition: the machine of promotion has its logs and its alarm.
ONLY_THERE = {f"{PROMOTE.capitalize()}{what}": "TakesVersions" for what in ("Logs", "Failures")}
OWN_KEY = (
    "SQS's own key on purpose: it is where events end when another key's policy forbids "
    "EventBridge to use it"
)
STARTED = "log groups are encrypted by CloudWatch Logs where the stack makes no key"


def notice_conditions() -> dict[str, Any]:
    return {"HasBudget": {"Fn::Not": [{"Fn::Equals": [ref("MonthlyBudget"), "0"]}]}}


def notice_resources() -> dict[str, Any]:
    return {
        "Topic": resource(
            "AWS::SNS::Topic",
            {
                "TopicName": _name("topic"),
                "KmsMasterKeyId": choose("HasKey", key_id()),
                "Tags": tags(),
            },
            excused={"CKV_AWS_26": "encrypted where the environment has a key"},
        ),
        "TopicPolicy": resource(
            "AWS::SNS::TopicPolicy",
            {"Topics": [ref("Topic")], "PolicyDocument": _document(_topic_policy)},
        ),
        "UndeliveredEvents": resource(
            "AWS::SQS::Queue",
            {
                "QueueName": _name("queue"),
                "SqsManagedSseEnabled": True,
                "MessageRetentionPeriod": QUEUE_SECONDS,
                "Tags": tags(),
            },
            kept=True,
            excused={"CKV_AWS_27": OWN_KEY},
        ),
        "UndeliveredEventsPolicy": resource(
            "AWS::SQS::QueuePolicy",
            {"Queues": [ref("UndeliveredEvents")], "PolicyDocument": _document(_queue_policy)},
        ),
        **_log_groups(),
        **_alarms(),
        "Budget": _budget(),
    }


def _name(of: str) -> Any:
    """The name that the settings derive, with parameters in it."""
    return plain(lambda settings: getattr(Names(settings), of))


def _document(policy: Any) -> Any:
    return plain(policy)


def _topic_policy(settings: Settings) -> dict[str, Any]:
    names = Names(settings)
    return topic_policy(names, [names.alarm("*")], budget=True)


def _queue_policy(settings: Settings) -> dict[str, Any]:
    names = Names(settings)
    return queue_policy(names, [names.rule("*")])


def _log_groups() -> dict[str, Any]:
    """Made before who writes to them, who would make groups that keep logs for ever."""

    def functions(settings: Settings) -> dict[str, str]:
        names = Names(settings)
        machines = {
            f"{kind.capitalize()}Logs": machine_logs(names.state_machine(kind))
            for kind in ALL_MACHINES
        }
        return {
            "PredictLogs": function_logs(names.predict),
            "SmokeTestLogs": function_logs(names.smoke_test),
            **machines,
            "EndpointLogs": f"/aws/sagemaker/Endpoints/{names.endpoint}",
            "Ec2TrainingLogs": names.ec2_logs,
        }

    return {
        name: resource(
            "AWS::Logs::LogGroup",
            {
                "LogGroupName": group,
                "RetentionInDays": LOG_DAYS,
                "KmsKeyId": choose("MakesKey", attribute("Key", "Arn")),
                "Tags": tags(),
            },
            condition=ONLY_THERE.get(name, ""),
            excused={"CKV_AWS_158": STARTED},
        )
        for name, group in plain(functions).items()
    }


def _alarms() -> dict[str, Any]:
    """What no guard of a rollout sees: events that got lost, executions that failed."""
    machine = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"
    queue = {"Name": "QueueName", "Value": attribute("UndeliveredEvents", "QueueName")}
    failures = {
        f"{kind.capitalize()}Failures": _alarm(
            f"{kind}-failures",
            f"A {kind} execution failed",
            ("AWS/States", "ExecutionsFailed", "Sum"),
            {"Name": "StateMachineArn", "Value": sub(machine + "${EndpointName}-" + kind)},
            ONLY_THERE.get(f"{kind.capitalize()}Failures", ""),
        )
        for kind in sorted(ALL_MACHINES)
    }
    visible = ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum")
    text = "An event was not delivered, and lies in the queue"
    return {
        **failures,
        "UndeliveredEventsAlarm": _alarm("undelivered-events", text, visible, queue),
    }


def _alarm(
    name: str, text: str, metric: tuple[str, str, str], dimension: Node, condition: str = ""
) -> Node:
    namespace, measured, statistic = metric
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": sub("${EndpointName}-" + name),
            "AlarmDescription": f"{text}.",
            "Namespace": namespace,
            "MetricName": measured,
            "Dimensions": [dimension],
            "Statistic": statistic,
            "Period": PERIOD,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref("Topic")],
            "Tags": tags(),
        },
        condition=condition,
    )


def _budget() -> Node:
    """Of the whole account: a budget of tagged costs would silently see none of untagged ones."""
    told = [{"SubscriptionType": "SNS", "Address": ref("Topic")}]
    notices = [
        {
            "Notification": {
                "NotificationType": kind,
                "ComparisonOperator": "GREATER_THAN",
                "Threshold": 80,
                "ThresholdType": "PERCENTAGE",
            },
            "Subscribers": told,
        }
        for kind in ("ACTUAL", "FORECASTED")
    ]
    limit = {"Amount": ref("MonthlyBudget"), "Unit": "USD"}
    return resource(
        "AWS::Budgets::Budget",
        {
            "Budget": {
                "BudgetName": sub("${EndpointName}-${AWS::Region}-monthly"),
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": limit,
            },
            "NotificationsWithSubscribers": notices,
        },
        condition="HasBudget",
    )
