"""Handlers are called, and their answers taken, as `handler_cases` says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.endpoints.handler_cases import CASES, Case, lay, run_here


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("models")
    for number, case in enumerate(CASES):
        lay(case, folder / str(number))
    found = run_here(CASES, folder)
    return {case.name: result for case, result in zip(CASES, found, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_of_handlers(case: Case, results):
    result = results[case.name]
    assert ("failed" in result) == (case.status == 0), result
    if case.status:
        assert result["status"] == case.status, result
        assert case.answer is None or result["body"] == case.answer
        assert case.answered_type is None or result["content_type"] == case.answered_type
        assert case.phrase is None or result["phrase"] == case.phrase
        assert result["headers"] == case.told
