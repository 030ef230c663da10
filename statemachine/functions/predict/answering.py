"""Answer a question about an image: read it, fetch the image, ask the endpoint."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from endpoint import ask
from labels import read_labels, request_about
from limits import Deadline, Limits
from log import write_confidence
from payload import read_question
from places import read_image


def answer(event: Any, limits: Limits, deadline: Deadline, facts: dict[str, Any]) -> dict[str, Any]:
    """The body of the response; notes in `facts` what is known on the way. Raises Refusal."""
    question = read_question(event, limits)
    facts["endpoint"] = question.endpoint
    image = read_image(question.image, limits, deadline)
    body, kind = request_about(image, question.top_k)
    found = read_labels(ask(question.endpoint, body, kind, deadline))
    facts["model_version"] = found.model_version
    write_confidence(question.endpoint, found.probability)
    return {**asdict(found), "endpoint": question.endpoint}
