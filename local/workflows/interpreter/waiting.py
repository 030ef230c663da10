"""Repairs of waits, time limits and retries: they end with the execution, and at the right time."""

from __future__ import annotations

import copy
import threading
from datetime import datetime, timezone
from typing import Any

from moto.stepfunctions.parser.api import ActivityDoesNotExist
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import (
    MaxAttemptsOutcome,
)
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.wait.wait_function import timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    ActivityCallbackEndpoint,
    CallbackPoolManager,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.backend.activity import ActivityTask

from local.workflows.times import parse_time


class Latch(threading.Event):
    """An event that stays set."""

    def clear(self) -> None:
        return


def remember_endings() -> None:
    """moto only pulses the event of an environment's end; who begins to wait later misses it."""
    made = Environment.__init__

    def make(environment: Any, *arguments: Any, **named: Any) -> None:
        made(environment, *arguments, **named)
        environment.program_state_event = Latch()

    Environment.__init__ = make


def stop_running_states() -> None:
    """moto lets a stopped state run to its end before the execution finds its own."""
    ExecutionState._evaluate_with_timeout = _evaluate_with_timeout


def _evaluate_with_timeout(state: Any, env: Any) -> None:
    state.timeout.eval(env=env)
    seconds = env.stack.pop()
    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = copy.deepcopy(env.stack)
    outcome = _Outcome()
    threading.Thread(target=outcome.find, args=(state, frame), daemon=True).start()
    frame.program_state_event.wait(seconds)
    found = outcome.found
    frame.set_ended()
    env.close_frame(frame)
    if not env.is_running():
        return
    if not found:
        raise EvalTimeoutError()
    _take_result(state, env, outcome.value())


class _Outcome:
    """What became of one attempt at a state, in a thread of its own."""

    def __init__(self) -> None:
        self.found = False
        self._output: Any = None
        self._error: Exception | None = None

    def find(self, state: Any, frame: Any) -> None:
        try:
            state._eval_execution(frame)
            self._output = frame.stack[-1] if frame.stack else None
        except Exception as error:  # noqa: BLE001 - raised again by the state's own thread
            self._error = error
        self.found = True
        frame.set_ended()

    def value(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._output


def _take_result(state: Any, env: Any, output: Any) -> None:
    """The rest of moto's own function, unchanged in meaning."""
    env.stack.append(output)
    if not state._is_language_query_jsonpath():
        env.states.set_result(output)
    if state.assign_decl:
        state.assign_decl.eval(env=env)
    if state.result_selector:
        state.result_selector.eval(env=env)
    if state.result_path:
        state.result_path.eval(env)
    else:
        env.states.reset(input_value=env.stack.pop())


def stop_waiting_to_retry() -> None:
    """moto sleeps between attempts, whatever becomes of the execution."""
    RetrierDecl._eval_body = _retry


def _retry(retrier: Any, env: Any) -> None:
    retrier.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(RetrierOutcome.Skipped)
        return
    retrier.max_attempts.eval(env=env)
    if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(RetrierOutcome.Failed)
        return
    for part in ("interval_seconds", "backoff_rate", "max_delay_seconds", "jitter_strategy"):
        getattr(retrier, part).eval(env=env)
    env.program_state_event.wait(env.stack.pop())
    env.stack.append(RetrierOutcome.Executed)


def wait_exactly() -> None:
    """moto counts whole seconds, and waits once more when it was woken a little early."""

    def wait(function: Any, env: Any, wait_seconds: float) -> None:
        if wait_seconds > 0:
            env.program_state_event.wait(wait_seconds)

    WaitFunction._wait_interval = wait


def wait_for_times_in_utc() -> None:
    """moto compares a timestamp with the local time of day, and forgets its fractions."""

    def seconds_until(function: Any, env: Any) -> float:
        function.string.eval(env=env)
        text = env.stack.pop()
        moment = parse_time(text) if isinstance(text, str) else None
        if moment is None:
            raise timestamp.FailureEventException(function._create_failure_event(env, text))
        return (moment - datetime.now(timezone.utc)).total_seconds()

    timestamp.Timestamp._from_timestamp_string = staticmethod(parse_time)
    timestamp.Timestamp._get_wait_seconds = seconds_until


def offer_tasks_that_can_be_answered() -> None:
    """moto gives a task to an activity's workers before it takes their answers."""

    def add(pool: Any, callback_id: str, activity_arn: str, activity_input: str) -> Any:
        activity = pool._activity_store.get(activity_arn)
        if activity is None:
            raise ActivityDoesNotExist()
        endpoint = ActivityCallbackEndpoint(callback_id=callback_id, activity_input=activity_input)
        pool._pool[callback_id] = endpoint
        activity.add_task(ActivityTask(task_token=callback_id, task_input=activity_input))
        return endpoint

    CallbackPoolManager.add_activity_task = add


REPAIRS = (
    remember_endings,
    stop_running_states,
    stop_waiting_to_retry,
    wait_exactly,
    wait_for_times_in_utc,
    offer_tasks_that_can_be_answered,
)
