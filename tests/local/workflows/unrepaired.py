"""What moto's interpreter does before any repair, as JSON: run by test_unrepaired.py on its own.

Each probe is named after the repair that it justifies, and gives what moto does.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name import custom_error_name
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import (
    ErrorEqualsDecl,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_factory as factory,
)
from moto.stepfunctions.parser.asl.component.state.state import StateData
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackPoolManager
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.variable_store import VariableStore
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.quotas import is_within_size_quota
from moto.stepfunctions.parser.utils import TMP_THREADS

END = {"End": True}
NAME = {"n.$": "$$.State.Name"}
Program = dict[str, Any]


def environment(value: Any = None) -> Any:
    machine = {"Id": "arn:machine", "Name": "machine"}
    execution = {"Id": "arn:execution", "Name": "n", "Input": value, "StartTime": "", "RoleArn": ""}
    return Environment(
        aws_execution_details=AWSExecutionDetails("123456789012", "eu-west-1", "role"),
        execution_type="STANDARD",
        context={"Execution": execution, "StateMachine": machine},
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )


def run(definition: Program, value: Any = None) -> str:
    """The output of a definition, or its error."""
    program, _ = AmazonStateLanguageParser.parse(json.dumps(definition))
    env = environment({} if value is None else value)
    program.eval(env)
    state = env.program_state()
    if hasattr(state, "error"):
        return str(state.error.get("error"))
    return json.dumps(env.states.get_input())


def trees_of_one_text() -> list[Any]:
    """The syntax trees of the same definition, parsed twice."""
    text = json.dumps(one({"Type": "Succeed"}))
    return [AmazonStateLanguageParser.parse(text)[1] for _ in range(2)]


def one(state: dict[str, Any]) -> Program:
    return {"StartAt": "S", "States": {"S": state}}


def passed(value: Any) -> Program:
    return one({"Type": "Pass", "Parameters": {"v.$": value}, **END})


def branch_failing(error: str, **more: Any) -> Program:
    failing = one({"Type": "Fail", "Error": error}) | {"StartAt": "F"}
    failing["States"] = {"F": failing["States"]["S"]}
    state = {"Type": "Parallel", "Branches": [failing], **END, **more}
    return {"StartAt": "S", "States": {"S": state, "C": {"Type": "Pass", "Result": 1, **END}}}


def matched() -> str:
    """Whether States.ALL catches what AWS lets nothing catch."""
    env = environment({})
    env.next_state_name = "S"
    env.stack.append(StatesErrorName.from_name("States.Runtime"))
    ErrorEqualsDecl([StatesErrorName.from_name("States.ALL")]).eval(env)
    return str(env.stack.pop())


def chosen(rule: dict[str, Any], value: Any, default: bool = True) -> str:
    choice: dict[str, Any] = {"Type": "Choice", "Choices": [{**rule, "Next": "Y"}]}
    if default:
        choice["Default"] = "N"
    ends = {name: {"Type": "Pass", "Result": name, **END} for name in "YN"}
    return run({"StartAt": "S", "States": {"S": choice, **ends}}, {"v": value})


def attempt(action: Callable[[], Any]) -> str:
    try:
        return str(action())
    except Exception as error:  # noqa: BLE001 - the probe shows whatever moto raises
        return type(error).__name__


def stopped_after(definition: Program) -> str:
    """Whether a stopped execution ends at once."""
    program, _ = AmazonStateLanguageParser.parse(json.dumps(definition))
    env = environment({})
    thread = threading.Thread(target=program.eval, args=(env,), daemon=True)
    thread.start()
    time.sleep(0.5)
    env.set_stop(stop_date=None, cause=None, error=None)
    thread.join(0.5)
    return "goes on" if thread.is_alive() else "ends"


def service(resource: str) -> Any:
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": {}, **END}
    program, _ = AmazonStateLanguageParser.parse(json.dumps(one(task)))
    return program.states.states["S"]


def threads_kept() -> str:
    before = len(TMP_THREADS)
    run(one({"Type": "Pass", **END}))
    return "grows" if len(TMP_THREADS) > before else "stays"


def failures_logged() -> str:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("moto.stepfunctions").addHandler(handler)
    run(one({"Type": "Fail", "Error": "E"}))
    return f"{min(len(lines), 2)} or more lines"


def late_waiter() -> str:
    env = environment({})
    env.next_state_name = "S"
    env.set_stop(stop_date=None, cause=None, error=None)
    return "waits" if not env.program_state_event.wait(0.05) else "is told"


def waits_again() -> str:
    env, told = environment({}), []
    env.next_state_name = "S"
    env.program_state_event = SimpleNamespace(wait=lambda seconds: told.append(seconds))
    program, _ = AmazonStateLanguageParser.parse(
        json.dumps(one({"Type": "Wait", "Seconds": 1, **END}))
    )
    clock = iter([0.0, 0.99, 0.99, 2.0])
    import moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function as module

    original, module.time = module.time, SimpleNamespace(time=lambda: next(clock))
    try:
        program.states.states["S"].wait_function._wait_interval(env, 1)
    finally:
        module.time = original
    return f"waits {sum(told)} seconds"


def timestamps() -> str:
    wait = {"Type": "Wait", "Timestamp": "2026-01-01T00:00:00Z", **END}
    program, _ = AmazonStateLanguageParser.parse(json.dumps(one(wait)))
    moment = program.states.states["S"].wait_function._from_timestamp_string(
        "2026-01-01T00:00:00.5Z"
    )
    return f"{moment.microsecond} {moment.tzinfo}"


def activity_order() -> str:
    seen: list[bool] = []
    pool = CallbackPoolManager(activity_store={})
    pool._activity_store["arn"] = SimpleNamespace(
        add_task=lambda task: seen.append(pool.get(task.task_token) is not None)
    )
    pool.add_activity_task("token", "arn", "{}")
    return "known" if seen[0] else "unknown"


def heartbeat() -> str:
    from moto.stepfunctions.parser.asl.eval.callback.callback import HeartbeatTimeoutError

    env = environment({})
    env.next_state_name = "S"
    event = service("sqs:sendMessage")._from_error(env, HeartbeatTimeoutError())
    return str(event.error_name.error_name)


def heartbeat_limit() -> str:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": "q", "MessageBody": "$$.Task.Token"},
        "HeartbeatSeconds": 5,
        **END,
    }
    program, _ = AmazonStateLanguageParser.parse(json.dumps(one(task)))
    return str(program.states.states["S"].timeout.timeout_seconds)


def late_success() -> str:
    """What a task records that ends after its execution was stopped."""
    env, told = environment({}), []
    env.next_state_name = "S"
    task = service("aws-sdk:sts:getCallerIdentity")

    def call(**arguments: Any) -> None:
        env.stack.append({})
        env.set_stop(stop_date=None, cause=None, error=None)

    task._eval_service_task = call
    env.event_manager.add_event = lambda event_type, **more: told.append(event_type.value)
    task._eval_execution(env)
    return str(told[-1])


def error_name() -> str:
    from botocore.exceptions import ClientError

    env = environment({})
    env.next_state_name = "S"
    response = {
        "Error": {"Code": "ValidationException", "Message": "m"},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "r"},
    }
    event = service("aws-sdk:sagemaker:createModel")._from_error(env, ClientError(response, "o"))
    return str(event.error_name.error_name)


def answers() -> str:
    answer = {"executionArn": "a", "startDate": datetime(2026, 1, 1, tzinfo=timezone.utc)}
    service("states:startExecution")._normalise_response(answer)
    return ",".join(answer)


def nested_poll() -> str:
    import inspect

    source = inspect.getsource(type(service("states:startExecution"))._eval_sync)
    return "sleeps" if "time.sleep" in source else "waits"


def assigned() -> str:
    store = VariableStore()
    store.set("x", 'a "b"')
    return str(store.get_assigned_variables()["x"])


def rule_assignment() -> str:
    rule = {"Variable": "$.v", "NumericEquals": 1, "Assign": {"found": True}, "Next": "Y"}
    states = {
        "S": {"Type": "Choice", "Choices": [rule]},
        "Y": {"Type": "Pass", "Parameters": {"f.$": "$found"}, **END},
    }
    return run({"StartAt": "S", "States": states}, {"v": 1})


def variable_path() -> str:
    states = {
        "S": {"Type": "Pass", "Assign": {"x": [{"n": 1}, {"n": 2}]}, "Next": "Y"},
        "Y": {"Type": "Pass", "Parameters": {"f.$": "$x[0].n"}, **END},
    }
    return run({"StartAt": "S", "States": states})


def entered() -> str:
    """moto writes what StateData is given, with the zone of Python."""
    now = datetime(2026, 1, 1, tzinfo=timezone.utc).isoformat()
    return json.dumps(StateData(EnteredTime=now, Name="S"))


def retried() -> str:
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 60}]
    return stopped_after(branch_failing("E", Retry=retry))


def running_task() -> str:
    wait = {"Type": "Parallel", "Branches": [one({"Type": "Wait", "Seconds": 60, **END})], **END}
    program, _ = AmazonStateLanguageParser.parse(
        json.dumps({"StartAt": "P", "States": {"P": wait}})
    )
    env = environment({})
    state = program.states.states["P"]
    state._eval_execution = lambda frame: time.sleep(60)
    thread = threading.Thread(target=program.eval, args=(env,), daemon=True)
    thread.start()
    time.sleep(0.5)
    env.set_stop(stop_date=None, cause=None, error=None)
    thread.join(0.5)
    return "goes on" if thread.is_alive() else "ends"


PROBES: dict[str, Callable[[], str]] = {
    "forget_threads": threads_kept,
    "log_no_failures": failures_logged,
    "remember_endings": late_waiter,
    "stop_running_states": running_task,
    "stop_waiting_to_retry": retried,
    "wait_exactly": waits_again,
    "wait_for_times_in_utc": timestamps,
    "offer_tasks_that_can_be_answered": activity_order,
    "match_errors_as_aws_does": matched,
    "pass_on_states_errors": lambda: attempt(
        lambda: custom_error_name.CustomErrorName("States.Timeout")
    ),
    "tell_heartbeats_from_timeouts": heartbeat,
    "write_json_as_aws_does": lambda: to_json_str({"a": "ä"}),
    "count_bytes": lambda: str(is_within_size_quota("x" * 262_144)),
    "read_strings_as_json": lambda: run(
        {"StartAt": 'a"b', "States": {'a"b': {"Type": "Pass", "Parameters": NAME, **END}}}
    ),
    "parse_once": lambda: str(len(set(map(id, trees_of_one_text())))),
    "allow_reserved_words": lambda: attempt(
        lambda: run(one({"Type": "Pass", "Result": {"CausePath": 1}, **END}))
    ),
    "parse_in_several_threads": lambda: str(
        Preprocessor()._query_language_per_scope is Preprocessor()._query_language_per_scope
    ),
    "evaluate_jsonata": lambda: run(
        one({"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% 1 %}", **END})
    ),
    "read_variables_with_paths": variable_path,
    "write_assigned_variables_as_json": assigned,
    "read_paths_as_aws_does": lambda: run(passed("$.a[?(@.n == 2)]"), {"a": [{"n": 1}]}),
    "compute_intrinsics": lambda: run(passed("States.Array(1, null)")),
    "enter_states_in_utc": entered,
    "compare_as_aws_does": lambda: chosen({"Variable": "$.v", "StringMatches": "[a]"}, "a"),
    "fail_without_a_match": lambda: chosen({"Variable": "$.v", "IsNull": True}, 1, default=False),
    "assign_in_rules": rule_assignment,
    "find_boto_services": lambda: service(
        "aws-sdk:sagemakerruntime:invokeEndpoint"
    )._get_boto_service_name(),
    "translate_requests_and_answers": answers,
    "end_with_the_execution": late_success,
    "name_errors_as_aws_does": error_name,
    "wait_without_limit_for_heartbeats": heartbeat_limit,
    "run_jobs_of_sagemaker": lambda: type(factory.state_task_service_for("sagemaker")).__name__,
    "stop_what_a_stopped_task_waits_for": nested_poll,
}


if __name__ == "__main__":
    logging.disable(logging.NOTSET)
    print(json.dumps({name: attempt(probe) for name, probe in PROBES.items()}))
