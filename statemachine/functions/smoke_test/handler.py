"""The smoke tests of a deployed version: known images, and requests that must be refused.

Boundary: {"function", "endpoint", "model_version", "samples"} in, {"passed", "failed", "results"}
out. A test that fails is a result and never an exception: what calls this decides what follows.
Environment: LATENCY_BUDGET_MS, of one answer; MIN_CORRECT_FRACTION, of the known images;
MAX_REQUEST_BYTES, the limit of the function that is tested.
Run the tests: `pytest tests/statemachine/functions`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from caller import Answer, Caller, OutOfTime
from checks import answer_fault, brief, refusal_fault
from events import about, bad_ones, draw
from known import Sample, Samples, SamplesError

NO_SAMPLES = "The package names no images, so labels were not checked."
NONE_KEPT = "Evaluate kept no image, so labels were not checked."
SHOWN = 3  # names of wrongly labelled images in one detail


@dataclass(frozen=True)
class Result:
    """One test; `milliseconds` is the time of the answer, 0 where none was asked for."""

    name: str
    passed: bool
    detail: str
    milliseconds: int = 0


@dataclass(frozen=True)
class Wanted:
    """What the deployment promises."""

    endpoint: str
    version: str
    budget_ms: int
    fraction: float
    limit: int


def handler(event: Mapping[str, str], context: Any) -> dict[str, Any]:
    """Lambda's entry point."""
    caller = Caller(event["function"], lambda: context.get_remaining_time_in_millis() / 1000)
    wanted = Wanted(
        event["endpoint"],
        event["model_version"],
        int(os.environ["LATENCY_BUDGET_MS"]),
        float(os.environ["MIN_CORRECT_FRACTION"]),
        int(os.environ["MAX_REQUEST_BYTES"]),
    )
    results = []
    for result in _run(caller, wanted, event["samples"]):
        level = "INFO" if result.passed else "ERROR"
        print(json.dumps({"level": level, "event": "test", **asdict(result)}), flush=True)
        results.append(result)
    passed = sum(result.passed for result in results)
    told = [asdict(result) for result in results]
    return {"passed": passed, "failed": len(results) - passed, "results": told}


def _run(caller: Caller, wanted: Wanted, samples: str) -> Iterator[Result]:
    """All tests one after the other: answers are timed, and must not wait for each other."""
    try:
        picture = about(draw(), wanted.endpoint)
        caller.ask(picture)  # the first answer waits for new environments and is not counted
        yield _answered("drawn image", caller.ask(picture), wanted)
        yield from _refusals(caller, wanted)
        yield from _labels(caller, wanted, samples)
    except OutOfTime:
        yield Result("time", False, "The time was over before all tests were done.")


def _refusals(caller: Caller, wanted: Wanted) -> Iterator[Result]:
    for name, status, event in bad_ones(wanted.endpoint, wanted.limit):
        answer = caller.ask(event)
        fault = refusal_fault(answer, status)
        detail = fault or f"It was refused with {status}."
        yield Result(name, not fault, brief(detail), answer.milliseconds)


def _labels(caller: Caller, wanted: Wanted, uri: str) -> Iterator[Result]:
    """The known images, and last whether enough of them have their labels."""
    if not uri:
        yield Result("samples", True, NO_SAMPLES)
        return
    try:
        samples = Samples(uri)
        listed = samples.list()
    except SamplesError as error:
        yield Result("samples", False, brief(str(error)))
        return
    if not listed:
        yield Result("samples", True, NONE_KEPT)
        return
    wrong = []
    for sample in listed:
        result, label = _known(caller, wanted, samples, sample)
        if label != sample.label:
            wrong.append(sample.file)
        yield result
    yield _enough(len(listed), wrong, wanted.fraction)


def _known(
    caller: Caller, wanted: Wanted, samples: Samples, sample: Sample
) -> tuple[Result, str | None]:
    """The result of one image, and its label; a wrong one is not yet a fault."""
    caller.check_time()
    try:
        image = samples.image(sample)
    except SamplesError as error:
        return Result(sample.file, False, brief(str(error))), None
    answer = caller.ask(about(image, wanted.endpoint))
    label = answer.body.get("label")
    result = _answered(sample.file, answer, wanted)
    if result.passed and label != sample.label:
        detail = brief(f"The label is {label}, not {sample.label}.")
        result = Result(sample.file, True, detail, answer.milliseconds)
    return result, label


def _enough(total: int, wrong: list[str], fraction: float) -> Result:
    right = total - len(wrong)
    detail = f"{right} of {total} labels are right; {fraction:.0%} must be."
    if wrong:
        named = ", ".join(wrong[:SHOWN]) + (" …" if len(wrong) > SHOWN else "")
        detail = f"{detail} Wrong: {named}"
    return Result("labels", right >= fraction * total - 1e-9, brief(detail))


def _answered(name: str, answer: Answer, wanted: Wanted) -> Result:
    fault = answer_fault(answer, wanted.version, wanted.budget_ms)
    detail = fault or f"{answer.body.get('label')} in {answer.milliseconds} ms."
    return Result(name, not fault, brief(detail), answer.milliseconds)
