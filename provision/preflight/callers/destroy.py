"""What `destroy` looks for, stops and deletes, with --data and --registry too.

It decides by tags what is ours; the policy is narrowed by names, and by tags where there are none.
"""

from __future__ import annotations

from collections.abc import Iterator

from provision.ec2.surroundings import ACTOR
from provision.preflight.callers.ec2_train import ec2_arn, ours
from provision.preflight.callers.parts import (
    JOB_LOGS,
    actions,
    iam_arn,
    machine_runs,
    machines,
    promotion,
)
from settings import Settings
from statemachine.definition import ALL_KINDS
from statemachine.names import ROLE_ACTORS, VARIANT, Names
from statemachine.statements import Statement, allow, objects, objects_of

SCALED = {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}
JOBS = {
    "HyperParameterTuning": "hyper-parameter-tuning-job/*-Tune-*",
    "Processing": "processing-job/pipelines-*",
    "Training": "training-job/pipelines-*",
}


def destroy(settings: Settings) -> Iterator[Statement]:
    yield from _events(settings)
    yield from _runs(settings)
    yield from _serving(settings)
    yield from _functions(settings)
    yield from _logs(settings)
    yield from _state(settings)
    yield from _kept_unless_asked(settings)
    yield from _ec2(settings)
    yield from _roles(settings)


def _events(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    rules = [names.arn("events", f"rule/{names.endpoint}-*")]
    verbs = "DeleteRule ListTagsForResource ListTargetsByRule RemoveTargets"
    yield actions("Rules", "events", verbs, rules)
    yield actions("RuleList", "events", "ListRules", [names.arn("events", "rule/*")])
    yield from promotion(settings)
    verbs = "DeleteTopic GetTopicAttributes ListTagsForResource"
    yield actions("Topic", "sns", verbs, [names.topic_arn])
    yield actions("Queue", "sqs", "DeleteQueue GetQueueUrl ListQueueTags", [names.queue_arn])


def _runs(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    verbs = "DeleteStateMachine DescribeStateMachine ListExecutions ListTagsForResource"
    yield machines(settings, ALL_KINDS, verbs)
    yield machine_runs(settings, ALL_KINDS, "DescribeExecution StopExecution")
    verbs = "DeletePipeline DescribePipeline ListPipelineExecutions ListTags"
    yield actions("Pipeline", "sagemaker", verbs, [names.pipeline_arn])
    verbs = "DescribePipelineExecution ListPipelineExecutionSteps StopPipelineExecution"
    yield actions("Runs", "sagemaker", verbs, [f"{names.pipeline_arn}/execution/*"])
    for kind, resource in JOBS.items():
        place = [names.arn("sagemaker", resource)]
        yield actions(f"{kind}Jobs", "sagemaker", f"Describe{kind}Job Stop{kind}Job", place)


def _serving(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    endpoint = names.arn("sagemaker", f"endpoint/{names.endpoint}")
    verbs = "DeleteEndpoint DescribeEndpoint ListTags"
    yield actions("Endpoint", "sagemaker", verbs, [endpoint])
    made = f"{names.endpoint}-v*"
    for sid, kind, resource in (
        ("Configurations", "EndpointConfig", f"endpoint-config/{made}"),
        ("Models", "Model", f"model/{made}"),
    ):
        place = [names.arn("sagemaker", resource)]
        yield actions(sid, "sagemaker", f"Delete{kind} ListTags", place)
    # The lists know no resource.
    yield actions("ServingLists", "sagemaker", "ListEndpointConfigs ListModels", ["*"])
    verb = ["application-autoscaling:DescribeScalableTargets"]
    yield allow("Scaled", verb, ["*"])
    verb = ["application-autoscaling:DeregisterScalableTarget"]
    target = names.arn("application-autoscaling", "scalable-target/*")
    yield allow("Scaling", verb, [target], SCALED)
    scaling = f"alarm:TargetTracking-endpoint/{names.endpoint}/variant/{VARIANT}-*"
    ours_too = [names.arn("cloudwatch", one) for one in (scaling, f"alarm:{names.endpoint}-*")]
    verbs = "DeleteAlarms DescribeAlarms"
    yield actions("Alarms", "cloudwatch", verbs, ours_too)
    yield actions("AlarmTags", "cloudwatch", "ListTagsForResource", ours_too[1:])


def _functions(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    arns = [names.function_arn(name) for name in (names.predict, names.smoke_test)]
    verbs = "DeleteFunction GetFunction ListProvisionedConcurrencyConfigs"
    yield actions("Functions", "lambda", verbs, arns)
    aliases = [f"{arn}:*" for arn in arns]
    verb = "DeleteProvisionedConcurrencyConfig"
    yield actions("Provisioned", "lambda", verb, aliases)


def _logs(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    places = (
        *(f"/aws/lambda/{names.endpoint}-*", f"/aws/vendedlogs/states/{names.endpoint}-*"),
        *(f"/aws/sagemaker/Endpoints/{names.endpoint}*", f"{names.ec2_logs}*"),
    )
    groups = [names.arn("logs", f"log-group:{place}") for place in places]
    yield actions("LogGroups", "logs", "DeleteLogGroup ListTagsForResource", groups)
    yield actions("LogGroupList", "logs", "DescribeLogGroups", [names.arn("logs", "log-group:*")])
    shared = [names.arn("logs", f"log-group:/aws/sagemaker/{kind}:*") for kind in JOB_LOGS]
    yield actions("LogStreams", "logs", "DeleteLogStream DescribeLogStreams", shared)


def _state(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    table = names.arn("dynamodb", f"table/{names.table}")
    verbs = "DeleteTable DescribeTable ListTagsOfResource"
    yield actions("Table", "dynamodb", verbs, [table])
    parameter = names.arn("ssm", f"parameter{names.parameter}")
    verbs = "DeleteParameter GetParameter ListTagsForResource"
    yield actions("Parameter", "ssm", verbs, [parameter])


def _kept_unless_asked(settings: Settings) -> Iterator[Statement]:
    """What holds data."""
    names, group = Names(settings), settings.pipeline.model_package_group
    verbs = "DeleteModelPackageGroup DescribeModelPackageGroup ListModelPackages ListTags"
    arn = names.arn("sagemaker", f"model-package-group/{group}")
    yield actions("Group", "sagemaker", verbs, [arn])
    packages = names.arn("sagemaker", f"model-package/{group}/*")
    yield actions("Packages", "sagemaker", "DeleteModelPackage", [packages])
    features = names.arn("sagemaker", f"feature-group/{settings.feature_group_name.lower()}")
    verbs = "DeleteFeatureGroup DescribeFeatureGroup ListTags"
    yield actions("Features", "sagemaker", verbs, [features])
    bucket = objects_of(settings, f"s3://{settings.bucket}")
    verbs = "DeleteBucket GetBucketTagging ListBucketMultipartUploads ListBucketVersions"
    yield actions("Bucket", "s3", verbs, [bucket])
    verbs = "AbortMultipartUpload DeleteObjectVersion"  # by versions, also where there are none
    yield actions("Objects", "s3", verbs, [objects(settings, "*")])


def _ec2(settings: Settings) -> Iterator[Statement]:
    # The lists know no resource.
    verbs = "DescribeInstances DescribeLaunchTemplates DescribeSecurityGroups"
    yield actions("Ec2Lists", "ec2", verbs, ["*"])
    instances = [ec2_arn(settings, "instance")]
    yield allow("Instances", ["ec2:TerminateInstances"], instances, ours(settings))
    verb = ["ec2:DeleteSecurityGroup"]
    groups = [ec2_arn(settings, "security-group")]
    yield allow("SecurityGroup", verb, groups, ours(settings))
    templates = [ec2_arn(settings, "launch-template")]
    verb = ["ec2:DeleteLaunchTemplate"]
    yield allow("Templates", verb, templates, ours(settings))
    profile = iam_arn(settings, f"instance-profile/{Names(settings).made_role(ACTOR)}")
    verbs = "DeleteInstanceProfile GetInstanceProfile RemoveRoleFromInstanceProfile"
    yield actions("Profile", "iam", verbs, [profile])


def _roles(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    made = [names.made_role(actor) for actor in (*ROLE_ACTORS, ACTOR)]
    verbs = (
        "DeleteRole DeleteRolePolicy DetachRolePolicy GetRole ListAttachedRolePolicies "
        "ListInstanceProfilesForRole ListRolePolicies"
    )
    yield actions("Roles", "iam", verbs, [iam_arn(settings, f"role/{name}") for name in made])
