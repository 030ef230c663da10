"""What deployments made of SageMaker's: scaling, the endpoint, its configurations, its models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from provision.alarms import RESOURCE as ALARM
from provision.change import Change, Clients, from_tags
from provision.teardown.ownership import DEPLOYED, claim, kept, unless_gone
from provision.waiting import until_gone
from settings import Settings
from statemachine.names import VARIANT

SCALING, ENDPOINT, CONFIG, MODEL = "scaling", "endpoint", "endpoint-config", "model"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def find_serving(clients: Clients, settings: Settings) -> Iterator[Change]:
    """In the order of deleting: what scales an endpoint before it, what it is made of after it."""
    endpoint = _find_endpoint(clients, settings)
    if endpoint is None or endpoint.kind == "delete":
        yield from _find_scaling(clients, settings)
    if endpoint:
        yield endpoint
    yield from _find_versions(clients, settings, CONFIG)
    yield from _find_versions(clients, settings, MODEL)


def delete_scaling(clients: Clients, change: Change) -> None:
    """Policies, calendar and alarms go with the scalable target."""
    clients("application-autoscaling").deregister_scalable_target(**change.desired)


def delete_endpoint(clients: Clients, change: Change) -> None:
    """Return when it is gone; one that is being changed is waited for."""
    sagemaker, name = clients("sagemaker"), change.name

    def is_gone() -> bool:
        found = unless_gone(lambda: sagemaker.describe_endpoint(EndpointName=name))
        if found is None:
            return True
        if found["EndpointStatus"] != "Deleting":
            _ask_to_go(sagemaker, found)
        return False

    until_gone(clients, is_gone, f"The endpoint {name}")


def delete_config(clients: Clients, change: Change) -> None:
    clients("sagemaker").delete_endpoint_config(EndpointConfigName=change.name)


def delete_model(clients: Clients, change: Change) -> None:
    clients("sagemaker").delete_model(ModelName=change.name)


def _ask_to_go(sagemaker: Any, found: Mapping[str, Any]) -> None:
    try:
        sagemaker.delete_endpoint(EndpointName=found["EndpointName"])
    except ClientError:
        # Refused while it is created or updated: the next look asks again.
        if not found["EndpointStatus"].endswith(("ing", "RollingBack")):
            raise


def _find_endpoint(clients: Clients, settings: Settings) -> Change | None:
    sagemaker, name = clients("sagemaker"), settings.endpoint_name
    found = unless_gone(lambda: sagemaker.describe_endpoint(EndpointName=name))
    if found is None:
        return None
    tags = _tags(sagemaker, found["EndpointArn"])
    return claim(settings, ENDPOINT, name, tags, f"{DEPLOYED}; {found['EndpointStatus']}")


def _find_scaling(clients: Clients, settings: Settings) -> Iterator[Change]:
    """The scalable target; without one, the alarms that an earlier one may have left."""
    place = f"endpoint/{settings.endpoint_name}/variant/{VARIANT}"
    scaled = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION}
    answer = clients("application-autoscaling").describe_scalable_targets(
        ResourceIds=[place], **scaled
    )
    if answer["ScalableTargets"]:
        reason = f"{DEPLOYED}; with its policies, calendar and alarms"
        desired = {**scaled, "ResourceId": place}
        yield claim(settings, SCALING, place, {}, reason, desired=desired, untagged=True)
        return
    pages = (
        clients("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"TargetTracking-{place}-Alarm", AlarmTypes=["MetricAlarm"])
    )
    for alarm in (alarm for page in pages for alarm in page["MetricAlarms"]):
        yield claim(settings, ALARM, alarm["AlarmName"], {}, "left by scaling", untagged=True)


def _find_versions(clients: Clients, settings: Settings, resource: str) -> Iterator[Change]:
    """Configurations or models with names as deployments give them: <endpoint>-v<n>-<digest>."""
    sagemaker, name = clients("sagemaker"), settings.endpoint_name
    action, answer, field = {
        CONFIG: ("list_endpoint_configs", "EndpointConfigs", "EndpointConfig"),
        MODEL: ("list_models", "Models", "Model"),
    }[resource]
    pages = sagemaker.get_paginator(action).paginate(NameContains=f"{name}-v")
    form = re.compile(rf"{re.escape(name)}-v\d+-[0-9a-f]{{8}}")
    for item in [item for page in pages for item in page[answer]]:
        called, arn = item[f"{field}Name"], item[f"{field}Arn"]
        if not called.startswith(f"{name}-v"):
            continue
        if not form.fullmatch(called):
            yield kept(resource, called, "not ours: no deployment gives such a name")
            continue
        tags = unless_gone(partial(_tags, sagemaker, arn))
        if tags is not None:
            yield claim(settings, resource, called, tags, DEPLOYED)


def _tags(sagemaker: Any, arn: str) -> dict[str, str]:
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return from_tags([tag for page in pages for tag in page["Tags"]])
