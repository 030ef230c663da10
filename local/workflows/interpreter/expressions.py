"""Repairs of expressions: JSONata, which moto leaves to a Java machine, variables, and paths."""

from __future__ import annotations

import copy
import functools
import re
from datetime import datetime
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguageMode
from moto.stepfunctions.parser.asl.component.common.string.string_expression import (
    StringJSONata,
    StringVariableSample,
)
from moto.stepfunctions.parser.asl.component.state import state as state_module
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.variable_store import NoSuchVariable, VariableStore
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from local.workflows.interpreter import jsonata
from local.workflows.interpreter.size import to_json
from local.workflows.times import iso_8601

VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)(.*)", re.DOTALL)


def evaluate_jsonata() -> None:
    """moto hands JSONata to a Java machine that it does not bring."""

    def evaluate(expression: Any, env: Any) -> None:
        env.stack.append(_evaluate(expression.expression, env))

    StringJSONata._eval_body = evaluate


def _evaluate(expression: str, env: Any) -> Any:
    variables = env.variable_store
    bindings = {
        **variables._outer_scope,
        **variables._inner_scope,
        "states": env.states._states_data,
    }
    try:
        return jsonata.evaluate(expression, bindings)
    except jsonata.Undefined as error:
        cause = (
            f"The JSONata expression '{expression}' specified for the field "
            f"'{env.next_field_name}' returned nothing (undefined)."
        )
        raise _query_failure(env, cause) from error
    except jsonata.Failed as error:
        cause = (
            f"The JSONata expression '{expression}' specified for the field "
            f"'{env.next_field_name}' threw an error during evaluation. {error}"
        )
        raise _query_failure(env, cause) from error


def _query_failure(env: Any, cause: str) -> FailureEventException:
    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    details = {"error": name.error_name, "cause": cause, "state": env.next_state_name}
    event = FailureEvent(
        env=env,
        error_name=name,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=EventDetails(evaluationFailedEventDetails=details),
    )
    return FailureEventException(failure_event=event)


def read_variables_with_paths() -> None:
    """moto reads the variables of JSONPath states with JSONata, whose rules are others."""
    evaluate_as_jsonata = StringJSONata._eval_body

    def evaluate(sample: Any, env: Any) -> None:
        if sample.query_language_mode == QueryLanguageMode.JSONata:
            evaluate_as_jsonata(sample, env)
            return
        match = VARIABLE.fullmatch(sample.expression)
        if match is None:
            raise NoSuchJsonPathError(sample.expression, {})
        name, path = match.groups()
        try:
            value = env.variable_store.get(name)
        except NoSuchVariable:
            raise NoSuchJsonPathError(sample.expression, {}) from None
        if path:
            value = json_path.extract_json(f"${path}", value)
        env.stack.append(copy.deepcopy(value))

    StringVariableSample._eval_body = evaluate


def write_assigned_variables_as_json() -> None:
    """moto puts quotation marks around strings, whatever is in them."""

    def assigned(store: Any) -> dict[str, str]:
        return {name: to_json(store.get(name)) for name in sorted(store._declaration_tracing)}

    VariableStore.get_assigned_variables = assigned


def parse_paths_once() -> None:
    """moto builds a parser for each use of a path, which takes longer than the state itself."""
    json_path.parse = functools.lru_cache(maxsize=4096)(json_path.parse)


def enter_states_in_utc() -> None:
    """moto writes the time a state was entered with `+00:00`, and leaves RetryCount to tasks."""

    def entered(EnteredTime: str, Name: str) -> dict[str, Any]:  # noqa: N803 - moto's keywords
        entered_at = iso_8601(datetime.fromisoformat(EnteredTime))
        return {"EnteredTime": entered_at, "Name": Name, "RetryCount": 0}

    state_module.StateData = entered


REPAIRS = (
    evaluate_jsonata,
    read_variables_with_paths,
    write_assigned_variables_as_json,
    parse_paths_once,
    enter_states_in_utc,
)
