"""What the caller's own identity must be allowed: the calls of `upsert`, and of starting a run.

A statement for each kind of resource, in the order of the plan, narrowed to the names that the
settings give. Tests compare them with what an upsert really calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from settings import Settings
from statemachine.names import ROLE_ACTORS, Names
from statemachine.promotion import bus_arn, comes_from_afar, gives_away
from statemachine.statements import Statement, allow, key, objects, objects_of

LAMBDA, SAGEMAKER = "lambda.amazonaws.com", "sagemaker.amazonaws.com"
STATES, EVENTS = "states.amazonaws.com", "events.amazonaws.com"
TAGGING = ("AddTags", "ListTags")
# Which service is handed the role of an actor.
PASSED = {"predict": LAMBDA, "smoke_test": LAMBDA, "workflow": STATES, "events": EVENTS}


def caller_statements(settings: Settings) -> list[Statement]:
    """The caller's least policy."""
    return [
        *_roles(settings),
        *_bucket(settings),
        *_sagemaker(settings),
        *_promotion(settings),
        *_state(settings),
        *_functions(settings),
        *_machines_and_rules(settings),
        *_passing(settings),
        *key(settings),
    ]


def _roles(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    made = [names.role(actor) for actor in ROLE_ACTORS if not getattr(settings.roles, actor)]
    if made:
        verbs = "CreateRole GetRole GetRolePolicy PutRolePolicy TagRole UpdateAssumeRolePolicy"
        yield _allow("Roles", "iam", verbs, made)


def _bucket(settings: Settings) -> Iterator[Statement]:
    verbs = (
        "CreateBucket ListBucket GetEncryptionConfiguration PutEncryptionConfiguration "
        "GetLifecycleConfiguration PutLifecycleConfiguration GetBucketNotification "
        "PutBucketNotification GetBucketTagging PutBucketTagging GetBucketPublicAccessBlock "
        "PutBucketPublicAccessBlock"
    )
    yield _allow("Bucket", "s3", verbs, [objects_of(settings, f"s3://{settings.bucket}")])
    yield _allow("Code", "s3", "GetObject PutObject", [objects(settings, "code/*")])


def _sagemaker(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    group = names.arn("sagemaker", f"model-package-group/{settings.pipeline.model_package_group}")
    yield _made("Group", "ModelPackageGroup", "Create Describe", group)
    if settings.feature_group:
        arn = names.arn("sagemaker", f"feature-group/{settings.feature_group.lower()}")
        yield _made("Features", "FeatureGroup", "Create Describe Update", arn)
    yield _made("Pipeline", "Pipeline", "Create Describe Update", names.pipeline_arn)
    verbs = "StartPipelineExecution ListPipelineExecutions"
    yield _allow("Start", "sagemaker", verbs, [names.pipeline_arn])
    verbs = "DescribePipelineExecution ListPipelineExecutionSteps StopPipelineExecution"
    yield _allow("Follow", "sagemaker", verbs, [f"{names.pipeline_arn}/execution/*"])


def _promotion(settings: Settings) -> Iterator[Statement]:
    """The policies for a partner in another account."""
    group = f"model-package-group/{settings.pipeline.model_package_group}"
    if gives_away(settings):
        verbs = "GetModelPackageGroupPolicy PutModelPackageGroupPolicy"
        arn = Names(settings).arn("sagemaker", group)
        yield _allow("PromotionGroup", "sagemaker", verbs, [arn])
        bucket = objects_of(settings, f"s3://{settings.bucket}")
        yield _allow("PromotionBucket", "s3", "GetBucketPolicy PutBucketPolicy", [bucket])
    if comes_from_afar(settings):
        bus = bus_arn(settings, settings.aws.account_id)
        yield _allow("PromotionBus", "events", "DescribeEventBus PutPermission", [bus])


def _state(settings: Settings) -> Iterator[Statement]:
    """What keeps locks, messages, logs and alarms."""
    names = Names(settings)
    verbs = (
        "CreateTable DescribeContinuousBackups DescribeTable ListTagsOfResource TagResource "
        "UpdateContinuousBackups UpdateTable"
    )
    yield _allow("Table", "dynamodb", verbs, [names.arn("dynamodb", f"table/{names.table}")])
    verbs = (
        "CreateTopic GetTopicAttributes ListSubscriptionsByTopic ListTagsForResource "
        "SetTopicAttributes Subscribe TagResource"
    )
    yield _allow("Topic", "sns", verbs, [names.topic_arn])
    verbs = "CreateQueue GetQueueAttributes GetQueueUrl ListQueueTags SetQueueAttributes TagQueue"
    yield _allow("Queue", "sqs", verbs, [names.queue_arn])
    groups = [
        names.arn("logs", f"log-group:/aws/lambda/{names.endpoint}-*"),
        names.arn("logs", f"log-group:/aws/vendedlogs/states/{names.endpoint}-*"),
    ]
    verbs = "CreateLogGroup ListTagsForResource PutRetentionPolicy TagResource"
    yield _allow("LogGroups", "logs", verbs, groups)
    yield _allow("LogGroupList", "logs", "DescribeLogGroups", [names.arn("logs", "log-group:*")])
    alarms = [names.arn("cloudwatch", f"alarm:{names.endpoint}-*")]
    verbs = "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource"
    yield _allow("Alarms", "cloudwatch", verbs, alarms)


def _functions(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    verbs = (
        "CreateFunction DeleteFunctionConcurrency GetFunction GetFunctionConfiguration "
        "PutFunctionConcurrency TagResource UpdateFunctionCode UpdateFunctionConfiguration"
    )
    arns = [names.function_arn(name) for name in (names.predict, names.smoke_test)]
    yield _allow("Functions", "lambda", verbs, arns)


def _machines_and_rules(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    machines = [names.state_machine_arn("*")]
    verbs = "CreateStateMachine DescribeStateMachine ListTagsForResource UpdateStateMachine"
    yield _allow("Machines", "states", f"{verbs} TagResource", machines)
    rules = [names.arn("events", f"rule/{names.endpoint}-*")]
    verbs = "DeleteRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets"
    yield _allow("Rules", "events", f"{verbs} TagResource", rules)
    yield _allow("RuleList", "events", "ListRules", [names.arn("events", "rule/*")])


def _passing(settings: Settings) -> Iterator[Statement]:
    """iam:PassRole of each role, to the one service that gets it."""
    names = Names(settings)
    arns = {SAGEMAKER: [settings.role_arn]}
    if settings.feature_group and settings.features.offline:
        arns[SAGEMAKER] = sorted({settings.role_arn, settings.features_role_arn})
    for actor, service in PASSED.items():
        arns.setdefault(service, []).append(names.role(actor))
    for service, roles in arns.items():
        condition = {"StringEquals": {"iam:PassedToService": service}}
        sid = f"PassTo{service.partition('.')[0].capitalize()}"
        yield allow(sid, ["iam:PassRole"], roles, condition)


def _made(sid: str, kind: str, verbs: str, arn: str) -> Statement:
    named = [f"{verb}{kind}" for verb in verbs.split()]
    return _allow(sid, "sagemaker", " ".join([*named, *TAGGING]), [arn])


def _allow(sid: str, service: str, verbs: str, resources: Iterable[str]) -> Statement:
    return allow(sid, [f"{service}:{verb}" for verb in verbs.split()], list(resources))
