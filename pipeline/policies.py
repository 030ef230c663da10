"""What the pipeline, its jobs and training on EC2 may do: a trust and a policy for each.

`job_documents(settings)` gives them in the form of `statemachine.policies.role_documents`. Where
the settings name no role for the jobs, they work under the pipeline's, which then may do both.
Upsert makes none of these roles: the foundation's stack does, or whoever owns the account.
"""

from __future__ import annotations

from typing import Any

from settings import Settings
from settings.workload import IMAGES, TABULAR
from statemachine.names import Names
from statemachine.statements import (
    READ_KEY,
    WRITE_KEY,
    Statement,
    allow,
    document,
    image,
    key,
    network,
    objects,
    objects_of,
    trust,
)

SAGEMAKER = "sagemaker.amazonaws.com"
REPOSITORIES = {IMAGES: "pytorch-training", TABULAR: "sagemaker-scikit-learn"}  # of the jobs' image
JOB_LOGS = ("TrainingJobs", "ProcessingJobs")  # below /aws/sagemaker/, as groups and namespaces


def job_documents(settings: Settings) -> dict[str, dict[str, Any]]:
    """Actor -> {"trust": who may assume the role, "policy": what it may do}."""
    statements = {
        "pipeline": [*_pipeline(settings), *key(settings, READ_KEY)],
        "jobs": [*_jobs(settings), *key(settings)],
    }
    if settings.jobs_role_arn == settings.role_arn:
        statements = {"pipeline": [*_pipeline(settings), *statements["jobs"]]}
    statements["ec2_training"] = [*_ec2_training(settings), *key(settings, WRITE_KEY)]
    return {
        actor: {
            "trust": trust(settings, "ec2.amazonaws.com" if actor == "ec2_training" else SAGEMAKER),
            "policy": document(found),
        }
        for actor, found in statements.items()
    }


def _pipeline(settings: Settings) -> list[Statement]:
    """Start, watch and stop jobs, read their figures, register their model."""
    names, group = Names(settings), settings.pipeline.model_package_group
    package = names.arn("sagemaker", f"model-package/{group}/*")
    groups = names.arn("sagemaker", f"model-package-group/{group}")
    return [
        *(_started(names, kind) for kind in ("Processing", "Training")),
        *(_tuning(names) if settings.workload.kind == IMAGES else []),
        allow(
            "Register",
            ["sagemaker:AddTags", "sagemaker:CreateModelPackage"],
            [package, groups],
        ),
        allow("Registered", ["sagemaker:DescribeModelPackage"], [package]),
        allow("Group", ["sagemaker:DescribeModelPackageGroup"], [groups]),
        # The figures that the gate compares, and the artifact that is registered.
        allow("Figures", ["s3:GetObject"], [objects(settings, "executions/*")]),
        allow(
            "PassRole",
            ["iam:PassRole"],
            [settings.jobs_role_arn],
            {"StringEquals": {"iam:PassedToService": SAGEMAKER}},
        ),
    ]


def _tuning(names: Names) -> list[Statement]:
    # The names of tuning jobs are too short for the prefix.
    tuning = names.arn("sagemaker", "hyper-parameter-tuning-job/*-Tune-*")
    trials = names.arn("sagemaker", "training-job/*-Tune-*")
    return [
        allow(
            "TuningJobs",
            [
                *_job_actions("HyperParameterTuning"),
                "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
            ],
            [tuning],
        ),
        allow("Trials", ["sagemaker:DescribeTrainingJob"], [trials]),
    ]


def _started(names: Names, kind: str) -> Statement:
    place = names.arn("sagemaker", f"{kind.lower()}-job/pipelines-*")
    return allow(f"{kind}Jobs", _job_actions(kind), [place])


def _job_actions(kind: str) -> list[str]:
    made = [f"sagemaker:{verb}{kind}Job" for verb in ("Create", "Describe", "Stop")]
    return sorted({*made, "sagemaker:AddTags"})


def _jobs(settings: Settings) -> list[Statement]:
    """Read code, data and weights, write results, logs and metrics, and ask for the champion."""
    names = Names(settings)
    groups = [names.arn("logs", f"log-group:/aws/sagemaker/{kind}:*") for kind in JOB_LOGS]
    spaces = [f"/aws/sagemaker/{kind}" for kind in JOB_LOGS]
    return [
        *_files(settings),
        allow(
            "Logs",
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            groups,  # Logs checks a group, too, as one with a stream
        ),
        allow(
            "Metrics",
            ["cloudwatch:PutMetricData"],
            ["*"],  # knows no resource
            {"StringEquals": {"cloudwatch:namespace": spaces}},
        ),
        *_champion(settings),
        *_features(settings),
        *image(settings, REPOSITORIES[settings.workload.kind]),
        *network(settings),
    ]


def _files(settings: Settings) -> list[Statement]:
    """What may be read and written in S3: the settings' data and weights may lie elsewhere."""
    selected = ["selections"] if settings.feature_group else []
    places = ("code", "executions", settings.triggers.data_prefix, *selected)
    read = [objects(settings, f"{place}/*") for place in places]
    return [
        allow("Read", ["s3:GetObject"], read),
        allow(
            "Write",
            ["s3:AbortMultipartUpload", "s3:PutObject"],
            [objects(settings, "executions/*")],
        ),
        allow("List", ["s3:ListBucket"], [objects_of(settings, settings.bucket)]),
        *_elsewhere(settings, "Data", settings.data_uri),
        *_elsewhere(settings, "Weights", settings.model.pretrained_uri),
    ]


def _elsewhere(settings: Settings, sid: str, uri: str) -> list[Statement]:
    """Read what does not lie among the bucket's data; another bucket must allow it, too."""
    if not lies_elsewhere(settings, uri):
        return []
    bucket, whole = uri.removeprefix("s3://").partition("/")[0], uri.rstrip("/")
    return [
        allow(
            sid,
            ["s3:GetObject"],
            [objects_of(settings, whole), objects_of(settings, f"{whole}/*")],
        ),
        allow(f"{sid}List", ["s3:ListBucket"], [objects_of(settings, bucket)]),
    ]


def lies_elsewhere(settings: Settings, uri: str) -> bool:
    """Whether an S3 URI leads out of the bucket's data."""
    place = f"s3://{settings.bucket}/{settings.triggers.data_prefix}"
    return bool(uri) and uri != place and not uri.startswith(f"{place}/")


def _features(settings: Settings) -> list[Statement]:
    """Records of images, and the offline store's files where no other role writes them."""
    names, group = Names(settings), settings.feature_group
    if not group:
        return []
    arn = names.arn("sagemaker", f"feature-group/{group.lower()}")
    found = [allow("Records", ["sagemaker:BatchGetRecord", "sagemaker:PutRecord"], [arn])]
    if settings.features.offline and settings.features_role_arn == settings.jobs_role_arn:
        files = objects(settings, "features/*")
        found += [
            allow("RecordFiles", ["s3:PutObject", "s3:PutObjectAcl"], [files]),
            allow("RecordBucket", ["s3:GetBucketAcl"], [objects_of(settings, settings.bucket)]),
        ]
    return found


def _champion(settings: Settings) -> list[Statement]:
    names, group = Names(settings), settings.pipeline.model_package_group
    packages = names.arn("sagemaker", f"model-package/{group}/*")
    return [
        allow("Champion", ["sagemaker:DescribeModelPackage"], [packages]),
        allow(
            "Champions",
            ["sagemaker:ListModelPackages"],
            [names.arn("sagemaker", f"model-package-group/{group}"), packages],
        ),
    ]


def _ec2_training(settings: Settings) -> list[Statement]:
    """One instance that trains: its files, its log, and the package that it registers.

    It ends itself by shutting down, which takes no permission.
    """
    names, group = Names(settings), settings.pipeline.model_package_group
    log = names.arn("logs", f"log-group:{names.ec2_logs}")
    return [
        *_files(settings),
        allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log}:*"]),
        *_champion(settings),
        allow(
            "Register",
            ["sagemaker:CreateModelPackage"],
            [
                names.arn("sagemaker", f"model-package/{group}/*"),
                names.arn("sagemaker", f"model-package-group/{group}"),
            ],
        ),
    ]
