"""What every model of ours answers alike: a refusal with its status, an answer as JSON.

Boundary: values in, text out; the standard library alone. Travels inside the model artifact.
Run the tests: `pytest tests/steps/test_inference.py`.
"""

from __future__ import annotations

import http
import json
from collections.abc import Mapping
from typing import Any

try:  # in SageMaker's containers its class carries a status to the client; any other is a 500
    from sagemaker_inference import errors  # type: ignore[import-not-found]

    _RequestErrorBase: Any = errors.BaseInferenceToolkitError
except ImportError:
    _RequestErrorBase = Exception


class RequestError(_RequestErrorBase):  # type: ignore[misc]
    """A request that cannot be answered; `status` is the HTTP status, `message` one sentence."""

    def __init__(self, status: int, message: str) -> None:
        Exception.__init__(self, message)
        self.status = status
        self.status_code = status  # this and the next two are the names that SageMaker reads
        self.message = message
        self.phrase = http.HTTPStatus(status).phrase

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return RequestError, (self.status, self.message)


def written(prediction: Mapping[str, Any], accept: str, environment: Mapping[str, str]) -> str:
    """The answer as JSON. Raises RequestError 406 when the client takes no JSON."""
    kinds = {part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")}
    if not kinds & {"application/json", "application/*", "*/*"}:
        raise RequestError(406, f"The answer is application/json, which {accept!r} leaves out.")
    return json.dumps({**prediction, **_version(environment)})


def _version(environment: Mapping[str, str]) -> dict[str, int | str]:
    """What answers: while a new version takes over, the endpoint's description cannot tell."""
    text = environment.get("BREEDLINE_MODEL_VERSION", "")
    if not text:
        return {}
    return {"model_version": int(text) if text.isdecimal() else text}
