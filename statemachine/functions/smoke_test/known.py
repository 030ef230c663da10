"""The images that the evaluation kept, each with the label that the model gave it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucket import Prefix, SamplesError
from events import about

MOST = 100  # results are told in a state of a state machine, which holds no more than 256 KB
ALL = "labels"
NO_SAMPLES = "The package names no images, so labels were not checked."
NONE_KEPT = "Evaluate kept no image, so labels were not checked."


@dataclass(frozen=True)
class Sample:
    """One entry of samples.json; it is called by the name of its image."""

    name: str
    label: str
    sha256: str


class Samples:
    """The samples below `uri`, an S3 prefix; images are read one at a time."""

    def __init__(self, uri: str) -> None:
        self._prefix = Prefix(uri)

    def list(self) -> list[Sample]:
        """Raises SamplesError."""
        content = self._prefix.read("samples.json")
        try:
            return [_sample(entry) for entry in json.loads(content)["samples"]][:MOST]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SamplesError("samples.json is not what Evaluate writes.") from error

    def event(self, sample: Sample, endpoint: str) -> dict[str, Any]:
        """The question about a sample.

        Raises SamplesError, also when its image is another than the one that was kept.
        """
        data = self._prefix.read(sample.name)
        if hashlib.sha256(data).hexdigest() != sample.sha256:
            raise SamplesError(f"{sample.name} is not the image that Evaluate kept.")
        return about(data, endpoint)


def difference(sample: Sample, body: Mapping[str, Any]) -> str:
    """How an answer differs from what Evaluate saw; empty where it does not."""
    label = body.get("label")
    return "" if label == sample.label else f"The label is {label}, not {sample.label}."


def _sample(entry: Mapping[str, Any]) -> Sample:
    return Sample(*(str(entry[key]) for key in ("file", "label", "sha256")))
