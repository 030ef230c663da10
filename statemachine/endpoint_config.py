"""What is deployed of a model package: the requests of its model, configuration and endpoint.

The functions take names and versions as they stand in a request. A state machine gives expressions
in their place, which are known when it runs; a test gives plain strings.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from settings import Settings
from statemachine.alarms import guard_names
from statemachine.names import VARIANT, Names

DIGEST = 8  # hex digits
# Instances with disks of their own encrypt those themselves and refuse a key for the volume.
OWN_DISKS = re.compile(r"ml\.(g5|g6e?|p5e?n?|trn\d\w*|[a-z]+\d+[a-z]*d[a-z]*)\.")


def digest(settings: Settings) -> str:
    """Eight hex digits over everything that a version is deployed with.

    They are part of the names: with other settings the same version gets another configuration.
    """
    parts = [model_request(settings, "", "", ""), endpoint_config_request(settings, "", "")]
    for part in parts:
        del part["Tags"]  # which may change at any time, and change nothing
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST]


def deployed_name(settings: Settings, version: int | str) -> str:
    """The name of a version's model and of its endpoint configuration."""
    return f"{settings.endpoint_name}-v{version}-{digest(settings)}"


def is_serverless(settings: Settings) -> bool:
    return settings.endpoint.kind == "serverless"


def is_asynchronous(settings: Settings) -> bool:
    return settings.endpoint.kind == "asynchronous"


def model_request(settings: Settings, name: str, package_arn: str, version: str) -> dict[str, Any]:
    """CreateModel."""
    aws, hosts = settings.aws, settings.endpoint.url_allow_list
    request: dict[str, Any] = {
        "ModelName": name,
        "PrimaryContainer": {
            "ModelPackageName": package_arn,
            "Environment": {
                "BREEDLINE_MODEL_VERSION": version,
                "BREEDLINE_URL_ALLOW_LIST": ",".join(hosts),
            },
        },
        "ExecutionRoleArn": Names(settings).role("endpoint"),
        "Tags": tags(settings),
    }
    if is_serverless(settings):  # has neither a VPC nor isolation
        return request
    if aws.subnets:
        request["VpcConfig"] = {
            "Subnets": list(aws.subnets),
            "SecurityGroupIds": list(aws.security_groups),
        }
    # A model that fetches nothing needs no network.
    return {**request, "EnableNetworkIsolation": not hosts}


def endpoint_config_request(settings: Settings, name: str, model: str) -> dict[str, Any]:
    """CreateEndpointConfig."""
    request: dict[str, Any] = {
        "EndpointConfigName": name,
        "ProductionVariants": [_variant(settings, model)],
        "Tags": tags(settings),
    }
    if is_serverless(settings):  # has no volume, and no data capture
        return request
    if (key := settings.aws.kms_key) and not OWN_DISKS.match(settings.endpoint.instance_type):
        request["KmsKeyId"] = key
    if is_asynchronous(settings):  # requests and answers lie in the bucket as it is
        request["AsyncInferenceConfig"] = _asynchronous(settings)
    elif settings.endpoint.capture_percent:
        request["DataCaptureConfig"] = _capture(settings)
    return request


def create_endpoint_request(settings: Settings, endpoint_config: str) -> dict[str, Any]:
    """CreateEndpoint."""
    return {
        "EndpointName": settings.endpoint_name,
        "EndpointConfigName": endpoint_config,
        "Tags": tags(settings),
    }


def update_endpoint_request(
    settings: Settings, endpoint_config: str, *, canary: bool = False, guarded: bool = True
) -> dict[str, Any]:
    """UpdateEndpoint: what autoscaling has set stays, the capture settings are the new ones.

    Args:
        settings: of the environment.
        endpoint_config: name of the configuration that takes over.
        canary: part of the new fleet answers first; the fleet needs two instances.
        guarded: the alarms roll it back; not on the way back itself, where they may still ring.
    """
    request: dict[str, Any] = {
        "EndpointName": settings.endpoint_name,
        "EndpointConfigName": endpoint_config,
    }
    if is_serverless(settings):  # has no fleets, so no instance counts and no guardrails
        return request
    excluded = [{"VariantPropertyType": "DataCaptureConfig"}]
    rollout = settings.rollout
    policy = {
        "TrafficRoutingConfiguration": _routing(settings, canary),
        "TerminationWaitInSeconds": rollout.bake_seconds if guarded else 0,
        "MaximumExecutionTimeoutInSeconds": rollout.max_seconds,
    }
    deployment: dict[str, Any] = {"BlueGreenUpdatePolicy": policy}
    if guarded:
        alarms = [{"AlarmName": name} for name in guard_names(settings)]
        deployment["AutoRollbackConfiguration"] = {"Alarms": alarms}
    return {
        **request,
        "RetainAllVariantProperties": True,
        "ExcludeRetainedVariantProperties": excluded,
        "DeploymentConfig": deployment,
    }


def capture_uri(settings: Settings) -> str:
    """Where captured requests and answers lie."""
    return f"s3://{settings.bucket}/capture"


def asynchronous_uri(settings: Settings) -> str:
    """Where the answers of an asynchronous endpoint lie."""
    return f"s3://{settings.bucket}/asynchronous/{settings.endpoint_name}"


def tags(settings: Settings) -> list[dict[str, str]]:
    """The environment's tags in SageMaker's form."""
    return [{"Key": key, "Value": value} for key, value in sorted(settings.tags.items())]


def _variant(settings: Settings, model: str) -> dict[str, Any]:
    endpoint = settings.endpoint
    variant = {"VariantName": VARIANT, "ModelName": model, "InitialVariantWeight": 1.0}
    if is_serverless(settings):
        size = {
            "MemorySizeInMB": endpoint.serverless_memory_mb,
            "MaxConcurrency": endpoint.serverless_concurrency,
        }
        return {**variant, "ServerlessConfig": size}
    return {
        **variant,
        "InstanceType": endpoint.instance_type,
        "InitialInstanceCount": endpoint.instance_count,
        # Of SageMaker's two ways the one with the better tail; the other one draws at random.
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
        "ContainerStartupHealthCheckTimeoutInSeconds": endpoint.startup_seconds,
        "ModelDataDownloadTimeoutInSeconds": endpoint.startup_seconds,
    }


def _routing(settings: Settings, canary: bool) -> dict[str, Any]:
    rollout = settings.rollout
    if not canary:
        return {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    return {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": rollout.canary_percent},
        "WaitIntervalInSeconds": rollout.canary_wait_seconds,
    }


def _capture(settings: Settings) -> dict[str, Any]:
    config = {
        "EnableCapture": True,
        "InitialSamplingPercentage": settings.endpoint.capture_percent,
        "DestinationS3Uri": capture_uri(settings),
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    key = settings.aws.kms_key
    return {**config, "KmsKeyId": key} if key else config


def _asynchronous(settings: Settings) -> dict[str, Any]:
    root, key = asynchronous_uri(settings), settings.aws.kms_key
    output = {"S3OutputPath": f"{root}/answers", "S3FailurePath": f"{root}/failures"}
    concurrency = settings.endpoint.asynchronous_concurrency
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
        "OutputConfig": {**output, "KmsKeyId": key} if key else output,
    }
