"""Repairs of Choice states: comparisons, what happens when nothing matches, and assignments."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.assign.assign_decl import AssignDecl
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.state.choice.choice_rule import ChoiceRule
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_func import (
    ComparisonFuncStringVariableSample,
    ComparisonFuncValue,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.variable import NoSuchVariable
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from local.workflows.interpreter.lookup import look_up
from local.workflows.times import parse_time

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
KINDS = ("String", "Numeric", "Boolean", "Timestamp")


def compare(name: str, value: Any, wanted: Any) -> bool:
    """Whether `value` passes a comparison such as NumericLessThan; another type never does."""
    if name.startswith("Is"):
        return bool(CHECKS[name](value) == wanted)
    if name == "StringMatches":
        return isinstance(value, str) and _matches(value, wanted)
    kind = next(kind for kind in KINDS if name.startswith(kind))
    left, right = _as_kind(kind, value), _as_kind(kind, wanted)
    if left is None or right is None:
        return False
    return bool(ORDERS[name.removeprefix(kind)](left, right))


def _as_kind(kind: str, value: Any) -> Any:
    if kind == "Timestamp":
        return parse_time(value) if isinstance(value, str) else None
    return value if CHECKS[f"Is{kind}"](value) else None


def _matches(text: str, pattern: str) -> bool:
    """`*` stands for any characters; `\\*` and `\\\\` for themselves."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    written = (".*" if part == "*" else re.escape(part[-1]) for part in parts)
    return re.fullmatch("".join(written), text, re.DOTALL) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CHECKS: dict[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsString": lambda value: isinstance(value, str),
    "IsNumeric": _is_number,
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: isinstance(value, str) and parse_time(value) is not None,
    "IsPresent": lambda value: not isinstance(value, NoSuchVariable),
}


def compare_as_aws_does() -> None:
    """moto compares texts as file patterns, times without zones, and numbers with booleans."""

    def with_value(function: Any, env: Any) -> None:
        _compare(function, env, function.value)

    def with_variable(function: Any, env: Any) -> None:
        function.string_variable_sample.eval(env=env)
        _compare(function, env, env.stack.pop(), is_path=False)

    ComparisonFuncValue._eval_body = with_value
    ComparisonFuncStringVariableSample._eval_body = with_variable


def _compare(function: Any, env: Any, wanted: Any, is_path: bool = True) -> None:
    value, name = env.stack.pop(), function.operator_type.name
    if isinstance(value, NoSuchVariable) and name != "IsPresent":
        path = value.path.partition(",")[0]
        cause = (
            f"Invalid path '{path}': The choice state's condition path references an invalid value."
        )
        raise _failure(env, "States.Runtime", cause)
    if name.endswith("Path"):
        name = name.removesuffix("Path")
        wanted = look_up(wanted, env) if is_path else wanted
    env.stack.append(compare(name, value, wanted))


def _failure(env: Any, error: str, cause: str) -> FailureEventException:
    details = EventDetails(executionFailedEventDetails={"error": error, "cause": cause})
    return FailureEventException(
        FailureEvent(env, CustomErrorName(error), HistoryEventType.ExecutionFailed, details)
    )


def fail_without_a_match() -> None:
    """moto reports States.Runtime where no rule matches and there is no Default."""

    def evaluate(state: Any, env: Any) -> None:
        for rule in state.choices_decl.rules:
            rule.eval(env)
            if env.stack.pop() is True:
                env.stack.append(rule.next_stmt.name)
                return
        if state.default_state is None:
            cause = f"Failed to transition out of the state '{state.name}'. No choice matched."
            raise _failure(env, "States.NoChoiceMatched", cause)
        env.stack.append(state.default_state.state_name)

    StateChoice._eval_state = evaluate


def assign_in_rules() -> None:
    """moto drops the assignments of rules in JSONPath states, and reads paths from the verdict."""
    visit = Preprocessor.visitChoice_rule_comparison_variable

    def with_assignments(preprocessor: Any, ctx: Any) -> Any:
        rule = visit(preprocessor, ctx)
        if rule.assign is None:
            parts = [preprocessor.visit(child) for child in ctx.children]
            rule.assign = next((part for part in parts if isinstance(part, AssignDecl)), None)
        return rule

    def evaluate(rule: Any, env: Any) -> None:
        rule.comparison.eval(env)
        if env.stack[-1] is True:
            verdict = env.stack.pop()
            for part in (rule.assign, rule.output):
                if part:
                    part.eval(env=env)
            env.stack.append(verdict)

    Preprocessor.visitChoice_rule_comparison_variable = with_assignments
    ChoiceRule._eval_body = evaluate


REPAIRS = (compare_as_aws_does, fail_without_a_match, assign_in_rules)
