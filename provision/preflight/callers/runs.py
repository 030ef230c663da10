"""Runs of the pipeline, and whatever else runs: started, followed, stopped; and training sets.

`attach` follows any job of the account by its name, whoever started it, so that it may read all.
"""

from __future__ import annotations

from collections.abc import Iterator

from provision.preflight.callers.parts import (
    JOB_LOGS,
    actions,
    following,
    job_logs,
    machine_runs,
    machines,
    newest_executions,
)
from settings import Settings
from statemachine.definition import ALL_KINDS
from statemachine.names import Names
from statemachine.statements import Statement, key, objects, objects_of

JOBS = {
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
    "ProcessingJob": "processing-job",
    "TrainingJob": "training-job",
    "TransformJob": "transform-job",
}
RUNS_READ = "DescribeExecution GetExecutionHistory"
WORKGROUP, DATABASE = "workgroup/primary", "sagemaker_featurestore"  # where nobody names another
OFFLINE, RESULTS, SELECTED = "features/*", "queries/*", "selections/*"  # keys in the bucket


def start(settings: Settings) -> Iterator[Statement]:
    """Also `start --select`, where the settings keep records."""
    names = Names(settings)
    verbs = "DescribePipeline ListPipelineExecutions StartPipelineExecution"
    yield actions("Start", "sagemaker", verbs, [names.pipeline_arn])
    verb, runs = "ListPipelineParametersForExecution", f"{names.pipeline_arn}/execution/*"
    yield actions("LastData", "sagemaker", verb, [runs])
    yield from following(settings)
    if settings.feature_group and settings.features.offline:
        yield from features(settings)
        yield actions("Selections", "s3", "PutObject", [objects(settings, SELECTED)])


def watch(settings: Settings) -> Iterator[Statement]:
    yield newest_executions(settings)
    yield from following(settings)
    yield machines(settings, ALL_KINDS, "ListExecutions")
    yield machine_runs(settings, ALL_KINDS, RUNS_READ)


def stop(settings: Settings) -> Iterator[Statement]:
    yield newest_executions(settings)
    runs = f"{Names(settings).pipeline_arn}/execution/*"
    yield actions("Stop", "sagemaker", "StopPipelineExecution", [runs])


def retry(settings: Settings) -> Iterator[Statement]:
    yield newest_executions(settings)
    runs = f"{Names(settings).pipeline_arn}/execution/*"
    yield actions("Retry", "sagemaker", "RetryPipelineExecution", [runs])
    yield from following(settings)


def attach(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    for kind, resource in JOBS.items():
        arn = names.arn("sagemaker", f"{resource}/*")
        listed = " ListTrainingJobsForHyperParameterTuningJob" if "Tuning" in kind else ""
        yield actions(kind, "sagemaker", f"Describe{kind}{listed}", [arn])
    yield job_logs(settings, (*JOB_LOGS, "TransformJobs"))
    yield newest_executions(settings)
    runs, verbs = f"{names.pipeline_arn}/execution/*", "DescribePipelineExecution"
    yield actions("Runs", "sagemaker", f"{verbs} ListPipelineExecutionSteps", [runs])
    yield machine_runs(settings, ALL_KINDS, RUNS_READ)


def features(settings: Settings) -> Iterator[Statement]:
    """A query of Athena, which reads and writes with the caller's permissions."""
    names = Names(settings)
    group = names.arn("sagemaker", f"feature-group/{settings.feature_group_name.lower()}")
    yield actions("Features", "sagemaker", "DescribeFeatureGroup", [group])
    verbs = "GetQueryExecution GetQueryResults StartQueryExecution"
    yield actions("Query", "athena", verbs, [names.arn("athena", WORKGROUP)])
    catalog = ["catalog", f"database/{DATABASE}", f"table/{DATABASE}/*"]
    verbs = "GetDatabase GetPartitions GetTable"
    yield actions("Catalog", "glue", verbs, [names.arn("glue", one) for one in catalog])
    results, bucket = objects(settings, RESULTS), objects_of(settings, f"s3://{settings.bucket}")
    yield actions("Records", "s3", "GetObject", [objects(settings, OFFLINE), results])
    verbs = "AbortMultipartUpload ListMultipartUploadParts PutObject"
    yield actions("Results", "s3", verbs, [results])
    yield actions("ResultsBucket", "s3", "GetBucketLocation ListBucket", [bucket])
    yield from key(settings, ["kms:Decrypt", "kms:GenerateDataKey"])
