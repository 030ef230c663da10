"""How an image classifier is used: files are pictures, answers are labels."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from commands.usage import Kept, Read, Sample, Usage
from errors import BreedlineError

TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}  # by first bytes


def _draw(folder: Path) -> Path:
    from sample_data import draw

    return draw(folder)


def _figures(report: Mapping[str, Any]) -> dict[str, Any]:
    measured = report["multiclass_classification_metrics"]
    more = report["breedline"]
    return {
        "accuracy": measured["accuracy"]["value"],
        "top5_accuracy": more["top5_accuracy"],
        "macro_f1": more["macro"]["f1"],
        "log_loss": more["log_loss"],
        "expected_calibration_error": more["expected_calibration_error"],
        "latency_ms_p50": more["latency_ms"]["p50"],
        "images": more["images"],
    }


def _question(name: str, content: bytes) -> dict[str, Any]:
    return {"image": base64.b64encode(content).decode()}


def _request(name: str, content: bytes) -> Sample:
    for start, content_type in TYPES.items():
        if content.startswith(start):
            return Sample(name, content, content_type)
    raise BreedlineError(f"{name} is neither a JPEG nor a PNG file.")


def _kept(listed: Mapping[str, Any], read: Read) -> Iterator[Kept]:
    for each in listed["samples"]:
        facts = {"image": each["file"], "is": each["label"]}
        yield Kept(each["file"], read(each["file"]), facts)


def _told(answer: Mapping[str, Any]) -> str:
    return f"{answer['label']} ({answer['probability']:.4f})"


def _introduced(facts: Mapping[str, Any]) -> str:
    return f"{facts['image']}, a picture of {facts['is']}"


IMAGES = Usage(
    noun="images",
    data="class folders",
    draw=_draw,
    figures=_figures,
    plots=("confusion_matrix.png", "reliability.png", "worst_mistakes.png"),
    question=_question,
    request=_request,
    kept=_kept,
    answered="label",
    told=_told,
    introduced=_introduced,
)
