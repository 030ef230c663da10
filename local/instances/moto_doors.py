"""The ways into moto's EC2 that start, end or look into an instance, led to ours.

And the end of a network, whose access control lists moto would keep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.models.instances import Instance, MetadataOptions
from moto.ec2.models.vpcs import VPCBackend
from moto.ec2.responses.fleets import Fleets
from moto.ec2.responses.general import General
from moto.ec2.responses.instances import InstanceResponse

from local.instances.service import BY_USER, Instances

REPLACED: tuple[tuple[Any, str], ...] = (
    (Instance, "terminate"),
    (Instance, "stop"),
    (InstanceResponse, "run_instances"),
    (Fleets, "create_fleet"),
    (General, "get_console_output"),
    (VPCBackend, "delete_vpc"),
)
ORIGINAL = {(owner, name): getattr(owner, name) for owner, name in REPLACED}
NO_TOKEN = "ABCDE"  # noqa: S105 - what moto takes where a request names none


def lead_moto(instances: Instances) -> None:
    """Let instances of this process run their user data."""
    Instance.terminate = _ending(instances, "terminate", "shutting-down")
    Instance.stop = _ending(instances, "stop", "stopping")
    InstanceResponse.run_instances = _running(instances)
    Fleets.create_fleet = _fleet(instances)
    General.get_console_output = _telling(instances)
    VPCBackend.delete_vpc = _delete_vpc


def _delete_vpc(backend: Any, vpc_id: str) -> Any:
    gone = ORIGINAL[VPCBackend, "delete_vpc"](backend, vpc_id)
    lists = backend.network_acls
    for name in [name for name, one in lists.items() if one.vpc_id == vpc_id]:
        del lists[name]
    return gone


def _ending(instances: Instances, name: str, state: str) -> Callable[[Any], Any]:
    original = ORIGINAL[Instance, name]

    def end(instance: Any) -> Any:
        before = type(instance._state)(instance.state, instance.state_code)
        if instances.end(instance, lambda: original(instance), state, BY_USER):
            return before
        if instance.state == "terminated":
            return before  # once more; moto would look for what is gone
        return original(instance)

    return end


def _running(instances: Instances) -> Callable[[Any], ActionResult]:
    original = ORIGINAL[InstanceResponse, "run_instances"]

    def run_instances(response: Any) -> ActionResult:
        token = response._get_param("ClientToken") or NO_TOKEN
        if token != NO_TOKEN:
            for reservation in list(response.ec2_backend.reservations.values()):
                if any(one.client_token == token for one in reservation.instances):
                    return ActionResult(reservation)
        answer = original(response)
        instances.start_new(response.ec2_backend)
        return answer

    return run_instances


def _fleet(instances: Instances) -> Callable[[Any], ActionResult]:
    original, made = ORIGINAL[Fleets, "create_fleet"], dict[str, ActionResult]()

    def create_fleet(response: Any) -> ActionResult:
        token = str(response._get_param("ClientToken") or "")
        if token in made:
            return made[token]
        answer: ActionResult = original(response)
        _complete(response, answer.result["FleetId"])  # type: ignore[index]
        instances.start_new(response.ec2_backend)
        if token:
            made[token] = answer
        return answer

    return create_fleet


def _complete(response: Any, fleet_id: str) -> None:
    """What the template says of an instance and moto does not hand on to a fleet's."""
    ec2 = response.ec2_backend
    (config, *_) = response._get_param("LaunchTemplateConfigs")
    named = config["LaunchTemplateSpecification"]
    template = (
        ec2.get_launch_template(named["LaunchTemplateId"])
        if "LaunchTemplateId" in named
        else ec2.get_launch_template_by_name(named["LaunchTemplateName"])
    )
    data = template.latest_version().data
    fleet = ec2.get_fleet(fleet_id)
    started = [request.instance for request in fleet.spot_requests]
    started += [each["instance"] for each in fleet.on_demand_instances]
    for instance in started:
        behaviour = data.get("InstanceInitiatedShutdownBehavior")
        instance.instance_initiated_shutdown_behavior = behaviour or "stop"
        instance.metadata_options = MetadataOptions(data.get("MetadataOptions"))
        groups = [ec2.get_security_group_from_id(one) for one in data.get("SecurityGroupIds", [])]
        instance.security_groups = groups or instance.security_groups
        if profile := data.get("IamInstanceProfile"):
            ec2.associate_iam_instance_profile(instance.id, profile.get("Name"), profile.get("Arn"))


def _telling(instances: Instances) -> Callable[[Any], ActionResult]:
    original = ORIGINAL[General, "get_console_output"]

    def get_console_output(response: Any) -> ActionResult:
        instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
        printed = instances.console(instance.id)
        if printed is None:
            return original(response)
        output = Base64EncodedString.from_raw_string(printed)
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": output})

    return get_console_output
