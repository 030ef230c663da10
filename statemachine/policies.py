"""What each actor may do: a role's trust and its policy, with no wider resource than there is need.

`role_documents(settings)` gives them for the actors of `names.ROLE_ACTORS`. Where a statement names
`*`, the API knows no narrower resource; the comment beside it says so.
"""

from __future__ import annotations

from typing import Any

from settings import Settings, partition_of
from settings.workload import IMAGES
from statemachine.alarms import guard_names
from statemachine.endpoint_config import asynchronous_uri, capture_uri, is_asynchronous
from statemachine.names import ALIAS, VARIANT, Names
from statemachine.promotion import copying, forwarding
from statemachine.statements import (
    READ_KEY,
    Statement,
    allow,
    document,
    image,
    key,
    network,
    objects,
    objects_of,
    trust,
)

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
        actor: {"trust": trust(settings, service), "policy": document(statements[actor])}
        for actor, service in PRINCIPALS.items()
    }


def _endpoint(settings: Settings) -> list[Statement]:
    """The model's own role: its artifact, its image, its log, what it captures."""
    names = Names(settings)
    written = asynchronous_uri if is_asynchronous(settings) else capture_uri
    logs = names.arn("logs", f"log-group:/aws/sagemaker/Endpoints/{names.endpoint}:*")
    found = [
        allow("Artifacts", ["s3:GetObject"], [objects(settings, "executions/*")]),
        allow("Answers", ["s3:PutObject"], [objects_of(settings, f"{written(settings)}/*")]),
        allow(
            "Logs",
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            [logs],  # Logs checks a group, too, as one with a stream
        ),
        allow(
            "Metrics",
            ["cloudwatch:PutMetricData"],
            ["*"],  # knows no resource
            {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}},
        ),
        *image(settings, "pytorch-inference"),
        _guards(settings),
    ]
    if is_asynchronous(settings):
        found.append(allow("Requests", ["s3:GetObject"], [objects(settings, "*")]))
    return [*found, *network(settings), *key(settings)]


def _predict(settings: Settings) -> list[Statement]:
    names = Names(settings)
    # Images that callers refer to by their place in the bucket; tables come with the request.
    images = allow("Images", ["s3:GetObject"], [objects(settings, "*")])
    return [
        allow("Ask", ["sagemaker:InvokeEndpoint"], [_endpoint_arn(settings)]),
        *([images, *key(settings, READ_KEY)] if settings.workload.kind == IMAGES else []),
        _function_logs(settings, names.predict),
    ]


def _smoke_test(settings: Settings) -> list[Statement]:
    names = Names(settings)
    return [
        allow(
            "Ask",
            ["lambda:InvokeFunction"],
            [names.function_arn(f"{names.predict}:{ALIAS}")],
        ),
        allow("Samples", ["s3:GetObject"], [objects(settings, "executions/*")]),
        _function_logs(settings, names.smoke_test),
        *key(settings, READ_KEY),
    ]


def _events(settings: Settings) -> list[Statement]:
    machines = [Names(settings).state_machine_arn(kind) for kind in ("deploy", "retrain")]
    return [allow("Start", ["states:StartExecution"], machines), *forwarding(settings)]


def _workflow(settings: Settings) -> list[Statement]:
    return [
        *_registry(settings),
        *_serving(settings),
        *_scaling(settings),
        *_functions(settings),
        *_bookkeeping(settings),
        *copying(settings),
        *key(settings),
    ]


def _registry(settings: Settings) -> list[Statement]:
    names, group = Names(settings), settings.pipeline.model_package_group
    packages = names.arn("sagemaker", f"model-package/{group}/*")
    return [
        allow(
            "Packages",
            ["sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"],
            [packages],
        ),
        allow(
            "PackageList",
            ["sagemaker:ListModelPackages"],
            [names.arn("sagemaker", f"model-package-group/{group}"), packages],
        ),
        allow(
            "Pipeline",
            ["sagemaker:ListPipelineExecutions", "sagemaker:StartPipelineExecution"],
            [names.pipeline_arn],
        ),
        allow(
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
        allow(
            "Models",
            ["sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:AddTags"],
            [model],
        ),
        allow("ModelOfPackage", ["sagemaker:CreateModel"], [package]),
        allow(
            "Configurations",
            [
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:AddTags",
            ],
            [config],
        ),
        # The one before may be somebody else's.
        allow("ConfigurationsBefore", ["sagemaker:DescribeEndpointConfig"], [every_config]),
        allow(
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
        allow(
            "EndpointConfigurations",
            ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"],
            [every_config],
        ),
        allow(
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
    partition = partition_of(settings.aws.region)
    role = f"arn:{partition}:iam::{settings.aws.account_id}:role/{SCALING_ROLE}"
    namespace = {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}
    alarms = names.arn(
        "cloudwatch", f"alarm:TargetTracking-endpoint/{names.endpoint}/variant/{VARIANT}-*"
    )
    return [
        allow(
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
        allow(
            "ScalingBefore",
            [
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
                "application-autoscaling:DescribeScheduledActions",
            ],
            ["*"],  # these know no resource
        ),
        allow(
            "ScalingAlarms",
            ["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"],
            [alarms],
        ),
        allow(
            "ScalingRole",
            ["iam:CreateServiceLinkedRole"],
            [role],
            {
                "StringEquals": {
                    "iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"
                }
            },
        ),
        allow("MeasuredTarget", ["ssm:GetParameter"], [_parameter(settings)]),
    ]


def _functions(settings: Settings) -> list[Statement]:
    names = Names(settings)
    predict = names.function_arn(names.predict)
    return [
        allow(
            "Function",
            [
                "lambda:CreateAlias",
                "lambda:DeleteAlias",
                "lambda:GetAlias",
                "lambda:GetFunctionConfiguration",
                "lambda:PublishVersion",
                "lambda:UpdateAlias",
                "lambda:UpdateFunctionConfiguration",
            ],
            [predict],
        ),
        allow(
            "Provisioned",
            [
                "lambda:DeleteProvisionedConcurrencyConfig",
                "lambda:GetProvisionedConcurrencyConfig",
                "lambda:PutProvisionedConcurrencyConfig",
            ],
            [names.function_arn(f"{names.predict}:{ALIAS}")],
        ),
        # A version alone: never the whole function.
        allow("FunctionVersions", ["lambda:DeleteFunction"], [f"{predict}:*"]),
        allow("SmokeTest", ["lambda:InvokeFunction"], [names.function_arn(names.smoke_test)]),
    ]


def _bookkeeping(settings: Settings) -> list[Statement]:
    names = Names(settings)
    executions = [
        names.arn("states", f"execution:{names.state_machine(kind)}:*")
        for kind in ("deploy", "rollback", "retrain")
    ]
    return [
        allow(
            "Locks",
            [
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
            ],
            [names.arn("dynamodb", f"table/{names.table}")],
        ),
        allow("Holders", ["states:DescribeExecution"], executions),
        allow("Tell", ["sns:Publish"], [names.topic_arn]),
        allow(
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
    return allow("Guards", ["cloudwatch:DescribeAlarms"], alarms)


def _function_logs(settings: Settings, function: str) -> Statement:
    group = Names(settings).arn("logs", f"log-group:/aws/lambda/{function}:*")
    return allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], [group])


def _endpoint_arn(settings: Settings) -> str:
    names = Names(settings)
    return names.arn("sagemaker", f"endpoint/{names.endpoint}")


def _parameter(settings: Settings) -> str:
    names = Names(settings)
    return names.arn("ssm", f"parameter{names.parameter}")
