"""Repairs of error names: which may be reported, and what Retry and Catch match."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import (
    ErrorEqualsDecl,
)
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.eval.callback.callback import HeartbeatTimeoutError

ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
RUNTIME = "States.Runtime"
DATA_LIMIT = "States.DataLimitExceeded"
TIMEOUTS = {TIMEOUT, HEARTBEAT_TIMEOUT}


def matches(wanted: list[str | None], error: str | None) -> bool:
    """Whether `ErrorEquals` names an error, by AWS's rules for its wildcards."""
    if error == RUNTIME:
        return False  # always ends the execution
    if error in wanted:
        return True
    if error == DATA_LIMIT:
        return False  # only by its name
    if error == HEARTBEAT_TIMEOUT and TIMEOUT in wanted:
        return True
    return ALL in wanted or (TASK_FAILED in wanted and error not in TIMEOUTS)


def match_errors_as_aws_does() -> None:
    """moto lets States.ALL catch what always ends an execution, States.TaskFailed too little."""

    def evaluate(declared: Any, env: Any) -> None:
        error: ErrorName | None = env.stack.pop()
        wanted = [name.error_name for name in declared.error_names]
        env.stack.append(matches(wanted, error.error_name if error else None))

    ErrorEqualsDecl._eval_body = evaluate


def pass_on_states_errors() -> None:
    """moto breaks where a branch, an iteration, a callback or a Fail state reports `States.…`."""

    def make(name: Any, error_name: str | None) -> None:
        ErrorName.__init__(name, error_name=error_name)

    CustomErrorName.__init__ = make


def tell_heartbeats_from_timeouts() -> None:
    """moto reports a missed heartbeat as any timeout: nothing is States.HeartbeatTimeout."""
    heartbeat = StatesErrorName(typ=StatesErrorNameType.StatesHeartbeatTimeout)
    original = StateTask._from_error

    def from_error(state: Any, env: Any, ex: Exception) -> Any:
        event = original(state, env=env, ex=ex)
        if isinstance(ex, HeartbeatTimeoutError):
            event.error_name = heartbeat
        return event

    StateTask._from_error = from_error


REPAIRS = (match_errors_as_aws_does, pass_on_states_errors, tell_heartbeats_from_timeouts)
