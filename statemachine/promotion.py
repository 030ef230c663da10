"""What one environment grants to another so that approved models can be promoted.

Pure. `promotion_documents(settings)` gives the resource policies of this side: the giver's bucket,
group and key for one named role of the taker; the taker's event bus for the giver's account. Within
one account the roles' own policies suffice, which `reading` and `forwarding` are parts of.
"""

from __future__ import annotations

from typing import Any

from settings import Settings, partition_of
from statemachine.names import Names
from statemachine.statements import Statement, allow, document, objects, objects_of

MACHINE = "promote"
PLACE = "executions/promoted"  # where the endpoint's role may read; a digest follows
READ = "executions/*"  # where the pipeline leaves artifacts, reports and samples
LISTED = {"StringLike": {"s3:prefix": READ}}
SOURCE, DETAIL_TYPE = "aws.sagemaker", "SageMaker Model Package State Change"


def takes(settings: Settings) -> bool:
    """Whether another environment's approved versions arrive here."""
    return bool(settings.promotion.from_account)


def gives_away(settings: Settings) -> bool:
    """Whether a role of another account is to read our versions."""
    return settings.promotion.to_account not in ("", settings.aws.account_id)


def comes_from_afar(settings: Settings) -> bool:
    """Whether another account sends us its events."""
    return settings.promotion.from_account not in ("", settings.aws.account_id)


def promotion_documents(settings: Settings) -> dict[str, Any]:
    """Resource -> its policy, or for bucket and key the statements that are added to theirs."""
    found: dict[str, Any] = {}
    # Of roles that upsert makes, these are parts; roles of somebody else's need them too.
    roles = {"workflow": copying(settings), "events": forwarding(settings)}
    if needed := {role: statements for role, statements in roles.items() if statements}:
        found["roles"] = needed
    if gives_away(settings):
        found["model-package-group"] = group_policy(settings)
        found["bucket"] = bucket_statements(settings)
        if settings.aws.kms_key:
            found["key"] = [_key_statement(settings)]
    if comes_from_afar(settings):
        found["event-bus"] = [bus_statement(settings)]
    return found


def group_policy(settings: Settings) -> dict[str, Any]:
    """The taker's role may read the versions of our group, and nothing else of the registry."""
    names, group = Names(settings), settings.pipeline.model_package_group
    packages = names.arn("sagemaker", f"model-package/{group}/*")
    return document(
        [_granted(settings, "PromotedVersions", "sagemaker:DescribeModelPackage", packages)]
    )


def bucket_statements(settings: Settings) -> list[Statement]:
    """The taker's role may read what executions left in our bucket, which others may share."""
    ours = Names(settings).endpoint
    bucket = objects_of(settings, settings.bucket)
    listed = _granted(settings, f"PromotedList-{ours}", "s3:ListBucket", bucket)
    return [
        _granted(settings, f"PromotedObjects-{ours}", "s3:GetObject", objects(settings, READ)),
        {**listed, "Condition": LISTED},
    ]


def bus_statement(settings: Settings) -> Statement:
    """The giver's account may send us what SageMaker says of its versions."""
    account, partition = settings.promotion.from_account, partition_of(settings.aws.region)
    return {
        "Sid": f"Promotion-{Names(settings).endpoint}",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": "events:PutEvents",
        "Resource": bus_arn(settings, settings.aws.account_id),
        "Condition": {"StringEquals": {"events:source": SOURCE, "events:detail-type": DETAIL_TYPE}},
    }


def bus_arn(settings: Settings, account: str) -> str:
    """The default event bus of an account, in our region."""
    region = settings.aws.region
    return f"arn:{partition_of(region)}:events:{region}:{account}:event-bus/default"


def source_arn(settings: Settings, version: int | str) -> str:
    """A version of the group that we take from."""
    given, region = settings.promotion, settings.aws.region
    place = f"arn:{partition_of(region)}:sagemaker:{region}:{given.from_account}"
    return f"{place}:model-package/{given.from_group}/{version}"


def copying(settings: Settings) -> list[Statement]:
    """What the state machines' role needs to promote: read there, write and register here."""
    if not takes(settings):
        return []
    given, names = settings.promotion, Names(settings)
    group = settings.pipeline.model_package_group
    theirs = f"s3://{given.from_bucket}"
    found = [
        allow("PromotedVersions", ["sagemaker:DescribeModelPackage"], [source_arn(settings, "*")]),
        allow("PromotedObjects", ["s3:GetObject"], [objects_of(settings, f"{theirs}/{READ}")]),
        allow("PromotedList", ["s3:ListBucket"], [objects_of(settings, theirs)], LISTED),
        allow("PromotedCopies", ["s3:PutObject"], [objects(settings, f"{PLACE}-*")]),
        # SageMaker looks at a registered artifact with the caller's role.
        allow("PromotedArtifact", ["s3:GetObject"], [objects(settings, f"{PLACE}-*")]),
        allow(
            "Promote",
            ["sagemaker:CreateModelPackage"],
            [
                names.arn("sagemaker", f"model-package-group/{group}"),
                names.arn("sagemaker", f"model-package/{group}/*"),
            ],
        ),
    ]
    if given.from_key:
        found.append(allow("PromotedKey", ["kms:Decrypt"], [given.from_key]))
    return found


def forwarding(settings: Settings) -> list[Statement]:
    """What the rules' role needs: to start the promotion, or to tell the other account."""
    found = []
    if takes(settings):
        machine = Names(settings).state_machine_arn(MACHINE)
        found.append(allow("StartPromotion", ["states:StartExecution"], [machine]))
    if gives_away(settings):
        bus = bus_arn(settings, settings.promotion.to_account)
        found.append(allow("TellTaker", ["events:PutEvents"], [bus]))
    return found


def _key_statement(settings: Settings) -> Statement:
    """For the key's own policy, where `*` is the key; only as S3 uses it for our objects."""
    region = settings.aws.region
    statement = _granted(settings, "PromotedKey", "kms:Decrypt", "*")
    via = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    return {**statement, "Condition": via}


def _granted(settings: Settings, sid: str, action: str, resource: str) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": settings.promotion.to_role},
        "Action": action,
        "Resource": resource,
    }
