"""What each actor may do: a role's trust and its policy, with no wider resource than there is need.

`role_documents(settings)` gives them for the actors of `names.ROLE_ACTORS`. Where a statement names
`*`, the API knows no narrower resource; the comment beside it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from settings import Settings, partition_of
from statemachine.alarms import guard_names
from statemachine.endpoint_config import asynchronous_uri, capture_uri, is_asynchronous
from statemachine.names import ALIAS, VARIANT, Names

Statement = dict[str, Any]
PRINCIPALS = {
    "endpoint": "sagemaker.amazonaws.com",
    "predict": "lambda.amazonaws.com",
    "smoke_test": "lambda.amazonaws.com",
    "workflow": "states.amazonaws.com",
    "events": "events.amazonaws.com",
}
SCALING_ROLE = (
    "aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


def role_documents(settings: Settings) -> dict[str, dict[str, Any]]:
    """Actor -> {"trust": who may assume the role, "policy": what it may do}."""
    statements = {
        "endpoint": _endpoint(settings),
        "predict": _predict(settings),
        "smoke_test": _smoke_test(settings),
        "workflow": _workflow(settings),
        "events": _events(settings),
    }
    return {
        actor: {"trust": _trust(settings, service), "policy": _document(statements[actor])}
        for actor, service in PRINCIPALS.items()
    }


def _trust(settings: Settings, service: str) -> dict[str, Any]:
    # Not for a service that acts for somebody else's account.
    ours = {"StringEquals": {"aws:SourceAccount": settings.aws.account_id}}
    statement = {
        "Sid": "Assume",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    # Lambda assumes its functions' roles without saying for which account.
    return _document(
        [statement if service.startswith("lambda.") else {**statement, "Condition": ours}]
    )


def _endpoint(settings: Settings) -> list[Statement]:
    """The model's own role: its artifact, its image, its log, what it captures."""
    names, aws = Names(settings), settings.aws
    written = asynchronous_uri if is_asynchronous(settings) else capture_uri
    logs = f"log-group:/aws/sagemaker/Endpoints/{names.endpoint}"
    found = [
        _allow("Artifacts", ["s3:GetObject"], [_objects(settings, "executions/*")]),
        _allow("Answers", ["s3:PutObject"], [_arn_of(settings, f"{written(settings)}/*")]),
        _allow(
            "Logs",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            [names.arn("logs", logs), names.arn("logs", f"{logs}:*")],
        ),
        # AWS's accounts of images differ by region.
        _allow(
            "Image",
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            [f"arn:{_partition(settings)}:ecr:{aws.region}:*:repository/pytorch-inference*"],
        ),
        _allow("ImageToken", ["ecr:GetAuthorizationToken"], ["*"]),  # knows no resource
        _guards(settings),
    ]
    if is_asynchronous(settings):
        found.append(_allow("Requests", ["s3:GetObject"], [_arn_of(settings, _all(settings))]))
    if aws.subnets:
        found.append(_network())
    return [*found, *_key(settings)]


def _predict(settings: Settings) -> list[Statement]:
    names = Names(settings)
    return [
        _allow("Ask", ["sagemaker:InvokeEndpoint"], [_endpoint_arn(settings)]),
        # Images that callers refer to by their place in the bucket.
        _allow("Images", ["s3:GetObject"], [_objects(settings, "*")]),
        _function_logs(settings, names.predict),
        *_key(settings),
    ]


def _smoke_test(settings: Settings) -> list[Statement]:
    names = Names(settings)
    return [
        _allow(
            "Ask",
            ["lambda:InvokeFunction"],
            [names.function_arn(f"{names.predict}:{ALIAS}")],
        ),
        _allow("Samples", ["s3:GetObject"], [_objects(settings, "executions/*")]),
        _function_logs(settings, names.smoke_test),
        *_key(settings),
    ]


def _events(settings: Settings) -> list[Statement]:
    machines = [Names(settings).state_machine_arn(kind) for kind in ("deploy", "retrain")]
    return [_allow("Start", ["states:StartExecution"], machines)]


def _workflow(settings: Settings) -> list[Statement]:
    return [
        *_registry(settings),
        *_serving(settings),
        *_scaling(settings),
        *_functions(settings),
        *_bookkeeping(settings),
        *_key(settings),
    ]


def _registry(settings: Settings) -> list[Statement]:
    names, group = Names(settings), settings.pipeline.model_package_group
    packages = names.arn("sagemaker", f"model-package/{group}/*")
    return [
        _allow(
            "Packages",
            ["sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"],
            [packages],
        ),
        _allow(
            "PackageList",
            ["sagemaker:ListModelPackages"],
            [names.arn("sagemaker", f"model-package-group/{group}"), packages],
        ),
        _allow(
            "Pipeline",
            ["sagemaker:ListPipelineExecutions", "sagemaker:StartPipelineExecution"],
            [names.pipeline_arn],
        ),
        _allow(
            "PipelineRuns",
            [
                "sagemaker:DescribePipelineExecution",
                "sagemaker:ListPipelineParametersForExecution",
            ],
            [f"{names.pipeline_arn}/execution/*"],
        ),
    ]


def _serving(settings: Settings) -> list[Statement]:
    names = Names(settings)
    package = names.arn("sagemaker", f"model-package/{settings.pipeline.model_package_group}/*")
    made = f"{names.endpoint}-v*"
    model = names.arn("sagemaker", f"model/{made}")
    config = names.arn("sagemaker", f"endpoint-config/{made}")
    every_config = names.arn("sagemaker", "endpoint-config/*")
    endpoint = _endpoint_arn(settings)
    return [
        _allow(
            "Models",
            ["sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:AddTags"],
            [model],
        ),
        _allow("ModelOfPackage", ["sagemaker:CreateModel"], [package]),
        _allow(
            "Configurations",
            [
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:AddTags",
            ],
            [config, model],
        ),
        # The one before may be somebody else's.
        _allow("ConfigurationsBefore", ["sagemaker:DescribeEndpointConfig"], [every_config]),
        _allow(
            "Endpoint",
            [
                "sagemaker:AddTags",
                "sagemaker:CreateEndpoint",
                "sagemaker:DeleteEndpoint",
                "sagemaker:DescribeEndpoint",
                "sagemaker:UpdateEndpoint",
                "sagemaker:UpdateEndpointWeightsAndCapacities",  # on behalf of the scaling
            ],
            [endpoint],
        ),
        _allow(
            "EndpointConfigurations",
            ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"],
            [every_config],
        ),
        _allow(
            "PassRole",
            ["iam:PassRole"],
            [names.role("endpoint")],
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        _guards(settings),
    ]


def _scaling(settings: Settings) -> list[Statement]:
    names = Names(settings)
    target = names.arn("application-autoscaling", "scalable-target/*")
    role = f"arn:{_partition(settings)}:iam::{settings.aws.account_id}:role/{SCALING_ROLE}"
    namespace = {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}
    alarms = names.arn(
        "cloudwatch", f"alarm:TargetTracking-endpoint/{names.endpoint}/variant/{VARIANT}-*"
    )
    return [
        _allow(
            "Scaling",
            [
                "application-autoscaling:DeleteScalingPolicy",
                "application-autoscaling:DeleteScheduledAction",
                "application-autoscaling:DeregisterScalableTarget",
                "application-autoscaling:PutScalingPolicy",
                "application-autoscaling:PutScheduledAction",
                "application-autoscaling:RegisterScalableTarget",
            ],
            [target],
            namespace,
        ),
        _allow(
            "ScalingBefore",
            [
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
                "application-autoscaling:DescribeScheduledActions",
            ],
            ["*"],  # these know no resource
        ),
        _allow(
            "ScalingAlarms",
            ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"],
            [alarms],
        ),
        _allow(
            "ScalingRole",
            ["iam:CreateServiceLinkedRole"],
            [role],
            {
                "StringEquals": {
                    "iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"
                }
            },
        ),
        _allow("MeasuredTarget", ["ssm:GetParameter"], [_parameter(settings)]),
    ]


def _functions(settings: Settings) -> list[Statement]:
    names = Names(settings)
    predict = names.function_arn(names.predict)
    return [
        _allow(
            "Function",
            [
                "lambda:CreateAlias",
                "lambda:DeleteAlias",
                "lambda:DeleteProvisionedConcurrencyConfig",
                "lambda:GetAlias",
                "lambda:GetFunctionConfiguration",
                "lambda:GetProvisionedConcurrencyConfig",
                "lambda:PublishVersion",
                "lambda:PutProvisionedConcurrencyConfig",
                "lambda:UpdateAlias",
                "lambda:UpdateFunctionConfiguration",
            ],
            [predict, f"{predict}:*"],
        ),
        # A version alone: never the whole function.
        _allow("FunctionVersions", ["lambda:DeleteFunction"], [f"{predict}:*"]),
        _allow("SmokeTest", ["lambda:InvokeFunction"], [names.function_arn(names.smoke_test)]),
    ]


def _bookkeeping(settings: Settings) -> list[Statement]:
    names = Names(settings)
    executions = [
        names.arn("states", f"execution:{names.state_machine(kind)}:*")
        for kind in ("deploy", "rollback", "retrain")
    ]
    return [
        _allow(
            "Locks",
            [
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
            ],
            [names.arn("dynamodb", f"table/{names.table}")],
        ),
        _allow("Holders", ["states:DescribeExecution"], executions),
        _allow("Tell", ["sns:Publish"], [names.topic_arn]),
        _allow(
            "MachineLogs",
            [
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ],
            ["*"],  # log deliveries know no resource
        ),
    ]


def _guards(settings: Settings) -> Statement:
    """SageMaker reads the alarms of an update with the caller's role and with the model's."""
    names = Names(settings)
    alarms = [names.arn("cloudwatch", f"alarm:{name}") for name in guard_names(settings)]
    return _allow("Guards", ["cloudwatch:DescribeAlarms"], alarms)


def _function_logs(settings: Settings, function: str) -> Statement:
    group = Names(settings).arn("logs", f"log-group:/aws/lambda/{function}:*")
    return _allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], [group])


def _network() -> Statement:
    actions = [
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    ]
    # The interfaces are made by SageMaker, under names that nobody knows before.
    return _allow("Network", actions, ["*"])


def _key(settings: Settings) -> list[Statement]:
    """The environment's KMS key, which the settings may give as an ARN, an id or an alias."""
    key = settings.aws.kms_key
    if not key:
        return []
    actions = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    names, alias = Names(settings), key.rpartition(":")[2]
    if alias.startswith("alias/"):
        named = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
        return [_allow("Key", actions, [names.arn("kms", "key/*")], named)]
    arn = key if key.startswith("arn:") else names.arn("kms", f"key/{key}")
    return [_allow("Key", actions, [arn])]


def _allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str],
    condition: dict[str, Any] | None = None,
) -> Statement:
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": list(resources),
    }
    return {**statement, "Condition": condition} if condition else statement


def _document(statements: list[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _endpoint_arn(settings: Settings) -> str:
    names = Names(settings)
    return names.arn("sagemaker", f"endpoint/{names.endpoint}")


def _parameter(settings: Settings) -> str:
    names = Names(settings)
    return names.arn("ssm", f"parameter{names.parameter}")


def _objects(settings: Settings, keys: str) -> str:
    return f"arn:{_partition(settings)}:s3:::{settings.bucket}/{keys}"


def _all(settings: Settings) -> str:
    return f"s3://{settings.bucket}/*"


def _arn_of(settings: Settings, uri: str) -> str:
    return f"arn:{_partition(settings)}:s3:::{uri.removeprefix('s3://')}"


def _partition(settings: Settings) -> str:
    return partition_of(settings.aws.region)
