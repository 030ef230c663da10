"""Answer a question about rows of a table: read it, ask the endpoint."""

from __future__ import annotations

import json
import math
from typing import Any

from endpoint import ask
from limits import Deadline, Limits
from records import read_question
from refusals import Refusal


def answer(event: Any, limits: Limits, deadline: Deadline, facts: dict[str, Any]) -> dict[str, Any]:
    """The body of the response; notes in `facts` what is known on the way. Raises Refusal."""
    question = read_question(event, limits)
    facts["endpoint"] = question.endpoint
    content = ask(question.endpoint, question.body, question.content_type, deadline)
    predictions, version = _read(content)
    facts["model_version"] = version
    return {
        "predictions": predictions,
        "model_version": version,
        "endpoint": question.endpoint,
    }


def _read(content: bytes) -> tuple[list[float], int | str | None]:
    """The numbers, and the version where the container tells it."""
    try:
        found = json.loads(content)
        predictions = [float(value) for value in found["predictions"]]
        if not predictions or not all(map(math.isfinite, predictions)):
            raise ValueError("no finite numbers")
        return predictions, found.get("model_version")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Refusal(502, "The model's answer cannot be read.", reason="unreadable") from error
