"""The tables of what operations need, by service: all that jobs, models, functions and the rest of
this server's actors call, and the people who work with them. An operation that is missing here
cannot be judged, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from local.iam import sagemaker_needs, storage_needs
from local.iam.needs import EVERYTHING, Need, Parameters, Place, Row, all_of, on, passing
from local.iam.people_needs import PEOPLE

FUNCTION = "function:{FunctionName}"
QUALIFIED = "function:{FunctionName}:{Qualifier}"
PUBLIC = "/aws/service/"  # parameters of AWS's own, which are nobody's
SCALING_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
SCALING_ROLE = f"aws-service-role/{SCALING_SERVICE}/AWSServiceRoleForApplicationAutoScaling"


def _qualified(action: str) -> Row:
    """On the version or alias that is named, else on the function."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        named = parameters.get("Qualifier") and not _has_qualifier(parameters["FunctionName"])
        if named and str(parameters["FunctionName"]).startswith("arn:"):
            yield Need(action, f"{parameters['FunctionName']}:{parameters['Qualifier']}")
            return
        yield from on(action, QUALIFIED if named else FUNCTION)(place, parameters)

    return row


def _has_qualifier(name: str) -> bool:
    return name.startswith("arn:") and name.count(":") > 6


def _scaling(action: str) -> Row:
    """Scalable targets have ARNs that nobody knows before: the request tells the service."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        prefix = "application-autoscaling"
        given = {
            "service-namespace": parameters.get("ServiceNamespace"),
            "scalable-dimension": parameters.get("ScalableDimension"),
        }
        context = {f"{prefix}:{key}": str(value) for key, value in given.items() if value}
        yield Need(f"{prefix}:{action}", place.arn(prefix, "scalable-target/*"), context)

    return row


def _variant(place: Place, parameters: Parameters) -> Iterator[Need]:
    """Whoever registers a variant must be able to do what scaling does with it."""
    if parameters.get("ServiceNamespace") == "sagemaker":
        resource = place.arn("sagemaker", str(parameters["ResourceId"]).partition("/variant/")[0])
        yield Need("sagemaker:DescribeEndpoint", resource)
        yield Need("sagemaker:UpdateEndpointWeightsAndCapacities", resource)
        role = f"arn:{place.partition}:iam::{place.account}:role/{SCALING_ROLE}_SageMakerEndpoint"
        yield Need("iam:CreateServiceLinkedRole", role, {"iam:AWSServiceName": SCALING_SERVICE})


def _alarms_of_policy(action: str) -> Row:
    """Target tracking makes and removes its alarms with the caller's permissions."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        if parameters.get("PolicyType", "TargetTrackingScaling") == "TargetTrackingScaling":
            name = f"alarm:TargetTracking-{parameters['ResourceId']}-*"
            yield Need(action, place.arn("cloudwatch", name))

    return row


def _alarms(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        names = parameters.get("AlarmNames") or [f"{parameters.get('AlarmNamePrefix', '')}*"]
        for name in names:
            yield Need(action, place.arn("cloudwatch", f"alarm:{name}"))

    return row


def _metric_data(place: Place, parameters: Parameters) -> Iterator[Need]:
    context = {"cloudwatch:namespace": str(parameters.get("Namespace", ""))}
    yield Need("cloudwatch:PutMetricData", EVERYTHING, context)


def _published(place: Place, parameters: Parameters) -> Iterator[Need]:
    topic = parameters.get("TopicArn") or parameters.get("TargetArn")
    yield Need("sns:Publish", str(topic or EVERYTHING))


def _queue(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        name = str(parameters.get("QueueUrl") or parameters.get("QueueName")).rpartition("/")[2]
        yield Need(action, place.arn("sqs", name))

    return row


def _events(place: Place, parameters: Parameters) -> Iterator[Need]:
    for entry in parameters.get("Entries") or []:
        bus = entry.get("EventBusName") or "default"
        resource = bus if bus.startswith("arn:") else place.arn("events", f"event-bus/{bus}")
        context = {
            "events:source": str(entry.get("Source", "")),
            "events:detail-type": str(entry.get("DetailType", "")),
        }
        yield Need("events:PutEvents", resource, context)


def _parameter(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        for name in parameters.get("Names") or [parameters.get("Name", "")]:
            account = "" if str(name).startswith(PUBLIC) else place.account
            arn = replace(place, account=account).arn("ssm", f"parameter/{str(name).lstrip('/')}")
            yield Need(action, arn)

    return row


def _key(action: str) -> Row:
    """A key by ARN, id or alias."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        key = str(parameters["KeyId"])
        alias = key.rpartition(":")[2]
        if alias.startswith("alias/"):
            context = {"kms:ResourceAliases": [alias], "kms:RequestAlias": alias}
            yield Need(action, place.arn("kms", f"key/{alias}"), context)
        else:
            yield Need(action, key if key.startswith("arn:") else place.arn("kms", f"key/{key}"))

    return row


def _image(action: str) -> Row:
    """An image's repository, which may be another account's."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        account = parameters.get("registryId", place.account)
        region = parameters.get("region", place.region)
        repository = f"repository/{parameters['repositoryName']}"
        yield Need(action, f"arn:{place.partition}:ecr:{region}:{account}:{repository}")

    return row


STREAM = "log-group:{logGroupName}:log-stream:{logStreamName}"
GROUP = "log-group:{logGroupName}:log-stream:"  # a group's ARN as Logs checks it: with no stream
LAMBDA: dict[str, Row] = {
    "Invoke": _qualified("lambda:InvokeFunction"),
    "InvokeWithResponseStream": _qualified("lambda:InvokeFunction"),
    **{
        name: on(f"lambda:{name}", FUNCTION)
        for name in ("CreateAlias", "DeleteAlias", "GetAlias", "UpdateAlias", "ListAliases")
    },
    **{name: on(f"lambda:{name}", FUNCTION) for name in ("PublishVersion", "GetPolicy")},
    **{
        name: _qualified(f"lambda:{name}")
        for name in (
            *("GetFunction", "GetFunctionConfiguration", "DeleteFunction"),
            *("GetProvisionedConcurrencyConfig", "PutProvisionedConcurrencyConfig"),
            "DeleteProvisionedConcurrencyConfig",
        )
    },
    "UpdateFunctionConfiguration": all_of(
        on("lambda:UpdateFunctionConfiguration", FUNCTION),
        passing("Role", "lambda.amazonaws.com"),
    ),
}
STATES: dict[str, Row] = {
    "StartExecution": on("states:StartExecution", "{stateMachineArn}"),
    "StartSyncExecution": on("states:StartSyncExecution", "{stateMachineArn}"),
    "DescribeExecution": on("states:DescribeExecution", "{executionArn}"),
    "StopExecution": on("states:StopExecution", "{executionArn}"),
    "SendTaskSuccess": on("states:SendTaskSuccess"),
    "SendTaskFailure": on("states:SendTaskFailure"),
    "SendTaskHeartbeat": on("states:SendTaskHeartbeat"),
}
SCALING: dict[str, Row] = {
    "RegisterScalableTarget": all_of(_scaling("RegisterScalableTarget"), _variant),
    "DeregisterScalableTarget": all_of(
        _scaling("DeregisterScalableTarget"), _alarms_of_policy("cloudwatch:DeleteAlarms")
    ),
    "PutScalingPolicy": all_of(
        _scaling("PutScalingPolicy"),
        _alarms_of_policy("cloudwatch:PutMetricAlarm"),
        _alarms_of_policy("cloudwatch:DescribeAlarms"),
    ),
    "DeleteScalingPolicy": all_of(
        _scaling("DeleteScalingPolicy"), _alarms_of_policy("cloudwatch:DeleteAlarms")
    ),
    "PutScheduledAction": _scaling("PutScheduledAction"),
    "DeleteScheduledAction": _scaling("DeleteScheduledAction"),
    **{
        name: on(f"application-autoscaling:{name}")
        for name in (
            *("DescribeScalableTargets", "DescribeScalingPolicies"),
            *("DescribeScheduledActions", "DescribeScalingActivities"),
        )
    },
}
LOGS: dict[str, Row] = {
    "CreateLogGroup": on("logs:CreateLogGroup", GROUP),
    "CreateLogStream": on("logs:CreateLogStream", GROUP),
    "DescribeLogStreams": on("logs:DescribeLogStreams", GROUP),
    "PutLogEvents": on("logs:PutLogEvents", STREAM),
}
ACTORS: Mapping[str, Mapping[str, Row]] = {
    "sagemaker": sagemaker_needs.TABLE,
    "s3": storage_needs.S3,
    "dynamodb": storage_needs.DYNAMODB,
    "lambda": LAMBDA,
    "states": STATES,
    "application-autoscaling": SCALING,
    "logs": LOGS,
    "cloudwatch": {
        "PutMetricData": _metric_data,
        "DescribeAlarms": _alarms("cloudwatch:DescribeAlarms"),
        "GetMetricData": on("cloudwatch:GetMetricData"),
        "GetMetricStatistics": on("cloudwatch:GetMetricStatistics"),
    },
    "sns": {"Publish": _published},
    "sqs": {
        "SendMessage": _queue("sqs:SendMessage"),
        "GetQueueUrl": _queue("sqs:GetQueueUrl"),
        "GetQueueAttributes": _queue("sqs:GetQueueAttributes"),
    },
    "events": {"PutEvents": _events},
    "ssm": {
        "GetParameter": _parameter("ssm:GetParameter"),
        "GetParameters": _parameter("ssm:GetParameters"),
    },
    "kms": {name: _key(f"kms:{name}") for name in ("CreateGrant", "Decrypt", "GenerateDataKey")},
    "ecr": {
        "GetAuthorizationToken": on("ecr:GetAuthorizationToken"),
        **{
            name: _image(f"ecr:{name}")
            for name in (
                *("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"),
                "DescribeImages",
            )
        },
    },
    "sts": {"AssumeRole": on("sts:AssumeRole", "{RoleArn}"), "GetCallerIdentity": all_of()},
}
TABLES: Mapping[str, Mapping[str, Row]] = {
    service: {**PEOPLE.get(service, {}), **ACTORS.get(service, {})}
    for service in sorted({*PEOPLE, *ACTORS})
}
