"""What moto's interpreter does without our repairs.

When one of these fails, a newer moto has mended the fault: look whether the repair can go.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local.workflows.interpreter import REPAIRS

PROBES = Path(__file__).parent / "unrepaired.py"
FAULTS = {
    "forget_threads": "grows",
    "log_no_failures": "1 or more lines",
    "remember_endings": "waits",
    "stop_running_states": "goes on",
    "stop_waiting_to_retry": "goes on",
    "wait_exactly": "waits 2 seconds",
    "wait_for_times_in_utc": "0 None",
    "offer_tasks_that_can_be_answered": "unknown",
    "match_errors_as_aws_does": "True",
    "pass_on_states_errors": "ValueError",
    "tell_heartbeats_from_timeouts": "States.Timeout",
    "write_json_as_aws_does": '{"a": "\\u00e4"}',
    "count_bytes": "False",
    "read_strings_as_json": '{"n": "a\\\\\\"b"}',
    "parse_once": "2",
    "allow_reserved_words": "ASLParserException",
    "parse_in_several_threads": "True",
    "evaluate_jsonata": "States.Runtime",
    "read_variables_with_paths": "States.Runtime",
    "write_assigned_variables_as_json": '"a "b""',
    "read_paths_as_aws_does": "States.Runtime",
    "compute_intrinsics": '{"v": [1]}',
    "enter_states_in_utc": '{"EnteredTime": "2026-01-01T00:00:00+00:00", "Name": "S"}',
    "compare_as_aws_does": '"Y"',
    "fail_without_a_match": "States.Runtime",
    "assign_in_rules": "States.Runtime",
    "find_boto_services": "sagemakerruntime",
    "translate_requests_and_answers": "executionArn,startDate",
    "end_with_the_execution": "TaskSucceeded",
    "name_errors_as_aws_does": "sagemaker.sagemakerException",
    "wait_without_limit_for_heartbeats": "60",
    "run_jobs_of_sagemaker": "StateTaskServiceUnsupported",
    "stop_what_a_stopped_task_waits_for": "sleeps",
}


@pytest.fixture(scope="module")
def seen() -> dict[str, str]:
    command = [sys.executable, str(PROBES)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=250)
    answers: dict[str, str] = json.loads(told.stdout.splitlines()[-1])
    return answers


@pytest.mark.parametrize("repair", FAULTS)
def test_moto_still_has_the_fault_that_is_repaired(seen, repair):
    assert seen[repair] == FAULTS[repair]


def test_every_repair_is_justified_here():
    assert {repair.__name__ for repair in REPAIRS} == FAULTS.keys()
