"""The same handlers answer the same here and under AWS's own inference toolkit in TorchServe.

Needs a Python that has `sagemaker-pytorch-inference` and `torchserve`: `make serving-toolkit`
builds one and BREEDLINE_SERVING_TOOLKIT names it. It borrows torch from this Python.
"""

from __future__ import annotations

import os
from importlib import metadata
from typing import Any

import pytest

from tests.local.endpoints.handler_cases import CASES, Case, lay, run, run_here

TOOLKIT = os.environ.get("BREEDLINE_SERVING_TOOLKIT", "")
pytestmark = pytest.mark.skipif(
    not TOOLKIT, reason="BREEDLINE_SERVING_TOOLKIT names no Python with AWS's inference toolkit"
)
TRACEBACK = b"\nTraceback (most recent call last)"

Pair = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[str, Pair]:
    folder = tmp_path_factory.mktemp("models")
    for number, case in enumerate(CASES):
        lay(case, folder / str(number))
    torch = str(metadata.distribution("torch").locate_file(""))
    pairs = zip(run_here(CASES, folder), run(CASES, folder, TOOLKIT, "toolkit", torch), strict=True)
    return {case.name: pair for case, pair in zip(CASES, pairs, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_toolkit_answers_the_same(case: Case, results):
    here, there = results[case.name]
    assert ("failed" in here) == ("failed" in there), (here, there)
    for name in ("status", "body", "content_type", "headers"):
        if case.status:
            same = part(here, name) == part(there, name)
            assert same == (name not in case.differs), (name, here, there)


def part(result: dict[str, Any], name: str) -> Any:
    """A part of an answer; without what is never told: a traceback, the type of an error."""
    if name == "body":
        return result["body"].partition(TRACEBACK)[0]
    if name == "content_type" and result["status"] >= 400:
        return ""
    return result[name]
