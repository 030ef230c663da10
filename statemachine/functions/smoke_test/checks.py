"""What an answer must be like: an answer in, one sentence out, which is empty when all is well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from caller import Answer

LONGEST = 160  # characters of a detail: the failed ones are told together in one message


def answer_fault(
    answer: Answer, fault: Callable[[Mapping[str, Any]], str], version: str, budget_ms: int
) -> str:
    """Of a good question: it is answered in time, by the version that was deployed.

    `fault` says why a body is no answer of this kind of model.
    """
    if answer.fault:
        return answer.fault
    if answer.status != 200:
        return f"It was refused with {answer.status}: {_message(answer)}"
    if missing := fault(answer.body):
        return missing
    told = answer.body.get("model_version")
    if told is None:
        return "The answer does not say which version of the model it is from."
    if str(told) != version:
        return f"Version {told} answered, not version {version}."
    if answer.milliseconds > budget_ms:
        return f"It took {answer.milliseconds} ms; {budget_ms} ms are allowed."
    return ""


def refusal_fault(answer: Answer, status: int) -> str:
    """Of a bad request: it is refused with this status and one sentence."""
    if answer.fault:
        return answer.fault
    if answer.status != status:
        return f"It was answered with {answer.status}, not {status}."
    sentence = _message(answer)
    if not sentence or "\n" in sentence or "Traceback" in sentence:
        return "The refusal does not say why in one sentence."
    return ""


def brief(text: str) -> str:
    """The first line of a detail, cut to its length."""
    line = (text.strip().splitlines() or [""])[0]
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _message(answer: Answer) -> str:
    error = answer.body.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else ""
