"""Find the approved model that a new one has to beat, and have it measured.

Boundary: reads the model registry and S3 through boto3, which is imported only when a model
package group is given; the artifact lies in a temporary folder while it is measured.
Run the tests: `pytest tests/steps/test_champion.py`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from artifact import Artifact, opened

_ABSENT_CODES = ("ResourceNotFound", "ResourceNotFoundException")
_ABSENT_WORDS = ("does not exist", "not found", "could not find", "cannot find")


class ChampionError(Exception):
    """The registry cannot be read, or its approved model not fetched; one sentence."""


@dataclass(frozen=True)
class Champion:
    """An approved model package and the S3 location of its artifact."""

    arn: str
    model_data_url: str


@dataclass(frozen=True)
class Measured:
    """How the champion did, "none" without one; `figure` is None where it was not measured."""

    arn: str
    figure: float | None
    reason: str


def measure_champion(
    group: str, measure: Callable[[Artifact], tuple[float | None, str]]
) -> Measured:
    """What `measure` says of the group's approved model: its figure, and the reason or the way."""
    if not group:
        return Measured("none", None, "No model package group was given.")
    aws = session()
    found = find_champion(group, aws.client("sagemaker"))
    if found is None:
        return Measured("none", None, f"The group {group} has no approved model package.")
    with tempfile.TemporaryDirectory(prefix="champion-") as scratch:
        archive = Path(scratch) / "model.tar.gz"
        fetch(found, aws.client("s3"), archive)
        with opened(archive) as artifact:
            return Measured(found.arn, *measure(artifact))


def session() -> Any:
    """A boto3 session of the container's region (SageMaker names it in AWS_REGION)."""
    import boto3

    return boto3.session.Session(region_name=os.environ.get("AWS_REGION"))


def find_champion(group: str, sagemaker: Any) -> Champion | None:
    """The newest approved package of the group; None when there is no group or no such package.

    Raises ChampionError when the registry does not answer: a model must not pass the gate
    because nobody could look.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        found = sagemaker.list_model_packages(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=1,
        )["ModelPackageSummaryList"]
        if not found:
            return None
        arn = found[0]["ModelPackageArn"]
        package = sagemaker.describe_model_package(ModelPackageName=arn)
    except ClientError as error:
        if _says_absent(error):
            return None
        raise ChampionError(f"The group {group} cannot be read: {error}.") from error
    except BotoCoreError as error:
        raise ChampionError(f"The group {group} cannot be read: {error}.") from error
    return Champion(arn, _model_data_url(arn, package))


def fetch(champion: Champion, s3: Any, target: Path) -> None:
    """Download the champion's artifact to `target`. Raises ChampionError when it is gone."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    place = urlparse(champion.model_data_url)
    try:
        s3.download_file(place.netloc, place.path.lstrip("/"), str(target))
    except (BotoCoreError, Boto3Error, ClientError) as error:
        raise ChampionError(
            f"The approved model {champion.arn} cannot be fetched from {champion.model_data_url} "
            f"({error}); restore it or reject the package."
        ) from error


def _says_absent(error: Any) -> bool:
    details = error.response.get("Error", {})
    message = str(details.get("Message", "")).lower()
    return details.get("Code") in _ABSENT_CODES or any(word in message for word in _ABSENT_WORDS)


def _model_data_url(arn: str, package: Any) -> str:
    containers = package.get("InferenceSpecification", {}).get("Containers", [{}])
    source = containers[0].get("ModelDataSource", {}).get("S3DataSource", {})
    url = containers[0].get("ModelDataUrl") or source.get("S3Uri")
    if not url:
        raise ChampionError(f"The approved model {arn} names no artifact; reject the package.")
    return str(url)
