"""Repairs of expressions: JSONata, which moto leaves to a Java machine, variables, and paths."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
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
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.intrinsic.functionname.state_function_name_types import (  # noqa: E501
    StatesFunctionNameType,
)
from moto.stepfunctions.parser.asl.component.intrinsic.functionname.states_function_name import (
    StatesFunctionName,
)
from moto.stepfunctions.parser.asl.component.state import state as state_module
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.variable_store import VariableStore
from moto.stepfunctions.parser.asl.parse.intrinsic.intrinsic_parser import IntrinsicParser
from moto.stepfunctions.parser.asl.utils import json_path

from local.workflows.interpreter import jsonata
from local.workflows.interpreter.lookup import extract, look_up
from local.workflows.interpreter.parsing import read_string
from local.workflows.interpreter.replacing import replace_everywhere
from local.workflows.interpreter.size import to_json
from local.workflows.intrinsics import Failed, parse_intrinsic
from local.workflows.times import iso_8601


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
        else:
            env.stack.append(look_up(sample.expression, env))

    StringVariableSample._eval_body = evaluate


def write_assigned_variables_as_json() -> None:
    """moto puts quotation marks around strings, whatever is in them."""

    def assigned(store: Any) -> dict[str, str]:
        return {name: to_json(store.get(name)) for name in sorted(store._declaration_tracing)}

    VariableStore.get_assigned_variables = assigned


def read_paths_as_aws_does() -> None:
    """moto's paths know no `&&`, fail where nothing matches, and take long to parse each time."""
    replace_everywhere("extract_json", json_path.extract_json, extract)


class Intrinsic(EvalComponent):  # type: ignore[misc]
    """A call of an intrinsic function within moto's interpreter."""

    def __init__(self, text: str) -> None:
        self._call = parse_intrinsic(text)
        # CausePath and ErrorPath ask by moto's name whether the function gives a text.
        self.name = StatesFunctionName(StatesFunctionNameType[self._call.name])

    def _eval_body(self, env: Any) -> None:
        try:
            env.stack.append(self._call.value_of(lambda path: look_up(path, env)))
        except Failed as error:
            name = "States.IntrinsicFailure"
            details = EventDetails(taskFailedEventDetails={"error": name, "cause": str(error)})
            event = FailureEvent(env, CustomErrorName(name), HistoryEventType.TaskFailed, details)
            raise FailureEventException(event) from error


def compute_intrinsics() -> None:
    """moto misreads escapes, null and numbers in intrinsics, and fails with States.Runtime."""

    def parse(text: str) -> tuple[Intrinsic, None]:
        return Intrinsic(read_string(text)), None

    IntrinsicParser.parse = staticmethod(parse)


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
    read_paths_as_aws_does,
    compute_intrinsics,
    enter_states_in_utc,
)
