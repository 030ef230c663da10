"""What the operations of people need who set up, look after and take down an environment.

Jobs, functions and state machines call few of these. Names of IAM and Budgets know no region.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from moto.kms.models import kms_backends

from local.iam import network_needs, notice_needs
from local.iam.needs import (
    EVERYTHING,
    Need,
    Parameters,
    Place,
    Row,
    alike,
    all_of,
    look,
    on,
    passing,
    tagged,
)

LAMBDA, STATES = "lambda.amazonaws.com", "states.amazonaws.com"
EC2, EVENTS = "ec2.amazonaws.com", "events.amazonaws.com"
BUS = "default"
ROLE, PROFILE = "role/{RoleName}", "instance-profile/{InstanceProfileName}"
STACK = "stack/{StackName}/*"
GROUP = "log-group:{logGroupName}:log-stream:"
STREAM = "log-group:{logGroupName}:log-stream:{logStreamName}"


def _globally(row: Row) -> Row:
    def elsewhere(place: Place, parameters: Parameters) -> Iterator[Need]:
        yield from row(replace(place, region=""), parameters)

    return elsewhere


def _target_roles(place: Place, parameters: Parameters) -> Iterator[Need]:
    for target in parameters.get("Targets") or []:
        if role := target.get("RoleArn"):
            yield Need("iam:PassRole", role, {"iam:PassedToService": EVENTS})


def _profile_role(place: Place, parameters: Parameters) -> Iterator[Need]:
    role = f"arn:{place.partition}:iam::{place.account}:role/{parameters['RoleName']}"
    yield Need("iam:PassRole", role, {"iam:PassedToService": EC2})


def _bus(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        name = parameters.get("EventBusName") or parameters.get("Name") or BUS
        yield Need(action, place.arn("events", f"event-bus/{name}"))

    return row


def _stack(action: str) -> Row:
    """A stack by its name or its ARN."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        name = str(parameters.get("StackName") or "")
        arn = name if name.startswith("arn:") else place.arn("cloudformation", f"stack/{name}/*")
        yield Need(action, arn if name else EVERYTHING)

    return row


def _key(action: str) -> Row:
    """A key by its id, ARN or alias, and where a request names an alias of its own, that too."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        named = str(parameters.get("KeyId") or parameters.get("TargetKeyId") or "")
        alias = str(parameters.get("AliasName") or "")
        if alias:
            yield Need(action, place.arn("kms", alias))
        if named.startswith("alias/"):
            yield Need(action, place.arn("kms", "key/*"), {"kms:ResourceAliases": [named]})
        elif named:
            arn = named if named.startswith("arn:") else place.arn("kms", f"key/{named}")
            yield Need(action, arn, _known_of_key(place, arn.rpartition("/")[2]))

    return row


def _known_of_key(place: Place, key: str) -> dict[str, str | list[str]]:
    """The tags and aliases of a key: conditions speak of them, and requests do not."""
    backend = kms_backends[place.account][place.region]
    tags = backend.tagger.get_tag_dict_for_resource(key)
    found: dict[str, str | list[str]] = {
        f"aws:ResourceTag/{name}": str(tags[name]) for name in tags
    }
    aliases = sorted(backend.keys[key].aliases) if key in backend.keys else []
    return {**found, "kms:ResourceAliases": aliases} if aliases else found


def _new_key(place: Place, parameters: Parameters) -> Iterator[Need]:
    """A key has no ARN before it is made."""
    tags = parameters.get("Tags") or []
    context = {f"aws:RequestTag/{tag['TagKey']}": str(tag["TagValue"]) for tag in tags}
    yield Need("kms:CreateKey", EVERYTHING, context)
    if tags:
        yield Need("kms:TagResource", EVERYTHING, context)


def _workgroup(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        name = parameters.get("WorkGroup") or "primary"
        yield Need(action, place.arn("athena", f"workgroup/{name}"))

    return row


def _budget(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        name = look(parameters, "Budget.BudgetName") or look(parameters, "NewBudget.BudgetName")
        name = name or parameters.get("BudgetName") or "*"
        resource = f"budget/{name}"
        yield Need(action, f"arn:{place.partition}:budgets::{place.account}:{resource}")

    return row


def _parameter(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        name = str(parameters.get("Name") or parameters.get("ResourceId") or "").lstrip("/")
        yield Need(action, place.arn("ssm", f"parameter/{name}"))

    return row


def _iam() -> dict[str, Row]:
    roles = (
        "CreateRole GetRole DeleteRole TagRole UntagRole UpdateAssumeRolePolicy GetRolePolicy "
        "PutRolePolicy DeleteRolePolicy ListRolePolicies AttachRolePolicy DetachRolePolicy "
        "ListAttachedRolePolicies ListInstanceProfilesForRole"
    )
    profiles = (
        "CreateInstanceProfile GetInstanceProfile DeleteInstanceProfile TagInstanceProfile "
        "AddRoleToInstanceProfile RemoveRoleFromInstanceProfile"
    )
    found = {**alike("iam", ROLE, roles), **alike("iam", PROFILE, profiles)}
    found["CreateRole"] = all_of(found["CreateRole"], tagged(found["TagRole"], "Tags"))
    made = found["CreateInstanceProfile"]
    found["CreateInstanceProfile"] = all_of(made, tagged(found["TagInstanceProfile"], "Tags"))
    found["AddRoleToInstanceProfile"] = all_of(found["AddRoleToInstanceProfile"], _profile_role)
    found["SimulatePrincipalPolicy"] = on("iam:SimulatePrincipalPolicy", "{PolicySourceArn}")
    return {name: _globally(row) for name, row in found.items()}


def _logs() -> dict[str, Row]:
    groups = "PutRetentionPolicy DeleteLogGroup AssociateKmsKey FilterLogEvents"
    streams = "GetLogEvents DeleteLogStream"
    return {
        **alike("logs", GROUP, groups),
        **alike("logs", STREAM, streams),
        **alike("logs", "{resourceArn}", "ListTagsForResource TagResource UntagResource"),
        "DescribeLogGroups": on("logs:DescribeLogGroups", "log-group::log-stream:"),
        "CreateLogGroup": all_of(
            on("logs:CreateLogGroup", GROUP), tagged(on("logs:TagResource", GROUP), "tags")
        ),
    }


def _lambda() -> dict[str, Row]:
    named = "function:{FunctionName}"
    verbs = (
        "PutFunctionConcurrency DeleteFunctionConcurrency UpdateFunctionCode "
        "ListProvisionedConcurrencyConfigs"
    )
    return {
        **alike("lambda", named, verbs),
        **alike("lambda", "{Resource}", "TagResource ListTags UntagResource"),
        "CreateFunction": all_of(
            on("lambda:CreateFunction", named),
            tagged(on("lambda:TagResource", named), "Tags"),
            passing("Role", LAMBDA),
        ),
    }


def _states() -> dict[str, Row]:
    new, known = "stateMachine:{name}", "{stateMachineArn}"
    return {
        **alike("states", known, "DescribeStateMachine DeleteStateMachine ListExecutions"),
        **alike("states", "{executionArn}", "GetExecutionHistory"),
        **alike("states", "{resourceArn}", "ListTagsForResource TagResource UntagResource"),
        "CreateStateMachine": all_of(
            on("states:CreateStateMachine", new),
            tagged(on("states:TagResource", new), "tags"),
            passing("roleArn", STATES),
        ),
        "UpdateStateMachine": all_of(
            on("states:UpdateStateMachine", known), passing("roleArn", STATES)
        ),
    }


def _events() -> dict[str, Row]:
    rule = "rule/{Name}"
    return {
        **alike("events", "rule/{Rule}", "ListTargetsByRule RemoveTargets"),
        **alike("events", "{ResourceARN}", "ListTagsForResource TagResource UntagResource"),
        **alike("events", rule, "DeleteRule DescribeRule"),
        **{
            name: _bus(f"events:{name}")
            for name in ("DescribeEventBus", "PutPermission", "RemovePermission")
        },
        "PutRule": all_of(
            on("events:PutRule", rule), tagged(on("events:TagResource", rule), "Tags")
        ),
        "PutTargets": all_of(on("events:PutTargets", "rule/{Rule}"), _target_roles),
        "ListRules": on("events:ListRules", "rule/*"),
    }


def _kms() -> dict[str, Row]:
    verbs = (
        "PutKeyPolicy GetKeyPolicy EnableKeyRotation UpdateKeyDescription TagResource DescribeKey "
        "ScheduleKeyDeletion CreateAlias UpdateAlias DeleteAlias"
    )
    return {
        **{name: _key(f"kms:{name}") for name in verbs.split()},
        "CreateKey": _new_key,
    }


def _cloudformation() -> dict[str, Row]:
    verbs = (
        "CreateChangeSet DescribeChangeSet DeleteChangeSet ExecuteChangeSet ListChangeSets "
        "DescribeStacks DescribeStackEvents ListStackResources DeleteStack"
    )
    return {name: _stack(f"cloudformation:{name}") for name in verbs.split()}


def _dynamodb() -> dict[str, Row]:
    named = "table/{TableName}"
    verbs = "UpdateTable DeleteTable DescribeContinuousBackups UpdateContinuousBackups"
    return {
        **alike("dynamodb", named, verbs),
        **alike("dynamodb", "{ResourceArn}", "ListTagsOfResource TagResource UntagResource"),
        "CreateTable": all_of(
            on("dynamodb:CreateTable", named),
            tagged(on("dynamodb:TagResource", named), "Tags"),
        ),
    }


PEOPLE: Mapping[str, Mapping[str, Row]] = {
    "iam": _iam(),
    "ec2": network_needs.TABLE,
    "logs": _logs(),
    "lambda": _lambda(),
    "states": _states(),
    "events": _events(),
    "kms": _kms(),
    "cloudformation": _cloudformation(),
    **notice_needs.TABLES,
    "dynamodb": _dynamodb(),
    "athena": {
        name: _workgroup(f"athena:{name}")
        for name in ("StartQueryExecution", "GetQueryExecution", "GetQueryResults")
    },
    "budgets": {
        **{name: _budget("budgets:ModifyBudget") for name in ("CreateBudget", "UpdateBudget")},
        "DeleteBudget": _budget("budgets:ModifyBudget"),
        "DescribeBudget": _budget("budgets:ViewBudget"),
    },
    "servicequotas": {
        name: on(f"servicequotas:{name}") for name in ("GetServiceQuota", "ListServiceQuotas")
    },
    "ssm": {
        name: _parameter(f"ssm:{name}")
        for name in ("PutParameter", "DeleteParameter", "ListTagsForResource")
    },
}
