"""`bootstrap`: the stack, and what CloudFormation makes, changes and deletes in the caller's name.

No service role is given to the stack, so that the caller needs what the handlers of its resources'
types call. What has a name is narrowed to it; a network's parts and a key are known by an id that
AWS gives them, so that they are narrowed to the account and the region.
"""

from __future__ import annotations

from collections.abc import Iterator

from infrastructure.parameters import made_role, stack_name
from infrastructure.roles import ROLES
from provision.preflight.callers.parts import EC2, actions, iam_arn, passing
from settings import Settings, partition_of
from statemachine.names import Names
from statemachine.statements import Statement, allow, objects_of

NETWORK = (
    *("route-table", "security-group", "security-group-rule", "subnet", "vpc"),
    "vpc-endpoint",
)


def bootstrap(settings: Settings) -> Iterator[Statement]:
    wanted = settings.foundation
    yield from _stack(settings)
    yield from _roles(settings)
    if wanted.bucket:
        yield from _bucket(settings)
    if wanted.key:
        yield from _key(settings)
    if wanted.network:
        yield from _network(settings)
    yield from _notices(settings)
    yield from _released(settings)
    if wanted.monthly_budget_usd:
        yield from _budget(settings)


def _stack(settings: Settings) -> Iterator[Statement]:
    arn = Names(settings).arn("cloudformation", f"stack/{stack_name(settings)}/*")
    verbs = (
        "CreateChangeSet DeleteChangeSet DeleteStack DescribeChangeSet DescribeStackEvents "
        "DescribeStacks ExecuteChangeSet ListChangeSets ListStackResources"
    )
    yield actions("Stack", "cloudformation", verbs, [arn])


def _roles(settings: Settings) -> Iterator[Statement]:
    made = {actor: made_role(settings, actor) for actor in ROLES}
    named = [name for name in made.values() if name]
    verbs = (
        "CreateRole DeleteRole DeleteRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies "
        "ListRolePolicies PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy"
    )
    if named:
        yield actions("Roles", "iam", verbs, [iam_arn(settings, f"role/{name}") for name in named])
    if training := made["ec2_training"]:
        verbs = (
            "AddRoleToInstanceProfile CreateInstanceProfile DeleteInstanceProfile "
            "GetInstanceProfile RemoveRoleFromInstanceProfile"
        )
        arn = iam_arn(settings, f"instance-profile/{training}")
        yield actions("Profile", "iam", verbs, [arn])
        yield passing("PassToEc2", EC2, [iam_arn(settings, f"role/{training}")])


def _bucket(settings: Settings) -> Iterator[Statement]:
    """What the template sets; and CloudFormation reads all that a bucket can have."""
    set_too = "BucketNotification BucketOwnershipControls BucketPolicy BucketPublicAccessBlock "
    set_too += "BucketTagging BucketVersioning EncryptionConfiguration LifecycleConfiguration"
    read = "AccelerateConfiguration AnalyticsConfiguration BucketAbac BucketCORS BucketLogging "
    read += "BucketMetadataTableConfiguration BucketObjectLockConfiguration BucketWebsite "
    read += "IntelligentTieringConfiguration InventoryConfiguration MetricsConfiguration "
    read += "ReplicationConfiguration"
    verbs = [f"{verb}{part}" for part in set_too.split() for verb in ("Get", "Put")]
    verbs += [f"Get{part}" for part in read.split()]
    verbs += ["CreateBucket", "DeleteBucketPolicy", "ListBucket"]
    verbs += ["ListTagsForResource", "TagResource", "UntagResource"]
    arn = objects_of(settings, f"s3://{settings.bucket}")
    yield actions("Bucket", "s3", " ".join(verbs), [arn])


def _key(settings: Settings) -> Iterator[Statement]:
    """A key has no name when it is made; what follows is about keys of this account's region."""
    names, alias = Names(settings), settings.aws.kms_key
    keys = [names.arn("kms", "key/*")]
    tag = {"StringEquals": {"aws:RequestTag/environment": settings.environment}}
    yield allow("KeyMade", ["kms:CreateKey", "kms:TagResource"], ["*"], tag)
    ours = {"StringEquals": {"aws:ResourceTag/environment": settings.environment}}
    verbs = "DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags"
    verbs += " PutKeyPolicy UntagResource UpdateKeyDescription"
    yield allow("Key", [f"kms:{verb}" for verb in verbs.split()], keys, ours)
    place = [names.arn("kms", alias), *keys]
    yield actions("KeyAlias", "kms", "CreateAlias DeleteAlias UpdateAlias", place)
    yield actions("KeyAliases", "kms", "ListAliases", ["*"])  # knows no resource


def _network(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    parts = [names.arn("ec2", f"{kind}/*") for kind in NETWORK]
    verbs = (
        "AssociateRouteTable AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress "
        "CreateRouteTable CreateSecurityGroup CreateSubnet CreateTags CreateVpc CreateVpcEndpoint "
        "DeleteRouteTable DeleteSecurityGroup DeleteSubnet DeleteTags DeleteVpc DeleteVpcEndpoints "
        "DisassociateRouteTable ModifySubnetAttribute ModifyVpcAttribute ModifyVpcEndpoint "
        "ReplaceRouteTableAssociation RevokeSecurityGroupEgress RevokeSecurityGroupIngress "
        "UpdateSecurityGroupRuleDescriptionsEgress UpdateSecurityGroupRuleDescriptionsIngress"
    )
    yield actions("Network", "ec2", verbs, parts)
    verbs = (
        "DescribeAvailabilityZones DescribeInstances DescribeNetworkAcls DescribeRouteTables "
        "DescribeSecurityGroupRules DescribeSecurityGroups DescribeSubnets DescribeVpcAttribute "
        "DescribeVpcEncryptionControls DescribeVpcEndpoints DescribeVpcs"
    )
    yield actions("NetworkLists", "ec2", verbs, ["*"])  # these know no resource
    zones = f"arn:{partition_of(settings.aws.region)}:route53:::hostedzone/*"
    # The private names of endpoints are zones of Amazon's.
    yield actions("EndpointNames", "route53", "AssociateVPCWithHostedZone", [zones])


def _notices(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    verbs = (
        "CreateTopic DeleteTopic GetDataProtectionPolicy GetTopicAttributes "
        "ListSubscriptionsByTopic ListTagsForResource SetTopicAttributes TagResource UntagResource"
    )
    yield actions("Topic", "sns", verbs, [names.topic_arn])
    verbs = (
        "CreateQueue DeleteQueue GetQueueAttributes GetQueueUrl ListQueueTags SetQueueAttributes "
        "TagQueue UntagQueue"
    )
    yield actions("Queue", "sqs", verbs, [names.queue_arn])
    places = (
        *(f"/aws/lambda/{names.endpoint}-*", f"/aws/vendedlogs/states/{names.endpoint}-*"),
        *(f"/aws/sagemaker/Endpoints/{names.endpoint}*", f"{names.ec2_logs}*"),
    )
    groups = [names.arn("logs", f"log-group:{place}") for place in places]
    verbs = (
        "AssociateKmsKey CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DescribeIndexPolicies "
        "DisassociateKmsKey GetDataProtectionPolicy ListTagsForResource PutRetentionPolicy "
        "TagResource UntagResource"
    )
    yield actions("LogGroups", "logs", verbs, groups)
    yield actions("LogGroupList", "logs", "DescribeLogGroups", [names.arn("logs", "log-group:*")])
    yield actions("LogPolicies", "logs", "DescribeResourcePolicies", ["*"])  # knows no resource
    alarms = [names.arn("cloudwatch", f"alarm:{names.endpoint}-*")]
    verbs = "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource"
    yield actions("Alarms", "cloudwatch", f"{verbs} UntagResource", alarms)


def _released(settings: Settings) -> Iterator[Statement]:
    """What outlives the stack loses the stack's tag; a bucket of somebody else's has none."""
    if not settings.foundation.bucket:
        bucket = objects_of(settings, f"s3://{settings.bucket}")
        yield actions("Released", "s3", "GetBucketTagging", [bucket])


def _budget(settings: Settings) -> Iterator[Statement]:
    partition, account = partition_of(settings.aws.region), settings.aws.account_id
    # CloudFormation gives it a name that begins as the stack's resource does.
    budgets = [f"arn:{partition}:budgets::{account}:budget/*"]
    verbs = "ListTagsForResource ModifyBudget TagResource UntagResource ViewBudget"
    yield actions("Budget", "budgets", verbs, budgets)
    views = [f"arn:{partition}:billing::{account}:billingview/*"]
    yield actions("BillingView", "billing", "GetBillingViewData", views)
