"""How a tabular regression is used: files are tables, answers are numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from commands.usage import Kept, Read, Sample, Usage
from errors import BreedlineError
from examples.tabular.housing import draw

SHOWN = 5  # predictions of one answer


def _figures(report: Mapping[str, Any]) -> dict[str, Any]:
    measured, more = report["regression_metrics"], report["breedline"]
    return {
        **{name: measured[name]["value"] for name in ("r2", "rmse", "mae")},
        "baseline_rmse": more["baseline"]["rmse"],
        "baseline_mae": more["baseline"]["mae"],
        "latency_ms_p50": more["latency_ms"]["p50"],
        "rows": more["rows"],
    }


def _question(name: str, content: bytes) -> dict[str, Any]:
    text = _text(name, content)
    if not name.lower().endswith(".json"):
        return {"csv": text}
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BreedlineError(f"{name} is not JSON: {error}.") from error
    # The function says what is wrong with an object; what is none cannot be sent to it.
    if not isinstance(document, dict):
        raise BreedlineError(f'{name} holds no object such as {{"records": [{{…}}]}}.')
    return document


def _request(name: str, content: bytes) -> Sample:
    _text(name, content)
    is_json = name.lower().endswith(".json")
    return Sample(name, content, "application/json" if is_json else "text/csv")


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BreedlineError(f"{name} is no text in UTF-8; give a .csv or a .json file.") from error


def _kept(listed: Mapping[str, Any], read: Read) -> Iterator[Kept]:
    for each in listed["samples"]:
        content = json.dumps({"record": each["record"]}).encode()
        yield Kept(f"{each['name']}.json", content, {"row": each["name"], "is": each["actual"]})


def _told(answer: Mapping[str, Any]) -> str:
    found = answer["predictions"]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(f"{value:.4g}" for value in found[:SHOWN]) + more


def _introduced(facts: Mapping[str, Any]) -> str:
    return f"row {facts['row']} of the test split, in truth {facts['is']:.4g}"


USAGE = Usage(
    noun="tables",
    data=".csv files",
    draw=draw,
    figures=_figures,
    plots=(),
    question=_question,
    request=_request,
    kept=_kept,
    answered="predictions",
    told=_told,
    introduced=_introduced,
)
