"""What an instance of an endpoint runs: a model's data, its variables, its program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.errors import validation_error
from local.model_container import Call, described_container, model_data, model_role

DEFAULT_PROGRAM = "inference.py"


@dataclass(frozen=True)
class Container:
    """A model's container; `prefix` means that the data is a folder of S3, not an archive."""

    model: str
    data: str
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: bool = False
    role: str = ""

    @property
    def program(self) -> str:
        """The file with the handlers, in the model data's `code` folder."""
        return self.environment.get("SAGEMAKER_PROGRAM") or DEFAULT_PROGRAM

    @property
    def workers(self) -> int:
        """Processes that answer at the same time. Raises ValueError for no whole number from 1."""
        text = self.environment.get("SAGEMAKER_MODEL_SERVER_WORKERS") or "1"
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(
                f"Model '{self.model}' sets SAGEMAKER_MODEL_SERVER_WORKERS to '{text}'; "
                "give a whole number from 1."
            )
        return int(text)


def resolve_container(model_name: str, call: Call) -> Container:
    """The container of a model, read through its model package too; raises ApiError.

    `call(action, request)` reaches DescribeModel and DescribeModelPackage.
    """
    found = described_container(model_name, call)
    if found.get("Mode", "SingleModel") != "SingleModel":
        raise validation_error(
            f"Model '{model_name}' has the mode {found['Mode']}; the embedded AWS serves one model "
            "from a container: leave Mode out."
        )
    return Container(
        model=model_name,
        data=model_data(found),
        image=str(found.get("Image", "")),
        environment=dict(found.get("Environment") or {}),
        prefix=_is_prefix(found),
        role=model_role(model_name, call),
    )


def _is_prefix(container: dict[str, Any]) -> bool:
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    return source.get("S3DataType") == "S3Prefix" and not container.get("ModelDataUrl")
