"""The instances of our trainings: found by their tags, described, ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.ec2.requests import TAG, tags
from provision.change import Clients, from_tags
from provision.waiting import until_gone
from settings import Settings

LIVE = ("pending", "running", "shutting-down", "stopping", "stopped")
PROVING = ("endpoint", "environment", "owner")


def list_instances(
    clients: Clients, settings: Settings, name: str | None = None
) -> list[dict[str, Any]]:
    """Our instances, of one training or of all, those that ended a while ago too; newest first."""
    ours = tags(settings)
    wanted = [{"Name": f"tag:{key}", "Values": [ours[key]]} for key in PROVING]
    by_name = {"Name": f"tag:{TAG}", "Values": [name]} if name else _any(TAG)
    pages = clients("ec2").get_paginator("describe_instances").paginate(Filters=[*wanted, by_name])
    found = [one for page in pages for each in page["Reservations"] for one in each["Instances"]]
    return sorted(found, key=lambda one: one["LaunchTime"], reverse=True)


def describe_instance(clients: Clients, instance_id: str) -> dict[str, Any]:
    """One instance as EC2 tells of it."""
    answer = clients("ec2").describe_instances(InstanceIds=[instance_id])
    instance: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
    return instance


def terminate(clients: Clients, instance_id: str) -> None:
    """End an instance and wait until it has ended."""
    clients("ec2").terminate_instances(InstanceIds=[instance_id])
    until_gone(
        clients,
        lambda: describe_instance(clients, instance_id)["State"]["Name"] == "terminated",
        f"The instance {instance_id}",
    )


def training_of(instance: dict[str, Any]) -> str:
    """The name of the training that an instance carries."""
    return from_tags(instance.get("Tags", [])).get(TAG, "")


def live(instances: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Those that have not ended."""
    return (one for one in instances if one["State"]["Name"] in LIVE)


def _any(tag: str) -> dict[str, Any]:
    return {"Name": "tag-key", "Values": [tag]}
