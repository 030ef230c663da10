"""Training on EC2: instances that run, then what they stood on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from botocore.exceptions import ClientError

from provision.change import Change, Clients, from_tags
from provision.ec2.instances import list_instances, live, terminate, training_of
from provision.ec2.surroundings import ACTOR, group_name
from provision.logs import RESOURCE as LOG_GROUP
from provision.teardown.ownership import claim, kept, unless_gone
from settings import Settings
from settings.ec2 import Ec2
from statemachine.names import Names

INSTANCE, TEMPLATE = "instance", "launch-template"
SECURITY_GROUP, PROFILE = "security-group", "instance-profile"
MADE = "made by ec2-train"
DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")


def find_instances(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Those that have not ended; their tags say that they are ours."""

    def find() -> Iterator[Change]:
        for instance in live(list_instances(clients, settings)):
            reason = f"it trains '{training_of(instance)}'; {instance['State']['Name']}"
            yield Change("stop", INSTANCE, instance["InstanceId"], reason, None)

    yield from _as_far_as_allowed(settings, INSTANCE, find)


def find_ec2(clients: Clients, settings: Settings) -> Iterator[Change]:
    """What is left when no instance runs any more."""
    for resource, find in ((TEMPLATE, _find_templates), (SECURITY_GROUP, _find_groups)):
        yield from _as_far_as_allowed(settings, resource, partial(find, clients, settings))
    yield from _find_logs(clients, settings)
    yield from _find_profile(clients, settings)


def _as_far_as_allowed(
    settings: Settings, resource: str, find: Callable[[], Iterator[Change]]
) -> Iterator[Change]:
    """What is found; or a note where these credentials may not look, and nobody asked for EC2."""
    try:
        yield from [*find()]
    except ClientError as error:
        asked_for = settings.ec2 != Ec2() or settings.roles.ec2_training
        if asked_for or error.response["Error"]["Code"] not in DENIED:
            raise
        reason = "not looked for: these credentials may not, and the settings ask nothing of EC2"
        yield kept(resource, f"of {settings.endpoint_name}", reason)


def terminate_instance(clients: Clients, change: Change) -> None:
    """Return when it has ended."""
    terminate(clients, change.name)


def delete_template(clients: Clients, change: Change) -> None:
    clients("ec2").delete_launch_template(LaunchTemplateName=change.name)


def delete_security_group(clients: Clients, change: Change) -> None:
    clients("ec2").delete_security_group(GroupId=change.desired)


def delete_profile(clients: Clients, change: Change) -> None:
    """IAM deletes no profile that has a role; the role itself goes later."""
    iam, named = clients("iam"), {"InstanceProfileName": change.name}
    for role in iam.get_instance_profile(**named)["InstanceProfile"]["Roles"]:
        iam.remove_role_from_instance_profile(**named, RoleName=role["RoleName"])
    iam.delete_instance_profile(**named)


def _find_templates(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Those that a start on spot left which was cut off."""
    prefix = f"{settings.endpoint_name}-ec2-"
    pages = clients("ec2").get_paginator("describe_launch_templates").paginate()
    for template in (one for page in pages for one in page["LaunchTemplates"]):
        name, tags = template["LaunchTemplateName"], from_tags(template.get("Tags", []))
        if name.startswith(prefix):
            yield claim(settings, TEMPLATE, name, tags, MADE, marked=True)


def _find_groups(clients: Clients, settings: Settings) -> Iterator[Change]:
    """In every network in which a training has been."""
    name = group_name(settings)
    answer = clients("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [name]}]
    )
    for group in answer["SecurityGroups"]:
        tags, group_id = from_tags(group.get("Tags", [])), group["GroupId"]
        yield claim(settings, SECURITY_GROUP, name, tags, MADE, desired=group_id)


def _find_logs(clients: Clients, settings: Settings) -> Iterator[Change]:
    logs, names = clients("logs"), Names(settings)
    listed = logs.describe_log_groups(logGroupNamePrefix=names.ec2_logs)["logGroups"]
    if all(group["logGroupName"] != names.ec2_logs for group in listed):
        return
    arn = names.arn("logs", f"log-group:{names.ec2_logs}")
    if found := unless_gone(lambda: logs.list_tags_for_resource(resourceArn=arn)):
        yield claim(settings, LOG_GROUP, names.ec2_logs, found["tags"], MADE)


def _find_profile(clients: Clients, settings: Settings) -> Iterator[Change]:
    iam, name = clients("iam"), Names(settings).made_role(ACTOR)
    found = unless_gone(lambda: iam.get_instance_profile(InstanceProfileName=name))
    if found is not None:
        tags = from_tags(found["InstanceProfile"].get("Tags", []))
        yield claim(settings, PROFILE, name, tags, MADE)
