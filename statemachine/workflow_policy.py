"""What the state machines may do: their role's statements, by what they are about.

Where a statement names `*`, the API knows no narrower resource; the comment beside it says so.
"""

from __future__ import annotations

from settings import Settings, partition_of
from statemachine.names import ALIAS, VARIANT, Names
from statemachine.promotion import copying
from statemachine.statements import Statement, allow, guards, key

SCALING_ROLE = (
    "aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


def workflow_statements(settings: Settings) -> list[Statement]:
    """Everything that one execution or another asks for."""
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
            [names.endpoint_arn],
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
        guards(settings),
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


def _parameter(settings: Settings) -> str:
    names = Names(settings)
    return names.arn("ssm", f"parameter{names.parameter}")
