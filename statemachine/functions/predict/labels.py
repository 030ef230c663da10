"""The request about one image, and the labels that a model answers with."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from places import kind_of
from refusals import Refusal

ENTRY = ("label", "index", "probability")


@dataclass(frozen=True)
class Answer:
    """What the model made of the image; `model_version` is None where the container tells none."""

    label: str
    index: int
    probability: float
    top_k: tuple[Mapping[str, Any], ...]
    model_version: int | str | None


def request_about(image: bytes, top_k: int | None) -> tuple[bytes, str]:
    """The body and its content type: as it is where that says it all, else as JSON."""
    kind = kind_of(image)
    if kind and top_k is None:
        return image, kind
    document: dict[str, Any] = {"image": base64.b64encode(image).decode("ascii")}
    if top_k is not None:
        document["top_k"] = top_k
    return json.dumps(document).encode(), "application/json"


def read_labels(content: bytes) -> Answer:
    """Raises Refusal when it is no answer."""
    try:
        found = json.loads(content)
        label, index, probability = _entry(found)
        top_k = [dict(zip(ENTRY, _entry(each), strict=True)) for each in found["top_k"]]
        return Answer(label, index, probability, tuple(top_k), found.get("model_version"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Refusal(502, "The model's answer cannot be read.", reason="unreadable") from error


def _entry(found: Mapping[str, Any]) -> tuple[str, int, float]:
    label, index, probability = (found[key] for key in ENTRY)
    if not 0 <= probability <= 1:  # NaN is none of them
        raise ValueError("no probability")
    return str(label), int(index), float(probability)
