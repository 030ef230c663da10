"""What `preflight` itself reads; what it may not read is unchecked, and the other checks go on."""

from __future__ import annotations

from collections.abc import Iterator

from provision.preflight.callers.parts import actions, iam_arn
from settings import Settings, partition_of
from statemachine.names import Names
from statemachine.statements import Statement, allow, key, objects_of


def preflight(settings: Settings) -> Iterator[Statement]:
    names, region = Names(settings), settings.aws.region
    # Roles that the settings name, and the caller, whom they do not.
    people = [iam_arn(settings, "role/*"), iam_arn(settings, "user/*")]
    yield actions("Simulate", "iam", "SimulatePrincipalPolicy", people)
    yield actions("Roles", "iam", "GetRole", people[:1])
    yield actions("Region", "ec2", "DescribeRegions", ["*"])  # knows no resource
    verbs = "GetServiceQuota ListServiceQuotas"
    yield actions("Quotas", "servicequotas", verbs, ["*"])  # nor these
    images = f"arn:{partition_of(region)}:ecr:{region}:*:repository/*"  # in accounts of AWS's own
    yield actions("Images", "ecr", "DescribeImages", [images])
    yield from _buckets(settings)
    yield from key(settings, ["kms:DescribeKey", "kms:GetKeyPolicy"])
    yield from _names(settings)
    yield actions("Topic", "sns", "ListSubscriptionsByTopic", [names.topic_arn])
    if settings.aws.subnets:
        verbs = "DescribeRouteTables DescribeSecurityGroups DescribeSubnets DescribeVpcEndpoints"
        yield actions("Network", "ec2", verbs, ["*"])  # nor these


def _buckets(settings: Settings) -> Iterator[Statement]:
    uris = {f"s3://{settings.bucket}", settings.data_uri, settings.model.pretrained_uri}
    buckets = sorted({f"s3://{uri.split('/')[2]}" for uri in uris if uri.startswith("s3://")})
    verbs = (
        "GetBucketLocation GetBucketNotification GetBucketPolicy GetBucketTagging "
        "GetEncryptionConfiguration ListBucket"
    )
    yield actions("Buckets", "s3", verbs, [objects_of(settings, uri) for uri in buckets])
    marker = objects_of(settings, f"{settings.data_uri.rstrip('/')}/*")
    yield allow("Marker", ["s3:GetObject"], [marker])


def _names(settings: Settings) -> Iterator[Statement]:
    """What has our names already, and the data of the last run."""
    names = Names(settings)
    verbs = "DescribePipeline ListPipelineExecutions ListTags"
    yield actions("Pipeline", "sagemaker", verbs, [names.pipeline_arn])
    runs, verb = f"{names.pipeline_arn}/execution/*", "ListPipelineParametersForExecution"
    yield actions("LastData", "sagemaker", verb, [runs])
    group = f"model-package-group/{settings.pipeline.model_package_group}"
    verbs = "DescribeModelPackageGroup ListTags"
    yield actions("Group", "sagemaker", verbs, [names.arn("sagemaker", group)])
    functions = [names.function_arn(name) for name in (names.predict, names.smoke_test)]
    yield actions("Functions", "lambda", "GetFunction", functions)
