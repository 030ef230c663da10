"""What is live, and the decisions about it."""

from __future__ import annotations

from collections.abc import Iterator

from provision.preflight.callers.parts import (
    actions,
    machine_runs,
    machines,
    newest_executions,
    service_role,
    versions,
)
from provision.preflight.callers.runs import RUNS_READ
from settings import Settings
from statemachine.names import ALIAS, VARIANT, Names
from statemachine.promotion import MACHINE, takes
from statemachine.statements import Statement, allow, key, objects

SCALING = "sagemaker.application-autoscaling.amazonaws.com"
SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
SCALED = {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}


def approve(settings: Settings) -> Iterator[Statement]:
    yield versions(settings)
    packages = f"model-package/{settings.pipeline.model_package_group}/*"
    arn = Names(settings).arn("sagemaker", packages)
    yield actions("Decide", "sagemaker", "UpdateModelPackage", [arn])
    yield machines(settings, ["deploy"], "DescribeStateMachine ListExecutions")
    yield machine_runs(settings, ["deploy"], RUNS_READ)


def promote(settings: Settings) -> Iterator[Statement]:
    """In the environment that gives, and in the one that takes: its settings name the giver."""
    given, names = settings.promotion, Names(settings)
    if not takes(settings):
        yield versions(settings)
        return
    if given.from_account == settings.aws.account_id:
        group = names.arn("sagemaker", f"model-package-group/{given.from_group}")
        yield actions("Versions", "sagemaker", "ListModelPackages", [group])
    yield machines(settings, [MACHINE], "DescribeStateMachine StartExecution")
    yield machine_runs(settings, [MACHINE], RUNS_READ)


def predict(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    live = names.function_arn(f"{names.predict}:{ALIAS}")
    yield actions("Ask", "lambda", "InvokeFunction", [live])
    verb = "GetFunctionConfiguration"  # which says what is missing
    yield actions("Function", "lambda", verb, [names.function_arn(names.predict)])


def rollback(settings: Settings) -> Iterator[Statement]:
    yield versions(settings)
    yield machines(settings, ["rollback"], "DescribeStateMachine StartExecution")
    yield machine_runs(settings, ["rollback"], RUNS_READ)


def status(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    yield from _endpoint(settings)
    verbs = "DescribeScalableTargets DescribeScalingPolicies"
    yield actions("Scaling", "application-autoscaling", verbs, ["*"])  # these know no resource
    # Scaling's own alarms have other names.
    scaling = f"alarm:TargetTracking-endpoint/{names.endpoint}/variant/{VARIANT}-*"
    alarms = [names.arn("cloudwatch", one) for one in (f"alarm:{names.endpoint}-*", scaling)]
    yield actions("Alarms", "cloudwatch", "DescribeAlarms", alarms)
    yield newest_executions(settings)
    yield versions(settings)
    yield machines(settings, ["deploy", "rollback", "retrain"], "ListExecutions")
    yield machine_runs(settings, ["deploy", "rollback"], "DescribeExecution")


def capacity(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    yield from _endpoint(settings)
    endpoint = names.arn("sagemaker", f"endpoint/{names.endpoint}")
    yield actions("Ask", "sagemaker", "InvokeEndpoint", [endpoint])
    packages = f"model-package/{settings.pipeline.model_package_group}/*"
    arn = names.arn("sagemaker", packages)
    yield actions("Package", "sagemaker", "DescribeModelPackage", [arn])
    yield actions("Samples", "s3", "GetObject", [objects(settings, "executions/*")])
    yield from key(settings, ["kms:Decrypt"])
    verb = ["application-autoscaling:DescribeScalableTargets"]
    yield allow("Scaled", verb, ["*"])  # this knows no resource
    # Scaling is suspended while the load runs; who registers must be allowed what scaling does.
    target = names.arn("application-autoscaling", "scalable-target/*")
    yield allow("Suspend", ["application-autoscaling:RegisterScalableTarget"], [target], SCALED)
    yield actions("Suspended", "sagemaker", "UpdateEndpointWeightsAndCapacities", [endpoint])
    yield service_role("ScalingRole", settings, SCALING, SCALING_ROLE)
    yield actions("Save", "ssm", "PutParameter", [names.arn("ssm", f"parameter{names.parameter}")])


def _endpoint(settings: Settings) -> Iterator[Statement]:
    """The endpoint and what it serves, which another hand may have named otherwise."""
    names = Names(settings)
    endpoint = names.arn("sagemaker", f"endpoint/{names.endpoint}")
    yield actions("Endpoint", "sagemaker", "DescribeEndpoint", [endpoint])
    configs = names.arn("sagemaker", "endpoint-config/*")
    yield actions("Configurations", "sagemaker", "DescribeEndpointConfig", [configs])
    yield actions("Models", "sagemaker", "DescribeModel", [names.arn("sagemaker", "model/*")])
