"""Model packages as the commands show them, and decisions about them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from commands.session import Session
from errors import BreedlineError
from workloads import workload_of

PENDING = "PendingManualApproval"


def list_packages(session: Session) -> list[dict[str, Any]]:
    """Model packages of the settings' group, newest first; empty when there is no group."""
    sagemaker = session.client("sagemaker")
    group = session.settings.pipeline.model_package_group
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    try:
        summaries = [s for page in pages for s in page["ModelPackageSummaryList"]]
    except sagemaker.exceptions.ClientError as error:
        if "does not exist" in str(error) or "NotFound" in str(error):
            return []
        raise
    return [
        {
            "version": summary["ModelPackageVersion"],
            "approval": summary["ModelApprovalStatus"],
            "arn": summary["ModelPackageArn"],
        }
        for summary in summaries
    ]


def choose_package(session: Session, version: int | None) -> dict[str, Any]:
    """The version asked for, or the newest pending one; raises BreedlineError without one."""
    packages = list_packages(session)
    group = session.settings.pipeline.model_package_group
    if version is None:
        chosen = [p for p in packages if p["approval"] == PENDING]
        missing = f"The model package group '{group}' has no version that waits for approval."
    else:
        chosen = [p for p in packages if p["version"] == version]
        known = ", ".join(str(p["version"]) for p in packages) or "none"
        missing = f"Version {version} is not in the group '{group}'; versions there: {known}."
    if not chosen:
        raise BreedlineError(missing)
    return chosen[0]


def decide(session: Session, arn: str, decision: str, reason: str = "") -> None:
    """Set a package's approval; EventBridge tells of it, and so a deployment begins."""
    session.client("sagemaker").update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus=decision,
        ApprovalDescription=reason or f"{decision} with definitions.py",
    )


def read_package(session: Session, arn: str) -> dict[str, Any]:
    """A model package with the figures that its evaluation measured."""
    described = session.client("sagemaker").describe_model_package(ModelPackageName=arn)
    uri = described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    return {
        "arn": arn,
        "version": described["ModelPackageVersion"],
        "approval": described["ModelApprovalStatus"],
        "metrics": workload_of(session.settings).usage.figures(
            json.loads(read_object(session, uri))
        ),
        "evaluation_uri": uri,
    }


def read_object(session: Session, uri: str) -> bytes:
    """The body of the S3 object at `uri`."""
    place = urlsplit(uri)
    answer = session.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
    return bytes(answer["Body"].read())
