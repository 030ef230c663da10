"""A state machine under construction: states refer to each other by name, in any order.

`Flow` makes the SDK's states, gives every task its time-out, retriers and the one road for its
failures, and joins them at the end. A name that leads nowhere, or a state that nothing leads to,
is a bug of ours and ends the compilation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Any

from statemachine.asl import (
    Catch,
    Choice,
    Expression,
    Fail,
    Graph,
    Map,
    Pass,
    Retry,
    Rule,
    Rules,
    Task,
    Wait,
    template,
)
from statemachine.patience import Looks
from statemachine.retries import PATIENT, retriers

CALL_SECONDS = 60  # of one API call, which answers in a second or two
OPTIMISED = ("dynamodb", "lambda:invoke", "sns")  # the other actions go through the AWS SDK


@dataclass(frozen=True)
class Road:
    """Where a task's failure leads.

    The variable `told` says what failed: {state, phase, error, cause}; `also` are further ones.
    """

    entry: str
    phase: int = 0
    told: str = "failure"
    also: Mapping[str, Any] = field(default_factory=dict)

    def assign(self, state: str) -> dict[str, Any]:
        """The variables that a catcher of `state` sets."""
        error, cause = Expression("$.Error"), Expression("$.Cause")
        failure = {"state": state, "phase": self.phase, "error": error, "cause": cause}
        return {self.told: failure, **self.also}


@dataclass(frozen=True)
class Judge:
    """An error that a Choice state at `entry` looks at, in the variable `told`."""

    error: str
    entry: str
    told: str = "failure"


class Flow:
    """The states of one machine in `partition` (aws, aws-cn, …)."""

    def __init__(self, partition: str, road: Road) -> None:
        self._partition = partition
        self._road = road
        self._states: dict[str, Any] = {}
        self._joints: list[tuple[str, Callable[[Any], Any]]] = []

    @contextmanager
    def failing(self, road: Road) -> Iterator[None]:
        """Tasks that are added inside the block fail along `road`."""
        before, self._road = self._road, road
        yield
        self._road = before

    def task(
        self,
        name: str,
        action: str,
        parameters: Mapping[str, Any],
        *,
        next: str,
        assign: Mapping[str, Any] | None = None,
        result_path: str | None = None,
        expect: Mapping[str, str] | None = None,
        judge: Judge | None = None,
        seconds: int = CALL_SECONDS,
        attempts: int = PATIENT,
        repeatable: bool = True,
    ) -> None:
        """A call of an AWS API, written `sagemaker:describeEndpoint`.

        Args:
            name: of the state.
            action: service and action.
            parameters: the request; its Expressions are evaluated.
            next: the state that follows.
            assign: variables from the answer, which the state's data never hold.
            result_path: where the data hold the answer after all.
            expect: errors that are no failure, each with the state that goes on.
            judge: an error whose cause a Choice state looks at.
            seconds: time limit.
            attempts: how often it is tried again.
            repeatable: whether it may be tried again when nobody knows if it was done.
        """
        service = action.partition(":")[0]
        fields = retriers(service, attempts=attempts, repeatable=repeatable)
        state = Task(
            name,
            resource=self._resource(action),
            parameters=template(parameters),
            result_path=result_path,
            timeout_seconds=seconds,
            retry=[Retry(**each) for each in fields],
            **_assigned(assign),
        )
        self._add(name, state, next)
        self._catch(name, state, expect or {}, judge)

    def pass_(
        self,
        name: str,
        *,
        next: str | None,
        assign: Mapping[str, Any] | None = None,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """Set variables, or the data; without `next` the machine ends here, well."""
        made = {} if output is None else {"parameters": template(output)}
        self._add(name, Pass(name, **made, **_assigned(assign)), next)

    def wait(self, name: str, looks: Looks, *, count: str, next: str, too_long: str) -> None:
        """Wait before the next look, counting in the variable `count`, or give up."""
        counted = {count: Expression(f"States.MathAdd(${count}, 1)")}
        for waiting, seconds in ((f"{name}Briefly", looks.seconds), (f"{name}Longer", looks.slow)):
            self._add(waiting, Wait(waiting, seconds=seconds, **_assigned(counted)), next)
        rules = [
            (Rules.NumericGreaterThanEquals(f"${count}", looks.times), too_long),
            (Rules.NumericGreaterThanEquals(f"${count}", looks.quick), f"{name}Longer"),
        ]
        self.choice(name, rules, default=f"{name}Briefly")

    def choice(self, name: str, rules: Sequence[tuple[Rule, str]], *, default: str) -> None:
        """The first rule that holds says where to go."""
        state = Choice(name)
        self._add(name, state, None)
        for rule, target in rules:
            self._join(target, partial(state.add_choice, rule))
        self._join(default, state.default_choice)

    def each(
        self,
        name: str,
        items: str,
        action: str,
        parameters: Mapping[str, Any],
        *,
        next: str,
        expect: Sequence[str] = (),
        optional: Sequence[str] = (),
    ) -> None:
        """Call an action for each item of the list at a path; fails as a task does.

        Args:
            name: of the state.
            items: the path.
            action: service and action.
            parameters: the request, in which `$` is the item.
            next: the state that follows.
            expect: errors that are no failure.
            optional: further fields of the request, from those of an item that has them.
        """
        absent = Pass(f"{name}None") if expect else None

        def call(fields: Sequence[str]) -> Any:
            more = {key: Expression(f"$.{key}") for key in fields}
            state = self._call(f"{name}{''.join(fields) or 'One'}", action, {**parameters, **more})
            if absent:
                state.add_catch(Catch(absent, error_equals=list(expect)))
            return state

        iterator = _by_fields(f"{name}Which", optional, call) if optional else call(())
        state = Map(name, items_path=items, iterator=iterator, max_concurrency=1, result_path=None)
        self._add(name, state, next)
        self._catch(name, state, {}, None)

    def _call(self, name: str, action: str, parameters: Mapping[str, Any]) -> Any:
        """A task inside a map."""
        fields = retriers(action.partition(":")[0], attempts=PATIENT, repeatable=True)
        return Task(
            name,
            resource=self._resource(action),
            parameters=template(parameters),
            timeout_seconds=CALL_SECONDS,
            retry=[Retry(**each) for each in fields],
        )

    def fail(self, name: str, error: Expression, cause: Expression) -> None:
        """End badly."""
        self._add(name, Fail(name, error_path=str(error), cause_path=str(cause)), None)

    def definition(self, start: str, comment: str, seconds: int) -> dict[str, Any]:
        """The finished document; `seconds` is the time limit of an execution."""
        for target, joint in self._joints:
            if target not in self._states:
                raise LookupError(f"there is no state {target}")
            joint(self._states[target])
        graph = Graph(self._states[start], comment=comment, timeout_seconds=seconds)
        if lost := sorted(self._states.keys() - graph.states.keys()):
            raise LookupError(f"no state leads to {', '.join(lost)}")
        made: dict[str, Any] = graph.to_dict()
        return made

    def _resource(self, action: str) -> str:
        through = "" if action.startswith(OPTIMISED) else "aws-sdk:"
        return f"arn:{self._partition}:states:::{through}{action}"

    def _catch(self, name: str, state: Any, expect: Mapping[str, str], judge: Judge | None) -> None:
        road = self._road
        catchers: list[tuple[str, str, Road | None]] = [(*each, None) for each in expect.items()]
        if judge:
            looked_at = Road(judge.entry, road.phase, judge.told)
            catchers.append((judge.error, judge.entry, looked_at))
        for error, target, told in [*catchers, ("States.ALL", road.entry, road)]:
            assign = _assigned(told.assign(name) if told else None)
            catch = partial(Catch, error_equals=[error], result_path=None, **assign)
            self._join(target, partial(_add_catch, state, catch))

    def _add(self, name: str, state: Any, following: str | None) -> None:
        if name in self._states:
            raise LookupError(f"two states are called {name}")
        self._states[name] = state
        if following is not None:
            self._join(following, state.next)

    def _join(self, target: str, joint: Callable[[Any], Any]) -> None:
        """Hand the state called `target` to `joint` once all states are there."""
        self._joints.append((target, joint))


def _by_fields(name: str, fields: Sequence[str], call: Callable[[Sequence[str]], Any]) -> Any:
    """A choice of the call that has just those fields that an item has.

    A field that is missing fails a payload template, and JSONPath knows no way to leave one out.
    """
    state = Choice(name)
    for count in range(len(fields), 0, -1):
        for some in combinations(fields, count):
            there = [Rules.IsPresent(f"$.{field}", True) for field in some]
            state.add_choice(Rules.And(there) if count > 1 else there[0], call(some))
    state.default_choice(call(()))
    return state


def _add_catch(state: Any, catch: Callable[[Any], Any], target: Any) -> None:
    state.add_catch(catch(target))


def _assigned(variables: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"assign": template(variables)} if variables else {}
