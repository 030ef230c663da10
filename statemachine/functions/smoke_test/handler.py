"""The smoke tests of a deployed version: known samples, and requests that must be refused.

Boundary: {"function", "endpoint", "model_version", "samples"} in, {"passed", "failed", "results"}
out. A test that fails is a result and never an exception: what calls this decides what follows.
What is asked, and what is right, is the matter of events.py and known.py, of which each kind of
model has its own. Environment: LATENCY_BUDGET_MS, of one answer; MIN_CORRECT_FRACTION, of the known
samples; MAX_REQUEST_BYTES, the limit of the function that is tested.
Run the tests: `pytest tests/statemachine/functions`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bucket import SamplesError
from caller import Answer, Caller, OutOfTime
from checks import answer_fault, brief, refusal_fault
from events import OPENING, bad_ones, fault, opening, told
from known import ALL, NO_SAMPLES, NONE_KEPT, Sample, Samples, difference

SHOWN = 3  # names of wrong samples in one detail


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
        yield _opening(caller, wanted, samples)
        yield from _refusals(caller, wanted)
        yield from _all_known(caller, wanted, samples)
    except OutOfTime:
        yield Result("time", False, "The time was over before all tests were done.")


def _opening(caller: Caller, wanted: Wanted, samples: str) -> Result:
    try:
        event = opening(wanted.endpoint, samples)
    except SamplesError as error:
        return Result(OPENING, False, brief(str(error)))
    caller.ask(event)  # the first answer waits for new environments and is not counted
    return _answered(OPENING, caller.ask(event), wanted)


def _refusals(caller: Caller, wanted: Wanted) -> Iterator[Result]:
    for name, status, event in bad_ones(wanted.endpoint, wanted.limit):
        answer = caller.ask(event)
        found = refusal_fault(answer, status)
        detail = found or f"It was refused with {status}."
        yield Result(name, not found, brief(detail), answer.milliseconds)


def _all_known(caller: Caller, wanted: Wanted, uri: str) -> Iterator[Result]:
    """What Evaluate kept, and last whether enough of it is answered as it was then."""
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
        result, is_right = _known(caller, wanted, samples, sample)
        if not is_right:
            wrong.append(sample.name)
        yield result
    yield _enough(len(listed), wrong, wanted.fraction)


def _known(caller: Caller, wanted: Wanted, samples: Samples, sample: Sample) -> tuple[Result, bool]:
    """The result of one sample, and whether it is right; a wrong one is not yet a fault."""
    caller.check_time()
    try:
        event = samples.event(sample, wanted.endpoint)
    except SamplesError as error:
        return Result(sample.name, False, brief(str(error))), False
    answer = caller.ask(event)
    result, wrong = _answered(sample.name, answer, wanted), difference(sample, answer.body)
    if result.passed and wrong:
        result = Result(sample.name, True, brief(wrong), answer.milliseconds)
    return result, not wrong


def _enough(total: int, wrong: list[str], fraction: float) -> Result:
    right = total - len(wrong)
    detail = f"{right} of {total} {ALL} are right; {fraction:.0%} must be."
    if wrong:
        named = ", ".join(wrong[:SHOWN]) + (" …" if len(wrong) > SHOWN else "")
        detail = f"{detail} Wrong: {named}"
    return Result(ALL, right >= fraction * total - 1e-9, brief(detail))


def _answered(name: str, answer: Answer, wanted: Wanted) -> Result:
    found = answer_fault(answer, fault, wanted.version, wanted.budget_ms)
    detail = found or f"{told(answer.body)} in {answer.milliseconds} ms."
    return Result(name, not found, brief(detail), answer.milliseconds)
