"""Parts of the callers' policies that several commands share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from settings import Settings, partition_of
from settings.workload import IMAGES
from statemachine.names import Names
from statemachine.promotion import bus_arn
from statemachine.statements import Statement, allow, objects_of

LAMBDA, SAGEMAKER = "lambda.amazonaws.com", "sagemaker.amazonaws.com"
STATES, EVENTS = "states.amazonaws.com", "events.amazonaws.com"
EC2 = "ec2.amazonaws.com"
JOB_LOGS = ("ProcessingJobs", "TrainingJobs")


def actions(sid: str, service: str, verbs: str, resources: Iterable[str]) -> Statement:
    """`actions("Roles", "iam", "GetRole TagRole", …)`."""
    return allow(sid, [f"{service}:{verb}" for verb in verbs.split()], list(resources))


def passing(sid: str, service: str, roles: Sequence[str]) -> Statement:
    """iam:PassRole of roles, to the one service that gets them."""
    condition = {"StringEquals": {"iam:PassedToService": service}}
    return allow(sid, ["iam:PassRole"], list(roles), condition)


def service_role(sid: str, settings: Settings, service: str, role: str) -> Statement:
    """The role of AWS's own that a service makes when an account uses it for the first time."""
    resource = iam_arn(settings, f"role/aws-service-role/{service}/{role}")
    condition = {"StringEquals": {"iam:AWSServiceName": service}}
    return allow(sid, ["iam:CreateServiceLinkedRole"], [resource], condition)


def iam_arn(settings: Settings, resource: str) -> str:
    """The ARN of a role or a profile, which no region has."""
    return f"arn:{partition_of(settings.aws.region)}:iam::{settings.aws.account_id}:{resource}"


def following(settings: Settings) -> Iterator[Statement]:
    """An execution of the pipeline, its steps, the logs and the trials of its jobs."""
    names = Names(settings)
    verbs = "DescribePipelineExecution ListPipelineExecutionSteps"
    yield actions("Follow", "sagemaker", verbs, [f"{names.pipeline_arn}/execution/*"])
    yield job_logs(settings)
    if settings.workload.kind == IMAGES:  # which is tuned
        trials = names.arn("sagemaker", "hyper-parameter-tuning-job/*-Tune-*")
        verb = "ListTrainingJobsForHyperParameterTuningJob"
        yield actions("Trials", "sagemaker", verb, [trials])


def promotion(settings: Settings, more: str = "") -> Iterator[Statement]:
    """The policies for a partner in another account, who may be there without the settings' word.

    `more` is what is asked of the event bus beyond taking our statement away.
    """
    names, group = Names(settings), settings.pipeline.model_package_group
    arn = names.arn("sagemaker", f"model-package-group/{group}")
    verbs = " ".join(f"{verb}ModelPackageGroupPolicy" for verb in ("Delete", "Get", "Put"))
    yield actions("PromotionGroup", "sagemaker", verbs, [arn])
    bucket = objects_of(settings, f"s3://{settings.bucket}")
    verbs = "DeleteBucketPolicy GetBucketPolicy PutBucketPolicy"
    yield actions("PromotionBucket", "s3", verbs, [bucket])
    bus = bus_arn(settings, settings.aws.account_id)
    yield actions("PromotionBus", "events", f"DescribeEventBus RemovePermission {more}", [bus])


def job_logs(settings: Settings, kinds: Sequence[str] = JOB_LOGS) -> Statement:
    """The log groups that all jobs of the account share."""
    groups = [Names(settings).arn("logs", f"log-group:/aws/sagemaker/{kind}:*") for kind in kinds]
    return actions("JobLogs", "logs", "DescribeLogStreams GetLogEvents", groups)


def newest_executions(settings: Settings) -> Statement:
    """The list of the pipeline's executions."""
    pipeline = Names(settings).pipeline_arn
    return actions("Executions", "sagemaker", "ListPipelineExecutions", [pipeline])


def machine_runs(settings: Settings, kinds: Iterable[str], verbs: str) -> Statement:
    """Executions of state machines."""
    names = Names(settings)
    runs = [names.arn("states", f"execution:{names.state_machine(kind)}:*") for kind in kinds]
    return actions("MachineRuns", "states", verbs, runs)


def machines(settings: Settings, kinds: Iterable[str], verbs: str) -> Statement:
    names = Names(settings)
    return actions("Machines", "states", verbs, [names.state_machine_arn(kind) for kind in kinds])


def versions(settings: Settings) -> Statement:
    """The list of the registered versions."""
    group = f"model-package-group/{settings.pipeline.model_package_group}"
    arn = Names(settings).arn("sagemaker", group)
    return actions("Versions", "sagemaker", "ListModelPackages", [arn])
