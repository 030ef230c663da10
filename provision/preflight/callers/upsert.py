"""The calls of `upsert`: a statement for each kind of resource, in the order of the plan."""

from __future__ import annotations

from collections.abc import Iterator

from provision.preflight.callers.parts import (
    EVENTS,
    LAMBDA,
    SAGEMAKER,
    STATES,
    actions,
    passing,
    promotion,
)
from settings import Settings
from statemachine.names import ROLE_ACTORS, Names
from statemachine.promotion import comes_from_afar
from statemachine.statements import Statement, key, objects, objects_of

TAGGING = ("AddTags", "ListTags")
# Which service is handed the role of an actor.
PASSED = {"predict": LAMBDA, "smoke_test": LAMBDA, "workflow": STATES, "events": EVENTS}


def upsert(settings: Settings) -> Iterator[Statement]:
    yield from _roles(settings)
    yield from _bucket(settings)
    yield from _sagemaker(settings)
    yield from promotion(settings, "PutPermission" if comes_from_afar(settings) else "")
    yield from _state(settings)
    yield from _functions(settings)
    yield from _machines_and_rules(settings)
    yield from _passing(settings)
    yield from key(settings)


def _roles(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    made = [names.role(actor) for actor in ROLE_ACTORS if not getattr(settings.roles, actor)]
    if made:
        verbs = "CreateRole GetRole GetRolePolicy PutRolePolicy TagRole UpdateAssumeRolePolicy"
        yield actions("Roles", "iam", verbs, made)


def _bucket(settings: Settings) -> Iterator[Statement]:
    verbs = (
        "CreateBucket ListBucket GetEncryptionConfiguration PutEncryptionConfiguration "
        "GetLifecycleConfiguration PutLifecycleConfiguration GetBucketNotification "
        "PutBucketNotification GetBucketTagging PutBucketTagging GetBucketPublicAccessBlock "
        "PutBucketPublicAccessBlock"
    )
    yield actions("Bucket", "s3", verbs, [objects_of(settings, f"s3://{settings.bucket}")])
    yield actions("Code", "s3", "GetObject PutObject", [objects(settings, "code/*")])


def _sagemaker(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    group = names.arn("sagemaker", f"model-package-group/{settings.pipeline.model_package_group}")
    yield _made("Group", "ModelPackageGroup", "Create Describe", group)
    if settings.feature_group:
        arn = names.arn("sagemaker", f"feature-group/{settings.feature_group.lower()}")
        yield _made("Features", "FeatureGroup", "Create Describe Update", arn)
    yield _made("Pipeline", "Pipeline", "Create Describe Update", names.pipeline_arn)


def _state(settings: Settings) -> Iterator[Statement]:
    """What keeps locks, messages, logs and alarms."""
    names = Names(settings)
    verbs = (
        "CreateTable DescribeContinuousBackups DescribeTable ListTagsOfResource TagResource "
        "UpdateContinuousBackups UpdateTable"
    )
    yield actions("Table", "dynamodb", verbs, [names.arn("dynamodb", f"table/{names.table}")])
    verbs = (
        "CreateTopic GetTopicAttributes ListSubscriptionsByTopic ListTagsForResource "
        "SetTopicAttributes Subscribe TagResource"
    )
    yield actions("Topic", "sns", verbs, [names.topic_arn])
    verbs = "CreateQueue GetQueueAttributes GetQueueUrl ListQueueTags SetQueueAttributes TagQueue"
    yield actions("Queue", "sqs", verbs, [names.queue_arn])
    groups = [
        names.arn("logs", f"log-group:/aws/lambda/{names.endpoint}-*"),
        names.arn("logs", f"log-group:/aws/vendedlogs/states/{names.endpoint}-*"),
    ]
    verbs = "CreateLogGroup ListTagsForResource PutRetentionPolicy TagResource"
    yield actions("LogGroups", "logs", verbs, groups)
    yield actions("LogGroupList", "logs", "DescribeLogGroups", [names.arn("logs", "log-group:*")])
    alarms = [names.arn("cloudwatch", f"alarm:{names.endpoint}-*")]
    verbs = "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource"
    yield actions("Alarms", "cloudwatch", verbs, alarms)


def _functions(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    verbs = (
        "CreateFunction DeleteFunctionConcurrency GetFunction GetFunctionConfiguration "
        "PutFunctionConcurrency TagResource UpdateFunctionCode UpdateFunctionConfiguration"
    )
    arns = [names.function_arn(name) for name in (names.predict, names.smoke_test)]
    yield actions("Functions", "lambda", verbs, arns)


def _machines_and_rules(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    machines = [names.state_machine_arn("*")]
    verbs = "CreateStateMachine DescribeStateMachine ListTagsForResource UpdateStateMachine"
    yield actions("Machines", "states", f"{verbs} TagResource", machines)
    rules = [names.arn("events", f"rule/{names.endpoint}-*")]
    verbs = "DeleteRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets"
    yield actions("Rules", "events", f"{verbs} TagResource", rules)
    yield actions("RuleList", "events", "ListRules", [names.arn("events", "rule/*")])


def _passing(settings: Settings) -> Iterator[Statement]:
    """iam:PassRole of each role, to the one service that gets it."""
    names = Names(settings)
    arns = {SAGEMAKER: [settings.role_arn]}
    if settings.feature_group and settings.features.offline:
        arns[SAGEMAKER] = sorted({settings.role_arn, settings.features_role_arn})
    for actor, service in PASSED.items():
        arns.setdefault(service, []).append(names.role(actor))
    for service, roles in arns.items():
        yield passing(f"PassTo{service.partition('.')[0].capitalize()}", service, roles)


def _made(sid: str, kind: str, verbs: str, arn: str) -> Statement:
    named = [f"{verb}{kind}" for verb in verbs.split()]
    return actions(sid, "sagemaker", " ".join([*named, *TAGGING]), [arn])
