"""The images that the definition names: there, and still patched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from provision.dated import read_table
from provision.preflight.findings import Finding, Subject

SUPPORT = Path(__file__).with_name("support.toml")
IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com[.a-z]*/"
    r"(?P<repository>[^:@]+):(?P<tag>(?P<version>\d+\.\d+)[^:@]*)"
)


def images_of(document: Any) -> Iterator[str]:
    """Every image in a pipeline's definition, as often as it is there."""
    if isinstance(document, Mapping):
        for value in document.values():
            yield from images_of(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from images_of(value)
    elif isinstance(document, str) and IMAGE.fullmatch(document):
        yield document


def check_support(subject: Subject) -> Iterator[Finding]:
    """AWS still patches what the images contain; without patches they go on working."""
    table = read_table(SUPPORT)
    seen = {IMAGE.fullmatch(image) for image in images_of(subject.pipeline)}
    found = sorted({(match["repository"], match["version"]) for match in seen if match})
    for repository, version in found:
        ends = table.get(repository, {}).get(version)
        about = f"image {repository} {version}"
        if not isinstance(ends, date):
            problem = f"{SUPPORT.name} has no date for it"
            yield Finding("unchecked", about, problem, f"look in {table['source']}")
        elif ends < subject.today:
            yield Finding(
                "warning",
                about,
                f"AWS has not patched it since {ends} (as of {table['read']})",
                f"choose a later version in [images]{_later(table[repository], subject.today)}",
            )


def check_images(subject: Subject) -> Iterator[Finding]:
    """ECR has the tags; AWS's own registries often refuse to say."""
    for image in sorted({*images_of(subject.pipeline)}):
        match = IMAGE.fullmatch(image)
        if match is None:
            continue
        try:
            subject.clients("ecr").describe_images(
                registryId=match["account"],
                repositoryName=match["repository"],
                imageIds=[{"imageTag": match["tag"]}],
            )
        except ClientError as error:
            yield _refused(image, error.response["Error"]["Code"])
        except BotoCoreError as error:
            yield Finding("unchecked", f"image {image}", str(error), "try again")


def _refused(image: str, code: str) -> Finding:
    if code == "ImageNotFoundException":
        remedy = "choose other versions in [images]"
        return Finding("fault", f"image {image}", "ECR does not have it", remedy)
    remedy = f"docker manifest inspect {image}, where Docker may pull it"
    return Finding("unchecked", f"image {image}", f"ECR does not tell ({code})", remedy)


def _later(table: Mapping[str, date], today: date) -> str:
    patched = [version for version, ends in table.items() if ends >= today]
    return f"; still patched: {', '.join(patched)}" if patched else "; none is patched any more"
