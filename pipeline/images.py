"""AWS's images of frameworks, by the SDK's own tables; what these do not know is told by its key.

Whatever trains a model, it serves in the PyTorch image: of AWS's images for frameworks only its
server tells a caller's mistake from the model's; docs/decisions has more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from errors import BreedlineError
from settings import Settings

NAMED = 8  # of the versions that there are, the newest
TRAINING = "training"


class UnknownImage(BreedlineError):
    """The settings ask for an image that the SDK has in no table."""


@dataclass(frozen=True)
class Wanted:
    """An image as the settings want it, and the keys that say so."""

    framework: str
    scope: str
    version: str
    version_key: str
    python: str
    python_key: str

    def uri(self, region: str, instance_type: str) -> str:
        """Where it is; CPU or GPU by instance type. Raises UnknownImage."""
        from sagemaker import image_uris

        try:
            return str(
                image_uris.retrieve(
                    framework=self.framework,
                    region=region,
                    version=self.version,
                    py_version=self.python,
                    instance_type=instance_type,
                    image_scope=self.scope,
                )
            )
        except ValueError as error:
            raise UnknownImage(self._why(region, instance_type, str(error))) from error

    def _why(self, region: str, instance_type: str, said: str) -> str:
        known = self._versions()
        aliases = self._table().get("version_aliases", {})
        version = aliases.get(self.version, self.version)
        if version not in known:
            return (
                f"{self.version_key} is '{self.version}', and the SageMaker SDK knows no such "
                f"{self.framework} image; it knows {_newest(known)}."
            )
        pythons = known[version].get("py_versions", [])
        if self.python not in pythons:
            return (
                f"{self.python_key} is '{self.python}', and the {self.framework} image "
                f"{self.version} has {' or '.join(pythons)}."
            )
        if region not in known[version].get("registries", {}):
            return (
                f"aws.region is '{region}', for which the SageMaker SDK knows no {self.framework} "
                f"image {self.version}; choose another region, or another {self.version_key}."
            )
        return (
            f"The SageMaker SDK has no {self.framework} image {self.version} for {instance_type} "
            f"({said.rstrip('.')}); choose another instance type, or another {self.version_key}."
        )

    def _table(self) -> Mapping[str, Any]:
        from sagemaker import image_uris

        table: dict[str, Any] = image_uris.config_for_framework(self.framework)
        of_scope: dict[str, Any] = table.get(self.scope, table)
        return of_scope

    def _versions(self) -> Mapping[str, Any]:
        versions: dict[str, Any] = self._table()["versions"]
        return versions


def wanted_image(settings: Settings, framework: str, scope: str) -> Wanted:
    """The image of the jobs, or of the endpoint where `scope` is inference."""
    images = settings.images
    if scope == TRAINING and framework == "sklearn":
        key = "images.sklearn_version"
        return Wanted("sklearn", scope, images.sklearn_version, key, "py3", key)
    version, python = (
        (images.training_version, images.training_python)
        if scope == TRAINING
        else (images.inference_version, images.inference_python)
    )
    keys = f"images.{scope}_version", f"images.{scope}_python"
    return Wanted("pytorch", scope, version, keys[0], python, keys[1])


def _newest(versions: Mapping[str, Any]) -> str:
    """Some of them, the newest last."""
    ordered = sorted(versions, key=_parts)
    more = "…, " if len(ordered) > NAMED else ""
    return more + ", ".join(ordered[-NAMED:])


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.replace("-", ".").split(".") if part.isdigit()]
